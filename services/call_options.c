/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/call_options.h"

#include <assert.h>
#include <string.h>

#include "lowcomms/service.h"
#include "services/lane.h"

#define QUEUED_MAX	32768u
#define SEND_BYTES_MAX	(1024u * 1024 * 1024)

/* ---- at the start ---- */

void sinew_calls_options_init(struct sinew_calls_options *opt, size_t size)
{
	const struct sinew_calls_options all = {
#define NUMBER(key, field, standard, ...)	.field = (standard),
#include "services/call_options.def"
		.size = size, .max_queued = 1024, .deadline_ms = 30000, .send_bytes = 64 * 1024,
	};

	memset(opt, 0, size);
	memcpy(opt, &all, size < sizeof all ? size : sizeof all);
}

/* The defaults, in place of 0. */
static void complete(struct sinew_calls_options *opt, const struct sinew_calls_options *given)
{
	struct sinew_calls_options all;

	SINEW_CALLS_OPTIONS_INIT(&all);
	*opt = all;
	if (!given)
		return;
	memcpy(opt, given, given->size < sizeof *opt ? given->size : sizeof *opt);
	opt->slots = opt->slots ? opt->slots : all.slots;
	opt->window = opt->window ? opt->window : all.window;
	opt->max_queued = opt->max_queued ? opt->max_queued : all.max_queued;
	opt->deadline_ms = opt->deadline_ms ? opt->deadline_ms : all.deadline_ms;
	opt->send_bytes = opt->send_bytes ? opt->send_bytes : all.send_bytes;
}

static bool in_range(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most;
}

bool call_options_take(struct sinew_calls_options *ret, const struct sinew_calls_options *given)
{
	bool valid;

	complete(ret, given);
	valid = ret->max_queued <= QUEUED_MAX && !ret->alloc == !ret->release &&
		in_range(ret->send_bytes, CALL_PIECE_MAX, SEND_BYTES_MAX);
#define NUMBER(key, field, standard, least, most, ...) \
	valid = valid && in_range(ret->field, least, most);
#include "services/call_options.def"
	return valid;
}

/* ---- in a node that runs ---- */

enum place {
#define NUMBER(key, field, ...)	AT_##field,
#include "services/call_options.def"
	N_PLACES
};

static const struct service_option table[] = {
#define LIVE	false
#define LESS	true
#define NUMBER(key, field, normal, low, high, in, change, says) \
	[AT_##field] = { .name = "calls." #field, .unit = (in), .meaning = (says), \
			 .standard = (normal), .least = (low), .most = (high), \
			 .only_less = (change) },
#include "services/call_options.def"
};

static_assert(N_PLACES <= SERVICE_OPTIONS_MAX, "more options than a service may have");

void call_options_show(struct sinew_calls *o)
{
	const uint64_t values[] = {
#define NUMBER(key, field, ...)	[AT_##field] = o->opt.field,
#include "services/call_options.def"
	};

	assert(o->grant.slots == o->opt.slots);
	service_options(o->node, table, values, N_PLACES);
}

/* New sessions have them from their begin. */
static void change_lane(struct lane *l)
{
	lane_lock(l);
	lane_take_options(l);
	lane_settle(l);
	lane_unlock(l);
}

void call_options_change(void *user, unsigned index, uint64_t value)
{
	struct sinew_calls *o = user;

	assert(index < N_PLACES && value >= table[index].least && value <= table[index].most);
	if (index == AT_slots)
		o->opt.slots = (uint32_t)value;
	else
		o->opt.window = (uint32_t)value;
	list_each(struct lane, l, &o->lanes, all)
		change_lane(l);
}
