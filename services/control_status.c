/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control_status.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/node.h"
#include "lowcomms/sinew-manage.h"
#include "services/control_calls.h"
#include "services/control_peer.h"
#include "services/json.h"
#include "services/server_status.h"

#define PEERS_MAX	1024	/* of a node */
#define SUBSCRIBERS_MAX	4096	/* in one answer */

/* ---- the node ---- */

static void put_node(const struct control *c, const struct sinew_node_status *st,
		     struct json_object *o)
{
	char name[SINEW_PEER_NAME_MAX];
	struct json_object *n = json_new();

	if (sinew_peer_name(c->node, st->nodeid, name, sizeof name))
		name[0] = '\0';
	json_put_number(n, "node", st->nodeid);
	json_put_string(n, "name", name);
	json_put_incarnation(n, "incarnation", st->incarnation);
	json_put_string(n, "cluster", c->node->cluster);
	json_put_string(n, "group", c->node->group);
	json_put_string(n, "membership",
			c->node->opt.membership == SINEW_MEMBERSHIP_STATIC ? "static" : "external");
	json_put_string(n, "transport", c->node->opt.transport);
	json_put_string(n, "version", sinew_version());
	json_put_number(n, "pid", (uint64_t)getpid());
	json_put_number(n, "since_ms", c->began_ms);
	json_put_bool(n, "quorate", st->quorate);
	json_put_bool(n, "closing", st->closing);
	json_put(o, "node", n);
}

static void put_loop(const struct sinew_node_status *st, struct json_object *o)
{
	struct json_object *l = json_new();

	json_put_number(l, "busy_ms", st->loop_busy_ms);
	json_put_number(l, "turns", st->loop_turns);
	json_put(o, "loop", l);
}

static void put_resources(const struct sinew_node_status *st, struct json_object *o)
{
	struct json_object *r = json_new();

	json_put_number(r, "peers", st->n_peers);
	json_put_number(r, "sessions", st->n_sessions);
	json_put_number(r, "links", st->n_links);
	json_put_number(r, "connections", st->n_conns);
	json_put_number(r, "handshakes", st->n_handshakes);
	json_put_number(r, "listeners", st->n_listeners);
	json_put_number(r, "refused", st->refused);
	json_put_number(r, "faults", st->faults);
	json_put_number(r, "probes_answered", st->probes_answered);
	json_put_number(r, "memory_bytes", st->memory_bytes);
	json_put_number(r, "memory_limit", st->memory_limit);
	json_put_number(r, "descriptors", st->n_fds);
	json_put(o, "resources", r);
}

static void put_errors(const struct control *c, struct json_object *o)
{
	struct json_object *errors = json_put_array(o, "errors"), *e;
	struct sinew_error_entry entries[SINEW_ERRORS_MAX];
	int n = sinew_node_errors(c->node, entries, SINEW_ERRORS_MAX), i;

	assert(n <= SINEW_ERRORS_MAX);
	for (i = 0; i < n; i++) {
		assert(memchr(entries[i].text, '\0', sizeof entries[i].text));
		e = json_element(errors);
		json_put_number(e, "time_ms", entries[i].at_ms);
		json_put_string(e, "level", sinew_level_name(entries[i].level));
		json_put_number(e, "node", entries[i].nodeid);
		json_put_string(e, "text", entries[i].text);
	}
}

/* ---- its topology ---- */

static void put_topology(const struct control *c, struct json_object *o)
{
	struct server_status st = { 0 };
	struct json_object *t;

	if (!c->server) {
		json_put_null(o, "topology");
		return;
	}
	server_status(c->server, &st);
	assert(st.n_publications <= st.max_publications);
	assert(st.n_subscriptions <= st.max_subscriptions);
	t = json_new();
	json_put_incarnation(t, "epoch", st.epoch);
	json_put_number(t, "index", st.index);
	json_put_number(t, "publications", st.n_publications);
	json_put_number(t, "max_publications", st.max_publications);
	json_put_number(t, "subscriptions", st.n_subscriptions);
	json_put_number(t, "max_subscriptions", st.max_subscriptions);
	json_put_number(t, "log_entries", st.log_entries);
	json_put_number(t, "bytes", st.bytes);
	json_put_number(t, "connections", st.n_connections);
	json_put_number(t, "silent", st.n_silent);
	json_put_number(t, "refused", st.n_refused);
	json_put_number(t, "requests", st.n_requests);
	json_put_number(t, "excess", st.n_excess);
	json_put(o, "topology", t);
}

