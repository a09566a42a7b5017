/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/inbox.h"

#include <stddef.h>

/* Empty; under the lock, or before there are threads. */
static void empty(struct inbox *b)
{
	b->in = (struct letters) { .commands = NULL };
	b->commands_tail = &b->in.commands;
	b->dirty_tail = &b->in.dirty;
}

void inbox_open(struct inbox *b)
{
	empty(b);
}

void inbox_command(struct inbox *b, struct command *c)
{
	c->next = NULL;
	lock_take(&b->lock, LOCK_INBOX);
	*b->commands_tail = c;
	b->commands_tail = &c->next;
	atomic_store(&b->any, true);
	lock_give(&b->lock, LOCK_INBOX);
}

void inbox_close(struct inbox *b, int linger_ms)
{
	lock_take(&b->lock, LOCK_INBOX);
	if (!b->in.close_due || linger_ms < b->in.close_ms)
		b->in.close_ms = linger_ms;
	b->in.close_due = true;
	atomic_store(&b->any, true);
	lock_give(&b->lock, LOCK_INBOX);
}

void inbox_take(struct inbox *b, struct letters *ret)
{
	lock_take(&b->lock, LOCK_INBOX);
	atomic_store_explicit(&b->any, false, memory_order_relaxed);
	*ret = b->in;
	empty(b);
	lock_give(&b->lock, LOCK_INBOX);
}
