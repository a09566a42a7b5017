/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the producer's side of the send ring: where a message goes, and when the
 * consumer may see it. Knows nothing of what was sent or acknowledged but one
 * position. An empty ring begins a new lap now and then, so that light traffic
 * stays in few pages.
 */
#include "ring.h"

#include "ring_pos.h"
#include "wire.h"

#include <assert.h>
#include <errno.h>

/* Where a frame of len bytes goes when everything before pos is taken. */
static uint64_t place(const struct ring *r, uint64_t pos, uint64_t len)
{
	uint64_t off = pos & (r->size - 1);

	return off + len <= r->size ? pos : ring_next_lap(r, pos);
}

/*
 * How far messages may be placed one behind the other without a look at
 * anything: within the lap, the room known, and what is paid for.
 */
static void set_plain(struct ring *r)
{
	uint64_t lap = r->tail & ~(r->size - 1), end = lap + r->paid;

	if (r->n_slots || r->reserved != r->tail) {
		r->plain_end = 0;
		return;
	}
	if (end > r->floor + r->size)
		end = r->floor + r->size;
	if (end > r->looked + RING_LOOK)
		end = r->looked + RING_LOOK;
	if (end > r->marked + RING_MARK_STEP)
		end = r->marked + RING_MARK_STEP;
	r->plain_end = end;
}

void ring_pay(struct ring *r, uint64_t bytes)
{
	r->paid = bytes;
	set_plain(r);
}

void ring_init(struct ring *r, void *mem, size_t size, uint32_t nodeid, uint32_t first_seq)
{
	assert(size >= RING_MIN && (size & (size - 1)) == 0);
	memset(r, 0, sizeof *r);
	r->base = mem;
	r->size = size;
	r->nodeid = nodeid;
	r->first_seq = first_seq;
	r->next_seq = first_seq;
	r->acked_seq = first_seq;
	atomic_init(&r->skip_at, UINT64_MAX);
	ring_pay(r, size);
}

size_t ring_max_message(size_t size)
{
	return size / 2;
}

/* ---- room ---- */

/* Learn how far the consumer is; begin a new lap when the ring is empty. */
static void look(struct ring *r)
{
	uint64_t acked = atomic_load(&r->acked);

	r->looked = r->tail;
	if (acked > r->floor)
		r->floor = acked;
	if (r->n_slots == 0 && acked == r->tail) {
		r->reserved = ring_next_lap(r, r->tail);
		r->floor = r->reserved;
		/* From there, or each message would look again and begin one more. */
		r->looked = r->reserved;
	}
	set_plain(r);
}

/* Whether need bytes fit behind what is reserved; split: they need not be contiguous. */
static bool has_room(const struct ring *r, uint64_t need, bool split)
{
	uint64_t pos = split ? r->reserved : place(r, r->reserved, need);

	return pos + need - r->floor <= r->size;
}

/*
 * Note what a refused sender waits for. The smallest wish stands for all: whoever
 * is refused again wishes again. Returns the wish before.
 */
static uint64_t wish(struct ring *r, uint64_t need, uint64_t slot)
{
	uint64_t old = atomic_load(&r->want);

	if (old) {
		uint64_t bytes = old & ~RING_WANT_SLOT;

		need = bytes < need ? bytes : need;
		slot &= old;
	}
	atomic_store(&r->want, need | slot);
	return old;
}

/* True if there is room; else the wish is noted, and no ACK that came meanwhile missed. */
static bool find_room(struct ring *r, uint64_t need, bool split)
{
	uint64_t old, ours;

	if (has_room(r, need, split))
		return true;
	look(r);
	if (has_room(r, need, split))
		return true;
	old = wish(r, need, 0);
	look(r);
	if (!has_room(r, need, split))
		return false;
	ours = need;
	if (!old)
		atomic_compare_exchange_strong(&r->want, &ours, 0);
	return true;
}

bool ring_rests(const struct ring *r)
{
	return !r->n_slots && atomic_load(&r->filled) >> 1 == atomic_load(&r->acked);
}

