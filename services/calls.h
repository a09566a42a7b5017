/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of one session, in both directions: slots, windows, deadlines, refusals, outcomes. Pure
 * as proto/: no socket, clock, thread, lock or allocation; all memory is the user's. Knows nothing
 * of services but their ids, of handlers but what is said of them, of rings but positions.
 *
 * In	calls.h		the session: begin, finish, end; time
 *	calls_slots.h	bindings
 *	calls_upgrade.h	their services in force
 *	calls_cred.h	credentials
 *	calls_begin.h	what the application does with a call: begin, send, accept
 *	calls_window.h	what it has consumed
 *	calls_end.h	abort, refuse, let go
 *	calls_query.h	how far is it?
 *	calls_rx.h	frames of the peer
 *	calls_plain.h	several of these at once, where nothing stands in the way
 * Out	calls_tx.h	the next frame for the ring
 *	calls_event.h	the next event for the application
 *
 * The user has one lock for it, held in each of these functions and never while the application
 * runs. After each of them it pulls events until there are none, and frames until there are none
 * or the ring has no room. It takes all events before calls_frame(): the bytes of an event DATA
 * are those of the frame.
 *
 * The life of an own call. call_begin() gives its memory to the core. ENDED is its last event; the
 * memory is the user's again after call_let_go(), which may come before it (then no event comes) or
 * after it. Its slot is free when the peer has ended its side and the application has consumed the
 * reply or given the call up; the core needs no memory of the call for that.
 *
 * The life of a call of the peer. It lies in memory of the core from NEW on. The user answers
 * NEW, at once or later, by call_accept() or call_refuse(). One that is behind a call
 * of this side's (NEW says so) is not for the application until SHOW; it can be refused and let go
 * before. ENDED is its last event:
 *	held false: the last piece of the reply, a refusal or an own abort is in the ring; the
 *		struct is the core's again at that moment;
 *	held true: the caller gave it up, its deadline or the session is over, calls close or rules
 *		were broken: its handler should stop. It keeps its slot until call_let_go().
 * call_let_go() before ENDED: no event comes; without a complete reply the caller gets ABORTED.
 *
 * When the peer breaks a rule, all calls of the session end at both sides, and no new one begins.
 * The peer learns of it from an ABORT with slot CALL_SLOT_NONE and code CALLS_RULES. The session
 * itself goes on.
 *
 * The pieces of a call with a credential may be sealed, by the user, who adds to each piece, also
 * to an empty one, the bytes that the credential says (extra). All of the core counts bytes without
 * them: it gives and is given plain bytes to send, and counts so many less of those that arrive,
 * which DATA brings sealed.
 */
#ifndef SINEW_SERVICES_CALLS_H
#define SINEW_SERVICES_CALLS_H

#include "call_wire.h"

#include "proto/grant.h"
#include "proto/list.h"
#include "proto/span.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CALLS_NEVER		UINT64_MAX
#define CALLS_BINDINGS		256u	/* of each direction of a session; a rule of the wire */
#define CALLS_CREDS		16u	/* the same, of credentials */
#define CALLS_SYSTEM		64u	/* service ids below are the library's own */
#define CALLS_WINDOW_MIN	16384u	/* what a window begins with, unless HELLO says more */
#define CALLS_ACCEPT_NS		20000000u	/* ACCEPT, unless the reply began before */
#define CALLS_RETRY_NS		10000000u	/* first pause after BUSY; each is twice as long, */
#define CALLS_RETRY_TWICE	7u		/* so many times */

/* Codes of aborts that the core itself says; RxRPC has the same for the same. */
#define CALLS_UNANSWERED	((uint32_t)-1)	/* let go by its handler without a reply */
#define CALLS_TIMEOUT		((uint32_t)-3)	/* the caller's deadline */
#define CALLS_RULES		((uint32_t)-5)	/* broken rules */
#define CALLS_GIVEN_UP		((uint32_t)-6)	/* let go by the caller */
#define CALLS_DISTRUSTED	((uint32_t)-1000)	/* a refused credential, a broken seal */

