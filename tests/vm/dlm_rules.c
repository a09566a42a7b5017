/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "tests/vm/dlm_state.h"

/* ---- modes ---- */

bool dlm_compatible(enum dlm_mode a, enum dlm_mode b)
{
	/* By mode: the modes that others may have at the same time. */
	static const uint8_t goes_with[] = {
		[DLM_NL] = 1 << DLM_NL | 1 << DLM_CR | 1 << DLM_CW | 1 << DLM_PR | 1 << DLM_PW |
			1 << DLM_EX,
		[DLM_CR] = 1 << DLM_NL | 1 << DLM_CR | 1 << DLM_CW | 1 << DLM_PR | 1 << DLM_PW,
		[DLM_CW] = 1 << DLM_NL | 1 << DLM_CR | 1 << DLM_CW,
		[DLM_PR] = 1 << DLM_NL | 1 << DLM_CR | 1 << DLM_PR,
		[DLM_PW] = 1 << DLM_NL | 1 << DLM_CR,
		[DLM_EX] = 1 << DLM_NL,
	};

	return a == DLM_IV || b == DLM_IV || goes_with[a] & 1 << b;
}

bool dlm_is_middle(const struct dlm_lock *lock)
{
	return (lock->grmode == DLM_PR && lock->rqmode == DLM_CW) ||
		(lock->grmode == DLM_CW && lock->rqmode == DLM_PR);
}

bool dlm_is_down(const struct dlm_lock *lock)
{
	return lock->rqmode < lock->grmode && !dlm_is_middle(lock);
}

/* ---- queues ---- */

/* A granted mode of the others in the queue does not allow the mode that the lock wants. */
static bool is_blocked_by(const struct dlm_queue *q, const struct dlm_lock *lock)
{
	const struct dlm_lock *o;

	for (o = q->first; o; o = o->next)
		if (o != lock && !dlm_compatible(o->grmode, lock->rqmode))
			return true;
	return false;
}

static bool has_turn(const struct dlm_lock *lock, bool is_new)
{
	const struct dlm_queue *q = lock->resource->queues;
	bool is_conversion = lock->grmode != DLM_IV;

	if (is_conversion && is_new)
		return !(lock->exflags & DLM_QUECVT) || !q[DLM_CONVERTING].first;
	if (lock->exflags & DLM_NOORDER)
		return true;
	if (is_conversion)
		return q[DLM_CONVERTING].first == lock;
	if (q[DLM_CONVERTING].first)
		return false;
	return is_new ? !q[DLM_WAITING].first : q[DLM_WAITING].first == lock;
}

static bool fits(const struct dlm_lock *lock, bool is_new)
{
	const struct dlm_queue *q = lock->resource->queues;

	if (lock->exflags & DLM_EXPEDITE && lock->rqmode == DLM_NL)
		return true;
	return !is_blocked_by(&q[DLM_GRANTED], lock) && !is_blocked_by(&q[DLM_CONVERTING], lock) &&
		has_turn(lock, is_new);
}

/* The conversions of others and this one stop each other: what each has blocks what the other
 * wants; for those before it in the queue one direction is enough, as it waits for its turn. */
static bool is_deadlocked(const struct dlm_lock *lock)
{
	const struct dlm_lock *o;
	bool is_before = true;

	for (o = lock->resource->queues[DLM_CONVERTING].first; o; o = o->next) {
		bool stops_it = !dlm_compatible(lock->grmode, o->rqmode);
		bool is_stopped = !dlm_compatible(o->grmode, lock->rqmode);

		if (o == lock)
			is_before = false;
		else if (stops_it && (is_before || is_stopped))
			return true;
	}
	return false;
}

