/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The jobs of a publisher and its subscribers: what a publication costs its thread, and what
 * subscribers get beside one that is stopped. Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/topo_host.h"
#include "tools/clock.h"

#define BATCH		32u /* publications between two waits for the server */
#define WARM_PART	4

static uint64_t thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * CLOCK_S + (uint64_t)t.tv_nsec;
}

/* ---- the cost of one ---- */

/* Some, then the same withdrawn. *ret_ns is the thread's time for publishing them. */
static int batch(struct sinew_topo *topo, uint64_t *ret_ns)
{
	uint64_t ids[BATCH], began = thread_ns();
	int err = 0;

	for (uint32_t i = 0; i < BATCH && !err; i++)
		err = topo_put(topo, TOPO_TYPE, i, &ids[i]);
	*ret_ns = thread_ns() - began;
	if (!err)
		err = topo_settle(topo);
	for (uint32_t i = 0; i < BATCH && !err; i++)
		err = topo_take(topo, ids[i]);
	return err ? err : topo_settle(topo);
}

static int publish_many(struct sinew_topo *topo, uint64_t n, double *ret_ns)
{
	uint64_t sum = 0, ns = 0;
	int err = 0;

	for (uint64_t i = 0; i < n && !err; i++) {
		err = batch(topo, &ns);
		sum += ns;
	}
	*ret_ns = (double)sum / (double)(n * BATCH);
	return err;
}

/* count batches, with nodes subscribers. */
int job_topo_publish(const struct settings *s)
{
	struct sinew_topo *topo = NULL;
	struct readers readers;
	struct host host;
	double ns = 0;
	int err = topo_host_open(&host, s);

	if (!err)
		err = sinew_topo_open(host.nodes[0].node, &topo);
	if (!err)
		err = readers_open(&readers, host.nodes[0].node, NULL, (unsigned)s->nodes,
				   TOPO_TYPE);
	if (!err)
		err = readers_start(&readers);
	if (!err)
		err = publish_many(topo, s->count / WARM_PART + 1, &ns);
	if (!err)
		err = publish_many(topo, s->count, &ns);
	if (err)
		return trouble("publications went wrong", err);
	result("publish_ns", ns);
	readers_close(&readers);
	sinew_topo_close(topo);
	host_close(&host);
	return 0;
}

/* ---- subscribers beside one that is stopped ---- */

/* As fast as the server takes them. */
static int churn(struct sinew_topo *topo, uint64_t ms)
{
	uint64_t until = clock_now_ns() + ms * CLOCK_MS, id;
	int err = 0;

	while (!err && clock_now_ns() < until) {
		for (uint32_t i = 0; i < BATCH && !err; i++) {
			err = topo_put(topo, TOPO_TYPE, i, &id);
			if (!err)
				err = topo_take(topo, id);
		}
	}
	return err;
}

/* nodes subscribers that read, depth ones that do not. */
int job_topo_stopped(const struct settings *s)
{
	struct readers readers, stopped;
	struct sinew_topo *topo = NULL;
	uint64_t began = 0, events = 0;
	struct host host;
	int err = topo_host_open(&host, s);

	if (!err)
		err = sinew_topo_open(host.nodes[0].node, &topo);
	if (!err)
		err = readers_open(&stopped, host.nodes[0].node, NULL, (unsigned)s->depth,
				   TOPO_TYPE);
	if (!err)
		err = readers_open(&readers, host.nodes[0].node, NULL, (unsigned)s->nodes,
				   TOPO_TYPE);
	if (!err)
		err = readers_start(&readers);
	if (!err)
		err = churn(topo, s->ms / WARM_PART);
	if (!err) {
		began = clock_now_ns();
		events = atomic_load(&readers.n_events);
		err = churn(topo, s->ms);
	}
	if (err)
		return trouble("subscribers were not fed", err);
	result("events_s", (double)(atomic_load(&readers.n_events) - events) * CLOCK_S /
				   (double)(clock_now_ns() - began));
	readers_close(&readers);
	readers_close(&stopped);
	sinew_topo_close(topo);
	host_close(&host);
	return 0;
}
