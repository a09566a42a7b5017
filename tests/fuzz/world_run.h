/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Feeds a core: bytes in pieces that end where their block ends, ends of
 * connections, time, and an application that numbers what it says and checks what it hears.
 * Knows neither what the other ends are nor what is done when: that is the target's.
 */
#ifndef SINEW_TESTS_FUZZ_WORLD_RUN_H
#define SINEW_TESTS_FUZZ_WORLD_RUN_H

#include "tests/fuzz/world_act.h"

/* ---- what comes in ---- */

static inline bool native_sequenced(uint8_t cmd)
{
	return cmd == WIRE_DATA || cmd == WIRE_FRAGMENT || cmd == WIRE_FIN_CMD;
}

/* Sequenced frames in what was consumed, counted as the protocol says. */
static const uint8_t *world_consumed(struct inc *l, const uint8_t *p, const uint8_t *end,
				     bool native, bool *ret_fresh)
{
	const uint8_t *last = p;

	*ret_fresh = false;
	while (p < end) {
		int n = frame_length(p, (size_t)(end - p));
		struct frame f;

		MUST(n >= (int)WIRE_HEADER && n <= end - p);
		last = p;
		*ret_fresh = false;
		if (!frame_parse(p, (size_t)n, &f) && f.cmd == WIRE_OPTS_CMD &&
		    (native ? native_sequenced(f.nextcmd) :
		     l->s->n.is_3_1 == (f.version == WIRE_VERSION_3_1)) &&
		    f.u == l->expected && !l->fin_seen) {
			l->expected++;
			l->fin_seen = f.nextcmd == WIRE_FIN_CMD;
			*ret_fresh = true;
		}
		p += n;
	}
	return last;
}

static void world_message(struct end *e, struct inc *l, const struct rx *rx,
			  const uint8_t *last, bool fresh)
{
	bool native = l->peer->profile == &profile_native;
	struct frame f;

	MUST(rx->session == l->s && l->up && !l->down && !l->finished);
	MUST(!l->s->rx_paused);
	MUST(frame_parse(last, (size_t)(rx->p - last), &f) == 0);
	/* In order and once: the frame that completed it had the number that was next. */
	MUST(fresh || (!native && rx->bare));
	if (!rx->provided) {
		MUST(rx->msg >= last && rx->msg + rx->msg_len == rx->p);
		MUST(!native || f.nextcmd == WIRE_DATA);
	} else {
		MUST(native && f.nextcmd == WIRE_FRAGMENT);
	}
	MUST(rx->msg_len <= e->node->core.cfg.max_message || !native);
	world_look(rx->msg, rx->msg_len);
	l->n_got++;
	if (world.hooks->message)
		world.hooks->message(l, rx->msg, rx->msg_len);
	if (rx->provided)
		free((void *)(uintptr_t)rx->msg);
}

/* Fresh memory of just that size; the second chance of a caller without any comes later. */
static bool world_provide_buffer(struct end *e, const struct rx *rx)
{
	uint8_t *buf;

	MUST(rx->need && rx->need <= e->node->core.cfg.max_message);
	if (e->node->stingy)
		return false;
	buf = malloc(rx->need);
	MUST(buf);
	if (link_provide(&e->el->link, buf))
		return true;
	free(buf);
	return false;
}

/* Gives the core once more the bytes that the node has read and not consumed. */
static void world_parse(struct end *e)
{
	uint8_t *copy = input_copy(e->in, e->visible);
	struct rx rx = { .p = copy, .end = copy + e->visible };
	size_t calls = 0, visible = e->visible;
	unsigned use = e->use;

	e->scanned = 0;
	while (world_same(e, use)) {
		const uint8_t *before = rx.p, *last;
		struct session *s = e->el->link.session;
		struct inc *l = s ? world_inc(e->node, s) : NULL;
		enum rx_result r = link_rx(&e->el->link, &rx);
		bool fresh = false;

		MUST(rx.p >= before && rx.p <= rx.end);
		MUST(++calls <= 2 * visible + 100);
		last = l ? world_consumed(l, before, rx.p, l->peer->profile == &profile_native,
					  &fresh) : before;
		if (r == RX_MSG) {
			MUST(l);
			world_message(e, l, &rx, last, fresh);
		}
		if (r != RX_MSG && r != RX_BUFFER)
			world_settle(e->node);
		if (r == RX_MSG || r == RX_AGAIN)
			continue;
		if (r != RX_BUFFER || !world_provide_buffer(e, &rx) || e->breaks_off)
			break;
	}
	if (world_same(e, use)) {
		size_t used = (size_t)(rx.p - copy);

		e->n_in -= used;
		e->visible -= used;
		if (e->n_in)
			memmove(e->in, e->in + used, e->n_in);
		if (e->el->link.state != LINK_GONE)
			link_rx_done(&e->el->link);
	}
	free(copy);
	world_settle(e->node);
}

