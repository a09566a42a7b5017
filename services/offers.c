/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/offers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/node.h"
#include "proto/wire.h"

static struct topo_offered *offered_of(struct topo_post *p)
{
	return list_entry(p, struct topo_offered, post);
}

static void forget(struct sinew_topo *t, struct topo_post *p)
{
	assert(t->counts.n_offers > 0);
	t->counts.n_offers--;
	post_remove(&t->offers_by_id, p);
	free(offered_of(p));
}

static int send_offer(struct sinew_topo *t, uint32_t id, const uint8_t *bytes, size_t len)
{
	const struct control_head head = {
		.kind = CONTROL_PUBLISH, .id = id, .flags = t->is_local ? CONTROL_QUIET : 0,
	};
	int err = post_send(t, &head, bytes, len);

	if (!err && !t->is_local)
		t->counts.n_pending++;
	return err;
}

int offer_send(struct sinew_topo *t, struct topo_post *p)
{
	assert(post_find(&t->offers_by_id, p->id) == p);
	return send_offer(t, p->id, offered_of(p)->bytes, offered_of(p)->len);
}

/* One that is kept; with a connection, now or not at all. */
static int keep(struct sinew_topo *t, uint32_t id, const uint8_t *bytes, size_t len)
{
	struct topo_offered *o = malloc(sizeof *o + len);
	int err = 0;

	assert(!t->is_local && len <= TOPO_OFFER_MAX);
	if (!o)
		return -ENOMEM;
	o->len = (uint16_t)len;
	memcpy(o->bytes, bytes, len);
	if (t->state == TOPO_LINK_UP)
		err = list_empty(&t->unsent) ? send_offer(t, id, bytes, len) : -EAGAIN;
	if (err == -EAGAIN) {
		free(o);
		return err;
	}
	/* One that is lost meanwhile, or that nobody was there for, is made by offers_again(). */
	post_add(&t->offers_by_id, &t->offers, &o->post, id);
	return 0;
}

int sinew_topo_publish(struct sinew_topo *t, uint32_t type, uint32_t lower, uint32_t upper,
		       enum sinew_scope scope, const void *attr, size_t len, uint64_t *ret_id)
{
	const struct topo_offer offer = {
		.name = { type, lower, upper }, .scope = (uint8_t)scope,
		.attr_len = (uint16_t)len, .attr = attr,
	};
	uint8_t bytes[TOPO_OFFER_MAX];
	uint32_t id;
	int err;

	if (!t || (!attr && len) || type < SINEW_TOPO_TYPE_FIRST || type == SINEW_TOPO_ANY ||
	    lower > upper || (scope != SINEW_SCOPE_NODE && scope != SINEW_SCOPE_CLUSTER))
		return -EINVAL;
	if (len > SINEW_TOPO_ATTR_MAX)
		return -EMSGSIZE;
	if (atomic_load(&node_generation) != t->generation)
		return -ECHILD;
	if (t->counts.n_offers >= TOPO_OFFERS_MAX)
		return -ENOSPC;
	id = post_id(t);
	len = topo_offer_put(bytes, &offer);
	err = t->is_local ? send_offer(t, id, bytes, len) : keep(t, id, bytes, len);
	if (err)
		return err == -EAGAIN || err == -ENOMEM ? err : -ESHUTDOWN;
	t->counts.n_offers++;
	if (ret_id)
		*ret_id = id;
	return 0;
}

int sinew_topo_withdraw(struct sinew_topo *t, uint64_t id)
{
	struct control_head head = { .kind = CONTROL_WITHDRAW };
	struct topo_post *p = NULL;
	uint8_t body[CONTROL_NAMED];
	int err;

	if (!t || !id || id > UINT32_MAX)
		return t ? -ENOENT : -EINVAL;
	if (atomic_load(&node_generation) != t->generation)
		return -ECHILD;
	if (!t->is_local) {
		p = post_find(&t->offers_by_id, (uint32_t)id);
		if (!p)
			return -ENOENT;
	}
	if (p && (t->state != TOPO_LINK_UP || !list_empty(&p->unsent))) {
		forget(t, p);
		return 0;
	}
	head.id = (uint32_t)id;
	head.flags = t->is_local ? CONTROL_QUIET : 0;
	put_le32(body, (uint32_t)id);
	err = post_send(t, &head, body, sizeof body);
	if (err == -EAGAIN || (err && t->is_local))
		return err == -EAGAIN ? err : -ESHUTDOWN;
	if (!p) {
		t->counts.n_offers--;
		return 0;
	}
	t->counts.n_pending += !err;
	forget(t, p);
	return 0;
}

void offer_answered(struct sinew_topo *t, const struct control_head *head)
{
	struct topo_post *p = post_find(&t->offers_by_id, head->id);

	if (!t->is_local)
		t->counts.n_pending -= t->counts.n_pending != 0;
	/* In the same process the server alone knows the ids. */
	if (t->is_local && head->kind == (CONTROL_WITHDRAW | CONTROL_ANSWER) && head->status)
		t->counts.n_offers++;
	if (!head->status || head->kind != (CONTROL_PUBLISH | CONTROL_ANSWER))
		return;
	t->counts.n_refused++;
	t->counts.refusal = head->status;
	if (p)
		forget(t, p);
	else if (t->is_local)
		t->counts.n_offers--;
}

void offers_again(struct sinew_topo *t)
{
	assert(!t->is_local && t->state == TOPO_LINK_UP);
	list_each(struct topo_post, p, &t->offers, all)
		post_wait(t, p);
}

void offers_free(struct sinew_topo *t)
{
	list_each(struct topo_post, p, &t->offers, all)
		forget(t, p);
	assert(list_empty(&t->offers));
}
