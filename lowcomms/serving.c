/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/serving.h"

#include <assert.h>

#include "lowcomms/handle.h"
#include "lowcomms/service.h"
#include "proto/ring_out.h"

/* Its functions, before one of them runs. */
static const struct service_ops *tell(struct sinew_session *h)
{
	assert(h->served.is_up && h->node->serving.ops);
	node_calls_back(h->node);
	return h->node->serving.ops;
}

void serving_up(struct sinew_session *h)
{
	struct serving *v = &h->node->serving;
	enum fsm_state state = session_state(&h->session);

	/* By a close our FIN may be queued before the session comes up. */
	if (!h->session.calls.slots || (state != FSM_ESTABLISHED && state != FSM_CLOSE_WAIT))
		return;
	assert(v->ops && !h->served.is_up);
	h->served.is_up = h->served.has_path = true;
	h->served.released = v->ops->released;
	if (v->ops->finishing)
		session_hold_fin(&h->session, true);
	if (v->ops->up)
		tell(h)->up(v->user, h, &h->session.calls);
}

void serving_frame(struct sinew_session *h, const uint8_t *body, size_t len)
{
	struct serving *v = &h->node->serving;

	if (!h->served.is_up)
		return;
	assert(!v->batch || v->batch == h);
	v->batch = h;
	if (v->ops->frame)
		tell(h)->frame(v->user, h, body, len);
}

void serving_batch(struct sinew_session *h)
{
	if (h->node->serving.ops->batch)
		tell(h)->batch(h->node->serving.user, h);
}

void serving_room(struct sinew_session *h)
{
	bool refused;

	if (!h->served.is_up)
		return;
	lock_take(&h->lock, LOCK_HANDLE);
	refused = h->served.refused;
	h->served.refused = false;
	h->served.written = h->session.ring.sent;
	lock_give(&h->lock, LOCK_HANDLE);
	if (refused && h->node->serving.ops->room)
		tell(h)->room(h->node->serving.user, h);
}

void serving_finishing(struct sinew_session *h)
{
	/* It may have been let go meanwhile. */
	if (h->session.fin_hold == FIN_ASKED)
		tell(h)->finishing(h->node->serving.user, h);
}

void serving_finished(struct sinew_session *h)
{
	if (h->served.is_up && h->node->serving.ops->finished)
		tell(h)->finished(h->node->serving.user, h);
}

void serving_path(struct sinew_session *h)
{
	bool has_path = h->session.peer->up != NULL;

	/* One may have taken the place of another. */
	if (!h->served.is_up || h->served.has_path == has_path)
		return;
	h->served.has_path = has_path;
	if (h->node->serving.ops->path)
		tell(h)->path(h->node->serving.user, h, has_path);
}

void serving_paused(struct sinew_session *h)
{
	const struct service_ops *ops = h->node->serving.ops;

	assert(h->paused);
	if (h->served.is_up && ops->paused)
		ops->paused(h->node->serving.user, h);
}

void serving_down(struct sinew_session *h)
{
	struct serving *v = &h->node->serving;
	struct ring *r = &h->session.ring;

	if (!h->served.is_up)
		return;
	assert(h->dead && r->acked_pos <= r->high);
	ring_wipe(r);
	if (v->batch == h)
		v->batch = NULL;
	if (v->ops->down)
		tell(h)->down(v->user, h, r->acked_pos, r->high);
	h->served.is_up = false;
}

void serving_ask(struct sinew_node *n)
{
	const struct service_ops *ops = n->serving.ops;

	n->serving.deadline_ns = ops && ops->deadline ? ops->deadline(n->serving.user) : CORE_NEVER;
}

void serving_tick(struct sinew_node *n)
{
	assert(n->serving.ops && n->core.now_ns >= n->serving.deadline_ns);
	node_calls_back(n);
	if (n->serving.ops->tick)
		n->serving.ops->tick(n->serving.user, n->core.now_ns);
	serving_ask(n);
}

void serving_freed(struct sinew_node *n)
{
	const struct service_ops *ops = n->serving.ops;

	n->serving.ops = NULL;
	if (ops && ops->freed)
		ops->freed(n->serving.user);
}

void serving_stop(struct sinew_node *n, bool forked)
{
	if (n->serving.companion)
		n->serving.companion_ops->stop(n->serving.companion, forked);
}

void serving_gone(struct sinew_node *n)
{
	void *companion = n->serving.companion;

	assert(!n->serving.ops);
	n->serving.companion = NULL;
	if (companion)
		n->serving.companion_ops->freed(companion);
}
