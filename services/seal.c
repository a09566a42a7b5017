/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/seal.h"

#include <assert.h>

#include "services/calls_end.h"
#include "services/calls_event.h"
#include "services/calls_tx.h"

bool seal_prepare(struct lane *l, const struct sinew_cred *c)
{
	lock_order_held(LOCK_SERVICE);
	if (!cred_seals(c) || l->sealed)
		return true;
	/* To seal in, and to open in. */
	l->sealed = owner_alloc(l->owner, (size_t)2 * CALL_PIECE_MAX);
	if (!l->sealed)
		return false;
	l->opened = l->sealed + CALL_PIECE_MAX;
	return true;
}

static struct sinew_piece piece_of(const struct lane *l, const struct sinew_call *k, bool out)
{
	const struct call *core = k->core;

	assert(k->id && core);
	return (struct sinew_piece) {
		.caller = core->incoming ? l->theirs : l->ours,
		.called = core->incoming ? l->ours : l->theirs,
		.call = k->id,
		.op = core->op,
		.reply = core->incoming == out,
	};
}

static void distrust(struct sinew_call *k)
{
	k->end.distrusted = k->aborted = true;
	if (k->core)
		call_distrust(k->core);
}

bool seal_piece(struct lane *l, const struct calls_out *out, struct span *ret)
{
	struct sinew_call *k = out->call->user;
	const struct sinew_cred *c = k->cred;
	struct sinew_piece piece;

	lock_order_held(LOCK_SERVICE);
	if (!cred_seals(c))
		return true;
	call_name(k);
	piece = piece_of(l, k, true);
	piece.index = k->out.n_sealed;
	piece.last = out->call->tx.last && out->data.n == out->call->tx.offered.n;
	assert(out->data.n + c->ops.extra <= CALL_PIECE_MAX);
	if (c->ops.seal(&piece, out->data.p, out->data.n, l->sealed, c->user)) {
		distrust(k);
		return false;
	}
	*ret = (struct span) { l->sealed, out->data.n + c->ops.extra };
	return true;
}

bool open_piece(struct lane *l, struct sinew_call *k, struct calls_event *ev)
{
	const struct sinew_cred *c = k->cred;
	struct span sealed = ev->data;
	struct sinew_piece piece;

	lock_order_held(LOCK_SERVICE);
	if (!cred_seals(c))
		return true;
	ev->data = (struct span) { l->opened, sealed.n - c->ops.extra };
	if (k->returned || k->aborted)
		return true;
	piece = piece_of(l, k, false);
	piece.index = k->in.n_opened++;
	piece.last = ev->last;
	if (c->ops.open(&piece, sealed.p, sealed.n, l->opened, c->user)) {
		distrust(k);
		call_consumed(ev->call, ev->data.n);
		return false;
	}
	return ev->data.n || ev->last;
}
