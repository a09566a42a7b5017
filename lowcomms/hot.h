/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection that is likely to have something, and alone: it is read without asking epoll
 * first, where nothing is waited for. One system call less in a conversation of two. Knows no
 * protocol.
 */
#ifndef SINEW_LOWCOMMS_HOT_H
#define SINEW_LOWCOMMS_HOT_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

struct hot {
	struct conn *last;	/* it alone had something, when epoll was asked last; or NULL */
	bool again;		/* and the time before: it is likely */
	unsigned n_unasked;	/* read since then, as others may have something, too */
};

/* What epoll said: only that connection has something; NULL: none, others, or more. */
static inline void hot_learn(struct hot *h, struct conn *only)
{
	h->again = only && only == h->last;
	h->last = only;
	h->n_unasked = 0;
}
/* Nothing, while one spins: that says nothing of what is likely. */
static inline void hot_asked(struct hot *h)
{
	h->n_unasked = 0;
}
/* It ends. */
static inline void hot_forget(struct hot *h, const struct conn *c)
{
	if (h->last == c)
		hot_learn(h, NULL);
}
/* Whether it may be read unasked, now. */
bool hot_may_read(const struct hot *h);
/* Reads it. True: something came, or it has ended. */
bool hot_read(struct hot *h);

#endif
