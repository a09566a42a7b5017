/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "tests/vm/dlm_state.h"

/* ---- operations ---- */

int32_t dlm_master_request(struct dlm_lock *lock)
{
	int32_t result = dlm_try(lock, true);

	if (!result) {
		dlm_grant(lock);
		return 0;
	}
	if (lock->exflags & DLM_NOQUEUE)
		return -DLM_EAGAIN;
	if (lock->exflags & DLM_HEADQUE)
		dlm_lock_move_first(lock, DLM_WAITING);
	else
		dlm_lock_move(lock, DLM_WAITING);
	return -DLM_EINPROGRESS;
}

int32_t dlm_master_convert(struct dlm_lock *lock)
{
	int32_t result = dlm_try(lock, true);

	if (!result) {
		dlm_grant(lock);
		return 0;
	}
	if (result == -DLM_EDEADLK && !(lock->exflags & DLM_NODLCKWT))
		return result;
	if (lock->exflags & DLM_NOQUEUE)
		return -DLM_EAGAIN;
	dlm_lock_move(lock, DLM_CONVERTING);
	return -DLM_EINPROGRESS;
}

int32_t dlm_master_cancel(struct dlm_lock *lock)
{
	return lock->status == DLM_GRANTED ? 0 : -DLM_ECANCEL;
}

/* ---- effects on others ---- */

static void tell_granted(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_message m;

	if (lock->owner == s->opt.nodeid) {
		dlm_lock_done(s, lock, 0);
		return;
	}
	m = dlm_about(s, lock, DLM_GRANT);
	dlm_send(s, lock->owner, &m);
}

/* One lock of the queue, if there is one that can be granted. */
static bool grant_one(struct dlm_space *s, struct dlm_resource *r, enum dlm_status queue)
{
	struct dlm_lock *lock;

	for (lock = r->queues[queue].first; lock; lock = lock->next)
		if (!dlm_try(lock, false)) {
			dlm_grant(lock);
			tell_granted(s, lock);
			return true;
		}
	return false;
}

static void block(struct dlm_space *s, struct dlm_lock *blocks, enum dlm_mode mode)
{
	struct dlm_message m;

	blocks->told = mode;
	if (blocks->owner == s->opt.nodeid) {
		dlm_lock_event(s, DLM_EVENT_BAST, blocks, 0);
		return;
	}
	m = dlm_about(s, blocks, DLM_BAST);
	m.bastmode = mode;
	dlm_send(s, blocks->owner, &m);
}

void dlm_master_blocks(struct dlm_space *s, struct dlm_lock *lock)
{
	enum dlm_status queue;
	struct dlm_lock *o;

	for (queue = DLM_GRANTED; queue <= DLM_CONVERTING; queue++)
		for (o = lock->resource->queues[queue].first; o; o = o->next)
			if (o != lock && o->asts & DLM_WANTS_BAST && o->told < lock->rqmode &&
			    !dlm_compatible(o->grmode, lock->rqmode))
				block(s, o, lock->rqmode);
}

void dlm_master_effects(struct dlm_space *s, struct dlm_resource *r)
{
	struct dlm_lock *lock;

	while (grant_one(s, r, DLM_CONVERTING) || grant_one(s, r, DLM_WAITING))
		continue;
	for (lock = r->queues[DLM_CONVERTING].first; lock; lock = lock->next)
		dlm_master_blocks(s, lock);
	for (lock = r->queues[DLM_WAITING].first; lock; lock = lock->next)
		dlm_master_blocks(s, lock);
}

/* ---- messages ---- */

/* Where there is no lock to answer for: all of it by the question, so that its flags come back. */
static void refuse(struct dlm_space *s, const struct dlm_message *m, int32_t result)
{
	struct dlm_message reply = *m;

	reply.type = m->type == DLM_LOOKUP ? DLM_REQUEST_REPLY :
		m->type + (DLM_REQUEST_REPLY - DLM_REQUEST);
	reply.nodeid = m->sender;
	reply.lkid = m->remid;
	reply.remid = m->lkid;
	reply.flags = m->flags & DLM_FLAGS_ECHOED;
	reply.result = result;
	reply.name_len = 0;
	reply.lvb = NULL;
	dlm_send(s, m->sender, &reply);
}

static void reply(struct dlm_space *s, struct dlm_lock *lock, enum dlm_type type, int32_t result)
{
	struct dlm_message m = dlm_about(s, lock, type);

	m.result = result;
	dlm_send(s, lock->owner, &m);
}

/* The fields of a request that its owner may change each time. */
static void take(struct dlm_lock *lock, const struct dlm_message *m)
{
	lock->exflags = m->exflags;
	lock->sbflags = 0;
	lock->flags = m->flags & DLM_FLAGS_ECHOED;
	lock->asts = m->asts;
	if (m->exflags & DLM_VALBLK && m->lvb)
		memcpy(lock->lvb, m->lvb, DLM_LVB);
}

/* We are the master if we know so, or if nobody is and the directory says so: it is ours, or the
 * one who asks. NULL: we are not. */
static struct dlm_resource *mastered(struct dlm_space *s, const struct dlm_message *m)
{
	struct dlm_resource *r = dlm_resource_find(s, m->name, m->name_len);
	uint32_t directory = dlm_directory(s, m->hash);

	if (r && r->master)
		return r->master == s->opt.nodeid ? r : NULL;
	if (directory != s->opt.nodeid && directory != m->sender)
		return NULL;
	r = dlm_resource_get(s, m->name, m->name_len);
	if (r)
		r->master = s->opt.nodeid;
	return r;
}

