/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/follow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "lowcomms/node.h"
#include "lowcomms/service.h"
#include "proto/wire.h"
#include "services/heap.h"
#include "services/sized.h"

#define FLAGS		(SINEW_TOPO_EDGE | SINEW_TOPO_STRICT | SINEW_TOPO_RESUME)
#define FILTER_MIN	offsetof(struct sinew_topo_filter, from)

_Static_assert(SINEW_TOPO_EDGE == TOPO_REQ_EDGE && SINEW_TOPO_STRICT == TOPO_REQ_STRICT &&
	       SINEW_TOPO_RESUME == TOPO_REQ_RESUME, "flags");

static struct sinew_subscription *sub_of(struct topo_post *p)
{
	return list_entry(p, struct sinew_subscription, post);
}

static struct sinew_subscription *find(struct sinew_topo *t, uint32_t id)
{
	struct topo_post *p = post_find(&t->follows_by_id, id);

	assert(!p || sub_of(p)->topo == t);
	return p ? sub_of(p) : NULL;
}

static void forget(struct sinew_subscription *sub)
{
	struct sinew_topo *t = sub->topo;

	assert(!t->dispatches && t->counts.n_follows);
	t->counts.n_follows--;
	post_remove(&t->follows_by_id, &sub->post);
	topo_view_fini(&sub->view);
	free(sub);
}

/* It was cancelled, and the server knows, or is not to. Others may be looking at it in a
 * dispatch. */
static void bury(struct sinew_subscription *sub)
{
	assert(sub->cancelled);
	sub->asked = false;
	list_remove(&sub->post.unsent);
	if (sub->topo->dispatches)
		sub->topo->has_dead = true;
	else
		forget(sub);
}

void follows_bury(struct sinew_topo *t)
{
	if (!t->has_dead)
		return;
	t->has_dead = false;
	list_each(struct topo_post, p, &t->follows, all)
		if (sub_of(p)->cancelled && !sub_of(p)->asked)
			forget(sub_of(p));
}

/* ---- to the user ---- */

/* False: it has cancelled it meanwhile. */
static bool tell(struct sinew_subscription *sub, struct sinew_topo_msg *msg)
{
	struct sinew_topo *t = sub->topo;

	assert(!sub->ended && !sub->cancelled && t->dispatches);
	msg->size = sizeof *msg;
	msg->usr = sub->view.cfg.request.usr;
	msg->position = (struct sinew_position) {
		sub->view.position.epoch, sub->view.position.index,
	};
	sub->n_events++;
	t->counts.n_events++;
	sub->n_collapsed += msg->collapsed;
	t->counts.n_collapsed += msg->collapsed;
	msg->n_collapsed = sub->n_collapsed;
	sub->fn(sub, msg, sub->user);
	return !sub->cancelled;
}

static bool tell_end(struct sinew_subscription *sub, enum sinew_topo_event event, int err)
{
	struct sinew_topo_msg msg = { .event = event, .error = err };
	bool there = tell(sub, &msg);

	assert(event != SINEW_TOPO_PUBLISHED && event != SINEW_TOPO_WITHDRAWN);
	if (!there)
		return false;
	assert(sub->topo->state == TOPO_LINK_OVER || list_empty(&sub->post.unsent));
	sub->ended = true;
	sub->asked = false;
	return true;
}

static bool tell_change(struct sinew_subscription *sub, const struct topo_told *told)
{
	const struct topo_row *row = told->row;
	const struct sinew_publication publication = {
		.size = sizeof publication, .type = row->name.type, .lower = row->name.lower,
		.upper = row->name.upper, .scope = (enum sinew_scope)row->scope,
		.node = row->id.node, .pub = row->id.pub, .incarnation = row->id.incarnation,
		.attr = row->attr, .attr_len = row->attr_len,
	};
	struct sinew_topo_msg msg = {
		.event = told->what == TOPO_TOLD_PUBLISHED ? SINEW_TOPO_PUBLISHED :
			SINEW_TOPO_WITHDRAWN,
		.publication = &publication, .collapsed = told->collapsed, .first = told->first,
		.group = told->group,
	};

	return tell(sub, &msg);
}

static bool tell_one(struct sinew_subscription *sub, const struct topo_told *told)
{
	struct sinew_topo_msg current = { .event = SINEW_TOPO_CURRENT, .first = told->first };

	switch (told->what) {
	case TOPO_TOLD_PUBLISHED:
	case TOPO_TOLD_WITHDRAWN:
		return tell_change(sub, told);
	case TOPO_TOLD_CURRENT:
		return tell(sub, &current);
	case TOPO_TOLD_TIMEOUT:
		return tell_end(sub, SINEW_TOPO_TIMEOUT, 0) && false;
	case TOPO_TOLD_OVERRUN:
		return tell_end(sub, SINEW_TOPO_OVERRUN, 0) && false;
	}
	return false;
}