/* The connection ends for the node. */
static void world_break(struct end *e, bool eof, bool refused)
{
	if (!world_open(e))
		return;
	world_part(e, !eof);
	if (refused && e->connecting)
		link_refused(&e->el->link);
	else
		link_dead(&e->el->link, eof);
	world_forget(e);
	world_settle(e->node);
}

/* n more bytes of what is under way arrive; the end of the stream behind the last one. */
static void world_read(struct end *e, size_t n)
{
	unsigned use = e->use;

	if (!world_open(e) || e->connecting)
		return;
	e->visible += n < e->n_in - e->visible ? n : e->n_in - e->visible;
	if (e->visible)
		world_parse(e);
	if (world_same(e, use) && (e->eof || e->reset) && e->visible == e->n_in)
		world_break(e, e->eof, false);
}

static void world_scan(struct end *e)
{
	uint8_t *copy;

	if (!world_open(e) || e->connecting || !e->visible)
		return;
	copy = input_copy(e->in, e->visible);
	link_scan(&e->el->link, copy, e->visible, &e->scanned);
	MUST(e->scanned <= e->visible);
	free(copy);
	world_settle(e->node);
}

static void world_connected(struct end *e)
{
	if (!world_open(e) || !e->connecting)
		return;
	e->connecting = false;
	link_connected(&e->el->link);
}

/* An end that the target writes to; dlm: from an address of that peer of the dlm profile. */
static struct end *world_accept(struct node *n, const struct path_addr *from, struct peer *dlm)
{
	struct end *e = world_end(n);

	if (!e)
		return NULL;
	if (dlm)
		link_accept_dlm(&n->core, &e->el->link, dlm, from);
	else
		link_accept(&n->core, &e->el->link, from);
	e->peer = dlm;
	return e;
}

static inline struct path_addr world_addr(uint32_t nodeid, unsigned path)
{
	return (struct path_addr) { .ip = { [14] = (uint8_t)path, [15] = (uint8_t)nodeid },
				    .port = 1 };
}

/* ---- the application ---- */

static inline struct inc *world_present(struct node *n, const struct peer *p)
{
	return p->session ? world_inc(n, p->session) : NULL;
}

static inline uint8_t world_byte(unsigned said, size_t i)
{
	return (uint8_t)(said * 131 + (said >> 8) + i * 7);
}

