/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/option_set.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/handle.h"
#include "lowcomms/option_peer.h"
#include "lowcomms/option_service.h"
#include "lowcomms/option_text.h"
#include "lowcomms/options.h"
#include "lowcomms/peers.h"

/* ---- asking ---- */

int sinew_option_info(unsigned index, struct sinew_option_info *ret)
{
	const struct option *o = option_at(index);
	struct sinew_option_info info = { .size = sizeof info };

	if (!ret || ret->size < sizeof info)
		return -EINVAL;
	if (!o)
		return -ENOENT;
	option_describe(o, &info);
	info.size = ret->size;
	*ret = info;
	return 0;
}

int sinew_node_option_info(struct sinew_node *node, unsigned index, struct sinew_option_info *ret)
{
	struct sinew_option_info info = { .size = sizeof info };
	unsigned n = 0;
	bool found;

	if (!node || !ret || ret->size < sizeof info)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	while (n <= index && option_at(n))
		n++;
	if (n > index)
		return sinew_option_info(index, ret);
	directory_lock(&node->directory);
	found = option_service_describe(node, index - n, &info);
	directory_unlock(&node->directory);
	if (!found)
		return -ENOENT;
	info.size = ret->size;
	*ret = info;
	return 0;
}

/* Under the directory's lock: the value of an option, as it was asked for. */
static int print(const struct sinew_node *n, const char *name, char *buf, size_t size)
{
	const struct option *o = option_find(name);
	int i = o ? 0 : option_service_find(n, name);

	if (o)
		option_print(o, &n->managed.asked.node, buf, size);
	else if (i >= 0)
		option_service_print(n->managed.asked.service[i], buf, size);
	return i < 0 ? i : 0;
}

int sinew_option_get(struct sinew_node *node, const char *name, char *buf, size_t n)
{
	uint32_t nodeid;
	int err;

	if (!node || !name || !buf || !n)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	if (option_names_peer(name, &nodeid))
		return option_get_peer(node, nodeid, buf, n);
	directory_lock(&node->directory);
	err = print(node, name, buf, n);
	directory_unlock(&node->directory);
	return err;
}

/* ---- setting ---- */

static int take_of_service(const struct sinew_node *n, const struct sinew_option_value *v,
			   struct option_values *to, struct options_error *e)
{
	int i = option_service_find(n, v->name);

	if (i < 0)
		return options_refuse(e, i, v->name, "there is no such option");
	return option_service_parse(n, (unsigned)i, v->text, &to->service[i], e);
}

/* One value; to has what was asked for before. */
static int take_one(const struct sinew_node *n, const struct sinew_option_value *v,
		    struct option_values *to, struct options_error *e)
{
	const struct option *o = option_find(v->name);
	int err;

	if (!o)
		return take_of_service(n, v, to, e);
	err = option_parse(o, v->text, &to->node, e);
	if (!err && !option_is_live(o) && !option_same(o, &to->node, &n->managed.asked.node))
		return options_refuse(e, -EROFS, v->name, "cannot change in a node that runs: "
				      "it needs a new start");
	return err;
}

/* Under the directory's lock. */
static int take_all(struct sinew_node *n, const struct sinew_option_value *values,
		    unsigned n_values, struct option_values *to, struct options_error *e)
{
	const struct sinew_options *before = &n->managed.asked.node;
	int err = 0;

	lock_order_held(LOCK_DIRECTORY);
	*to = n->managed.asked;
	for (unsigned i = 0; i < n_values && !err; i++)
		err = take_one(n, &values[i], to, e);
	if (!err)
		err = options_check(&to->node, e);
	if (!err)
		err = options_check_memory(&to->node, n->max_message, e);
	/* Texts are the node's own, as no text changes. */
	to->node.cluster = before->cluster;
	to->node.group = before->group;
	to->node.transport = before->transport;
	return err;
}

static int set_all(struct sinew_node *n, const struct sinew_option_value *values, unsigned n_values,
		   const char *by, struct options_error *e)
{
	struct options_wish *wish = malloc(sizeof *wish);
	struct command *c;
	int err = wish ? command_begin(n, COMMAND_OPTIONS, 0, &c) : -ENOMEM;

	assert(n_values && n_values <= SINEW_OPTION_SET_MAX && strlen(by) < OPTIONS_BY_MAX);
	if (!err) {
		err = take_all(n, values, n_values, &wish->to, e);
		if (!err) {
			n->managed.asked = wish->to;
			memcpy(wish->by, by, strlen(by) + 1);
			c->options = wish;
			wish = NULL;
		}
		err = command_end(n, c, err);
	}
	free(wish);
	if (err == -ENOMEM)
		snprintf(e->text, sizeof e->text, "no memory to set options");
	return err;
}

