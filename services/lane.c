/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/lane.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "lowcomms/service.h"
#include "services/calls_event.h"
#include "services/unsent.h"

#define RESERVED	8u	/* slots for services of the library */
#define WINDOWS_GROWN	16u	/* so many calls of a session may have the longest window */

/* ---- memory ---- */

static size_t aligned(size_t n)
{
	return (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static void configure(struct calls_config *cfg, const struct sinew_calls *o,
		      const struct service_grant *theirs)
{
	const struct sinew_calls_options *opt = &o->opt;

	*cfg = (struct calls_config) {
		.ours = o->grant,
		.theirs = *theirs,
		.window_max = opt->window,
		.grow_bytes = (uint64_t)opt->window * WINDOWS_GROWN,
		.max_queued = opt->max_queued,
		.n_bindings = CALLS_BINDINGS,
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
	configure(&cfg, o, theirs);
	l = owner_alloc(o, size + calls_memory(&cfg));
	if (!l)
		return NULL;
	memset(l, 0, sizeof *l);
	l->owner = owner_ref(o);
	l->session = h;
	list_init(&l->handles);
	list_init(&l->spare);
	list_init(&l->all);
	calls_init(&l->calls, &cfg, (uint8_t *)l + size, service_now());
	return l;
}

void lane_free(struct lane *l)
{
	struct sinew_calls *o = l->owner;

	assert(!l->delivers && !l->fin_waits);
	assert(list_empty(&l->handles) && list_empty(&l->all));
	list_each(struct sinew_call, k, &l->spare, all)
		owner_release(o, k);
	owner_release(o, l);
	owner_unref(o);
}

/* ---- frames ---- */

static void piece_is_put(struct sinew_call *k, size_t n)
{
	assert(k->core || !n);
	k->sent += n;
	if (unsent_any(k))
		unsent_offer(k);
}

static void put_frames(struct lane *l)
{
	struct calls_out out;
	uint64_t end;

	assert(l->calls.cfg.theirs.slots);
	while (calls_frame_out(&l->calls, &out)) {
		struct span parts[] = { { out.head, out.n_head }, out.data };
		size_t len = out.n_head + out.data.n;

		/* Without room now, room() comes; else the session takes nothing any more. */
		if (service_put(l->session, parts, 2, len, out.bulk, NULL, &end))
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
	owner_wake(l->owner, calls_event_waits(&l->calls) ? 0 : calls_deadline(&l->calls));
}
