/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of one session, in both directions: slots, windows, deadlines, refusals, outcomes. Pure
 * as proto/: no socket, clock, thread, lock or allocation; all memory is the user's. Knows nothing
 * of services but their ids, of handlers but what is said of them, of rings but positions.
 *
 * In:	what the application does:	calls_bind(), call_begin(), call_send(), call_accept(),
 *					call_refuse(), call_abort(), call_consumed(), call_let_go(),
 *					calls_set_target(), calls_finish()
 *	what the session does:		calls_frame(), calls_batch_end(), calls_peer_fin(),
 *					calls_fin_gone(), calls_down()
 *	time:				calls_now(), calls_tick()
 * Out:	calls_frame_out()		the next frame for the ring
 *	calls_event()			the next event for the application
 *	calls_deadline()		when to tick
 *
 * The user has one lock for it, held in each of these functions and never while the application
 * runs. After each of them it pulls events until there are none, and frames until there are none
 * or the ring has no room. It takes all events before calls_frame(): the bytes of an event DATA are
 * those of the frame.
 *
 * The life of an own call. call_begin() gives its memory to the core. ENDED is its last event; the
 * memory is the user's again after call_let_go(), which may come before it (then no event comes) or
 * after it. Its slot is free when the peer has ended its side and the application has consumed the
 * reply or given the call up; the core needs no memory of the call for that.
 *
 * The life of a call of the peer. It lies in memory of the core from NEW on. The user answers NEW by
 * call_accept(), by call_refuse(), or later by one of them. ENDED is its last event:
 *	held false: the last piece of the reply, a refusal or an own abort is in the ring; the struct
 *		is the core's again at that moment;
 *	held true: the caller gave it up, its deadline or the session is over, calls close or rules
 *		were broken: its handler should stop. It keeps its slot until call_let_go().
 * call_let_go() before ENDED: no event comes; without a complete reply the caller gets ABORTED.
 *
 * Rules that the peer breaks end all calls of the session, at both sides, and no other begins: the
 * other side is told by ABORT with slot CALL_SLOT_NONE and code CALLS_RULES. The session goes on.
 */
#ifndef SINEW_SERVICES_CALLS_H
#define SINEW_SERVICES_CALLS_H

#include "call_wire.h"

#include "proto/list.h"
#include "proto/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLS_NEVER		UINT64_MAX
#define CALLS_BINDINGS		256u	/* of each direction of a session; a rule of the wire */
#define CALLS_SYSTEM		64u	/* service ids below are the library's own */
#define CALLS_WINDOW_MIN	16384u	/* what a window begins with, unless HELLO says more */
#define CALLS_ACCEPT_NS		20000000u	/* an accepted call says so if unanswered for so long */

/* Codes of aborts that the core itself says; RxRPC has the same for the same. */
#define CALLS_UNANSWERED	((uint32_t)-1)	/* let go by its handler without a reply */
#define CALLS_TIMEOUT		((uint32_t)-3)	/* the caller's deadline */
#define CALLS_RULES		((uint32_t)-5)	/* broken rules */
#define CALLS_GIVEN_UP		((uint32_t)-6)	/* let go by the caller */

/* Why a call ended here: a reason of the wire (enum call_reason), or one of these. */
enum calls_reason {
	CALLS_REPLIED = 64,	/* in order: the reply is complete */
	CALLS_ABANDONED,	/* aborted by this side's application */
	CALLS_SESSION,		/* the session is over */
	CALLS_PROTOCOL,		/* rules were broken */
};

enum calls_outcome {
	CALLS_NOT_EXECUTED = 1,	/* the peer's application has not seen it and never will */
	CALLS_PARTIAL,		/* the last piece of the request never left */
	CALLS_IN_DOUBT,		/* executed once or not at all */
	CALLS_STARTED,		/* accepted by the peer's application */
	CALLS_DONE,		/* executed to its end; the reply is complete unless given up */
};

/* What a side grants, as HELLO says it. */
struct calls_grant {
	uint16_t slots;		/* calls of the other side at once */
	uint32_t window;	/* of a call at first, for what the other side sends */
	uint32_t piece;		/* longest data of one frame, at most CALL_PIECE_MAX */
};

struct calls_config {
	struct calls_grant ours, theirs;
	uint32_t window_max;	/* what a window of ours grows to while data are consumed; at most
				 * INT32_MAX */
	uint64_t grow_bytes;	/* what all our windows together may grow beyond their first size */
	uint32_t max_queued;	/* own calls that wait for a slot */
	uint16_t n_bindings;	/* at most CALLS_BINDINGS, with which peers count; fewer in tests */
	uint16_t reserved;	/* own slots for service ids below CALLS_SYSTEM: 8; 0 in tests */
	uint8_t depth_max;	/* CALL_DEPTH_MAX; less in tests */
};

