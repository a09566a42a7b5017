/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user's calls for a call at either side, from any thread. Knows nothing of services. */
#include "services/call_user.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/handle.h"
#include "lowcomms/service.h"
#include "services/calls_begin.h"
#include "services/calls_end.h"
#include "services/calls_query.h"
#include "services/lane.h"
#include "services/queue.h"
#include "services/show.h"
#include "services/unread.h"
#include "services/unsent.h"

_Static_assert((int32_t)CALLS_UNANSWERED == SINEW_RX_CALL_DEAD, "codes");
_Static_assert((int32_t)CALLS_GIVEN_UP == SINEW_RX_USER_ABORT, "codes");
_Static_assert((int32_t)CALLS_RULES == SINEW_RX_PROTOCOL_ERROR, "codes");

static bool forked(const struct sinew_call *k)
{
	return node_forked(k->lane->session->node);
}

/* Of a call that the core does not have any more. */
static int gone(const struct sinew_call *k)
{
	return call_ended(k) ? -ECONNABORTED : -ESTALE;
}

/* ---- send ---- */

/* Offers bytes of the caller's, none being in their way; what does not go at once is copied. */
static int offer(struct sinew_call *k, const uint8_t *p, size_t n, bool last)
{
	int err;

	assert(k->core && !unsent_waits(k) && !k->out.offered);
	err = call_send(k->core, p, n, last);
	if (err)
		return err;
	k->out.last = k->out.said = last;
	lane_settle(k->lane);
	err = call_unsent(k->core).n ? unsent_save(k) : 0;
	if (!err)
		return 0;
	call_give_up(k, SINEW_RX_CALL_DEAD);
	lane_settle(k->lane);
	return err;
}

/* One piece of memory, as far as it goes. The number of bytes, or a negative errno. */
static ssize_t send_one(struct sinew_call *k, const uint8_t *p, size_t len, bool last)
{
	size_t max = k->lane->owner->opt.send_bytes, done = 0;
	int err;

	lock_order_held(LOCK_SERVICE);
	do {
		size_t part = len - done < max ? len - done : max;

		err = offer(k, part ? p + done : NULL, part, last && done + part == len);
		if (err)
			return done && err != -ENOMEM ? (ssize_t)done : err;
		done += part;
	} while (done < len && !unsent_waits(k));
	return (ssize_t)done;
}

/* Behind data that wait, or several pieces of memory. */
static ssize_t send_copy(struct sinew_call *k, const struct iovec *iov, size_t len, bool last)
{
	size_t room = unsent_room(k), part = len < room ? len : room;
	int err;

	assert(k->core);
	if (call_ended(k) || k->aborted || k->core->state == CALL_OVER)
		return -ECONNABORTED;
	if (k->out.last)
		return -EPIPE;
	err = unsent_add(k, iov, part);
	if (err)
		return err;
	k->out.last = last && part == len;
	err = unsent_offer(k);
	if (err) {
		if (part)
			k->out.bytes->len -= part;
		k->out.last = false;
		return err;
	}
	lane_settle(k->lane);
	return (ssize_t)part;
}

static ssize_t send_locked(struct sinew_call *k, const struct iovec *iov, int n, size_t len,
			   bool last)
{
	ssize_t taken;

	lock_order_held(LOCK_SERVICE);
	if (!k->core)
		return gone(k);
	if (!len && !last)
		return 0;
	/* Its request is still to be handed over. */
	if (lane_shows_new(k->lane, k))
		return -EBUSY;
	/* A reply counts as consumption of the request that was handed over. */
	if (k->incoming && k->unconsumed && k->in.last) {
		call_consumed(k->core, k->unconsumed);
		k->unconsumed = 0;
	}
	if (n > 1 || unsent_waits(k) || call_unsent(k->core).n)
		taken = send_copy(k, iov, len, last);
	else
		taken = send_one(k, n ? iov->iov_base : NULL, len, last);
	if (taken >= 0 && (size_t)taken < len) {
		k->out.want_room = true;
		call_want_room(k->core);
		lane_settle(k->lane);
	}
	return !taken && len ? -EAGAIN : taken;
}

/* 0, or why the reply cannot have it. */
static int want_final(struct sinew_call *k)
{
	lock_order_held(LOCK_SERVICE);
	if (!k->incoming)
		return -EINVAL;
	if (!k->core)
		return gone(k);
	if (k->out.last)
		return -EPIPE;
	call_want_final(k->core);
	return 0;
}

ssize_t send_any(struct sinew_call *k, const struct iovec *iov, int n, unsigned flags)
{
	ssize_t taken = 0;
	size_t len;

	if (!k || flags & ~(SINEW_CALL_MORE | SINEW_CALL_WANT_FINAL) ||
	    !call_iov_length(iov, n, &len))
		return -EINVAL;
	if (forked(k))
		return -ECHILD;
	lane_lock(k->lane);
	if (flags & SINEW_CALL_WANT_FINAL)
		taken = want_final(k);
	if (!taken)
		taken = send_locked(k, iov, n, len, !(flags & SINEW_CALL_MORE));
	lane_unlock(k->lane);
	return taken == -EMSGSIZE ? -EINVAL : taken;
}

