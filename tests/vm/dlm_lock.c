/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "tests/vm/dlm_state.h"

#define NOT_THE_MASTER	15	/* a second number for -DLM_EBADR, of kernels */

/* ---- results ---- */

static void failed(struct dlm_space *s, struct dlm_lock *lock, int32_t result)
{
	lock->waits_for = DLM_NO_TYPE;
	lock->to_cancel = false;
	lock->rqmode = DLM_IV;
	dlm_lock_event(s, DLM_EVENT_AST, lock, result);
	if (lock->status == DLM_NOT_QUEUED)
		dlm_lock_free(s, lock);
}

static void queued(struct dlm_space *s, struct dlm_lock *lock)
{
	lock->waits_for = DLM_NO_TYPE;
	dlm_lock_event(s, DLM_EVENT_QUEUED, lock, 0);
	if (!lock->to_cancel)
		return;
	lock->to_cancel = false;
	dlm_begin(s, lock, DLM_CANCEL);
}

static void granted(struct dlm_space *s, struct dlm_lock *lock)
{
	/* The reply to a CANCEL that came too late is still to come. */
	if (lock->waits_for != DLM_CANCEL)
		lock->waits_for = DLM_NO_TYPE;
	dlm_lock_event(s, DLM_EVENT_AST, lock, 0);
	if (lock->to_cancel)
		dlm_lock_event(s, DLM_EVENT_CANCEL, lock, 0);
	lock->to_cancel = false;
}

void dlm_lock_done(struct dlm_space *s, struct dlm_lock *lock, int32_t result)
{
	if (!result)
		granted(s, lock);
	else if (result == -DLM_EINPROGRESS)
		queued(s, lock);
	else
		failed(s, lock, result);
}

static void unlocked(struct dlm_space *s, struct dlm_lock *lock, int32_t result)
{
	dlm_lock_event(s, DLM_EVENT_AST, lock, result);
	dlm_lock_free(s, lock);
}

static void cancelled(struct dlm_space *s, struct dlm_lock *lock, int32_t result)
{
	lock->waits_for = DLM_NO_TYPE;
	if (!result) {
		dlm_lock_event(s, DLM_EVENT_CANCEL, lock, 0);
		return;
	}
	dlm_lock_move(lock, lock->status == DLM_CONVERTING ? DLM_GRANTED : DLM_NOT_QUEUED);
	failed(s, lock, result);
}

/* ---- operations ---- */

static void to_master(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_message m = dlm_about(s, lock, lock->waits_for);

	dlm_send(s, lock->resource->master, &m);
}

static void look_up(struct dlm_space *s, struct dlm_lock *lock, uint32_t directory)
{
	struct dlm_lock *other = lock->resource->queues[DLM_NOT_QUEUED].first;
	struct dlm_message m;

	while (other && (other == lock || other->waits_for != DLM_LOOKUP))
		other = other->next;
	lock->waits_for = DLM_LOOKUP;
	if (other)
		return;	/* one question is enough for a resource */
	m = dlm_about(s, lock, DLM_LOOKUP);
	m.nodeid = UINT32_MAX;
	dlm_send(s, directory, &m);
}

static void request(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;
	uint32_t directory = dlm_directory(s, r->hash);

	if (!r->master && directory == s->opt.nodeid)
		r->master = s->opt.nodeid;
	if (!r->master) {
		look_up(s, lock, directory);
	} else if (r->master != s->opt.nodeid) {
		to_master(s, lock);
	} else {
		int32_t result = dlm_master_request(lock);

		if (result && lock->exflags & DLM_NOQUEUEBAST)
			dlm_master_blocks(s, lock);
		dlm_lock_done(s, lock, result);
		dlm_master_effects(s, r);
	}
}

static void convert(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;

	if (r->master == s->opt.nodeid) {
		int32_t result = dlm_master_convert(lock);

		if (result && lock->exflags & DLM_NOQUEUEBAST)
			dlm_master_blocks(s, lock);
		dlm_lock_done(s, lock, result);
		dlm_master_effects(s, r);
		return;
	}
	to_master(s, lock);
	if (!dlm_is_down(lock))
		return;
	lock->grmode = lock->rqmode;
	lock->rqmode = DLM_IV;
	granted(s, lock);
}

static void unlock(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;

	if (r->master == s->opt.nodeid) {
		dlm_lvb_unlock(lock);
		unlocked(s, lock, -DLM_EUNLOCK);
		dlm_master_effects(s, r);
	} else {
		to_master(s, lock);
	}
}

static void cancel(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;

	if (r->master == s->opt.nodeid) {
		cancelled(s, lock, dlm_master_cancel(lock));
		dlm_master_effects(s, r);
	} else {
		to_master(s, lock);
	}
}

