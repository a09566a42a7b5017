/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/overview.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/handle.h"

_Static_assert(sizeof(struct overview) <= SNAPSHOT_WORDS * sizeof(uint64_t), "room");

/* All that the first version has. */
#define STATUS_MIN	(offsetof(struct sinew_node_status, incarnation) + sizeof(uint64_t))

static unsigned is_open(int fd)
{
	return fd >= 0;
}

void overview_show(struct sinew_node *n)
{
	const struct conns *c = &n->conns;
	struct overview v = {
		.refused = n->core.refused, .faults = n->core.faults,
		.probes_answered = n->core.probes_answered,
		.n_conns = c->n_all, .n_handshakes = c->n_all - c->n_up - c->n_draining,
		.n_fds = c->n_fds + is_open(n->loop.epoll) + is_open(n->loop.wake.fd) +
			is_open(n->loop.timer.fd) + is_open(n->listeners.spare_fd),
		.quorate = n->core.quorate,
	};

	assert(c->n_up + c->n_draining <= c->n_all);
	for (unsigned i = 0; i < n->listeners.n; i++) {
		v.n_listeners += n->listeners.all[i].stream.transport != NULL;
		v.n_fds += n->listeners.all[i].stream.transport &&
			is_open(n->listeners.all[i].stream.source.fd);
	}
	snapshot_write(&n->managed.overview, &v, sizeof v);
}

/* Under the directory's lock. */
static void count_peers(struct sinew_node *n, struct sinew_node_status *st)
{
	lock_order_held(LOCK_DIRECTORY);
	for (unsigned i = 0; i < MEMBER_HASH; i++)
		list_each(const struct member, m, &n->directory.members[i], table) {
			struct reach_view v;

			snapshot_read(&m->snapshot, &v, sizeof v);
			st->n_sessions += m->handle != NULL;
			st->n_links += m->handle && v.link_up;
		}
	st->n_peers = n->directory.n_members;
	assert(st->n_links <= st->n_sessions && st->n_sessions <= st->n_peers);
}

static void fill(struct sinew_node *n, struct sinew_node_status *st)
{
	struct overview v;

	snapshot_read(&n->managed.overview, &v, sizeof v);
	*st = (struct sinew_node_status) {
		.size = sizeof *st, .nodeid = n->opt.nodeid,
		.incarnation = atomic_load(&n->incarnation), .quorate = v.quorate,
		.closing = atomic_load(&n->closing.asked), .closed = atomic_load(&n->closing.over),
		.n_conns = v.n_conns, .n_handshakes = v.n_handshakes,
		.n_listeners = v.n_listeners, .n_fds = v.n_fds,
		.memory_bytes = atomic_load(&n->memory.charged),
		.memory_limit = atomic_load(&n->memory.limit),
		.loop_turns = atomic_load(&n->loop.turn),
		.refused = v.refused, .faults = v.faults, .probes_answered = v.probes_answered,
	};
	if (!st->closed)
		st->loop_busy_ms = loop_busy_ns(&n->loop) / 1000000u;
	directory_lock(&n->directory);
	count_peers(n, st);
	directory_unlock(&n->directory);
}

int sinew_node_status(struct sinew_node *node, struct sinew_node_status *ret)
{
	struct sinew_node_status st;
	size_t known;

	if (!node || !ret || ret->size < STATUS_MIN)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	fill(node, &st);
	known = ret->size < sizeof st ? ret->size : sizeof st;
	st.size = ret->size;
	memset((char *)ret + known, 0, ret->size - known);
	memcpy(ret, &st, known);
	return 0;
}
