/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/inbox.h"

#include <assert.h>

void inbox_command(struct inbox *b, struct command *c)
{
	c->next = NULL;
	lock_take(&b->lock, LOCK_INBOX);
	assert(!*b->commands_tail);
	*b->commands_tail = c;
	b->commands_tail = &c->next;
	atomic_store(&b->any, true);
	lock_give(&b->lock, LOCK_INBOX);
}

void inbox_close(struct inbox *b, int linger_ms)
{
	assert(linger_ms >= 0);
	lock_take(&b->lock, LOCK_INBOX);
	if (b->in.close_ms < 0 || linger_ms < b->in.close_ms)
		b->in.close_ms = linger_ms;
	atomic_store(&b->any, true);
	lock_give(&b->lock, LOCK_INBOX);
}

void inbox_service(struct inbox *b)
{
	lock_take(&b->lock, LOCK_INBOX);
	b->in.service = true;
	atomic_store(&b->any, true);
	lock_give(&b->lock, LOCK_INBOX);
}
