/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "tests/vm/dlm_hash.h"
#include "tests/vm/dlm_state.h"

/* ---- before ---- */

/* The master took the operation with it: what it would have said, or once more to the next one. */
static void operation_lost(struct dlm_space *s, struct dlm_lock *lock)
{
	if (lock->waits_for == DLM_UNLOCK) {
		dlm_lock_event(s, DLM_EVENT_AST, lock, -DLM_EUNLOCK);
		dlm_lock_free(s, lock);
	} else if (lock->waits_for == DLM_CONVERT && dlm_is_middle(lock)) {
		/* The next master finds out what is granted, and grants it. */
		dlm_lock_move(lock, DLM_CONVERTING);
		dlm_lock_done(s, lock, -DLM_EINPROGRESS);
	} else {
		lock->to_send = true;
	}
}

static void lock_before(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;

	if (lock->owner != s->opt.nodeid) {
		if (!dlm_is_gone(s, lock->owner))
			return;
		r->has_changed = true;
		dlm_lock_free(s, lock);
		return;
	}
	if (lock->waits_for == DLM_LOOKUP) {
		lock->waits_for = DLM_REQUEST;
		lock->to_send = true;
	} else if (lock->waits_for && !lock->to_send && dlm_is_gone(s, r->master)) {
		operation_lost(s, lock);
	}
}

static void resource_before(struct dlm_space *s, struct dlm_resource *r)
{
	r->asks_master = false;
	if (r->is_remastered && dlm_is_gone(s, r->master))
		r->is_remastered = false;
	/* The directory is made anew, by those who have locks. */
	if (!dlm_resource_is_used(r))
		dlm_resource_free(s, r);
}

void dlm_rebuild_begin(struct dlm_space *s)
{
	unsigned i;

	for (i = 0; i < DLM_LOCKS_MAX; i++)
		if (s->locks[i])
			lock_before(s, s->locks[i]);
	dlm_resources(s, resource_before);
}

/* ---- names ---- */

void dlm_rebuild_names(struct dlm_space *s, const struct dlm_rcom *names, uint8_t *body)
{
	bool is_behind = !names->body_len;
	struct dlm_resource *r;
	size_t at = 0;
	unsigned i;

	for (i = 0; i < DLM_BUCKETS; i++)
		for (r = s->buckets[i]; r; r = r->next) {
			if (r->master != s->opt.nodeid ||
			    dlm_directory(s, r->hash) != names->sender)
				continue;
			if (is_behind && !dlm_names_add(body, &at, r->name, r->name_len)) {
				dlm_names_end(body, at, false);
				return;
			}
			is_behind |= r->name_len == names->body_len &&
				!memcmp(r->name, names->body, r->name_len);
		}
	dlm_names_end(body, at, true);
}

static void new_master(struct dlm_space *s, struct dlm_resource *r, uint32_t master)
{
	r->master = master;
	r->is_remastered = true;
	if (master == s->opt.nodeid)
		r->has_changed = true;
}

void dlm_rebuild_name(struct dlm_space *s, uint32_t master, const uint8_t *name, size_t len)
{
	struct dlm_resource *r = dlm_resource_get(s, name, len);

	if (!r)
		dlm_error(s, master, "masters more resources than our directory has room for");
	else if (r->master != master)
		new_master(s, r, master);
}

/* ---- masters ---- */

static void find_master(struct dlm_space *s, struct dlm_resource *r)
{
	uint32_t directory = dlm_directory(s, r->hash);
	struct dlm_rcom lookup = {
		.type = DLM_RCOM_LOOKUP, .id = r->number, .body = r->name,
		.body_len = r->name_len,
	};

	if (!r->master || r->is_remastered || !dlm_is_gone(s, r->master))
		return;
	if (directory == s->opt.nodeid) {
		new_master(s, r, s->opt.nodeid);
		return;
	}
	r->asks_master = true;
	s->n_awaited++;
	dlm_rcom_send(s, directory, &lookup, false);
}

void dlm_rebuild_masters(struct dlm_space *s)
{
	if (s->n_gone)
		dlm_resources(s, find_master);
}

