/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user's calls for bindings, and to begin calls, from any thread. Knows nothing of events. */
#include "services/begin.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/handle.h"
#include "lowcomms/service.h"
#include "services/calls_begin.h"
#include "services/calls_end.h"
#include "services/calls_slots.h"
#include "services/calls_upgrade.h"
#include "services/lane.h"
#include "services/queue.h"
#include "services/seal.h"
#include "services/sized.h"
#include "services/unsent.h"

#define FLAGS		(SINEW_CALL_MORE | SINEW_CALL_NOWAIT | SINEW_CALL_SETTLE | \
			 SINEW_CALL_WANT_ACCEPT | SINEW_CALL_ENDLESS | SINEW_CALL_RETRY | \
			 SINEW_CALL_UPGRADE)

#define OPTIONS_MIN	offsetof(struct sinew_call_options, after)

/* ---- bindings ---- */

/* Under the lock. 0 or a negative errno. */
static int bind_number(struct sinew_binding *b)
{
	struct lane *l = b->lane;
	struct calls_cred as;

	lock_order_held(LOCK_SERVICE);
	if (!b->cred)
		return calls_bind(&l->calls, b->service, NULL, &b->number);
	if (!seal_prepare(l, b->cred))
		return -ENOMEM;
	cred_fill(b->cred, &as);
	return calls_bind(&l->calls, b->service, &as, &b->number);
}

/* Those whose number is given back. Without the lock. */
static void free_others(struct sinew_calls *o, struct sinew_binding *b)
{
	while (b) {
		struct sinew_binding *next = b->others;

		cred_unref(b->cred);
		owner_release(o, b);
		b = next;
	}
}

int sinew_binding_open(struct sinew_calls *o, struct sinew_session *h, uint16_t service,
		       struct sinew_cred *cred, struct sinew_binding **ret_binding)
{
	struct sinew_binding *b;
	struct lane *l;
	int err;

	if (!o || !h || !ret_binding || h->node != o->node || (cred && cred->owner != o))
		return -EINVAL;
	if (node_forked(h->node))
		return -ECHILD;
	l = service_data(h);
	if (!l)
		return -EOPNOTSUPP;
	if (atomic_load(&o->freed))
		return -ESTALE;
	b = owner_alloc(o, sizeof *b);
	if (!b)
		return -ENOMEM;
	*b = (struct sinew_binding) { .lane = l, .service = service, .cred = cred };
	lane_lock(l);
	err = bind_number(b);
	lane_settle(l);
	lane_unlock(l);
	if (err) {
		owner_release(o, b);
		return err;
	}
	assert(l->owner == o && l->session == h);
	b->session = sinew_session_ref(h);
	cred_ref(cred);
	*ret_binding = b;
	return 0;
}

void sinew_binding_close(struct sinew_binding *b)
{
	struct sinew_session *h;
	struct lane *l;

	if (!b || node_forked(b->session->node))
		return;
	h = b->session;
	l = b->lane;
	assert(service_data(h) == l);
	lane_lock(l);
	for (struct sinew_binding *one = b; one; one = one->others)
		calls_unbind(&l->calls, one->number);
	lane_settle(l);
	lane_unlock(l);
	free_others(l->owner, b);
	sinew_session_unref(h);
}

uint16_t sinew_binding_service(const struct sinew_binding *b)
{
	uint16_t service;

	if (!b)
		return 0;
	if (node_forked(b->session->node))
		return b->service;
	assert(service_data(b->session) == b->lane);
	lane_lock(b->lane);
	service = binding_service(&b->lane->calls, b->number);
	lane_unlock(b->lane);
	return service;
}

static struct sinew_binding *find_other(struct sinew_binding *b, const struct sinew_cred *cred)
{
	while (b && b->cred != cred)
		b = b->others;
	return b;
}

/* Another binding to the same service, for calls with that credential. Without a number for one
 * more, those that are there go: free_others(*ret_gone). Under the lock. */
static int add_other(struct sinew_binding *b, struct sinew_cred *cred,
		     struct sinew_binding **ret_gone)
{
	struct sinew_binding *other = owner_alloc(b->lane->owner, sizeof *other);
	int err;

