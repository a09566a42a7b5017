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
#include "dlm_profile.h"

#include "check.h"
#include "profile.h"
#include "ring_out.h"
#include "rx.h"
#include "seq.h"

#include <assert.h>
#include <errno.h>

/* ---- session ---- */

/* A peer of 3.1 repeats nothing and acknowledges nothing. */
static bool unreliable(const struct session *s)
{
	return s->version == WIRE_VERSION_3_1;
}

static int send(struct session *s, const struct span *parts, int n, size_t len,
		uint64_t *ret_number)
{
	return n == 1 ? ring_send_dlm(&s->ring, parts->p, len, ret_number) : -EINVAL;
}

/* 3.1: everything was written after session_finish(). */
static void unreliable_done(struct session *s)
{
	assert(unreliable(s));
	if (s->finish_wanted && ring_all_acked(&s->ring))
		session_end(s, SESSION_LEFT);
}

static void finish(struct session *s)
{
	if (unreliable(s) && s->finish_wanted) {
		/* No FIN there: over when the queue is written. */
		ring_close(&s->ring);
		unreliable_done(s);
	} else {
		session_event(s, FSM_CLOSE, NULL);
	}
}

/* ---- link ---- */

/* The session sends on l from now on: everything unacknowledged once more. */
static void send_on(struct link *l)
{
	struct session *s = l->peer->session;

	assert(s && s->peer == l->peer && (!l->session || l->session == s));
	link_event(l, LINK_EV_UP);
	l->session = s;
	session_link_up(s, l, s->ring.acked_seq);
}

static void connected(struct link *l)
{
	struct core *core = l->core;
	struct peer *p = l->peer;

	assert(!l->session && !l->peer->profile->hello);
	l->last_rx_ns = core->now_ns;
	if (!p->session) {
		/* Not a member (yet): nothing is read before membership says so. */
		link_event(l, LINK_EV_HOLD);
		return;
	}
	link_event(l, LINK_EV_RX_ONLY);
	l->incarnation = p->session->incarnation;
	/* A newer accepted connection replaces the older one. */
	list_each(struct link, o, &p->links, of_peer)
		if (o != l && !o->dialled && !l->dialled)
			link_shut(o, LINK_RESET);
	if (p->up)
		l->session = p->session;
	else
		send_on(l);
	paths_ok(&p->paths, l->path, core->now_ns, 0);
}

void link_accept_dlm(struct core *core, struct link *l, struct peer *p,
		     const struct path_addr *from)
{
	link_init(core, l);
	link_belongs_to(l, p);
	l->from = *from;
	connected(l);
	link_check(l);
}

static void admit(struct peer *p)
{
	if (!p->session)
		return;
	list_each(struct link, l, &p->links, of_peer)
		if (l->state == LINK_HELD)
			connected(l);
}

static void send_on_other(struct peer *p)
{
	list_each(struct link, l, &p->links, of_peer)
		if (l->state == LINK_RX_ONLY && !p->up)
			send_on(l);
}

/* ---- reading ---- */

/* It could not read what went out as 3.2: once more, without the envelopes. */
static void downgrade(struct session *s)
{
	assert(unreliable(s));
	if (!ring_mid_frame(&s->ring))
		ring_resume(&s->ring, s->ring.acked_seq);
	if (s->peer->up)
		link_mark_tx(s->peer->up);
	unreliable_done(s);
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
		if (v == WIRE_VERSION_3_1) {
			core_note(l->core, policy == CORE_31_WARN ? NOTE_WARNING : NOTE_INFO,
				  l->peer->nodeid, l,
				  "DLM protocol 3.1: no retransmission, messages may be lost");
			downgrade(s);
		}
	}
	return s->version == v ? RX_MSG : RX_MORE;
}

static enum rx_result sequenced(struct link *l, struct rx *rx, const struct frame *f)
{
	struct session *s = l->session;
	enum rx_result r;

	assert(l->peer->session == s);
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
	rx_delivered(l, f->length);
	if (f->nextcmd != WIRE_MSG && f->nextcmd != WIRE_RCOM)
		return RX_MORE;		/* unknown to 3.2: taken, not delivered */
	return rx_message(s, rx, f->inner, f->inner_len);
}

static enum rx_result frame(struct link *l, struct rx *rx, size_t n)
{
	struct session *s = l->session;
	const uint8_t *p = rx->p;
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
		s->n.acks_received++;
		return session_acked(s, f.u) < 0 ?
			link_fault(l, "ACK of data never sent") : RX_MORE;
	case WIRE_OPTS_CMD:
		return sequenced(l, rx, &f);
	default:
		if (s->got_fin)
			return RX_MORE;		/* behind its FIN nothing is delivered */
		rx->bare = true;
		return rx_message(s, rx, p, n);
	}
}

/* ---- writing ---- */

static bool control_due(const struct link *l)
{
	return l->session->ack_now && !unreliable(l->session);
}

static void put_control(struct link *l, bool data)
{
	const struct session *s = l->session;

	if (!unreliable(s) && (s->ack_now || (data && session_ack_owed(s))))
		link_put_ack(l);
}

/*
 * A peer of 3.1 knows no OPTS: of what is to be written only the first packet is
 * left, without its envelope.
 */
static size_t gather(struct link *l, struct span data[3], int *n, size_t have, size_t mid)
{
	size_t bytes = mid;

	l->stripped = 0;
	if (!unreliable(l->session))
		return have;
	*n = 1;
	if (!mid) {
		bytes = get_le16(data[0].p + offsetof(struct wire_header, length)) - WIRE_OPTS;
		data[0].p += WIRE_OPTS;
		l->stripped = WIRE_OPTS;
	}
	data[0].n = bytes;
	return bytes;
}

static void sent(struct link *l, struct session *s, size_t n)
{
	assert(n);
	session_sent(s, n + l->stripped);
	l->stripped = 0;
	if (!unreliable(s))
		return;
	/* Bytes written there are done with. */
	if (ring_mid_frame(&s->ring) || s->ring.sent == s->ring.acked_pos)
		return;
	/* With it all that went out before the version was known. */
	while (s->end == SESSION_ALIVE && s->ring.acked_pos != s->ring.sent)
		if (session_acked(s, s->ring.acked_seq + 1) <= 0)
			break;
	unreliable_done(s);
	if (s->end == SESSION_ALIVE && ring_has_unsent(&s->ring))
		link_mark_tx(l);
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

/* ---- time ---- */

static uint64_t keepalive_ns(const struct session *s)
{
	return unreliable(s) ? CORE_NEVER : s->peer->core->cfg.keepalive_ns;
}

/* A kernel says nothing while it has nothing to say. */
static bool silent(struct session *s, struct link *l, uint64_t silent_ns)
{
	assert(s->peer->up == l);
	if (!ring_in_flight(&s->ring))
		return true;
	if (!s->nudged && silent_ns >= l->core->cfg.stall_ns / 2 && !ring_mid_frame(&s->ring)) {
		/* It acknowledges rarely, but always what it has already. */
		s->nudged = true;
		ring_resume(&s->ring, s->ring.acked_seq);
		link_mark_tx(l);
	}
	return false;
}

const struct profile profile_dlm = {
	.send = send,
	.finish = finish,
	.connected = connected,
	.admit = admit,
	.send_on_other = send_on_other,
	.frame = frame,
	.control_due = control_due,
	.put_control = put_control,
	.gather = gather,
	.sent = sent,
	.keepalive_ns = keepalive_ns,
	.silent = silent,
};