bool ring_restart(struct ring *r)
{
	uint64_t old, ours = r->size;

	if (!ring_rests(r)) {
		old = wish(r, r->size, 0);
		if (!ring_rests(r))
			return false;
		if (!old)
			atomic_compare_exchange_strong(&r->want, &ours, 0);
	}
	look(r);
	return true;
}

/* Room for one frame of need bytes at the reserved end; its position. */
static int reserve(struct ring *r, uint64_t need, uint64_t *ret_pos)
{
	if (r->tail >= r->looked + RING_LOOK)
		look(r);
	if (!find_room(r, need, false))
		return -EAGAIN;
	*ret_pos = place(r, r->reserved, need);
	return 0;
}

/* Make what ends at end visible to the consumer; begin is where it starts. */
static int publish(struct ring *r, uint64_t begin, uint64_t end)
{
	uint64_t expected = r->tail << 1;

	if (begin != r->tail)
		atomic_store_explicit(&r->skip_at, r->tail, memory_order_relaxed);
	if (!atomic_compare_exchange_strong_explicit(&r->filled, &expected, end << 1,
						     memory_order_release,
						     memory_order_relaxed))
		return -ESHUTDOWN;
	r->tail = end;
	return 0;
}

/* Where all marks are taken by what waits, those that are missing cost the consumer a walk. */
static void mark(struct ring *r)
{
	uint32_t put = atomic_load_explicit(&r->marks_put, memory_order_relaxed);

	if (r->tail - r->marked < RING_MARK_STEP / 2)
		return;
	r->marked = r->tail;
	if (put - atomic_load_explicit(&r->marks_taken, memory_order_acquire) == RING_MARKS)
		return;
	r->marks[put % RING_MARKS] = (struct ring_mark) { r->tail, r->number, r->next_seq };
	atomic_store_explicit(&r->marks_put, put + 1, memory_order_release);
}

static bool closed(const struct ring *r)
{
	return atomic_load_explicit(&r->filled, memory_order_relaxed) & 1;
}

/* ---- whole messages ---- */

static void copy_parts(uint8_t *dst, const struct span *parts, int n)
{
	for (int i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(dst, parts[i].p, parts[i].n);
		dst += parts[i].n;
	}
}

struct parts_cursor {
	const struct span *part;
	size_t off;
};

static void copy_some(uint8_t *dst, struct parts_cursor *c, size_t n)
{
	while (n) {
		size_t have = c->part->n - c->off;
		size_t take = have < n ? have : n;

		if (take)
			memcpy(dst, c->part->p + c->off, take);
		dst += take;
		n -= take;
		c->off += take;
		if (c->off == c->part->n) {
			c->part++;
			c->off = 0;
		}
	}
}

static int send_fragments(struct ring *r, const struct span *parts, size_t len,
			  uint32_t max_frame)
{
	size_t body = max_frame - WIRE_FRAG_OVERHEAD;
	uint64_t n_frames = (len + body - 1) / body;
	/* A gap at the end of a lap is shorter than a frame. */
	uint64_t need = len + n_frames * WIRE_FRAG_OVERHEAD + max_frame;
	struct parts_cursor c = { parts, 0 };
	uint64_t pos, begin = 0;
	uint32_t seq = r->next_seq;
	int err;

	if (need > r->size)
		return -EMSGSIZE;
	if (r->n_slots) {
		wish(r, need, RING_WANT_SLOT);
		return -EAGAIN;
	}
	if (!find_room(r, need, true))
		return -EAGAIN;
	pos = r->reserved;
	for (size_t off = 0; off < len; off += body) {
		size_t n = len - off < body ? len - off : body;
		uint64_t p = place(r, pos, n + WIRE_FRAG_OVERHEAD);

		if (p != pos && off)
			atomic_store_explicit(&r->skip_at, pos, memory_order_relaxed);
		if (!off)
			begin = p;
		wire_put_frag(ring_at(r, p), r->nodeid, seq++, n, (uint32_t)len, (uint32_t)off);
		copy_some(ring_at(r, p) + WIRE_FRAG_OVERHEAD, &c, n);
		pos = p + n + WIRE_FRAG_OVERHEAD;
	}
	err = publish(r, begin, pos);
	if (err)
		return err;
	r->reserved = pos;
	r->next_seq = seq;
	set_plain(r);
	return 0;
}

