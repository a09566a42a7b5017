/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of answers of the control socket, without a socket: what the node is like is said,
 * and who may not, is told so. Knows nothing of who is at the other end.
 * run.sh: timeout=60
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/sinew-manage.h"
#include "services/control_answer.h"
#include "services/json.h"
#include "services/server.h"
#include "tests/lib/answer.h"
#include "tests/lib/cluster.h"

#define ALL	(SERVER_READS | SERVER_WRITES)

struct fixture {
	struct test_node t[2];
	struct control *c;
};

static const struct ucred root = { .pid = 77, .uid = 0, .gid = 0 };

/* Of node 1, with the rights of who asks; NULL after a failed check. */
static struct json_object *answer(const struct control *c, unsigned rights, const char *request)
{
	struct json_object *o;
	char *text = NULL;

	if (!CHECK_EQ(control_answer(c, request, strlen(request), &root, rights, 0, &text), 0))
		return NULL;
	o = json_parse(text);
	CHECK(o);
	free(text);
	return o;
}

/* An answer that refuses, with that errno and a text that has those words. */
static void refuses(const struct control *c, unsigned rights, const char *request,
		    const char *error, const char *says)
{
	struct json_object *o = answer(c, rights, request), *e;

	CHECK_OR_RETURN(o);
	e = json_get(o, "error");
	if (CHECK(json_is_object(e))) {
		CHECK_STR(json_get_string(e, "errno"), error);
		if (!strstr(json_get_string(e, "text"), says))
			check_fail(__FILE__, __LINE__, json_get_string(e, "text"));
	}
	json_free(o);
}

static bool open_fixture(struct fixture *f)
{
	const struct sinew_control_options opt = { .size = sizeof opt };

	memset(f, 0, sizeof *f);
	if (!pair_open(f->t, NULL))
		return false;
	if (control_new(f->t[0].n, &opt, &f->c))
		return false;
	DRIVE_PAIR(f->t, f->t[0].all.session && f->t[1].all.session);
	return true;
}

static void close_fixture(struct fixture *f)
{
	control_free(f->c);
	node_free(&f->t[0]);
	node_free(&f->t[1]);
}

/* ---- tests ---- */

static void check_peer(struct json_object *o, const struct test_node *t)
{
	struct sinew_status st = status_of(t, 2);

	CHECK_EQ(answer_number(o, "node"), 2);
	CHECK(answer_is(o, "link_up"));
	CHECK_STR(json_get_string(o, "state"), "ESTABLISHED");
	CHECK_STR(json_get_string(o, "security"), "none");
	CHECK_EQ(answer_number(o, "sent"), st.sent);
	CHECK_EQ(answer_number(json_get(o, "queue"), "bytes"), st.queue_bytes);
	CHECK_EQ(json_count(json_get(o, "paths")), st.n_paths);
}

static void the_status_is_that_of_the_node(void)
{
	struct json_object *o, *peers;
	struct fixture f;

	CHECK_OR_RETURN(open_fixture(&f));
	CHECK_EQ(sinew_send(f.t[0].all.session, "x", 1), 0);
	DRIVE_PAIR(f.t, f.t[1].all.messages == 1);
	o = answer(f.c, ALL, "{\"schema\":1,\"ask\":\"status\"}");
	CHECK_EQ(answer_number(o, "schema"), 1);
	CHECK_STR(json_get_string(o, "ask"), "status");
	CHECK_EQ(answer_number(json_get(o, "node"), "node"), 1);
	CHECK_EQ(answer_number(json_get(o, "node"), "pid"), (uint64_t)getpid());
	peers = json_get(o, "peers");
	if (CHECK(json_is_array(peers)) && CHECK_EQ(json_count(peers), 1))
		check_peer(json_at(peers, 0), &f.t[0]);
	json_free(o);
	close_fixture(&f);
}

static void one_peer_is_told_alone(void)
{
	struct json_object *o;
	struct fixture f;

	CHECK_OR_RETURN(open_fixture(&f));
	o = answer(f.c, ALL, "{\"schema\":1,\"ask\":\"status\",\"peer\":2}");
	CHECK_EQ(json_count(json_get(o, "peers")), 1);
	CHECK(!json_has(o, "errors"));
	json_free(o);
	refuses(f.c, ALL, "{\"schema\":1,\"ask\":\"status\",\"peer\":3}", "ENOENT", "no peer 3");
	refuses(f.c, ALL, "{\"schema\":1,\"ask\":\"status\",\"peer\":1}", "ENOENT", "no peer 1");
	close_fixture(&f);
}