static int check_values(const struct sinew_option_value *values, unsigned n,
			struct options_error *e)
{
	for (unsigned i = 0; i < n; i++) {
		if (!values[i].name || !values[i].text)
			return -EINVAL;
		for (unsigned k = 0; k < i; k++)
			if (!strcmp(values[i].name, values[k].name))
				return options_refuse(e, -EINVAL, values[i].name, "is there twice");
	}
	return 0;
}

/* A program knows of a peer that it changes itself: that is not logged. */
static int set_peer(struct sinew_node *n, uint32_t nodeid, const struct sinew_option_value *v,
		    const char *by, struct options_error *e)
{
	char old[SINEW_OPTION_TEXT_MAX] = "", now[SINEW_OPTION_TEXT_MAX] = "";
	int err;

	assert(strlen(by) < OPTIONS_BY_MAX);
	if (option_get_peer(n, nodeid, old, sizeof old))
		old[0] = '\0';
	err = option_set_peer(n, nodeid, v, e);
	if (err || !*by)
		return err;
	if (option_get_peer(n, nodeid, now, sizeof now))
		now[0] = '\0';
	options_log_change(n, v->name, *now ? now : "removed", *old ? old : "not there", by);
	return 0;
}

static int set(struct sinew_node *n, const struct sinew_option_value *values, unsigned n_values,
	       const char *by, struct options_error *e)
{
	uint32_t nodeid;
	int err;

	if (n_values > SINEW_OPTION_SET_MAX) {
		snprintf(e->text, sizeof e->text, "found %u options, expected at most %d at once",
			 n_values, SINEW_OPTION_SET_MAX);
		return -E2BIG;
	}
	err = check_values(values, n_values, e);
	if (err)
		return err;
	for (unsigned i = 0; i < n_values; i++) {
		if (!option_names_peer(values[i].name, &nodeid))
			continue;
		if (n_values > 1)
			return options_refuse(e, -EINVAL, values[i].name, "a peer is set alone, "
					      "not with other options");
		return set_peer(n, nodeid, &values[i], by, e);
	}
	return set_all(n, values, n_values, by, e);
}

int option_set_by(struct sinew_node *n, const struct sinew_option_value *values, unsigned n_values,
		  const char *by, char *err, size_t err_size)
{
	struct options_error e = { "" };
	int rc;

	if (!n || (n_values && !values) || (err_size && !err))
		return -EINVAL;
	if (err_size)
		err[0] = '\0';
	if (node_forked(n))
		return -ECHILD;
	if (!n_values)
		return 0;
	rc = set(n, values, n_values, by, &e);
	if (rc)
		snprintf(err, err_size, "%s", e.text);
	return rc;
}

int sinew_option_set(struct sinew_node *node, const struct sinew_option_value *values, unsigned n,
		     char *err, size_t err_size)
{
	return option_set_by(node, values, n, "", err, err_size);
}

/* ---- on the loop ---- */

/* A session that was not read for what is kept of it may be read again. */
static void look_at_budgets(struct sinew_node *n)
{
	list_each(struct peer, p, &n->core.peers, all)
		if (p->session)
			handle_mark_dirty(handle_of(p->session));
}

static void say_change(struct sinew_node *n, const struct option *o,
		       const struct sinew_options *was, const struct options_wish *wish)
{
	const struct sinew_options *is = &wish->to.node;
	char old[SINEW_OPTION_TEXT_MAX], now[SINEW_OPTION_TEXT_MAX];

	assert(option_is_live(o) && !option_same(o, was, is));
	option_print(o, was, old, sizeof old);
	option_print(o, is, now, sizeof now);
	options_log_change(n, option_name(o), now, old, wish->by);
	watch_option(&n->managed.observers, option_name(o));
}

/* Those of the node. */
static void run_own(struct sinew_node *n, const struct options_wish *wish)
{
	const struct sinew_options was = n->opt, *to = &wish->to.node;
	struct core_config c = n->core.cfg;
	const struct option *o;

	assert(loop_is_inside(&n->loop) && to->nodeid == was.nodeid);
	assert(to->group == was.group && to->ack_ms && to->stall_ms);
	for (unsigned i = 0; (o = option_at(i)); i++)
		if (option_is_live(o))
			option_copy(o, &n->opt, to);
	options_tune(&n->opt, &c);
	core_tune(&n->core, &c);
	if (atomic_exchange(&n->memory.limit, to->node_memory) < to->node_memory)
		atomic_store(&n->memory.freed, true);
	if (to->receive_bytes > was.receive_bytes)
		look_at_budgets(n);
	for (unsigned i = 0; (o = option_at(i)); i++)
		if (option_is_live(o) && !option_same(o, &was, to))
			say_change(n, o, &was, wish);
}

void options_run(struct sinew_node *n, const struct options_wish *wish)
{
	run_own(n, wish);
	option_service_run(n, wish->to.service, wish->by);
}
