/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of many threads, each with connections of its own to the server of a node that has
 * sessions, loses them and takes new incarnations meanwhile. Most useful under a thread sanitizer.
 * Knows the public headers only.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/lib/follower.h"

#define TYPE		100u
#define THREADS		4u
#define ROUNDS		300u

static struct test_node nodes[2];
static struct sinew_calls *calls[2];
static _Atomic unsigned n_bad, n_done;

static bool wait_for(bool (*is_so)(const struct follower *f, uint32_t n), struct follower *f,
		     uint32_t n)
{
	int64_t until = now_ms() + time_limit(PATIENCE_MS);

	while (!is_so(f, n) && now_ms() < until)
		if (sinew_topo_dispatch(f->topo, 10) < 0)
			return false;
	return is_so(f, n);
}

static bool has_rows(const struct follower *f, uint32_t n)
{
	return f->n_rows == n;
}

static bool is_current(const struct follower *f, uint32_t n)
{
	return f->n_current >= n;
}

/* Its own type: what it publishes it sees, and nothing else. */
static void *work(void *arg)
{
	uint32_t type = TYPE + (uint32_t)(uintptr_t)arg;
	struct sinew_topo_filter mine = names_of(type, 0, UINT32_MAX), all = everything();
	struct follower *f = calloc(2, sizeof *f);
	struct sinew_topo *topo;
	uint64_t ids[10];

	if (!f || sinew_topo_open(nodes[0].n, &topo)) {
		atomic_fetch_add(&n_bad, 1);
		free(f);
		return NULL;
	}
	follower_begin(&f[0], topo, &mine);
	follower_begin(&f[1], topo, &all);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint64_t *id = &ids[round % 10];

		if (round >= 10)
			while (sinew_topo_withdraw(topo, *id) == -EAGAIN)
				sinew_topo_dispatch(topo, 1);
		while (sinew_topo_publish(topo, type, round, round, SINEW_SCOPE_CLUSTER, "x", 1,
					  id) == -EAGAIN)
			sinew_topo_dispatch(topo, 1);
		sinew_topo_dispatch(topo, 0);
	}
	if (!wait_for(is_current, &f[0], 1) || !wait_for(has_rows, &f[0], 10) || f[0].bad ||
	    f[1].bad)
		atomic_fetch_add(&n_bad, 1);
	follower_end(&f[0]);
	follower_end(&f[1]);
	sinew_topo_close(topo);
	free(f);
	atomic_fetch_add(&n_done, 1);
	return NULL;
}

static bool open_nodes(void)
{
	struct sockaddr_storage addrs[2] = { host_address(1), host_address(2) };
	bool good = true;

	for (unsigned i = 0; i < 2; i++) {
		struct sinew_options o;

		memset(&nodes[i], 0, sizeof nodes[i]);
		fast_options(&o, i + 1, &addrs[i]);
		o.own_thread = true;
		o.log = NULL;
		good &= node_open(&nodes[i], &o) &&
			CHECK_EQ(sinew_calls_new(nodes[i].n, NULL, &calls[i]), 0) &&
			CHECK_EQ(sinew_topo_start(nodes[i].n, calls[i], NULL), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		good &= CHECK_EQ(sinew_peer_add(nodes[i].n, 2 - i, &addrs[1 - i], 1), 0);
	return good;
}

static void threads_have_connections_of_their_own(void)
{
	pthread_t threads[THREADS];
	unsigned n = 0, round = 0;

	if (!open_nodes())
		return;
	for (; n < THREADS; n++)
		CHECK_EQ(pthread_create(&threads[n], NULL, work, (void *)(uintptr_t)n), 0);
	while (atomic_load(&n_done) + atomic_load(&n_bad) < THREADS) {
		sinew_break(nodes[0].n, 2);
		if (++round % 20 == 0)
			sinew_self_lost(nodes[round / 20 % 2].n);
		poll(NULL, 0, 10);
	}
	while (n)
		pthread_join(threads[--n], NULL);
	CHECK_EQ(atomic_load(&n_bad), 0);
	for (unsigned i = 0; i < 2; i++)
		node_free(&nodes[i]);
	for (unsigned i = 0; i < 2; i++)
		sinew_calls_free(calls[i]);
}

int main(void)
{
	RUN(threads_have_connections_of_their_own);
	return check_done();
}