static void counters_grow(void)
{
	struct json_object *a, *b;
	struct fixture f;

	CHECK_OR_RETURN(open_fixture(&f));
	a = answer(f.c, SERVER_READS, "{\"schema\":1,\"ask\":\"top\"}");
	CHECK_EQ(sinew_send(f.t[0].all.session, "x", 1), 0);
	DRIVE_PAIR(f.t, f.t[1].all.messages == 1);
	b = answer(f.c, SERVER_READS, "{\"schema\":1,\"ask\":\"top\"}");
	CHECK_EQ(answer_number(json_at(json_get(a, "peers"), 0), "sent") + 1,
		 answer_number(json_at(json_get(b, "peers"), 0), "sent"));
	CHECK(answer_number(a, "time_ns") < answer_number(b, "time_ns"));
	json_free(a);
	json_free(b);
	close_fixture(&f);
}

static void who_may_not_is_told_so(void)
{
	static const char get[] = "{\"schema\":1,\"ask\":\"config-get\"}";
	static const char set[] = "{\"schema\":1,\"ask\":\"config-set\","
				  "\"options\":{\"ack_ms\":\"7\"}}";
	char buf[16];
	struct fixture f;

	CHECK_OR_RETURN(open_fixture(&f));
	refuses(f.c, SERVER_READS, set, "EPERM", "uid 0, pid 77 may read, but not change");
	refuses(f.c, 0, set, "EPERM", "uid 0, pid 77 may not read");
	refuses(f.c, 0, get, "EPERM", "may not read");
	refuses(f.c, 0, "{\"schema\":1,\"ask\":\"status\"}", "EPERM", "may not read");
	CHECK_EQ(sinew_option_get(f.t[0].n, "ack_ms", buf, sizeof buf), 0);
	CHECK(strcmp(buf, "7"));
	close_fixture(&f);
}

static void options_are_told_as_they_are(void)
{
	struct json_object *o, *all, *one;
	char value[SINEW_OPTION_TEXT_MAX];
	struct fixture f;
	unsigned n = 0;

	CHECK_OR_RETURN(open_fixture(&f));
	o = answer(f.c, SERVER_READS, "{\"schema\":1,\"ask\":\"config-get\",\"options\":"
		   "[\"stall_ms\",\"peer.2\",\"transport\"]}");
	all = json_get(o, "options");
	CHECK_EQ(json_count(all), 3);
	one = json_at(all, 0);
	CHECK_STR(json_get_string(one, "name"), "stall_ms");
	CHECK_STR(json_get_string(one, "unit"), "ms");
	CHECK(answer_is(one, "changeable"));
	one = json_at(all, 1);
	CHECK_STR(json_get_string(one, "name"), "peer.2");
	CHECK_EQ(sinew_option_get(f.t[0].n, "peer.2", value, sizeof value), 0);
	CHECK_STR(json_get_string(one, "value"), value);
	CHECK_STR(json_get_string(one, "default"), "");
	CHECK_STR(json_get_string(one, "unit"), "");
	CHECK(answer_is(one, "changeable"));
	one = json_at(all, 2);
	CHECK_STR(json_get_string(one, "value"), "tcp");
	CHECK_STR(json_get_string(one, "default"), "tcp");
	CHECK(!answer_is(one, "changeable"));
	json_free(o);
	o = answer(f.c, SERVER_READS, "{\"schema\":1,\"ask\":\"config-get\"}");
	while (!sinew_node_option_info(f.t[0].n, n, &(struct sinew_option_info) {
			.size = sizeof(struct sinew_option_info) }))
		n++;
	CHECK_EQ(json_count(json_get(o, "options")), n);
	json_free(o);
	refuses(f.c, SERVER_READS, "{\"schema\":1,\"ask\":\"config-get\",\"options\":"
		"[\"ack_ms\",\"ack\"]}", "ENOENT", "no option \"ack\"");
	close_fixture(&f);
}

