/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what the control socket says of a node and of its topology: names, subscribers,
 * counts and errors are those that there are. Knows no user but its own.
 * run.sh: timeout=60
 */
#include <stdlib.h>
#include <string.h>

#include "lowcomms/node.h"
#include "lowcomms/sinew-manage.h"
#include "services/json.h"
#include "services/sinew-control.h"
#include "tests/lib/answer.h"
#include "tests/lib/follower.h"

#define TYPE	100u

static struct test_node node;
static struct sinew_topo *topo;
static char name[SINEW_CONTROL_NAME_MAX];
static unsigned port;			/* of a peer that is not there */

/* The peer is dialled in vain. */
static bool add_peer(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");

	port = ntohs(((struct sockaddr_in *)(void *)&addr)->sin_port);
	return CHECK_EQ(sinew_peer_add(node.n, 2, &addr, 1), 0) &&
		CHECK_EQ(sinew_peer_set_name(node.n, 1, "one"), 0) &&
		CHECK_EQ(sinew_peer_set_name(node.n, 2, "two"), 0);
}

static bool begin(void)
{
	const struct sinew_control_options opt = { .size = sizeof opt, .name = name };
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_options o;

	snprintf(name, sizeof name, "sinew/topology/%d", (int)getpid());
	memset(&node, 0, sizeof node);
	fast_options(&o, 1, &addr);
	o.own_thread = true;
	return node_open(&node, &o) && CHECK_EQ(sinew_control_serve(node.n, &opt), 0) &&
		CHECK_EQ(sinew_topo_connect(name, &topo), 0);
}

static void end(void)
{
	sinew_topo_close(topo);
	node_free(&node);
	topo = NULL;
}

#define DRIVE_ALL(cond) DRIVE_ALONE(&topo, 1, cond)

static struct json_object *ask(const char *what)
{
	struct json_object *o = NULL;
	char request[128], *text = NULL;

	snprintf(request, sizeof request, "{\"schema\":1,\"ask\":\"%s\"}", what);
	if (CHECK_EQ(sinew_control_ask(name, request, PATIENCE_MS, &text), 0))
		o = json_parse(text);
	sinew_control_free(text);
	CHECK(o != NULL);
	return o;
}

static void names_and_addresses_are_shown(void)
{
	struct json_object *o, *n, *peer, *path;
	char text[64];

	if (!begin() || !add_peer())
		return;
	o = ask("status");
	n = json_get(o, "node");
	CHECK_STR(json_get_string(n, "name"), "one");
	snprintf(text, sizeof text, "%016llx", (unsigned long long)sinew_incarnation(node.n));
	CHECK_STR(json_get_string(n, "incarnation"), text);
	CHECK_STR(json_get_string(n, "membership"), "static");
	CHECK_STR(json_get_string(n, "transport"), "tcp");
	CHECK_STR(json_get_string(n, "version"), sinew_version());
	CHECK(answer_number(n, "since_ms") > 0 &&
	      answer_number(n, "since_ms") <= answer_number(o, "time_ms"));
	CHECK(answer_is(n, "quorate"));
	CHECK(!answer_is(n, "closing"));
	peer = json_at(json_get(o, "peers"), 0);
	CHECK_STR(json_get_string(peer, "name"), "two");
	CHECK_STR(json_get_string(peer, "state"), "CLOSED");
	CHECK(!json_get(peer, "calls") && json_has(peer, "calls"));
	path = json_at(json_get(peer, "paths"), 0);
	snprintf(text, sizeof text, "127.0.0.1:%u", port);
	CHECK_STR(json_get_string(path, "address"), text);
	CHECK(!answer_is(path, "in_use"));
	json_free(o);
	end();
}

/* As the functions of lowcomms/sinew-manage.h say. */
static void resources_are_those_of_the_node(void)
{
	struct sinew_node_status st = { .size = sizeof st };
	struct json_object *o, *r;

	if (!begin() || !add_peer())
		return;
	CHECK_EQ(sinew_node_status(node.n, &st), 0);
	o = ask("status");
	r = json_get(o, "resources");
	CHECK_EQ(answer_number(r, "peers"), 1);
	CHECK_EQ(answer_number(r, "sessions"), 0);
	CHECK_EQ(answer_number(r, "links"), 0);
	CHECK_EQ(answer_number(r, "listeners"), st.n_listeners);
	CHECK_EQ(answer_number(r, "memory_limit"), st.memory_limit);
	CHECK(answer_number(r, "descriptors") >= 4);
	CHECK(answer_number(json_get(o, "loop"), "turns") >= st.loop_turns);
	json_free(o);
	o = ask("top");
	CHECK_EQ(answer_number(o, "node"), 1);
	CHECK(answer_number(o, "loop_turns") >= st.loop_turns);
	CHECK(answer_number(o, "time_ns") > 0 &&
	      answer_number(o, "memory_bytes") <= st.memory_limit);
	CHECK_EQ(answer_number(o, "loop_busy_ms"), 0);
	CHECK_EQ(answer_number(json_at(json_get(o, "peers"), 0), "node"), 2);
	json_free(o);
	end();
}