/* A slot of one direction. */
struct call_slot {
	struct list link;	/* own and not taken: of the free ones; else of the dirty ones */
	struct call *call;	/* own: NULL if its call was given up before the peer's end */
	uint32_t gen;		/* of the call that has it, or had it last */
	uint32_t code;		/* of ABORT; bytes consumed, of the last CREDIT */
	uint16_t index;
	uint16_t binding;	/* own: of the call that has it */
	uint8_t depth;		/* own */
	uint8_t due;		/* frames to send, enum calls_due */
	bool incoming;
	bool taken;		/* own: not free */
	bool over;		/* own: the peer has ended its side */
};

enum call_bound {
	CALL_UNBOUND,
	CALL_TO_BIND,		/* own: BIND is due */
	CALL_BOUND,
	CALL_TO_UNBIND,		/* own: UNBIND is due */
};

struct call_binding {
	uint32_t users;		/* own: calls_bind() less calls_unbind(), and calls without BEGIN */
	uint16_t held;		/* own: slots */
	uint16_t service;
	uint8_t state;		/* enum call_bound */
};

/* What a side sends: a request or a reply. */
struct call_tx {
	struct span offered;	/* the user's bytes, not in the ring yet */
	uint64_t total;		/* or CALL_TOTAL_UNKNOWN */
	uint64_t sent;		/* bytes in the ring */
	uint64_t consumed;	/* of them by the peer, as it said */
	uint64_t limit;		/* bytes that the peer has granted */
	bool opened;		/* BEGIN, or REPLY, is in the ring */
	bool last;		/* nothing comes behind what is offered */
	bool complete;		/* all of it is in the ring */
	bool want_room;		/* ROOM follows */
};

/* What it receives. */
struct call_rx {
	struct span fresh[2];	/* not pulled yet; two only of a call that was not shown */
	uint64_t total;		/* or CALL_TOTAL_UNKNOWN */
	uint64_t received, consumed;
	uint64_t told;		/* consumed, as the peer was told */
	uint64_t limit;		/* granted, as the peer was told */
	uint32_t window;	/* to be granted beyond consumed */
	uint8_t n_fresh;
	bool opened;		/* BEGIN, or REPLY, has arrived */
	bool complete;
	bool want_final;	/* the peer wants to hear of the end of consumption */
};

enum call_state {
	CALL_FREE,		/* the user's memory, or a free slot of the peer */
	CALL_WAITING,		/* own: for a slot */
	CALL_OPEN,
	CALL_SETTLING,		/* own: aborted, ENDED waits for the peer's word */
	CALL_FINALE,		/* the peer's: replied, ENDED waits for the caller's consumption */
	CALL_HELD,		/* the peer's: ended, until it is let go */
	CALL_ENDING,		/* the peer's: END is due */
	CALL_OVER,		/* ended; the peer's: ENDED is pending */
};

struct call {
	struct calls *calls;
	void *user;		/* the user's */
	struct list event;	/* of struct calls, with events pending or yet to be shown */
	struct list queue;	/* of those that wait for a slot, or of those with pieces to send */
	struct call_tx tx;
	struct call_rx rx;
	uint64_t deadline_ns;
	uint64_t accept_ns;	/* the peer's: when ACCEPT is sent, CALLS_NEVER: not */
	uint64_t begin_end;	/* ring positions behind BEGIN and behind the last piece of the */
	uint64_t last_end;	/* request; 0: not in the ring */
	uint32_t op;
	uint32_t gen;
	uint32_t code;		/* of the end */
	uint32_t retry_ms;
	uint16_t slot;
	uint16_t binding;
	uint16_t service;
	uint8_t flags;		/* of BEGIN */
	uint8_t state;		/* enum call_state */
	uint8_t depth;
	uint8_t pending;	/* events */
	uint8_t reason;		/* of the end; enum call_reason, enum calls_reason */
	uint8_t outcome;	/* of the end; enum calls_outcome */
	bool incoming;
	bool settle, endless, final;	/* as struct calls_begin says */
	bool accepted;		/* by the called side's application, as far as is known here */
	bool gone;		/* let go */
};

/* What happened, not what is; the user adds to it what it likes. */
struct calls_counters {
	uint64_t begun, shown;	/* own calls that were queued or begun; the peer's that were shown */
	uint64_t ended[CALLS_DONE + 1];	/* own calls, by outcome */
	uint64_t late;		/* frames of calls that had ended, dropped */
	uint64_t broken;	/* rules */
};

