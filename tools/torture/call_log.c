/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls as both ends have seen them.
 */
#include "tools/torture/call_log.h"

#include <stddef.h>

#define NUMBER_SHIFT	16
#define OUTCOME_SHIFT	8
#define OUTCOME_MASK	7u

static _Atomic uint64_t *word_of(struct call_pair *p, uint64_t number)
{
	return &p->calls[number % CALL_LOG_CALLS];
}

static enum sinew_call_outcome outcome_of(uint64_t word)
{
	return (enum sinew_call_outcome)(word >> OUTCOME_SHIFT & OUTCOME_MASK);
}

static void count(struct call_pair *p, enum call_count what)
{
	atomic_fetch_add(&p->counts[what], 1);
}

uint64_t call_log_new(struct call_pair *p)
{
	uint64_t number = atomic_fetch_add(&p->n, 1) + 1;

	atomic_store(word_of(p, number), number << NUMBER_SHIFT);
	return number;
}

uint64_t call_log_number(const struct call_pair *p, uint32_t low)
{
	uint64_t last = atomic_load(&p->n), number = (last & ~(uint64_t)UINT32_MAX) | low;

	if (number <= last)
		return number;
	return number > UINT32_MAX ? number - UINT32_MAX - 1 : 0;
}

bool call_log_is_old(const struct call_pair *p, uint64_t number)
{
	return atomic_load(&p->n) - number >= CALL_LOG_CALLS / 2;
}

void call_log_begun(struct call_pair *p)
{
	count(p, CALL_BEGUN);
}

/* Adds to the word, and gives the one before. False: it is that of a later call. */
static bool add(struct call_pair *p, uint64_t number, uint64_t bits, uint64_t *ret_before)
{
	_Atomic uint64_t *word = word_of(p, number);

	*ret_before = atomic_load(word);
	do
		if (*ret_before >> NUMBER_SHIFT != number)
			return false;
	while (!atomic_compare_exchange_weak(word, ret_before, *ret_before | bits));
	return true;
}

void call_log_refused(struct call_pair *p, uint64_t number)
{
	uint64_t before;

	add(p, number, (uint64_t)SINEW_CALL_NOT_EXECUTED << OUTCOME_SHIFT, &before);
}

/* ---- whether both can be true ---- */

/* The marks that a caller with that outcome knows to be there, one of them. */
static unsigned marks_of(enum sinew_call_outcome outcome)
{
	switch (outcome) {
	case SINEW_CALL_NOT_EXECUTED:
	case SINEW_CALL_PARTIAL:
	case SINEW_CALL_IN_DOUBT:
		break;
	case SINEW_CALL_STARTED:
		return CALL_MARK_SHOWN;
	case SINEW_CALL_DONE:
		return CALL_MARK_ANSWERED | CALL_MARK_ABORTED;
	}
	return 0;
}

/* And those that it knows never to come. */
static unsigned no_marks_of(enum sinew_call_outcome outcome)
{
	switch (outcome) {
	case SINEW_CALL_NOT_EXECUTED:
		return CALL_MARK_SHOWN | CALL_MARK_WHOLE | CALL_MARK_ANSWERED | CALL_MARK_ABORTED;
	case SINEW_CALL_PARTIAL:
		return CALL_MARK_WHOLE | CALL_MARK_ANSWERED;
	case SINEW_CALL_IN_DOUBT:
	case SINEW_CALL_STARTED:
	case SINEW_CALL_DONE:
		break;
	}
	return 0;
}

static const char *untrue(struct call_pair *p, const char *text)
{
	count(p, CALL_UNTRUE);
	return text;
}

const char *call_log_mark(struct call_pair *p, uint64_t number, enum call_mark mark)
{
	uint64_t before;

	if (!add(p, number, mark, &before)) {
		count(p, CALL_TWICE);
		return "was executed long after it began";
	}
	if (before & mark) {
		count(p, CALL_TWICE);
		return "was executed twice";
	}
	if (no_marks_of(outcome_of(before)) & mark)
		return untrue(p, "was executed after its caller was told that it never will be");
	return NULL;
}

static enum call_count count_of(enum sinew_call_reason reason, enum sinew_call_outcome outcome)
{
	if (reason == SINEW_END_BUSY)
		return CALL_BUSY;
	if (reason == SINEW_END_ABORTED)
		return CALL_ABORTED;
	switch (outcome) {
	case SINEW_CALL_NOT_EXECUTED:
	case SINEW_CALL_PARTIAL:
		break;
	case SINEW_CALL_IN_DOUBT:
		return CALL_IN_DOUBT;
	case SINEW_CALL_STARTED:
		return CALL_STARTED;
	case SINEW_CALL_DONE:
		return CALL_DONE;
	}
	return CALL_NOT_EXECUTED;
}

const char *call_log_ended(struct call_pair *p, uint64_t number, enum sinew_call_reason reason,
			   enum sinew_call_outcome outcome)
{
	uint64_t before;

	count(p, count_of(reason, outcome));
	if (!add(p, number, (uint64_t)outcome << OUTCOME_SHIFT, &before))
		return untrue(p, "ended long after it began");
	if (outcome_of(before))
		return untrue(p, "ended twice");
	if (before & no_marks_of(outcome))
		return untrue(p, "was executed, and its caller was told that it was not");
	if (marks_of(outcome) && !(before & marks_of(outcome)))
		return untrue(p, "was not executed so far as its caller was told");
	if (reason == SINEW_END_ABORTED && !(before & CALL_MARK_ABORTED))
		return untrue(p, "was not aborted by the called side, as its caller was told");
	if (reason == SINEW_END_BUSY && outcome != SINEW_CALL_NOT_EXECUTED)
		return untrue(p, "was refused as busy, but may have been executed");
	if (reason == SINEW_END_REPLIED && outcome != SINEW_CALL_DONE)
		return untrue(p, "was answered, but is not done");
	return NULL;
}

void call_log_endless(struct call_pair *p)
{
	count(p, CALL_ENDLESS);
}

void call_log_untrue(struct call_pair *p)
{
	count(p, CALL_UNTRUE);
}

/* ---- sums ---- */

void call_log_add(uint64_t *sum, const struct call_pair *p)
{
	unsigned i;

	for (i = 0; i < CALL_COUNTS; i++)
		sum[i] += atomic_load(&p->counts[i]);
}

uint64_t call_log_lost(const uint64_t *counts)
{
	uint64_t ended = counts[CALL_ENDLESS];
	unsigned i;

	for (i = CALL_DONE; i <= CALL_STARTED; i++)
		ended += counts[i];
	return counts[CALL_BEGUN] - ended;
}

void call_log_saw(struct call_pair *p, enum call_most what, uint64_t much)
{
	uint64_t most = atomic_load(&p->mosts[what]);

	while (much > most && !atomic_compare_exchange_weak(&p->mosts[what], &most, much))
		;
}

void call_log_raise(uint64_t *mosts, const struct call_pair *p)
{
	unsigned i;

	for (i = 0; i < CALL_MOSTS; i++) {
		uint64_t much = atomic_load(&p->mosts[i]);

		if (much > mosts[i])
			mosts[i] = much;
	}
}
