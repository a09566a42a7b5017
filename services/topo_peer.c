/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo_peer.h"

#include <assert.h>
#include <errno.h>

int topo_peer_init(struct topo_peer *p, struct topo *t, uint32_t node, uint64_t incarnation,
		   uint32_t max)
{
	struct topo_view_config cfg = {
		.request = {
			.name = { .type = TOPO_TYPE_ANY, .upper = UINT32_MAX },
			.flags = TOPO_REQ_OWN, .scope = TOPO_SCOPE_CLUSTER,
			.timeout_ms = TOPO_TIMEOUT_NONE,
		},
		.memory = t->cfg.memory, .max_rows = max, .server_node = node,
	};

	assert(node != t->cfg.own_node && max < UINT32_MAX);
	p->topo = t;
	topo_owner_init_peer(&p->owner, node, incarnation, max + 1);
	return topo_view_init(&p->view, &cfg);
}

void topo_peer_fini(struct topo_peer *p)
{
	assert(p->owner.kind == TOPO_PEER);
	topo_leave(p->topo, &p->owner);
	topo_view_fini(&p->view);
}

void topo_peer_request(const struct topo_peer *p, struct topo_request *ret)
{
	topo_view_request(&p->view, ret);
}

/* The identity is the session's, and NODE is ours to publish. */
static bool is_the_peers(const struct topo_peer *p, const struct topo_event *e)
{
	if (e->what != TOPO_PUBLISHED && e->what != TOPO_WITHDRAWN)
		return true;
	return e->node == p->owner.node && e->incarnation == p->owner.incarnation &&
		e->pub != TOPO_PUB_NODE && e->name.type != TOPO_NODE;
}

static int publish(struct topo_peer *p, const struct topo_row *row)
{
	struct topo_offer offer = topo_row_offer(row);
	int r = topo_publish(p->topo, &p->owner, &offer, row->id.pub);

	assert(r != -EEXIST && r != -EMSGSIZE);
	if (r)
		topo_view_refuse(&p->view);
	return r == -EPERM || r == -EINVAL ? -EPROTO : r;
}

static int apply(struct topo_peer *p, const struct topo_told *told)
{
	int r;

	if (told->what == TOPO_TOLD_PUBLISHED)
		return publish(p, told->row);
	if (told->what != TOPO_TOLD_WITHDRAWN)
		return 0;
	r = topo_withdraw(p->topo, &p->owner, told->row->id.pub);
	assert(!r);
	return r;
}

int topo_peer_event(struct topo_peer *p, const struct topo_event *e)
{
	struct topo_told told;
	int r, first;

	if (!is_the_peers(p, e))
		return -EPROTO;
	first = topo_view_event(&p->view, e);
	while (topo_view_next(&p->view, &told)) {
		r = apply(p, &told);
		if (!first)
			first = r;
	}
	return first;
}

void topo_peer_lost(struct topo_peer *p)
{
	topo_view_lost(&p->view);
}