struct calls {
	struct calls_config cfg;
	struct call_slot *out, *in;
	struct call *in_calls;
	struct call_binding *out_bindings, *in_bindings;
	uint64_t now_ns;
	uint64_t deadline_ns;	/* lower bound of all timers */
	uint64_t grow_bytes;	/* that are left */
	struct list free;	/* own slots that are not taken */
	struct list dirty;	/* slots with frames due */
	struct list ready;	/* calls with a piece that may go, in turn */
	struct list waiting;	/* own calls without a slot, oldest first */
	struct list unshown;	/* the peer's, until the batch ends */
	struct list events;
	const char *fault;	/* the broken rule, for the log; NULL: none */
	/* Own slots that are taken, by depth: by services of applications, of the library. */
	uint16_t held[2][CALL_DEPTH_MAX + 1];
	uint16_t target;	/* own slots that may be taken */
	uint16_t our_target;	/* what the peer is told */
	uint16_t n_taken;	/* own slots */
	uint16_t n_awaited;	/* of them those that the peer has not ended */
	uint16_t n_in;		/* calls of the peer */
	uint16_t n_binds;	/* BIND and UNBIND that are due */
	uint32_t n_waiting;
	uint32_t n_own;		/* own calls that were not let go */
	bool target_due, rules_due;
	bool begin_wanted;	/* a begin was refused with -EAGAIN */
	bool slot_pending, fault_pending;	/* events */
	bool finishing;		/* no new calls */
	bool fin_gone, peer_fin;
	bool broken;		/* rules were */
	bool down;
	struct calls_counters n;
};

/* Bytes of memory that calls_init() needs, with the alignment of max_align_t. */
size_t calls_memory(const struct calls_config *cfg);
/* mem: calls_memory() bytes, kept as long as c. */
void calls_init(struct calls *c, const struct calls_config *cfg, void *mem, uint64_t now_ns);
/* No call of ours or the peer's refers to c: after calls_down() c may be given up. */
static inline bool calls_empty(const struct calls *c)
{
	return !c->n_own && !c->n_in;
}

/* ---- own calls ---- */

/*
 * A number for calls to that service; the same one if it has one. Ends with calls_unbind().
 * -ENOSPC: cfg.n_bindings are in use. -ESTALE: the session is over. -EPROTO: rules were broken.
 */
int calls_bind(struct calls *c, uint16_t service, uint16_t *ret_binding);
/* Those that were begun with it go on. */
void calls_unbind(struct calls *c, uint16_t binding);

struct calls_begin {
	uint16_t binding;
	uint8_t depth;		/* one more than that of the call that it is begun for, else 0 */
	bool nowait;		/* -EAGAIN instead of waiting for a slot */
	bool settle;		/* ENDED after deadline or abort waits for the peer's word */
	bool want_accept;
	bool endless;		/* calls_finish() of either side ends it */
	uint32_t op;
	uint64_t total;		/* of the request, or CALL_TOTAL_UNKNOWN */
	uint64_t deadline_ns;	/* or CALLS_NEVER */
	struct span data;	/* as in call_send() */
	bool last;
	void *user;
};

/*
 * Begins a call in memory of the user's that is in no use.
 * -EAGAIN: no slot is free and nowait is set, or cfg.max_queued wait already; SLOT follows.
 * -ELOOP: too deep. -ESHUTDOWN: one side finishes. -ESTALE: the session is over. -EPROTO: rules
 * were broken. -EMSGSIZE: data exceed the total. -EINVAL: they are the last and less than the total.
 */
int call_begin(struct calls *c, struct call *call, const struct calls_begin *b);

/* ---- both ---- */

/*
 * Offers data, of the request or the reply: they stay the user's and unchanged until
 * calls_frame_put() has taken them (call_unsent()), or the call has ended or was let go. None with
 * last ends the request or reply.
 * -EAGAIN: some of what was offered before is not taken. -EBUSY: a reply, but the request is not
 * complete and consumed. -EPIPE: the last data were offered before. -ECONNABORTED: the call has
 * ended. -EMSGSIZE, -EINVAL: as call_begin().
 */
int call_send(struct call *call, const void *data, size_t n, bool last);
/* ROOM comes, once, when nothing is offered and the peer's window is open. */
void call_want_room(struct call *call);
/* The announced length of a reply, before its first data. */
void call_set_total(struct call *call, uint64_t total);
/* The called side wants FINAL: the caller has consumed all. Before the last data are offered;
 * ENDED waits for it. */
void call_want_final(struct call *call);
/* Offered and not in the ring. */
static inline struct span call_unsent(const struct call *call)
{
	return call->tx.offered;
}
/* What is offered lies at p from now on. */
static inline void call_moved(struct call *call, const void *p)
{
	call->tx.offered.p = p;
}
/* Bytes that the peer's window has left beyond what is offered. */
uint64_t call_room(const struct call *call);

/* n bytes of what DATA brought are consumed. -EINVAL: more than that; nothing changed. After the end
 * it is needed for an own call whose reply is complete, else ignored. */