static void a_change_is_told(void)
{
	char before[SINEW_OPTION_TEXT_MAX];
	struct json_object *o, *all;
	struct fixture f;

	CHECK_OR_RETURN(open_fixture(&f));
	CHECK_EQ(sinew_option_get(f.t[0].n, "ack_ms", before, sizeof before), 0);
	o = answer(f.c, ALL, "{\"schema\":1,\"ask\":\"config-set\",\"options\":"
		   "{\"ack_ms\":\"7\",\"stall_ms\":\"30000\"}}");
	all = json_get(o, "options");
	CHECK_EQ(json_count(all), 2);
	CHECK_STR(json_get_string(json_at(all, 0), "name"), "ack_ms");
	CHECK_STR(json_get_string(json_at(all, 0), "old"), before);
	CHECK_STR(json_get_string(json_at(all, 0), "new"), "7");
	CHECK_STR(json_get_string(json_at(all, 1), "new"), "30000");
	json_free(o);
	o = answer(f.c, ALL, "{\"schema\":1,\"ask\":\"config-set\",\"options\":"
		   "{\"peer.9\":\"127.0.0.9\"}}");
	all = json_get(o, "options");
	CHECK_STR(json_get_string(json_at(all, 0), "old"), "");
	CHECK_STR(json_get_string(json_at(all, 0), "new"), "127.0.0.9:21065");
	json_free(o);
	refuses(f.c, ALL, "{\"schema\":1,\"ask\":\"config-set\",\"options\":"
		"{\"ack_ms\":\"8\",\"stall_ms\":\"x\"}}", "EINVAL", "nothing was changed: option "
		"stall_ms");
	o = answer(f.c, ALL, "{\"schema\":1,\"ask\":\"config-get\",\"options\":[\"ack_ms\"]}");
	CHECK_STR(json_get_string(json_at(json_get(o, "options"), 0), "value"), "7");
	json_free(o);
	close_fixture(&f);
}

/* A member asks with nothing, or with what reads. */
static void members_read_and_change_nothing(void)
{
	static const char set[] = "{\"schema\":1,\"ask\":\"config-set\","
				  "\"options\":{\"ack_ms\":\"7\"}}";
	struct fixture f;
	char *text = NULL;

	CHECK_OR_RETURN(open_fixture(&f));
	CHECK_EQ(control_answer(f.c, "", 0, NULL, ALL, 2, &text), 0);
	CHECK(text && strstr(text, "EPERM") && strstr(text, "node 2 may not read the status") &&
	      strstr(text, "remote: status"));
	free(text);
	f.c->remote_status = true;
	CHECK_EQ(control_answer(f.c, "", 0, NULL, ALL, 2, &text), 0);
	CHECK(text && strstr(text, "\"ask\":\"status\"") && !strstr(text, "\"error\""));
	free(text);
	CHECK_EQ(control_answer(f.c, set, strlen(set), NULL, ALL, 2, &text), 0);
	CHECK(text && strstr(text, "EPERM") && strstr(text, "node 2 may not change"));
	free(text);
	close_fixture(&f);
}

/* ---- a loop that the application blocks ---- */

struct blocking {
	_Atomic bool blocks, goes_on;
};

static void block(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	struct blocking *b = t->arg;

	(void)p, (void)m;
	atomic_store(&b->blocks, true);
	while (!atomic_load(&b->goes_on))
		poll(NULL, 0, 1);
}

static void *turn(void *arg)
{
	struct fixture *f = arg;
	struct blocking *b = f->t[0].arg;

	while (!atomic_load(&b->goes_on))
		sinew_dispatch(f->t[0].n, 10);
	return NULL;
}

static uint64_t busy_ms(const struct control *c)
{
	struct json_object *o = answer(c, ALL, "{\"schema\":1,\"ask\":\"status\"}");
	uint64_t ms = o ? answer_number(json_get(o, "loop"), "busy_ms") : 0;

	json_free(o);
	return ms;
}

static void a_blocked_loop_is_told(void)
{
	struct blocking b = { 0 };
	struct fixture f;
	pthread_t thread;

	CHECK_OR_RETURN(open_fixture(&f));
	f.t[0].arg = &b;
	f.t[0].on_message = block;
	CHECK_EQ(sinew_send(f.t[1].all.session, "x", 1), 0);
	CHECK_EQ(pthread_create(&thread, NULL, turn, &f), 0);
	TURN_UNTIL(sinew_dispatch(f.t[1].n, 1), atomic_load(&b.blocks), PATIENCE_MS);
	AWAIT(busy_ms(f.c) >= 20);
	atomic_store(&b.goes_on, true);
	pthread_join(thread, NULL);
	CHECK(busy_ms(f.c) < 20);
	close_fixture(&f);
}

int main(void)
{
	RUN(the_status_is_that_of_the_node);
	RUN(one_peer_is_told_alone);
	RUN(counters_grow);
	RUN(who_may_not_is_told_so);
	RUN(options_are_told_as_they_are);
	RUN(a_change_is_told);
	RUN(members_read_and_change_nothing);
	RUN(a_blocked_loop_is_told);
	return check_done();
}
