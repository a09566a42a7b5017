/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The status for the user, from any thread: what snapshots, rings and handles say.
 * Changes nothing.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/ring_out.h"

#include "lowcomms/handle.h"

#define SLOT_HELD_NS 1000000000u

/* Under the directory's lock. Its link only if the status is of the present session. */
static void show_member(const struct member *m, bool present, struct sinew_status *st)
{
	struct reach_view v;

	assert(m->n_addrs <= SINEW_ADDRS_MAX);
	lock_order_held(LOCK_DIRECTORY);
	st->nodeid = m->nodeid;
	snapshot_read(&m->snapshot, &v, sizeof v);
	st->last_error = v.last_error;
	st->last_error_ms = v.last_error_ms;
	st->link_up = present && v.link_up;
	st->n_links = present ? v.n_links : 0;
	st->path = present ? v.path : 0;
	st->n_paths = m->n_addrs;
	st->never_dialled = m->never_dial;
	for (unsigned i = 0; i < m->n_addrs; i++) {
		st->paths[i].addr = m->addrs[i];
		st->paths[i].state = (enum sinew_path_state)v.path_state[i];
		st->paths[i].rtt_us = v.rtt_ns[i] / 1000;
	}
}

static void show_counters(const struct session_counters *n, struct sinew_status *st)
{
	st->delivered = n->delivered;
	st->resent = n->resent;
	st->duplicates = n->duplicates;
	st->reconnects = n->reconnects;
	st->resumed_unacked = n->resumed_unacked;
	st->resumed_paced = n->resumed_paced;
	st->acks_sent = n->acks_sent;
	st->acks_received = n->acks_received;
	st->bytes_sent = n->bytes_sent;
	st->bytes_received = n->bytes_received;
	st->faults = n->faults;
	st->stalls = n->stalls;
}

/* Under its lock. */
static bool slot_held(const struct sinew_session *h, uint64_t now)
{
	lock_order_held(LOCK_HANDLE);
	for (unsigned i = 0; h->n_open && i < RING_SLOTS; i++)
		if (h->slot_ns[i] && now > h->slot_ns[i] + SLOT_HELD_NS)
			return true;
	return false;
}

/* The most there was: as counted, or as seen here. */
static uint64_t most(uint64_t counted, uint64_t now, uint64_t *shown)
{
	if (*shown < counted)
		*shown = counted;
	if (*shown < now)
		*shown = now;
	return *shown;
}

/* Under its lock, after the snapshot: each message acknowledged there was queued by now. */
static void show_queue(struct sinew_session *h, struct sinew_status *st)
{
	const struct ring *r = &h->session.ring;
	uint64_t high = r->high_water;

	lock_order_held(LOCK_HANDLE);
	st->sent = r->number;
	assert(st->acked <= st->sent);
	st->unacked = st->sent - st->acked;
	st->queue_bytes = ring_bytes_held(r);
	/* The FIN is counted there, and has its own room. */
	st->queue_high_water = most(high < r->size ? high : r->size, st->queue_bytes,
				    &h->queue_shown);
	st->kept_bytes = h->kept;
	st->kept_high_water = most(h->kept_high, st->kept_bytes, &h->kept_shown);
}

static void show_handle(struct sinew_session *h, struct sinew_status *st)
{
	uint64_t now = loop_now_ns();
	struct session_counters n;

	/* A callback sees the present state, not the last copy. */
	if (loop_is_inside(&h->node->loop))
		handle_publish(h);
	snapshot_read(&h->snapshot, &n, sizeof n);
	st->acked = n.acked;
	lock_take(&h->lock, LOCK_HANDLE);
	show_queue(h, st);
	st->slot_held = slot_held(h, now);
	lock_give(&h->lock, LOCK_HANDLE);
	st->nodeid = h->nodeid;
	st->incarnation = sinew_session_incarnation(h);
	st->state = (enum sinew_state)n.state;
	show_counters(&n, st);
	st->dlm_version = n.is_3_2 ? WIRE_VERSION_3_2 : n.is_3_1 ? WIRE_VERSION_3_1 : 0;
	st->unreliable = n.is_3_1;
	st->release_missing = h->node->opt.profile == SINEW_PROFILE_DLM &&
		st->state == SINEW_CLOSE_WAIT;
	st->peer_paused = n.peer_paused;
	st->flow_blocked = n.peer_paused || h->session.ring.wanted;
	st->paused = h->is_paused;
	if (n.mark_ns && now > n.mark_ns)
		st->oldest_unacked_ms = (now - n.mark_ns) / 1000000u + 1;
}

/* Programs built with a shorter struct get its part; what we do not know of a longer one is 0. */
#define STATUS_MIN	offsetof(struct sinew_status, link_up)

static void give(struct sinew_status *ret, struct sinew_status *st)
{
	size_t known = ret->size < sizeof *st ? ret->size : sizeof *st;

	assert(ret->size >= STATUS_MIN);
	st->size = ret->size;
	memset((char *)ret + known, 0, ret->size - known);
	memcpy(ret, st, known);
}

/* Of that session, which may be over; NULL: of the present one of the peer, if there is one. */
static int show(struct sinew_node *n, uint32_t nodeid, struct sinew_session *h,
		struct sinew_status *ret)
{
	struct sinew_status st = { .size = sizeof st };
	struct member *m;

	if (!ret || ret->size < STATUS_MIN)
		return -EINVAL;
	if (node_forked(n))
		return -ECHILD;
	directory_lock(&n->directory);
	m = directory_find(&n->directory, nodeid);
	if (m && !h)
		h = m->handle;
	if (m)
		show_member(m, m->handle == h, &st);
	if (h)
		show_handle(h, &st);
	directory_unlock(&n->directory);
	if (!m && !h)
		return -ENOENT;
	give(ret, &st);
	return 0;
}

int sinew_session_status(struct sinew_session *h, struct sinew_status *ret)
{
	return h ? show(h->node, h->nodeid, h, ret) : -EINVAL;
}

int sinew_peer_status(struct sinew_node *node, uint32_t nodeid, struct sinew_status *ret)
{
	return node ? show(node, nodeid, NULL, ret) : -EINVAL;
}

/* Under the directory's lock. */
static const char *why_no_link(const struct member *m)
{
	struct reach_view v;

	lock_order_held(LOCK_DIRECTORY);
	snapshot_read(&m->snapshot, &v, sizeof v);
	if (m->refusal[0] || !m->never_dial || v.link_up)
		return m->refusal;
	return "it has not dialled this node, which never dials it";
}

int sinew_last_refusal(struct sinew_node *node, uint32_t nodeid, char *buf, size_t n)
{
	struct member *m;

	if (!node || (n && !buf))
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	directory_lock(&node->directory);
	m = directory_find(&node->directory, nodeid);
	if (m && n)
		snprintf(buf, n, "%s", why_no_link(m));
	directory_unlock(&node->directory);
	return m ? 0 : -ENOENT;
}
