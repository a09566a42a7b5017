/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

bool memory_charge(struct memory *m, uint64_t n)
{
	uint64_t was = atomic_load_explicit(&m->charged, memory_order_relaxed);

	do {
		if (was + n > m->limit) {
			atomic_store(&m->is_short, true);
			/* It may have been given back before that was seen. */
			was = atomic_load(&m->charged);
			if (was + n > m->limit)
				return false;
		}
	} while (!atomic_compare_exchange_weak(&m->charged, &was, was + n));
	return true;
}

void memory_uncharge(struct memory *m, uint64_t n)
{
	assert(atomic_load(&m->charged) >= n);
	atomic_fetch_sub(&m->charged, n);
	if (atomic_load(&m->is_short))
		atomic_store(&m->freed, true);
}

static struct buf *pool_take(struct memory *m)
{
	struct buf *b;

	lock_take(&m->lock, LOCK_MEMORY);
	assert(!m->pool == !m->n_pool);
	b = m->pool;
	if (b) {
		m->pool = b->next;
		m->n_pool--;
	}
	lock_give(&m->lock, LOCK_MEMORY);
	return b;
}

static bool pool_put(struct buf *b)
{
	struct memory *m = b->memory;
	bool room;

	assert(b->size == BUF_POOLED && !atomic_load(&b->refs));
	lock_take(&m->lock, LOCK_MEMORY);
	room = m->n_pool < BUF_POOL_MAX &&
		!atomic_load_explicit(&m->is_short, memory_order_relaxed);
	if (room) {
		b->next = m->pool;
		m->pool = b;
		m->n_pool++;
	}
	assert(m->n_pool <= BUF_POOL_MAX);
	lock_give(&m->lock, LOCK_MEMORY);
	return room;
}

/* Pooled ones have pages of their own: what is given back leaves the process at once. Long ones
 * come and go with each message, and stay with malloc(). */
static struct buf *buf_alloc(size_t size)
{
	size_t all = (sizeof(struct buf) + size + 63) & ~(size_t)63;

	return size == BUF_POOLED ? pages_map(all) : aligned_alloc(64, all);
}

static void buf_free(struct buf *b)
{
	assert(!atomic_load(&b->refs));
	memory_uncharge(b->memory, b->size);
	if (b->size == BUF_POOLED)
		pages_unmap(b, sizeof *b + b->size);
	else
		free(b);
}

int buf_new(struct memory *m, size_t size, bool force, struct buf **ret_buf)
{
	struct buf *b = size == BUF_POOLED ? pool_take(m) : NULL;

	assert(!b || (b->size == size && b->memory == m));
	if (!b) {
		if (force)
			atomic_fetch_add(&m->charged, size);
		else if (!memory_charge(m, size))
			return -EAGAIN;
		b = buf_alloc(size);
		if (!b) {
			memory_uncharge(m, size);
			return -ENOMEM;
		}
		b->size = size;
		b->memory = m;
		b->next = NULL;
	}
	atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
	*ret_buf = b;
	return 0;
}

void buf_unref(struct buf *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (b->size != BUF_POOLED || !pool_put(b))
		buf_free(b);
}

struct buf *buf_of(uint8_t *data)
{
	assert(((uintptr_t)data & 63) == 0);
	return (struct buf *)(void *)(data - offsetof(struct buf, data));
}

void buf_pool_drop(struct memory *m)
{
	struct buf *b;

	while ((b = pool_take(m)))
		buf_free(b);
}

void buf_idle(struct buf *b)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin, end;

	if (!b)
		return;
	begin = ((uintptr_t)b->data + page - 1) & ~(page - 1);
	end = ((uintptr_t)b->data + b->size) & ~(page - 1);
	if (begin < end)
		madvise((void *)begin, end - begin, MADV_DONTNEED);
}

void *pages_map(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

void pages_unmap(void *mem, size_t size)
{
	munmap(mem, size);
}

void pages_idle(void *mem, size_t size)
{
	assert(mem && ((uintptr_t)mem & 4095) == 0);
	madvise(mem, size, MADV_DONTNEED);
}