/* One frame at pos = reserved, with no slot in front, is ready. */
static int publish_frame(struct ring *r, uint64_t pos, uint64_t need)
{
	int err = publish(r, pos, pos + need);

	if (err)
		return err;
	r->reserved = r->tail;
	r->next_seq++;
	set_plain(r);
	return 0;
}

/* ---- slots ---- */

static struct ring_slot *push_slot(struct ring *r, uint64_t pos, size_t need)
{
	unsigned i = (r->slot_head + r->n_slots) % RING_SLOTS;
	struct ring_slot *s = &r->slots[i];

	assert(r->n_slots < RING_SLOTS);
	*s = (struct ring_slot) { pos, (uint16_t)need, (uint16_t)need, RING_SLOT_OPEN };
	r->n_slots++;
	atomic_store_explicit(&r->held, r->n_slots, memory_order_relaxed);
	r->reserved = pos + need;
	r->plain_end = 0;
	return s;
}

/* The head of the slots, done, goes where everything before it ends. */
static int publish_slot(struct ring *r, const struct ring_slot *s)
{
	uint64_t to = place(r, r->tail > r->floor ? r->tail : r->floor, s->used);

	if (to != s->pos)
		memmove(ring_at(r, to), ring_at(r, s->pos), s->used);
	wire_put_msg(ring_at(r, to), r->nodeid, r->next_seq, s->used - WIRE_MSG_OVERHEAD);
	if (publish(r, to, to + s->used))
		return -ESHUTDOWN;
	r->next_seq++;
	r->number++;
	return 0;
}

/*
 * Publish what is done at the head of the slots. Where one was cancelled or
 * turned out shorter, those behind it move down as their turn comes: nobody
 * writes to them any more.
 */
static void flush_slots(struct ring *r)
{
	unsigned before = r->n_slots;

	/* What was not sent is looked through by the place of its slot. */
	if (closed(r))
		return;
	while (r->n_slots) {
		struct ring_slot *s = &r->slots[r->slot_head];

		if (s->state == RING_SLOT_OPEN)
			break;
		if (s->state == RING_SLOT_DONE && publish_slot(r, s))
			return;
		s->state = RING_SLOT_FREE;
		r->slot_head = (r->slot_head + 1) % RING_SLOTS;
		r->n_slots--;
	}
	if (r->n_slots == 0)
		r->reserved = r->tail > r->floor ? r->tail : r->floor;
	set_plain(r);
	atomic_store_explicit(&r->held, r->n_slots, memory_order_relaxed);
	if (r->n_slots != before)
		atomic_fetch_and(&r->want, ~RING_WANT_SLOT);
}

static struct ring_slot *open_slot(struct ring *r, unsigned i)
{
	return i < RING_SLOTS && r->slots[i].state == RING_SLOT_OPEN ? &r->slots[i] : NULL;
}

/* ---- the entries ---- */

/* A message that fits one frame, behind slots or at once. *ret_at_once: published. */
static int send_frame(struct ring *r, const struct span *parts, int n, size_t len,
		      bool *ret_at_once)
{
	uint64_t pos, need = len + WIRE_MSG_OVERHEAD;
	int err;

	if (r->n_slots == RING_SLOTS) {
		wish(r, need, RING_WANT_SLOT);
		return -EAGAIN;
	}
	err = reserve(r, need, &pos);
	if (err)
		return err;
	copy_parts(ring_at(r, pos) + WIRE_MSG_OVERHEAD, parts, n);
	*ret_at_once = r->n_slots == 0;
	if (r->n_slots) {
		push_slot(r, pos, need)->state = RING_SLOT_DONE;
		return 0;
	}
	wire_put_msg(ring_at(r, pos), r->nodeid, r->next_seq, len);
	return publish_frame(r, pos, need);
}

