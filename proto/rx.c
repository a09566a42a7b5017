/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the reading of a link: which frame is legal when, sequencing, what is
 * delivered and what is acknowledged. Knows the handshake only by its entry.
 */
#include "rx.h"

#include "check.h"
#include "hello.h"
#include "probe.h"
#include "profile.h"
#include "refused.h"
#include "settle.h"
#include "seq.h"

#include <assert.h>
#include <errno.h>

#define RX_IDLE_MAX	64u	/* frames without a message until the caller may see to others */
#define UNKNOWN_VERSION "unknown DLM protocol version"

static void heard(struct link *l)
{
	l->last_rx_ns = l->core->now_ns;
	if (!link_is_up(l))
		return;
	l->heard = true;
	/* A stuck link carries nothing of ours: a frame shows only that it carries theirs. */
	if (!l->stuck)
		l->waits_ns = 0;
}

/* ---- sequenced frames ---- */

/* RX_MSG: it is the expected one; RX_MORE: dropped as a duplicate; else a fault. */
enum rx_result rx_sequence(struct link *l, uint32_t seq)
{
	struct session *s = l->session;

	assert(s->end == SESSION_ALIVE && l->state != LINK_GONE);
	if (seq == s->expected)
		return s->got_fin ? link_fault(l, "frame after FIN") : RX_MSG;
	if (seq_after(seq, s->expected))
		return link_fault(l, "sequence number ahead of the expected one");
	s->n.duplicates++;
	session_ack_soon(s);
	return RX_MORE;
}

/* The frame of the expected number was taken. */
void rx_delivered(struct link *l, size_t frame_bytes)
{
	assert(frame_bytes >= WIRE_OPTS && !l->session->got_fin);
	l->session->expected++;
	l->session->unacked_bytes += frame_bytes;
	l->progress = true;
}

/* Bytes of [rx->p, rx->end), or of the buffer that was lent. */
static enum rx_result handed_over(struct session *s, struct rx *rx, const uint8_t *p, size_t n)
{
	assert(rx->provided || (p >= rx->p && n <= (size_t)(rx->end - p)));
	rx->msg = p;
	rx->msg_len = n;
	rx->session = s;
	return RX_MSG;
}

enum rx_result rx_bare(struct session *s, struct rx *rx, const uint8_t *p, size_t n)
{
	return handed_over(s, rx, p, n);
}

enum rx_result rx_message(struct session *s, struct rx *rx, const uint8_t *p, size_t n)
{
	s->n.delivered++;
	return handed_over(s, rx, p, n);
}

/* RX_MSG: the expected frame, and it may have a body of its own; else as rx_sequence(). */
static enum rx_result whole(struct link *l, const struct frame *f)
{
	enum rx_result r = rx_sequence(l, f->u);

	if (r != RX_MSG)
		return r;
	if (f->inner_len < WIRE_HEADER || frag_active(&l->session->frag))
		return link_fault(l, "message inside a fragmented message");
	return frame_tlvs_ok(f) ? RX_MSG : link_fault(l, "malformed TLVs");
}

static enum rx_result data(struct link *l, struct rx *rx, const struct frame *f)
{
	struct session *s = l->session;
	enum rx_result r = whole(l, f);

	if (r != RX_MSG)
		return r;
	if (f->inner_len - WIRE_HEADER > l->core->cfg.max_message)
		return link_fault(l, "message exceeds the limit");
	rx_delivered(l, f->length);
	return rx_message(s, rx, f->inner + WIRE_HEADER, f->inner_len - WIRE_HEADER);
}

static enum rx_result call(struct link *l, struct rx *rx, const struct frame *f)
{
	enum rx_result r;

	if (!l->session->calls.slots)
		return link_fault(l, "CALL without calls in the HELLO of both nodes");
	r = whole(l, f);
	if (r != RX_MSG)
		return r;
	rx_delivered(l, f->length);
	handed_over(l->session, rx, f->inner + WIRE_HEADER, f->inner_len - WIRE_HEADER);
	return RX_CALL;
}

