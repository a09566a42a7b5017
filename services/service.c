/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/service.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/node.h"
#include "services/call.h"
#include "services/intercept.h"
#include "services/queue.h"
#include "services/sized.h"

_Static_assert(SINEW_SERVICE_FIRST == CALLS_SYSTEM, "ids of the library");

#define SERVICE_MIN	offsetof(struct sinew_service, probe_ops)
#define OPS_MAX		1024u
#define FLAGS		(SINEW_SERVICE_DETACH | SINEW_SERVICE_WANT_FINAL | \
			 SINEW_SERVICE_CHARGED | SINEW_SERVICE_CRED)

static bool is_among(uint32_t op, const uint32_t *ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ops[i] == op)
			return true;
	return false;
}

bool service_has_op(const struct service *s, uint32_t op, bool asks)
{
	if (s->is.probe_ops && is_among(op, s->is.probe_ops, s->is.n_probe_ops))
		return asks;
	return !s->is.ops || is_among(op, s->is.ops, s->is.n_ops);
}

struct service *service_newest(struct service *s)
{
	struct service *newer = atomic_load_explicit(&s->newer, memory_order_acquire);

	return newer ? newer : s;
}

/* In one of its own places. */
static bool has_own_room(const struct service *s)
{
	if (s->is.max_calls && atomic_load(&s->n_calls) >= s->is.max_calls)
		return false;
	return !(s->is.flags & SINEW_SERVICE_CHARGED) || atomic_load(&s->n_charges);
}

bool service_has_room(const struct service *s)
{
	return has_own_room(s) ||
		(s->is.full == SINEW_FULL_ALLOC && atomic_load(&s->n_extra) < s->is.max_alloc);
}

/* The oldest charge, of which there is at least one; its user, if it has one, is the call's. */
static void charge_spend(struct sinew_calls *o, struct service *s, struct sinew_call *k)
{
	struct charge *c, *empty = NULL;

	lock_take(&o->gate, LOCK_WAIT);
	c = s->charges;
	assert(c && c->spent < c->n && atomic_load(&s->n_charges));
	if (c->has_users)
		call_set_user(k, c->users[c->spent]);
	c->spent++;
	atomic_fetch_sub(&s->n_charges, 1);
	if (c->spent == c->n) {
		empty = c;
		s->charges = c->next;
		if (!s->charges)
			s->charges_end = &s->charges;
	}
	lock_give(&o->gate, LOCK_WAIT);
	owner_release(o, empty);
}

void service_enter(struct sinew_calls *o, struct sinew_call *k)
{
	struct service *s = k->service;

	assert(k->entry.stage == CALL_OUTSIDE);
	/* sinew_calls_accept() may have taken the room since it was seen: one more than there are,
	 * as if that had come later. */
	k->entry.extra = s->is.full == SINEW_FULL_ALLOC && !has_own_room(s);
	k->entry.stage = CALL_INSIDE;
	atomic_fetch_add(k->entry.extra ? &s->n_extra : &s->n_calls, 1);
	if (!k->entry.extra && s->is.flags & SINEW_SERVICE_CHARGED)
		charge_spend(o, s, k);
}

void service_room(struct sinew_calls *o, const struct service *s)
{
	/* The loop adds to n_waiting, and looks at the room again behind that. */
	if (!atomic_load(&s->n_waiting))
		return;
	atomic_store(&o->waiter_due, true);
	owner_wake(o, 0);
}

/* And has further places then. */
static bool can_be_full(const struct sinew_service *is)
{
	return is->max_alloc && (is->max_calls || is->flags & SINEW_SERVICE_CHARGED);
}

static bool is_valid(const struct sinew_service *is)
{
	return is->delivery <= SINEW_CALL_PULL && is->full <= SINEW_FULL_ALLOC &&
		is->n_ops <= OPS_MAX && is->n_probe_ops <= OPS_MAX &&
		!(is->flags & ~FLAGS) &&
		(is->full != SINEW_FULL_ALLOC || can_be_full(is));
}

/* Its calls need nothing but its function, and there is always room for one more. */
static bool is_plain(const struct sinew_service *is)
{
	return is->fn && !is->max_calls && !is->probe_ops && !(is->flags & ~SINEW_SERVICE_DETACH) &&
		(is->delivery == SINEW_CALL_PIECES || is->delivery == SINEW_CALL_WHOLE);
}

static const uint32_t *copy(uint32_t *to, const uint32_t *ops, size_t n)
{
	if (!ops)
		return NULL;
	if (n)
		memcpy(to, ops, n * sizeof *ops);
	return to;
}

