/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the layout of topology requests, publications and events. Knows nothing of tables.
 */
#include "topo_wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "proto/wire.h"

_Static_assert(TOPO_EVENT_HEAD % 8 == 0 && TOPO_ATTR_MAX % 8 == 0, "events are padded to 8");
_Static_assert(TOPO_OFFER_MAX <= UINT16_MAX && TOPO_EVENT_MAX <= UINT16_MAX, "a size has 16 bits");

static struct topo_name get_name(const uint8_t *p)
{
	return (struct topo_name){
		.type = get_le32(p), .lower = get_le32(p + 4), .upper = get_le32(p + 8),
	};
}

static void put_name(uint8_t *p, const struct topo_name *name)
{
	put_le32(p, name->type);
	put_le32(p + 4, name->lower);
	put_le32(p + 8, name->upper);
}

static bool is_range(const struct topo_name *name)
{
	return name->lower <= name->upper;
}

static bool is_scope(uint8_t scope)
{
	return scope == TOPO_SCOPE_NODE || scope == TOPO_SCOPE_CLUSTER;
}

/* It may be asked for. */
static bool request_is_valid(const struct topo_request *r)
{
	const struct topo_name *n = &r->name;

	if (r->flags & ~TOPO_REQ_FLAGS || r->scope > TOPO_SCOPE_CLUSTER || !is_range(n))
		return false;
	return n->type != TOPO_TYPE_ANY || (n->lower == 0 && n->upper == UINT32_MAX);
}

int topo_request_parse(const uint8_t *p, size_t len, struct topo_request *ret)
{
	struct topo_request r;

	if (len != TOPO_REQUEST_LEN || get_le16(p) != TOPO_REQUEST_LEN)
		return -EBADMSG;
	if (p[2] != TOPO_VERSION)
		return -EPROTONOSUPPORT;
	r = (struct topo_request){
		.flags = p[3], .name = get_name(p + 4), .node = get_le32(p + 16), .scope = p[20],
		.timeout_ms = get_le32(p + 24), .usr = get_le64(p + 32),
		.from = { .epoch = get_le64(p + 40), .index = get_le64(p + 48) },
	};
	if (!request_is_valid(&r))
		return -EINVAL;
	*ret = r;
	return 0;
}

void topo_request_put(uint8_t *p, const struct topo_request *r)
{
	assert(request_is_valid(r));
	memset(p, 0, TOPO_REQUEST_LEN);
	put_le16(p, TOPO_REQUEST_LEN);
	p[2] = TOPO_VERSION;
	p[3] = r->flags;
	put_name(p + 4, &r->name);
	put_le32(p + 16, r->node);
	p[20] = r->scope;
	put_le32(p + 24, r->timeout_ms);
	put_le64(p + 32, r->usr);
	put_le64(p + 40, r->from.epoch);
	put_le64(p + 48, r->from.index);
}

bool topo_request_takes(const struct topo_request *r, const struct topo_name *name, uint8_t scope,
			uint32_t node, uint32_t own_node)
{
	if (r->name.type != TOPO_TYPE_ANY && name->type != r->name.type)
		return false;
	if (name->upper < r->name.lower || name->lower > r->name.upper)
		return false;
	if (r->scope != TOPO_SCOPE_ANY && scope != r->scope)
		return false;
	if (r->flags & TOPO_REQ_OWN && node != own_node)
		return false;
	return !r->node || node == r->node;
}

int topo_offer_parse(const uint8_t *p, size_t len, struct topo_offer *ret)
{
	struct topo_name name;
	uint32_t attr_len;

	if (len < TOPO_OFFER_HEAD || get_le16(p) != len)
		return -EBADMSG;
	if (p[2] != TOPO_VERSION)
		return -EPROTONOSUPPORT;
	attr_len = get_le32(p + 20);
	if (attr_len != len - TOPO_OFFER_HEAD)
		return -EBADMSG;
	if (attr_len > TOPO_ATTR_MAX)
		return -EMSGSIZE;
	name = get_name(p + 4);
	if (!is_scope(p[16]) || !is_range(&name) || name.type == TOPO_TYPE_ANY)
		return -EINVAL;
	*ret = (struct topo_offer){
		.name = name, .scope = p[16], .attr_len = (uint16_t)attr_len,
		.attr = p + TOPO_OFFER_HEAD,
	};
	return 0;
}

