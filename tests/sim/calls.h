/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls over the simulated sessions: in the seeds from SIM_CALLS on. Knows the core of calls by its
 * headers, and the sessions under it as lowcomms/service.h does.
 *
 *	dialog.c   the calls of a session: what a service does with the core of calls
 *	caller.c   the applications that begin calls
 *	handler.c  the applications that are called
 *	cred.c     whose calls they are, and how pieces are sealed
 *	exchange.c the oracle: each call as both sides know it
 *	bounds.c   the oracle: slots and windows
 */
#ifndef SINEW_TESTS_SIM_CALLS_H
#define SINEW_TESTS_SIM_CALLS_H

#include "sim.h"

#include "services/calls_begin.h"
#include "services/calls_cred.h"
#include "services/calls_end.h"
#include "services/calls_event.h"
#include "services/calls_query.h"
#include "services/calls_rx.h"
#include "services/calls_slots.h"
#include "services/calls_tx.h"
#include "services/calls_upgrade.h"
#include "services/calls_window.h"

#define CALL_SLOTS_MAX	48u	/* that a node grants */
#define CALL_OWN_MAX	40u	/* begun by one side of a session at once */
#define CALL_WINDOW_LIMIT	32768u
#define CALL_SERVICE		100u	/* that all nodes have, */
#define CALL_NEWER		200u	/* and some have this one in its place */

/* One call as both sides know it; its number is the op. */
struct exchange {
	uint8_t from, to;		/* incarnations */
	uint16_t service;		/* that was asked for */
	uint16_t shown_service;		/* that was called */
	const struct call *own;		/* until it is let go */
	uint32_t after;			/* the exchange that comes before it; 0: none */
	uint32_t request_off, request_len, reply_off, reply_len;
	uint64_t request_total, reply_total;	/* announced */
	uint32_t asked, answered;	/* bytes that were offered */
	uint32_t request_seen, reply_seen;
	uint32_t caller_code, called_code;
	uint32_t retry_ms;
	uint64_t deadline_ns;
	uint8_t refused;		/* enum call_reason, by the called application */
	uint8_t who;			/* its credential; 0: none */
	uint8_t caller_end, called_end;	/* reasons of ENDED; 0: not yet */
	bool asked_all, answered_all;	/* the last data were offered */
	bool request_complete, reply_complete;	/* ... and seen by the other side */
	bool shown, accepted;
	bool given_up, let_go;		/* by the caller, by the called application */
	bool aborts, rejects;		/* an abort of the caller, of the called application */
	bool caller_dead, called_dead;	/* with its node */
	bool is_closing;		/* the caller's session */
	bool is_probe;			/* it has asked for an upgrade */
	bool is_distrusted;		/* a piece, by either side */
	/* The caller was told for certain. */
	bool is_not_executed, is_partial, is_unseen;
};

/* An own call. */
struct caller {
	struct call call;
	bool used, is_over;
	uint64_t due_ns;		/* of a step; 0: none */
	uint32_t gen;			/* of its use */
	uint32_t id;			/* its exchange */
	bool is_asked;			/* how far it is */
	bool had_slot;			/* for bounds.c */
	uint32_t unconsumed;
	uint32_t granted;		/* the largest window that the peer was told of; 0: none */
	uint32_t n_sealed, n_opened;	/* pieces */
	uint64_t quit_ns, wait_ns;
	bool quits_by_abort;
	/* Begun for a call of the peer of that session. */
	bool is_nested;
	uint16_t for_sess, for_slot;
	uint32_t for_sess_gen, for_gen;
};

enum plan { PLAN_REPLY, PLAN_SILENT, PLAN_NEST, PLAN_ABORT, PLAN_LET_GO, PLAN_REFUSE, PLANS };

/* A call of the peer, by its slot. */
struct handler {
	struct call *call;		/* NULL: none */
	bool is_behind, is_accepted, is_held, is_waiting, is_replying;
	uint64_t due_ns;
	uint32_t gen;
	uint32_t id;
	uint32_t unconsumed;
	uint32_t granted;		/* as of a caller */
	uint32_t n_sealed, n_opened;
	uint8_t plan;
	uint64_t accept_ns, reply_ns, let_go_ns, wait_ns;
};

/* Of one window, and of what all of them grow. */
struct window_limits {
	uint32_t window;
	int64_t grow_bytes;
};

