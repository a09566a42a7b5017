/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/handle.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ring_out.h"
#include "proto/rx.h"

#include "lowcomms/recv.h"
#include "lowcomms/serving.h"

/* ---- memory ---- */

/* Memory for bare packets (dlm profile), freed with the handle. False: there is none. */
static bool provide_bare(struct session *s)
{
	uint8_t *mem = malloc(BARE_MEMORY);

	if (mem)
		bare_provide(&s->bare, mem);
	return mem != NULL;
}

struct sinew_session *handle_new(struct sinew_node *n, uint32_t nodeid)
{
	struct sinew_session *h = aligned_alloc(alignof(struct sinew_session), sizeof *h);

	assert(nodeid && n->ring_bytes >= RING_MIN);
	if (!h)
		return NULL;
	memset(h, 0, sizeof *h);
	h->pages.size = n->ring_bytes;
	h->pages.mem = pages_map(h->pages.size);
	if (!h->pages.mem) {
		free(h);
		return NULL;
	}
	session_provide(&h->session, h->pages.mem, h->pages.size, n->opt.nodeid, n->first_seq);
	if (n->opt.profile == SINEW_PROFILE_DLM && !provide_bare(&h->session)) {
		pages_unmap(h->pages.mem, h->pages.size);
		free(h);
		return NULL;
	}
	ring_pay(&h->session.ring, 0);
	h->nodeid = nodeid;
	h->node = n;
	atomic_init(&h->refs, 1);
	atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
	lock_take(&n->memory.lock, LOCK_MEMORY);
	list_push(&n->memory.handles, &h->all);
	lock_give(&n->memory.lock, LOCK_MEMORY);
	return h;
}

static void handle_free(struct sinew_session *h)
{
	struct sinew_node *n = h->node;
	uint8_t *buf = session_take_buffer(&h->session);

	lock_take(&n->memory.lock, LOCK_MEMORY);
	assert(!list_empty(&h->all) && !atomic_load(&h->refs));
	assert(!h->n_open && !atomic_load(&h->kept) && !atomic_load(&h->waiters.n));
	list_remove(&h->all);
	lock_give(&n->memory.lock, LOCK_MEMORY);
	if (buf)
		buf_unref(buf_of(buf));
	memory_uncharge(&n->memory, h->pages.resident);
	pages_unmap(h->pages.mem, h->pages.size);
	free(h->session.bare.mem);
	if (h->served.data && h->served.released)
		h->served.released(h->served.data);
	free(h);
	node_unref(n);
}

struct sinew_session *sinew_session_ref(struct sinew_session *h)
{
	assert(atomic_load_explicit(&h->refs, memory_order_relaxed));
	atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
	return h;
}

void sinew_session_unref(struct sinew_session *h)
{
	if (!h || node_forked(h->node))
		return;
	if (atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) == 1)
		handle_free(h);
}

/* While it is the member's under the directory's lock, the core's reference to it lasts. */
struct sinew_session *sinew_session_find(struct sinew_node *n, uint32_t nodeid)
{
	struct sinew_session *h = NULL;
	struct member *m;

	if (!n || node_forked(n))
		return NULL;
	directory_lock(&n->directory);
	m = directory_find(&n->directory, nodeid);
	if (m && m->handle)
		h = sinew_session_ref(m->handle);
	directory_unlock(&n->directory);
	return h;
}

/* The next of all handles, referenced; gives the reference to h back. NULL begins. */
static struct sinew_session *handle_walk(struct sinew_node *n, struct sinew_session *h)
{
	struct sinew_session *next = NULL;
	struct list *all = &n->memory.handles;

	lock_take(&n->memory.lock, LOCK_MEMORY);
	for (struct list *e = h ? h->all.next : all->next; e != all && !next; e = e->next) {
		struct sinew_session *s = list_entry(e, struct sinew_session, all);
		unsigned refs = atomic_load_explicit(&s->refs, memory_order_relaxed);

		/* One without references is about to leave the list. */
		while (refs && !atomic_compare_exchange_weak(&s->refs, &refs, refs + 1))
			;
		if (refs)
			next = s;
	}
	lock_give(&n->memory.lock, LOCK_MEMORY);
	sinew_session_unref(h);
	return next;
}

/* ---- state ---- */

uint32_t sinew_session_nodeid(const struct sinew_session *h)
{
	return h->nodeid;
}

