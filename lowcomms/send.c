/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's calls that queue messages or end an incarnation, from any thread. Knows
 * the session's producer functions; flush.h decides when is written.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "proto/ring_out.h"

#include "lowcomms/handle.h"
#include "lowcomms/send.h"

#define RESIDENT_STEP	(256u * 1024)
#define IOV_MAX_SENT	1024

/* ---- refusals ---- */

/* Where in the ring's memory a message may end. */
static inline uint64_t end_in_memory(const struct sinew_session *h, size_t len)
{
	/* Headers of fragments are less than a 64th of what they carry. */
	return (h->session.ring.reserved & (h->pages.size - 1)) + len + len / 64 + 256;
}

/* The ring's pages up to there are going to be touched: charges them to the node. */
static bool charge(struct sinew_session *h, size_t len)
{
	uint64_t end = end_in_memory(h, len);
	uint64_t needed = (end + RESIDENT_STEP - 1) & ~(uint64_t)(RESIDENT_STEP - 1);

	if (needed > h->pages.size)
		needed = h->pages.size;
	assert(h->pages.resident <= h->pages.size);
	if (needed > h->pages.resident) {
		if (!memory_charge(&h->node->memory, needed - h->pages.resident))
			return false;
		h->pages.resident = needed;
		h->pages.charged_at = atomic_fetch_add(&h->node->memory.n_charges, 1) + 1;
	}
	ring_pay(&h->session.ring, h->pages.resident);
	return true;
}

/*
 * Where memory is short, a ring goes back to its first bytes, once it rests; its sender hears of
 * that. One that gives its memory back lets others go first. 0 or -EAGAIN.
 */
static int charge_ring(struct sinew_session *h, size_t len)
{
	struct sinew_node *n = h->node;
	bool yields = h->pages.gives_back, rests;

	lock_order_held(LOCK_HANDLE);
	if (!yields && charge(h, len))
		return 0;
	rests = ring_restart(&h->session.ring);
	assert(!rests || !h->n_open);
	if (rests && yields)
		handle_give_back(h);
	if (rests && !(yields && atomic_load(&n->memory.is_short)) && charge(h, len))
		return 0;
	/* While it gives back and does not rest, it is the ring that is waited for. */
	h->pages.wanted |= rests || !yields;
	if (!h->queued)
		handle_dirty(h);	/* the loop sees to the others */
	return -EAGAIN;
}

int send_charge(struct sinew_session *h, size_t len)
{
	lock_order_held(LOCK_HANDLE);
	if (end_in_memory(h, len) <= h->pages.resident && !h->pages.gives_back)
		return 0;
	return charge_ring(h, len);
}

/* Whether a message of len bytes may be queued, where max is the limit; charges its memory. */
static int admit(struct sinew_session *h, size_t len, size_t max)
{
	lock_order_held(LOCK_HANDLE);
	if (h->dead)
		return -ESTALE;
	if (h->finished & SIDE_OWN ||
	    atomic_load_explicit(&h->node->closing.asked, memory_order_relaxed))
		return -ESHUTDOWN;
	/* A message that cannot be sent is not charged: that would last until the next send. */
	if (len > max)
		return -EMSGSIZE;
	return send_charge(h, len);
}

/* ---- send ---- */

/* Queues any message. The caller holds the handle's lock; this function releases it. */
static int send_spans(struct sinew_session *h, const struct span *parts, int n, size_t len,
		      uint64_t *ret_number)
{
	int err = admit(h, len, sinew_session_max_message(h));

	if (!err)
		err = session_send(&h->session, parts, n, len, ret_number);
	if (!err)
		return flush_one(h);
	lock_give(&h->lock, LOCK_HANDLE);
	return err;
}

/* Slow path: fragments, a full ring, open slots, refusals. Releases the handle's lock. */
static __attribute__((noinline)) int send_not_plain(struct sinew_session *h, const void *data,
						    size_t len, uint64_t *ret_number)
{
	struct span part = { data, len };

	return send_spans(h, &part, 1, len, ret_number);
}