void dlm_begin(struct dlm_space *s, struct dlm_lock *lock, enum dlm_type type)
{
	lock->waits_for = type;
	lock->to_send = s->step != DLM_RUNNING;
	if (lock->to_send)
		return;
	if (type == DLM_REQUEST)
		request(s, lock);
	else if (type == DLM_CONVERT)
		convert(s, lock);
	else if (type == DLM_UNLOCK)
		unlock(s, lock);
	else
		cancel(s, lock);
}

/* ---- messages ---- */

/* All that waited for the name of the master may ask it now. */
static void master_known(struct dlm_space *s, struct dlm_resource *r, uint32_t master)
{
	struct dlm_lock *lock, *next;

	r->master = master;
	for (lock = r->queues[DLM_NOT_QUEUED].first; lock; lock = next) {
		next = lock->next;
		if (lock->waits_for == DLM_LOOKUP)
			dlm_begin(s, lock, DLM_REQUEST);
	}
}

static void lookup_reply(struct dlm_space *s, const struct dlm_message *m, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;

	if (lock->waits_for != DLM_LOOKUP || m->sender != dlm_directory(s, r->hash)) {
		dlm_error(s, m->sender, "answers a LOOKUP that it was not sent; ignored");
		return;
	}
	if (!dlm_member(s, m->nodeid)) {
		dlm_error(s, m->sender, "names a master that is no member; "
			  "the lock waits for the next recovery");
		return;
	}
	master_known(s, r, m->nodeid);
}

/* The mode and the value block that the master says. */
static void take(struct dlm_lock *lock, const struct dlm_message *m)
{
	lock->sbflags = m->sbflags;
	lock->grmode = m->grmode != DLM_IV ? m->grmode : lock->rqmode;
	lock->rqmode = DLM_IV;
	if (lock->exflags & DLM_VALBLK && m->lvb) {
		memcpy(lock->lvb, m->lvb, DLM_LVB);
		lock->lvbseq = m->lvbseq;
	}
	dlm_lock_move(lock, DLM_GRANTED);
}

static void request_reply(struct dlm_space *s, const struct dlm_message *m, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;
	bool was_looked_up = lock->waits_for == DLM_LOOKUP;

	lock->waits_for = DLM_REQUEST;
	lock->to_send = false;
	if (m->result == -DLM_EBADR || m->result == -NOT_THE_MASTER) {
		r->master = 0;
		dlm_begin(s, lock, DLM_REQUEST);
		return;
	}
	r->master = m->sender;
	if (!m->result || m->result == -DLM_EINPROGRESS)
		lock->remid = m->lkid;
	if (!m->result)
		take(lock, m);
	else if (m->result == -DLM_EINPROGRESS)
		dlm_lock_move(lock, DLM_WAITING);
	/* A directory that is master itself answers a LOOKUP so, and then others wait for it. */
	if (was_looked_up)
		master_known(s, r, m->sender);
	dlm_lock_done(s, lock, m->result);
}

static void convert_reply(struct dlm_space *s, const struct dlm_message *m, struct dlm_lock *lock)
{
	if (!m->result) {
		take(lock, m);
	} else if (m->result == -DLM_EINPROGRESS) {
		lock->sbflags = m->sbflags;
		if (m->sbflags & DLM_DEMOTED)
			lock->grmode = DLM_NL;
		dlm_lock_move(lock, DLM_CONVERTING);
	}
	dlm_lock_done(s, lock, m->result);
}

static void grant(struct dlm_space *s, const struct dlm_message *m, struct dlm_lock *lock)
{
	if (lock->status != DLM_WAITING && lock->status != DLM_CONVERTING) {
		dlm_error(s, m->sender, "grants a lock that does not wait; ignored");
		return;
	}
	take(lock, m);
	granted(s, lock);
}

static bool is_expected(const struct dlm_space *s, const struct dlm_message *m,
			const struct dlm_lock *lock)
{
	const struct dlm_resource *r = lock->resource;

	if (m->type == DLM_REQUEST_REPLY)
		return lock->waits_for == DLM_LOOKUP ||
			(lock->waits_for == DLM_REQUEST &&
			 (!r->master || r->master == m->sender));
	if (r->master != m->sender || m->sender == s->opt.nodeid)
		return false;
	if (m->type == DLM_GRANT || m->type == DLM_BAST)
		return true;
	/* Each operation's number is four below that of its reply. */
	return m->type == lock->waits_for + (DLM_REQUEST_REPLY - DLM_REQUEST) && !lock->to_send;
}

