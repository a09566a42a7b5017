/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The jobs of one node with many peers, which are all in a second process: what a message costs
 * beside idle peers, one message to all of them, and the memory that they take.
 * Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/sinew/host.h"
#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/usage.h"
#include "tools/clock.h"

#define OUTSTANDING_MAX 20000 /* messages, towards one peer */
#define WARM_PART	8 /* of the messages, before it counts */
#define MANY_BLOCK	200 /* messages to all, between two changes of the way */
#define SAMPLE_MS	500 /* between two looks at the memory */
#define STEADY_SAMPLES	12 /* that must be the same */
#define STEADY_BYTES	(64 << 10) /* as good as the same */
#define MEMORY_WAIT_MS	60000

static struct host_options options_of(const struct settings *s, bool is_center)
{
	return (struct host_options){
		.net = s->end.net,
		.port = s->end.port,
		.id = is_center ? 1 : 2,
		.n = is_center ? 1 : (unsigned)s->nodes,
		.first = is_center ? 2 : 1,
		.last = is_center ? (uint32_t)s->nodes + 1 : 1,
	};
}

/* The second process: nodes that know the first one alone. */
int job_crowd(const struct settings *s)
{
	struct host_options opt = options_of(s, false);
	struct host host;
	int err = host_open(&host, &opt);

	host.echoes = s->count != 0;
	if (!err)
		err = host_meet(&host, &opt);
	if (!err)
		err = host_until_released(&host);
	if (err)
		return trouble("the crowd did not get through", err);
	host_close(&host);
	return host.n_wrong ? trouble("messages that are not what was sent", 0) : 0;
}

static int open_center(struct host *h, const struct settings *s)
{
	struct host_options opt = options_of(s, true);
	int err = host_open(h, &opt);

	if (!err)
		err = host_meet(h, &opt);
	return err ? err : host_until(h, host_is_up);
}

static bool all_acknowledged(struct host *h)
{
	for (uint32_t id = 2; id <= h->n_added + 1; id++)
		if (host_unacked(&h->nodes[0], id))
			return false;
	return true;
}

/* ---- beside idle peers ---- */

/* To the first peer, until it has acknowledged all. */
static int send_to_first(struct host *h, uint64_t n, void *buf, size_t len)
{
	uint64_t limit = h->nodes[0].sent[2] + n;
	int err = 0;

	while (!err && h->nodes[0].sent[2] < limit) {
		for (unsigned i = 0; i < 256 && h->nodes[0].sent[2] < limit && !err; i++)
			err = host_send(&h->nodes[0], 2, buf, len, false);
		if (err == -EAGAIN || host_unacked(&h->nodes[0], 2) > OUTSTANDING_MAX)
			err = host_turn(h, 100);
		else if (!err)
			err = host_turn(h, 0);
	}
	while (!err && host_unacked(&h->nodes[0], 2))
		err = host_turn(h, 100);
	return err;
}

int job_beside(const struct settings *s)
{
	void *buf = calloc(1, s->size);
	struct host host;
	uint64_t cpu, began;
	int err = buf ? open_center(&host, s) : -ENOMEM;

	if (!err)
		err = send_to_first(&host, s->count / WARM_PART, buf, s->size);
	cpu = usage_cpu_ns();
	began = clock_now_ns();
	if (!err)
		err = send_to_first(&host, s->count, buf, s->size);
	if (err)
		return trouble("cannot send beside idle peers", err);
	result("cpu_ns", (double)(usage_cpu_ns() - cpu) / (double)s->count);
	result("wall_ns", (double)(clock_now_ns() - began) / (double)s->count);
	host_close(&host);
	free(buf);
	return 0;
}

/* ---- one message to many ---- */

static int send_one_by_one(struct hosted *h, unsigned n, void *buf, size_t len)
{
	int err = 0;

	for (uint32_t id = 2; id < n + 2 && !err; id++)
		err = host_send(h, id, buf, len, false);
	return err;
}

static int send_many(struct hosted *h, unsigned n, void *buf, size_t len)
{
	int taken;

	content_put(buf, 0, h->sent[2], false);
	taken = sinew_send_many(&h->peers[2], (int)n, buf, len, NULL);
	for (uint32_t id = 2; id < n + 2; id++)
		h->sent[id]++;
	return taken == (int)n ? 0 : -EAGAIN;
}

