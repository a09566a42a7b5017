/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/node.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

_Atomic unsigned node_generation;

static void forked(void)
{
	atomic_fetch_add(&node_generation, 1);
}

/* Once for the process. */
int node_watch_forks(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool watched;
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!watched)
		err = pthread_atfork(NULL, NULL, forked);
	watched = !err;
	pthread_mutex_unlock(&lock);
	return -err;
}

int node_random(void *buf, size_t n)
{
	uint8_t *p = buf;

	assert(n);
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

int node_incarnation(uint64_t *ret_incarnation)
{
	uint64_t incarnation = 0;
	int err;

	do
		err = node_random(&incarnation, sizeof incarnation);
	while (!err && !incarnation);
	if (!err)
		*ret_incarnation = incarnation;
	assert(err || *ret_incarnation);
	return err;
}

int node_alloc(struct sinew_node **ret_node)
{
	struct sinew_node *n = calloc(1, sizeof *n);
	int err;

	if (!n)
		return -ENOMEM;
	err = -pthread_mutex_init(&n->wait_lock, NULL);
	if (err) {
		free(n);
		return err;
	}
	atomic_init(&n->refs, 1);
	n->log.opt = &n->opt;
	n->log.lately = &n->managed.lately;
	n->log.now_ns = &n->core.now_ns;
	n->generation = atomic_load(&node_generation);
	atomic_init(&n->sends_in, n->generation);
	atomic_init(&n->own.end, LOOP_RUNS);
	n->loop.epoll = n->loop.wake.fd = n->loop.timer.fd = n->listeners.spare_fd = -1;
	streams_init(&n->streams, &n->loop);
	directory_init(&n->directory);
	conns_init(&n->conns);
	list_init(&n->memory.handles);
	inbox_clear(&n->inbox);
	n->errands.sweep_ns = n->closing.linger_ns = n->serving.deadline_ns = CORE_NEVER;
	n->listeners.again_ns = n->listeners.bind_again_ns = CORE_NEVER;
	*ret_node = n;
	return 0;
}

void node_unref(struct sinew_node *n)
{
	assert(atomic_load(&n->refs));
	if (atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) != 1)
		return;
	assert(list_empty(&n->memory.handles) && !n->memory.read_buf);
	assert(list_empty(&n->conns.all) && list_empty(&n->conns.dead));
	pthread_mutex_destroy(&n->wait_lock);
	buf_pool_drop(&n->memory);
	free(n);
}