void dlm_lock_receive(struct dlm_space *s, const struct dlm_message *m)
{
	struct dlm_lock *lock = dlm_lock_find(s, m->type == DLM_LOOKUP_REPLY ? m->lkid : m->remid);

	if (!lock || lock->owner != s->opt.nodeid) {
		/* A BAST may cross an UNLOCK. */
		if (m->type != DLM_BAST)
			dlm_error(s, m->sender, "answers a lock that we do not have; ignored");
		return;
	}
	if (m->type == DLM_LOOKUP_REPLY) {
		lookup_reply(s, m, lock);
		return;
	}
	if (!is_expected(s, m, lock)) {
		dlm_error(s, m->sender, "answers an operation that does not wait for it; ignored");
		return;
	}
	if (m->type == DLM_REQUEST_REPLY)
		request_reply(s, m, lock);
	else if (m->type == DLM_CONVERT_REPLY)
		convert_reply(s, m, lock);
	else if (m->type == DLM_UNLOCK_REPLY)
		unlocked(s, lock, m->result);
	else if (m->type == DLM_CANCEL_REPLY)
		cancelled(s, lock, m->result);
	else if (m->type == DLM_GRANT)
		grant(s, m, lock);
	else {
		lock->told = m->bastmode;
		dlm_lock_event(s, DLM_EVENT_BAST, lock, 0);
	}
}

/* ---- commands ---- */

static void set(struct dlm_lock *lock, enum dlm_mode mode, uint32_t flags, const uint8_t *lvb)
{
	lock->rqmode = mode;
	lock->exflags = flags;
	lock->sbflags = 0;
	if (lvb)
		memcpy(lock->lvb, lvb, DLM_LVB);
}

int dlm_space_lock(struct dlm_space *s, const uint8_t *name, size_t len, enum dlm_mode mode,
		   uint32_t flags, const uint8_t *lvb, uint64_t now_ms)
{
	struct dlm_resource *r;
	struct dlm_lock *lock;

	s->now_ms = now_ms;
	if (!len || len > DLM_NAME_MAX || mode < DLM_NL || mode > DLM_EX)
		return -EINVAL;
	r = dlm_resource_get(s, name, len);
	if (!r)
		return -ENOSPC;
	lock = dlm_lock_new(s, r, s->opt.nodeid);
	if (!lock)
		return -ENOSPC;
	lock->pid = s->opt.pid;
	lock->asts = DLM_WANTS_BAST | DLM_WANTS_CAST;
	set(lock, mode, flags, lvb);
	dlm_lock_event(s, DLM_EVENT_LOCK, lock, 0);
	dlm_begin(s, lock, DLM_REQUEST);
	return 0;
}

static int find_ours(struct dlm_space *s, uint32_t id, struct dlm_lock **ret_lock)
{
	struct dlm_lock *lock = dlm_lock_find(s, id);

	if (!lock || lock->owner != s->opt.nodeid)
		return -ENOENT;
	*ret_lock = lock;
	return 0;
}

int dlm_space_convert(struct dlm_space *s, uint32_t id, enum dlm_mode mode, uint32_t flags,
		      const uint8_t *lvb, uint64_t now_ms)
{
	struct dlm_lock *lock;
	int rc = find_ours(s, id, &lock);

	s->now_ms = now_ms;
	if (rc)
		return rc;
	if (mode < DLM_NL || mode > DLM_EX)
		return -EINVAL;
	if (lock->status != DLM_GRANTED || lock->waits_for)
		return -EBUSY;
	set(lock, mode, flags | DLM_DO_CONVERT, lvb);
	dlm_begin(s, lock, DLM_CONVERT);
	return 0;
}

int dlm_space_unlock(struct dlm_space *s, uint32_t id, uint32_t flags, const uint8_t *lvb,
		     uint64_t now_ms)
{
	struct dlm_lock *lock;
	int rc = find_ours(s, id, &lock);

	s->now_ms = now_ms;
	if (rc)
		return rc;
	if (lock->status != DLM_GRANTED || lock->waits_for)
		return -EBUSY;
	set(lock, DLM_IV, flags, lvb);
	dlm_begin(s, lock, DLM_UNLOCK);
	return 0;
}

int dlm_space_cancel(struct dlm_space *s, uint32_t id, uint64_t now_ms)
{
	struct dlm_lock *lock;
	int rc = find_ours(s, id, &lock);

	s->now_ms = now_ms;
	if (rc)
		return rc;
	if (lock->waits_for == DLM_CANCEL || lock->waits_for == DLM_UNLOCK)
		return -EBUSY;
	if (lock->waits_for) {
		lock->to_cancel = true;
		return 0;
	}
	if (lock->status == DLM_GRANTED)
		return -EINVAL;
	lock->exflags |= DLM_DO_CANCEL;
	dlm_begin(s, lock, DLM_CANCEL);
	return 0;
}
