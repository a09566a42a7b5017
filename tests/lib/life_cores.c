/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the cores of a life ask for and what arrives at them; knows no story. */
#include "tests/lib/life_cores.h"

#include <stdlib.h>

/* ---- what a core asks for ---- */

static void dial(struct life_node *n, unsigned path, bool probe)
{
	struct life_conn *c = calloc(1, sizeof *c);

	if (!c || life->n_conns == LIFE_LINKS)
		give_up("too many links");
	life->conns[life->n_conns++] = c;
	c->number = life->n_conns;
	c->path = path;
	for (unsigned side = 0; side < 2; side++) {
		c->end[side].conn = c;
		c->end[side].side = side;
	}
	c->end[0].node = n;
	/* C has no listener. */
	c->end[1].node = &life->node[n->nodeid == 1 ? (life->node[C].by_hand ? C : B) : A];
	c->end[0].begun = c->end[0].open = true;
	SAY(n, c, "dials %c%s%s", c->end[1].node->letter, path ? " on path 1" : "",
	    probe ? " to probe it" : "");
	link_dial(&n->core, &c->end[0].link, &n->peer, path, probe);
	if (!black_hole(c))
		happens(SYN, c, 1);
}

static void asked_to_dial(struct life_node *n, unsigned path, bool probe)
{
	if (!n->cannot_dial) {
		dial(n, path, probe);
		return;
	}
	if (!n->said_so)
		SAY(n, NULL, "cannot dial");
	n->said_so = true;
	link_no_dial(&n->core, &n->peer, path, probe);
}

static void asked_to_shut(struct life_end *e, enum link_shut how)
{
	e->open = false;
	e->ended = how == LINK_ORDERLY ? "shut in order" : "reset";
	if (how == LINK_ORDERLY) {
		transmit(e);
		e->draining = true;
	}
	happens(how == LINK_ORDERLY ? EOF_ : RST, e->conn, !e->side);
	say_states();
}

static void session_over(struct life_node *n, struct session *s)
{
	static const char *const names[] = {
		[SESSION_CLOSED] = "CLOSED", [SESSION_LEFT] = "LEFT", [SESSION_FAILED] = "FAILED",
		[SESSION_SUPERSEDED] = "SUPERSEDED", [SESSION_RENEWED] = "RENEWED",
		[SESSION_LINGER] = "LINGER", [SESSION_ABORTED] = "ABORTED",
		[SESSION_REMOVED] = "REMOVED", [SESSION_REFUSED] = "REFUSED",
	};
	struct ring_delivery d;

	ring_delivery(&s->ring, &d);
	SAY(n, NULL, "session down: %s; acknowledged %u, in doubt %u, unsent %u", names[s->end],
	    (unsigned)d.acked, (unsigned)(d.in_doubt - d.acked),
	    (unsigned)(d.unsent - d.in_doubt));
	free(session_take_buffer(s));
	n->session = NULL;
}

static void noted(struct life_node *n, const struct note *t)
{
	if (t->fsm)
		SAY(n, NULL, "%s --%s--> %s", fsm_state_name(t->from), fsm_event_name(t->event),
		    fsm_state_name(t->to));
	else if (t->level <= NOTE_WARNING)
		SAY(n, NULL, "says: %s%s%s", t->text, t->detail ? ": " : "",
		    t->detail ? t->detail : "");
}

static void asked_about(struct link *l)
{
	const struct life_end *e = end_of(l);

	link_transport(l, e->waits_ns != 0, life->now_ns - e->heard_ns);
}

static void renew(struct life_node *n)
{
	n->runs++;
	SAY(n, NULL, "renews: it is %c%u", n->letter, n->runs);
	core_renew(&n->core, life_incarnation(n->letter, n->runs));
}

static void act(struct life_node *n, const struct core_action *a)
{
	switch (a->what) {
	case CORE_NOTE:
		noted(n, &a->note);
		break;
	case CORE_DIAL:
	case CORE_PROBE:
		asked_to_dial(n, a->path, a->what == CORE_PROBE);
		break;
	case CORE_TX:
		transmit(end_of(a->link));
		break;
	case CORE_ASK:
		asked_about(a->link);
		break;
	case CORE_SHUT:
		asked_to_shut(end_of(a->link), a->how);
		break;
	case CORE_PROVIDE:
		peer_provide(a->peer, life_session(n));
		break;
	case CORE_PEER_UP:
		n->session = a->session;
		SAY(n, NULL, "session up with %c%u", (char)(a->session->incarnation >> 8),
		    (unsigned)(a->session->incarnation & 0xff));
		break;
	case CORE_LINK_UP:
		SAY(n, NULL, "is sent on a new link");
		break;
	case CORE_FINISHED:
		SAY(n, NULL, "the peer has finished");
		break;
	case CORE_WRITABLE:
		SAY(n, NULL, "may send again");
		break;
	case CORE_PEER_DOWN:
		session_over(n, a->session);
		break;
	case CORE_FINISHING:
	case CORE_PATH:
		break;
	case CORE_FENCE:
		SAY(n, NULL, "asks for fencing");
		break;
	case CORE_RENEW:
		renew(n);
		break;
	case CORE_CLOSED:
		SAY(n, NULL, "is closed");
		break;
	}
}

static void turn(struct life_node *n)
{
	struct core_action a;

	if (!n->alive || n->by_hand)
		return;
	while (core_poll(&n->core, &a)) {
		say_states();
		act(n, &a);
	}
	say_states();
}

