/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: the view of a cluster. The input chooses what a membership service says, in
 * whatever order, and what its members greet with, any bytes; what the view concludes has to
 * keep the rules of view.h. Knows nothing of corosync.
 * fuzz.sh: max_len=1024
 */
#define FUZZ_NAME "view"
#include "membership/view_poll.h"

#include <errno.h>
#include <netinet/in.h>

#include "tests/fuzz/input.h"

#define OPS_MAX		400u
#define NODES		6u		/* nodeids 1 .. NODES; 1 is our own */
#define PIDS		3u		/* of each node */
#define ME		1u
#define MY_PID		0u
#define MS		UINT64_C(1000000)

enum op {
	OP_GROUP, OP_GONE, OP_RING, OP_QUORUM, OP_SETTLE, OP_LIST, OP_HELLO, OP_GOODBYE, OP_BYTES,
	OP_LOST, OP_RENEWED, OP_CLOSING, OP_TICK, OP_ECHO, OP_FENCED, N_OPS,
};

/* All that a node has been told, by nodeid. */
struct told {
	bool is_known, is_leaving;
	uint64_t inc;			/* joined and not over, in our present one; 0: none */
	uint64_t asked;			/* to be fenced, last */
};

static struct {
	struct view view;
	struct input *in;
	struct told told[NODES + 1];
	bool is_in[NODES + 1][PIDS];	/* the group, as it was told to the view */
	uint32_t listed;
	bool is_quorate, was_lost, refuses;
	uint64_t now_ns;
	size_t sent;
	uint8_t bytes[GREETING_MAX];	/* our last greeting */
} w;

static struct told *told_of(uint32_t nodeid)
{
	MUST(nodeid > ME && nodeid <= NODES);
	return &w.told[nodeid];
}

/* ---- what is concluded ---- */

static void on_add(struct told *t, const struct view_action *a)
{
	MUST(!t->is_known && w.listed >> a->nodeid & 1);
	*t = (struct told) { .is_known = true };
}

static void on_set_addrs(struct told *t, const struct view_action *a)
{
	MUST(t->is_known);
	MUST(a->n_addrs >= 1 && a->n_addrs <= SINEW_ADDRS_MAX);
	for (unsigned i = 0; i < a->n_addrs; i++)
		MUST(a->addrs[i].ss_family == AF_INET || a->addrs[i].ss_family == AF_INET6);
}

static void on_remove(struct told *t, const struct view_action *a)
{
	MUST(t->is_known && !(w.listed >> a->nodeid & 1));
	t->is_known = false;
}

/* To a new incarnation, or ours is new: never two at once, and none while we have none. */
static void on_joined(struct told *t, const struct view_action *a)
{
	MUST(t->is_known && w.listed >> a->nodeid & 1 && a->incarnation && !w.was_lost);
	MUST(!t->inc || t->inc == a->incarnation);
	t->inc = a->incarnation;
	t->is_leaving = false;
}

static void on_leaving(struct told *t, const struct view_action *a)
{
	MUST(t->inc == a->incarnation && !t->is_leaving);
	t->is_leaving = true;
}

static void on_left(struct told *t, const struct view_action *a)
{
	MUST(t->inc == a->incarnation);
	MUST(t->is_leaving || !(w.listed >> a->nodeid & 1));
	t->inc = 0;
}

static void on_failed(struct told *t, const struct view_action *a)
{
	MUST(t->inc == a->incarnation && w.listed >> a->nodeid & 1);
	MUST(a->cause != VIEW_LEAVE || !t->is_leaving);
	t->inc = 0;
}

static void on_fence(struct told *t, const struct view_action *a)
{
	MUST(t->is_known && a->incarnation && t->asked != a->incarnation);
	MUST(w.is_quorate && !w.was_lost && !t->inc);
	for (unsigned i = 0; i < PIDS; i++)
		MUST(!w.is_in[a->nodeid][i]);
	t->asked = a->incarnation;
}

static void on_quorum(bool is_quorate)
{
	MUST(is_quorate != w.is_quorate);
	MUST(!is_quorate || w.is_in[ME][MY_PID]);
	w.is_quorate = is_quorate;
}