static enum rx_result fragment(struct link *l, struct rx *rx, const struct frame *f)
{
	struct session *s = l->session;
	enum rx_result r = rx_sequence(l, f->u);
	enum frag_result added;
	uint32_t total, offset;

	if (r != RX_MSG)
		return r;
	if (frame_fragment(f, &total, &offset))
		return link_fault(l, "malformed fragment TLV");
	added = frag_add(&s->frag, f->inner + WIRE_HEADER, f->inner_len - WIRE_HEADER, total,
			 offset, l->core->cfg.max_message);
	switch (added) {
	case FRAG_NEED_BUFFER:
		rx->need = total;
		rx->session = s;
		return RX_BUFFER;
	case FRAG_BAD:
		return link_fault(l, "fragment outside its message");
	case FRAG_MORE:
		s->frag_at_ns = l->core->now_ns;
		core_arm(l->core, s->frag_at_ns + l->core->cfg.frag_ns);
		rx_delivered(l, f->length);
		return RX_MORE;
	case FRAG_DONE:
		rx_delivered(l, f->length);
		rx->provided = true;
		return rx_message(s, rx, frag_take(&s->frag), total);
	}
	return RX_GONE;
}

bool link_provide(struct link *l, uint8_t *buf)
{
	if (!l->session || l->session->frag.buf)
		return false;
	frag_provide(&l->session->frag, buf);
	return true;
}

uint8_t *session_take_buffer(struct session *s)
{
	return frag_take(&s->frag);
}

enum rx_result rx_fin(struct link *l)
{
	struct session *s = l->session;

	assert(!s->got_fin && s->end == SESSION_ALIVE);
	if (frag_active(&s->frag))
		return link_fault(l, "FIN inside a fragmented message");
	s->expected++;
	if (session_event(s, FSM_RCV_FIN, l))
		return link_fault(l, "FIN in an invalid state");
	l->progress = true;
	return RX_MORE;
}

static enum rx_result fin(struct link *l, const struct frame *f)
{
	enum rx_result r;

	if (f->inner_len != WIRE_HEADER)
		return link_fault(l, "invalid FIN length");
	r = rx_sequence(l, f->u);
	return r == RX_MSG ? rx_fin(l) : r;
}

/* ---- frames of a link that is up ---- */

static enum rx_result status(struct link *l, const struct frame *f)
{
	struct session *s = l->session;
	uint32_t flags;

	if (frame_status(f, &flags))
		return link_fault(l, "malformed STATUS");
	s->n.peer_paused = flags & WIRE_STATUS_RX_PAUSED;
	if (flags & WIRE_STATUS_SHORT)
		session_ack_soon(s);
	return RX_MORE;
}

static enum rx_result ack(struct link *l, uint32_t next)
{
	struct session *s = l->session;

	s->n.acks_received++;
	return session_acked(s, next) < 0 ? link_fault(l, "ACK of data never sent") : RX_MORE;
}

static enum rx_result up_frame(struct link *l, struct rx *rx, const struct frame *f)
{
	struct session *s = l->session;

	if (!s)
		return RX_MORE;		/* CLOSED: only an explicit open counts */
	if (f->cmd == WIRE_ACK)
		return ack(l, f->u);
	switch (f->nextcmd) {
	case WIRE_DATA:
		return data(l, rx, f);
	case WIRE_FRAGMENT:
		return fragment(l, rx, f);
	case WIRE_CALL:
		return call(l, rx, f);
	case WIRE_FIN_CMD:
		return fin(l, f);
	case WIRE_STATUS:
		return status(l, f);
	case WIRE_LEAVING:
		session_event(s, FSM_LEAVING, l);
		return RX_MORE;
	case WIRE_REFUSE:
		return refused_rx(l, f);
	default:
		return link_fault(l, "unexpected frame on an established link");
	}
}

static enum rx_result wait_frame(struct link *l, const struct frame *f)
{
	assert(!l->session);
	if (f->nextcmd == WIRE_HELLO)
		return hello_rx(l, f);
	if (f->nextcmd == WIRE_REFUSE)
		return refused_rx(l, f);
	if (f->nextcmd == WIRE_PROBE && !l->dialled && l->state == LINK_WAIT)
		return link_probe_rx(l, f);
	return link_fault(l, "unexpected frame, expected HELLO");
}

