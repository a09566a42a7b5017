/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small world of calls for an exhaustive search: two cores, three calls, a channel in order in
 * each direction, applications that may do anything at any time, and an oracle that knows what each
 * side did. All of it is one block of memory at one address, so that a state is copied by memcpy()
 * and comes back by it, pointers included. Windows and pieces have one byte.
 */
#ifndef SINEW_TESTS_LIB_CALLS_WORLD_H
#define SINEW_TESTS_LIB_CALLS_WORLD_H

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

#define WORLD_CALLS 3
#define WORLD_CHANNEL 6
#define WORLD_BATCH 3
#define WORLD_CREDS 2
#define WORLD_FRAME 47

/* The plan of a call. */
struct world_call {
	uint8_t from;		/* end */
	uint8_t depth;
	uint8_t n_request, n_reply;	/* bytes, of which each is a piece */
	bool settle, final, want_accept, endless, timed, retry, upgrade;
	bool after;		/* the one before in the list, of the other end */
	uint8_t who;		/* its credential, by a binding of its own; 0: none */
};

/* Everything that may happen beside the good life. */
enum world_fault {
	WORLD_ABORT = 1,	/* callers abort */
	WORLD_LET_GO = 2,	/* either side lets go early */
	WORLD_BUSY = 4,		/* the called side refuses */
	WORLD_REJECT = 8,	/* the called side aborts */
	WORLD_TIME = 16,	/* deadlines, late ACCEPT */
	WORLD_DEATH = 32,	/* of the session, at one end first */
	WORLD_CLOSE = 64,	/* either end finishes */
	WORLD_BATCH_ENDS = 128,	/* batches of more than one frame */
	WORLD_SLOW = 256,	/* data are not consumed as they come */
	WORLD_ASK = 512,	/* callers ask how far a call is */
	WORLD_STUCK = 1024,	/* callers cannot hear of it any more */
};

struct world_plan {
	const char *name;
	unsigned n;		/* calls */
	struct world_call calls[WORLD_CALLS];
	unsigned faults;
	uint16_t slots;
	uint16_t n_creds;	/* of each end at once */
	uint16_t newer;		/* service that the called side has in place of 100; 0: none */
	uint8_t depth_max;
};

struct world_frame {
	uint8_t len;		/* 0: the FIN */
	uint8_t body[WORLD_FRAME];
};

struct world_end {
	struct calls c;
	_Alignas(16) uint8_t mem[2048];
	struct world_frame channel[WORLD_CHANNEL];	/* from here */
	struct world_frame batch[WORLD_BATCH];	/* that was read and has not ended */
	uint64_t position;
	uint8_t n_channel, n_batch;
	uint8_t whose[WORLD_CREDS];	/* the peer's credentials, by place; 0: none */
	bool fin;		/* FIN was sent */
};

/* The oracle's knowledge of a call. */
struct world_known {
	bool begun, refused, gone, ended;	/* its caller's side */
	uint8_t outcome, reason;
	uint8_t got, consumed;
	uint8_t shown;		/* its called side */
	bool live, accepted, finished, stopped, let_go, over;
	bool whole;		/* the application has the complete request */
	bool behind;		/* it is not to see the call yet */
	bool asked;		/* how far it is; once */
	uint8_t had, eaten, slot;
};

struct world {
	struct world_end ends[2];
	struct call calls[WORLD_CALLS];
	struct world_known known[WORLD_CALLS];
	uint8_t time;		/* 0, 1: ACCEPT is late, 2: deadlines are over */
};

extern struct world world;
extern const struct world_plan *world_plan;
extern const char *world_wrong;	/* the first violation, or NULL */

static inline void must(bool good, const char *what)
{
	if (!good && !world_wrong)
		world_wrong = what;
}

/* The caller was told the truth about the called side. */
void world_judge_outcome(unsigned id);
/* At NEW: both sides agree on its service; only the probe does not know its own before it is
 * answered. */
void world_judge_service(unsigned id, struct call *call);
/* Begins it by the binding of its end, or, with a credential, by one of its own for as long as that
 * takes. As call_begin(), and calls_bind(). */
int world_begin(unsigned id, struct calls_begin *b);
/* At NEW: it has the credential that its caller gave it, and the called side knows that. */
void world_judge_cred(unsigned id, const struct call *call);
/* That end hears of a credential of the peer, or of its end. */
void world_hear_cred(struct world_end *e, const struct calls_event *ev);
/* The application of the called side may see it now: it has seen the end of the one before. */
void world_may_see(unsigned id);
/* The caller was told how far the called side is, or was. */
void world_judge_report(unsigned id, const struct call_report *report);
/* A call of which nothing left was not executed: the end of the session at e knows that. */
void world_judge_certainty(unsigned e, uint64_t high);
/* That end's binding has the service that the peer has said. */
void world_judge_binding(unsigned e);

void world_init(const struct world_plan *plan);
unsigned world_n_actions(void);
/* Does it if it is possible. */
bool world_act(unsigned action);
const char *world_action_name(unsigned action);
/* From here on nothing goes wrong and everybody does its work: everything must end. */
void world_finish(void);
/* Equal for states that differ only in counters and in what lies behind. */
uint64_t world_hash(void);

#endif
