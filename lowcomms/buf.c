/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The node's memory budget, buffers and rings. Knows nothing of messages.
 */
#include "lowcomms/buf.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lowcomms/node.h"

bool memory_charge(struct sinew_node *node, uint64_t n)
{
	uint64_t was = atomic_load_explicit(&node->memory, memory_order_relaxed);

	do {
		if (was + n > node->opt.node_memory) {
			atomic_store(&node->memory_short, true);
			/* It may have been given back before that was seen. */
			was = atomic_load(&node->memory);
			if (was + n > node->opt.node_memory)
				return false;
		}
	} while (!atomic_compare_exchange_weak(&node->memory, &was, was + n));
	return true;
}

void memory_force(struct sinew_node *node, uint64_t n)
{
	atomic_fetch_add(&node->memory, n);
}

void memory_uncharge(struct sinew_node *node, uint64_t n)
{
	atomic_fetch_sub(&node->memory, n);
	if (atomic_load(&node->memory_short))
		atomic_store(&node->memory_freed, true);
}

static struct buf *pool_take(struct sinew_node *node)
{
	struct buf *b;

	mutex_lock(&node->pool_lock, LOCK_MEMORY);
	b = node->pool;
	if (b) {
		node->pool = b->next;
		node->n_pool--;
	}
	mutex_unlock(&node->pool_lock, LOCK_MEMORY);
	return b;
}

static bool pool_put(struct buf *b)
{
	struct sinew_node *node = b->node;
	bool room;

	mutex_lock(&node->pool_lock, LOCK_MEMORY);
	room = node->n_pool < BUF_POOL_MAX &&
		!atomic_load_explicit(&node->memory_short, memory_order_relaxed);
	if (room) {
		b->next = node->pool;
		node->pool = b;
		node->n_pool++;
	}
	mutex_unlock(&node->pool_lock, LOCK_MEMORY);
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
	memory_uncharge(b->node, b->size);
	if (b->size == BUF_POOLED)
		pages_unmap(b, sizeof *b + b->size);
	else
		free(b);
}

struct buf *buf_new(struct sinew_node *node, size_t size, bool force)
{
	struct buf *b = size == BUF_POOLED ? pool_take(node) : NULL;

	if (b) {
		atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
		return b;
	}
	if (force)
		memory_force(node, size);
	else if (!memory_charge(node, size))
		return NULL;
	b = buf_alloc(size);
	if (!b) {
		memory_uncharge(node, size);
		node_retry_memory(node);
		return NULL;
	}
	atomic_init(&b->refs, 1);
	b->size = size;
	b->node = node;
	b->next = NULL;
	return b;
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
	return container_of(data, struct buf, data);
}

void buf_pool_drop(struct sinew_node *node)
{
	struct buf *b;

	while ((b = pool_take(node)))
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
	if (mem)
		munmap(mem, size);
}

void pages_idle(void *mem, size_t size)
{
	madvise(mem, size, MADV_DONTNEED);
}