/* Why a call ended here: a reason of the wire (enum call_reason), or one of these. */
enum calls_reason {
	CALLS_REPLIED = 64,	/* in order: the reply is complete */
	CALLS_ABANDONED,	/* aborted by this side's application */
	CALLS_SESSION,		/* the session is over */
	CALLS_PROTOCOL,		/* rules were broken */
	CALLS_DEADLOCK,		/* an own one: its reply waits for its own application */
};

enum calls_outcome {
	CALLS_NOT_EXECUTED = 1,	/* the peer's application has not seen it and never will */
	CALLS_PARTIAL,		/* the last piece of the request never left */
	CALLS_IN_DOUBT,		/* executed once or not at all */
	CALLS_STARTED,		/* accepted by the peer's application */
	CALLS_DONE,		/* executed to its end; the reply is complete unless given up */
};

struct calls_config {
	struct service_grant ours, theirs;
	uint32_t window_max;	/* what a window of ours grows to while data are consumed; at most
				 * INT32_MAX */
	int64_t grow_bytes;	/* what all our windows together may grow beyond their first size */
	uint32_t max_queued;	/* own calls that wait for a slot */
	uint16_t n_bindings;	/* at most CALLS_BINDINGS, with which peers count; fewer in tests */
	uint16_t n_creds;	/* at most CALLS_CREDS, the same */
	uint16_t cred_max;	/* bytes of one, at most CALL_CRED_MAX */
	uint16_t reserved;	/* own slots for service ids below CALLS_SYSTEM: 8; 0 in tests */
	uint8_t depth_max;	/* CALL_DEPTH_MAX; less in tests */
};

/* Frames that a slot has due. */
enum calls_due {
	DUE_ABORT = 1, DUE_END = 2, DUE_ACCEPT = 4, DUE_CREDIT = 8, DUE_FINAL = 16,
	DUE_QUERY = 32, DUE_STATE = 64,
};

/* Events that a call has pending; they are pulled from the lowest bit on. */
enum call_pending {
	P_NEW = 1, P_SHOW = 2, P_ACCEPTED = 4, P_DATA = 8, P_ROOM = 16, P_FINAL = 32, P_STATE = 64,
	P_ENDED = 128, P_AGAIN = 256,
};

/* A use of a slot. */
struct call_ref {
	uint32_t gen;
	uint16_t slot;		/* CALL_SLOT_NONE: none */
};

/* How far a call is, as its called side says. */
struct call_report {
	uint8_t state;		/* enum call_at */
	uint32_t age_ms, received, consumed;
};

/* Events of no call. */
enum calls_pending {
	CP_FAULT = 1, CP_SLOT = 2, CP_CRED = 4,
};

/* A slot of one direction. */
struct call_slot {
	struct list link;	/* of the dirty ones */
	struct call_slot *next;	/* own and not taken: the next free one */
	struct call *call;	/* own: NULL if its call was given up before the peer's end */
	uint32_t gen;		/* of the call that has it, or had it last */
	uint32_t code;		/* own: of ABORT; bytes consumed, of the last CREDIT. The peer's:
				 * gen that the last QUERY was about */
	uint16_t index;
	uint16_t binding;	/* own: of the call that has it */
	uint8_t due;		/* frames to send, enum calls_due */
	bool followed;		/* own: a call of the peer is behind its call */
	uint8_t depth;		/* own */
	bool incoming;
	bool taken;		/* own: not free */
	bool over;		/* own: the peer has ended its side */
};

enum call_bound {
	CALL_UNBOUND,
	CALL_TO_BIND,		/* own: BIND is due */
	CALL_BOUND,
	CALL_TO_UNBIND,		/* own: UNBIND is due */
	CALL_TO_REBIND,		/* own: UNBIND is due, and BIND behind it */
};

/* How much is known of the service of an own binding. */
enum calls_upgrade {
	UPGRADE_NONE,		/* nothing, and no call asks */
	UPGRADE_ASKED,		/* a call that has no slot yet will ask */
	UPGRADE_PROBING,	/* one asks, others wait */
	UPGRADE_KNOWN,		/* for as long as the session lasts */
};

