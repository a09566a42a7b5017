/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every function that may be called from any thread, each as a random step of a worker, for
 * test_stress: what it may give, and how often it is made. Knows nothing of when it is enough.
 */
#ifndef SINEW_TESTS_LIB_STRESS_CALLS_H
#define SINEW_TESTS_LIB_STRESS_CALLS_H

#include "tests/lib/stress.h"

#define SLOTS	2u	/* that a worker has open */

enum phase { RUNNING, CLOSING, FREED };

struct worker {
	unsigned i;
	enum phase phase;
	uint64_t rng;
	uint64_t count;			/* of its messages */
	struct side *s;			/* of this step */
	struct sinew_session *h;	/* of this step, or NULL */
	struct sinew_session *old;	/* referenced for long: its incarnation may be over */
	struct sinew_session *seen;	/* whose status was the last one, referenced */
	struct sinew_status status;
	struct sinew_slot slots[SLOTS];
	uint64_t messages;		/* all that came ... */
	int64_t since_ms;		/* ... and when it was so many */
	uint8_t buf[MESSAGE_MAX];
};

uint32_t draw(struct worker *w, uint32_t n);

/* The result of a call, and with which errors it may fail just now, 0 behind them. */
void expect(const char *call, int got, const int *allowed);

#define EXPECT(call, got, ...) expect(call, got, (const int[]) { __VA_ARGS__, 0 })
#define EXPECT_SENT(call, got) EXPECT(call, got, EAGAIN, ESHUTDOWN, ESTALE)

/*
 * Calls that break links or end incarnations come now and then, by progress: else nothing would
 * ever be up. True for one of those who ask, after so many messages more.
 */
struct gate {
	_Atomic uint64_t next;
	uint64_t messages;
};

extern struct gate links, ends;

/* ---- which of them ---- */

enum needs { NODE, HANDLE };	/* HANDLE: and no node: also when that is freed */

struct call {
	const char *names;	/* of the functions, one space between two */
	void (*make)(struct worker *w);
	enum needs needs;
	unsigned weight;
	_Atomic unsigned n;
};

extern struct call stress_calls[];
extern const unsigned n_stress_calls;

/* Of the interface, and not for any thread. */
struct not_called { const char *name, *why; };

extern const struct not_called not_called[];

struct call *some_call(struct worker *w);

/* ---- stress_manage.c ---- */

void call_watch(struct worker *w);
void call_known(struct worker *w);
void call_overview(struct worker *w);
void call_options(struct worker *w);

#endif
