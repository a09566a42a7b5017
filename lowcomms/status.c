/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The status for the user, from any thread: copies of counters and states.
 * Changes nothing.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/ring_out.h"

#include "lowcomms/handle.h"

#define SLOT_HELD_NS 1000000000u

static uint64_t get(const _Atomic uint64_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

/* Two counters that are not read at the same moment: the second one was written first. */
static uint64_t at_most(uint64_t n, uint64_t bound)
{
	return n < bound ? n : bound;
}

/* Under the directory's lock. */
static void show_member(const struct member *m, struct sinew_status *st)
{
	assert(m->n_addrs <= SINEW_ADDRS_MAX);
	lock_order_held(LOCK_DIRECTORY);
	st->nodeid = m->nodeid;
	st->last_error = atomic_load_explicit(&m->last_error, memory_order_relaxed);
	st->last_error_ms = get(&m->last_error_ms);
	st->n_paths = m->n_addrs;
	for (unsigned i = 0; i < m->n_addrs; i++) {
		st->paths[i].addr = m->addrs[i];
		if (!m->in_core)
			continue;
		st->paths[i].state = (enum sinew_path_state)atomic_load_explicit(
			&m->peer.paths.p[i].state, memory_order_relaxed);
		st->paths[i].rtt_us = get(&m->peer.paths.p[i].rtt_ns) / 1000;
	}
}

static void show_counters(const struct session *s, struct sinew_status *st)
{
	const struct session_counters *n = &s->n;

	st->delivered = get(&n->delivered);
	st->resent = get(&n->resent);
	st->duplicates = get(&n->duplicates);
	st->reconnects = get(&n->reconnects);
	st->resumed_unacked = at_most(get(&n->resumed_unacked), st->reconnects);
	st->resumed_paced = at_most(get(&n->resumed_paced), st->reconnects);
	st->acks_sent = get(&n->acks_sent);
	st->acks_received = get(&n->acks_received);
	st->bytes_sent = get(&n->bytes_sent);
	st->bytes_received = get(&n->bytes_received);
	st->faults = get(&n->faults);
	st->stalls = get(&n->stalls);
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

/*
 * Under its lock: nothing is queued meanwhile. So what the loop says of acknowledgements, however
 * late it is read, is about messages that are counted here.
 */
static void show_queue(struct sinew_session *h, struct sinew_status *st)
{
	const struct ring *r = &h->session.ring;

	lock_order_held(LOCK_HANDLE);
	st->sent = r->number;
	st->acked = get(&h->session.n.acked);
	assert(st->acked <= st->sent);
	st->unacked = st->sent - st->acked;
	st->queue_bytes = ring_bytes_held(r);
	/* The FIN is counted there, and has its own room. */
	st->queue_high_water = most(at_most(get(&r->high_water), r->size), st->queue_bytes,
				    &h->queue_shown);
	st->kept_bytes = get(&h->kept);
	st->kept_high_water = most(get(&h->kept_high), st->kept_bytes, &h->kept_shown);
}

static void show_handle(struct sinew_session *h, struct sinew_status *st)
{
	struct session *s = &h->session;
	uint64_t now = loop_now_ns(), mark = get(&s->mark_ns);

	lock_take(&h->lock, LOCK_HANDLE);
	show_queue(h, st);
	st->slot_held = slot_held(h, now);
	lock_give(&h->lock, LOCK_HANDLE);
	st->nodeid = h->nodeid;
	st->incarnation = sinew_session_incarnation(h);
	st->state = (enum sinew_state)session_state(s);
	show_counters(s, st);
	st->peer_paused = atomic_load_explicit(&s->peer_paused, memory_order_relaxed);
	st->flow_blocked = st->peer_paused || get(&s->ring.want);
	st->paused = atomic_load_explicit(&h->is_paused, memory_order_relaxed);
	if (mark && now > mark)
		st->oldest_unacked_ms = (now - mark) / 1000000u + 1;
}

static void show_link(const struct member *m, struct sinew_status *st)
{
	st->link_up = atomic_load_explicit(&m->link_up, memory_order_relaxed);
	st->path = atomic_load_explicit(&m->path, memory_order_relaxed);
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

int sinew_session_status(struct sinew_session *h, struct sinew_status *ret)
{
	struct sinew_status st = { .size = sizeof st };
	struct sinew_node *n;
	struct member *m;

	if (!h || !ret || ret->size < STATUS_MIN)
		return -EINVAL;
	n = h->node;
	if (node_forked(n))
		return -ECHILD;
	directory_lock(&n->directory);
	m = directory_find(&n->directory, h->nodeid);
	if (m)
		show_member(m, &st);
	show_handle(h, &st);
	if (m && m->handle == h)
		show_link(m, &st);
	directory_unlock(&n->directory);
	give(ret, &st);
	return 0;
}

int sinew_peer_status(struct sinew_node *node, uint32_t nodeid, struct sinew_status *ret)
{
	struct sinew_status st = { .size = sizeof st };
	struct member *m;

	if (!node || !ret || ret->size < STATUS_MIN)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	directory_lock(&node->directory);
	m = directory_find(&node->directory, nodeid);
	if (m) {
		show_member(m, &st);
		if (m->handle)
			show_handle(m->handle, &st);
		show_link(m, &st);
	}
	directory_unlock(&node->directory);
	if (!m)
		return -ENOENT;
	give(ret, &st);
	return 0;
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
		snprintf(buf, n, "%s", m->refusal);
	directory_unlock(&node->directory);
	return m ? 0 : -ENOENT;
}
