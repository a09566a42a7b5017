/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/leave.h"

#include <assert.h>

#include "lowcomms/actions.h"
#include "lowcomms/handle.h"

/* References to it are gone before its memory goes. */
void member_remove(struct sinew_node *n, struct member *m)
{
	struct session *spare = m->peer.spare;
	const uint32_t nodeid = m->nodeid;

	assert(m->in_core && m->peer.core == &n->core);
	list_remove(&m->leaving);
	peer_remove(&m->peer);
	node_actions(n);
	if (spare)
		sinew_session_unref(handle_of(spare));
	directory_keep_former(&n->directory, m);
	watch_peer(&n->managed.observers, nodeid);
}

/* No session of its next incarnation: there is nothing to open one with. */
static void take_spare(struct member *m)
{
	struct session *spare = m->peer.spare;

	assert(m->leaves);
	m->peer.spare = NULL;
	m->spare_due = false;
	if (spare)
		sinew_session_unref(handle_of(spare));
}

void leave_begin(struct sinew_node *n, struct member *m, uint64_t linger_ns)
{
	uint64_t until_ns = n->core.now_ns + linger_ns;

	assert(m->in_core && (m->leaves || list_empty(&m->leaving)));
	if (!m->leaves) {
		m->leaves = true;
		m->leave_ns = until_ns;
		list_push(&n->directory.leaving, &m->leaving);
		take_spare(m);
		if (m->peer.session)
			handle_finish(handle_of(m->peer.session));
	}
	m->leave_ns = earlier(m->leave_ns, until_ns);
	leave_check(n);
}

/* One that may go now; else the next sweep is in time for the others. */
static struct member *next_over(struct sinew_node *n)
{
	list_each(struct member, m, &n->directory.leaving, leaving) {
		uint64_t at = earlier(core_peer_over_at(&m->peer), m->leave_ns);

		assert(m->leaves && m->in_core);
		if (at <= n->core.now_ns)
			return m;
		node_sweep_in(n, at - n->core.now_ns);
	}
	return NULL;
}

void leave_tick(struct sinew_node *n)
{
	struct member *m;

	while ((m = next_over(n))) {
		assert(n->core.now_ns >= m->leave_ns || !m->peer.session);
		list_remove(&m->leaving);
		/* Or the user has removed it: that is on its way here. */
		if (directory_withdraw(&n->directory, m))
			member_remove(n, m);
	}
}
