/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of nodes that are called: they send back, send much, or never answer. Of the calls that
 * are counted it tells what they took in this process. Knows nothing of how that is judged.
 */
#include "tests/bench/sinew/callee.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/usage.h"

#define SLOTS	  256 /* of which a service gets three quarters */
#define WARM_PART 8 /* of the calls, before they count */

struct callee {
	struct host host;
	struct sinew_calls **calls; /* of each node */
	const struct settings *s;
	struct sinew_call **idle; /* not answered */
	uint64_t n_idle, n_echoes;
	double idle_from, idle_to; /* memory, with one idle call and with all */
	uint64_t cpu_from, cpu_to;
};

/* A reply that is on its way. */
struct bulk {
	struct sinew_call *call;
	uint64_t n_blocks, n_sent;
	size_t at; /* bytes sent of the present block */
	uint8_t block[BLOCK_BYTES];
};

int callee_calls_new(const struct hosted *h, struct sinew_calls **ret_calls)
{
	struct sinew_calls_options opt;

	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.slots = SLOTS;
	return sinew_calls_new(h->node, &opt, ret_calls);
}

/* ---- much ---- */

static void send_on(struct bulk *b)
{
	while (b->n_sent < b->n_blocks) {
		struct iovec iov = { b->block + b->at, sizeof b->block - b->at };
		bool is_last = b->n_sent + 1 == b->n_blocks;
		ssize_t n;

		content_put(b->block, 0, b->n_sent, false);
		n = sinew_call_send(b->call, &iov, 1, is_last ? 0 : SINEW_CALL_MORE);
		/* ROOM or ENDED follows. */
		if (n < 0)
			return;
		b->at += (size_t)n;
		if (b->at < sizeof b->block)
			return;
		b->at = 0;
		b->n_sent++;
	}
}

static void bulk_begin(struct sinew_call *call, const struct sinew_call_msg *msg)
{
	struct bulk *b = calloc(1, sizeof *b);

	if (!b || msg->len != sizeof b->n_blocks) {
		free(b);
		sinew_call_abort(call, EINVAL);
		return;
	}
	memcpy(&b->n_blocks, msg->data, sizeof b->n_blocks);
	b->call = call;
	sinew_call_set_user(call, b);
	send_on(b);
}

static void bulk_event(struct sinew_call *call, const struct sinew_call_msg *msg, struct bulk *b)
{
	if (msg->event == SINEW_CALL_DATA)
		bulk_begin(call, msg);
	if (msg->event == SINEW_CALL_ROOM)
		send_on(b);
	if (msg->event != SINEW_CALL_ENDED)
		return;
	sinew_call_end(call);
	free(b);
}

/* ---- what is counted ---- */

static void keep_idle(struct callee *c, struct sinew_call *call)
{
	if (c->n_idle == c->s->depth) {
		sinew_call_end(call);
		return;
	}
	c->idle[c->n_idle++] = call;
	if (c->n_idle == 1)
		c->idle_from = usage_resident_bytes();
	if (c->n_idle == c->s->depth)
		c->idle_to = usage_resident_bytes();
}

static void count_echo(struct callee *c)
{
	uint64_t n_warm = c->s->count / WARM_PART;

	if (c->n_echoes == n_warm)
		c->cpu_from = usage_cpu_ns();
	c->n_echoes++;
	if (c->n_echoes == n_warm + c->s->count)
		c->cpu_to = usage_cpu_ns();
}

static void tell(const struct callee *c)
{
	if (c->s->depth > 1)
		result("call_bytes", (c->idle_to - c->idle_from) / (double)(c->s->depth - 1));
	if (c->s->count)
		result("cpu_ns", (double)(c->cpu_to - c->cpu_from) / (double)c->s->count);
}

/* ---- all ---- */

static void take_request(struct callee *c, struct sinew_call *call,
			 const struct sinew_call_msg *msg)
{
	const struct iovec iov = { (void *)(uintptr_t)msg->data, msg->len };

	if (sinew_call_op(call) == CALLEE_IDLE) {
		keep_idle(c, call);
		return;
	}
	sinew_call_send(call, &iov, 1, 0);
	count_echo(c);
}

static void called(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	bool is_bulk = sinew_call_op(call) == CALLEE_BULK;

	/* Until the request is there, nothing is sent. */
	if (is_bulk && msg->event == SINEW_CALL_NEW)
		sinew_call_set_user(call, NULL);
	else if (is_bulk)
		bulk_event(call, msg, user);
	if (is_bulk)
		return;
	if (msg->event == SINEW_CALL_DATA)
		take_request(user, call, msg);
	/* Those that are kept are given back at the end. */
	if (msg->event == SINEW_CALL_ENDED && sinew_call_op(call) != CALLEE_IDLE)
		sinew_call_end(call);
}

/* The list of idle calls is in memory before it counts. */
static int open_list(struct callee *c)
{
	size_t size = c->s->depth * sizeof *c->idle;

	c->idle = malloc(size);
	if (!c->idle && size)
		return -ENOMEM;
	memset(c->idle, 0xff, size);
	return 0;
}

static int offer(struct callee *c)
{
	static const uint32_t ops[] = { CALLEE_ECHO, CALLEE_BULK, CALLEE_IDLE };
	const struct sinew_service service = {
		.size = sizeof service,
		.fn = called,
		.delivery = SINEW_CALL_WHOLE,
		.ops = ops,
		.n_ops = sizeof ops / sizeof ops[0],
	};
	int err = 0;

	c->calls = calloc(c->host.n, sizeof *c->calls);
	if (!c->calls)
		return -ENOMEM;
	for (unsigned i = 0; i < c->host.n && !err; i++) {
		err = callee_calls_new(&c->host.nodes[i], &c->calls[i]);
		if (!err)
			err = sinew_service_bind(c->calls[i], CALLEE_SERVICE, &service, c);
	}
	return err;
}

int job_callee(const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 2,
		.n = (unsigned)s->nodes,
		.first = 1,
		.last = 1,
		.queue_bytes = s->end.queue_bytes,
		.is_alone = s->nodes == 1,
	};
	struct callee c = { .s = s };
	int err = host_open(&c.host, &opt);

	if (!err)
		err = open_list(&c);
	if (!err)
		err = offer(&c);
	if (!err)
		err = host_meet(&c.host, &opt);
	if (!err)
		err = host_until_released(&c.host);
	if (err)
		return trouble("the called nodes did not get through", err);
	tell(&c);
	for (uint64_t i = 0; i < c.n_idle; i++)
		sinew_call_end(c.idle[i]);
	for (unsigned i = 0; i < c.host.n; i++)
		sinew_calls_free(c.calls[i]);
	free(c.idle);
	free(c.calls);
	host_close(&c.host);
	return 0;
}
