/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One node of a mesh whose members run on different machines: sends the same messages to each
 * other node as every machine would, compares what comes byte by byte, and breaks its links all
 * the time. Knows the public interface only, and nothing of what runs it.
 *
 *	node NODEID NODES NET COUNT	nodes are 1 .. NODES at NET.NODEID ("127.0.0")
 *
 * Exit status 0: all came, in order and once, over links that broke.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/sinew-test.h"
#include "lowcomms/sinew.h"

#define NODES_MAX	8
#define LONG_MAX	200000u	/* bytes: several frames */
#define FRAME_BODY	65495u	/* the longest message of one frame */
#define BREAK_EVERY	23	/* messages received, of all peers */
#define BOUND_S		120
#define LINGER_MS	30000

struct other {
	struct sinew_session *session;	/* referenced */
	uint32_t id;
	uint32_t sent, received;
	bool is_down;
};

static struct sinew_node *node;
static struct other others[NODES_MAX + 1];	/* by nodeid; no own one */
static uint32_t me, n_nodes, count, n_received;
static uint64_t n_reconnects;
static bool is_closing;
static uint8_t sending[LONG_MAX], expected[LONG_MAX];

static _Noreturn void die(const char *what, uint32_t other, uint32_t number, int err)
{
	fprintf(stderr, "node %u: %s (node %u, message %u): %s\n", (unsigned)me, what,
		(unsigned)other, (unsigned)number, sinew_error_name(err));
	exit(1);
}

/* ---- messages ---- */

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* The same bytes on every machine; begins with its number. */
static size_t make(uint8_t *p, uint32_t from, uint32_t to, uint32_t number)
{
	uint32_t state = from * 2654435761u ^ to * 40503u ^ number * 97u, kind = next(&state) % 32;
	size_t len = 4 + next(&state) % 600;

	if (kind == 0)
		len = LONG_MAX - next(&state) % 100000;
	else if (kind == 1)
		len = FRAME_BODY + next(&state) % 2;
	else if (kind < 6)
		len = 4 + next(&state) % 20000;
	for (size_t i = 0; i < len; i++)
		p[i] = i < 4 ? (uint8_t)(number >> (8 * i)) : (uint8_t)next(&state);
	return len;
}

static void send_more(struct other *o)
{
	int err = 0;

	while (o->sent < count && !err) {
		err = sinew_send(o->session, sending, make(sending, me, o->id, o->sent + 1));
		o->sent += err == 0;
	}
	if (err && err != -EAGAIN)
		die("cannot send", o->id, o->sent + 1, err);
}

/* ---- callbacks ---- */

static void up(struct sinew_node *n, struct sinew_session *session, void *user)
{
	struct other *o = &others[sinew_session_nodeid(session)];

	(void)n, (void)user;
	if (o->session)
		die("it came up twice", o->id, 0, 0);
	o->session = sinew_session_ref(session);
	send_more(o);
}

static void message(struct sinew_node *n, struct sinew_session *session,
		    const struct sinew_message *m, void *user)
{
	struct other *o = &others[sinew_session_nodeid(session)];
	size_t len = make(expected, o->id, me, o->received + 1);

	(void)user;
	if (m->number != o->received + 1 || m->len != len || memcmp(m->data, expected, len) != 0)
		die("it is not what was sent", o->id, o->received + 1, 0);
	o->received++;
	if (++n_received % BREAK_EVERY == 0)
		sinew_break(n, o->id);
}

static void writable(struct sinew_node *n, struct sinew_session *session, void *user)
{
	(void)n, (void)user;
	send_more(&others[sinew_session_nodeid(session)]);
}

static void down(struct sinew_node *n, struct sinew_session *session, enum sinew_down reason,
		 const struct sinew_delivery *delivery, void *user)
{
	struct other *o = &others[sinew_session_nodeid(session)];
	struct sinew_status status = { .size = sizeof status };

	(void)n, (void)user;
	if (reason != SINEW_DOWN_CLOSED || o->received != count)
		die(sinew_down_name(reason), o->id, o->received, 0);
	if (delivery->acked != count || delivery->unsent != count)
		die("not all was acknowledged", o->id, (uint32_t)delivery->acked, 0);
	if (sinew_session_status(session, &status))
		die("no status", o->id, 0, 0);
	n_reconnects += status.reconnects;
	o->is_down = true;
}

static void say(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	fprintf(stderr, "node %u: %s: %s\n", (unsigned)me, sinew_level_name(level), line);
}

/* ---- running ---- */

static bool all_done(void)
{
	for (uint32_t id = 1; id <= n_nodes; id++)
		if (id != me && (others[id].sent < count || others[id].received < count))
			return false;
	return true;
}

static struct sockaddr_storage address(const char *net, uint32_t id)
{
	struct sockaddr_storage addr;
	char text[64];

	snprintf(text, sizeof text, "%s.%u", net, (unsigned)id);
	if (sinew_parse_address(text, 0, &addr))
		die("not an address", id, 0, -EINVAL);
	return addr;
}

static void open_node(const char *net)
{
	static const struct sinew_callbacks callbacks = {
		.size = sizeof callbacks, .session_up = up, .message = message,
		.writable = writable, .session_down = down,
	};
	struct sinew_options opt;
	int err;

	SINEW_OPTIONS_INIT(&opt);
	opt.nodeid = me;
	opt.cluster = "cross";
	opt.addrs[0] = address(net, me);
	opt.n_addrs = 1;
	opt.queue_bytes = 1u << 20;	/* it is full now and then */
	opt.log = say;
	opt.log_level = SINEW_WARNING;
	err = sinew_node_new(&opt, &callbacks, NULL, &node);
	if (err)
		die("cannot open", me, 0, err);
	for (uint32_t id = 1; id <= n_nodes; id++) {
		struct sockaddr_storage addr = address(net, id);

		others[id].id = id;
		err = id == me ? 0 : sinew_peer_add(node, id, &addr, 1);
		if (err)
			die("cannot add", id, 0, err);
	}
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 5)
		return 2;
	me = (uint32_t)atoi(argv[1]);
	n_nodes = (uint32_t)atoi(argv[2]);
	count = (uint32_t)atoi(argv[4]);
	if (!me || n_nodes > NODES_MAX || me > n_nodes)
		return 2;
	alarm(BOUND_S);
	open_node(argv[3]);
	while ((err = sinew_dispatch(node, -1)) >= 0) {
		if (is_closing || !all_done())
			continue;
		is_closing = true;
		sinew_close(node, LINGER_MS);
	}
	if (err != -ESHUTDOWN)
		die("the loop ended", me, 0, err);
	for (uint32_t id = 1; id <= n_nodes; id++) {
		if (id != me && !others[id].is_down)
			die("it is not down", id, others[id].received, 0);
		sinew_session_unref(others[id].session);
	}
	sinew_node_free(node);
	if (!n_reconnects)
		die("no link lost", 0, 0, 0);
	printf("%u messages came over %llu links more than the first ones\n", (unsigned)n_received,
	       (unsigned long long)n_reconnects);
	return 0;
}
