/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of a node: its budget, reference counted receive buffers with a small
 * pool, and the address space of rings. Knows nothing of what is stored.
 */
#ifndef SINEW_LOWCOMMS_BUF_H
#define SINEW_LOWCOMMS_BUF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUF_POOLED	(256u * 1024)	/* size of the pooled kind */
#define BUF_POOL_MAX	32		/* kept for reuse, until all is idle */

struct sinew_node;

struct buf {
	_Atomic unsigned refs;
	size_t size;
	struct sinew_node *node;
	struct buf *next;		/* in the pool */
	_Alignas(64) uint8_t data[];
};

/* Takes n bytes from the node's budget; false: not there, and the loop will look
 * again when some are given back. Any thread. */
bool memory_charge(struct sinew_node *node, uint64_t n);
/* The same beyond the budget: for what the loop cannot do without. */
void memory_force(struct sinew_node *node, uint64_t n);
void memory_uncharge(struct sinew_node *node, uint64_t n);

/* NULL: no memory, or (unless forced) over the budget. One reference. */
struct buf *buf_new(struct sinew_node *node, size_t size, bool force);
static inline struct buf *buf_ref(struct buf *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}
static inline bool buf_alone(struct buf *b)
{
	return atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
}
void buf_unref(struct buf *b);	/* any thread; NULL is ignored */
struct buf *buf_of(uint8_t *data);	/* from its data */
/* What is in it is of no use: its pages back to the system. NULL is ignored. */
void buf_idle(struct buf *b);
void buf_pool_drop(struct sinew_node *node);

/* Address space for a ring or a buffer, touched on use; NULL: none. */
void *pages_map(size_t size);
void pages_unmap(void *mem, size_t size);
/* Its pages back to the system; they read as zero. */
void pages_idle(void *mem, size_t size);

#endif