int ring_send(struct ring *r, const struct span *parts, int n, size_t len,
	      uint32_t max_frame, uint64_t *ret_number)
{
	bool at_once = true;
	int err;

	if (closed(r))
		return -ESHUTDOWN;
	if (max_frame <= WIRE_FRAG_OVERHEAD || len > r->size)
		return -EMSGSIZE;
	mark(r);
	if (len + WIRE_MSG_OVERHEAD > max_frame)
		err = send_fragments(r, parts, len, max_frame);
	else
		err = send_frame(r, parts, n, len, &at_once);
	if (err)
		return err;
	r->number += at_once;
	if (ret_number)
		*ret_number = at_once ? r->number : 0;
	return 0;
}

int ring_send_dlm(struct ring *r, const void *packet, size_t len, uint64_t *ret_number)
{
	uint64_t pos, need = len + WIRE_OPTS;
	int err;

	if (closed(r))
		return -ESHUTDOWN;
	if (len < WIRE_HEADER || len > WIRE_DLM_MAX)
		return -EMSGSIZE;
	assert(r->n_slots == 0);	/* slots build native frames */
	mark(r);
	err = reserve(r, need, &pos);
	if (err)
		return err;
	memcpy(ring_at(r, pos) + WIRE_OPTS, packet, len);
	wire_put_opts(ring_at(r, pos), r->nodeid, r->next_seq,
		      ((const struct wire_header *)packet)->cmd, len);
	err = publish_frame(r, pos, need);
	if (err)
		return err;
	r->number++;
	if (ret_number)
		*ret_number = r->number;
	return 0;
}

int ring_get(struct ring *r, size_t len, uint32_t max_frame, uint8_t **ret_data,
	     unsigned *ret_slot)
{
	uint64_t pos, need = len + WIRE_MSG_OVERHEAD;
	int err;

	if (closed(r))
		return -ESHUTDOWN;
	if (len > max_frame || need > max_frame)
		return -EMSGSIZE;
	if (r->n_slots == RING_SLOTS) {
		wish(r, need, RING_WANT_SLOT);
		return -EAGAIN;
	}
	err = reserve(r, need, &pos);
	if (err)
		return err;
	*ret_slot = (unsigned)(push_slot(r, pos, need) - r->slots);
	*ret_data = ring_at(r, pos) + WIRE_MSG_OVERHEAD;
	return 0;
}

int ring_commit(struct ring *r, unsigned i, size_t used, uint64_t *ret_number)
{
	struct ring_slot *s = open_slot(r, i);
	uint64_t number = r->number + 1;	/* if it is the head */

	if (!s || used > s->reserved - WIRE_MSG_OVERHEAD)
		return -EINVAL;
	s->used = (uint16_t)(used + WIRE_MSG_OVERHEAD);
	s->state = RING_SLOT_DONE;
	flush_slots(r);
	if (s->state == RING_SLOT_DONE && closed(r)) {
		s->state = RING_SLOT_CANCELLED;
		return -ESHUTDOWN;
	}
	if (ret_number)
		*ret_number = s->state == RING_SLOT_FREE ? number : 0;
	return 0;
}

int ring_cancel(struct ring *r, unsigned i)
{
	struct ring_slot *s = open_slot(r, i);

	if (!s)
		return -EINVAL;
	s->state = RING_SLOT_CANCELLED;
	flush_slots(r);
	return 0;
}

uint64_t ring_room(struct ring *r)
{
	look(r);
	return r->size - (r->reserved - r->floor);
}

uint64_t ring_bytes_held(const struct ring *r)
{
	uint64_t skip = atomic_load_explicit(&r->skip_at, memory_order_relaxed);
	uint64_t acked = atomic_load(&r->acked), bytes = r->tail - acked;

	/* The gap may be longer than the ring, where that was empty when its lap ended. */
	if (skip >= acked && skip < r->tail)
		bytes -= ring_next_lap(r, skip) - skip;
	return bytes;
}