size_t topo_offer_put(uint8_t *p, const struct topo_offer *o)
{
	size_t size = TOPO_OFFER_HEAD + o->attr_len;

	assert(o->attr_len <= TOPO_ATTR_MAX && is_scope(o->scope) && is_range(&o->name));
	memset(p, 0, TOPO_OFFER_HEAD);
	put_le16(p, (uint16_t)size);
	p[2] = TOPO_VERSION;
	put_name(p + 4, &o->name);
	p[16] = o->scope;
	put_le32(p + 20, o->attr_len);
	if (o->attr_len)
		memcpy(p + TOPO_OFFER_HEAD, o->attr, o->attr_len);
	return size;
}

/* It is about one publication. */
static bool is_change(uint8_t what)
{
	return what == TOPO_PUBLISHED || what == TOPO_WITHDRAWN;
}

static bool event_is_valid(const struct topo_event *e)
{
	if (e->what < TOPO_PUBLISHED || e->what > TOPO_OVERRUN)
		return false;
	if (!is_change(e->what))
		return e->attr_len == 0;
	return is_scope(e->scope) && is_range(&e->name) && e->name.type != TOPO_TYPE_ANY;
}

static struct topo_event get_event(const uint8_t *p)
{
	struct topo_event e = {
		.what = p[2], .flags = p[3] & (TOPO_EV_GROUP | TOPO_EV_OF_SNAPSHOT),
		.incarnation = get_le64(p + 24), .position = get_le64(p + 32),
		.usr = get_le64(p + 40), .attr_len = (uint16_t)get_le32(p + 52),
		.attr = p + TOPO_EVENT_HEAD,
	};

	if (e.what == TOPO_SNAPSHOT_END)
		e.n_skipped = get_le64(p + 8);
	if (!is_change(e.what))
		return e;
	e.name = get_name(p + 4);
	e.node = get_le32(p + 16);
	e.pub = get_le32(p + 20);
	e.scope = p[48];
	return e;
}

int topo_event_parse(const uint8_t *p, size_t len, struct topo_event *ret)
{
	struct topo_event e;
	uint32_t attr_len;

	if (len < TOPO_EVENT_HEAD)
		return -EAGAIN;
	attr_len = get_le32(p + 52);
	if (attr_len > TOPO_ATTR_MAX || get_le16(p) != topo_event_size(attr_len))
		return -EBADMSG;
	e = get_event(p);
	if (!event_is_valid(&e))
		return -EBADMSG;
	if (len < topo_event_size(attr_len))
		return -EAGAIN;
	*ret = e;
	return (int)topo_event_size(attr_len);
}

size_t topo_event_put(uint8_t *p, const struct topo_event *e)
{
	size_t size = topo_event_size(e->attr_len);

	assert(event_is_valid(e) && e->attr_len <= TOPO_ATTR_MAX);
	memset(p, 0, TOPO_EVENT_HEAD);
	memset(p + size - 8, 0, 8);
	put_le16(p, (uint16_t)size);
	p[2] = e->what;
	p[3] = e->flags;
	put_le64(p + 24, e->incarnation);
	put_le64(p + 32, e->position);
	put_le64(p + 40, e->usr);
	if (e->what == TOPO_SNAPSHOT_END)
		put_le64(p + 8, e->n_skipped);
	if (!is_change(e->what))
		return size;
	put_name(p + 4, &e->name);
	put_le32(p + 16, e->node);
	put_le32(p + 20, e->pub);
	p[48] = e->scope;
	put_le32(p + 52, e->attr_len);
	if (e->attr_len)
		memcpy(p + TOPO_EVENT_HEAD, e->attr, e->attr_len);
	return size;
}
