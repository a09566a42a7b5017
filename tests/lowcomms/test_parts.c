/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of parts of a node, each alone: the memory's budget and its pool of buffers,
 * and waiters. Knows no node and no session.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/memory.h"
#include "lowcomms/waiters.h"
#include "tests/lib/check.h"

/* ---- memory ---- */

static struct memory memory_of(uint64_t limit)
{
	return (struct memory) { .limit = limit };
}

static void the_budget_may_be_used_up(void)
{
	struct memory m = memory_of(100);

	CHECK(memory_charge(&m, 60));
	CHECK(memory_charge(&m, 40));
	CHECK_EQ(atomic_load(&m.charged), 100);
	CHECK(!atomic_load(&m.is_short));
	CHECK(!memory_moves(&m));
	CHECK(!memory_charge(&m, 1));
	CHECK_EQ(atomic_load(&m.charged), 100);
	CHECK(atomic_load(&m.is_short));
	CHECK(!atomic_load(&m.freed));
}

static void only_who_was_refused_hears_of_memory(void)
{
	struct memory m = memory_of(100);

	CHECK(memory_charge(&m, 100));
	memory_uncharge(&m, 10);
	CHECK_EQ(atomic_load(&m.charged), 90);
	CHECK(!atomic_load(&m.freed));
	CHECK(!memory_moves(&m));
	CHECK(!memory_charge(&m, 11));
	CHECK(memory_shrink_due(&m));
	CHECK(memory_moves(&m));
	m.has_shrunk = true;
	CHECK(!memory_shrink_due(&m));
	CHECK(!memory_moves(&m));
	memory_uncharge(&m, 1);
	CHECK(atomic_load(&m.freed));
	CHECK(memory_moves(&m));
}

static struct buf *pooled(struct memory *m)
{
	struct buf *b = NULL;

	CHECK_EQ(buf_new(m, BUF_POOLED, false, &b), 0);
	if (!b)
		abort();
	return b;
}

/* Buffers of the pool stay charged until it is dropped, and are the next ones. */
static void a_buffer_comes_again(void)
{
	struct memory m = memory_of(2 * BUF_POOLED);
	struct buf *b = pooled(&m), *other;

	CHECK(buf_alone(b));
	CHECK_EQ(b->size, BUF_POOLED);
	CHECK(buf_of(b->data) == b);
	buf_ref(b);
	CHECK(!buf_alone(b));
	buf_unref(b);
	CHECK(buf_alone(b));
	CHECK_EQ(m.n_pool, 0);
	buf_unref(b);
	CHECK_EQ(m.n_pool, 1);
	CHECK_EQ(atomic_load(&m.charged), BUF_POOLED);
	CHECK(pooled(&m) == b);
	CHECK(buf_alone(b));
	CHECK_EQ(m.n_pool, 0);
	other = pooled(&m);
	CHECK_EQ(atomic_load(&m.charged), 2 * BUF_POOLED);
	buf_unref(b);
	buf_unref(other);
	CHECK(m.pool == other);
	CHECK(other->next == b);
	buf_pool_drop(&m);
	CHECK_EQ(m.n_pool, 0);
	CHECK_EQ(atomic_load(&m.charged), 0);
	buf_unref(NULL);
	buf_idle(NULL);
}

static void the_pool_has_a_limit(void)
{
	struct memory m = memory_of((BUF_POOL_MAX + 1) * (uint64_t)BUF_POOLED);
	struct buf *all[BUF_POOL_MAX + 1];

	for (unsigned i = 0; i <= BUF_POOL_MAX; i++)
		all[i] = pooled(&m);
	for (unsigned i = 0; i <= BUF_POOL_MAX; i++)
		buf_unref(all[i]);
	CHECK_EQ(m.n_pool, BUF_POOL_MAX);
	CHECK_EQ(atomic_load(&m.charged), BUF_POOL_MAX * (uint64_t)BUF_POOLED);
	buf_pool_drop(&m);
	CHECK_EQ(atomic_load(&m.charged), 0);
}