static __attribute__((noinline)) int wake_next(struct sinew_session *h)
{
	lock_wake(&h->lock);
	return 0;
}

/*
 * The caller holds the lock of the handle; this function releases it. Each function is called in
 * tail position, so that the fast path saves no registers.
 */
static inline __attribute__((always_inline)) int send_locked(struct sinew_session *h,
							     const void *data, size_t len,
							     uint64_t *ret_number)
{
	/* Neither dead nor finishing: the ring takes nothing plain then. */
	if (!session_send_plain(&h->session, data, len))
		return send_not_plain(h, data, len, ret_number);
	if (ret_number)
		*ret_number = h->session.ring.number;
	if (h->session.ring.reserved > h->cork.wake_threshold)
		return flush_one(h);
	return lock_drop(&h->lock, LOCK_HANDLE) ? wake_next(h) : 0;
}

/* A message of any length; waits for the lock. */
__attribute__((noinline)) int sinew_send_numbered(struct sinew_session *h, const void *data,
						  size_t len, uint64_t *ret_number)
{
	bool closing;

	if (!h || (!data && len))
		return -EINVAL;
	closing = !node_takes_sends(h->node);
	if (closing && node_forked(h->node))
		return -ECHILD;
	lock_take(&h->lock, LOCK_HANDLE);
	return closing ? send_not_plain(h, data, len, ret_number) :
		send_locked(h, data, len, ret_number);
}

int sinew_send(struct sinew_session *h, const void *data, size_t len)
{
	/* A short one, as nearly all are, and nobody in its way. */
	if (!h || !data || len > RING_SHORT || !node_takes_sends(h->node) ||
	    !lock_try(&h->lock, LOCK_HANDLE))
		return sinew_send_numbered(h, data, len, NULL);
	return send_locked(h, data, len, NULL);
}

int sinew_sendv(struct sinew_session *h, const struct iovec *iov, int n, uint64_t *ret_number)
{
	struct span parts[IOV_MAX_SENT];
	size_t len = 0;

	if (!h || n < 0 || n > IOV_MAX_SENT || (n && !iov))
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		if (!iov[i].iov_base && iov[i].iov_len)
			return -EINVAL;
		if (iov[i].iov_len > SIZE_MAX - len)
			return -EMSGSIZE;
		parts[i] = (struct span) { iov[i].iov_base, iov[i].iov_len };
		len += iov[i].iov_len;
	}
	if (!n)
		parts[0] = (struct span) { NULL, 0 };
	if (node_forked(h->node))
		return -ECHILD;
	lock_take(&h->lock, LOCK_HANDLE);
	return send_spans(h, parts, n ? n : 1, len, ret_number);
}

/* ---- to many ---- */

static int many_send(struct flush *f, struct sinew_session *h, const void *data, size_t len)
{
	if (!h || (!data && len) || (f->node && h->node != f->node) ||
	    !node_takes_sends(h->node))
		return sinew_send(h, data, len);
	f->node = h->node;
	lock_take(&h->lock, LOCK_HANDLE);
	if (!session_send_plain(&h->session, data, len))
		return send_not_plain(h, data, len, NULL);
	if (ring_tail(&h->session.ring) > h->cork.wake_threshold)
		flush_queued(f, h);
	lock_give(&h->lock, LOCK_HANDLE);
	return 0;
}

int sinew_send_many(struct sinew_session *const *sessions, int n, const void *data, size_t len,
		    int *results)
{
	struct flush f;
	int taken = 0;

	if (n < 0 || (n && !sessions))
		return -EINVAL;
	flush_begin(&f, NULL);
	for (int i = 0; i < n; i++) {
		int err = many_send(&f, sessions[i], data, len);

		taken += err == 0;
		if (results)
			results[i] = err;
	}
	flush_end(&f, sessions, n);
	return taken;
}

