/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two cores of calls, a and b, with a channel in order between them: frames wait in it until they
 * are delivered, so that a test decides what crosses what. Events are written down as words, one
 * line an end. Knows nothing of what a test does with calls.
 */
#ifndef SINEW_TESTS_LIB_CALLS_PAIR_H
#define SINEW_TESTS_LIB_CALLS_PAIR_H

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

#include <stdalign.h>

#define PAIR_MEMORY 65536u
#define PAIR_FRAMES 512u
#define PAIR_LOG 4096u

struct pair_frame {
	uint8_t *body;
	size_t len;
};

struct pair_end {
	struct calls c;
	alignas(max_align_t) uint8_t mem[PAIR_MEMORY];
	struct pair_end *other;
	struct pair_frame frames[PAIR_FRAMES];	/* on the way from here */
	unsigned n_frames, n_sent;
	uint64_t position;	/* of its ring */
	unsigned room;		/* frames that the ring takes; more than enough at first */
	struct call *in;	/* the last one that was shown */
	char log[PAIR_LOG];	/* since pair_log() */
	size_t n_log;
	uint8_t *held;		/* bytes of the last batch */
	size_t n_held;
	bool consumes;		/* what DATA brings, at once */
	uint16_t newer;		/* service for calls that want an upgrade; 0: none */
};

struct calls_pair {
	struct pair_end a, b;
	uint64_t now_ns;
};

/* Small: 4 slots, windows of 100 bytes, pieces of 40, depth 1, no reserve, no growth. */
struct calls_config pair_config(void);
void pair_init(struct calls_pair *p, const struct calls_config *a, const struct calls_config *b);
void pair_free(struct calls_pair *p);
/* Puts what there is into the channel. */
void pair_flush(struct pair_end *e);
/* Gives what is on the way to e, as one batch; and the events are written down. */
void pair_deliver(struct pair_end *e);
/* Both, until nothing moves. */
void pair_run(struct calls_pair *p);
/* A frame that e never sent. */
int pair_forge(struct pair_end *to, const struct call_frame *f);
void pair_pass(struct calls_pair *p, uint64_t ns);
/* The words since the last call: "NEW 100/7; DATA 3 last; ENDED REPLIED DONE". */
const char *pair_log(struct pair_end *e);

/* A call of e with a request as text, complete. */
int pair_begin(struct pair_end *e, struct call *call, uint16_t binding, const char *request);
/* Those defaults, to be changed. */
struct calls_begin pair_begins(uint16_t binding, const char *request);

#endif
