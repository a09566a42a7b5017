/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/lane.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "lowcomms/handle.h"
#include "lowcomms/node.h"
#include "lowcomms/service.h"
#include "services/calls_event.h"
#include "services/calls_tx.h"
#include "services/seal.h"
#include "services/unsent.h"

#define RESERVED	8u	/* slots for services of the library */
#define WINDOWS_GROWN	16u	/* so many calls of a session may have the longest window */

/* ---- memory ---- */

static size_t aligned(size_t n)
{
	return (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static int64_t grow_bytes(const struct sinew_calls_options *opt)
{
	return (int64_t)opt->window * WINDOWS_GROWN;
}

static void configure(struct calls_config *cfg, const struct sinew_calls *o,
		      const struct sinew_session *h, const struct service_grant *theirs)
{
	const struct sinew_calls_options *opt = &o->opt;
	size_t cred_max = service_max(h) - CALL_HEAD_MAX;

	*cfg = (struct calls_config) {
		.ours = o->grant,
		.theirs = *theirs,
		.window_max = opt->window,
		.grow_bytes = grow_bytes(opt),
		.max_queued = opt->max_queued,
		.n_bindings = CALLS_BINDINGS,
		.n_creds = CALLS_CREDS,
		.cred_max = (uint16_t)min_u64(cred_max, CALL_CRED_MAX),
		.reserved = RESERVED,
		.depth_max = CALL_DEPTH_MAX,
	};
}

struct lane *lane_new(struct sinew_calls *o, struct sinew_session *h,
		      const struct service_grant *theirs)
{
	size_t size = aligned(sizeof(struct lane));
	struct calls_config cfg;
	struct lane *l;

	assert(theirs->slots && h);
	configure(&cfg, o, h, theirs);
	l = owner_alloc(o, size + calls_memory(&cfg));
	if (!l)
		return NULL;
	memset(l, 0, sizeof *l);
	l->owner = owner_ref(o);
	l->session = h;
	l->ours = atomic_load(&o->node->incarnation);
	l->theirs = atomic_load(&h->incarnation);
	list_init(&l->handles);
	list_init(&l->all);
	l->stuck_ns = UINT64_MAX;
	calls_init(&l->calls, &cfg, (uint8_t *)l + size, service_now());
	lane_take_options(l);
	return l;
}

void lane_take_options(struct lane *l)
{
	const struct sinew_calls_options *opt = &l->owner->opt;

	assert(opt->slots <= l->calls.cfg.ours.slots);
	calls_set_target(&l->calls, (uint16_t)opt->slots);
	calls_set_window(&l->calls, opt->window, grow_bytes(opt));
}

static void free_creds(struct sinew_cred *c)
{
	while (c) {
		struct sinew_cred *next = c->next;

		cred_free(c);
		c = next;
	}
}

void lane_free_loose(struct lane *l)
{
	struct sinew_cred *c = l->loose;

	if (!c)
		return;
	l->loose = NULL;
	lane_unlock(l);
	free_creds(c);
	lane_lock(l);
}

void lane_free(struct lane *l)
{
	struct sinew_calls *o = l->owner;

	assert(!l->delivers && !l->fin_waits && list_empty(&l->all));
	assert(list_length(&l->handles) == l->spare[0].n + l->spare[1].n);
	list_each(struct sinew_call, k, &l->handles, all) {
		assert(!k->core && k->refs == 1);
		owner_release(o, k);
	}
	free_creds(l->loose);
	/* Plain bytes of the peer may be left in it. */
	if (l->sealed)
		explicit_bzero(l->sealed, (size_t)2 * CALL_PIECE_MAX);
	owner_release(o, l->sealed);
	owner_release(o, l);
	owner_unref(o);
}

/* ---- frames ---- */

static void piece_is_put(struct sinew_call *k, size_t n)
{
	assert(k->core || !n);
	/* It has its slot, which may be free again before somebody asks. */
	call_name(k);
	k->sent += n;
	k->out.n_sealed++;
	if (unsent_any(k))
		unsent_offer(k);
}

static enum service_kind kind_of(const struct calls_out *out)
{
	if (out->secret)
		return SERVICE_SECRET;
	return out->bulk ? SERVICE_BULK : SERVICE_SHORT;
}

static void put_frames(struct lane *l)
{
	struct calls_out out;
	uint64_t end;

	assert(l->calls.cfg.theirs.slots);
	while (calls_frame_out(&l->calls, &out)) {
		struct span parts[] = { { out.head, out.n_head }, out.data };
		size_t len;

		if (out.call && out.call->cred && !seal_piece(l, &out, &parts[1]))
			continue;
		len = out.n_head + parts[1].n;
		/* Without room now, room() comes; else the session takes nothing any more. */
		if (service_put(l->session, parts, 2, len, kind_of(&out), NULL, &end))
			return;
		calls_frame_put(&l->calls, &out, end);
		if (out.call && out.call->user)
			piece_is_put(out.call->user, out.data.n);
	}
}

void lane_put_waiting(struct lane *l)
{
	put_frames(l);
	if (!l->fin_waits || !calls_fin_may_go(&l->calls))
		return;
	l->fin_waits = false;
	calls_fin_gone(&l->calls);
	service_let_go(l->session);
}

void lane_wake(struct lane *l)
{
	lock_order_held(LOCK_SERVICE);
	owner_wake(l->owner, calls_event_waits(&l->calls) || l->loose ? 0 :
		   calls_deadline(&l->calls));
}