/* ---- to the server ---- */

static int send_cancel(struct sinew_topo *t, uint32_t id)
{
	const struct control_head head = { .kind = CONTROL_CANCEL, .id = id };
	uint8_t body[CONTROL_NAMED];
	int err;

	assert(id);
	put_le32(body, id);
	err = post_send(t, &head, body, sizeof body);
	if (!err)
		t->counts.n_pending++;
	return err;
}

static uint32_t left_ms(const struct sinew_subscription *sub)
{
	uint64_t now = service_now();

	if (sub->until_ns == UINT64_MAX)
		return TOPO_TIMEOUT_NONE;
	return sub->until_ns <= now ? 0 : (uint32_t)((sub->until_ns - now + 999999u) / 1000000u);
}

int follow_send(struct sinew_topo *t, struct topo_post *p)
{
	struct sinew_subscription *sub = sub_of(p);
	const struct control_head head = { .kind = CONTROL_SUBSCRIBE, .id = p->id };
	uint8_t body[TOPO_REQUEST_LEN];
	struct topo_request request;
	int err;

	if (sub->cancelled) {
		err = sub->asked ? send_cancel(t, p->id) : 0;
		if (err != -EAGAIN)
			bury(sub);
		return err;
	}
	assert(!sub->asked && !sub->ended);
	topo_view_request(&sub->view, &request);
	request.timeout_ms = left_ms(sub);
	topo_request_put(body, &request);
	err = post_send(t, &head, body, sizeof body);
	if (err)
		return err;
	sub->asked = true;
	t->counts.n_pending++;
	return 0;
}

/* After an invalid event of the server, or without memory: subscribes again under another id. The
 * view keeps its position. */
static void ask_again(struct sinew_subscription *sub)
{
	struct sinew_topo *t = sub->topo;
	uint32_t id = sub->post.id;

	assert(sub->asked && !sub->cancelled);
	topo_view_lost(&sub->view);
	post_remove(&t->follows_by_id, &sub->post);
	/* Events for the old id are ignored; without room its end comes with the connection's. */
	send_cancel(t, id);
	sub->asked = false;
	post_add(&t->follows_by_id, &t->follows, &sub->post, post_id(t));
	post_wait(t, &sub->post);
}

/* ---- from the server ---- */

/* False: it was under way when the subscription was cancelled, or a server sends what nobody has
 * asked for. */
static bool is_expected(const struct sinew_subscription *sub)
{
	return sub && sub->asked && !sub->cancelled && !sub->ended;
}

unsigned follow_answered(struct sinew_topo *t, const struct control_head *head)
{
	struct sinew_subscription *sub = find(t, head->id);

	t->counts.n_pending -= t->counts.n_pending != 0;
	if (!head->status || head->kind != (CONTROL_SUBSCRIBE | CONTROL_ANSWER) ||
	    !is_expected(sub))
		return 0;
	sub->asked = false;
	tell_end(sub, SINEW_TOPO_REFUSED, head->status);
	return 1;
}

/* False: nothing more can be said to it. */
static bool take_event(struct sinew_subscription *sub, const struct topo_event *event,
		       unsigned *n_told)
{
	struct topo_told told;

	assert(sub->asked && !sub->ended);
	if (event->what == TOPO_SNAPSHOT)
		sub->n_snapshots++;
	if (topo_view_event(&sub->view, event)) {
		ask_again(sub);
		return false;
	}
	while (topo_view_next(&sub->view, &told)) {
		++*n_told;
		if (!tell_one(sub, &told))
			return false;
	}
	return true;
}

unsigned follow_events(struct sinew_topo *t, uint32_t id, const uint8_t *body, size_t len)
{
	struct sinew_subscription *sub = find(t, id);
	unsigned n_told = 0;

	if (!is_expected(sub) || len < CONTROL_NEWEST)
		return 0;
	sub->newest = get_le64(body);
	body += CONTROL_NEWEST;
	len -= CONTROL_NEWEST;
	while (len) {
		struct topo_event event;
		int n = topo_event_parse(body, len, &event);

		if (n < 0) {
			ask_again(sub);
			return n_told;
		}
		if (!take_event(sub, &event, &n_told))
			return n_told;
		body += n;
		len -= (size_t)n;
	}
	return n_told;
}

unsigned follows_lost(struct sinew_topo *t, int err)
{
	unsigned n_told = 0;

	/* While it connects for the first time nothing is dispatched, and nothing followed. */
	assert((t->dispatches || list_empty(&t->follows)) && t->fd < 0);
	list_each(struct topo_post, p, &t->follows, all) {
		struct sinew_subscription *sub = sub_of(p);
		struct sinew_topo_msg msg = { .event = SINEW_TOPO_LOST, .error = err };

		if (sub->cancelled)
			bury(sub);
		if (sub->cancelled || sub->ended)
			continue;
		sub->asked = false;
		topo_view_lost(&sub->view);
		n_told++;
		if (t->is_local)
			tell_end(sub, SINEW_TOPO_LOST, err);
		else
			tell(sub, &msg);
	}
	return n_told;
}

