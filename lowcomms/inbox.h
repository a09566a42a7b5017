/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests of other threads, and of callbacks, to the loop: commands in their order, dirty handles,
 * a close. Does not execute them, and does not wake the loop.
 */
#ifndef SINEW_LOWCOMMS_INBOX_H
#define SINEW_LOWCOMMS_INBOX_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lowcomms/lock.h"
#include "lowcomms/sinew.h"

#define OPTIONS_BY_MAX	64	/* bytes of who asked for options, NUL included */

enum command_kind {
	COMMAND_ADD, COMMAND_ADDRS, COMMAND_REMOVE, COMMAND_JOINED, COMMAND_LEAVING,
	COMMAND_LEFT, COMMAND_FAILED, COMMAND_FENCE, COMMAND_QUORUM, COMMAND_SELF_LOST,
	COMMAND_BREAK, COMMAND_CLOSE, COMMAND_DIAL, COMMAND_NAME,
	COMMAND_OPTIONS,
};

struct command {
	struct command *next;
	enum command_kind kind;
	uint32_t nodeid;
	uint64_t incarnation;
	bool yes;
	enum sinew_fence_reason fence;
	struct member *member;		/* ADD, REMOVE */
	uint64_t linger_ns;		/* CLOSE */
	struct sinew_session *spare;	/* ADD */
	struct options_wish *options;	/* OPTIONS; freed with the command */
	unsigned n_addrs;
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
};

/* Lists; a handle on one is referenced and marked as queued, and linked by dirty_next. */
struct requests {
	struct command *commands;
	struct sinew_session *dirty;
	int close_ms;			/* sinew_close() was called; -1: not */
	bool service;			/* when its next tick is due has changed */
};

struct inbox {
	struct lock lock;
	struct requests in;		/* lock */
	struct command **commands_tail;	/* lock */
	struct sinew_session **dirty_tail;	/* lock */
	_Atomic bool any;		/* something is there */
};

/* Empty; under the lock, or before there are threads. */
static inline void inbox_clear(struct inbox *b)
{
	b->in = (struct requests) { .close_ms = -1 };
	b->commands_tail = &b->in.commands;
	b->dirty_tail = &b->in.dirty;
}
/* Any thread, and from then on the command is the loop's, which may have freed it. */
void inbox_command(struct inbox *b, struct command *c);
/* The shortest of several times to linger counts. */
void inbox_close(struct inbox *b, int linger_ms);
/* The service is to be asked for its deadline. */
void inbox_service(struct inbox *b);
/* Several handles, from the first to the one that has the tail. */
static inline void inbox_dirty(struct inbox *b, struct sinew_session *first,
			       struct sinew_session **tail)
{
	lock_take(&b->lock, LOCK_INBOX);
	assert(!*b->dirty_tail && !*tail);
	*b->dirty_tail = first;
	b->dirty_tail = tail;
	atomic_store(&b->any, true);
	lock_give(&b->lock, LOCK_INBOX);
}
/* Loop thread: all that is there. */
static inline void inbox_take(struct inbox *b, struct requests *ret)
{
	lock_take(&b->lock, LOCK_INBOX);
	atomic_store_explicit(&b->any, false, memory_order_relaxed);
	*ret = b->in;
	inbox_clear(b);
	lock_give(&b->lock, LOCK_INBOX);
}

#endif
