/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of a run as both ends have seen them, a word a call, in memory that all processes
 * share: the called side marks how far a call came, the caller the outcome that it was given, and
 * the second of them sees whether both can be true. Knows no node.
 */
#ifndef TOOLS_TORTURE_CALL_LOG_H
#define TOOLS_TORTURE_CALL_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "services/sinew-call.h"

/* The last ones of an ordered pair; a mark that comes later is wrong. */
#define CALL_LOG_CALLS	65536

/* By the called side. */
enum call_mark {
	CALL_MARK_SHOWN = 1,	/* its beginning has come */
	CALL_MARK_WHOLE = 2,	/* and all of its request */
	CALL_MARK_ANSWERED = 4,	/* the end of the reply is about to be sent */
	CALL_MARK_ABORTED = 8,	/* or an abort instead */
};

enum call_count {
	CALL_BEGUN,
	/* Ends. */
	CALL_DONE, CALL_BUSY, CALL_ABORTED, CALL_IN_DOUBT, CALL_NOT_EXECUTED, CALL_STARTED,
	CALL_TWICE, CALL_ENDLESS, CALL_UNTRUE,	/* what must not be */
	CALL_COUNTS,
};

/* How much there was of something at one time, where that was looked at. */
enum call_most {
	CALL_SLOTS_USED,
	CALL_OLDEST_MS,		/* age of the oldest call that was open or occupied its slot */
	CALL_MOSTS,
};

/* The calls from one node to another one, over all their incarnations. */
struct call_pair {
	_Atomic uint64_t n;	/* the number of the last one, from 1 */
	_Atomic uint64_t calls[CALL_LOG_CALLS];	/* number, outcome, marks */
	_Atomic uint64_t counts[CALL_COUNTS];
	_Atomic uint64_t mosts[CALL_MOSTS];
};

/* Functions that give a text give NULL where all is right, else what is wrong, which is counted. */

/* The number of a call that is about to begin. */
uint64_t call_log_new(struct call_pair *p);
/* Which one it is, by its lower 32 bits; 0: there was none. */
uint64_t call_log_number(const struct call_pair *p, uint32_t low);
/* So many have begun since that it will soon be forgotten. */
bool call_log_is_old(const struct call_pair *p, uint64_t number);
/* It has begun. */
void call_log_begun(struct call_pair *p);
/* It was refused and will never begin. */
void call_log_refused(struct call_pair *p, uint64_t number);
/* The called side has come so far. */
const char *call_log_mark(struct call_pair *p, uint64_t number, enum call_mark mark);
/* The caller was told its end. */
const char *call_log_ended(struct call_pair *p, uint64_t number, enum sinew_call_reason reason,
			   enum sinew_call_outcome outcome);
/* One has no end though its node has; and something else is not true. */
void call_log_endless(struct call_pair *p);
void call_log_untrue(struct call_pair *p);

/* There is so much of it now. By both ends. */
void call_log_saw(struct call_pair *p, enum call_most what, uint64_t much);

/* Adds the counts to a sum. */
void call_log_add(uint64_t *sum, const struct call_pair *p);
/* Raises the mosts of several pairs to those of this one. */
void call_log_raise(uint64_t *mosts, const struct call_pair *p);
/* Begun by nodes that crashed before the end, so that nobody was told. */
uint64_t call_log_lost(const uint64_t *counts);

#endif