static enum rx_result probe_frame(struct link *l, const struct frame *f)
{
	assert(!l->session);
	if (f->nextcmd != (l->dialled ? WIRE_PROBE_REPLY : WIRE_PROBE))
		return link_fault(l, "unexpected frame, expected PROBE");
	return link_probe_rx(l, f);
}

enum rx_result rx_native(struct link *l, struct rx *rx, size_t n)
{
	struct frame f;
	int err = frame_parse(rx->p, n, &f);

	assert(n >= WIRE_HEADER && n <= (size_t)(rx->end - rx->p));
	if (err)
		return link_fault(l, err == -EPROTONOSUPPORT ? UNKNOWN_VERSION :
				  "malformed frame");
	if (f.cmd == WIRE_MSG || f.cmd == WIRE_RCOM)
		return link_fault(l, "bare DLM packet, the peer is not sinew");
	if (l->peer && f.nodeid != l->peer->nodeid) {
		/* A refusal may come from whoever lives at that address. */
		if (f.nextcmd != WIRE_REFUSE && f.nextcmd != WIRE_HELLO)
			return link_fault(l, "frame from another nodeid");
	}
	heard(l);
	switch (l->state) {
	case LINK_WAIT:
	case LINK_READ:
	case LINK_ANSWERED:
		return wait_frame(l, &f);
	case LINK_UP:
	case LINK_RX_ONLY:
	case LINK_LAST_ACK:
		return up_frame(l, rx, &f);
	case LINK_PROBE:
		return probe_frame(l, &f);
	case LINK_NEW:
	case LINK_CONNECTING:
	case LINK_HELD:
	case LINK_GUARDED:
	case LINK_GONE:
		break;
	}
	return RX_GONE;
}

/* ---- entry ---- */

/* Counts the frames that link_rx_plain() and link_rx_call() have taken since. */
static void account_plain(struct link *l, struct rx *rx)
{
	size_t n = rx->from ? (size_t)(rx->p - rx->from) : 0;

	assert(!rx->from || rx->from <= rx->p);
	rx->from = rx->p;
	if (!n || !l->session)
		return;
	l->session->n.bytes_received += n;
	heard(l);
	l->progress = true;
}

static uint32_t plain_below(const struct session *s)
{
	uint32_t longest = s->peer->core->cfg.max_message;

	if (!s->profile->plain || s->got_fin || frag_active(&s->frag))
		return 0;
	if (longest > WIRE_FRAME_MAX - WIRE_MSG_OVERHEAD)
		longest = WIRE_FRAME_MAX - WIRE_MSG_OVERHEAD;
	return longest + 1;
}

/* Why no frame may be looked at now; RX_MORE: one may. */
static enum rx_result obstacle(const struct link *l)
{
	if (rx_clear(l))
		return RX_MORE;
	if (l->state == LINK_GONE)
		return RX_GONE;
	if (!list_empty(&l->core->sessions_pending))
		return RX_AGAIN;
	/* A session is in the way only while we are over its budget. */
	return l->session || link_is_held(l) || l->state == LINK_CONNECTING ?
		RX_PAUSED : RX_MORE;
}

/* The frame of n bytes at rx->p, of that session or none, was judged. RX_AGAIN: it is done with. */
static enum rx_result consume(struct link *l, struct rx *rx, size_t n, enum rx_result r)
{
	struct core *core = l->core;

	core_settle(core);
	if (r == RX_GONE || r == RX_BUFFER || r == RX_PAUSED)
		return r;
	if (rx->session)
		rx->session->n.bytes_received += n;
	assert(n <= (size_t)(rx->end - rx->p));
	rx->p += n;
	rx->from = rx->p;
	assert(!core->marked);
	if (r == RX_MSG || r == RX_CALL)
		return r;
	return l->state == LINK_GONE ? RX_GONE : RX_AGAIN;
}