int service_bind(struct sinew_calls *o, uint16_t id, const struct sinew_service *given,
		 void *user)
{
	struct sinew_service all, *is = &all;
	size_t n_ops, n_probes;
	struct service *s;
	int err = 0;

	assert(id);
	if (!o || !given || !sized_take(&all, sizeof all, given, SERVICE_MIN) ||
	    !is_valid(is) || !(is->fn || intercept_is_set(o) || queue_of(o)))
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	n_ops = is->ops ? is->n_ops : 0;
	n_probes = is->probe_ops ? is->n_probe_ops : 0;
	s = owner_alloc(o, sizeof *s + (n_ops + n_probes) * sizeof s->ops[0]);
	if (!s)
		return -ENOMEM;
	*s = (struct service) { .is = *is, .user = user, .id = id };
	s->is.ops = copy(s->ops, is->ops, n_ops);
	s->is.probe_ops = copy(s->ops + n_ops, is->probe_ops, n_probes);
	if (is->delivery == SINEW_CALL_WHOLE && !is->max_request)
		s->is.max_request = CALL_WHOLE_MAX;
	s->is_plain = is_plain(is);
	list_init(&s->waiting);
	s->charges_end = &s->charges;
	lock_take(&o->lock, LOCK_SERVICE);
	if (service_find(o, id)) {
		err = -EEXIST;
	} else {
		s->next = atomic_load(service_bucket(o, id));
		atomic_store_explicit(service_bucket(o, id), s, memory_order_release);
	}
	if (!err && o->bound.fn)
		o->bound.fn(o->bound.arg);
	lock_give(&o->lock, LOCK_SERVICE);
	if (err)
		owner_release(o, s);
	return err;
}

int sinew_service_bind(struct sinew_calls *o, uint16_t id, const struct sinew_service *given,
		       void *user)
{
	return id < SINEW_SERVICE_FIRST ? -EINVAL : service_bind(o, id, given, user);
}

void service_watch(struct sinew_calls *o, void (*fn)(void *arg), void *arg)
{
	assert(!fn || !o->bound.fn);
	lock_take(&o->lock, LOCK_SERVICE);
	o->bound.fn = fn;
	o->bound.arg = arg;
	lock_give(&o->lock, LOCK_SERVICE);
}

unsigned service_ids(struct sinew_calls *o, uint16_t *ids, unsigned max)
{
	unsigned n = 0;

	assert(ids || !max);
	for (unsigned i = 0; i < SERVICE_BUCKETS; i++) {
		struct service *s = atomic_load_explicit(&o->services[i], memory_order_acquire);

		for (; s; s = s->next) {
			if (n < max)
				ids[n] = s->id;
			n++;
		}
	}
	return n;
}

/* ---- upgrades ---- */

#define NOTHING		(-1)	/* in place of an op */
#define UNLISTED	(-2)	/* those of a service without a list */

static int64_t first_lacking(const struct service *in, const uint32_t *ops, unsigned n, bool asks)
{
	for (unsigned i = 0; ops && i < n; i++)
		if (!service_has_op(in, ops[i], asks))
			return ops[i];
	return NOTHING;
}

/* An op that the old service takes and the newer one does not. */
static int64_t missing_op(const struct service *old, const struct service *newer)
{
	const struct sinew_service *was = &old->is, *is = &newer->is;
	int64_t op = first_lacking(newer, was->probe_ops, was->n_probe_ops, true);

	for (unsigned i = 0; op == NOTHING && was->ops && i < was->n_ops; i++)
		if (service_has_op(old, was->ops[i], false))
			op = first_lacking(newer, &was->ops[i], 1, false);
	for (unsigned i = 0; op == NOTHING && is->probe_ops && i < is->n_probe_ops; i++)
		if (service_has_op(old, is->probe_ops[i], false))
			op = is->probe_ops[i];
	return op == NOTHING && !was->ops && is->ops ? UNLISTED : op;
}

static void log_missing(struct sinew_calls *o, uint16_t from, uint16_t to, int64_t op)
{
	char text[32] = "all ops";

	if (op >= 0)
		snprintf(text, sizeof text, "op %u", (unsigned)op);
	log_line(&o->node->log, SINEW_ERROR, "service %u is not upgraded to %u: it has %s, the "
		 "newer one has not", from, to, text);
}

int sinew_service_upgradeable(struct sinew_calls *o, uint16_t from, uint16_t to)
{
	struct service *old, *newer;
	int64_t op = NOTHING;
	int err = 0;

	if (!o || from == to)
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	old = service_find(o, from);
	newer = service_find(o, to);
	if (!old || !newer)
		return -ENOENT;
	lock_take(&o->lock, LOCK_SERVICE);
	if (old->replaces || newer->replaces || atomic_load(&old->newer) ||
	    atomic_load(&newer->newer))
		err = -EEXIST;
	else
		op = missing_op(old, newer);
	if (!err && op == NOTHING) {
		newer->replaces = true;
		atomic_store_explicit(&old->newer, newer, memory_order_release);
	}
	lock_give(&o->lock, LOCK_SERVICE);
	if (op == NOTHING)
		return err;
	log_missing(o, from, to, op);
	return -ENOTSUP;
}
