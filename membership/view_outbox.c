/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/view_outbox.h"

#include <errno.h>
#include <string.h>

#define MS		UINT64_C(1000000)
#define HELLO_WAIT_NS	(20 * MS)	/* others that join meanwhile share a HELLO */
#define HELLO_LATEST_NS	(100 * MS)	/* but nobody waits longer */
#define AGAIN_NS	(10 * MS)	/* the service took nothing now */

void view_outbox_hello(struct view_outbox *o, uint64_t now_ns)
{
	uint64_t due = now_ns + HELLO_WAIT_NS;

	if (o->hello_due_ns == VIEW_NEVER)
		o->hello_latest_ns = now_ns + HELLO_LATEST_NS;
	o->hello_due_ns = due < o->hello_latest_ns ? due : o->hello_latest_ns;
}

void view_outbox_hello_now(struct view_outbox *o, uint64_t now_ns)
{
	o->hello_due_ns = o->hello_latest_ns = now_ns;
}

int view_outbox_fenced(struct view_outbox *o, const struct view_incarnation *whose,
		       uint64_t now_ns)
{
	if (o->n_fenced == VIEW_FENCED_MAX)
		return -ENOSPC;
	o->fenced[o->n_fenced++] = *whose;
	o->fenced_due_ns = now_ns;
	return 0;
}

uint64_t view_outbox_deadline(const struct view_outbox *o, bool is_in_group)
{
	if (is_in_group && o->n_fenced && o->fenced_due_ns < o->hello_due_ns)
		return o->fenced_due_ns;
	return o->hello_due_ns;
}

void view_outbox_tick(struct view_outbox *o, bool is_in_group, bool has_incarnation,
		      uint64_t now_ns)
{
	o->sends_hello = o->hello_due_ns <= now_ns && is_in_group && has_incarnation;
	if (o->hello_due_ns <= now_ns && !o->sends_hello)
		o->hello_due_ns = VIEW_NEVER;
	o->sends_fenced = is_in_group && o->n_fenced && o->fenced_due_ns <= now_ns;
}

void view_outbox_sent(struct view_outbox *o, bool is_taken, uint64_t now_ns)
{
	if (o->sends_hello) {
		o->hello_due_ns = is_taken ? VIEW_NEVER : now_ns + AGAIN_NS;
		o->sends_hello = false;
		return;
	}
	if (is_taken)
		memmove(o->fenced, o->fenced + 1, --o->n_fenced * sizeof(o->fenced[0]));
	else
		o->fenced_due_ns = now_ns + AGAIN_NS;
	o->sends_fenced = is_taken && o->n_fenced;
}