/* Neither a plain message nor an ACK. */
static __attribute__((noinline)) enum rx_result any_frame(struct link *l, struct rx *rx)
{
	enum rx_result r;
	size_t left;
	int n;

	while (l->state < LINK_UP && probe_padded_rx(l, rx, &r))
		if (r != RX_AGAIN)
			return r;
	left = (size_t)(rx->end - rx->p);
	n = frame_length(rx->p, left);
	if (n < 0 || (n > (int)WIRE_HELLO_MAX && l->state < LINK_UP))
		return link_fault(l, n == -EPROTONOSUPPORT ? UNKNOWN_VERSION :
				  "invalid frame length");
	if (n == 0 || (size_t)n > left) {
		rx->need = n ? (uint32_t)n : WIRE_HEADER;
		return RX_MORE;
	}
	/* A link of a peer that is not known yet begins with HELLO. */
	assert(rx_clear(l) || !l->session);
	r = l->peer ? l->peer->profile->frame(l, rx, (size_t)n) : rx_native(l, rx, (size_t)n);
	return consume(l, rx, (size_t)n, r);
}

/* RX_AGAIN: one frame is done with, or something is to be polled first. */
static inline enum rx_result next_frame(struct link *l, struct rx *rx)
{
	struct session *s = l->session;
	enum rx_result r;

	account_plain(l, rx);
	rx->session = s;
	rx->provided = rx->bare = false;
	rx->plain_below = s ? plain_below(s) : 0;
	rx->calls = rx->plain_below && s->calls.slots;
	rx->msg = link_rx_plain(l, rx, &rx->msg_len);
	if (rx->msg)
		return RX_MSG;
	r = obstacle(l);
	if (r != RX_MORE)
		return r;
	if (rx->p == rx->end && link_is_up(l)) {
		rx->need = WIRE_HEADER;
		return RX_MORE;
	}
	if (s && s->profile->plain && rx->end - rx->p >= (ptrdiff_t)WIRE_HEADER &&
	    wire_is_ack(rx->p, s->nodeid)) {
		heard(l);
		return consume(l, rx, WIRE_HEADER, ack(l, get_le32(rx->p + 4)));
	}
	rx->msg = link_rx_call(l, rx, &rx->msg_len);
	if (rx->msg)
		return RX_CALL;
	return any_frame(l, rx);
}

enum rx_result link_rx(struct link *l, struct rx *rx)
{
	unsigned idle = 0;
	enum rx_result r;

	assert(rx->p <= rx->end);
	do
		r = next_frame(l, rx);
	while (r == RX_AGAIN && !core_pending(l->core) && ++idle < RX_IDLE_MAX);
	link_check(l);
	return r;
}

void link_rx_done(struct link *l)
{
	struct session *s = l->session;
	struct core *core = l->core;

	if (!s)
		return;
	/* Our keep-alive answers theirs: it goes with the ACK of TCP, both are awake, and the
	 * next ones are due together. */
	if (s->profile->prompt &&
	    core->now_ns - l->last_tx_ns >= s->profile->keepalive_ns(s) / 2)
		session_ack_soon(s);
	if (!session_ack_owed(s))
		return;
	if (s->ack_now || s->expected - s->ack_sent >= core->cfg.ack_frames ||
	    s->unacked_bytes >= s->ack_bytes) {
		session_ack_soon(s);
	} else if (!s->ack_at_ns) {
		s->ack_at_ns = core->now_ns + core->cfg.ack_ns;
		core_arm(core, s->ack_at_ns);
	}
	session_check(s);
}

void link_scan(struct link *l, const uint8_t *p, size_t n, size_t *off)
{
	assert(*off <= n);
	while (l->session && *off < n) {
		const uint8_t *f = p + *off;
		int len = frame_length(f, n - *off);

		if (len <= 0 || (size_t)len > n - *off)
			return;
		*off += (size_t)len;
		heard(l);
		if (len != WIRE_HEADER || f[14] != WIRE_ACK ||
		    get_le32(f + 8) != l->peer->nodeid || get_le32(f) != WIRE_VERSION_3_2)
			continue;
		if (session_acked(l->session, get_le32(f + 4)) < 0) {
			link_fault(l, "ACK of data never sent");
			return;
		}
	}
}