int call_consumed(struct call *call, size_t n);

/* Gives the call up; the peer gets the code. ENDED follows: for an own call that settles, when the
 * peer has said what became of it. -EALREADY: it has ended, or was aborted. */
int call_abort(struct call *call, uint32_t code);

/* See above. Once for each own call, and for one of the peer unless it got ENDED that was not held;
 * after calls_down(), too. */
void call_let_go(struct call *call);

/* ---- calls of the peer ---- */

/* The application has it. -EALREADY: it had, or the call has ended. */
int call_accept(struct call *call);
/* Instead of call_accept(): BUSY, NO_SERVICE, NO_OP, CREDENTIAL, TOO_BIG or CLOSING. The call is over
 * for the peer, which knows that it was not executed; ENDED follows. -EALREADY: as call_accept(). */
int call_refuse(struct call *call, enum call_reason reason, uint32_t retry_ms);
/* How many of the peer's calls may be there at once: 1 to cfg.ours.slots. */
void calls_set_target(struct calls *c, uint16_t target);

/* ---- the session ---- */

/* From the peer, in order. The bytes stay valid until the events that follow are pulled; for
 * BEGIN, those that follow calls_batch_end(). -EPROTO: a rule is broken, see FAULT. */
int calls_frame(struct calls *c, const uint8_t *body, size_t len);
/* All that was read at once was given to calls_frame(): shows new calls. One that the same batch
 * aborts is never shown, unless more than the first piece of its request came. */
void calls_batch_end(struct calls *c);

/*
 * Refuses new calls of both sides (CLOSING, -ESHUTDOWN) and ends those without end; others go on.
 * Before the FIN of the session, or by itself.
 */
void calls_finish(struct calls *c);
/* After calls_finish(): no call needs a frame any more, of ours or the peer's. */
bool calls_fin_may_go(const struct calls *c);
/* The session's FIN is queued, or about to be: no frame comes from here any more. What the peer
 * begins now is dropped; its calls_peer_fin() tells it that. */
void calls_fin_gone(struct calls *c);
/* The peer's FIN has arrived: it sends no frame any more. Own calls that it has not accepted were
 * not executed. */
void calls_peer_fin(struct calls *c);
/* The session is over; nothing at or behind the ring position high was ever handed to a link. Ends
 * all calls. */
void calls_down(struct calls *c, uint64_t high);

void calls_now(struct calls *c, uint64_t now_ns);	/* never backwards */
uint64_t calls_deadline(const struct calls *c);		/* CALLS_NEVER: none */
void calls_tick(struct calls *c);

/* ---- out ---- */

struct calls_out {
	uint8_t head[CALL_HEAD_MAX];
	size_t n_head;
	struct span data;	/* behind it */
	bool bulk;		/* a piece: not when there is much ahead of the socket */
	struct call *call;	/* whose data these are, or NULL */
	/* For calls_frame_put(). */
	struct call_slot *slot;
	uint8_t what;
	uint16_t binding;
};

/* The next frame, in this order: bindings, states of calls (later ones take the place of earlier
 * ones), pieces, one of each call in turn. Changes nothing until calls_frame_put(). False: none. */
bool calls_frame_out(struct calls *c, struct calls_out *ret);
/* What the last calls_frame_out() returned is in the ring, up to the position end; no other
 * function came in between. */
void calls_frame_put(struct calls *c, const struct calls_out *out, uint64_t end);

enum calls_event_what {
	CALLS_EV_NEW = 1,	/* of the peer: accept or refuse it */
	CALLS_EV_ACCEPTED,	/* own: the peer's application has it */
	CALLS_EV_DATA,
	CALLS_EV_ROOM,		/* call_send() may take more */
	CALLS_EV_FINAL,		/* of the peer: it has consumed the whole reply; ENDED comes next */
	CALLS_EV_ENDED,
	CALLS_EV_SLOT,		/* of no call: a begin refused with -EAGAIN may be tried again */
	CALLS_EV_FAULT,		/* of no call: the peer broke a rule, or says that we did */
};

struct calls_event {
	enum calls_event_what what;
	struct call *call;
	void *user;		/* of the call */
	struct span data;	/* DATA */
	bool last;		/* DATA: the request or reply is complete */
	bool held;		/* ENDED: see above */
	uint8_t reason;		/* ENDED: enum call_reason, never CONFIRM; or enum calls_reason */
	enum calls_outcome outcome;	/* ENDED; at the called side: what it did */
	uint32_t code;		/* ENDED: of ABORTED or ABANDONED */
	uint32_t retry_ms;	/* ENDED: of BUSY */
	const char *fault;	/* FAULT */
};

/* The next event. False: none. */
bool calls_event(struct calls *c, struct calls_event *ret);

#endif