/* The first node that asks for a resource without a master becomes it. */
static void answer_lookup(struct dlm_space *s, const struct dlm_rcom *rcom)
{
	struct dlm_resource *r = NULL;
	struct dlm_rcom reply = {
		.type = DLM_RCOM_LOOKUP_REPLY, .id = rcom->id, .seq_reply = rcom->seq,
	};

	if (dlm_directory(s, dlm_hash(rcom->body, rcom->body_len)) == s->opt.nodeid)
		r = dlm_resource_get(s, rcom->body, rcom->body_len);
	if (!r) {
		dlm_error(s, rcom->sender, "looks up a name that our directory cannot have; "
			  "its recovery waits until members change");
		return;
	}
	if (!r->master || (!r->is_remastered && dlm_is_gone(s, r->master)))
		new_master(s, r, rcom->sender);
	reply.result = (int32_t)r->master;
	dlm_rcom_send(s, rcom->sender, &reply, false);
}

static void lookup_reply(struct dlm_space *s, const struct dlm_rcom *rcom)
{
	struct dlm_resource *r = dlm_resource_by_number(s, rcom->id);

	if (!r || !r->asks_master)
		return;
	if (!dlm_space_has(s, (uint32_t)rcom->result)) {
		dlm_error(s, rcom->sender, "names a master that is no member; "
			  "recovery waits until members change");
		return;
	}
	r->asks_master = false;
	new_master(s, r, (uint32_t)rcom->result);
	s->n_awaited--;
	dlm_advance(s);
}

/* ---- locks ---- */

static void send_lock(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;
	uint8_t body[DLM_PACKET_MAX];
	struct dlm_relock relock = {
		.pid = lock->pid, .lkid = lock->id, .exflags = lock->exflags,
		.flags = lock->flags, .lvbseq = lock->lvbseq, .rqmode = lock->rqmode,
		.grmode = lock->grmode, .status = lock->status, .asts = lock->asts,
		.waits_for = lock->waits_for, .name_len = r->name_len,
		.lvb = lock->exflags & DLM_VALBLK ? lock->lvb : NULL,
	};
	struct dlm_rcom rcom = { .type = DLM_RCOM_LOCK, .id = lock->id, .body = body };

	memcpy(relock.name, r->name, r->name_len);
	rcom.body_len = dlm_relock_body(body, &relock);
	s->n_awaited++;
	dlm_rcom_send(s, r->master, &rcom, false);
}

static void send_locks(struct dlm_space *s, struct dlm_resource *r)
{
	enum dlm_status queue;
	struct dlm_lock *lock;

	if (!r->is_remastered)
		return;
	for (queue = DLM_WAITING; queue <= DLM_CONVERTING; queue++)
		for (lock = r->queues[queue].first; lock; lock = lock->next) {
			if (lock->owner != s->opt.nodeid)
				continue;
			lock->remid = 0;
			if (r->master != s->opt.nodeid)
				send_lock(s, lock);
		}
}

void dlm_rebuild_locks(struct dlm_space *s)
{
	if (s->n_gone)
		dlm_resources(s, send_locks);
}

static struct dlm_lock *find_copy(const struct dlm_resource *r, uint32_t owner, uint32_t remid)
{
	struct dlm_lock *lock;
	unsigned i;

	for (i = 0; i < DLM_N_QUEUES; i++)
		for (lock = r->queues[i].first; lock; lock = lock->next)
			if (lock->owner == owner && lock->remid == remid)
				return lock;
	return NULL;
}

static struct dlm_lock *take_lock(struct dlm_space *s, uint32_t owner,
				  const struct dlm_relock *relock)
{
	struct dlm_resource *r = dlm_resource_get(s, relock->name, relock->name_len);
	struct dlm_lock *lock = r ? dlm_lock_new(s, r, owner) : NULL;

	if (!lock)
		return NULL;
	/* It may come before we know ourselves that we are master. */
	if (!r->master)
		new_master(s, r, s->opt.nodeid);
	r->has_changed = true;
	lock->pid = relock->pid;
	lock->remid = relock->lkid;
	lock->exflags = relock->exflags;
	lock->flags = relock->flags & DLM_FLAGS_ECHOED;
	lock->lvbseq = relock->lvbseq;
	lock->rqmode = relock->rqmode;
	lock->grmode = relock->grmode;
	lock->asts = relock->asts;
	if (relock->lvb && relock->exflags & DLM_VALBLK)
		memcpy(lock->lvb, relock->lvb, DLM_LVB);
	/* Granted before or after, the other locks will show: dlm_restore(). */
	if (relock->status == DLM_CONVERTING && dlm_is_middle(lock))
		lock->grmode = DLM_IV;
	dlm_lock_move(lock, relock->status);
	return lock;
}