static void on_self_lost(void)
{
	MUST(!w.was_lost);
	w.was_lost = true;
	for (unsigned i = ME + 1; i <= NODES; i++)
		w.told[i].inc = 0;
}

static void on_send(const struct view_action *a)
{
	struct greeting g;

	MUST(a->len <= GREETING_MAX && !greeting_get(a->bytes, a->len, &g) &&
	     w.is_in[ME][MY_PID]);
	MUST(g.type == GREETING_FENCED || (g.nodeid == ME && !w.was_lost));
	if (!w.refuses) {
		memcpy(w.bytes, a->bytes, a->len);
		w.sent = a->len;
	}
	view_sent(&w.view, !w.refuses, w.now_ns);
}

static void conclude(void)
{
	struct view_action a;

	while (view_poll(&w.view, &a)) {
		switch (a.what) {
		case VIEW_ADD:		on_add(told_of(a.nodeid), &a); break;
		case VIEW_SET_ADDRS:	on_set_addrs(told_of(a.nodeid), &a); break;
		case VIEW_REMOVE:	on_remove(told_of(a.nodeid), &a); break;
		case VIEW_JOINED:	on_joined(told_of(a.nodeid), &a); break;
		case VIEW_LEAVING:	on_leaving(told_of(a.nodeid), &a); break;
		case VIEW_LEFT:		on_left(told_of(a.nodeid), &a); break;
		case VIEW_FAILED:	on_failed(told_of(a.nodeid), &a); break;
		case VIEW_FENCE:	on_fence(told_of(a.nodeid), &a); break;
		case VIEW_FENCED:	MUST(a.nodeid && a.incarnation); break;
		case VIEW_QUORUM:	on_quorum(a.is_quorate); break;
		case VIEW_SELF_LOST:	on_self_lost(); break;
		case VIEW_SEND:		on_send(&a); break;
		case VIEW_NOTE:		MUST(a.nodeid && a.text && a.text[0]); break;
		}
	}
}

/* ---- what the service says ---- */

static struct view_process any_process(void)
{
	struct view_process p;

	p.nodeid = ME + input_below(w.in, NODES);
	p.pid = input_below(w.in, PIDS);
	return p;
}

/* The process comes, or goes and then is not among those that are. */
static void group(bool comes)
{
	struct view_process all[NODES * PIDS], who = any_process();
	struct view_gone gone = { .process = who };
	unsigned n = 0;

	gone.cause = (enum view_cause)input_below(w.in, VIEW_NODEDOWN + 1);
	/* Ours goes with the service alone. */
	if (!comes && who.nodeid == ME && who.pid == MY_PID)
		return;
	w.is_in[who.nodeid][who.pid] = comes;
	for (uint32_t i = ME; i <= NODES; i++)
		for (uint32_t k = 0; k < PIDS; k++)
			if (w.is_in[i][k])
				all[n++] = (struct view_process) { i, k };
	view_group(&w.view, MY_PID, all, n, &gone, !comes, w.now_ns);
}

static struct view_ring any_ring(void)
{
	struct view_ring ring;

	ring.nodeid = 1 + input_below(w.in, 2);
	ring.seq = 1 + input_below(w.in, 2);
	return ring;
}

static void put_address(struct sockaddr_storage *to, uint8_t last)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = last;
}

static void list(void)
{
	static struct view_node nodes[NODES];
	uint32_t listed = (input_u8(w.in) & 0x7e) | 1u << ME;
	uint8_t last = input_u8(w.in);
	unsigned n = 0;

	for (uint32_t i = ME; i <= NODES; i++) {
		if (!(listed >> i & 1))
			continue;
		nodes[n] = (struct view_node) { .nodeid = i, .n_addrs = 1 };
		put_address(&nodes[n++].addrs[0], last);
	}
	w.listed = listed;
	view_nodelist(&w.view, nodes, n);
}

static void greet(enum greeting_type type)
{
	struct view_process from = any_process();
	struct greeting g = { .type = type, .nodeid = from.nodeid };
	uint8_t bytes[GREETING_MAX];

	/* Incarnations of one node; the chance of two is not worth a rule. */
	g.incarnation = from.nodeid * 1000 + from.pid * 100 + 1 + input_below(w.in, 4);
	g.n_addrs = input_below(w.in, 3);
	for (unsigned i = 0; i < g.n_addrs; i++)
		put_address(&g.addrs[i], input_u8(w.in));
	view_message(&w.view, &from, bytes, greeting_put(bytes, &g));
}