static void world_say(struct inc *l, size_t len)
{
	static uint8_t bytes[SAID_LONGEST];
	struct span part = { bytes, len };
	uint64_t number = 0;
	int r;

	if (l->down || l->n_said == SAID_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		bytes[i] = world_byte(l->n_said, i);
	if (!session_send_plain(l->s, bytes, len)) {
		r = session_send(l->s, &part, 1, len, &number);
		MUST(r == 0 || r == -EAGAIN || r == -EMSGSIZE || r == -ESHUTDOWN);
		if (r)
			return;
		MUST(l->n_slots || number == l->n_sent + 1);
	}
	l->said[l->n_said++] = (struct said) { SAID_DONE, len };
	l->n_sent++;
	session_schedule(l->s);
	world_settle(l->node);
}

static void world_slot_get(struct inc *l, size_t len)
{
	struct slot *t = &l->slots[l->n_slots];

	if (l->n_said == SAID_MAX || l->n_slots == SLOTS_HELD ||
	    l->peer->profile != &profile_native)
		return;
	if (session_reserve(l->s, len, &t->data, &t->slot))
		return;
	t->said = l->n_said;
	l->said[l->n_said++] = (struct said) { SAID_OPEN, len };
	l->n_slots++;
}

/* used: more than there is cancels. */
static void world_slot_give(struct inc *l, unsigned i, size_t used)
{
	struct slot t;
	struct said *said;
	int r;

	if (i >= l->n_slots)
		return;
	t = l->slots[i];
	said = &l->said[t.said];
	l->slots[i] = l->slots[--l->n_slots];
	if (used <= said->len) {
		for (size_t k = 0; k < used; k++)
			t.data[k] = world_byte(t.said, k);
		r = ring_commit(&l->s->ring, t.slot, used, NULL);
		MUST(r == 0 || r == -ESHUTDOWN);
	} else {
		r = ring_discard(&l->s->ring, t.slot);
		MUST(r == 0 || r == -ESHUTDOWN);
		r = -ECANCELED;
	}
	said->state = r ? SAID_VOID : SAID_DONE;
	said->len = used;
	l->n_sent += r == 0;
	session_schedule(l->s);
	world_settle(l->node);
}

/* l hears exactly what from has said next. */
static void world_heard(struct inc *l, const struct inc *from, const uint8_t *p, size_t n)
{
	while (l->n_heard < from->n_said && from->said[l->n_heard].state == SAID_VOID)
		l->n_heard++;
	MUST(l->n_heard < from->n_said && from->said[l->n_heard].state == SAID_DONE);
	MUST(n == from->said[l->n_heard].len);
	for (size_t i = 0; i < n; i++)
		MUST(p[i] == world_byte(l->n_heard, i));
	l->n_heard++;
}

/* The other node's end of the same session. */
static struct inc *world_twin(const struct inc *l)
{
	struct node *n = l->node == world.node ? &world.node[1] : world.node;

	for (unsigned i = n->n_incs; i-- > 0;)
		if (n->inc[i].up && n->inc[i].ours == l->theirs &&
		    n->inc[i].theirs == l->ours)
			return &n->inc[i];
	return NULL;
}

/* ---- time ---- */

/* All clocks move on; a core that wants to be called at once again and again is wrong. */
static void world_tick(uint64_t now_ns)
{
	world.now_ns = now_ns;
	for (unsigned i = 0; i < world.n_nodes; i++) {
		struct node *n = &world.node[i];
		unsigned again = 0;

		core_now(&n->core, now_ns);
		while (core_deadline(&n->core) <= now_ns) {
			MUST(++again < 4);
			core_tick(&n->core);
			world_settle(n);
		}
	}
}

static uint64_t world_deadline(void)
{
	uint64_t d = CORE_NEVER;

	for (unsigned i = 0; i < world.n_nodes; i++)
		if (core_deadline(&world.node[i].core) < d)
			d = core_deadline(&world.node[i].core);
	return d;
}

/* ---- connections between nodes of the world ---- */

/* The other side of a dial: an end at to, which reads what this one writes. */
static void world_join(struct end *e, struct node *to, unsigned path)
{
	struct path_addr addr = world_addr(e->node->nodeid, path);
	struct end *o = world_accept(to, &addr, NULL);

	e->tame = true;
	if (!o)
		return;
	o->tame = true;
	o->other = e;
	e->other = o;
}

/* Everything that is under way between nodes arrives, until nothing is. */
static void world_pump(void)
{
	bool moved = true;

	for (unsigned rounds = 0; moved; rounds++) {
		MUST(rounds < PUMPS_MAX);
		moved = false;
		for (struct end *e = world.end; e < &world.end[ENDS_MAX]; e++) {
			if (!world_open(e) || !e->tame || e->connecting)
				continue;
			moved |= e->n_in != e->visible || e->eof || e->reset;
			world_read(e, e->n_in);
			e->out_max = 0;
			if (world_open(e))
				world_flush(e);
		}
	}
}

/* ---- begin and end ---- */

static void world_boot(struct node *n, const struct core_config *cfg)
{
	n->n_peers = 0;
	n->nodeid = cfg->nodeid;
	n->stingy = n->slow_dials = n->closed = n->renew_asked = false;
	memset(n->fenced, 0, sizeof n->fenced);
	core_init(&n->core, cfg, world.now_ns);
}

static struct node *world_node(const struct core_config *cfg)
{
	struct node *n = &world.node[world.n_nodes++];

	n->n_incs = 0;
	world_boot(n, cfg);
	return n;
}

/* The program of a node dies: its connections break, its memory goes, nobody is told. */
static inline void world_kill(struct node *n)
{
	for (struct end *e = world.end; e < &world.end[ENDS_MAX]; e++) {
		if (!world_open(e) || e->node != n)
			continue;
		world_part(e, true);
		world_forget(e);
	}
	for (unsigned i = 0; i < n->n_incs; i++) {
		struct inc *l = &n->inc[i];

		if (!l->s)
			continue;
		free(session_take_buffer(l->s));
		free(l->s);
		l->s = NULL;
		l->down = true;
	}
}

static struct peer *world_peer(struct node *n, uint32_t nodeid, const struct profile *profile,
			       unsigned n_addrs)
{
	unsigned i = n->n_peers++;

	for (unsigned k = 0; k < 2; k++)
		n->addr[i][k] = world_addr(nodeid, k);
	peer_add(&n->core, &n->peer[i], nodeid, profile, n->addr[i], n_addrs);
	world_provide(n, &n->peer[i]);
	return &n->peer[i];
}

static void world_begin(const struct world_hooks *hooks)
{
	world.n_nodes = world.n_rings = 0;
	world.hooks = hooks;
	world.now_ns = MS(1000);
}

/* The linger time is over: everything that was provided must come back. */
static void world_over(void)
{
	for (unsigned i = 0; i < world.n_nodes; i++) {
		struct node *n = &world.node[i];

		core_close(&n->core);
		world_settle(n);
		core_linger_over(&n->core);
		world_settle(n);
		MUST(n->closed);
		MUST(list_empty(&n->core.links) && !core_pending(&n->core));
		for (unsigned k = 0; k < n->n_incs; k++) {
			struct inc *l = &n->inc[k];

			if (l->s && !l->down) {
				MUST(l->peer->session != l->s);
				free(l->s);
			}
		}
	}
	for (unsigned i = 0; i < ENDS_MAX; i++)
		MUST(!world_open(&world.end[i]));
}

#endif
