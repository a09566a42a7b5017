/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session: the pair (my incarnation, one incarnation of a peer). Owns the state
 * that survives links: send ring, receive position, reassembly, termination state,
 * link generation, delivery report. Knows no link but through what its functions are given.
 *
 * The caller provides memory (struct and ring); a session is never reused for another incarnation.
 */
#ifndef SINEW_PROTO_SESSION_H
#define SINEW_PROTO_SESSION_H

#include "bare.h"
#include "frag.h"
#include "fsm.h"
#include "list.h"
#include "ring.h"

struct link;
struct peer;
struct profile;

/* Why a session ended. */
enum session_end {
	SESSION_ALIVE,
	SESSION_CLOSED,		/* both FINs, everything acknowledged */
	SESSION_LEFT,		/* membership: left cleanly, before the handshake was over */
	SESSION_FAILED,		/* membership: failed or fenced */
	SESSION_SUPERSEDED,	/* static: a newer incarnation proved itself */
	SESSION_RENEWED,	/* we lost ourselves and took a new incarnation */
	SESSION_LINGER,		/* the linger time was over */
	SESSION_ABORTED,	/* the application gave it up */
	SESSION_REMOVED,	/* the peer was removed from the configuration */
	SESSION_REFUSED,	/* static: the peer, closing, has no session with us (R23) */
};

/* Events of the session for the application, in this order (core_poll()). */
enum session_pending {
	SESSION_P_UP = 1, SESSION_P_LINK_UP = 2, SESSION_P_PATH = 4, SESSION_P_FINISHED = 8,
	SESSION_P_WRITABLE = 16, SESSION_P_FINISHING = 32, SESSION_P_DOWN = 64,
};

/* Whether our FIN goes when it is due. */
enum fin_hold {
	FIN_FREE,
	FIN_HELD,
	FIN_ASKED,		/* held, and due: who holds it was told */
};

/* All that a status shows of it; the caller may copy it for other threads. */
struct session_counters {
	uint64_t delivered;	/* application messages */
	uint64_t duplicates;	/* frames below the expected number */
	uint64_t resent;	/* frames handed to a link again */
	uint64_t reconnects;	/* links that carried it, but the first */
	uint64_t resumed_unacked; /* of them with unacknowledged data */
	uint64_t resumed_paced;	/* of them held back, as none before was acknowledged */
	uint64_t acks_sent, acks_received;
	uint64_t bytes_sent, bytes_received;
	uint64_t faults;	/* protocol violations of the peer */
	uint64_t stalls;
	uint64_t acked;		/* messages acknowledged */
	uint64_t rtt_ns;	/* of the last HELLO exchange, 0 = unknown */
	uint64_t mark_ns;	/* see mark_pos; 0 = nothing unacknowledged */
	enum fsm_state state;
	bool peer_paused;	/* it said RX_PAUSED */
	bool is_3_1, is_3_2;	/* dlm profile: fixed by the first packet; neither: none yet */
};

/* SESSION_P_WRITABLE is due when the ring was sent and acknowledged up to there; sent UINT64_MAX:
 * it is not. */
struct session_wake {
	uint64_t sent, acked;
};

/* dlm profile: what a kernel has sent may be lost with a link. */
struct dlm_awaited {
	uint64_t repeat_ns;	/* by when it must have come again on a new link; 0 = it has, or
				 * was asked for */
	uint64_t missing_ns;	/* since when one has been missing, where nothing is repeated */
	uint64_t broken_ns;	/* the same: when a link was last lost; 0 = with nothing on it */
	uint64_t proof_ns;	/* by when a number must have shown that */
	uint64_t fin_wait_ns;	/* silence behind which the FIN is asked for; 0 = no link that it
				 * could have been written on was lost */
};

struct session {
	struct ring ring;
	struct peer *peer;
	const struct profile *profile;	/* the peer's */
	uint64_t incarnation;	/* the peer's */
	uint64_t ours;		/* our own at that time */
	enum session_end end;
	enum fsm_state end_state;	/* in which it ended */
	unsigned pending;	/* enum session_pending */
	struct list in_pending;	/* of the core */

	bool was_up;		/* the application knows it */
	bool removed;		/* the peer is leaving (R17) */
	bool got_fin;
	bool finish_wanted;	/* half-close asked for */
	enum fin_hold fin_hold;
	bool rx_paused;		/* we are over its receive budget */
	bool status_due;	/* tell the peer about rx_paused */
	bool short_told;	/* said SHORT, not yet relieved */
	bool ack_now;
	bool fence_asked;
	bool repeat_asked;	/* dlm profile: the last link was reset as nothing came on it */

	/* Read for each plain message that arrives; see link_rx_plain(). */
	uint32_t nodeid;	/* the peer's */
	uint32_t expected;	/* next seq from the peer */
	uint32_t ack_sent;	/* the number that it was last told */
	uint64_t unacked_bytes;	/* delivered since ack_sent */
	uint64_t ack_at_ns;	/* when they must be acknowledged, 0 = none */

	uint32_t gen, told;	/* R6 */
	uint32_t base;		/* the peer's position when D made its present choice (R9) */
	bool link_acked;	/* an ACK on the present link moved the ring */
	unsigned fruitless;	/* resumes in a row that no ACK followed */
	uint64_t resend_end;	/* ring position that the present link may send up to */
	struct session_wake wake;
	uint32_t max_frame;	/* smaller of both sides' */
	uint32_t max_message;	/* what the peer takes */
	uint32_t plain_max;	/* longest message of one frame; 0 in the dlm profile */
	uint32_t ack_bytes;	/* threshold fitted to the peer's queue */
	struct service_grant calls;	/* what the peer takes, if we take them, too; fixed with
					 * the first link. slots 0: no CALL goes either way */
	uint32_t peer_queue;	/* bytes that the peer can have under way, 0 = not said */

