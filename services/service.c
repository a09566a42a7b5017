/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/service.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/node.h"
#include "services/call.h"
#include "services/intercept.h"

_Static_assert(SINEW_SERVICE_FIRST == CALLS_SYSTEM, "ids of the library");

#define OPS_MAX		1024u

static _Atomic(struct service *) *bucket(struct sinew_calls *o, uint16_t id)
{
	return &o->services[id % SERVICE_BUCKETS];
}

struct service *service_find(struct sinew_calls *o, uint16_t id)
{
	struct service *s = atomic_load_explicit(bucket(o, id), memory_order_acquire);

	assert(!s || s->id % SERVICE_BUCKETS == id % SERVICE_BUCKETS);
	while (s && s->id != id)
		s = s->next;
	return s;
}

bool service_has_op(const struct service *s, uint32_t op)
{
	if (!s->is.ops)
		return true;
	for (unsigned i = 0; i < s->is.n_ops; i++)
		if (s->ops[i] == op)
			return true;
	return false;
}

bool service_enter(struct service *s)
{
	uint32_t n = atomic_load_explicit(&s->n_calls, memory_order_relaxed);

	do {
		if (s->is.max_calls && n >= s->is.max_calls)
			return false;
	} while (!atomic_compare_exchange_weak(&s->n_calls, &n, n + 1));
	return true;
}

void service_leave(struct sinew_calls *o, struct service *s)
{
	uint32_t was = atomic_fetch_sub(&s->n_calls, 1);

	assert(was);
	(void)was;
	/* The loop adds to n_waiting, and looks at n_calls again behind that. */
	if (!atomic_load(&s->n_waiting))
		return;
	atomic_store(&o->waiter_due, true);
	owner_wake(o, 0);
}

static bool is_valid(uint16_t id, const struct sinew_service *is)
{
	return id >= SINEW_SERVICE_FIRST && is && is->size >= sizeof *is &&
		is->delivery <= SINEW_CALL_PULL && is->full <= SINEW_FULL_WAIT &&
		is->n_ops <= OPS_MAX && !(is->flags & ~SINEW_SERVICE_DETACH);
}

int sinew_service_bind(struct sinew_calls *o, uint16_t id, const struct sinew_service *is,
		       void *user)
{
	size_t n_ops = is && is->ops ? is->n_ops : 0;
	struct service *s;
	int err = 0;

	if (!o || !is_valid(id, is) || !(is->fn || intercept_is_set(o)))
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	s = owner_alloc(o, sizeof *s + n_ops * sizeof s->ops[0]);
	if (!s)
		return -ENOMEM;
	*s = (struct service) { .is = *is, .user = user, .id = id };
	s->is.ops = is->ops ? s->ops : NULL;
	if (n_ops)
		memcpy(s->ops, is->ops, n_ops * sizeof s->ops[0]);
	if (is->delivery == SINEW_CALL_WHOLE && !is->max_request)
		s->is.max_request = CALL_WHOLE_MAX;
	list_init(&s->waiting);
	lock_take(&o->lock, LOCK_SERVICE);
	if (service_find(o, id)) {
		err = -EEXIST;
	} else {
		s->next = atomic_load(bucket(o, id));
		atomic_store_explicit(bucket(o, id), s, memory_order_release);
	}
	lock_give(&o->lock, LOCK_SERVICE);
	if (err)
		owner_release(o, s);
	return err;
}
