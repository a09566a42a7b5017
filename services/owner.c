/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/owner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/service.h"
#include "services/cred.h"
#include "services/queue.h"
#include "services/service.h"

static void *default_alloc(size_t size, void *user)
{
	(void)user;
	return malloc(size);
}

static void default_release(void *mem, void *user)
{
	(void)user;
	free(mem);
}

struct sinew_calls *owner_new(struct sinew_node *node, const struct sinew_calls_options *opt)
{
	struct sinew_calls_options all = *opt;
	struct sinew_calls *o;

	assert(node);
	if (!all.alloc) {
		all.alloc = default_alloc;
		all.release = default_release;
	}
	o = all.alloc(sizeof *o, all.alloc_user);
	if (!o)
		return NULL;
	memset(o, 0, sizeof *o);
	o->node = node;
	atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
	o->opt = all;
	atomic_init(&o->refs, 1);
	atomic_init(&o->due_ns, UINT64_MAX);
	atomic_init(&o->drain_ns, UINT64_MAX);
	list_init(&o->lanes);
	list_init(&o->admitted);
	pthread_mutex_init(&o->leave_lock, NULL);
	pthread_cond_init(&o->left, NULL);
	return o;
}

struct sinew_calls *owner_ref(struct sinew_calls *o)
{
	assert(atomic_load_explicit(&o->refs, memory_order_relaxed));
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void *owner_alloc(struct sinew_calls *o, size_t size)
{
	assert(size);
	return o->opt.alloc(size, o->opt.alloc_user);
}

void owner_release(struct sinew_calls *o, void *mem)
{
	if (mem)
		o->opt.release(mem, o->opt.alloc_user);
}

static void free_charges(struct sinew_calls *o, struct service *s)
{
	while (s->charges) {
		struct charge *c = s->charges;

		s->charges = c->next;
		owner_release(o, c);
	}
}

static void free_services(struct sinew_calls *o)
{
	for (unsigned i = 0; i < SERVICE_BUCKETS; i++) {
		struct service *s = atomic_load(&o->services[i]);

		while (s) {
			struct service *next = s->next;

			assert(!atomic_load(&s->n_calls) && list_empty(&s->waiting));
			free_charges(o, s);
			owner_release(o, s);
			s = next;
		}
	}
}

static void free_verifiers(struct sinew_calls *o)
{
	struct verifier *v = atomic_load(&o->verifiers);

	while (v) {
		struct verifier *next = v->next;

		owner_release(o, v);
		v = next;
	}
}

void owner_unref(struct sinew_calls *o)
{
	struct sinew_node *node = o->node;

	if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	assert(list_empty(&o->lanes) && !o->shown);
	free_services(o);
	if (queue_of(o))
		queue_free(o, queue_of(o));
	free_verifiers(o);
	pthread_cond_destroy(&o->left);
	pthread_mutex_destroy(&o->leave_lock);
	o->opt.release(o, o->opt.alloc_user);
	node_unref(node);
}

bool owner_due(struct sinew_calls *o, uint64_t due_ns)
{
	uint64_t known = atomic_load(&o->due_ns);

	while (due_ns < known)
		if (atomic_compare_exchange_weak(&o->due_ns, &known, due_ns))
			return true;
	return false;
}

void owner_wake(struct sinew_calls *o, uint64_t due_ns)
{
	if (owner_due(o, due_ns) && !atomic_load(&o->node_gone))
		service_wake(o->node);
}

void owner_left(struct sinew_calls *o)
{
	pthread_mutex_lock(&o->leave_lock);
	pthread_cond_broadcast(&o->left);
	pthread_mutex_unlock(&o->leave_lock);
}

void owner_shut(struct sinew_calls *o)
{
	atomic_store(&o->freed, true);
	pthread_mutex_lock(&o->leave_lock);
	while (atomic_load(&o->inside))
		pthread_cond_wait(&o->left, &o->leave_lock);
	pthread_mutex_unlock(&o->leave_lock);
}
