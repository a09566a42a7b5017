/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which nodes corosync's configuration has, and where they are. Names are looked up beside: the
 * nodes stay as they were until the answers are there, and membership is followed meanwhile.
 * Knows nothing of who is a member.
 */
#include "membership/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "membership/config.h"

static uint64_t in_ms(uint64_t ms)
{
	return follow_now_ns() + ms * FOLLOW_MS;
}

void nodelist_drop(struct sinew_corosync *c)
{
	names_drop(c->pending.names);
	sinew_config_free(c->pending.config);
	memset(&c->pending, 0, sizeof(c->pending));
	follow_lock(c);
	c->is_resolving = false;
	follow_unlock(c);
}

int nodelist_fd(const struct sinew_corosync *c)
{
	return c->pending.names ? names_fd(c->pending.names) : -1;
}

uint64_t nodelist_deadline(const struct sinew_corosync *c)
{
	if (c->pending.config)
		return c->pending.names ? c->pending.until_ns : 0;
	return c->has_open_names ? c->names_again_ns : VIEW_NEVER;
}

void nodelist_tell(struct sinew_corosync *c)
{
	struct view_node *nodes = calloc(VIEW_NODES_MAX, sizeof(*nodes));
	uint32_t ids[VIEW_NODES_MAX];
	unsigned n, i;

	if (!nodes) {
		follow_log(c, SINEW_ERROR, "out of memory, keeping the previous nodelist");
		return;
	}
	n = sinew_config_nodes(c->config, ids, VIEW_NODES_MAX);
	if (n > VIEW_NODES_MAX)
		n = VIEW_NODES_MAX;
	for (i = 0; i < n; i++) {
		nodes[i].nodeid = ids[i];
		nodes[i].n_addrs = sinew_config_addrs(c->config, ids[i], nodes[i].addrs);
	}
	view_nodelist(&c->view, nodes, n);
	follow_conclude(c);
	free(nodes);
}

/* ---- what is said ---- */

static void news(void *arg, enum sinew_level level, uint32_t nodeid, const char *text,
		 bool has_addr)
{
	follow_log(arg, level, "peer=%" PRIu32 " %s%s%s", nodeid, text,
		   level == SINEW_INFO ? "" : "; retrying",
		   level == SINEW_INFO || !has_addr ? "" : ", keeping its old address until then");
}

/* An error that comes back every few seconds is told once. */
static void wrong(struct sinew_corosync *c, int rc, const char *text)
{
	if (!c->first) {
		follow_say_error(c, rc, text);
		return;
	}
	if (strcmp(c->wrong, text))
		follow_log(c, SINEW_ERROR, "%s%s", c->pending.is_again ? "" :
			   "changed configuration rejected: ", text);
	snprintf(c->wrong, sizeof(c->wrong), "%s", text);
}

/* ---- beginning ---- */

static int read_config(struct sinew_corosync *c, struct sinew_config **ret_config,
		       uint32_t *ret_local, char *err, size_t err_size)
{
	char *text = NULL;
	int rc;

	calling(c);
	rc = ipc_config(c->ipc, &text, ret_local);
	called(c);
	if (rc) {
		snprintf(err, err_size, "cannot read corosync's configuration: %s",
			 strerror(-rc));
		return rc;
	}
	rc = sinew_config_parse("corosync", text, strlen(text), ret_config, err, err_size);
	free(text);
	return rc;
}

/* Takes the config over. What cannot be looked up now is as a name that nobody knows. */
static void begin(struct sinew_corosync *c, struct sinew_config *config, uint32_t local,
		  bool is_again)
{
	int rc;

	nodelist_drop(c);
	c->pending.config = config;
	c->pending.local = local;
	c->pending.is_again = is_again;
	c->pending.until_ns = in_ms(NAMES_MS);
	rc = static_ask(config, &c->pending.names);
	if (rc)
		follow_log(c, SINEW_WARNING, "cannot resolve host names: %s",
			   strerror(-rc));
	else if (c->pending.names)
		follow_log(c, SINEW_DEBUG, "resolving host names");
	follow_lock(c);
	c->is_resolving = true;
	follow_unlock(c);
}