static void put_subscriber(const struct server_subscriber *s, struct json_object *o)
{
	assert(s->lower <= s->upper);
	json_put_number(o, "node", s->node);
	json_put_number(o, "pid", (uint64_t)s->pid);
	json_put_number(o, "uid", s->uid);
	json_put_number(o, "type", s->type);
	json_put_number(o, "lower", s->lower);
	json_put_number(o, "upper", s->upper);
	json_put_number(o, "lag", s->lag);
	json_put_number(o, "collapsed", s->n_collapsed);
	json_put_bool(o, "waits", s->waits);
}

int control_subscribers(const struct control *c, struct json_object *o)
{
	struct json_object *all = json_put_array(o, "subscribers");
	struct server_subscriber *list;
	unsigned n = 0, i;

	list = calloc(SUBSCRIBERS_MAX, sizeof *list);
	if (!list)
		return -ENOMEM;
	if (c->server)
		n = server_subscribers(c->server, list, SUBSCRIBERS_MAX);
	for (i = 0; i < n && i < SUBSCRIBERS_MAX; i++)
		put_subscriber(&list[i], json_element(all));
	json_put_number(o, "total", n);
	free(list);
	return 0;
}

/* ---- its peers ---- */

typedef int (*peer_fn)(const struct control *c, uint32_t nodeid, struct json_object *o);

static int put_peer(const struct control *c, uint32_t nodeid, peer_fn fn,
		    struct json_object *peers)
{
	struct json_object *o = json_new();
	int err = fn(c, nodeid, o);

	if (err)
		json_free(o);
	else
		json_add(peers, o);
	return err;
}

static int compare_ids(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int put_peers(const struct control *c, struct json_object *o, peer_fn fn)
{
	struct json_object *peers = json_put_array(o, "peers");
	uint32_t *ids = calloc(PEERS_MAX, sizeof *ids);
	int n, i;

	assert(fn);
	if (!ids)
		return -ENOMEM;
	n = sinew_node_peers(c->node, ids, PEERS_MAX);
	if (n > PEERS_MAX)
		n = PEERS_MAX;
	if (n > 0)
		qsort(ids, (size_t)n, sizeof *ids, compare_ids);
	/* One that goes meanwhile is left out. */
	for (i = 0; i < n; i++)
		put_peer(c, ids[i], fn, peers);
	free(ids);
	return n < 0 ? n : 0;
}

int control_status(const struct control *c, uint32_t peer, struct json_object *o)
{
	struct sinew_node_status st = { .size = sizeof st };
	int err = sinew_node_status(c->node, &st);

	assert(!c->server || server_node(c->server) == c->node);
	if (err)
		return err;
	json_put_number(o, "time_ms", loop_real_ns() / 1000000u);
	put_node(c, &st, o);
	if (peer)
		return put_peer(c, peer, control_peer, json_put_array(o, "peers"));
	put_loop(&st, o);
	put_resources(&st, o);
	err = put_peers(c, o, control_peer);
	if (err)
		return err;
	control_calls_services(c, o);
	put_topology(c, o);
	put_errors(c, o);
	return control_subscribers(c, o);
}

int control_top(const struct control *c, struct json_object *o)
{
	struct sinew_node_status st = { .size = sizeof st };
	int err = sinew_node_status(c->node, &st);

	if (err)
		return err;
	json_put_number(o, "time_ns", loop_now_ns());
	json_put_number(o, "node", st.nodeid);
	json_put_incarnation(o, "incarnation", st.incarnation);
	json_put_number(o, "loop_busy_ms", st.loop_busy_ms);
	json_put_number(o, "loop_turns", st.loop_turns);
	json_put_number(o, "memory_bytes", st.memory_bytes);
	return put_peers(c, o, control_peer_counters);
}
