/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Servers and subscribers. Knows nothing of what is measured.
 */
#include "tests/bench/sinew/topo_host.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/clock.h"

#define READY_MAX	64
#define BEHIND_MS	1 /* a publisher looks again */

int topo_host_open(struct host *h, const struct settings *s, unsigned n)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = n,
		.first = 2,
		.last = 1,
		.own_thread = true,
	};
	int err = host_open(h, &opt);

	for (unsigned i = 0; i < n && !err; i++)
		err = sinew_topo_start(h->nodes[i].node, NULL, NULL);
	return err;
}

/* ---- readers ---- */

static void told(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct readers *r = user;

	(void)sub;
	switch (msg->event) {
	case SINEW_TOPO_PUBLISHED:
	case SINEW_TOPO_WITHDRAWN:
		atomic_fetch_add_explicit(&r->n_events, 1, memory_order_relaxed);
		break;
	case SINEW_TOPO_CURRENT:
		r->n_current++;
		break;
	case SINEW_TOPO_TIMEOUT:
	case SINEW_TOPO_OVERRUN:
	case SINEW_TOPO_LOST:
	case SINEW_TOPO_REFUSED:
		r->err = msg->error ? msg->error : -EPROTO;
		break;
	}
}

static int turn(struct readers *r, int wait_ms)
{
	struct epoll_event ready[READY_MAX];
	int n = epoll_wait(r->epoll, ready, READY_MAX, wait_ms), err = 0;

	for (int i = 0; i < n && err >= 0; i++)
		err = sinew_topo_dispatch(ready[i].data.ptr, 0);
	return err < 0 ? err : r->err;
}

static int open_one(struct readers *r, struct sinew_node *node, const char *name, uint32_t type)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof filter,
		.type = type,
		.upper = UINT32_MAX,
		.timeout_ms = -1,
	};
	struct sinew_topo **topo = &r->topos[r->n];
	int err = node ? sinew_topo_open(node, topo) : sinew_topo_connect(name, topo);
	struct epoll_event event = { .events = EPOLLIN };

	if (err)
		return err;
	event.data.ptr = *topo;
	r->n++;
	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, sinew_topo_get_fd(*topo), &event))
		return -errno;
	return sinew_topo_subscribe(*topo, &filter, told, r, NULL);
}

int readers_open(struct readers *r, struct sinew_node *node, const char *name, unsigned n,
		 uint32_t type)
{
	uint64_t limit = clock_now_ns() + TOPO_WAIT_MS * CLOCK_MS;
	int err = 0;

	*r = (struct readers){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
	r->topos = calloc(n + 1, sizeof *r->topos);
	if (r->epoll < 0 || !r->topos)
		return -ENOMEM;
	for (unsigned i = 0; i < n && !err; i++)
		err = open_one(r, node, name, type);
	while (!err && r->n_current < n && clock_now_ns() < limit)
		err = turn(r, TOPO_WAIT_MS);
	return err || r->n_current == n ? err : -ETIMEDOUT;
}

static void *run(void *arg)
{
	struct readers *r = arg;

	while (!atomic_load(&r->stop) && !r->err)
		r->err = turn(r, 10);
	return NULL;
}

int readers_start(struct readers *r)
{
	int err = -pthread_create(&r->thread, NULL, run, r);

	r->is_running = !err;
	return err;
}

void readers_close(struct readers *r)
{
	atomic_store(&r->stop, true);
	if (r->is_running)
		pthread_join(r->thread, NULL);
	for (unsigned i = 0; i < r->n; i++)
		sinew_topo_close(r->topos[i]);
	free(r->topos);
	if (r->epoll >= 0)
		close(r->epoll);
}

/* ---- a publisher ---- */

int topo_settle(struct sinew_topo *topo)
{
	uint64_t limit = clock_now_ns() + TOPO_WAIT_MS * CLOCK_MS;
	struct sinew_topo_status st = { .size = sizeof st };

	for (;;) {
		int err = sinew_topo_status(topo, &st);

		if (err || !st.n_pending)
			return err ? err : st.refusal;
		/* An answer is no event. */
		err = sinew_topo_dispatch(topo, BEHIND_MS);
		if (err < 0)
			return err;
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
}

/* The server is behind: true after a while, false when it took too long. */
static bool is_worth_a_try(struct sinew_topo *topo, uint64_t limit)
{
	return sinew_topo_dispatch(topo, BEHIND_MS) >= 0 && clock_now_ns() < limit;
}

int topo_put(struct sinew_topo *topo, uint32_t type, uint32_t n, uint64_t *ret_id)
{
	uint64_t limit = clock_now_ns() + TOPO_WAIT_MS * CLOCK_MS;
	int err;

	do
		err = sinew_topo_publish(topo, type, n, n, SINEW_SCOPE_CLUSTER, NULL, 0, ret_id);
	while (err == -EAGAIN && is_worth_a_try(topo, limit));
	return err;
}

int topo_take(struct sinew_topo *topo, uint64_t id)
{
	uint64_t limit = clock_now_ns() + TOPO_WAIT_MS * CLOCK_MS;
	int err;

	do
		err = sinew_topo_withdraw(topo, id);
	while (err == -EAGAIN && is_worth_a_try(topo, limit));
	return err;
}

/* ---- rates ---- */

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double topo_median(double *rates, uint64_t n)
{
	if (n)
		qsort(rates, n, sizeof *rates, order);
	return n ? rates[n / 2] : 0;
}