struct call_binding {
	uint32_t users;		/* own: calls_bind() less calls_unbind(), and calls without BEGIN,
				 * or without an answer to UPGRADE */
	uint32_t lined;		/* own: calls of depth 0 that wait for a slot */
	uint16_t held;		/* own: slots */
	uint16_t service;	/* own: that was asked for; the peer's: of its next calls */
	uint16_t in_force;	/* own: of the next calls */
	uint16_t probe;		/* the peer's: slot of the call with UPGRADE, or CALL_SLOT_NONE */
	uint16_t cred;		/* number of the credential; 0: none */
	uint8_t state;		/* enum call_bound */
	uint8_t upgrade;	/* own: enum calls_upgrade */
	bool used;		/* by a BEGIN, since BIND */
	bool spoiled;		/* own: by a probe that has no result; no other call is to use the
				 * number before it is bound anew */
};

enum call_known {
	CRED_NONE,
	CRED_NEW,		/* own: CRED is due; of the peer: its event is */
	CRED_KNOWN,
	CRED_LEAVES,		/* own: UNCRED is due */
	CRED_GONE,		/* of the peer: the event is due */
};

/* A credential; its number is one more than its place. */
struct call_cred {
	struct span bytes;	/* the user's, until CRED is in the ring; the peer's in a frame */
	uint64_t id;		/* own: names it */
	uint32_t users;		/* bindings that are not free; of the peer also calls */
	uint16_t kind;
	uint16_t extra;
	uint8_t state;		/* enum call_known */
};

/* A request or a reply that is sent. */
struct call_tx {
	struct span offered;	/* the user's bytes, not in the ring yet */
	uint64_t total;		/* or CALL_TOTAL_UNKNOWN */
	uint64_t sent;		/* bytes in the ring */
	uint64_t limit;		/* bytes that the peer has granted */
	uint32_t consumed;	/* of those sent, by the peer, as it said: mod 2^32 */
	bool opened;		/* BEGIN, or REPLY, is in the ring */
	bool last;		/* nothing comes behind what is offered */
	bool complete;		/* all of it is in the ring */
	bool want_room;		/* ROOM follows */
};

/* One that is received. */
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
	CALL_PAUSED,		/* own: refused for now, until it is begun again */
	CALL_OPEN,
	CALL_SETTLING,		/* own: aborted, ENDED waits for the peer's word */
	CALL_FINALE,		/* the peer's: replied, ENDED waits for the caller's consumption */
	CALL_HELD,		/* the peer's: ended, until it is let go */
	CALL_ENDING,		/* the peer's: END is due */
	CALL_OVER,		/* ended; the peer's: ENDED is pending */
};

/* How plain a call was so far: see calls_plain.h. */
enum call_plain {
	PLAIN_NOT,
	PLAIN_BEGUN,		/* own */
	PLAIN_ANSWERED,		/* ... and that, too */
	PLAIN_CAME,		/* the peer's */
	PLAIN_ACCEPTED,		/* ... and that, too; nothing is known of its reply yet */
	PLAIN_REPLIED,		/* ... and that; nobody is told of its end yet */
};

struct call {
	struct calls *calls;
	void *user;		/* the user's */
	struct list event;	/* of struct calls, with events pending or yet to be shown */
	struct list queue;	/* of those that wait for a slot, or of those with pieces to send */
	struct call_tx tx;
	struct call_rx rx;
	uint64_t begun_ns;	/* the peer's */
	uint64_t deadline_ns;
	uint64_t timer_ns;	/* ACCEPT for one of the peer, a new BEGIN for an own one that is
				 * paused; CALLS_NEVER: neither */
	uint64_t begin_end;	/* ring positions behind BEGIN and behind the last piece of the */
	uint64_t last_end;	/* request; 0: not in the ring */
	struct call_ref after;	/* that call of the called side comes first */
	uint32_t op;
	uint32_t gen;
	uint32_t code;		/* of the end */
	uint32_t retry_ms;
	uint16_t slot;
	uint16_t binding;
	uint16_t service;
	uint16_t cred;		/* of its binding; 0: none */
	uint16_t extra;		/* bytes that the seal adds to each of its pieces */
	uint16_t pending;	/* events, enum call_pending */
	uint8_t state;		/* enum call_state */
	uint8_t reason;		/* of the end; enum call_reason, enum calls_reason */
	uint8_t outcome;	/* of the end; enum calls_outcome */
	bool accepted;		/* by the called side's application, as far as is known here */
	bool asked;		/* own: STATE follows */
	bool behind;		/* the peer's: its after has not ended, SHOW follows */
	bool gone;		/* let go */
	uint8_t plain;		/* enum call_plain */
	uint8_t flags;		/* of BEGIN */
	uint8_t depth;
	bool incoming;
	uint8_t tries;		/* BEGIN that were refused for now */
	bool settle, endless, retry;	/* as struct calls_begin says */
	bool final;		/* call_want_final() */
};

