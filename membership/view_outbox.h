/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of a process to its group, and their times: its own HELLO, and the incarnations that
 * were fenced. Knows no members of the group.
 */
#ifndef MEMBERSHIP_VIEW_OUTBOX_H
#define MEMBERSHIP_VIEW_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#define VIEW_FENCED_MAX		16	/* fencings that wait to be told */
#define VIEW_NEVER		UINT64_MAX

struct view_incarnation {
	uint32_t nodeid;
	uint64_t incarnation;
};

/* Zeroed, but hello_due_ns VIEW_NEVER: nothing is to be told. */
struct view_outbox {
	uint64_t hello_due_ns;		/* VIEW_NEVER: none */
	uint64_t hello_latest_ns;	/* until then it may be put off */
	struct view_incarnation fenced[VIEW_FENCED_MAX];	/* to be told, the oldest first */
	unsigned n_fenced;
	uint64_t fenced_due_ns;		/* when they are told, while there are any */
	/* Due, and to be sent until view_outbox_sent() says otherwise. */
	bool sends_hello, sends_fenced;
};

/* A HELLO shortly: one is enough for all that come meanwhile; or at once. */
void view_outbox_hello(struct view_outbox *o, uint64_t now_ns);
void view_outbox_hello_now(struct view_outbox *o, uint64_t now_ns);
/* That incarnation has been fenced. -ENOSPC. */
int view_outbox_fenced(struct view_outbox *o, const struct view_incarnation *whose,
		       uint64_t now_ns);
uint64_t view_outbox_deadline(const struct view_outbox *o, bool is_in_group);
/* Begins to send what is due by now. A node without an identity has nobody to tell it. */
void view_outbox_tick(struct view_outbox *o, bool is_in_group, bool has_incarnation,
		      uint64_t now_ns);
/* Whether the service took it; else it is tried again. */
void view_outbox_sent(struct view_outbox *o, bool is_taken, uint64_t now_ns);

#endif