int nodelist_read(struct sinew_corosync *c)
{
	struct sinew_config *config = NULL;
	char err[CONFIG_ERROR_MAX];
	uint32_t local = 0;
	int rc;

	c->is_config_due = false;
	c->wrong[0] = '\0';
	rc = read_config(c, &config, &local, err, sizeof(err));
	if (rc)
		wrong(c, rc, err);
	else
		begin(c, config, local, false);
	return rc;
}

static void begin_again(struct sinew_corosync *c)
{
	struct sinew_config *config = static_copy(c->config);

	c->names_again_ns = in_ms(STATIC_AGAIN_MS);
	if (config)
		begin(c, config, c->nodeid, true);
}

/* ---- taking over ---- */

/* Where the policy is to refuse without quorum, the start waits for it. */
static int ask_quorum(struct sinew_corosync *c, char *err, size_t err_size)
{
	bool is_quorate = false;
	int rc;

	calling(c);
	rc = ipc_quorate(c->ipc, &is_quorate);
	called(c);
	if (!rc && is_quorate)
		return 0;
	snprintf(err, err_size, "no quorum, and quorum_policy in \"sinew {\" is refuse");
	return rc ? rc : -EHOSTDOWN;
}

/* The first time: what the application begins with. */
static int take_first(struct sinew_corosync *c, struct sinew_config *config, uint32_t local,
		      char *err, size_t err_size)
{
	struct sinew_options opt;
	int rc;

	sinew_options_init(&opt, sizeof(opt));
	rc = sinew_config_options(config, local, &opt, err, err_size);
	if (!rc && !c->setup.observe)
		rc = sinew_config_own(config, local, err, err_size);
	if (!rc && opt.quorum_policy == SINEW_QUORUM_REFUSE && !c->setup.observe)
		rc = ask_quorum(c, err, err_size);
	if (rc)
		return rc;
	static_news(config, NULL, news, c);
	follow_lock(c);
	c->first = config;
	c->config = config;
	c->nodeid = local;
	c->is_open = true;
	c->text[0] = '\0';
	pthread_cond_broadcast(&c->changed);
	follow_unlock(c);
	return 0;
}

static void take_next(struct sinew_corosync *c, struct sinew_config *config)
{
	static_inherit(config, c->config);
	static_news(config, c->config, news, c);
	if (c->config != c->first)
		sinew_config_free(c->config);
	c->config = config;
	if (!c->has_view)
		return;
	follow_lock(c);
	nodelist_tell(c);
	follow_unlock(c);
}

static int take(struct sinew_corosync *c)
{
	struct sinew_config *config = c->pending.config;
	char err[CONFIG_ERROR_MAX] = "";
	struct config_error error = { .file = "corosync", .text = err, .size = sizeof(err) };
	int rc;

	rc = static_answers(config, c->pending.names, &error);
	if (rc && c->pending.is_again) {
		wrong(c, rc, err);
		rc = 0;
	}
	if (!rc && !c->first)
		rc = take_first(c, config, c->pending.local, err, sizeof(err));
	else if (!rc)
		take_next(c, config);
	if (rc)
		wrong(c, rc, err);
	else
		c->pending.config = NULL;
	nodelist_drop(c);
	if (c->config) {
		c->has_open_names = sinew_config_unresolved(c->config, 0, NULL, 0) != 0;
		c->names_again_ns = in_ms(STATIC_AGAIN_MS);
	}
	return c->first ? 0 : rc;
}

int nodelist_tick(struct sinew_corosync *c)
{
	if (!c->pending.config && c->has_open_names && follow_now_ns() >= c->names_again_ns)
		begin_again(c);
	if (!c->pending.config)
		return 0;
	if (c->pending.names && !names_complete(c->pending.names) &&
	    follow_now_ns() < c->pending.until_ns)
		return 0;
	return take(c);
}
