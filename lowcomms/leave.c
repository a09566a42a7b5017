/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peers that are closed in order: finished, then removed when their handshake is over or their
 * time is. Knows no links; what is still to be seen of the other end the core tells.
 */
#include "lowcomms/leave.h"

#include <errno.h>
#include <stdlib.h>

#include "lowcomms/handle.h"

/* No session of its next life: there is nothing to open one with. */
static void take_spare(struct member *m)
{
	struct session *spare = m->peer.spare;

	m->peer.spare = NULL;
	m->lend_due = false;
	if (spare)
		sinew_session_unref(handle_of(spare));
}

static struct command **find(struct sinew_node *n, const struct member *m)
{
	struct command **pp = &n->leaving;

	while (*pp && (*pp)->member != m)
		pp = &(*pp)->next;
	return pp;
}

void leave_begin(struct sinew_node *n, struct command *c, struct member *m)
{
	struct command *before = *find(n, m);

	c->until_ns += n->core.now_ns;
	if (before) {
		if (c->until_ns < before->until_ns)
			before->until_ns = c->until_ns;
		free(c);
	} else {
		c->member = m;
		c->next = n->leaving;
		n->leaving = c;
		m->leaves = true;
		take_spare(m);
		if (m->peer.session)
			handle_finish(handle_of(m->peer.session));
	}
	leave_look(n);
}

void leave_forget(struct sinew_node *n, const struct member *m)
{
	struct command **pp = find(n, m), *c = *pp;

	if (c)
		*pp = c->next;
	free(c);
}

/* One that may go now; else when to look again is noted. */
static struct member *next_over(struct sinew_node *n)
{
	for (struct command *c = n->leaving; c; c = c->next) {
		uint64_t at = core_peer_over_at(&c->member->peer);

		if (at > c->until_ns)
			at = c->until_ns;
		if (at <= n->core.now_ns)
			return c->member;
		node_sweep_by(n, at);
	}
	return NULL;
}

void leave_tick(struct sinew_node *n)
{
	struct member *m;

	while ((m = next_over(n))) {
		leave_forget(n, m);
		/* Or the user has removed it: that is on its way here. */
		if (member_withdraw(n, m))
			member_remove(n, m);
	}
}

void leave_look(struct sinew_node *n)
{
	if (n->leaving)
		node_sweep_by(n, n->core.now_ns);
}

void leave_free(struct sinew_node *n)
{
	struct command *c;

	while ((c = n->leaving)) {
		n->leaving = c->next;
		free(c);
	}
}