	struct frag frag;
	uint64_t frag_at_ns;	/* when the message under way last grew */

	/* Oldest unacknowledged age: what lies before it was queued at or before n.mark_ns. */
	uint64_t mark_pos;
	unsigned stalls_in_row;

	struct bare bare;	/* dlm profile: packets without a number */
	struct dlm_awaited awaited;
	bool lossy;		/* dlm profile: something of the peer's is lost, and not repeated */
	uint64_t nudged_ns;	/* dlm profile: when a frame was repeated to provoke an ACK; 0 =
				 * none was since the last ACK */
	struct session_counters n;
};

/* mem, size: the ring's memory. Fills what does not depend on the incarnation. */
void session_provide(struct session *s, void *mem, size_t size, uint32_t nodeid,
		     uint32_t first_seq);

/* ---- producers: any thread, under the caller's lock; errors as ring.h says,
 * -EMSGSIZE also when the peer does not take that length ---- */
int session_send(struct session *s, const struct span *parts, int n, size_t len,
		 uint64_t *ret_number);
/* For one piece that fits a frame: false if session_send() must be asked. */
static inline __attribute__((always_inline)) bool session_send_plain(struct session *s,
								     const void *data, size_t len)
{
	return len <= s->plain_max && ring_send_plain(&s->ring, data, len);
}
/* A CALL, of a session with calls. As ring_put(). */
int session_put(struct session *s, const struct span *parts, size_t len, uint64_t *ret_end);
/* As ring_put_secret(). */
int session_put_secret(struct session *s, const struct span *parts, size_t len,
		       uint64_t *ret_end);
/* session_put() for n parts: false if that must be asked. */
static inline __attribute__((always_inline)) bool session_put_plain(struct session *s,
								    const struct span *parts,
								    int n, size_t len)
{
	return len + WIRE_MSG_OVERHEAD <= s->max_frame && ring_put_plain(&s->ring, parts, n, len);
}
/* 0, or -EINVAL: in the dlm profile the bytes are no packet of our own. */
int session_may_send(const struct session *s, const struct span *parts, int n, size_t len);
/* dlm profile: a packet without a number, for the present link or the next one. -EINVAL: it is
 * no packet of our own. -EAGAIN: no room. */
int session_send_bare(struct session *s, const void *packet, size_t len);
/* A slot, to be ended by ring_commit() or ring_discard(). */
int session_reserve(struct session *s, size_t len, uint8_t **ret_data, unsigned *ret_slot);

static inline enum fsm_state session_state(const struct session *s)
{
	return s->n.state;
}

/* ---- loop thread ---- */

/* Half-close: FIN behind all that is queued, and behind open slots. Idempotent. */
void session_finish(struct session *s);
/* Holds our FIN, or releases it. A held FIN is not queued when it is due; CORE_FINISHING reports
 * that. Does not affect a FIN that is queued already. */
void session_hold_fin(struct session *s, bool hold);
/* CORE_WRITABLE comes when everything before the one position of the ring was written, and before
 * the other acknowledged; at once if it was. The latest call counts. */
void session_wake_at(struct session *s, uint64_t sent, uint64_t acked);
/* Give the session up now (SESSION_ABORTED); its incarnation is failed for us. */
void session_abort(struct session *s);
/* Over or back under its receive budget. */
void session_pause(struct session *s, bool paused);
/* A sender on another thread may have queued, or a slot was given back. */
void session_schedule(struct session *s);
/* The link to write on at once, where session_schedule() would ask for no more; NULL: call it. */
struct link *session_only_sends(const struct session *s);

/* ---- for the other files of the core ---- */

/* One step of the termination table with its actions. -EPROTO: the cell says fault. */
int session_event(struct session *s, enum fsm_event ev, struct link *on);
/* Ends it from any state; the tombstone is FAILED, or CLOSED or LEAVING where the
 * end is SESSION_CLOSED or SESSION_REFUSED. */
void session_end(struct session *s, enum session_end why);
/* n bytes of its ring have been written. */
void session_sent(struct session *s, size_t n);
/* The peer expects next. -EPROTO: impossible. */
int session_acked(struct session *s, uint32_t next);
/* The peer has ended it and expects next. False: it cannot have; nothing changed. */
bool session_closed_by_peer(struct session *s, uint32_t next);
/* A link carries it from now on; the peer expects next. -EPROTO: impossible. */
int session_link_up(struct session *s, struct link *l, uint32_t next);
/* Timers of the link that it sends on (timers.def). */
void session_ack_tick(struct link *l);
void session_keepalive_tick(struct link *l);
void session_fragment_tick(struct link *l);
void session_silence_tick(struct link *l);
/* No frame came for the whole of that time: counts, and may ask for fencing. */
void session_stalled(struct link *l, const char *text);
/* The peer's limits: frames, messages (0 = not said). Before the session is up. */
void session_limits(struct session *s, uint32_t max_frame, uint32_t max_message);
/* An ACK as soon as the link that sends can be written. */
void session_ack_soon(struct session *s);

static inline bool session_ack_owed(const struct session *s)
{
	return s->ack_sent != s->expected;
}

#endif
