/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does what a core asks for, and looks at everything that comes out of it: frames
 * that any reader takes, numbers and delivery reports that fit together, nothing impossible. Knows
 * nothing of what goes into a core.
 */
#ifndef SINEW_TESTS_FUZZ_WORLD_ACT_H
#define SINEW_TESTS_FUZZ_WORLD_ACT_H

#include "tests/fuzz/world.h"

/* ---- what comes out ---- */

/* A whole frame left a core: it must be one that any reader takes. */
static void world_frame_out(struct end *e, const uint8_t *p, size_t n)
{
	struct link *l = &e->el->link;
	struct inc *inc;
	struct frame f;

	MUST(frame_parse(p, n, &f) == 0);
	MUST(f.nodeid == e->node->nodeid);
	if (f.cmd != WIRE_OPTS_CMD)
		return;
	MUST(frame_tlvs_ok(&f));
	if (f.nextcmd >= WIRE_HELLO && f.nextcmd != WIRE_FRAGMENT)
		return;
	/* Sequenced: only on the link of a session, and no number beyond the next new one. */
	if (!l->session)
		return;
	inc = world_inc(e->node, l->session);
	MUST(!seq_after(f.u, inc->sent_end));
	if (f.u == inc->sent_end)
		inc->sent_end++;
}

static void world_bytes_out(struct end *e, const uint8_t *p, size_t n)
{
	struct link *l = &e->el->link;
	/* A peer of 3.1 is sent packets without their envelopes: no numbers to follow. */
	bool bare = l->session && l->session->n.is_3_1;

	if (bare)
		e->n_frame = 0;
	while (n && !bare) {
		size_t want = e->n_frame < WIRE_HEADER ? WIRE_HEADER : get_le16(e->frame + 12);
		size_t part = want - e->n_frame < n ? want - e->n_frame : n;

		memcpy(e->frame + e->n_frame, p, part);
		e->n_frame += part;
		p += part;
		n -= part;
		if (e->n_frame == WIRE_HEADER)
			MUST(frame_length(e->frame, WIRE_HEADER) >= (int)WIRE_HEADER);
		if (e->n_frame < WIRE_HEADER || e->n_frame < get_le16(e->frame + 12))
			continue;
		world_frame_out(e, e->frame, e->n_frame);
		e->n_frame = 0;
	}
}

static void world_arrive(struct end *to, const uint8_t *p, size_t n)
{
	if (!n || !world_open(to))
		return;
	MUST(to->n_in + n <= PENDING_MAX);
	to->in = realloc(to->in, to->n_in + n);
	MUST(to->in);
	memcpy(to->in + to->n_in, p, n);
	to->n_in += n;
}

/* One write: at most what the end's limit allows, as a full socket takes a part. */
static bool world_write(struct end *e)
{
	struct link *l = &e->el->link;
	struct span out[5];
	size_t sum, left, given = 0;
	int n = 0;

	if (e->other && e->other->n_in > PENDING_MAX / 2)
		return false;
	sum = link_gather(l, out, &n, e->out_max ? e->out_max : 65536);
	MUST(n <= 5);
	left = e->out_max && e->out_max < sum ? e->out_max : sum;
	for (int i = 0; i < n; i++) {
		size_t part = out[i].n < left ? out[i].n : left;

		given += out[i].n;
		left -= part;
		if (part && e->other)
			world_arrive(e->other, out[i].p, part);
		if (part)
			world_bytes_out(e, out[i].p, part);
	}
	MUST(given == sum);
	link_sent(l, e->out_max && e->out_max < sum ? e->out_max : sum);
	return sum != 0;
}

/* All that the node has to write, as far as the other side takes it. */
static void world_flush(struct end *e)
{
	unsigned use = e->use;

	while (world_same(e, use) && link_wants_tx(&e->el->link))
		if (!world_write(e) || e->out_max)
			break;
}

/* Every byte is there to be read. */
static inline void world_look(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)*(const volatile uint8_t *)(p + i);
}

/* ---- actions ---- */

/* The other end of a connection learns that this one is no more. */
static void world_part(struct end *e, bool reset)
{
	struct end *o = e->other;

	e->other = NULL;
	if (!o || !world_open(o))
		return;
	o->other = NULL;
	o->eof = !reset;
	o->reset = reset;
	if (reset)
		o->n_in = o->visible;
}

static void world_shut(struct end *e, enum link_shut how)
{
	struct link *l = &e->el->link;

	MUST(l->state == LINK_GONE);
	for (unsigned i = 0; how == LINK_ORDERLY && i < 8; i++)
		if (!world_write(e))
			break;
	world_part(e, how == LINK_RESET);
	world_forget(e);
}

static void world_up(struct node *n, struct session *s)
{
	struct inc *l = world_inc(n, s);

	MUST(!l->up);
	l->up = true;
	l->ours = s->ours;
	l->theirs = s->incarnation;
}

/* Every message that is not acknowledged can be read, and the numbers fit. */
static void world_delivery(struct inc *l)
{
	struct ring_iter it = { 0 };
	struct ring_delivery fate;
	struct span body;
	bool first, last;
	size_t total;
	uint64_t n = 0;

	ring_delivery(&l->s->ring, &fate);
	MUST(fate.acked <= fate.in_doubt && fate.in_doubt <= fate.unsent);
	MUST(fate.unsent <= l->n_sent);
	while (ring_next(&l->s->ring, &it, &body, &first, &last, &total)) {
		MUST(body.n <= total);
		world_look(body.p, body.n);
		n += last;
		MUST(n <= l->n_sent);
	}
	MUST(n == fate.unsent - fate.acked);
}