	if (!other)
		return -ENOMEM;
	*other = (struct sinew_binding) {
		.lane = b->lane, .session = b->session, .service = b->service, .cred = cred,
	};
	err = bind_number(other);
	if (err == -ENOSPC && b->others) {
		for (struct sinew_binding *one = b->others; one; one = one->others)
			calls_unbind(&b->lane->calls, one->number);
		*ret_gone = b->others;
		b->others = NULL;
		lane_settle(b->lane);
		err = bind_number(other);
	}
	if (err) {
		owner_release(b->lane->owner, other);
		return err;
	}
	cred_ref(cred);
	other->others = b->others;
	b->others = other;
	return 0;
}

/* That of a call with that credential, or with that of the binding. As add_other(). */
static int choose(struct sinew_binding *b, struct sinew_cred *cred, struct sinew_binding **ret,
		  struct sinew_binding **ret_gone)
{
	int err;

	lock_order_held(LOCK_SERVICE);
	*ret = cred ? find_other(b, cred) : b;
	if (*ret)
		return 0;
	err = add_other(b, cred, ret_gone);
	*ret = b->others;
	return err;
}

/* ---- begin ---- */

/* The total of the request; false: the data do not fit it. */
static bool total_of(const struct sinew_call_options *opt, size_t len, bool more, uint64_t *ret)
{
	if (!opt->total && more)
		*ret = SINEW_TOTAL_UNKNOWN;
	else if (!opt->total)
		*ret = len;
	else
		*ret = opt->total;
	return more ? len <= *ret : len == *ret;
}

static uint64_t deadline_of(const struct sinew_calls *o, const struct sinew_call_options *opt,
			    uint64_t now_ns)
{
	uint32_t ms = opt->deadline_ms ? opt->deadline_ms : o->opt.deadline_ms;
	uint64_t ns = ms == SINEW_FOREVER ? UINT64_MAX : now_ns + (uint64_t)ms * 1000000u;

	return opt->parent ? earlier(ns, opt->parent->deadline_ns) : ns;
}

/* Why no call may begin; 0: one may. */
static int may_begin(const struct sinew_binding *b, const struct sinew_call_options *opt)
{
	const struct sinew_calls *o = b->lane->owner;

	assert(b->session == b->lane->session);
	if (atomic_load_explicit(&o->freed, memory_order_relaxed))
		return -ESTALE;
	if (atomic_load_explicit(&o->draining, memory_order_relaxed))
		return -ESHUTDOWN;
	if (service_is_stuck(b->session))
		return -EDEADLK;
	if (opt->cred && opt->cred->owner != o)
		return -EINVAL;
	if (opt->after && (!opt->after->incoming || opt->after->lane != b->lane ||
			   opt->after == opt->parent))
		return -EINVAL;
	if (!opt->parent)
		return 0;
	if (!opt->parent->incoming)
		return -EINVAL;
	return atomic_load(&opt->parent->over) ? -ECONNABORTED : 0;
}

static struct sinew_call *own_new(const struct sinew_binding *b, uint32_t op,
				  const struct sinew_call_options *opt, void *user)
{
	struct lane *l = b->lane;
	struct sinew_call *k = lane_new_call(l, false);
	uint64_t now_ns = service_now();

	assert(l->owner->opt.deadline_ms && now_ns);
	if (!k)
		return NULL;
	calls_now(&l->calls, now_ns);
	k->fn = opt->fn;
	call_set_user(k, user);
	k->delivery = (uint8_t)opt->delivery;
	if (opt->delivery == SINEW_CALL_WHOLE)
		k->max_bytes = opt->max_reply ? opt->max_reply : CALL_WHOLE_MAX;
	k->cred = cred_ref(b->cred);
	k->begun_ns = now_ns;
	k->deadline_ns = deadline_of(l->owner, opt, now_ns);
	k->op = op;
	k->service_id = b->service;
	k->depth = opt->parent ? (uint8_t)(opt->parent->depth + 1) : 0;
	return k;
}

