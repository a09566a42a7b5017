/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the view share: a view of three nodes, what it concluded as text, and
 * the words of a membership service. Knows nothing of what is right.
 */
#ifndef TESTS_VIEW_RIG_H
#define TESTS_VIEW_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "tests/check.h"

#include "membership/view.h"

#define MS	UINT64_C(1000000)
#define ME	1
#define MY_PID	10

static struct view v;
static char said[1024];			/* all that was concluded since the last look */
static struct greeting sent;		/* the last that went to the group */
static unsigned n_sent;
static int send_result;
static uint64_t now;

static inline void put(const char *fmt, unsigned a, unsigned b, const char *text)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, fmt, a, b, text);
}

static inline void op_add(void *arg, const struct view_node *node)
{
	(void)arg;
	put("add %u;%.0u%s", node->nodeid, 0, "");
}

static inline void op_set_addrs(void *arg, uint32_t nodeid, const struct sockaddr_storage *addrs,
			 unsigned n_addrs)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addrs;
	char text[32] = "";

	(void)arg;
	inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	put("addrs %u %u %s;", nodeid, n_addrs, text);
}

static inline void op_remove(void *arg, uint32_t nodeid)
{
	(void)arg;
	put("remove %u;%.0u%s", nodeid, 0, "");
}

static inline void op_joined(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	(void)arg;
	put("joined %u %x;%s", nodeid, (unsigned)incarnation, "");
}

static inline void op_leaving(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	(void)arg;
	put("leaving %u %x;%s", nodeid, (unsigned)incarnation, "");
}

static inline void op_left(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	(void)arg;
	put("left %u %x;%s", nodeid, (unsigned)incarnation, "");
}

static inline void op_failed(void *arg, uint32_t nodeid, uint64_t incarnation,
			     enum view_cause cause)
{
	(void)arg;
	(void)cause;
	put("failed %u %x;%s", nodeid, (unsigned)incarnation, "");
}

static inline void op_fence(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	(void)arg;
	put("fence %u %x;%s", nodeid, (unsigned)incarnation, "");
}

static inline void op_fenced(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	(void)arg;
	put("fenced %u %x;%s", nodeid, (unsigned)incarnation, "");
}

static inline void op_quorum(void *arg, bool is_quorate)
{
	(void)arg;
	put("quorum %u;%.0u%s", is_quorate, 0, "");
}

static inline void op_self_lost(void *arg)
{
	(void)arg;
	put("self lost;%.0u%.0u%s", 0, 0, "");
}

static inline int op_send(void *arg, const void *bytes, size_t len)
{
	(void)arg;
	if (send_result)
		return send_result;
	CHECK_EQ(greeting_get(bytes, len, &sent), 0);
	n_sent++;
	return 0;
}

static inline void op_note(void *arg, enum sinew_level level, uint32_t nodeid, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
	put("note %u;%.0u%s", nodeid, 0, "");
}

static const struct view_ops ops = {
	.add = op_add, .set_addrs = op_set_addrs, .remove = op_remove, .joined = op_joined,
	.leaving = op_leaving, .left = op_left, .failed = op_failed, .fence = op_fence,
	.fenced = op_fenced, .quorum = op_quorum, .self_lost = op_self_lost, .send = op_send,
	.note = op_note,
};

/* ---- what the service says ---- */

static inline void says(const char *expected)
{
	CHECK_STR(said, expected);
	said[0] = '\0';
}

static inline struct sockaddr_storage address(unsigned last)
{
	struct sockaddr_storage addr = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;

	in->sin_family = AF_INET;
	in->sin_port = htons(SINEW_PORT);
	in->sin_addr.s_addr = htonl(0x0a000000u + last);
	return addr;
}

/* The nodelist: those nodeids, at 10.0.0.NODEID. */
static inline void nodelist(const unsigned *ids, unsigned n)
{
	static struct view_node nodes[VIEW_NODES_MAX];

	for (unsigned i = 0; i < n; i++) {
		nodes[i] = (struct view_node){ .nodeid = ids[i], .n_addrs = 1 };
		nodes[i].addrs[0] = address(ids[i]);
	}
	view_nodelist(&v, nodes, n);
}

static inline void begin_as(enum greeting_type type)
{
	static const unsigned three[] = { 1, 2, 3 };
	const struct greeting own = { .type = type, .nodeid = ME, .incarnation = 0xa1 };

	said[0] = '\0';
	n_sent = 0;
	send_result = 0;
	now = 1000 * MS;
	view_init(&v, &ops, NULL, &own);
	nodelist(three, 3);
}

static inline void begin(void)
{
	begin_as(GREETING_HELLO);
	says("add 2;add 3;");
}

/* The members are now these (nodeid 10 * n is process n0 of node n). */
static inline void group(const unsigned *ids, unsigned n)
{
	struct view_process all[VIEW_PROCESSES_MAX];

	for (unsigned i = 0; i < n; i++)
		all[i] = (struct view_process){ ids[i], ids[i] * 10 };
	view_group(&v, MY_PID, all, n, NULL, 0, now);
	view_settle(&v);
}

static inline void gone(unsigned id, enum view_cause cause)
{
	const struct view_gone g = { { id, id * 10 }, cause };
	struct view_process all[VIEW_PROCESSES_MAX];
	unsigned n = 0;

	all[n++] = (struct view_process){ ME, MY_PID };
	for (unsigned i = 0; i < v.n_members; i++)
		if (v.members[i].process.nodeid != id)
			all[n++] = v.members[i].process;
	view_group(&v, MY_PID, all, n, &g, 1, now);
	view_settle(&v);
}

static inline void greet(unsigned id, enum greeting_type type, uint64_t incarnation)
{
	const struct greeting g = { .type = type, .nodeid = id, .incarnation = incarnation };
	const struct view_process from = { id, id * 10 };
	uint8_t bytes[GREETING_MAX];

	view_message(&v, &from, bytes, greeting_put(bytes, &g));
}

static inline void ring(uint64_t group_seq, uint64_t quorum_seq, bool is_quorate)
{
	const struct view_ring a = { ME, group_seq }, b = { ME, quorum_seq };

	view_group_ring(&v, &a);
	view_quorum(&v, is_quorate, &b);
	view_settle(&v);
}

static inline void run_to(uint64_t later_ms)
{
	uint64_t until = now + later_ms * MS;

	while (view_deadline(&v) <= until) {
		now = view_deadline(&v) > now ? view_deadline(&v) : now + MS;
		view_tick(&v, now);
	}
	now = until;
}

/* Two members that have greeted each other and have quorum. */
static inline void together(void)
{
	static const unsigned two[] = { 1, 2 };

	begin();
	group(two, 2);
	ring(7, 7, true);
	greet(2, GREETING_HELLO, 0xb1);
	run_to(200);
	says("quorum 1;addrs 2 1 10.0.0.2;joined 2 b1;");
}

#endif
