/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/nodelist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "membership/instance.h"
#include "membership/ipc.h"
#include "membership/join.h"
#include "membership/resolve.h"

static uint64_t in_ms(uint64_t ms)
{
	return instance_now_ns() + ms * INSTANCE_MS;
}

void nodelist_drop(struct sinew_corosync *c)
{
	struct nodelist *l = &c->nodelist;

	names_drop(l->pending.names);
	sinew_config_free(l->pending.config);
	memset(&l->pending, 0, sizeof(l->pending));
	instance_lock(c);
	c->is_resolving = false;
	instance_unlock(c);
}

int nodelist_fd(const struct sinew_corosync *c)
{
	const struct nodelist *l = &c->nodelist;

	return l->pending.names ? names_fd(l->pending.names) : -1;
}

uint64_t nodelist_deadline(const struct sinew_corosync *c)
{
	const struct nodelist *l = &c->nodelist;

	if (l->pending.config)
		return l->pending.names ? l->pending.until_ns : 0;
	return l->names_again_ns;
}

void nodelist_tell(struct sinew_corosync *c)
{
	struct nodelist *l = &c->nodelist;
	struct view_node *nodes = calloc(VIEW_NODES_MAX, sizeof(*nodes));
	uint32_t ids[VIEW_NODES_MAX];
	unsigned n;

	if (!nodes) {
		instance_log(c, SINEW_ERROR, "out of memory, keeping the previous nodelist");
		return;
	}
	n = sinew_config_nodes(l->config, ids, VIEW_NODES_MAX);
	if (n > VIEW_NODES_MAX)
		n = VIEW_NODES_MAX;
	for (unsigned i = 0; i < n; i++) {
		nodes[i].nodeid = ids[i];
		nodes[i].n_addrs = sinew_config_addrs(l->config, ids[i], nodes[i].addrs);
	}
	view_nodelist(&c->view, nodes, n);
	free(nodes);
}

/* ---- what is said ---- */

static void news(void *arg, enum sinew_level level, const char *line)
{
	instance_log(arg, level, "%s", line);
}

/* An error that comes back every few seconds is told once. */
static void wrong(struct sinew_corosync *c, int rc, const char *text)
{
	struct nodelist *l = &c->nodelist;

	if (!c->first) {
		instance_say_error(c, rc, text);
		return;
	}
	if (strcmp(l->wrong, text))
		instance_log(c, SINEW_ERROR, "%s%s", l->pending.is_again ? "" :
			     "changed configuration rejected: ", text);
	snprintf(l->wrong, sizeof(l->wrong), "%s", text);
}

/* ---- beginning ---- */

static int read_config(struct sinew_corosync *c, struct sinew_config **ret_config,
		       uint32_t *ret_local, char *err, size_t err_size)
{
	char *text = NULL;
	int rc;

	INSTANCE_CALL(c, rc = ipc_config(c->ipc, &text, ret_local));
	if (rc) {
		snprintf(err, err_size, "cannot read corosync's configuration: %s",
			 strerror(-rc));
		return rc;
	}
	rc = sinew_config_parse("corosync", text, strlen(text), ret_config, err, err_size);
	free(text);
	return rc;
}

/* Takes the config over. An address that cannot be looked up now is like an unknown name. */
static void begin(struct sinew_corosync *c, struct sinew_config *config, uint32_t local,
		  bool is_again)
{
	struct nodelist *l = &c->nodelist;
	int rc;

	nodelist_drop(c);
	l->pending.config = config;
	l->pending.local = local;
	l->pending.is_again = is_again;
	l->pending.until_ns = in_ms(NAMES_MS);
	rc = resolve_ask(config, &l->pending.names);
	if (rc)
		instance_log(c, SINEW_WARNING, "cannot resolve host names: %s",
			     strerror(-rc));
	else if (l->pending.names)
		instance_log(c, SINEW_DEBUG, "resolving host names");
	instance_lock(c);
	c->is_resolving = true;
	instance_unlock(c);
}

int nodelist_read(struct sinew_corosync *c)
{
	struct nodelist *l = &c->nodelist;
	struct sinew_config *config = NULL;
	char err[SINEW_CONFIG_ERROR_MAX];
	uint32_t local = 0;
	int rc;

	l->is_due = false;
	l->wrong[0] = '\0';
	rc = read_config(c, &config, &local, err, sizeof(err));
	if (rc)
		wrong(c, rc, err);
	else
		begin(c, config, local, false);
	return rc;
}

static void begin_again(struct sinew_corosync *c)
{
	struct nodelist *l = &c->nodelist;
	struct sinew_config *config = static_copy(l->config);

	l->names_again_ns = in_ms(STATIC_AGAIN_MS);
	if (config)
		begin(c, config, c->nodeid, true);
}

/* ---- taking over ---- */

/* Where the policy is to refuse without quorum, the start waits for it. */
static int ask_quorum(struct sinew_corosync *c, char *err, size_t err_size)
{
	bool is_quorate = false;
	int rc;

	INSTANCE_CALL(c, rc = ipc_quorate(c->ipc, &is_quorate));
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
	resolve_news(config, NULL, news, c);
	instance_lock(c);
	c->first = config;
	c->nodelist.config = config;
	c->nodeid = local;
	c->phase = PHASE_OPEN;
	c->text[0] = '\0';
	pthread_cond_broadcast(&c->changed);
	instance_unlock(c);
	return 0;
}

static void take_next(struct sinew_corosync *c, struct sinew_config *config)
{
	struct nodelist *l = &c->nodelist;

	resolve_inherit(config, l->config);
	resolve_news(config, l->config, news, c);
	if (l->config != c->first)
		sinew_config_free(l->config);
	l->config = config;
	instance_lock(c);
	if (c->node)
		join_set_dial(config, c->node);
	instance_unlock(c);
}

static int take(struct sinew_corosync *c)
{
	struct nodelist *l = &c->nodelist;
	struct sinew_config *config = l->pending.config;
	char err[SINEW_CONFIG_ERROR_MAX] = "";
	struct config_error error = { .file = "corosync", .text = err, .size = sizeof(err) };
	int rc;

	rc = resolve_answers(config, l->pending.names, &error);
	if (rc && l->pending.is_again) {
		wrong(c, rc, err);
		rc = 0;
	}
	if (!rc && c->first && !c->setup.observe)
		rc = static_check_dial(config, c->nodeid, &error);
	if (!rc && !c->first)
		rc = take_first(c, config, l->pending.local, err, sizeof(err));
	else if (!rc)
		take_next(c, config);
	if (rc)
		wrong(c, rc, err);
	else
		l->pending.config = NULL;
	nodelist_drop(c);
	if (l->config)
		l->names_again_ns = sinew_config_unresolved(l->config, 0, NULL, 0) ?
				    in_ms(STATIC_AGAIN_MS) : VIEW_NEVER;
	return c->first ? !rc : rc;
}

int nodelist_tick(struct sinew_corosync *c)
{
	struct nodelist *l = &c->nodelist;

	if (!l->pending.config && instance_now_ns() >= l->names_again_ns)
		begin_again(c);
	if (!l->pending.config)
		return 0;
	if (l->pending.names && !names_complete(l->pending.names) &&
	    instance_now_ns() < l->pending.until_ns)
		return 0;
	return take(c);
}
