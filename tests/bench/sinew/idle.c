/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of calls that are open and idle: their memory, and what calls take beside them.
 * Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/sinew/caller.h"
#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/usage.h"

#define IN_FLIGHT	64
#define PEER		2
#define WARM_PART	8 /* of the calls, before they count */
#define SMALL_BYTES_MAX 4096

struct idle {
	struct caller caller;
	const struct settings *s;
	struct sinew_call **calls; /* idle ones */
	uint64_t n_accepted;
	uint64_t n_begun, n_ended, n_wanted; /* the others */
	int err; /* one that did not end in order, or was not begun */
};

/* ---- idle ones ---- */

static void idle_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct idle *i = user;

	(void)call;
	i->n_accepted += msg->event == SINEW_CALL_ACCEPTED;
	if (msg->event == SINEW_CALL_ENDED)
		i->err = -ECONNABORTED;
}

static bool are_accepted(struct host *h)
{
	const struct idle *i = h->arg;

	return i->err || i->n_accepted == i->s->depth;
}

/* Spread over all peers. */
static int open_idle(struct idle *i)
{
	const struct sinew_call_options opt = {
		.size = sizeof opt,
		.fn = idle_event,
		.deadline_ms = SINEW_FOREVER,
	};
	size_t size = i->s->depth * sizeof *i->calls;
	double before;
	int err = 0;

	/* In memory before it counts. */
	i->calls = malloc(size);
	if (!i->calls && size)
		return -ENOMEM;
	memset(i->calls, 0xff, size);
	before = usage_resident_bytes();
	for (uint64_t n = 0; n < i->s->depth && !err; n++)
		err = caller_begin(&i->caller, PEER + (uint32_t)(n % i->s->nodes), CALLEE_IDLE,
				   &opt, "idle", 4, i, &i->calls[n]);
	if (!err)
		err = host_until(&i->caller.host, are_accepted);
	if (!err && i->s->depth)
		result("call_bytes", (usage_resident_bytes() - before) / (double)i->s->depth);
	return err ? err : i->err;
}

/* ---- calls beside them ---- */

static void begin_one(struct idle *i);

static void small_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct idle *i = user;

	if (msg->event != SINEW_CALL_ENDED)
		return;
	i->n_ended++;
	if (msg->reason != SINEW_END_REPLIED)
		i->err = -ECONNABORTED;
	sinew_call_end(call);
	if (i->n_begun < i->n_wanted)
		begin_one(i);
}

static void begin_one(struct idle *i)
{
	static const uint8_t request[SMALL_BYTES_MAX];
	const struct sinew_call_options opt = {
		.size = sizeof opt,
		.fn = small_event,
		.delivery = SINEW_CALL_WHOLE,
	};
	struct sinew_call *call;
	int err = caller_begin(&i->caller, PEER, CALLEE_ECHO, &opt, request, i->s->size, i, &call);

	i->n_begun++;
	if (err)
		i->err = err;
}

static bool have_ended(struct host *h)
{
	const struct idle *i = h->arg;

	return i->err || i->n_ended == i->n_wanted;
}

static int call_many(struct idle *i, uint64_t n)
{
	int err;

	i->n_wanted += n;
	for (unsigned k = 0; k < IN_FLIGHT && i->n_begun < i->n_wanted && !i->err; k++)
		begin_one(i);
	err = host_until(&i->caller.host, have_ended);
	return err ? err : i->err;
}

int job_idle_calls(const struct settings *s)
{
	struct idle *i = calloc(1, sizeof *i);
	uint64_t cpu = 0;
	int err = i && s->size <= SMALL_BYTES_MAX ? caller_open(&i->caller, s) : -ENOMEM;

	if (!err) {
		i->s = s;
		i->caller.host.arg = i;
		err = open_idle(i);
	}
	if (!err)
		err = call_many(i, s->count / WARM_PART);
	if (!err) {
		cpu = usage_cpu_ns();
		err = call_many(i, s->count);
	}
	if (err)
		return trouble("no calls beside idle ones", err);
	if (s->count)
		result("cpu_ns", (double)(usage_cpu_ns() - cpu) / (double)s->count);
	for (uint64_t n = 0; n < s->depth; n++)
		sinew_call_end(i->calls[n]);
	caller_close(&i->caller);
	free(i->calls);
	free(i);
	return 0;
}