/* ---- reading ---- */

/* A message of the story is its name, and zeros behind that. */
static void deliver(struct life_end *e, const struct rx *rx)
{
	size_t name = 0;

	trace_when(e->node, e->conn);
	if (e->node->peer.profile->hello) {
		trace_add(&life->trace, "delivers");
		say_body(&life->trace, rx->msg, rx->msg_len);
		while (name < rx->msg_len && rx->msg[name])
			name++;
		while (name < rx->msg_len && !rx->msg[name])
			name++;
		CHECK_EQ(name, rx->msg_len);
	} else {
		trace_add(&life->trace, "delivers a packet of %zu bytes", rx->msg_len);
	}
	trace_add(&life->trace, "\n");
	if (rx->provided)
		free((void *)(uintptr_t)rx->msg);
}

/* Reads as far as the core takes it. */
static void read_end(struct life_conn *c, unsigned side)
{
	struct life_end *e = &c->end[side];
	struct rx rx = { .p = e->in, .end = e->in + e->n_in };
	enum rx_result r = RX_AGAIN;

	while (e->open && (r == RX_AGAIN || r == RX_MSG || r == RX_BUFFER)) {
		r = link_rx(&e->link, &rx);
		say_states();
		if (r == RX_MSG) {
			deliver(e, &rx);
			rx.provided = false;
		} else if (r == RX_BUFFER) {
			uint8_t *buf = malloc(rx.need);

			if (!link_provide(&e->link, buf))
				free(buf);
		}
		turn(e->node);
	}
	if (rx.p != e->in)
		e->scanned = 0;
	e->n_in = e->open ? (size_t)(rx.end - rx.p) : 0;
	memmove(e->in, rx.p, e->n_in);
	if (!e->open)
		return;
	if (r == RX_PAUSED && !link_is_held(&e->link))
		link_scan(&e->link, e->in, e->n_in, &e->scanned);
	link_rx_done(&e->link);
	turn(e->node);
}

/* Held links are read on once they are held no longer. */
static void read_waiting(struct life_node *n)
{
	for (unsigned i = 0; i < 2 * life->n_conns; i++) {
		struct life_conn *c = life->conns[i / 2];
		struct life_end *e = &c->end[i % 2];

		if (e->node == n && e->open && e->n_in && !link_is_held(&e->link) && !n->by_hand)
			read_end(c, i % 2);
	}
}

void enter(struct life_node *n)
{
	if (n->alive && !n->by_hand)
		core_now(&n->core, life->now_ns);
}

void leave(struct life_node *n)
{
	turn(n);
	read_waiting(n);
}

/* ---- events ---- */

static void accept_dial(struct life_conn *c)
{
	struct life_end *e = &c->end[1];
	struct life_node *n = e->node, *from = c->end[0].node;
	struct path_addr a = life_address(from->address, c->path);

	if (!n->alive) {
		happens(NOBODY, c, 0);
		return;
	}
	e->begun = e->open = true;
	e->heard_ns = life->now_ns;
	happens(SYN_ACK, c, 0);
	if (n->by_hand)
		return;
	if (n->peer.profile->hello)
		link_accept(&n->core, &e->link, &a);
	else
		link_accept_dlm(&n->core, &e->link, &n->peer, &a);
	say_states();
}

void broke(struct life_end *e, const char *how, bool eof)
{
	e->open = false;
	e->ended = how;
	if (!e->node->by_hand)
		link_dead(&e->link, eof);
	say_states();
}

static void bytes_arrive(struct life_conn *c, unsigned side, struct life_event *ev)
{
	struct life_end *e = &c->end[side];

	if (!e->open) {
		SAY(e->node, c, "does not read %s", ev->names);
		if (!e->draining && e->node->alive)
			happens(RST, c, !side);
	} else if (!e->node->by_hand) {
		if (ev->n > sizeof e->in - e->n_in)
			give_up("too much that is not read");
		memcpy(e->in + e->n_in, ev->bytes, ev->n);
		e->n_in += ev->n;
		read_end(c, side);
	}
	free(ev->bytes);
}

static void end_arrives(struct life_conn *c, unsigned side)
{
	struct life_end *e = &c->end[side];

	if (e->draining) {
		e->draining = false;
		SAY(e->node, c, "has ended in order at both ends");
		if (e->node->alive && !e->node->by_hand)
			peer_drained(&e->node->core, e->node->peer.nodeid, e->link.incarnation);
	} else if (e->open) {
		happens(EOF_, c, !side);
		broke(e, "ended by the peer", true);
	}
}

void happen(struct life_event *ev)
{
	struct life_end *e = &ev->conn->end[ev->to];

	enter(e->node);
	e->heard_ns = life->now_ns;
	e->waits_ns = 0;
	switch (ev->what) {
	case SYN:
		accept_dial(ev->conn);
		break;
	case SYN_ACK:
		if (e->open)
			link_connected(&e->link);
		break;
	case NOBODY:
		if (e->open) {
			e->open = false;
			e->ended = "nobody listens";
			link_refused(&e->link);
		}
		break;
	case BYTES:
		bytes_arrive(ev->conn, ev->to, ev);
		break;
	case EOF_:
		end_arrives(ev->conn, ev->to);
		break;
	case RST:
		if (e->open)
			broke(e, "broken", false);
		e->draining = false;
		break;
	}
	leave(e->node);
}
