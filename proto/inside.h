/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the core call of each other; not for its callers.
 *
 *	core.c     configuration, time, notes, the lists of what is pending
 *	peer.c     membership, dials, paths
 *	session.c  the life of a session: send, termination, delivery report
 *	link.c     the life of a link: control frames, writing, timers
 *	stuck.c    links whose transport carries nothing any more
 *	probe.c    probes of paths that are not in use
 *	rx.c       reading a link
 *	hello.c    the handshake: R1-R9, R14, R19-R24
 *	refused.c  what the peer's REFUSE means
 *	kernel.c   the rules of the dlm profile
 *	check.c    what must hold between two calls, where tests are built
 */
#ifndef SINEW_PROTO_INSIDE_H
#define SINEW_PROTO_INSIDE_H

#include "core.h"

/* ---- core.c ---- */
/* A note to fill in; addr is taken from l (may be NULL). */
struct note *core_note(struct core *core, enum note_level level, uint32_t nodeid,
		       const struct link *l, const char *text);
/* core_tick() must run at when_ns or earlier. */
void core_arm(struct core *core, uint64_t when_ns);
/* Spreads times, no more; core_cookie() cannot be guessed. */
uint32_t core_random(struct core *core);
uint64_t core_cookie(struct core *core);
void core_raise_session(struct session *s, enum session_pending what);
void core_raise_link(struct link *l);
void core_raise_peer(struct peer *p);
void core_forget_link(struct link *l);
/* It is known now whose link it is; NULL: the peer is removed. */
void link_belongs_to(struct link *l, struct peer *p);
static inline bool core_decides(const struct core *core, const struct peer *p)
{
	return core->cfg.nodeid < p->nodeid;
}
static inline bool core_may_send(const struct core *core)
{
	return core->quorate || !core->cfg.quorum_stops;
}

/* ---- peer.c ---- */
void peer_tick(struct peer *p);
/* Something changed: dial, or arm the timer for it (R7). */
void peer_dial_check(struct peer *p);
/* A dial or a young link failed: wait longer. */
void peer_backoff(struct peer *p, bool to_the_cap);
void peer_dial_soon(struct peer *p, uint64_t delay_ns);
bool peer_has_path(const struct peer *p, const struct path_addr *from);
/* A link that is up says more of its path than what fails beside it. */
void peer_path_failed(struct peer *p, unsigned path);
/* Opens a session with that life from the spare; NULL if none is lent. */
struct session *peer_open_session(struct peer *p, uint64_t incarnation);
void peer_owes(struct peer *p, uint64_t life);
bool peer_owes_now(const struct peer *p);
/* Refused for its configuration: dials go on, rarely. */
void peer_dial_slowly(struct peer *p);
/* Nobody listens there. */
void peer_absent(struct peer *p);
/* A dial came to nothing, without a word from the other end. */
void peer_dial_failed(struct peer *p, uint64_t began_ns);
/* How long a dial that begins now may take. */
uint64_t peer_dial_ns(const struct peer *p);
void peer_ask_fence(struct peer *p, uint64_t life, enum fence_reason reason);

