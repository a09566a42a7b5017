/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a link: frames become messages, ACKs, events.
 */
#ifndef SINEW_PROTO_RX_H
#define SINEW_PROTO_RX_H

#include "core.h"

struct rx {
	const uint8_t *p, *end;	/* in: bytes read; p moves over what was consumed */
	const uint8_t *msg;	/* RX_MSG, RX_CALL: leads into [p, end) or the provided buffer */
	size_t msg_len;
	bool provided;		/* RX_MSG: msg is the provided buffer, the caller's again */
	bool bare;		/* dlm profile: a packet without OPTS */
	uint32_t need;		/* RX_BUFFER; also bytes that the frame at p needs (RX_MORE) */
	struct session *session;
	/* Of link_rx(), link_rx_plain() and link_rx_call() alone. */
	const uint8_t *from;	/* where the plain frames begin that are not accounted for */
	uint32_t plain_below;	/* plain messages are shorter; 0: none may come now */
	bool calls;		/* CALLs may come by link_rx_call() */
};

/*
 * Consume what was read. To be called again until RX_MORE, RX_PAUSED or
 * RX_GONE; a message must be handed over before the next call.
 */
enum rx_result link_rx(struct link *l, struct rx *rx);
/*
 * After RX_MSG, instead of link_rx() and where it would find the same: the body of the next
 * message if it is plain, *ret_len bytes, or NULL: ask link_rx(). Moves rx->p.
 */
static inline const uint8_t *link_rx_plain(struct link *l, struct rx *rx, size_t *ret_len);
/* The same after RX_CALL, of the next CALL. */
static inline const uint8_t *link_rx_call(struct link *l, struct rx *rx, size_t *ret_len);
/* Lends rx->need bytes. False if the link no longer wants them: still the caller's. */
bool link_provide(struct link *l, uint8_t *buf);
/* The buffer that a session held for a message under way when it ended; NULL if none. */
uint8_t *session_take_buffer(struct session *s);
/* The read batch is over: decides about an ACK. */
void link_rx_done(struct link *l);
/* While RX_PAUSED: look for ACKs in what is not consumed, so that two full rings cannot
 * block each other. *off: where to go on next time, from 0. */
void link_scan(struct link *l, const uint8_t *p, size_t n, size_t *off);

/* Nothing stands in the way of the next frame of a session. */
static inline bool rx_clear(const struct link *l)
{
	return l->session && !l->session->rx_paused && list_empty(&l->core->sessions_pending);
}

/* The first branch of link_rx(), which carries nearly all traffic: the expected message, whole. */
static inline const uint8_t *link_rx_plain(struct link *l, struct rx *rx, size_t *ret_len)
{
	struct session *s = l->session;
	const uint8_t *p = rx->p;
	uint64_t left = (uint64_t)(rx->end - p), n;

	if (left < WIRE_MSG_OVERHEAD || !rx_clear(l))
		return NULL;
	n = wire_msg_length(p, s->nodeid, s->expected);
	/* Too short for its headers is far above every limit. */
	if (n > left || n - WIRE_MSG_OVERHEAD >= rx->plain_below)
		return NULL;
	s->expected++;
	s->unacked_bytes += n;
	s->n.delivered++;
	rx->p = p + n;
	*ret_len = n - WIRE_MSG_OVERHEAD;
	return p + WIRE_MSG_OVERHEAD;
}

/* The expected CALL, whole. */
static inline const uint8_t *link_rx_call(struct link *l, struct rx *rx, size_t *ret_len)
{
	struct session *s = l->session;
	const uint8_t *p = rx->p;
	uint64_t left = (uint64_t)(rx->end - p), n;

	if (left < WIRE_MSG_OVERHEAD || !rx_clear(l) || !rx->calls)
		return NULL;
	n = wire_whole_length(p, s->nodeid, s->expected, WIRE_CALL);
	if (n < WIRE_MSG_OVERHEAD || n > left)
		return NULL;
	s->expected++;
	s->unacked_bytes += n;
	rx->p = p + n;
	*ret_len = (size_t)n - WIRE_MSG_OVERHEAD;
	return p + WIRE_MSG_OVERHEAD;
}

/* ---- for the other files of the core ---- */

enum rx_result rx_sequence(struct link *l, uint32_t seq);
void rx_delivered(struct link *l, size_t frame_bytes);
enum rx_result rx_message(struct session *s, struct rx *rx, const uint8_t *p, size_t n);
/* The same for a packet without a number, which is not counted. */
enum rx_result rx_bare(struct session *s, struct rx *rx, const uint8_t *p, size_t n);
enum rx_result rx_fin(struct link *l);
/* A frame of n bytes at rx->p, from a peer of the native profile or one not known yet. */
enum rx_result rx_native(struct link *l, struct rx *rx, size_t n);

#endif
