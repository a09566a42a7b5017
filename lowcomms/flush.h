/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When queued messages are written: at once by their sender, on the loop's thread outside of
 * sinew_dispatch(); behind the batch that a callback answers; or by the loop. Knows no frame.
 */
#ifndef SINEW_LOWCOMMS_FLUSH_H
#define SINEW_LOWCOMMS_FLUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sinew_node;
struct sinew_session;

/* Of a session. The lock of its handle. */
struct cork {
	uint64_t wake_threshold;	/* position in the ring up to which what is sent needs
					 * nothing more: the loop will look. 0: not on its list */
	uint64_t turn;			/* of the last send on the loop's thread */
	uint64_t turn_tail;		/* the ring's tail when that turn began to send */
	uint64_t flush_threshold;	/* where in the ring the next write of that turn is due */
};

/* Sessions of one node at which one call has queued. */
struct flush {
	struct sinew_node *node;	/* NULL: none yet */
	struct sinew_session *dirty, **tail;	/* referenced, for the loop's list */
	bool direct;			/* some may be written at once */
};

static inline void flush_begin(struct flush *f, struct sinew_node *n)
{
	*f = (struct flush) { .node = n };
	f->tail = &f->dirty;
}
/* Something was queued, or a slot was given back, that the loop may not know of. Under its lock. */
void flush_queued(struct flush *f, struct sinew_session *h);
/* Without a lock; those and perhaps others, or NULL. */
void flush_end(struct flush *f, struct sinew_session *const *sessions, int n);
/* Does flush_begin() to flush_end() for one session. The caller holds its lock, which this
 * releases. Returns 0. */
int flush_one(struct sinew_session *h);
/* The loop, behind a batch: what its callbacks have sent back. */
void flush_answered(struct sinew_node *n);

#endif
