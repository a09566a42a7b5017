/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of many nodes in one process, each with a session to each: how long until all are up,
 * and until all are up again after every link was destroyed with messages under way; how much
 * they burn while nothing happens. Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/sinew/host.h"
#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/usage.h"
#include "tools/clock.h"

#define MESSAGES      4 /* on each pair, under way when the links go */
#define MESSAGE_BYTES 64
#define SETTLE_MS     2000 /* of idling, before it counts */

/* Every pair has its link, and every message is there. */
static bool is_whole(struct host *h)
{
	if (h->n_came < (uint64_t)h->n_added * MESSAGES)
		return false;
	for (unsigned i = 0; i < h->n; i++) {
		for (uint32_t id = 1; id <= h->n; id++) {
			struct sinew_status st = { .size = sizeof st };

			if (id == h->nodes[i].id)
				continue;
			if (sinew_session_status(h->nodes[i].peers[id], &st) || !st.link_up ||
			    !st.reconnects)
				return false;
		}
	}
	return true;
}

static int send_on_all(struct host *h)
{
	uint8_t buf[MESSAGE_BYTES] = { 0 };
	int err = 0;

	for (unsigned m = 0; m < MESSAGES; m++)
		for (unsigned i = 0; i < h->n; i++)
			for (uint32_t id = 1; id <= h->n && !err; id++)
				if (id != h->nodes[i].id)
					err = host_send(&h->nodes[i], id, buf, sizeof buf, false);
	return err;
}

static int destroy_all(struct host *h)
{
	int err = 0;

	for (unsigned i = 0; i < h->n && !err; i++)
		err = sinew_break(h->nodes[i].node, 0);
	return err;
}

static int turn_for(struct host *h, uint64_t ms)
{
	uint64_t until = clock_now_ns() + ms * CLOCK_MS;
	int err = 0;

	while (!err && clock_now_ns() < until)
		err = host_turn(h, clock_timeout_ms(until));
	return err;
}

static int idle(struct host *h, uint64_t ms)
{
	uint64_t cpu, began;
	int err = turn_for(h, SETTLE_MS);

	cpu = usage_cpu_ns();
	began = clock_now_ns();
	if (!err)
		err = turn_for(h, ms);
	if (!err)
		result("idle_cpu",
		       100.0 * (double)(usage_cpu_ns() - cpu) / (double)(clock_now_ns() - began));
	return err;
}

static int play(struct host *h, const struct host_options *opt, uint64_t idle_ms)
{
	uint64_t began = clock_now_ns();
	int err = host_meet(h, opt);

	if (!err)
		err = host_until(h, host_is_up);
	if (err)
		return err;
	result("up_ms", (double)(clock_now_ns() - began) / CLOCK_MS);
	err = send_on_all(h);
	began = clock_now_ns();
	if (!err)
		err = destroy_all(h);
	if (!err)
		err = host_until(h, is_whole);
	if (err)
		return err;
	result("again_ms", (double)(clock_now_ns() - began) / CLOCK_MS);
	return idle_ms ? idle(h, idle_ms) : 0;
}

int job_mesh(const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = (unsigned)s->nodes,
		.first = 1,
		.last = (uint32_t)s->nodes,
		.message_bytes = MESSAGE_BYTES,
	};
	struct host host;
	int err = host_open(&host, &opt);

	if (!err)
		err = play(&host, &opt, s->ms);
	if (err)
		return trouble("the mesh did not get through", err);
	if (host.n_wrong || host.n_down || host.n_came != (uint64_t)host.n_added * MESSAGES)
		return trouble("messages or sessions were lost", 0);
	host_close(&host);
	return 0;
}
