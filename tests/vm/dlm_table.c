/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "tests/vm/dlm_hash.h"
#include "tests/vm/dlm_state.h"

/* The number of a lock: the space's, that of its life, its place. Never 0, and an old number does
 * not mean a new lock soon. */
#define PLACE_BITS	14
#define LIFE_BITS	14
_Static_assert(DLM_LOCKS_MAX == 1 << PLACE_BITS, "a place has its bits");
_Static_assert(DLM_SPACES_MAX << (PLACE_BITS + LIFE_BITS - 16) == 1 << 16, "32 bits are used");

/* ---- resources ---- */

struct dlm_resource *dlm_resource_find(struct dlm_space *s, const uint8_t *name, size_t len)
{
	struct dlm_resource *r = s->buckets[dlm_hash(name, len) % DLM_BUCKETS];

	while (r && (r->name_len != len || memcmp(r->name, name, len)))
		r = r->next;
	return r;
}

struct dlm_resource *dlm_resource_get(struct dlm_space *s, const uint8_t *name, size_t len)
{
	struct dlm_resource *r = dlm_resource_find(s, name, len);

	if (r || s->n_resources == DLM_RESOURCES_MAX)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	memcpy(r->name, name, len);
	r->name_len = len;
	r->hash = dlm_hash(name, len);
	r->toss_ms = DLM_NEVER;
	/* The bucket is found again by the number. */
	r->number = ++s->last_number * DLM_BUCKETS + r->hash % DLM_BUCKETS;
	r->next = s->buckets[r->hash % DLM_BUCKETS];
	s->buckets[r->hash % DLM_BUCKETS] = r;
	s->n_resources++;
	return r;
}

struct dlm_resource *dlm_resource_by_number(struct dlm_space *s, uint64_t number)
{
	struct dlm_resource *r = s->buckets[number % DLM_BUCKETS];

	while (r && r->number != number)
		r = r->next;
	return r;
}

void dlm_resource_free(struct dlm_space *s, struct dlm_resource *r)
{
	struct dlm_resource **at = &s->buckets[r->hash % DLM_BUCKETS];

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	s->n_resources--;
	free(r);
}

bool dlm_resource_is_used(const struct dlm_resource *r)
{
	unsigned i;

	for (i = 0; i < DLM_N_QUEUES; i++)
		if (r->queues[i].first)
			return true;
	return false;
}

void dlm_resources(struct dlm_space *s, void (*fn)(struct dlm_space *s, struct dlm_resource *r))
{
	struct dlm_resource *r, *next;
	unsigned i;

	for (i = 0; i < DLM_BUCKETS; i++)
		for (r = s->buckets[i]; r; r = next) {
			next = r->next;
			fn(s, r);
		}
}

/* The last lock went: the master keeps it for a while, with its value block. A directory keeps the
 * entries of other masters. */
static void unused(struct dlm_space *s, struct dlm_resource *r)
{
	uint32_t self = s->opt.nodeid;

	if (r->master == self) {
		r->toss_ms = s->now_ms + s->opt.toss_ms;
		if (r->toss_ms < s->toss_due_ms)
			s->toss_due_ms = r->toss_ms;
	} else if (!r->master || dlm_directory(s, r->hash) != self) {
		dlm_resource_free(s, r);
	}
}

static void toss(struct dlm_space *s, struct dlm_resource *r)
{
	uint32_t directory = dlm_directory(s, r->hash);

	if (r->toss_ms > s->now_ms) {
		if (r->toss_ms < s->toss_due_ms)
			s->toss_due_ms = r->toss_ms;
		return;
	}
	if (directory != s->opt.nodeid) {
		struct dlm_message m = {
			.type = DLM_REMOVE, .hash = r->hash,
			.name = r->name, .name_len = r->name_len,
		};

		dlm_send(s, directory, &m);
	}
	dlm_resource_free(s, r);
}

void dlm_toss(struct dlm_space *s)
{
	if (s->now_ms < s->toss_due_ms || s->step != DLM_RUNNING)
		return;
	s->toss_due_ms = DLM_NEVER;
	dlm_resources(s, toss);
}

/* ---- locks ---- */

static void leave_queue(struct dlm_lock *lock)
{
	struct dlm_queue *q = &lock->resource->queues[lock->status];

	*(lock->before ? &lock->before->next : &q->first) = lock->next;
	*(lock->next ? &lock->next->before : &q->last) = lock->before;
	lock->next = lock->before = NULL;
}

static void enter_queue(struct dlm_lock *lock, enum dlm_status to)
{
	struct dlm_queue *q = &lock->resource->queues[to];

	lock->status = to;
	lock->before = q->last;
	*(q->last ? &q->last->next : &q->first) = lock;
	q->last = lock;
}

void dlm_lock_move(struct dlm_lock *lock, enum dlm_status to)
{
	leave_queue(lock);
	enter_queue(lock, to);
}

void dlm_lock_move_first(struct dlm_lock *lock, enum dlm_status to)
{
	struct dlm_queue *q = &lock->resource->queues[to];

	leave_queue(lock);
	lock->status = to;
	lock->next = q->first;
	*(q->first ? &q->first->before : &q->last) = lock;
	q->first = lock;
}

struct dlm_lock *dlm_lock_new(struct dlm_space *s, struct dlm_resource *r, uint32_t owner)
{
	struct dlm_lock *lock;

	if (s->n_locks == DLM_LOCKS_MAX)
		return NULL;
	lock = calloc(1, sizeof(*lock));
	if (!lock)
		return NULL;
	while (s->locks[s->next_lock])
		s->next_lock = (s->next_lock + 1) % DLM_LOCKS_MAX;
	s->life = s->life % ((1u << LIFE_BITS) - 1) + 1;
	lock->id = s->opt.number << (PLACE_BITS + LIFE_BITS) | s->life << PLACE_BITS |
		s->next_lock;
	s->locks[s->next_lock] = lock;
	s->next_lock = (s->next_lock + 1) % DLM_LOCKS_MAX;
	s->n_locks++;
	lock->resource = r;
	lock->owner = owner;
	lock->grmode = lock->rqmode = DLM_IV;
	r->toss_ms = DLM_NEVER;
	enter_queue(lock, DLM_NOT_QUEUED);
	return lock;
}

void dlm_lock_free(struct dlm_space *s, struct dlm_lock *lock)
{
	struct dlm_resource *r = lock->resource;

	leave_queue(lock);
	s->locks[lock->id % DLM_LOCKS_MAX] = NULL;
	s->n_locks--;
	free(lock);
	if (!dlm_resource_is_used(r))
		unused(s, r);
}

struct dlm_lock *dlm_lock_find(struct dlm_space *s, uint32_t id)
{
	struct dlm_lock *lock = s->locks[id % DLM_LOCKS_MAX];

	return lock && lock->id == id ? lock : NULL;
}

unsigned dlm_lock_space(uint32_t id)
{
	return id >> (PLACE_BITS + LIFE_BITS);
}