static void nothing_is_pooled_while_memory_is_short(void)
{
	struct memory m = memory_of(BUF_POOLED);
	struct buf *b = pooled(&m), *more = NULL;

	CHECK_EQ(buf_new(&m, BUF_POOLED, false, &more), -EAGAIN);
	CHECK(!more);
	CHECK_EQ(buf_new(&m, BUF_POOLED, true, &more), 0);
	CHECK_EQ(atomic_load(&m.charged), 2 * BUF_POOLED);
	buf_unref(more);
	buf_unref(b);
	CHECK_EQ(m.n_pool, 0);
	CHECK_EQ(atomic_load(&m.charged), 0);
	CHECK(atomic_load(&m.freed));
}

static void other_sizes_are_not_pooled(void)
{
	struct memory m = memory_of(1000);
	struct buf *b = NULL;

	CHECK_OR_RETURN(CHECK_EQ(buf_new(&m, 1000, false, &b), 0));
	CHECK_EQ(b->size, 1000);
	CHECK(b->memory == &m);
	memset(b->data, 0xff, 1000);
	buf_unref(b);
	CHECK_EQ(m.n_pool, 0);
	CHECK_EQ(atomic_load(&m.charged), 0);
}

/* Whole pages of it read as zero afterwards; a buffer's first bytes share one with its head. */
static void an_idle_buffer_gives_its_pages_back(void)
{
	struct memory m = memory_of(BUF_POOLED);
	struct buf *b = pooled(&m);
	uint8_t *pages = pages_map(8192);

	memset(b->data, 0xff, b->size);
	buf_idle(b);
	CHECK_EQ(b->size, BUF_POOLED);
	CHECK_EQ(b->data[BUF_POOLED / 2], 0);
	CHECK_EQ(b->data[0], 0xff);
	buf_unref(b);
	buf_pool_drop(&m);
	CHECK_OR_RETURN(CHECK(pages));
	memset(pages, 0xff, 8192);
	pages_idle(pages, 4096);
	CHECK_EQ(pages[0], 0);
	pages_unmap(pages, 8192);
}

/* ---- waiters ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void woken_once_each(void)
{
	struct waiters list = { .n = 0 };
	struct waiter w[3];

	memset(w, 0xff, sizeof w);
	wait_wake(&lock, &list);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(wait_begin(&lock, &list, &w[i]), 0);
	CHECK_EQ(atomic_load(&list.n), 3);
	CHECK_EQ(wait_for(&lock, &w[0], 0), -ETIMEDOUT);
	CHECK_EQ(wait_for(&lock, &w[2], 1), -ETIMEDOUT);
	wait_wake(&lock, &list);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(wait_for(&lock, &w[i], UINT64_MAX), 0);
		CHECK_EQ(wait_for(&lock, &w[i], 0), -ETIMEDOUT);
	}
	wait_end(&lock, &list, &w[1]);
	CHECK_EQ(atomic_load(&list.n), 2);
	wait_wake(&lock, &list);
	CHECK_EQ(wait_for(&lock, &w[0], 0), 0);
	CHECK_EQ(wait_for(&lock, &w[2], 0), 0);
	wait_end(&lock, &list, &w[0]);
	wait_end(&lock, &list, &w[2]);
	CHECK_EQ(atomic_load(&list.n), 0);
	CHECK(!list.first);
}

int main(void)
{
	RUN(the_budget_may_be_used_up);
	RUN(only_who_was_refused_hears_of_memory);
	RUN(a_buffer_comes_again);
	RUN(the_pool_has_a_limit);
	RUN(nothing_is_pooled_while_memory_is_short);
	RUN(other_sizes_are_not_pooled);
	RUN(an_idle_buffer_gives_its_pages_back);
	RUN(woken_once_each);
	return check_done();
}