static void request(struct dlm_space *s, const struct dlm_message *m)
{
	struct dlm_resource *r = mastered(s, m);
	struct dlm_lock *lock;
	int32_t result;

	if (!r) {
		refuse(s, m, -DLM_EBADR);
		return;
	}
	lock = dlm_lock_new(s, r, m->sender);
	if (!lock) {
		dlm_error(s, m->sender, "asks for more locks than we have room for; refused");
		refuse(s, m, -DLM_ENOMEM);
		return;
	}
	take(lock, m);
	lock->remid = m->lkid;
	lock->pid = m->pid;
	lock->rqmode = m->rqmode;
	result = lock->rqmode == DLM_IV ? -DLM_EINVAL : dlm_master_request(lock);
	if (result && lock->exflags & DLM_NOQUEUEBAST)
		dlm_master_blocks(s, lock);
	reply(s, lock, DLM_REQUEST_REPLY, result);
	if (lock->status == DLM_NOT_QUEUED)
		dlm_lock_free(s, lock);
	dlm_master_effects(s, r);
}

static void convert(struct dlm_space *s, const struct dlm_message *m, struct dlm_lock *lock)
{
	int32_t result;
	bool is_down;

	if (lock->status != DLM_GRANTED || m->rqmode == DLM_IV) {
		dlm_error(s, m->sender, "converts a lock that is not granted; refused");
		refuse(s, m, -DLM_EINVAL);
		return;
	}
	take(lock, m);
	lock->lvbseq = m->lvbseq;
	lock->rqmode = m->rqmode;
	is_down = dlm_is_down(lock);
	result = dlm_master_convert(lock);
	if (result && lock->exflags & DLM_NOQUEUEBAST)
		dlm_master_blocks(s, lock);
	if (!is_down)
		reply(s, lock, DLM_CONVERT_REPLY, result);
	if (lock->status == DLM_GRANTED)
		lock->rqmode = DLM_IV;
	dlm_master_effects(s, lock->resource);
}

static void unlock(struct dlm_space *s, const struct dlm_message *m, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;

	take(lock, m);
	dlm_lvb_unlock(lock);
	dlm_lock_move(lock, DLM_NOT_QUEUED);
	lock->grmode = DLM_IV;
	reply(s, lock, DLM_UNLOCK_REPLY, -DLM_EUNLOCK);
	dlm_lock_free(s, lock);
	dlm_master_effects(s, r);
}

static void cancel(struct dlm_space *s, const struct dlm_message *m, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;
	int32_t result = dlm_master_cancel(lock);

	lock->flags = m->flags & DLM_FLAGS_ECHOED;
	if (result) {
		dlm_lock_move(lock, lock->status == DLM_CONVERTING ? DLM_GRANTED : DLM_NOT_QUEUED);
		lock->rqmode = DLM_IV;
	}
	reply(s, lock, DLM_CANCEL_REPLY, result);
	if (lock->status == DLM_NOT_QUEUED)
		dlm_lock_free(s, lock);
	if (result)
		dlm_master_effects(s, r);
}

/* An operation on a copy that we keep for its owner. */
static void operate(struct dlm_space *s, const struct dlm_message *m)
{
	struct dlm_lock *lock = dlm_lock_find(s, m->remid);

	if (!lock || lock->owner != m->sender || lock->remid != m->lkid ||
	    lock->resource->master != s->opt.nodeid) {
		dlm_error(s, m->sender, "operates on a lock that it does not have here; refused");
		refuse(s, m, -DLM_ENOENT);
		return;
	}
	if (m->type == DLM_CONVERT)
		convert(s, m, lock);
	else if (m->type == DLM_UNLOCK)
		unlock(s, m, lock);
	else
		cancel(s, m, lock);
}

/* ---- directory ---- */

static void lookup(struct dlm_space *s, const struct dlm_message *m)
{
	struct dlm_resource *r;
	struct dlm_message reply = {
		.type = DLM_LOOKUP_REPLY, .lkid = m->lkid,
	};

	if (dlm_directory(s, m->hash) != s->opt.nodeid) {
		dlm_error(s, m->sender, "looks up a name that is not of our directory; ignored");
		return;
	}
	r = dlm_resource_get(s, m->name, m->name_len);
	if (!r) {
		dlm_error(s, m->sender, "looks up a name, and our directory is full; ignored");
		return;
	}
	if (!r->master)
		r->master = m->sender;
	if (r->master == s->opt.nodeid) {
		request(s, m);
		return;
	}
	reply.nodeid = r->master;
	dlm_send(s, m->sender, &reply);
}

static void remove_name(struct dlm_space *s, const struct dlm_message *m)
{
	struct dlm_resource *r = dlm_resource_find(s, m->name, m->name_len);

	/* Locks of ours that are on their way to that master will hear that it is none. */
	if (r && r->master == m->sender && !dlm_resource_is_used(r))
		dlm_resource_free(s, r);
}

void dlm_master_receive(struct dlm_space *s, const struct dlm_message *m)
{
	if (m->type == DLM_REQUEST)
		request(s, m);
	else if (m->type == DLM_LOOKUP)
		lookup(s, m);
	else if (m->type == DLM_REMOVE)
		remove_name(s, m);
	else if (m->type == DLM_PURGE)
		dlm_event(s, &(struct dlm_event){
			.kind = DLM_EVENT_PURGE, .peer = m->sender, .result = (int32_t)m->pid,
			.mode = DLM_IV,
		});
	else
		operate(s, m);
}