size_t sinew_session_max_message(const struct sinew_session *h)
{
	size_t theirs = h->session.max_message;

	return theirs < h->node->max_message ? theirs : h->node->max_message;
}

/* ---- packets without a number ---- */

/* Behind a FIN, of whichever side, no lockspace is shared whose recovery could ask or answer. */
static int admit_bare(struct sinew_session *h, const void *packet, size_t len)
{
	lock_order_held(LOCK_HANDLE);
	if (h->dead)
		return -ESTALE;
	if (h->finished || atomic_load(&h->node->closing.over))
		return -ESHUTDOWN;
	return session_send_bare(&h->session, packet, len);
}

int sinew_send_bare(struct sinew_session *h, const void *packet, size_t len)
{
	int err;

	if (!h || !packet)
		return -EINVAL;
	if (node_forked(h->node))
		return -ECHILD;
	lock_take(&h->lock, LOCK_HANDLE);
	err = admit_bare(h, packet, len);
	if (!err)
		handle_dirty(h);
	lock_give(&h->lock, LOCK_HANDLE);
	return err;
}

/* ---- slots ---- */

size_t sinew_slot_max(const struct sinew_session *h)
{
	size_t frame = h->session.max_frame - WIRE_MSG_OVERHEAD;
	size_t message = sinew_session_max_message(h);

	return frame < message ? frame : message;
}

int sinew_reserve(struct sinew_session *h, size_t len, struct sinew_slot *ret_slot)
{
	uint8_t *data;
	unsigned index;
	int err;

	if (!h || !ret_slot)
		return -EINVAL;
	if (node_forked(h->node))
		return -ECHILD;
	lock_take(&h->lock, LOCK_HANDLE);
	err = admit(h, len, sinew_slot_max(h));
	if (!err)
		err = session_reserve(&h->session, len, &data, &index);
	if (!err) {
		assert(index < RING_SLOTS && !h->slot_ns[index] && h->n_open < RING_SLOTS);
		h->n_open++;
		h->slot_ns[index] = loop_tick_ns();
	}
	lock_give(&h->lock, LOCK_HANDLE);
	if (err)
		return err;
	*ret_slot = (struct sinew_slot) {
		.data = data, .len = len, .session = sinew_session_ref(h), .index = index,
	};
	return 0;
}

/* A slot is given back, sent or not: the FIN may have waited for it. */
static void slot_closed(struct sinew_session *h, unsigned index)
{
	assert(h->n_open && h->n_open <= RING_SLOTS && h->slot_ns[index]);
	lock_order_held(LOCK_HANDLE);
	h->slot_ns[index] = 0;
	h->n_open--;
	if (h->finished & SIDE_OWN && !h->n_open && !h->dead) {
		h->due |= HANDLE_DUE_FINISH;
		handle_dirty(h);
	}
}

static bool is_message(const struct sinew_session *h, const struct sinew_slot *slot, size_t used)
{
	const struct span part = { slot->data, used };

	return used <= slot->len && !session_may_send(&h->session, &part, 1, used);
}

static int end_slot(struct sinew_slot *slot, bool commit, size_t used, uint64_t *ret_number)
{
	struct sinew_session *h = slot ? slot->session : NULL;
	int err;

	if (!h || slot->index >= RING_SLOTS)
		return -EINVAL;
	if (node_forked(h->node))
		return -ECHILD;
	lock_take(&h->lock, LOCK_HANDLE);
	if (!h->slot_ns[slot->index] || (commit && !is_message(h, slot, used))) {
		lock_give(&h->lock, LOCK_HANDLE);
		return -EINVAL;
	}
	if (h->dead)
		err = -ESTALE;
	else if (commit)
		err = ring_commit(&h->session.ring, slot->index, used, ret_number);
	else
		err = ring_discard(&h->session.ring, slot->index);
	slot_closed(h, slot->index);
	if (h->dead)
		lock_give(&h->lock, LOCK_HANDLE);
	else
		flush_one(h);
	*slot = (struct sinew_slot) { .data = NULL };
	sinew_session_unref(h);
	return err;
}

