/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "topo_check.h"

int topo_init(struct topo *t, const struct topo_config *cfg)
{
	struct topo_source source = {
		.table = &t->table, .log = &t->log, .epoch = cfg->epoch, .own_node = cfg->own_node,
	};
	int r;

	*t = (struct topo){ .cfg = *cfg, .next_pub = cfg->first_pub };
	r = topo_table_init(&t->table, &cfg->memory);
	if (r)
		return r;
	r = topo_log_init(&t->log, &cfg->memory, cfg->limits.log_entries, cfg->first_index);
	if (r) {
		topo_table_fini(&t->table, &cfg->memory);
		return r;
	}
	topo_subs_init(&t->subs, &cfg->memory, &source, cfg->limits.max_subscriptions);
	return 0;
}

void topo_fini(struct topo *t)
{
	topo_subs_fini(&t->subs);
	topo_log_fini(&t->log, &t->cfg.memory);
	topo_table_fini(&t->table, &t->cfg.memory);
}

void topo_owner_init(struct topo_owner *o, const struct topo *t, enum topo_owner_kind kind,
		     uint32_t max)
{
	assert(t->cfg.own_node && kind != TOPO_PEER);
	*o = (struct topo_owner){
		.node = t->cfg.own_node, .incarnation = t->cfg.own_incarnation, .max = max,
		.kind = kind,
	};
	list_init(&o->rows);
}

void topo_owner_init_peer(struct topo_owner *o, uint32_t node, uint64_t incarnation,
			  uint32_t max)
{
	assert(node && max);
	*o = (struct topo_owner){
		.node = node, .incarnation = incarnation, .max = max, .kind = TOPO_PEER,
	};
	list_init(&o->rows);
}

static bool is_node_of(const struct topo_owner *o, const struct topo_offer *offer)
{
	const struct topo_name *n = &offer->name;

	return n->type == TOPO_NODE && n->lower == o->node && n->upper == o->node &&
		offer->scope == TOPO_SCOPE_NODE;
}

static bool is_for_all(const struct topo_offer *offer)
{
	uint32_t type = offer->name.type;

	return offer->scope == TOPO_SCOPE_CLUSTER &&
		(type >= TOPO_TYPE_FIRST || type == TOPO_REACH || type == TOPO_SERVICE);
}

static bool may_publish(const struct topo_owner *o, const struct topo_offer *offer)
{
	switch (o->kind) {
	case TOPO_LIBRARY:	return offer->name.type != TOPO_NODE || is_node_of(o, offer);
	case TOPO_LOCAL:	return offer->name.type >= TOPO_TYPE_FIRST;
	case TOPO_PEER:		return is_for_all(offer) || is_node_of(o, offer);
	}
	return false;
}

static int check(const struct topo_owner *o, const struct topo_offer *offer, uint32_t pub)
{
	const struct topo_name *n = &offer->name;

	if (n->lower > n->upper || n->type == TOPO_TYPE_ANY ||
	    (offer->scope != TOPO_SCOPE_NODE && offer->scope != TOPO_SCOPE_CLUSTER) ||
	    (n->type == TOPO_NODE) != (pub == TOPO_PUB_NODE))
		return -EINVAL;
	if (offer->attr_len > TOPO_ATTR_MAX)
		return -EMSGSIZE;
	return may_publish(o, offer) ? 0 : -EPERM;
}

/* Programs leave room for the library: a session is told whatever they have published. */
static bool has_room(const struct topo *t, const struct topo_owner *o, uint32_t type)
{
	uint32_t n = topo_table_n(&t->table), max = t->cfg.limits.max_publications;

	if (o->n >= o->max && type != TOPO_NODE)
		return false;
	return n < max || (type < TOPO_TYPE_FIRST && n - max < TOPO_RESERVED);
}

/* One more entry of the log. */
static void append(struct topo *t, struct topo_row *row, uintptr_t bits)
{
	struct topo_row *gone = topo_log_make_room(&t->log);

	if (gone) {
		topo_subs_row_goes(&t->subs, gone);
		topo_table_free(&t->cfg.memory, gone);
	}
	topo_log_append(&t->log, row, bits);
	topo_subs_changed(&t->subs);
}