/* Never reset; they decide nothing. */
struct calls_counters {
	uint64_t begun;		/* own calls */
	uint64_t shown;		/* calls of the peer */
	uint64_t ended[CALLS_DONE + 1];	/* own calls, by outcome */
	uint64_t refused;	/* calls of the peer, before they were accepted */
	uint64_t busy;		/* own calls that ended so */
	uint64_t aborted;	/* ... by an application */
	uint64_t late;		/* frames of calls that had ended, dropped */
	uint64_t broken;	/* rules */
};

/* See calls_plain.h. */
struct plain_limits {
	uint32_t sent;		/* bytes that the peer takes in the first frame of any call */
	uint32_t taken;		/* the same of this side */
	uint16_t slots;		/* while fewer own ones are taken, any call of an application that
				 * is begun for no other one may have one */
};

/* Of the bindings of a session. */
struct bindings_tried {
	uint16_t out, in;	/* own ones, the peer's: none was used from these numbers on */
	uint16_t n_as;		/* own bindings with a credential */
};

struct calls {
	struct calls_config cfg;
	struct call_slot *out, *in;
	struct call *in_calls;
	struct call_binding *out_bindings, *in_bindings;
	struct call_cred *out_creds, *in_creds;
	uint64_t now_ns;
	uint64_t deadline_ns;	/* lower bound of all timers */
	int64_t grow_bytes;	/* that are left; less than 0 after calls_set_window() */
	uint32_t window_most;	/* that cfg.window_max ever was */
	struct call_slot *free;	/* own slots that are not taken, the last one first */
	struct list dirty;	/* slots with frames due */
	struct list ready;	/* calls with a piece that may go, in turn */
	struct list waiting;	/* own calls without a slot, oldest first */
	struct list paused;	/* own calls that are begun again later */
	struct list unshown;	/* the peer's, until the batch ends */
	struct list events;
	struct call_report report;	/* of the last STATE */
	const char *fault;	/* the broken rule, for the log; NULL: none */
	/* Own slots that are taken, by depth: by services of applications, of the library. */
	uint16_t held[2][CALL_DEPTH_MAX + 1];
	uint16_t target;	/* own slots that may be taken */
	uint16_t our_target;	/* what the peer is told */
	uint16_t n_taken;	/* own slots */
	uint16_t n_awaited;	/* of them those that the peer has not ended */
	uint16_t n_in;		/* calls of the peer */
	uint16_t n_binds;	/* BIND, UNBIND, CRED and UNCRED that are due */
	struct bindings_tried tried;
	uint32_t n_lined;	/* waiting */
	uint32_t n_waiting;	/* and paused */
	uint32_t n_own;		/* own calls that were not let go */
	struct plain_limits plain;
	uint8_t pending;	/* events of no call, enum calls_pending */
	/* None is set usually: see calls_usual(). */
	bool target_due, rules_due;
	bool begin_wanted;	/* a begin was refused with -EAGAIN */
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

/* How many of the peer's calls may be there at once: 1 to cfg.ours.slots. */
void calls_set_target(struct calls *c, uint16_t target);
/* cfg.window_max and cfg.grow_bytes from now on, within the limits there. A window that has grown
 * stays so long. */
void calls_set_window(struct calls *c, uint32_t window_max, int64_t grow_bytes);

/*
 * Refuses new calls of both sides (CLOSING, -ESHUTDOWN) and ends those without end; others go on.
 * Before the FIN of the session, or by itself.
 */
void calls_finish(struct calls *c);
/* After calls_finish(): no call needs a frame any more, of ours or the peer's. */
bool calls_fin_may_go(const struct calls *c);
/* The session's FIN is queued, or about to be: no frame comes from here any more. Calls that the
 * peer begins now are dropped; its calls_peer_fin() tells it that. */
void calls_fin_gone(struct calls *c);
/* The peer's FIN has arrived: it sends no frame any more. Own calls that it has not accepted were
 * not executed. */
void calls_peer_fin(struct calls *c);
/* Ends all calls now, with reason CLOSING: the time for calls_finish() is over. */
void calls_stop(struct calls *c);
/* The session is over; nothing at or behind the ring position high was ever handed to a link. Ends
 * all calls. */
void calls_down(struct calls *c, uint64_t high);

void calls_now(struct calls *c, uint64_t now_ns);	/* an earlier time is ignored */
uint64_t calls_deadline(const struct calls *c);		/* CALLS_NEVER: none */
void calls_tick(struct calls *c);

/* ---- for the other files of the core ---- */

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline void calls_arm(struct calls *c, uint64_t at_ns)
{
	if (at_ns < c->deadline_ns)
		c->deadline_ns = at_ns;
}

/* Time that is left, in ms, rounded up: zero means that it has passed. */
static inline uint32_t calls_left_ms(const struct calls *c, uint64_t deadline_ns)
{
	if (deadline_ns == CALLS_NEVER)
		return CALL_DEADLINE_NONE;
	if (deadline_ns <= c->now_ns)
		return 0;
	return (uint32_t)min_u64((deadline_ns - c->now_ns - 1) / 1000000 + 1,
				 CALL_DEADLINE_NONE - 1);
}

/* The same at the side that gets it. */
static inline uint64_t calls_deadline_in(const struct calls *c, uint32_t ms)
{
	assert(c->now_ns < CALLS_NEVER - CALL_DEADLINE_NONE * UINT64_C(1000000));
	return ms == CALL_DEADLINE_NONE ? CALLS_NEVER : c->now_ns + ms * UINT64_C(1000000);
}

/* A slot of ours, one of the peer's, and the call that has the latter. */
static inline struct call_slot *calls_own_slot(const struct calls *c, unsigned i)
{
	assert(i < c->cfg.theirs.slots);
	return &c->out[i];
}

static inline struct call_slot *calls_peers_slot(const struct calls *c, unsigned i)
{
	assert(i < c->cfg.ours.slots);
	return &c->in[i];
}

static inline struct call *calls_peers_call(const struct calls *c, unsigned i)
{
	assert(i < c->cfg.ours.slots);
	return &c->in_calls[i];
}

/* NULL: it has none, or no more. */
static inline struct call_slot *call_slot(const struct call *call)
{
	if (call->slot == CALL_SLOT_NONE)
		return NULL;
	return call->incoming ? calls_peers_slot(call->calls, call->slot) :
		calls_own_slot(call->calls, call->slot);
}

/* An own call without a slot, with BEGIN yet to come. */
static inline bool call_waits(const struct call *call)
{
	return call->state == CALL_WAITING || call->state == CALL_PAUSED;
}

/* None of the eight booleans is set. */
static inline bool calls_usual(const struct calls *c)
{
	uint64_t unusual;

	static_assert(offsetof(struct calls, down) - offsetof(struct calls, target_due) == 7, "");
	memcpy(&unusual, (const char *)c + offsetof(struct calls, target_due), sizeof unusual);
	return !unusual;
}

/* Frames can still go to the peer. */
static inline bool calls_may_send(const struct calls *c)
{
	return !c->down && !c->broken && !c->fin_gone;
}

/* The peer broke that rule. */
int calls_break(struct calls *c, const char *rule);
void calls_broken(struct calls *c, const char *rule);

#endif