uint64_t sinew_session_incarnation(const struct sinew_session *h)
{
	return atomic_load_explicit(&h->incarnation, memory_order_relaxed);
}

void sinew_session_set_user(struct sinew_session *h, void *user)
{
	h->user = user;
}

void *sinew_session_user(const struct sinew_session *h)
{
	return h->user;
}

void handle_die(struct sinew_session *h)
{
	struct ring_delivery f;

	lock_take(&h->lock, LOCK_HANDLE);
	assert(!h->dead);
	h->dead = true;
	ring_close(&h->session.ring);
	ring_delivery(&h->session.ring, &f);
	h->delivery = (struct sinew_delivery) { f.acked, f.in_doubt, f.unsent };
	lock_give(&h->lock, LOCK_HANDLE);
	handle_wake(h);
	h->member = NULL;
}

int handle_finish(struct sinew_session *h)
{
	int err;

	lock_take(&h->lock, LOCK_HANDLE);
	err = h->dead ? -ESTALE : 0;
	if (!err && !(h->finished & SIDE_OWN)) {
		h->finished |= SIDE_OWN;
		ring_pay(&h->session.ring, 0);		/* each send is looked at from now on */
		if (!h->n_open) {
			h->due |= HANDLE_DUE_FINISH;
			handle_dirty(h);
		}
	}
	lock_give(&h->lock, LOCK_HANDLE);
	handle_wake(h);
	return err;
}

void handles_orphan(struct sinew_node *n)
{
	struct sinew_session *h = NULL;

	while ((h = handle_walk(n, h)))
		if (!h->dead)
			handle_die(h);
}

/* A thread that looked under the lock before this is on the list; one that looks later sees the
 * change. */
void handles_wake(struct sinew_node *n)
{
	struct sinew_session *h = NULL;

	while ((h = handle_walk(n, h))) {
		lock_take(&h->lock, LOCK_HANDLE);
		lock_give(&h->lock, LOCK_HANDLE);
		handle_wake(h);
	}
}

void handle_tell(struct sinew_session *h,
		 void (*callback)(struct sinew_node *, struct sinew_session *, void *user))
{
	struct sinew_node *n = h->node;

	handle_wake(h);
	node_calls_back(n);
	if (callback)
		callback(n, h, n->user);
}

void handle_peer_finished(struct sinew_session *h)
{
	lock_take(&h->lock, LOCK_HANDLE);
	h->finished |= SIDE_PEER;
	lock_give(&h->lock, LOCK_HANDLE);
	/* Our finish may have been queued with it. */
	handle_tell(h, h->node->cb.session_finished);
}

/* ---- what the loop has to look at ---- */

void handles_dirty(struct sinew_node *n, struct sinew_session *first, struct sinew_session **tail)
{
	inbox_dirty(&n->inbox, first, tail);
	node_wake(n);
}

void handle_dirty(struct sinew_session *h)
{
	struct sinew_node *n = h->node;

	lock_order_held(LOCK_HANDLE);
	assert(!h->dead);
	if (h->queued)
		return;
	h->queued = true;
	h->dirty_next = NULL;
	handles_dirty(n, sinew_session_ref(h), &h->dirty_next);
}

void handle_mark_dirty(struct sinew_session *h)
{
	lock_take(&h->lock, LOCK_HANDLE);
	if (!h->dead)
		handle_dirty(h);
	lock_give(&h->lock, LOCK_HANDLE);
}

void handle_refresh(struct sinew_session *h)
{
	bool dead, resident;
	unsigned due;
	uint64_t wake_sent, wake_acked;

	lock_take(&h->lock, LOCK_HANDLE);
	assert(h->queued);
	h->queued = false;
	h->cork.wake_threshold = 0;
	dead = h->dead;
	resident = h->pages.resident;
	due = h->due;
	h->due = 0;
	wake_sent = h->served.half_end;
	wake_acked = h->served.waits_acked ? h->served.part_end : 0;
	assert(!(due & HANDLE_DUE_FINISH) || h->finished & SIDE_OWN);
	lock_give(&h->lock, LOCK_HANDLE);
	if (dead)
		return;
	if (resident)
		node_sweep_in(h->node, SWEEP_NS);
	handle_touch(h->node, h);
	session_schedule(&h->session);
	if (due & HANDLE_DUE_LET_GO)
		session_hold_fin(&h->session, false);
	if (due & HANDLE_DUE_FINISH)
		session_finish(&h->session);
	if (due & HANDLE_DUE_ABORT)
		session_abort(&h->session);
	if (due & HANDLE_DUE_WAKE)
		session_wake_at(&h->session, wake_sent, wake_acked);
	recv_check_budget(h);
}