static struct topo_id id_of(const struct topo_owner *o, uint32_t pub)
{
	return (struct topo_id){ .node = o->node, .incarnation = o->incarnation, .pub = pub };
}

/* A row of the table becomes the owner's youngest publication. */
static void show(struct topo *t, struct topo_owner *o, struct topo_row *row)
{
	assert(!row->owner && row->withdrawn == TOPO_NEVER);
	row->owner = o;
	row->published = t->log.next;
	list_append(&o->rows, &row->kin);
	o->n++;
	append(t, row, 0);
	topo_check(&t->subs);
}

int topo_publish(struct topo *t, struct topo_owner *o, const struct topo_offer *offer,
		 uint32_t pub)
{
	struct topo_id id = id_of(o, pub);
	struct topo_row *row;
	int r = check(o, offer, pub);

	if (r)
		return r;
	if (topo_table_find(&t->table, &id))
		return -EEXIST;
	if (!has_room(t, o, offer->name.type))
		return -ENOSPC;
	row = topo_table_add(&t->table, &t->cfg.memory, &id, offer);
	if (!row)
		return -ENOMEM;
	show(t, o, row);
	return 0;
}

/* After the wrap some may be in use. */
static uint32_t free_pub(const struct topo *t, const struct topo_owner *o)
{
	struct topo_id id = id_of(o, t->next_pub);

	while (id.pub == TOPO_PUB_NODE || topo_table_find(&t->table, &id))
		id.pub++;
	return id.pub;
}

int topo_publish_next(struct topo *t, struct topo_owner *o, const struct topo_offer *offer,
		      uint32_t *ret_pub)
{
	uint32_t pub;
	int r;

	assert(o->node == t->cfg.own_node && o->kind != TOPO_PEER);
	pub = free_pub(t, o);
	r = topo_publish(t, o, offer, pub);
	if (r)
		return r;
	t->next_pub = pub + 1;
	*ret_pub = pub;
	return 0;
}

static void withdraw(struct topo *t, struct topo_row *row, uintptr_t bits)
{
	assert(row->owner->n && row->withdrawn == TOPO_NEVER);
	row->owner->n--;
	row->owner = NULL;
	list_remove(&row->kin);
	topo_table_hide(&t->table, row);
	row->withdrawn = t->log.next;
	append(t, row, TOPO_LOG_WITHDRAWN | bits);
}

int topo_withdraw(struct topo *t, struct topo_owner *o, uint32_t pub)
{
	struct topo_id id = id_of(o, pub);
	struct topo_row *row = topo_table_find(&t->table, &id);

	if (!row)
		return -ENOENT;
	if (row->owner != o)
		return -EPERM;
	withdraw(t, row, 0);
	topo_check(&t->subs);
	return 0;
}

int topo_change(struct topo *t, struct topo_owner *o, uint32_t pub, const uint8_t *attr,
		size_t len)
{
	struct topo_id id = id_of(o, pub);
	struct topo_row *was = topo_table_find(&t->table, &id), *row;
	struct topo_offer offer;

	if (!was)
		return -ENOENT;
	if (was->owner != o)
		return -EPERM;
	if (len > TOPO_ATTR_MAX)
		return -EMSGSIZE;
	offer = topo_row_offer(was);
	offer.attr = attr;
	offer.attr_len = (uint16_t)len;
	if (topo_row_says(was, &offer))
		return 0;
	row = topo_table_add(&t->table, &t->cfg.memory, &id, &offer);
	if (!row)
		return -ENOMEM;
	withdraw(t, was, TOPO_LOG_GROUP);
	show(t, o, row);
	return 0;
}

void topo_leave(struct topo *t, struct topo_owner *o)
{
	struct list nodes;

	list_init(&nodes);
	list_each(struct topo_row, row, &o->rows, kin) {
		if (row->name.type != TOPO_NODE)
			continue;
		list_remove(&row->kin);
		list_append(&nodes, &row->kin);
	}
	while (!list_empty(&nodes)) {
		struct list *e = nodes.next;

		list_remove(e);
		list_append(&o->rows, e);
	}
	while (!list_empty(&o->rows))
		withdraw(t, list_first(&o->rows, struct topo_row, kin),
			 o->n > 1 ? TOPO_LOG_GROUP : 0);
	assert(!o->n);
	topo_check(&t->subs);
}
