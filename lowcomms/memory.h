/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of a node: its budget, reference counted receive buffers with a small pool, the list of
 * handles, which hold the rings, and the address space of rings. Knows nothing of its contents.
 */
#ifndef SINEW_LOWCOMMS_MEMORY_H
#define SINEW_LOWCOMMS_MEMORY_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/lock.h"
#include "proto/list.h"

#define BUF_POOLED	(256u * 1024)	/* size of the pooled kind */
#define BUF_POOL_MAX	32		/* kept for reuse, until all is idle */

struct memory;

struct buf {
	_Atomic unsigned refs;
	size_t size;
	struct memory *memory;
	struct buf *next;		/* in the pool */
	_Alignas(64) uint8_t data[];
};

/* Without a note, a field belongs to the loop thread. */
struct memory {
	_Atomic uint64_t limit;		/* node_memory */
	struct lock lock;
	struct buf *pool;		/* lock */
	unsigned n_pool;		/* lock */
	struct list handles;		/* all that have memory; lock */
	_Atomic uint64_t charged;	/* bytes */
	_Atomic uint64_t n_charges;	/* times that a ring took some */
	_Atomic bool is_short;		/* somebody waits for memory */
	_Atomic bool freed;		/* since */
	bool has_shrunk;		/* the rings know that memory is short */
	bool retry;			/* the system gave none: again at the next sweep */
	bool read_much;			/* since the last sweep: buffers are of use */
	struct buf *read_buf;		/* the one that the next read goes to, or NULL */
};

/* Takes n bytes from the node's budget; false: not there, and the loop will look
 * again when some are given back. Any thread. */
bool memory_charge(struct memory *m, uint64_t n);
void memory_uncharge(struct memory *m, uint64_t n);

/* 0, and one reference; -EAGAIN: over the budget, unless forced, for what the loop cannot do
 * without; -ENOMEM: the system has none. */
int buf_new(struct memory *m, size_t size, bool force, struct buf **ret_buf);
static inline struct buf *buf_ref(struct buf *b)
{
	assert(atomic_load_explicit(&b->refs, memory_order_relaxed));
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}
static inline bool buf_alone(struct buf *b)
{
	return atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
}
void buf_unref(struct buf *b);	/* any thread; NULL is ignored */
struct buf *buf_of(uint8_t *data);	/* from its data */
/* Returns the pages of a buffer without content to the system. NULL is ignored. */
void buf_idle(struct buf *b);
void buf_pool_drop(struct memory *m);

/* Address space for a ring or a buffer, touched on use; NULL: none. */
void *pages_map(size_t size);
void pages_unmap(void *mem, size_t size);
/* Its pages back to the system; they read as zero. */
void pages_idle(void *mem, size_t size);

/* Rings are to give memory back, once each time it gets short. */
static inline bool memory_shrink_due(const struct memory *m)
{
	return atomic_load(&m->is_short) && !m->has_shrunk;
}
/* They have to be looked at for it. */
static inline bool memory_moves(const struct memory *m)
{
	return atomic_load(&m->freed) || memory_shrink_due(m);
}

#endif