_Static_assert(sizeof(struct session_counters) <= SNAPSHOT_WORDS * sizeof(uint64_t), "room");

void handle_publish(struct sinew_session *h)
{
	assert(atomic_load(&h->node->loop.busy) != LOOP_IDLE);
	snapshot_write(&h->snapshot, &h->session.n, sizeof h->session.n);
}

/* ---- memory that comes back ---- */

void handle_give_back(struct sinew_session *h)
{
	assert(ring_rests(&h->session.ring) && h->pages.resident <= h->pages.size);
	lock_order_held(LOCK_HANDLE);
	pages_idle(h->pages.mem, h->pages.size);
	memory_uncharge(&h->node->memory, h->pages.resident);
	h->pages.resident = 0;
	h->pages.gives_back = false;
	ring_pay(&h->session.ring, 0);
}

/* A ring that rests and has not moved since the last look. True: not yet, perhaps next time. */
static bool sweep(struct sinew_session *h)
{
	const struct ring *r = &h->session.ring;
	bool later = !h->dead && h->pages.resident;

	lock_order_held(LOCK_HANDLE);
	if (later && ring_rests(r) && h->pages.idle_tail == ring_tail(r)) {
		handle_give_back(h);
		later = false;
	}
	h->pages.idle_tail = ring_tail(r);
	return later;
}

static void shrink(struct sinew_session *h)
{
	lock_order_held(LOCK_HANDLE);
	if (h->dead || !h->pages.resident)
		return;
	if (ring_rests(&h->session.ring)) {
		handle_give_back(h);
		return;
	}
	h->pages.gives_back = true;
	ring_pay(&h->session.ring, 0);
}

bool handles_sweep(struct sinew_node *n)
{
	struct sinew_session *h = NULL;
	bool later = false;

	while ((h = handle_walk(n, h))) {
		lock_take(&h->lock, LOCK_HANDLE);
		later |= sweep(h);
		lock_give(&h->lock, LOCK_HANDLE);
	}
	return later;
}

void handles_shrink(struct sinew_node *n)
{
	struct sinew_session *h = NULL;

	while ((h = handle_walk(n, h))) {
		lock_take(&h->lock, LOCK_HANDLE);
		shrink(h);
		lock_give(&h->lock, LOCK_HANDLE);
	}
}

/* Of those that were refused, the one that got none for longest, referenced; NULL: none was. */
static struct sinew_session *next_waiter(struct sinew_node *n)
{
	struct sinew_session *h = NULL, *first = NULL;
	uint64_t charged_at = UINT64_MAX;

	while ((h = handle_walk(n, h))) {
		bool is_earlier;

		lock_take(&h->lock, LOCK_HANDLE);
		is_earlier = h->pages.wanted && !h->dead && h->pages.charged_at < charged_at;
		if (is_earlier)
			charged_at = h->pages.charged_at;
		lock_give(&h->lock, LOCK_HANDLE);
		if (!is_earlier)
			continue;
		sinew_session_unref(first);
		first = sinew_session_ref(h);
	}
	return first;
}

static void may_send_again(struct sinew_node *n, struct sinew_session *h)
{
	lock_take(&h->lock, LOCK_HANDLE);
	assert(h->pages.wanted);
	h->pages.wanted = false;
	lock_give(&h->lock, LOCK_HANDLE);
	serving_room(h);
	if (n->cb.writable && h->member)
		handle_tell(h, n->cb.writable);
	else
		handle_wake(h);
}

void handles_memory(struct sinew_node *n)
{
	struct sinew_session *h = NULL;

	/* Where it is short again, those that are left hear of it the next time. */
	while (!atomic_load(&n->memory.is_short) && (h = next_waiter(n))) {
		may_send_again(n, h);
		sinew_session_unref(h);
	}
	for (h = NULL; (h = handle_walk(n, h)); )
		if (h->member && h->paused & PAUSE_MEMORY)
			recv_pause(h, PAUSE_MEMORY, false);
}
