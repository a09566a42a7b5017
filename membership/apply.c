/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file is taken over by a node that runs: its options, its peers. Says what was changed, and what
 * could not be. Opens no file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/sinew-manage.h"
#include "lowcomms/sockaddr.h"
#include "membership/array.h"
#include "membership/join.h"
#include "membership/static_inside.h"

#define NAME_MAX_BYTES	24	/* "peer.2147483647", NUL included */
#define PEERS_MAX	(2 * STATIC_NODES_MAX)	/* and as many that are being closed */
#define LEAVE_MS	2000	/* for the handshake with a peer that is removed */

struct applying {
	const struct sinew_config *config;
	struct sinew_node *node;
	sinew_config_report_fn report;
	void *user;
	struct config_error error;
	struct sinew_option_value values[SINEW_OPTION_SET_MAX];
	char texts[SINEW_OPTION_SET_MAX][SINEW_OPTION_TEXT_MAX];
	unsigned n_values;
};

static void tell(const struct applying *a, const char *name, bool is_changed, const char *text)
{
	if (a->report)
		a->report(a->user, name, is_changed, text);
}

/* ---- options ---- */

/* The value of an option in the file, as text; false: the file has no say in it. */
static bool wanted(const struct applying *a, const struct sinew_option_info *info, char *buf,
		   size_t size)
{
	const struct static_node *own = static_find(a->config, sinew_node_id(a->node));
	uint32_t n_peers = a->config->n_nodes - 1;

	if (!strcmp(info->name, "cluster")) {
		snprintf(buf, size, "%s", a->config->cluster);
		return true;
	}
	if (!section_has(info->name))
		return false;
	if (!section_text(&a->config->section, info->name, buf, size))
		snprintf(buf, size, "%s", info->standard);
	if (!strcmp(info->name, "port"))
		snprintf(buf, size, "%u", static_port(a->config, own));
	/* The list is what was meant, whatever room was asked for. */
	if (!strcmp(info->name, "max_peers") && n_peers > strtoul(buf, NULL, 10))
		snprintf(buf, size, "%" PRIu32, n_peers);
	return true;
}

/* One of the calls, whose range the file has: it may only be too much for those that run. */
static void apply_alone(struct applying *a, const char *name, const char *want)
{
	const struct sinew_option_value value = { name, want };
	char in_file[SINEW_OPTION_TEXT_MAX], text[SINEW_OPTION_TEXT_MAX];
	int rc = sinew_option_set(a->node, &value, 1, text, sizeof(text));

	if (!rc)
		tell(a, name, true, want);
	else if (section_text(&a->config->section, name, in_file, sizeof(in_file)))
		tell(a, name, false, rc == -EROFS ? "needs a new start" : text);
}

static int look_at(struct applying *a, const struct sinew_option_info *info, bool of_calls)
{
	char now[SINEW_OPTION_TEXT_MAX], *want = a->texts[a->n_values];
	int rc;

	if (of_calls != !!strchr(info->name, '.') ||
	    !wanted(a, info, want, sizeof(a->texts[0])))
		return 0;
	rc = sinew_option_get(a->node, info->name, now, sizeof(now));
	if (rc || !strcmp(now, want))
		return rc;
	if (!info->changeable) {
		tell(a, info->name, false, "needs a new start");
		return 0;
	}
	if (of_calls) {
		apply_alone(a, info->name, want);
		return 0;
	}
	if (a->n_values == SINEW_OPTION_SET_MAX - 1)
		return -E2BIG;
	a->values[a->n_values++] = (struct sinew_option_value){ info->name, want };
	return 0;
}

static int look_at_all(struct applying *a, bool of_calls)
{
	struct sinew_option_info info = { .size = sizeof(info) };
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && !sinew_node_option_info(a->node, i, &info); i++) {
		rc = look_at(a, &info, of_calls);
		info = (struct sinew_option_info){ .size = sizeof(info) };
	}
	return rc;
}

