/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections that can do something without asking the kernel: those on the ready list have work
 * for the next turn; one at most may be read on speculation, where the loop would not wait, which
 * saves a system call between two nodes. Knows no protocol, and does no work itself.
 */
#ifndef SINEW_LOWCOMMS_READY_H
#define SINEW_LOWCOMMS_READY_H

#include "proto/list.h"

struct conn;

enum {
	READY_READ	= 1,	/* the kernel has named it alone twice in a row: not on the list */
	READY_PARSE	= 2,	/* input is buffered, or it is known to have ended */
	READY_WRITE	= 4,	/* its stream took all so far, and there is more */
};

/* All of a node. Loop thread. */
struct ready {
	struct list conns;	/* with PARSE or WRITE */
	struct conn *last;	/* the kernel has named it alone, the last time; or NULL */
	bool alone;		/* the next one named is the only one */
	unsigned n_reads;	/* speculative ones since then: others may have something, too */
};

static inline bool ready_any(const struct ready *r)
{
	return !list_empty(&r->conns);
}
/* PARSE, of an open connection, or WRITE. */
void ready_add(struct conn *c, unsigned can);
/* Takes it from the list. Its bits. */
unsigned ready_take(struct conn *c);
/* It ends. */
void ready_forget(struct conn *c);
/* The kernel was asked, and has named so many sources; then for each connection among them. */
void ready_asked(struct ready *r, int n_named);
void ready_named(struct conn *c);
/* The one to be read on speculation; NULL: none. */
struct conn *ready_reader(struct ready *r);

#endif
