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
#define FILL_MS		50u
#define CHURN_WINDOW_MS	50u
#define CHURN_WINDOWS_MAX 64u /* of each kind */
#define QUIET_MS	5 /* longer than the server pauses */

static uint64_t thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * CLOCK_S + (uint64_t)t.tv_nsec;
}

/* ---- the cost of one ---- */

/* At node 0 nobody subscribes, at node 1 some do. */
struct publisher {
	struct host host;
	struct sinew_topo *topos[2];
	struct readers readers;
	uint64_t n_changes; /* at node 1 */
	uint64_t sum_ns[2]; /* of the thread, while it published */
};

/* Until the server has taken all, and told all. */
static int rest(struct publisher *p, unsigned node)
{
	uint64_t limit = clock_now_ns() + TOPO_WAIT_MS * CLOCK_MS;
	int err = sinew_topo_lookup(p->topos[node], TOPO_TYPE_IDLE, 1, NULL, 0);

	while (err >= 0 && atomic_load(&p->readers.n_events) < p->n_changes * p->readers.n)
		err = clock_now_ns() < limit ? sinew_topo_dispatch(p->topos[node], 1) : -ETIMEDOUT;
	return err < 0 ? err : 0;
}

/* Some, then the same withdrawn. */
static int batch(struct publisher *p, unsigned node)
{
	struct sinew_topo *topo = p->topos[node];
	uint64_t ids[BATCH], began = thread_ns();
	int err = 0;

	for (uint32_t i = 0; i < BATCH && !err; i++)
		err = topo_put(topo, TOPO_TYPE, i, &ids[i]);
	p->sum_ns[node] += thread_ns() - began;
	p->n_changes += node ? BATCH : 0;
	if (!err)
		err = rest(p, node);
	for (uint32_t i = 0; i < BATCH && !err; i++)
		err = topo_take(topo, ids[i]);
	p->n_changes += node ? BATCH : 0;
	return err ? err : rest(p, node);
}

/*
 * Twice at the one, twice at the other: half of the batches at each follow one whose subscribers
 * have run on this processor, so that both meet the same caches.
 */
static int publish_many(struct publisher *p, uint64_t n)
{
	int err = 0;

	p->sum_ns[0] = p->sum_ns[1] = 0;
	for (uint64_t i = 0; i < 2 * n && !err; i++)
		err = batch(p, i / 2 % 2);
	return err;
}

/* count batches at each, with nodes subscribers. */
int job_topo_publish(const struct settings *s)
{
	struct publisher *p = calloc(1, sizeof *p);
	int err = p ? topo_host_open(&p->host, s, 2) : -ENOMEM;

	for (unsigned i = 0; i < 2 && !err; i++)
		err = sinew_topo_open(p->host.nodes[i].node, &p->topos[i]);
	if (!err)
		err = readers_open(&p->readers, p->host.nodes[1].node, NULL, (unsigned)s->nodes,
				   TOPO_TYPE);
	if (!err)
		err = readers_start(&p->readers);
	if (!err)
		err = publish_many(p, s->count / WARM_PART);
	if (!err)
		err = publish_many(p, s->count);
	if (err)
		return trouble("publications went wrong", err);
	result("without_ns", (double)p->sum_ns[0] / (double)(s->count * BATCH));
	result("with_ns", (double)p->sum_ns[1] / (double)(s->count * BATCH));
	readers_close(&p->readers);
	for (unsigned i = 0; i < 2; i++)
		sinew_topo_close(p->topos[i]);
	host_close(&p->host);
	free(p);
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

/* Until the readers are told nothing more: what one window leaves is not the next one's. */
static int quiet_down(struct readers *r, struct sinew_topo *topo)
{
	const struct timespec pause = { .tv_nsec = QUIET_MS * CLOCK_MS };
	uint64_t limit = clock_now_ns() + TOPO_WAIT_MS * CLOCK_MS, n;

	do {
		n = atomic_load(&r->n_events);
		nanosleep(&pause, NULL);
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	} while (atomic_load(&r->n_events) != n);
	return topo_settle(topo);
}

/* Events to the readers in a second. The socket of one that is stopped is full before it begins. */
static int churn_window(struct readers *r, struct sinew_topo *topo, double *ret_per_s)
{
	int err = churn(topo, FILL_MS);
	uint64_t began = clock_now_ns(), n = atomic_load(&r->n_events);

	if (!err)
		err = churn(topo, CHURN_WINDOW_MS);
	*ret_per_s = (double)(atomic_load(&r->n_events) - n) * CLOCK_S /
		(double)(clock_now_ns() - began);
	return err ? err : quiet_down(r, topo);
}

/* Without one that is stopped, and beside one, in the order 0 1 1 0: n windows of each. */
static int churn_in_turn(struct host *h, struct readers *r, struct sinew_topo *topo, uint64_t n)
{
	double per_s[2][CHURN_WINDOWS_MAX];
	struct readers stopped;
	int err = n > CHURN_WINDOWS_MAX ? -EINVAL : 0;

	for (uint64_t i = 0; i < 2 * n && !err; i++) {
		unsigned is_beside = i % 4 == 1 || i % 4 == 2;

		if (is_beside)
			err = readers_open(&stopped, h->nodes[0].node, NULL, 1, TOPO_TYPE);
		if (!err)
			err = churn_window(r, topo, &per_s[is_beside][i / 2]);
		if (is_beside)
			readers_close(&stopped);
	}
	if (err)
		return err;
	result("without_s", topo_median(per_s[0], n));
	result("with_s", topo_median(per_s[1], n));
	return 0;
}

/* nodes subscribers that read, for so many ms without one that is stopped, and as long beside. */
int job_topo_stopped(const struct settings *s)
{
	struct sinew_topo *topo = NULL;
	struct readers readers;
	struct host host;
	int err = topo_host_open(&host, s, 1);

	if (!err)
		err = sinew_topo_open(host.nodes[0].node, &topo);
	if (!err)
		err = readers_open(&readers, host.nodes[0].node, NULL, (unsigned)s->nodes,
				   TOPO_TYPE);
	if (!err)
		err = readers_start(&readers);
	if (!err)
		err = churn(topo, s->ms / WARM_PART);
	if (!err)
		err = churn_in_turn(&host, &readers, topo, s->ms / CHURN_WINDOW_MS / 2 * 2);
	if (err)
		return trouble("subscribers were not fed", err);
	readers_close(&readers);
	sinew_topo_close(topo);
	host_close(&host);
	return 0;
}