void follows_again(struct sinew_topo *t)
{
	assert(t->state == TOPO_LINK_UP);
	list_each(struct topo_post, p, &t->follows, all)
		if (!sub_of(p)->ended && !sub_of(p)->cancelled)
			post_wait(t, p);
}

void follows_free(struct sinew_topo *t)
{
	list_each(struct topo_post, p, &t->follows, all)
		forget(sub_of(p));
	assert(list_empty(&t->follows) && !t->counts.n_follows);
}

/* ---- the user's ---- */

static bool is_valid(const struct sinew_topo_filter *f)
{
	return f->lower <= f->upper && !(f->flags & ~FLAGS) &&
		(!(f->flags & SINEW_TOPO_EDGE) || !(f->flags & SINEW_TOPO_RESUME)) &&
		(unsigned)f->scope <= SINEW_SCOPE_CLUSTER &&
		(f->type != SINEW_TOPO_ANY || (!f->lower && f->upper == UINT32_MAX));
}

static int sub_new(struct sinew_topo *t, const struct sinew_topo_filter *f,
		   struct sinew_subscription **ret)
{
	struct topo_view_config cfg = {
		.request = {
			.flags = (uint8_t)f->flags, .scope = (uint8_t)f->scope,
			.name = { f->type, f->lower, f->upper }, .node = f->node, .usr = f->usr,
			.timeout_ms = f->timeout_ms < 0 ? TOPO_TIMEOUT_NONE :
				(uint32_t)f->timeout_ms,
		},
		.memory = heap_memory, .max_rows = UINT32_MAX, .server_node = t->server.nodeid,
	};
	struct sinew_subscription *sub = calloc(1, sizeof *sub);
	int err;

	if (!sub)
		return -ENOMEM;
	if (f->flags & SINEW_TOPO_RESUME)
		cfg.request.from = (struct topo_position) { f->from.epoch, f->from.index };
	err = topo_view_init(&sub->view, &cfg);
	if (err) {
		free(sub);
		return err;
	}
	sub->topo = t;
	sub->until_ns = f->timeout_ms < 0 ? UINT64_MAX :
		service_now() + (uint64_t)f->timeout_ms * 1000000u;
	*ret = sub;
	return 0;
}

int sinew_topo_subscribe(struct sinew_topo *t, const struct sinew_topo_filter *given,
			 sinew_topo_fn fn, void *user, struct sinew_subscription **ret_sub)
{
	struct sinew_subscription *sub;
	struct sinew_topo_filter f;
	int err;

	if (!t || !given || !fn || !sized_take(&f, sizeof f, given, FILTER_MIN) || !is_valid(&f))
		return -EINVAL;
	if (atomic_load(&node_generation) != t->generation)
		return -ECHILD;
	if (t->state == TOPO_LINK_OVER)
		return -ESHUTDOWN;
	if (t->counts.n_follows >= TOPO_FOLLOWS_MAX)
		return -ENOSPC;
	err = sub_new(t, &f, &sub);
	if (err)
		return err;
	sub->fn = fn;
	sub->user = user;
	post_add(&t->follows_by_id, &t->follows, &sub->post, post_id(t));
	t->counts.n_follows++;
	if (!list_empty(&t->unsent) || follow_send(t, &sub->post))
		post_wait(t, &sub->post);
	if (ret_sub)
		*ret_sub = sub;
	return 0;
}

int sinew_topo_cancel(struct sinew_subscription *sub)
{
	struct sinew_topo *t = sub ? sub->topo : NULL;

	if (!sub || sub->cancelled || atomic_load(&node_generation) != t->generation)
		return 0;
	sub->cancelled = true;
	if (sub->asked && !sub->ended && t->state == TOPO_LINK_UP &&
	    send_cancel(t, sub->post.id) == -EAGAIN) {
		post_wait(t, &sub->post);
		return 0;
	}
	bury(sub);
	return 0;
}

int sinew_subscription_status(const struct sinew_subscription *sub,
			      struct sinew_subscription_status *ret)
{
	struct sinew_subscription_status st = { .size = sizeof st };
	uint64_t at;

	if (!sub || !ret || ret->size < sizeof ret->size)
		return -EINVAL;
	at = sub->view.position.index;
	st.current = sub->asked && sub->view.phase == TOPO_VIEW_TAIL;
	st.ended = sub->ended;
	st.position = (struct sinew_position) { sub->view.position.epoch, at };
	st.lag = st.current && sub->newest > at ? sub->newest - at : 0;
	st.n_events = sub->n_events;
	st.n_collapsed = sub->n_collapsed;
	st.n_snapshots = sub->n_snapshots;
	sized_give(ret, &st, sizeof st);
	return 0;
}