static void the_topology_is_counted(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, 10);
	struct json_object *o, *t;
	struct follower mine;

	if (!begin())
		return;
	follower_begin(&mine, topo, &f);
	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(sinew_topo_publish(topo, TYPE, i, i, SINEW_SCOPE_NODE, NULL, 0, NULL), 0);
	DRIVE_ALL(mine.n_rows == 3);
	o = ask("status");
	t = json_get(o, "topology");
	CHECK_EQ(answer_number(t, "publications"), 4);
	CHECK_EQ(answer_number(t, "max_publications"), 131072);
	CHECK_EQ(answer_number(t, "subscriptions"), 1);
	CHECK_EQ(answer_number(t, "max_subscriptions"), 4096);
	CHECK_EQ(answer_number(t, "log_entries"), 65536);
	CHECK_EQ(answer_number(t, "connections"), 2);
	CHECK_EQ(answer_number(t, "silent") + answer_number(t, "refused") +
		 answer_number(t, "excess"), 0);
	/* HELLO, SUBSCRIBE and three of PUBLISH; HELLO and this one. */
	CHECK_EQ(answer_number(t, "requests"), 7);
	CHECK(answer_number(t, "index") >= 4 && answer_number(t, "bytes") > 65536);
	CHECK(strlen(json_get_string(t, "epoch")) == 16);
	CHECK_EQ(answer_number(o, "total"), 1);
	json_free(o);
	follower_end(&mine);
	end();
}

static void each_subscriber_is_shown(void)
{
	struct sinew_topo_filter a = names_of(TYPE, 3, 10), b = everything();
	struct json_object *o, *all, *one;
	struct follower first, second;

	if (!begin())
		return;
	follower_begin(&first, topo, &a);
	follower_begin(&second, topo, &b);
	DRIVE_ALL(first.n_current && second.n_current);
	o = ask("subscribers");
	CHECK_EQ(answer_number(o, "total"), 2);
	all = json_get(o, "subscribers");
	CHECK_EQ(json_count(all), 2);
	for (size_t i = 0; i < 2; i++) {
		one = json_at(all, i);
		CHECK_EQ(answer_number(one, "node"), 0);
		CHECK_EQ(answer_number(one, "pid"), (uint64_t)getpid());
		CHECK_EQ(answer_number(one, "uid"), geteuid());
		CHECK_EQ(answer_number(one, "lag"), 0);
		CHECK_EQ(answer_number(one, "collapsed"), 0);
		CHECK(!answer_is(one, "waits"));
		if (answer_number(one, "type") == TYPE) {
			CHECK_EQ(answer_number(one, "lower"), 3);
			CHECK_EQ(answer_number(one, "upper"), 10);
		} else {
			CHECK_EQ(answer_number(one, "type"), UINT32_MAX);
			CHECK_EQ(answer_number(one, "lower"), 0);
		}
	}
	CHECK(answer_number(json_at(all, 0), "type") != answer_number(json_at(all, 1), "type"));
	json_free(o);
	follower_end(&first);
	follower_end(&second);
	end();
}

/* The last first, as many as are kept. */
static void the_last_errors_are_shown(void)
{
	struct json_object *o, *all;
	char text[64];

	if (!begin())
		return;
	for (unsigned i = 0; i < SINEW_ERRORS_MAX + 3; i++)
		log_line(&node.n->log, SINEW_WARNING, "peer=%u trouble %u", i + 1, i);
	o = ask("status");
	all = json_get(o, "errors");
	CHECK_EQ(json_count(all), SINEW_ERRORS_MAX);
	for (unsigned i = 0; i < SINEW_ERRORS_MAX; i++) {
		unsigned nth = SINEW_ERRORS_MAX + 2 - i;

		snprintf(text, sizeof text, "peer=%u trouble %u", nth + 1, nth);
		CHECK_STR(json_get_string(json_at(all, i), "text"), text);
		CHECK_EQ(answer_number(json_at(all, i), "node"), nth + 1);
		CHECK_STR(json_get_string(json_at(all, i), "level"), "warning");
		CHECK(answer_number(json_at(all, i), "time_ms") <= answer_number(o, "time_ms"));
	}
	json_free(o);
	end();
}

/* Without options it has the usual name. */
static void a_node_is_served_without_options(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_options o;
	struct json_object *status;
	char cluster[64];

	snprintf(cluster, sizeof cluster, "topology %d", (int)getpid());
	memset(&node, 0, sizeof node);
	fast_options(&o, 7, &addr);
	o.own_thread = true;
	o.cluster = cluster;
	if (!node_open(&node, &o))
		return;
	CHECK_EQ(sinew_control_serve(node.n, NULL), 0);
	CHECK(sinew_control_name(cluster, node.n->group, 7, name, sizeof name) > 0);
	CHECK(!strchr(name, ' '));
	status = ask("status");
	CHECK_STR(json_get_string(json_get(status, "node"), "cluster"), cluster);
	json_free(status);
	node_free(&node);
}

int main(void)
{
	RUN(a_node_is_served_without_options);
	RUN(names_and_addresses_are_shown);
	RUN(resources_are_those_of_the_node);
	RUN(the_topology_is_counted);
	RUN(each_subscriber_is_shown);
	RUN(the_last_errors_are_shown);
	return check_done();
}
