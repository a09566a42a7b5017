/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The services of a node, by id, and how many calls are in each. They stay until all of the node's
 * calls go.
 */
#ifndef SINEW_SERVICES_SERVICE_H
#define SINEW_SERVICES_SERVICE_H

#include "services/owner.h"

struct sinew_call;

/* For how many more calls the application is ready, and with which user each: by one call of
 * sinew_service_charge(). */
struct charge {
	struct charge *next;
	uint32_t n, spent;
	bool has_users;
	void *users[];
};

struct service {
	struct service *next;		/* of its bucket */
	struct sinew_service is;	/* its ops are copied behind */
	void *user;
	uint16_t id;
	_Atomic uint32_t n_calls;
	_Atomic uint32_t n_extra;	/* further ones, in places of max_alloc */
	_Atomic uint32_t n_waiting;
	_Atomic uint32_t n_charges;
	struct charge *charges, **charges_end;	/* oldest first; under the gate */
	struct list waiting;		/* of calls, oldest first; under the gate */
	_Atomic(struct service *) newer;	/* in its place, for calls that ask for it */
	bool is_plain;			/* see plain.c; constant */
	bool replaces;			/* it is the newer one of another; under the lock */
	uint32_t ops[];			/* and those for probes behind them */
};

static inline _Atomic(struct service *) *service_bucket(struct sinew_calls *o, uint16_t id)
{
	return &o->services[id % SERVICE_BUCKETS];
}

/* As sinew_service_bind(), for ids below SINEW_SERVICE_FIRST, too. */
int service_bind(struct sinew_calls *o, uint16_t id, const struct sinew_service *given,
		 void *user);
/* fn runs at each further bind, on its thread, under the lock of services. NULL: no more. */
void service_watch(struct sinew_calls *o, void (*fn)(void *arg), void *arg);
/* The ids of services that are bound, up to max, in any order; how many there are. Any thread. */
unsigned service_ids(struct sinew_calls *o, uint16_t *ids, unsigned max);
/* NULL: none has that id. Any thread. */
static inline struct service *service_find(struct sinew_calls *o, uint16_t id)
{
	struct service *s = atomic_load_explicit(service_bucket(o, id), memory_order_acquire);

	assert(!s || s->id % SERVICE_BUCKETS == id % SERVICE_BUCKETS);
	while (s && s->id != id)
		s = s->next;
	return s;
}
/* For a call that asks for an upgrade, or for any other. */
bool service_has_op(const struct service *s, uint32_t op, bool asks);
/* That has a call which asks for an upgrade: the newer one, or itself. */
struct service *service_newest(struct service *s);
/* A call may enter it. Loop. */
bool service_has_room(const struct service *s);
/* There may be room for one that waits. Any thread. */
void service_room(struct sinew_calls *o, const struct service *s);
/* Where there is room the call enters, and the application has asked for it: service_leave() is to
 * follow. Loop; the second: any thread. */
void service_enter(struct sinew_calls *o, struct sinew_call *k);
/* The same of a service that is_plain: there is always room, so that none waits. */
static inline void service_enter_plain(struct service *s)
{
	assert(s->is_plain && !atomic_load(&s->n_waiting));
	atomic_fetch_add_explicit(&s->n_calls, 1, memory_order_relaxed);
}
static inline void service_leave_plain(struct service *s)
{
	uint32_t was = atomic_fetch_sub_explicit(&s->n_calls, 1, memory_order_relaxed);

	assert(s->is_plain && was && !atomic_load(&s->n_waiting));
	(void)was;
}
static inline void service_leave(struct sinew_calls *o, struct service *s, bool extra)
{
	uint32_t was = atomic_fetch_sub(extra ? &s->n_extra : &s->n_calls, 1);

	assert(was);
	(void)was;
	if (atomic_load(&s->n_waiting))
		service_room(o, s);
}

#endif
