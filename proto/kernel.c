/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the rules of the dlm profile: the peer is a Linux kernel. No HELLO; a
 * session is what lies between two membership events; two links are legal, and a
 * kernel sends on the one that it opened. Facts: the captures in tests/golden and linux
 * fs/dlm/{lowcomms,midcomms}.c as observed from 6.1 and 6.12.
 *
 * A kernel repeats what is unacknowledged after a socket error alone, never
 * after an orderly end: our side ends links by a reset until both FINs are
 * acknowledged, and a gap on a fresh link is answered by a reset as well.
 */
#include "kernel.h"

#include "ring_out.h"
#include "rx.h"
#include "seq.h"

#include <errno.h>

/* The other living link of the peer, if any. */
static struct link *other_link(const struct link *l)
{
	list_each(struct link, o, &l->peer->links, of_peer)
		if (o != l && o->state == LINK_UP)
			return o;
	return NULL;
}

/* The session sends on l from now on: everything unacknowledged once more. */
static void send_on(struct link *l)
{
	struct session *s = l->peer->session;

	l->rx_only = false;
	l->session = s;
	session_link_up(s, l, s->ring.acked_seq);
}

void kernel_link_open(struct link *l)
{
	struct core *core = l->core;
	struct peer *p = l->peer;

	l->read_hello = true;
	l->last_rx_ns = core->now_ns;
	if (!p->session) {
		/* Not a member (yet): nothing is read before membership says so. */
		l->state = LINK_HELD;
		l->held_since_ns = core->now_ns;
		link_deadline(l, core->cfg.held_ns);
		return;
	}
	l->state = LINK_UP;
	l->deadline_ns = CORE_NEVER;
	l->life = p->session->incarnation;
	/* A newer accepted connection replaces the older one. */
	list_each(struct link, o, &p->links, of_peer)
		if (o != l && !o->dialled && !l->dialled)
			link_shut(o, LINK_RESET);
	if (p->up) {
		l->rx_only = true;
		l->session = p->session;
	} else {
		send_on(l);
	}
	paths_ok(&p->paths, l->path, core->now_ns, 0);
}

void kernel_opened(struct peer *p)
{
	list_each(struct link, l, &p->links, of_peer)
		if (l->state == LINK_HELD)
			kernel_link_open(l);
}

void kernel_link_gone(struct link *l)
{
	struct peer *p = l->peer;
	struct link *o;

	if (p->up || !p->session)
		return;
	o = other_link(l);
	if (o && o->session == p->session)
		send_on(o);
}

/* ---- reading ---- */

/* It could not read what went out as 3.2: once more, without the envelopes. */
static void downgrade(struct session *s)
{
	if (!ring_mid_frame(&s->ring))
		ring_resume(&s->ring, s->ring.acked_seq);
	if (s->peer->up)
		link_raise_tx(s->peer->up);
	session_unreliable_done(s);
}

/* The first packet fixes the version of the peer. */
static enum rx_result version(struct link *l, uint32_t v)
{
	struct session *s = l->session;
	enum core_policy_31 policy = l->core->cfg.policy_31;

	if (v != WIRE_VERSION_3_2 && v != WIRE_VERSION_3_1)
		return link_fault(l, "unknown DLM protocol version");
	if (!s->version) {
		if (v == WIRE_VERSION_3_1 && policy == CORE_31_REFUSE)
			return link_fault(l, "DLM protocol 3.1, refused by policy");
		s->version = v;
		if (v == WIRE_VERSION_3_1)
			core_note(l->core, policy == CORE_31_WARN ? NOTE_WARNING : NOTE_INFO,
				  l->peer->nodeid, l,
				  "DLM protocol 3.1: no retransmission, messages may be lost");
		if (v == WIRE_VERSION_3_1)
			downgrade(s);
	}
	return s->version == v ? RX_MSG : RX_MORE;
}

static enum rx_result deliver(struct session *s, struct rx *rx, const uint8_t *p, size_t n)
{
	count(&s->n.delivered, 1);
	rx->msg = p;
	rx->msg_len = n;
	rx->session = s;
	return RX_MSG;
}

static enum rx_result sequenced(struct link *l, struct rx *rx, const struct frame *f)
{
	struct session *s = l->session;
	enum rx_result r;