/* ---- accept, abort, end ---- */

int sinew_call_accept(struct sinew_call *k)
{
	int err;

	if (!k || !k->incoming)
		return -EINVAL;
	if (forked(k))
		return -ECHILD;
	lane_lock(k->lane);
	err = k->core ? call_accept_now(k->core) : gone(k);
	lane_settle(k->lane);
	lane_unlock(k->lane);
	return err;
}

int sinew_call_query(struct sinew_call *k)
{
	int err;

	if (!k || k->incoming)
		return -EINVAL;
	if (forked(k))
		return -ECHILD;
	lane_lock(k->lane);
	err = k->core ? call_query(k->core) : gone(k);
	lane_settle(k->lane);
	lane_unlock(k->lane);
	return err;
}

int sinew_call_abort(struct sinew_call *k, int32_t code)
{
	int err;

	if (!k)
		return -EINVAL;
	if (forked(k))
		return -ECHILD;
	lane_lock(k->lane);
	err = k->core ? call_abort(k->core, (uint32_t)code) : call_ended(k) ? -EALREADY : -ESTALE;
	if (!err) {
		k->aborted = true;
		lane_hide_data(k->lane, k);
	}
	lane_settle(k->lane);
	lane_unlock(k->lane);
	return err;
}

/* The reply is complete, but not all of it in the ring: the handle stays until it is. */
static bool still_goes(const struct sinew_call *k)
{
	return k->incoming && !call_ended(k) && !k->aborted && k->out.last &&
		k->core->state != CALL_OVER;
}

/* Aborts a call that only the interceptor has seen. The loop drops its reference. */
static void refuse_waiting(struct sinew_call *k)
{
	assert(k->entry.announced);
	if (!k->core)
		return;
	call_give_up(k, SINEW_RX_CALL_DEAD);
	lane_settle(k->lane);
}

struct sinew_session *end_any(struct sinew_call *k)
{
	struct lane *l = k->lane;
	bool stays;

	lock_order_held(LOCK_SERVICE);
	if (k->incoming && !k->accepted) {
		refuse_waiting(k);
		return NULL;
	}
	assert(!k->returned);
	k->returned = true;
	if (queue_forget(k))
		call_put_back(k);
	call_leave(k);
	stays = k->core && still_goes(k);
	if (k->core && !stays) {
		call_drop(k);
		call_closed(k, k->lane->owner);
		lane_settle(l);
	}
	if (lane_hide(l, k, !stays) || stays)
		return NULL;
	return call_put_back(k);
}

/* ---- receiving ---- */

/* The result of a read that has taken all there was, as far as it wants it. */
static int read_result(const struct sinew_call *k, bool filled, bool more)
{
	assert(k->delivery == SINEW_CALL_PULL);
	assert(!k->in.bytes || k->in.bytes->at <= k->in.bytes->len);
	if (unread_len(k))
		return more ? 0 : -EMSGSIZE;
	if (k->in.last)
		return filled ? 1 : -EBADMSG;
	if (filled && more)
		return 0;
	return k->core && !call_ended(k) ? -EAGAIN : gone(k);
}

int sinew_call_read(struct sinew_call *k, void *buf, size_t size, size_t *off, bool more)
{
	size_t n;
	int ret;

	if (!k || !off || *off > size || (!buf && size) || k->delivery != SINEW_CALL_PULL)
		return -EINVAL;
	if (forked(k))
		return -ECHILD;
	lane_lock(k->lane);
	n = unread_take(k, size ? (uint8_t *)buf + *off : NULL, size - *off);
	*off += n;
	if (n && k->core)
		call_consumed(k->core, n);
	ret = read_result(k, *off == size, more);
	if ((ret == -EBADMSG || ret == -EMSGSIZE) && k->core)
		call_bad_data(k);
	lane_settle(k->lane);
	lane_unlock(k->lane);
	return ret;
}

int sinew_call_consumed(struct sinew_call *k, size_t n)
{
	int err;

	if (!k || k->delivery != SINEW_CALL_PACED)
		return -EINVAL;
	if (forked(k))
		return -ECHILD;
	lane_lock(k->lane);
	if (n > k->unconsumed)
		err = -EINVAL;
	else if (!k->core)
		err = gone(k);
	else if (!call_needs_consumed(k->core))
		err = -ECONNABORTED;
	else
		err = call_consumed(k->core, n);
	if (!err)
		k->unconsumed -= n;
	lane_settle(k->lane);
	lane_unlock(k->lane);
	return err;
}

/* The bytes, copied. 0 or -ENOMEM. */
static int keep_copy(struct kept_msg *m, const struct sinew_call_msg *msg)
{
	m->mem = owner_alloc(m->owner, msg->len ? msg->len : 1);
	if (!m->mem)
		return -ENOMEM;
	if (msg->len)
		memcpy(m->mem, msg->data, msg->len);
	m->msg.data = m->mem;
	return 0;
}