static int apply_options(struct applying *a)
{
	char text[SINEW_OPTION_TEXT_MAX] = "";
	unsigned i;
	int rc = look_at_all(a, false);

	if (rc)
		return rc;
	if (a->n_values)
		rc = sinew_option_set(a->node, a->values, a->n_values, text, sizeof(text));
	if (rc) {
		config_fail(&a->error, 0, "%s", text);
		return rc;
	}
	for (i = 0; i < a->n_values; i++)
		tell(a, a->values[i].name, true, a->values[i].text);
	a->n_values = 0;
	return look_at_all(a, true);
}

/* ---- peers ---- */

static bool same_addrs(const struct sockaddr_storage *a, unsigned n_a,
		       const struct sockaddr_storage *b, unsigned n_b)
{
	unsigned i;

	if (n_a != n_b)
		return false;
	for (i = 0; i < n_a; i++)
		if (!addr_same(&a[i], &b[i]))
			return false;
	return true;
}

/* An earlier file has dropped it, and it goes, or is gone: by what is said before that no addresses
 * are given. */
static bool is_going(const struct applying *a, uint32_t nodeid)
{
	int rc = sinew_peer_set_addrs(a->node, nodeid, NULL, 0);

	return rc == -ESHUTDOWN || rc == -ENOENT;
}

static void apply_peer(struct applying *a, const struct static_node *peer)
{
	struct sockaddr_storage want[SINEW_ADDRS_MAX], now[SINEW_ADDRS_MAX];
	unsigned n = static_addrs(peer, want);
	int known = sinew_peer_addrs(a->node, peer->nodeid, now, SINEW_ADDRS_MAX), rc = 0;
	bool is_same = known >= 0 && same_addrs(want, n, now, (unsigned)known);
	char name[NAME_MAX_BYTES];

	snprintf(name, sizeof(name), "peer.%" PRIu32, peer->nodeid);
	if (peer->nodeid == sinew_node_id(a->node)) {
		if (!is_same)
			tell(a, name, false, "own addresses need a new start");
		return;
	}
	/* It would go although this file has it: it is another one from now on. */
	if (known >= 0 && is_going(a, peer->nodeid)) {
		sinew_peer_remove(a->node, peer->nodeid);
		known = -ENOENT;
	}
	/* A name that has no address now keeps the one it had. */
	if (known >= 0 && (is_same || (known > 0 && !n)))
		return;
	rc = known < 0 ? join_add(a->config, a->node, peer->nodeid, want, n) :
			 sinew_peer_set_addrs(a->node, peer->nodeid, want, n);
	if (rc)
		tell(a, name, false, strerror(-rc));
	else
		tell(a, name, true, known < 0 ? "added" : "has other addresses");
}

static void drop_peers(struct applying *a)
{
	uint32_t ids[PEERS_MAX];
	int n = sinew_node_peers(a->node, ids, PEERS_MAX), i, rc;
	char name[NAME_MAX_BYTES];

	for (i = 0; i < n && i < PEERS_MAX; i++) {
		if (static_find(a->config, ids[i]) || is_going(a, ids[i]))
			continue;
		snprintf(name, sizeof(name), "peer.%" PRIu32, ids[i]);
		rc = sinew_peer_close(a->node, ids[i], LEAVE_MS);
		tell(a, name, !rc, rc ? strerror(-rc) : "removed");
	}
}

int sinew_config_apply(const struct sinew_config *config, struct sinew_node *node,
		       sinew_config_report_fn report, void *user, char *err, size_t err_size)
{
	struct applying *a = calloc(1, sizeof(*a));
	int rc = 0;

	if (err_size)
		err[0] = '\0';
	if (!a)
		return -ENOMEM;
	a->config = config;
	a->node = node;
	a->report = report;
	a->user = user;
	a->error = (struct config_error){ .file = config->file, .text = err, .size = err_size };
	if (!static_find(config, sinew_node_id(node)))
		rc = config_fail(&a->error, 0, "found no node with nodeid %" PRIu32 ", expected "
				 "the own node in nodelist", sinew_node_id(node));
	if (!rc)
		rc = static_check_dial(config, sinew_node_id(node), &a->error);
	if (!rc)
		rc = apply_options(a);
	if (!rc) {
		drop_peers(a);
		array_each(const struct static_node, peer, config->nodes, config->n_nodes)
			apply_peer(a, peer);
		join_set_dial(config, node);
		join_set_names(config, node);
	}
	free(a);
	return rc;
}