/* Another mode that the caller takes instead. */
static bool fits_otherwise(struct dlm_lock *lock, bool is_new)
{
	enum dlm_mode wanted = lock->rqmode;

	if (lock->exflags & DLM_ALTPR && wanted != DLM_PR)
		lock->rqmode = DLM_PR;
	else if (lock->exflags & DLM_ALTCW && wanted != DLM_CW)
		lock->rqmode = DLM_CW;
	else
		return false;
	if (fits(lock, is_new)) {
		lock->sbflags |= DLM_ALTMODE;
		return true;
	}
	lock->rqmode = wanted;
	return false;
}

int32_t dlm_try(struct dlm_lock *lock, bool is_new)
{
	if (fits(lock, is_new))
		return 0;
	if (lock->grmode != DLM_IV && !(lock->exflags & DLM_NOQUEUE) && is_deadlocked(lock)) {
		if (!(lock->exflags & DLM_CONVDEADLK))
			return -DLM_EDEADLK;
		lock->grmode = DLM_NL;
		lock->sbflags |= DLM_DEMOTED;
		return fits(lock, is_new) ? 0 : -DLM_EINPROGRESS;
	}
	return fits_otherwise(lock, is_new) ? 0 : -DLM_EINPROGRESS;
}

/* ---- value blocks ---- */

static void lvb_write(struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;

	if (lock->exflags & DLM_IVVALBLK) {
		r->lvb_invalid = true;
	} else if (lock->exflags & DLM_VALBLK) {
		memcpy(r->lvb, lock->lvb, DLM_LVB);
		r->lvb_invalid = false;
		lock->lvbseq = ++r->lvbseq;
	}
}

static void lvb_read(struct dlm_lock *lock)
{
	if (!(lock->exflags & DLM_VALBLK))
		return;
	memcpy(lock->lvb, lock->resource->lvb, DLM_LVB);
	lock->lvbseq = lock->resource->lvbseq;
}

void dlm_grant(struct dlm_lock *lock)
{
	if (lock->grmode >= DLM_PW && lock->rqmode <= lock->grmode)
		lvb_write(lock);
	else if (lock->rqmode >= lock->grmode)
		lvb_read(lock);
	if (lock->resource->lvb_invalid)
		lock->sbflags |= DLM_VALNOTVALID;
	lock->grmode = lock->rqmode;
	lock->rqmode = DLM_IV;
	lock->told = DLM_NL;
	dlm_lock_move(lock, DLM_GRANTED);
}

void dlm_lvb_unlock(struct dlm_lock *lock)
{
	if (lock->grmode >= DLM_PW)
		lvb_write(lock);
}

/* ---- after the master left ---- */

/* A conversion between PR and CW was under way, and its granted mode is not known: that of the
 * others shows it. */
static void restore_modes(struct dlm_resource *r)
{
	enum dlm_mode shared = DLM_IV;
	struct dlm_lock *l;

	for (l = r->queues[DLM_GRANTED].first; l; l = l->next)
		if (l->grmode == DLM_PR || l->grmode == DLM_CW)
			shared = l->grmode;
	for (l = r->queues[DLM_CONVERTING].first; l; l = l->next)
		if (l->grmode == DLM_IV)
			l->grmode = shared == DLM_IV ? l->rqmode : shared;
}

/* The block of a lock above CR is the present one; else the newest, which may have been written
 * since by a lock that has gone. */
static void restore_lvb(struct dlm_resource *r)
{
	const struct dlm_lock *best = NULL, *l;
	bool is_present = false;
	unsigned i;

	for (i = DLM_GRANTED; i <= DLM_CONVERTING; i++)
		for (l = r->queues[i].first; l && !is_present; l = l->next) {
			if (!(l->exflags & DLM_VALBLK))
				continue;
			is_present = l->grmode > DLM_CR;
			if (is_present || !best || (int32_t)(l->lvbseq - best->lvbseq) > 0)
				best = l;
		}
	if (!best)
		return;
	memcpy(r->lvb, best->lvb, DLM_LVB);
	r->lvbseq = best->lvbseq;
	r->lvb_invalid = !is_present;
}

void dlm_restore(struct dlm_resource *r)
{
	restore_modes(r);
	restore_lvb(r);
}