static void world_down(struct node *n, struct session *s)
{
	struct inc *l = world_inc(n, s);

	MUST(s->end != SESSION_ALIVE && l->peer->session != s);
	list_each(struct link, k, &n->core.links, all)
		MUST(k->session != s);
	if (l->peer->profile == &profile_native)
		world_delivery(l);
	if (world.hooks->down)
		world.hooks->down(l);
	l->down = true;
	free(session_take_buffer(s));
	free(s);
	l->s = NULL;
}

static void world_dial(struct node *n, const struct core_action *a)
{
	bool probe = a->what == CORE_PROBE;
	struct end *e;

	MUST(a->path < PATHS_MAX);
	if (!probe)
		MUST(!a->peer->up || a->peer->dial_beside);
	e = n->stingy ? NULL : world_end(n);
	if (!e) {
		link_no_dial(&n->core, a->peer, a->path, probe);
		return;
	}
	e->peer = a->peer;
	e->dialled = e->connecting = true;
	link_dial(&n->core, &e->el->link, a->peer, a->path, probe);
	world.hooks->dial(e);
}

/* FUZZ_TRACE=1 shows what happens in a run, for people. */
static void world_trace(const struct node *n, const struct core_action *a)
{
	static const char *const names[] = {
		[CORE_NOTE] = "note", [CORE_DIAL] = "DIAL", [CORE_PROBE] = "PROBE",
		[CORE_TX] = "TX", [CORE_ASK] = "ASK", [CORE_SHUT] = "SHUT",
		[CORE_PROVIDE] = "PROVIDE",
		[CORE_PEER_UP] = "PEER_UP", [CORE_FINISHED] = "FINISHED",
		[CORE_WRITABLE] = "WRITABLE", [CORE_PEER_DOWN] = "PEER_DOWN",
		[CORE_FENCE] = "FENCE", [CORE_RENEW] = "RENEW", [CORE_CLOSED] = "CLOSED",
	};
	static int wanted = -1;

	if (wanted < 0)
		wanted = getenv("FUZZ_TRACE") != NULL;
	if (!wanted)
		return;
	fprintf(stderr, "%llu.%03llu node %u peer %u: %s",
		(unsigned long long)(world.now_ns / MS(1)),
		(unsigned long long)(world.now_ns / 1000 % 1000), n->nodeid,
		a->peer ? a->peer->nodeid : a->note.nodeid, names[a->what]);
	if (a->link)
		fprintf(stderr, " end %u", (unsigned)(world_end_of(a->link) - world.end));
	if (a->what == CORE_NOTE)
		fprintf(stderr, " %s: %s", a->note.text, a->note.detail ? a->note.detail : "");
	fprintf(stderr, "\n");
}

static void world_act(struct node *n, const struct core_action *a)
{
	world_trace(n, a);
	switch (a->what) {
	case CORE_NOTE:
		MUST(a->note.text);
		break;
	case CORE_DIAL:
	case CORE_PROBE:
		world_dial(n, a);
		break;
	case CORE_TX:
		world_flush(world_end_of(a->link));
		break;
	case CORE_ASK:
		/* Between two nodes all arrives; of the target's own links half are stuck. */
		link_transport(a->link, !world_end_of(a->link)->tame &&
			       (world_end_of(a->link) - world.end) & 1, world.now_ns);
		break;
	case CORE_SHUT:
		world_shut(world_end_of(a->link), a->how);
		break;
	case CORE_PROVIDE:
		world_provide(n, a->peer);
		break;
	case CORE_LINK_UP:
	case CORE_FINISHING:
	case CORE_PATH:
		break;
	case CORE_PEER_UP:
		world_up(n, a->session);
		break;
	case CORE_FINISHED:
		MUST(!world_inc(n, a->session)->finished);
		world_inc(n, a->session)->finished = true;
		break;
	case CORE_WRITABLE:
		MUST(!world_inc(n, a->session)->down);
		break;
	case CORE_PEER_DOWN:
		world_down(n, a->session);
		break;
	case CORE_FENCE:
		n->fenced[world_index(n, a->peer)] = true;
		break;
	case CORE_RENEW:
		n->renew_asked = true;
		break;
	case CORE_CLOSED:
		MUST(n->core.closing && !n->closed);
		n->closed = true;
		break;
	}
}

/* Invariants between any two events. */
static void world_check(const struct node *n)
{
	list_each(const struct peer, p, &n->core.peers, all) {
		const struct session *s = p->session;

		MUST(!p->up || p->up->state == LINK_UP);
		MUST(!p->up || p->up->peer == p);
		if (!s)
			continue;
		MUST(s->end == SESSION_ALIVE && s->peer == p);
		MUST(!p->up || p->up->session == s);
		/* Nothing is acknowledged that did not go out whole; 3.1 acknowledges nothing. */
		if (!s->n.is_3_1)
			MUST(!seq_after(s->ring.acked_seq,
					world_inc((struct node *)n, s)->sent_end));
	}
	list_each(const struct link, l, &n->core.links, all) {
		MUST(l->state != LINK_GONE);
		MUST(l->ctl_off <= l->ctl_len && l->ctl_len <= LINK_CTL_MAX);
		MUST(!l->session || (link_is_up(l) && l->session->end == SESSION_ALIVE));
	}
}

static void world_settle(struct node *n)
{
	struct core_action a;
	unsigned polls = 0;

	while (core_poll(&n->core, &a)) {
		MUST(++polls < POLLS_MAX);
		world_act(n, &a);
	}
	world_check(n);
}

#endif
