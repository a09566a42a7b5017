/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/call.h"

#include <assert.h>

#include "services/calls_end.h"
#include "services/unread.h"
#include "services/lane.h"
#include "services/unsent.h"
#include "services/service.h"

#define IOV_PARTS_MAX	1024

struct sinew_call *call_alloc(struct lane *l, bool incoming)
{
	struct sinew_call *k;

	lock_order_held(LOCK_SERVICE);
	k = owner_alloc(l->owner, incoming ? offsetof(struct sinew_call, own) : sizeof *k);
	if (!k)
		return NULL;
	call_prepare(l, k, incoming);
	list_append(&l->handles, &k->all);
	return k;
}

struct sinew_session *call_free(struct sinew_call *k)
{
	struct lane *l = k->lane;

	lock_order_held(LOCK_SERVICE);
	assert(!k->core && k->entry.stage == CALL_OUTSIDE && list_empty(&k->entry.waiting));
	unsent_free(k);
	unread_free(k);
	owner_release(l->owner, k->queued);
	k->queued = NULL;
	if (k->cred)
		lane_drop_cred(l, k->cred);
	call_prepare(l, k, k->incoming);
	lane_spare(l, k, k->incoming);
	return lane_unhold(l);
}

void call_give_ref(struct sinew_call *k)
{
	struct lane *l = k->lane;

	lane_lock(l);
	lane_unlock_and_drop(l, call_put_back(k));
}

bool call_iov_lengths(const struct iovec *iov, int n, size_t *ret)
{
	size_t len = 0;

	if (n < 0 || n > IOV_PARTS_MAX || (n && !iov))
		return false;
	for (int i = 0; i < n; i++) {
		if ((!iov[i].iov_base && iov[i].iov_len) || iov[i].iov_len > SSIZE_MAX - len)
			return false;
		len += iov[i].iov_len;
	}
	*ret = len;
	return true;
}

void call_open(struct sinew_call *k, struct call *core)
{
	lock_order_held(LOCK_SERVICE);
	lane_opens(k->lane, k, core);
	k->end.may_lock = !k->incoming && loop_is_inside(&k->lane->owner->node->loop);
	call_name(k);
}

void call_detach(struct sinew_call *k)
{
	lock_order_held(LOCK_SERVICE);
	assert(k->core);
	k->core = NULL;
	unsent_free(k);
}

void call_drop(struct sinew_call *k)
{
	assert(k->core && k->lane->calls.now_ns);
	call_name(k);
	call_let_go(k->core);
	call_detach(k);
}

void call_give_up(struct sinew_call *k, int32_t code)
{
	lock_order_held(LOCK_SERVICE);
	assert(k->core);
	k->aborted = true;
	call_abort(k->core, (uint32_t)code);
}

void call_bad_data(struct sinew_call *k)
{
	call_give_up(k, k->incoming ? SINEW_RXGEN_SS_UNMARSHAL : SINEW_RXGEN_CC_UNMARSHAL);
}

void call_leave(struct sinew_call *k)
{
	if (k->entry.stage == CALL_OUTSIDE)
		return;
	assert(k->incoming && k->service);
	k->entry.stage = CALL_OUTSIDE;
	service_leave(k->lane->owner, k->service, k->entry.extra);
}