static void any_bytes(void)
{
	struct view_process from = any_process();
	const uint8_t *p;
	size_t n = input_bytes(w.in, &p, input_u8(w.in));
	uint8_t *copy = input_copy(p, n);

	view_message(&w.view, &from, copy, n);
	free(copy);
}

static void lost(void)
{
	memset(w.is_in, 0, sizeof(w.is_in));
	view_lost(&w.view);
	conclude();
	MUST(w.was_lost && !w.view.n_members);
}

static void renewed(void)
{
	w.was_lost = false;
	view_renewed(&w.view, 1 + input_u8(w.in), w.now_ns);
}

static void fenced(void)
{
	struct view_process of = any_process();

	view_fenced(&w.view, of.nodeid, of.nodeid * 1000 + 1 + input_below(w.in, 4), w.now_ns);
}

static void tick(void)
{
	uint64_t until;

	w.refuses = input_below(w.in, 4) == 0;
	w.now_ns += input_u8(w.in) * MS;
	view_tick(&w.view, w.now_ns);
	conclude();
	until = view_deadline(&w.view);
	MUST(until > w.now_ns);
}

static void echo(void)
{
	const struct view_process me = { ME, MY_PID };

	if (w.sent)
		view_message(&w.view, &me, w.bytes, w.sent);
}

static void step(enum op op)
{
	struct view_ring ring;

	switch (op) {
	case OP_GROUP:		group(true); break;
	case OP_GONE:		group(false); break;
	case OP_RING:
		ring = any_ring();
		view_group_ring(&w.view, &ring);
		break;
	case OP_QUORUM:
		ring = any_ring();
		view_quorum(&w.view, input_u8(w.in) & 1, &ring);
		break;
	case OP_SETTLE:		view_settle(&w.view); break;
	case OP_LIST:		list(); break;
	case OP_HELLO:		greet(GREETING_HELLO); break;
	case OP_GOODBYE:	greet(GREETING_GOODBYE); break;
	case OP_BYTES:		any_bytes(); break;
	case OP_LOST:		lost(); break;
	case OP_RENEWED:	renewed(); break;
	case OP_CLOSING:	view_closing(&w.view, w.now_ns); break;
	case OP_TICK:		tick(); break;
	case OP_ECHO:		echo(); break;
	case OP_FENCED:		fenced(); break;
	case N_OPS:		break;
	}
}

/* The view holds exactly what was told. */
static void compare(void)
{
	unsigned n_known = 0;

	for (unsigned i = 0; i < w.view.n_members; i++) {
		const struct view_member *m = &w.view.members[i];
		uint64_t inc = w.was_lost ? 0 : m->greeting.incarnation;

		if (!m->is_joined)
			continue;
		MUST(w.is_in[m->process.nodeid][m->process.pid]);
		MUST(told_of(m->process.nodeid)->inc == inc);
	}
	for (unsigned i = 0; i < w.view.n_entries; i++) {
		const struct view_entry *e = &w.view.entries[i];

		MUST(told_of(e->node.nodeid)->is_known);
		MUST(told_of(e->node.nodeid)->inc == e->incarnation);
		MUST(e->is_listed == (w.listed >> e->node.nodeid & 1));
	}
	for (unsigned i = ME + 1; i <= NODES; i++) {
		MUST(w.told[i].is_known || !(w.listed >> i & 1));
		n_known += w.told[i].is_known;
	}
	MUST(n_known == w.view.n_entries);
	MUST(w.is_quorate == w.view.quorum.is_quorate && w.was_lost == w.view.is_renewing);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct greeting own = { .nodeid = ME, .incarnation = 7 };
	struct input in = { p, n };

	memset(&w, 0, sizeof(w));
	w.in = &in;
	w.now_ns = 1000 * MS;
	view_init(&w.view, &own);
	for (unsigned i = 0; i < OPS_MAX && in.left; i++) {
		step((enum op)input_below(&in, N_OPS));
		conclude();
		compare();
	}
	return 0;
}

#include "tests/fuzz/replay.h"