/* The bytes of the event that is shown, as a message of their own. 0 or -ENOMEM. */
static int keep(struct kept_msg *m, const struct sinew_call_msg *msg)
{
	struct sinew_call *k = msg->call;

	assert(msg->event == SINEW_CALL_DATA && !m->kept && !m->mem);
	/* They may lie in memory of ours, which is free after the event. */
	if (!service_keep(k->lane->session, msg->data, msg->len, &m->kept)) {
		m->msg.data = sinew_kept_data(m->kept);
		return 0;
	}
	return keep_copy(m, msg);
}

int sinew_call_msg_ref(const struct sinew_call_msg *msg, struct sinew_call_msg **ret_msg)
{
	struct sinew_calls *o;
	struct kept_msg *m;
	bool taken;

	if (!msg || !ret_msg || msg->event != SINEW_CALL_DATA || !msg->data || !msg->call)
		return -EINVAL;
	o = msg->call->lane->owner;
	taken = msg->call->queued && msg == &msg->call->queued->out.msg;
	if (!taken && msg != o->shown)
		return -EINVAL;
	m = owner_alloc(o, sizeof *m);
	if (!m)
		return -ENOMEM;
	*m = (struct kept_msg) { .msg = *msg, .owner = owner_ref(o) };
	m->msg.call = NULL;
	m->msg.user = NULL;
	if (taken ? keep_copy(m, msg) : keep(m, msg)) {
		owner_release(o, m);
		owner_unref(o);
		return -ENOMEM;
	}
	*ret_msg = &m->msg;
	return 0;
}

void sinew_call_msg_put(struct sinew_call_msg *msg)
{
	struct kept_msg *m = (struct kept_msg *)(void *)msg;
	struct sinew_calls *o;

	if (!m || node_forked(m->owner->node))
		return;
	if (m->taken) {
		queue_put(m->taken);
		return;
	}
	o = m->owner;
	sinew_release(m->kept);
	owner_release(o, m->mem);
	owner_release(o, m);
	owner_unref(o);
}

/* ---- status ---- */

static void fill(const struct sinew_call *k, struct sinew_call_status *st)
{
	const struct call *core = k->core;
	uint64_t now_ns = service_now();

	lock_order_held(LOCK_SERVICE);
	assert(call_ended(k) || core || k->lane->owner->freed);
	st->incoming = k->incoming;
	st->waiting = call_is_waiting(k);
	st->accepted = k->accepted;
	st->aborted = k->aborted || k->end.reason == SINEW_END_ABORTED;
	st->ended = call_ended(k);
	st->depth = k->depth;
	if (call_ended(k)) {
		st->reason = k->end.reason;
		st->outcome = k->end.outcome;
		st->code = k->end.code;
	}
	st->sent = k->sent;
	st->received = k->received;
	st->consumed = core && !call_ended(k) ? core->rx.consumed : k->received;
	st->unsent = unsent_waits(k);
	st->paused = service_is_paused(k->lane->session);
	st->age_ms = now_ns > k->begun_ns ? (now_ns - k->begun_ns) / 1000000u : 0;
	st->left_ms = UINT64_MAX;
	if (k->deadline_ns != UINT64_MAX)
		st->left_ms = k->deadline_ns > now_ns ? (k->deadline_ns - now_ns) / 1000000u : 0;
}

int sinew_call_status(struct sinew_call *k, struct sinew_call_status *ret)
{
	struct sinew_call_status st = { 0 };
	size_t size;

	if (!k || !ret || ret->size < sizeof ret->size)
		return -EINVAL;
	if (forked(k))
		return -ECHILD;
	lane_lock(k->lane);
	fill(k, &st);
	lane_unlock(k->lane);
	size = ret->size;
	st.size = size;
	memset(ret, 0, size);
	memcpy(ret, &st, size < sizeof st ? size : sizeof st);
	return 0;
}

uint64_t sinew_call_id(const struct sinew_call *call)
{
	struct sinew_call *k = (struct sinew_call *)(uintptr_t)call;
	uint64_t id;

	if (forked(k))
		return 0;
	lane_lock(k->lane);
	call_name(k);
	id = k->id;
	lane_unlock(k->lane);
	return id;
}

uint16_t sinew_call_service(const struct sinew_call *call)
{
	struct sinew_call *k = (struct sinew_call *)(uintptr_t)call;
	uint16_t service;

	if (k->incoming || forked(k))
		return k->service_id;
	lane_lock(k->lane);
	service = k->own.service;
	lane_unlock(k->lane);
	return service;
}

uint32_t sinew_call_op(const struct sinew_call *k)
{
	return k->op;
}

struct sinew_session *sinew_call_session(const struct sinew_call *k)
{
	return k->lane->session;
}

void *sinew_call_principal(const struct sinew_call *k)
{
	return k->incoming && k->cred ? k->cred->user : NULL;
}

void *sinew_call_user(const struct sinew_call *k)
{
	return call_user(k);
}

void sinew_call_set_user(struct sinew_call *k, void *user)
{
	call_set_user(k, user);
}