static void answer_lock(struct dlm_space *s, const struct dlm_rcom *rcom)
{
	uint8_t body[DLM_PACKET_MAX];
	struct dlm_rcom reply = {
		.type = DLM_RCOM_LOCK_REPLY, .id = rcom->id, .seq_reply = rcom->seq, .body = body,
	};
	struct dlm_relock relock;
	struct dlm_resource *r;
	struct dlm_lock *lock;
	const char *why;

	if (dlm_relock_decode(rcom, &relock, &why) || relock.status == DLM_NOT_QUEUED) {
		dlm_error(s, rcom->sender, "sends a lock of its own that is none; ignored");
		return;
	}
	r = dlm_resource_find(s, relock.name, relock.name_len);
	lock = r ? find_copy(r, rcom->sender, relock.lkid) : NULL;
	if (lock) {
		relock.result = -DLM_EEXIST;
	} else {
		lock = take_lock(s, rcom->sender, &relock);
		relock.result = lock ? 0 : -DLM_ENOMEM;
	}
	if (!lock)
		dlm_error(s, rcom->sender, "has more locks than we have room for; refused");
	relock.remid = lock ? lock->id : 0;
	relock.lvb = NULL;
	reply.body_len = dlm_relock_body(body, &relock);
	dlm_rcom_send(s, rcom->sender, &reply, false);
}

static void lock_reply(struct dlm_space *s, const struct dlm_rcom *rcom)
{
	struct dlm_relock relock;
	struct dlm_lock *lock;
	const char *why;

	if (dlm_relock_decode(rcom, &relock, &why)) {
		dlm_error(s, rcom->sender, why);
		return;
	}
	lock = dlm_lock_find(s, relock.lkid);
	if (!lock || lock->owner != s->opt.nodeid || lock->resource->master != rcom->sender ||
	    lock->remid || !s->n_awaited)
		return;
	s->n_awaited--;
	if (relock.result == -DLM_EBADR) {
		send_lock(s, lock);
		return;
	}
	if (relock.result && relock.result != -DLM_EEXIST)
		dlm_error(s, rcom->sender, "does not take a lock of ours as its new master; "
			  "operations on it will fail");
	lock->remid = relock.remid;
	dlm_advance(s);
}

void dlm_rebuild_receive(struct dlm_space *s, const struct dlm_rcom *rcom)
{
	if (rcom->type == DLM_RCOM_LOOKUP)
		answer_lookup(s, rcom);
	else if (rcom->type == DLM_RCOM_LOOKUP_REPLY)
		lookup_reply(s, rcom);
	else if (rcom->type == DLM_RCOM_LOCK)
		answer_lock(s, rcom);
	else
		lock_reply(s, rcom);
}

/* ---- after ---- */

static void restore(struct dlm_space *s, struct dlm_resource *r)
{
	if (r->is_remastered && r->master == s->opt.nodeid)
		dlm_restore(r);
	r->is_remastered = false;
}

static void grant(struct dlm_space *s, struct dlm_resource *r)
{
	if (r->has_changed && r->master == s->opt.nodeid)
		dlm_master_effects(s, r);
	r->has_changed = false;
}

void dlm_rebuild_end(struct dlm_space *s)
{
	struct dlm_lock *lock;
	unsigned i;

	dlm_resources(s, restore);
	dlm_saved_replay(s);
	for (i = 0; i < DLM_LOCKS_MAX; i++) {
		lock = s->locks[i];
		if (lock && lock->to_send)
			dlm_begin(s, lock, lock->waits_for);
	}
	dlm_resources(s, grant);
}