/* Gives the first data to the core: the caller's own, or a copy of several, or to begin again
 * with. 0 or a negative errno; then nothing has begun. */
static int start(const struct sinew_binding *b, struct sinew_call *k,
		 const struct sinew_call *after, const struct iovec *iov, int n, size_t len,
		 uint64_t total, unsigned flags)
{
	struct call_ref after_ref = { 0 };
	struct calls_begin begin = {
		.binding = b->number, .depth = k->depth, .op = k->op, .total = total,
		.nowait = flags & SINEW_CALL_NOWAIT, .settle = flags & SINEW_CALL_SETTLE,
		.want_accept = flags & SINEW_CALL_WANT_ACCEPT,
		.endless = flags & SINEW_CALL_ENDLESS, .retry = flags & SINEW_CALL_RETRY,
		.upgrade = flags & SINEW_CALL_UPGRADE,
		.last = !(flags & SINEW_CALL_MORE),
		.deadline_ns = k->deadline_ns, .user = k,
	};
	int err = 0;

	lock_order_held(LOCK_SERVICE);
	assert(n || !len);
	if (after) {
		after_ref = (struct call_ref) { (uint32_t)(after->id >> 16), (uint16_t)after->id };
		begin.after = &after_ref;
	}
	k->out.last = k->out.said = begin.last;
	if (n == 1 && !begin.retry) {
		begin.data = (struct span) { iov->iov_base, len };
	} else if (len) {
		err = unsent_add(k, iov, len);
		begin.data = (struct span) { bytes_data(k->out.bytes), len };
		k->out.offered = len;
	}
	if (!err)
		err = call_begin(&k->lane->calls, &k->own, &begin);
	return err;
}

/* It has begun. Data that did not go at once are copied; without memory for that it is aborted. */
static void go_on(struct sinew_call *k)
{
	struct lane *l = k->lane;

	assert(!k->incoming && !k->core);
	call_open(k, &k->own);
	lane_settle(l);
	if (!k->out.offered && call_unsent(k->core).n && unsent_save(k)) {
		call_give_up(k, SINEW_RX_CALL_DEAD);
		lane_settle(l);
	}
}

int begin_any(struct sinew_binding *b, uint32_t op, const struct sinew_call_options *given,
	      const struct iovec *iov, int n, unsigned flags, void *user,
	      struct sinew_call **ret_call)
{
	static const struct sinew_call_options none = { .size = sizeof none };
	const struct sinew_call_options *opt = given ? given : &none;
	struct sinew_call_options other;
	struct sinew_binding *as, *gone = NULL;
	struct sinew_session *unused = NULL;
	struct sinew_call *k = NULL;
	uint64_t total;
	size_t len;
	int err;

	if (opt->size != sizeof *opt) {
		if (!sized_take(&other, sizeof other, opt, OPTIONS_MIN))
			return -EINVAL;
		opt = &other;
	}
	if (!b || !ret_call || flags & ~FLAGS ||
	    (flags & SINEW_CALL_RETRY && flags & SINEW_CALL_MORE) ||
	    opt->delivery > SINEW_CALL_PULL || !call_iov_length(iov, n, &len) ||
	    !total_of(opt, len, flags & SINEW_CALL_MORE, &total))
		return -EINVAL;
	if (node_forked(b->session->node))
		return -ECHILD;
	err = may_begin(b, opt);
	if (err)
		return err;
	if (len > b->lane->owner->opt.send_bytes)
		return -EMSGSIZE;
	lane_lock(b->lane);
	err = choose(b, opt->cred, &as, &gone);
	if (!err) {
		k = own_new(as, op, opt, user);
		err = k ? queue_join(k) : -ENOMEM;
	}
	if (!err)
		err = start(as, k, opt->after, iov, n, len, total, flags);
	if (!err) {
		*ret_call = k;
		go_on(k);
	} else if (k) {
		unused = call_put_back(k);
	}
	lane_unlock_and_drop(b->lane, unused);
	free_others(b->lane->owner, gone);
	return err;
}
