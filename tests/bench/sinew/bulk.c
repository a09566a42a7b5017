/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The jobs of a long reply: how fast it comes, and how long small calls take beside it.
 * Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/sinew/caller.h"
#include "tests/bench/sinew/jobs.h"
#include "tools/clock.h"
#include "tools/histogram.h"

#define WARM_PART	4 /* of the reply, before it counts */
#define WARM_CALLS	500
#define UNDER_WAY	(16u << 20) /* bytes of the long reply, before small calls count */
#define PEER		2
#define SMALL_BYTES_MAX 4096

struct reply {
	struct sinew_call *call;
	uint64_t n_blocks; /* that were asked for */
	uint64_t came, n_wrong; /* bytes; blocks with a wrong number */
	uint64_t from_ns, from; /* when the warm part had come, and its bytes */
	uint64_t to_ns;
	bool is_over, is_complete;
};

/* ---- a long reply ---- */

/* A number that lies in two pieces is not looked at. */
static void check_blocks(struct reply *r, const uint8_t *data, size_t len)
{
	uint64_t number = (r->came + BLOCK_BYTES - 1) / BLOCK_BYTES;

	for (; (number * BLOCK_BYTES) + sizeof number <= r->came + len; number++) {
		uint64_t word;

		memcpy(&word, data + (number * BLOCK_BYTES - r->came), sizeof word);
		r->n_wrong += word != number;
	}
}

static void long_reply(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct reply *r = user;

	if (msg->event == SINEW_CALL_DATA) {
		check_blocks(r, msg->data, msg->len);
		r->came += msg->len;
		r->is_complete = msg->last && r->came == r->n_blocks * BLOCK_BYTES;
		if (!r->from_ns && r->came / BLOCK_BYTES >= r->n_blocks / WARM_PART) {
			r->from_ns = clock_now_ns();
			r->from = r->came;
		}
		if (msg->last)
			r->to_ns = clock_now_ns();
	}
	if (msg->event != SINEW_CALL_ENDED)
		return;
	sinew_call_end(call);
	r->is_over = true;
}

static int ask_much(struct caller *c, struct reply *r)
{
	const struct sinew_call_options opt = {
		.size = sizeof opt,
		.fn = long_reply,
		.deadline_ms = SINEW_FOREVER,
	};

	return caller_begin(c, PEER, CALLEE_BULK, &opt, &r->n_blocks, sizeof r->n_blocks, r,
			    &r->call);
}

static bool is_over(struct host *h)
{
	const struct reply *r = h->arg;

	return r->is_over;
}

static bool is_under_way(struct host *h)
{
	const struct reply *r = h->arg;

	return r->is_over || r->came >= UNDER_WAY;
}

int job_bulk(const struct settings *s)
{
	struct reply r = { .n_blocks = s->count };
	struct caller *c = calloc(1, sizeof *c);
	int err = c ? caller_open(c, s) : -ENOMEM;

	if (!err) {
		c->host.arg = &r;
		err = ask_much(c, &r);
	}
	if (!err)
		err = host_until(&c->host, is_over);
	if (err || !r.is_complete || r.n_wrong)
		return trouble("the reply is not what was asked for", err);
	result("bytes_s", (double)(r.came - r.from) * CLOCK_S / (double)(r.to_ns - r.from_ns));
	caller_close(c);
	free(c);
	return 0;
}

/* ---- small calls beside it ---- */

struct small {
	size_t size;
	uint64_t n_came, n_ended;
};

static void small_reply(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct small *s = user;

	if (msg->event == SINEW_CALL_DATA)
		s->n_came += msg->len == s->size;
	if (msg->event != SINEW_CALL_ENDED)
		return;
	s->n_ended++;
	sinew_call_end(call);
}

/* One call, until it has ended; its time ends with its reply. */
static int call_once(struct caller *c, struct small *small, uint64_t *ret_ns)
{
	static const uint8_t request[SMALL_BYTES_MAX];
	const struct sinew_call_options opt = {
		.size = sizeof opt,
		.fn = small_reply,
		.delivery = SINEW_CALL_WHOLE,
	};
	uint64_t began = clock_now_ns(), limit = began + END_WAIT_MS * CLOCK_MS;
	uint64_t n = small->n_ended + 1;
	struct sinew_call *call;
	int err = caller_begin(c, PEER, CALLEE_ECHO, &opt, request, small->size, small, &call);

	while (!err && small->n_ended < n) {
		err = host_turn(&c->host, END_WAIT_MS);
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
	*ret_ns = clock_now_ns() - began;
	return err ? err : small->n_came == n ? 0 : -ECONNABORTED;
}

static int call_for(struct caller *c, struct small *small, uint64_t ms, struct histogram *h)
{
	uint64_t until, ns;
	int err = 0;

	for (unsigned i = 0; i < WARM_CALLS && !err && ms; i++)
		err = call_once(c, small, &ns);
	until = clock_now_ns() + ms * CLOCK_MS;
	while (!err && clock_now_ns() < until) {
		err = call_once(c, small, &ns);
		histogram_add(h, ns);
	}
	return err;
}

int job_bulk_beside(const struct settings *s)
{
	struct small small = { .size = s->size };
	struct reply r = { .n_blocks = UINT64_MAX / BLOCK_BYTES };
	struct histogram *alone = calloc(1, sizeof *alone), *beside = calloc(1, sizeof *beside);
	struct caller *c = calloc(1, sizeof *c);
	int err = c && alone && beside && s->size <= SMALL_BYTES_MAX ? caller_open(c, s) : -ENOMEM;

	if (!err)
		err = call_for(c, &small, s->ms, alone);
	if (!err) {
		c->host.arg = &r;
		err = ask_much(c, &r);
	}
	if (!err)
		err = host_until(&c->host, is_under_way);
	if (!err)
		err = call_for(c, &small, s->ms, beside);
	if (!err)
		err = r.is_over ? -ECONNABORTED : sinew_call_abort(r.call, 0);
	if (!err)
		err = host_until(&c->host, is_over);
	if (err || r.n_wrong)
		return trouble("no small calls beside a long reply", err);
	result("alone_ns", (double)histogram_quantile(alone, 500));
	result("beside_ns", (double)histogram_quantile(beside, 500));
	result("beside_p99_ns", (double)histogram_quantile(beside, 990));
	caller_close(c);
	free(c);
	free(alone);
	free(beside);
	return 0;
}