	if (seq_after(f->u, s->expected)) {
		/* Lost behind an orderly end, or still on the way on the other link:
		 * only a reset makes a kernel repeat. */
		core_note(l->core, NOTE_INFO, l->peer->nodeid, l,
			  "sequence gap, resetting the link so that the kernel retransmits");
		l->why = LINK_WHY_STUCK;
		l->progress = true;
		link_lost(l, false);
		return RX_GONE;
	}
	r = s->got_fin && f->u == s->expected ? RX_MORE : rx_sequence(l, f->u);
	if (r != RX_MSG)
		return r;
	if (f->nextcmd == WIRE_FIN_CMD)
		return rx_fin(l);
	rx_delivered(s, f->length);
	if (f->nextcmd != WIRE_MSG && f->nextcmd != WIRE_RCOM)
		return RX_MORE;		/* unknown to 3.2: taken, not delivered */
	return deliver(s, rx, f->inner, f->inner_len);
}

enum rx_result kernel_rx(struct link *l, struct rx *rx, const uint8_t *p, size_t n)
{
	struct session *s = l->session;
	struct frame f;
	enum rx_result r;
	int err;

	if (!s)
		return RX_MORE;		/* CLOSED: only membership opens */
	if (n > WIRE_OPTS + WIRE_DLM_MAX)
		return link_fault(l, "packet longer than the kernel's limit");
	err = frame_parse(p, n, &f);
	if (err == -EPROTONOSUPPORT)
		return version(l, get_le32(p));
	if (err)
		return link_fault(l, "malformed packet");
	if (f.nodeid != l->peer->nodeid)
		return link_fault(l, "packet from another nodeid");
	r = version(l, f.version);
	if (r != RX_MSG)
		return r;
	if (s->end != SESSION_ALIVE)
		return RX_GONE;
	l->last_rx_ns = l->core->now_ns;
	switch (f.cmd) {
	case WIRE_ACK:
		count(&s->n.acks_received, 1);
		return session_acked(s, f.u) < 0 ?
			link_fault(l, "ACK of data never sent") : RX_MORE;
	case WIRE_OPTS_CMD:
		return sequenced(l, rx, &f);
	default:
		if (s->got_fin)
			return RX_MORE;		/* behind its FIN nothing is delivered */
		rx->bare = true;
		return deliver(s, rx, p, n);
	}
}

/* ---- writing ---- */

/*
 * A peer of 3.1 knows no OPTS: of what is to be written only the first packet is
 * left, without its envelope.
 */
size_t kernel_strip(struct link *l, struct span data[3], int *n, size_t mid)
{
	size_t bytes = mid;

	*n = 1;
	if (!mid) {
		bytes = get_le16(data[0].p + offsetof(struct wire_header, length)) - WIRE_OPTS;
		data[0].p += WIRE_OPTS;
		l->stripped = true;
	}
	data[0].n = bytes;
	return bytes;
}

/* n bytes of a stripped packet were written; what is written there is done with. */
void kernel_stripped_sent(struct link *l, size_t n)
{
	struct session *s = l->session;

	if (n)
		ring_sent(&s->ring, n + WIRE_OPTS);
	l->stripped = false;
	if (ring_mid_frame(&s->ring) || s->ring.sent == s->ring.acked_pos)
		return;
	/* With it all that went out before the version was known. */
	while (s->end == SESSION_ALIVE && s->ring.acked_pos != s->ring.sent)
		if (session_acked(s, s->ring.acked_seq + 1) <= 0)
			break;
	session_unreliable_done(s);
	if (s->end == SESSION_ALIVE && ring_has_unsent(&s->ring))
		link_raise_tx(l);
}

int peer_send_bare(struct peer *p, const void *packet, size_t len)
{
	uint8_t *ctl;

	if (len < WIRE_HEADER || len > LINK_CTL_MAX / 2)
		return -EMSGSIZE;
	if (!p->up)
		return -EAGAIN;
	ctl = link_ctl(p->up, len);
	if (!ctl)
		return -EAGAIN;
	memcpy(ctl, packet, len);
	link_ctl_done(p->up, len);
	return 0;
}
