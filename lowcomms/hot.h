/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Speculative read: a connection that was the only readable one twice in a row is read before
 * epoll_wait(), where the loop would not wait. It saves one system call between two nodes. Knows
 * no protocol.
 */
#ifndef SINEW_LOWCOMMS_HOT_H
#define SINEW_LOWCOMMS_HOT_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

struct hot {
	struct conn *last;	/* it alone had something, when epoll was asked last; or NULL */
	struct conn *before;	/* the same of the time before */
	bool alone;		/* whoever is told of now is the only one */
	unsigned n_unasked;	/* read since then, as others may have something, too */
};

/* epoll has said who has something: one source alone, or none, or more. */
static inline void hot_begin(struct hot *h, bool alone)
{
	h->before = h->last;
	h->last = NULL;
	h->alone = alone;
	h->n_unasked = 0;
}
/* That connection is told. */
static inline void hot_learn(struct hot *h, struct conn *c)
{
	if (h->alone)
		h->last = c;
	h->alone = false;
}
/* Nothing, while one spins: that says nothing of what is likely. */
static inline void hot_asked(struct hot *h)
{
	h->n_unasked = 0;
	h->alone = false;
}
/* It ends. */
static inline void hot_forget(struct hot *h, const struct conn *c)
{
	if (h->last == c)
		h->last = NULL;
	if (h->before == c)
		h->before = NULL;
}
/* Whether it may be read unasked, now. */
bool hot_may_read(const struct hot *h);
/* Reads it. True: something came, or it has ended. */
bool hot_read(struct hot *h);

#endif