int sinew_commit(struct sinew_slot *slot, size_t used, uint64_t *ret_number)
{
	return end_slot(slot, true, used, ret_number);
}

int sinew_discard(struct sinew_slot *slot)
{
	int err = end_slot(slot, false, 0, NULL);

	/* It was to be thrown away: that its incarnation is over as well changes nothing. */
	return err == -ESTALE || err == -ESHUTDOWN ? 0 : err;
}

/* ---- the end ---- */

int sinew_session_finish(struct sinew_session *h)
{
	if (!h)
		return -EINVAL;
	return node_forked(h->node) ? -ECHILD : handle_finish(h);
}

int sinew_session_abort(struct sinew_session *h)
{
	int err;

	if (!h)
		return -EINVAL;
	if (node_forked(h->node))
		return -ECHILD;
	lock_take(&h->lock, LOCK_HANDLE);
	err = h->dead ? -ESTALE : 0;
	if (!err) {
		h->due |= HANDLE_DUE_ABORT;
		handle_dirty(h);
	}
	lock_give(&h->lock, LOCK_HANDLE);
	return err;
}

/* ---- what was not delivered ---- */

enum { IT_STARTED = 1, IT_ENDED = 2 };

static int may_read(struct sinew_session *h)
{
	int err;

	if (node_forked(h->node))
		return -ECHILD;
	lock_take(&h->lock, LOCK_HANDLE);
	err = h->dead ? 0 : -EBUSY;
	lock_give(&h->lock, LOCK_HANDLE);
	return err;
}

/* opaque: position and number of the iterator behind the message, its flags,
 * and where the message begins. */
/* Its first fields; later ones stand behind them. */
#define UNSENT_MIN	(offsetof(struct sinew_unsent, opaque) + sizeof(uint64_t[4]))

int sinew_session_unsent_next(struct sinew_session *h, struct sinew_unsent *it)
{
	struct ring_iter ri;
	struct span body;
	bool first, last;
	size_t total;
	int err;

	if (!h || !it || it->size < UNSENT_MIN)
		return -EINVAL;
	err = may_read(h);
	if (err)
		return err;
	ri = (struct ring_iter) {
		.pos = it->opaque[0], .number = it->opaque[1],
		.started = it->opaque[2] & IT_STARTED, .ended = it->opaque[2] & IT_ENDED,
	};
	it->opaque[3] = ri.started ? ri.pos : h->session.ring.msg_pos;
	if (!ring_next(&h->session.ring, &ri, &body, &first, &last, &total))
		return 0;
	it->number = ri.number;
	it->len = total;
	it->in_doubt = ri.number <= h->delivery.in_doubt;
	while (!last && ring_next(&h->session.ring, &ri, &body, &first, &last, &total))
		;
	it->opaque[0] = ri.pos;
	it->opaque[1] = ri.number;
	it->opaque[2] = IT_STARTED | (ri.ended ? IT_ENDED : 0);
	return 1;
}

int sinew_session_unsent_copy(struct sinew_session *h, const struct sinew_unsent *it, void *buf)
{
	struct ring_iter ri;
	uint8_t *to = buf;
	struct span body;
	bool first, last = false;
	size_t total;
	int err;

	if (!h || !it || it->size < sizeof *it || !(it->opaque[2] & IT_STARTED) ||
	    (!buf && it->len))
		return -EINVAL;
	err = may_read(h);
	if (err)
		return err;
	ri = (struct ring_iter) {
		.pos = it->opaque[3], .number = it->number, .started = true, .ended = false,
	};
	while (!last && ring_next(&h->session.ring, &ri, &body, &first, &last, &total)) {
		if (body.n)
			memcpy(to, body.p, body.n);
		to += body.n;
	}
	return 0;
}