/* The calls of one side of a session. */
struct dialog {
	struct calls c;
	struct sess *x;
	void *mem;
	bool is_pulling, is_finishing, is_fin_gone;
	uint64_t bulk_end;		/* ring position behind the last piece */
	uint16_t kept;			/* a binding that stays */
	uint16_t target;		/* own slots, as the peer grants them now */
	struct window_limits due;	/* the largest since the last CREDIT that was due went */
	struct window_limits most;	/* ... since the beginning */
	uint8_t principal[CALLS_CREDS];	/* whose each credential of the peer is; 0: none */
	unsigned n_callers, n_handlers;	/* those behind were never in use */
	struct caller caller[CALL_OWN_MAX];
	struct handler handler[CALL_SLOTS_MAX];
};

/* ---- dialog.c ---- */

/* Pulls events and frames, after each function of the core. */
void dialog_pump(struct dialog *d);
/* A step of caller or handler i is due then, of that use of it. */
enum step { STEP_CALLER, STEP_HANDLER };
void dialog_step_at(struct dialog *d, enum step what, unsigned i, uint64_t at_ns);
/* Faults are over, or the session is about to be. */
bool dialog_hurries(const struct dialog *d);

/* ---- caller.c ---- */

/* Lengths around the limits of a piece and a window; up to three windows. */
uint32_t caller_length(uint32_t window, uint32_t piece);
void caller_event(struct dialog *d, const struct calls_event *ev);
void caller_step(struct dialog *d, unsigned i);
/* One for the call of that handler. False: it cannot be. */
bool caller_nest(struct dialog *to, struct dialog *from, unsigned slot);
/* Lets all of them go. */
void caller_end_all(struct dialog *d);

/* ---- handler.c ---- */

void handler_event(struct dialog *d, const struct calls_event *ev);
void handler_step(struct dialog *d, unsigned slot);
void handler_end_all(struct dialog *d);

/* ---- cred.c ---- */

/* That one; false: there is none, or its seal is longer than a piece. */
bool cred_draw(const struct dialog *d, unsigned who, struct calls_cred *as);
bool cred_is_refused(const struct exchange *e);
void cred_event(struct dialog *d, const struct calls_event *ev);
void cred_shown(const struct dialog *d, const struct call *call);
/* The bytes for the ring; the piece is there. */
struct span cred_seal(const struct calls_out *out);
void cred_sealed(const struct call *call);
void cred_open(struct dialog *d, struct calls_event *ev);
/* An application takes a piece for a forged one. */
bool cred_distrusts(struct calls_event *ev);

/* ---- exchange.c ---- */

/* 0: there is no room for more. */
uint32_t exchange_new(const struct sess *x);
struct exchange *exchange_of(uint32_t id);
void exchange_request(uint32_t id, const struct calls_event *ev, const struct call *call);
void exchange_reply(uint32_t id, const struct calls_event *ev, const struct call *call);
void exchange_shown(const struct sess *x, const struct call *call);
/* Its application may see it. */
void exchange_follows(const struct sess *x, uint32_t id);
/* STATE, as the caller gets it. */
void exchange_report(uint32_t id, const struct call_report *report);
void exchange_accepted(uint32_t id);
void exchange_caller_ended(const struct sess *x, uint32_t id, const struct calls_event *ev);
/* The service in force is the one that the peer has. */
void exchange_upgrade(const struct dialog *d, uint32_t id);
void exchange_called_ended(const struct sess *x, uint32_t id, const struct calls_event *ev);
/* The FIN of that side may go. */
void exchange_fin(const struct dialog *d);

/* ---- bounds.c ---- */

/* After calls_init(). */
void bounds_begin(struct dialog *d);
/* The limits of windows become these. */
void bounds_change(struct dialog *d, uint32_t window, int64_t grow_bytes);
/* No frame is due. */
void bounds_said(struct dialog *d);
/* Before the core takes that frame of the peer. */
void bounds_frame(struct dialog *d, const uint8_t *p, size_t n);
/* A frame is about to be in the ring. */
void bounds_credit(struct dialog *d, const struct calls_out *out);
/* So many bytes of the peer's data in that call are not consumed. */
void bounds_data(uint32_t id, const struct call *call, uint32_t granted, size_t unconsumed);
/* All that holds between two events. */
void bounds_hold(struct dialog *d);

#endif
