/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's calls to begin, answer and end calls, from any thread: their fast paths, and the
 * decision between these and the slow paths of begin.c and call_user.c. Knows nothing of events.
 */
#include <assert.h>

#include "lowcomms/service_plain.h"
#include "services/begin.h"
#include "services/call_user.h"
#include "services/calls_plain.h"
#include "services/ending.h"
#include "services/lane.h"

#define EXACT_MS	10000u	/* shorter deadlines begin at an exact time, others of calls that a
				 * function begins with the turn of the loop that has called it */

static bool forked(const struct sinew_call *k)
{
	return node_forked(k->lane->session->node);
}

/* ---- begin ---- */

/* A call or a credential. */
static bool names_others(const struct sinew_call_options *opt)
{
	return (uintptr_t)opt->parent | (uintptr_t)opt->after | (uintptr_t)opt->cred;
}

/* Its options, and this moment, ask for nothing special. */
static bool is_plain(const struct sinew_binding *b, const struct sinew_call_options *opt,
		     const struct iovec *iov)
{
	const struct sinew_calls *o = b->lane->owner;

	assert(b->session == b->lane->session);
	return opt->size == sizeof *opt && opt->fn && !names_others(opt) &&
		(unsigned)opt->delivery <= SINEW_CALL_PULL && iov->iov_base &&
		(!opt->total || opt->total == iov->iov_len) && !node_forked(b->session->node) &&
		!atomic_load_explicit(&o->freed, memory_order_relaxed) &&
		!atomic_load_explicit(&o->draining, memory_order_relaxed) &&
		!atomic_load_explicit(&b->session->is_paused, memory_order_relaxed);
}

/* The call whose BEGIN is in the ring. */
static void begun(const struct sinew_binding *b, struct sinew_call *k, uint32_t op,
		  const struct sinew_call_options *opt, uint64_t word, size_t len, void *user)
{
	struct lane *l = b->lane;

	assert(k->own.slot != CALL_SLOT_NONE && !k->core);
	k->fn = opt->fn;
	call_set_user(k, user);
	k->delivery = (uint8_t)opt->delivery;
	if (opt->delivery == SINEW_CALL_WHOLE)
		k->max_bytes = opt->max_reply ? opt->max_reply : CALL_WHOLE_MAX;
	k->begun_ns = l->calls.now_ns;
	k->deadline_ns = k->own.deadline_ns;
	k->op = op;
	k->service_id = b->service;
	k->sent = len;
	k->out.n_sealed = 1;
	k->out.last = k->out.said = true;
	k->id = call_word_id(word);
	lane_opens(l, k, &k->own);
}

/* Under the lock. NULL: nothing happened. */
static struct sinew_call *begin_locked(const struct sinew_binding *b, uint32_t op, uint32_t ms,
				       const struct sinew_call_options *opt,
				       const struct iovec *iov, void *user)
{
	struct lane *l = b->lane;
	struct calls *c = &l->calls;
	size_t len = iov->iov_len;
	struct plain_begin begin = {
		.b = &c->out_bindings[b->number], .binding = b->number, .op = op, .total = len,
		.n = len,
	};
	struct sinew_call *k;
	uint64_t word, end;
	uint8_t *p;

	begin.slot = plain_slot(c, begin.b, len);
	if (!begin.slot || !l->spare[0].first)
		return NULL;
	p = service_put_begin(b->session, CALL_BEGIN_HEAD + len);
	if (!p)
		return NULL;
	word = plain_begin_word(begin.slot);
	call_put_begin(p, word, len, op, ms, b->number);
	service_copy(p + CALL_BEGIN_HEAD, iov->iov_base, len);
	if (!service_put_end(b->session, CALL_BEGIN_HEAD + len, &end))
		return NULL;
	begin.deadline_ns = calls_deadline_in(c, ms);
	k = begin.user = spare_take(&l->spare[0]);
	lane_hold(l);
	plain_begun(c, &k->own, &begin, end);
	begun(b, k, op, opt, word, len, user);
	if (!l->delivers)
		lane_wake(l);
	return k;
}

static bool begin_plain(const struct sinew_binding *b, uint32_t op,
			const struct sinew_call_options *opt, const struct iovec *iov, void *user,
			struct sinew_call **ret_call)
{
	struct lane *l = b->lane;
	uint32_t ms = opt->deadline_ms ? opt->deadline_ms : l->owner->opt.deadline_ms;
	bool by_loop = loop_is_inside(&l->owner->node->loop);
	struct sinew_call *k;

	lane_lock(l);
	/* A function of the application may keep the loop for long. */
	if (!by_loop || !l->delivers || ms < EXACT_MS)
		calls_now(&l->calls, service_now());
	k = begin_locked(b, op, ms, opt, iov, user);
	if (k) {
		k->end.may_lock = by_loop;
		*ret_call = k;
	}
	lane_unlock(l);
	return k;
}

int sinew_call_begin(struct sinew_binding *b, uint32_t op, const struct sinew_call_options *opt,
		     const struct iovec *iov, int n, unsigned flags, void *user,
		     struct sinew_call **ret_call)
{
	if (b && opt && ret_call && n == 1 && iov && !flags && is_plain(b, opt, iov) &&
	    begin_plain(b, op, opt, iov, user, ret_call))
		return 0;
	return begin_any(b, op, opt, iov, n, flags, user, ret_call);
}

/* ---- send ---- */

/* The whole reply, if nothing is in its way. Under the lock. */
static bool reply_locked(struct sinew_call *k, const struct iovec *iov)
{
	struct sinew_session *h = k->lane->session;
	struct call *core = k->core;
	size_t len = iov->iov_len;
	uint64_t end;
	uint8_t *p;

	lock_order_held(LOCK_SERVICE);
	assert(k->incoming);
	if (!core || !plain_may_reply(core, len) || k->unconsumed || k->out.bytes ||
	    lane_shows_new(k->lane, k))
		return false;
	p = service_put_begin(h, CALL_REPLY_HEAD + len);
	if (!p)
		return false;
	plain_put_reply(core, p);
	service_copy(p + CALL_REPLY_HEAD, iov->iov_base, len);
	if (!service_put_end(h, CALL_REPLY_HEAD + len, &end))
		return false;
	plain_replied(core, len, end);
	if (lane_shows_at(k->lane, k, LANE_LASTING) && core->plain == PLAIN_ACCEPTED) {
		plain_keep_end(core);
		lane_show_at(k->lane, k, LANE_OVER);
	} else {
		plain_tell_end(core);
	}
	k->sent = len;
	k->out.n_sealed = 1;
	k->out.last = k->out.said = true;
	if (!k->lane->delivers)
		lane_wake(k->lane);
	return true;
}

ssize_t sinew_call_send(struct sinew_call *k, const struct iovec *iov, int n, unsigned flags)
{
	bool sent;

	if (!k || !k->incoming || flags || n != 1 || !iov || !iov->iov_base || forked(k))
		return send_any(k, iov, n, flags);
	lane_lock(k->lane);
	sent = reply_locked(k, iov);
	lane_unlock(k->lane);
	return sent ? (ssize_t)iov->iov_len : send_any(k, iov, n, flags);
}

/* ---- end ---- */

/* Apart, so that the usual way has no registers to save. */
static __attribute__((noinline)) void end_by_lock(struct sinew_call *k)
{
	struct lane *l = k->lane;

	lane_lock(l);
	lane_unlock_and_drop(l, k->incoming ? ending(k, true) : ending(k, false));
}

void sinew_call_end(struct sinew_call *k)
{
	if (k && !lane_leave(k->lane, k) && !forked(k))
		end_by_lock(k);
}