/* A block, until all is acknowledged; its time goes to *sum_ns. */
static int block(struct host *h, const struct settings *s, void *buf,
		 int (*send)(struct hosted *h, unsigned n, void *buf, size_t len), uint64_t *sum_ns)
{
	uint64_t cpu = usage_cpu_ns();
	int err = 0;

	for (unsigned i = 0; i < MANY_BLOCK && !err; i++) {
		err = send(&h->nodes[0], (unsigned)s->nodes, buf, s->size);
		if (!err)
			err = host_turn(h, 0);
	}
	if (!err)
		err = host_until(h, all_acknowledged);
	*sum_ns += usage_cpu_ns() - cpu;
	return err;
}

int job_many(const struct settings *s)
{
	uint64_t many_ns = 0, single_ns = 0, warm_ns = 0;
	void *buf = calloc(1, s->size);
	struct host host;
	int err = buf ? open_center(&host, s) : -ENOMEM;

	if (!err)
		err = block(&host, s, buf, send_one_by_one, &warm_ns);
	for (uint64_t i = 0; i < s->count && !err; i++) {
		err = block(&host, s, buf, send_many, &many_ns);
		if (!err)
			err = block(&host, s, buf, send_one_by_one, &single_ns);
	}
	if (err)
		return trouble("cannot send to many", err);
	result("many_ns", (double)many_ns / (double)(s->count * MANY_BLOCK));
	result("single_ns", (double)single_ns / (double)(s->count * MANY_BLOCK));
	host_close(&host);
	free(buf);
	return 0;
}

/* ---- memory ---- */

/* To each peer so many messages, which come back. */
static int heavy_traffic(struct host *h, const struct settings *s, void *buf)
{
	struct hosted *center = &h->nodes[0];
	int err = 0;

	for (uint64_t i = 0; i < s->count && !err; i++) {
		for (uint32_t id = 2; id <= s->nodes + 1 && !err; id++)
			while ((err = host_send(center, id, buf, s->size, false)) == -EAGAIN) {
				err = host_turn(h, 100);
				if (err)
					break;
			}
		if (!err)
			err = host_turn(h, 0);
	}
	return err ? err : host_until(h, all_acknowledged);
}

/* Until the memory does not change any more; at most MEMORY_WAIT_MS. */
static int settle(struct host *h)
{
	uint64_t now = clock_now_ns(), until = now + MEMORY_WAIT_MS * CLOCK_MS, next = now;
	double last = usage_resident_bytes(), is;
	unsigned n_same = 0;
	int err = 0;

	while (!err && n_same < STEADY_SAMPLES && clock_now_ns() < until) {
		err = host_turn(h, clock_timeout_ms(next));
		if (clock_now_ns() < next)
			continue;
		next = clock_now_ns() + SAMPLE_MS * CLOCK_MS;
		is = usage_resident_bytes();
		n_same = is > last - STEADY_BYTES && is < last + STEADY_BYTES ? n_same + 1 : 0;
		last = is;
	}
	return err;
}

int job_memory(const struct settings *s)
{
	struct host_options opt = options_of(s, true);
	void *buf = calloc(1, s->size);
	double none, most;
	struct host host;
	uint64_t began;
	int err = buf ? host_open(&host, &opt) : -ENOMEM;

	none = usage_resident_bytes();
	if (!err)
		err = host_meet(&host, &opt);
	if (!err)
		err = host_until(&host, host_is_up);
	if (err)
		return trouble("the peers are not up", err);
	result("before", (usage_resident_bytes() - none) / (double)s->nodes);
	err = heavy_traffic(&host, s, buf);
	most = usage_resident_bytes();
	began = clock_now_ns();
	if (!err)
		err = settle(&host);
	if (err)
		return trouble("no heavy traffic", err);
	result("most", (most - none) / (double)s->nodes);
	result("after", (usage_resident_bytes() - none) / (double)s->nodes);
	result("settled_ms", (double)(clock_now_ns() - began) / CLOCK_MS);
	host_close(&host);
	free(buf);
	return 0;
}