/* ---- session.c ---- */
/* One step of the termination table with its actions. -EPROTO: the cell says fault. */
int session_event(struct session *s, enum fsm_event ev, struct link *on);
/* Ends it from any state; the tombstone is FAILED unless the end is CLOSED. */
void session_end(struct session *s, enum session_end why);
/* The peer expects next. -EPROTO: impossible. */
int session_acked(struct session *s, uint32_t next);
/* The peer has ended it and expects next. False: it cannot have; nothing changed. */
bool session_closed_by_peer(struct session *s, uint32_t next);
/* The link that carries it may send data: quorum, and what is resent is acknowledged (R10). */
bool session_may_send(struct session *s);
/* CLOSE_WAIT that has nothing to wait for goes on to LAST_ACK (R17). */
void session_close_check(struct session *s);
void session_fault(struct session *s);
/* A link carries it from now on; the peer expects next. -EPROTO: impossible. */
int session_link_up(struct session *s, struct link *l, uint32_t next);
/* How long its link may be without a frame of ours. */
uint64_t session_keepalive_ns(const struct session *s);
void session_tick(struct session *s, struct link *l);
/* Its link is up, and what was sent on it has not been acknowledged for long. */
bool session_stuck(const struct session *s);
/* What the peer takes: frames, messages (0 = not said). Before the session is up. */
void session_limits(struct session *s, uint32_t max_frame, uint32_t max_message);
/* An ACK as soon as the link that sends can be written. */
void session_ack_soon(struct session *s);
/* dlm profile, 3.1: everything was written after session_finish(). */
void session_unreliable_done(struct session *s);
bool session_ack_owed(const struct session *s);
/* Something changed that says whether messages are plain: sets plain_rx. */
void session_plain_rx(struct session *s);

/* ---- link.c ---- */
void link_init(struct core *core, struct link *l);
void link_shut(struct link *l, enum link_shut how);
/* It broke or ran out of time: accounts for the failure, then shuts it. */
void link_lost(struct link *l, bool eof);
void link_tick(struct link *l);
/* Room for a control frame of at most n bytes, or NULL. */
uint8_t *link_ctl(struct link *l, size_t n);
void link_ctl_done(struct link *l, size_t n);
void link_raise_tx(struct link *l);
void link_put_ack(struct link *l);
/* REFUSE as the last bytes, then an orderly end (a reset when a frame is half written). */
void link_refuse(struct link *l, enum wire_reason reason, uint32_t next, uint32_t gen);
void link_deadline(struct link *l, uint64_t in_ns);
/* Shuts every other link known to lead to l's peer (R5). */
void link_shut_others(struct link *l);
enum rx_result link_fault(struct link *l, const char *detail);
/* Whether what it says counts against that session's life: both lives were named on it. */
bool link_vouches(const struct link *l, const struct session *s);

/* ---- probe.c ---- */
/* A peer's paths that are due. */
void probe_check(struct peer *p);
void probe_send(struct link *l);
void probe_tick(struct link *l);
/* Its link ended, or the answer is missing. */
void probe_failed(struct link *l);
enum rx_result link_probe_rx(struct link *l, const struct frame *f);
/* A PROBE longer than other frames may be before HELLO: throws away what has come of its
 * padding. False: there is none at rx->p. *ret is RX_AGAIN when rx->p has moved. */
bool probe_padded_rx(struct link *l, struct rx *rx, enum rx_result *ret);
struct path_hold probe_hold(const struct core *core);

/* ---- hello.c ---- */
void hello_first(struct link *l);
enum rx_result hello_rx(struct link *l, const struct frame *f);
/* Take held HELLOs of a peer up again: membership or a spare has come. */
void hello_retry(struct peer *p);
void hello_held_tick(struct link *l);

/* ---- refused.c ---- */
enum rx_result refused_rx(struct link *l, const struct frame *f);

/* ---- stuck.c ---- */
/* The link carries our bytes again: the dial beside it ends. */
void link_alive(struct link *l);
/* Before the ring hears of it: whether that arrives is looked at in time. */
void stuck_written(struct link *l);
/* Something was written since the peer was last heard of: ask whether it arrives. */
void stuck_tick(struct link *l);

/* ---- rx.c ---- */
enum rx_result rx_sequence(struct link *l, uint32_t seq);
void rx_delivered(struct session *s, size_t frame_bytes);
enum rx_result rx_fin(struct link *l);

/* ---- kernel.c ---- */
void kernel_link_open(struct link *l);
void kernel_link_gone(struct link *l);
enum rx_result kernel_rx(struct link *l, struct rx *rx, const uint8_t *p, size_t n);
void kernel_opened(struct peer *p);
size_t kernel_strip(struct link *l, struct span data[3], int *n, size_t mid);
void kernel_stripped_sent(struct link *l, size_t n);

#endif
