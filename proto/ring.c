/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the producer's side of the send ring: where a message goes, and when the
 * consumer may see it. Knows nothing of what was sent or acknowledged but one
 * position. An empty ring begins a new lap now and then, so that light traffic
 * stays in few pages.
 */
#include "ring.h"

#include "check.h"
#include "ring_pos.h"
#include "wire.h"

#include <assert.h>
#include <errno.h>

/* Where a frame of len bytes goes when everything before pos is taken. */
static uint64_t place(const struct ring *r, uint64_t pos, uint64_t len)
{
	uint64_t off = pos & (r->size - 1);

	assert(len <= r->size);
	return off + len <= r->size ? pos : ring_next_lap(r, pos);
}

/*
 * The limit up to which frames are placed one behind the other without a look at anything: within
 * the lap, the known room, and the charged memory. None while a slot is open: a plain send copies
 * its message for nothing; none for packets, whose envelope is another one.
 */
static void set_fits(struct ring *r)
{
	uint64_t lap = r->reserved & ~(r->size - 1), end = lap + r->charged;

	if (end > r->floor + r->size)
		end = r->floor + r->size;
	if (end > r->refreshed + RING_REFRESH)
		end = r->refreshed + RING_REFRESH;
	if (end > r->marked + RING_MARK_STEP)
		end = r->marked + RING_MARK_STEP;
	r->fits_end = r->n_slots || r->over != WIRE_MSG_OVERHEAD ? 0 : end;
	r->lap = (uintptr_t)r->base - (uintptr_t)lap;
}

void ring_pay(struct ring *r, uint64_t bytes)
{
	r->charged = bytes;
	set_fits(r);
	ring_put_check(r);
}

void ring_init(struct ring *r, void *mem, size_t size, uint32_t nodeid, uint32_t first_seq)
{
	assert(size >= RING_MIN && (size & (size - 1)) == 0);
	memset(r, 0, sizeof *r);
	r->base = mem;
	r->size = size;
	r->nodeid = nodeid;
	r->over = WIRE_MSG_OVERHEAD;
	r->next_seq = first_seq;
	r->acked_seq = first_seq;
	atomic_init(&r->skip_at, UINT64_MAX);
	ring_pay(r, size);
}

void ring_take_packets(struct ring *r)
{
	assert(!r->n_slots && ring_tail(r) == 0);
	r->over = WIRE_OPTS;
	set_fits(r);
}

size_t ring_max_message(size_t size)
{
	return size / 2;
}

/* ---- room ---- */

/* Learn how far the consumer is; begin a new lap when the ring is empty. */
static void refresh(struct ring *r)
{
	uint64_t acked = atomic_load(&r->acked), tail = ring_tail(r);

	assert(acked <= tail);
	r->refreshed = tail;
	if (acked > r->floor)
		r->floor = acked;
	if (r->n_slots == 0 && acked == tail) {
		r->reserved = ring_next_lap(r, tail);
		r->floor = r->reserved;
		/* From there, or each message would look again and begin one more. */
		r->refreshed = r->reserved;
	}
	set_fits(r);
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
static uint64_t want_room(struct ring *r, uint64_t need, uint64_t slot)
{
	uint64_t old = atomic_load(&r->wanted);

	assert(need && need < RING_WANTED_SLOT);
	if (old) {
		uint64_t bytes = old & ~RING_WANTED_SLOT;

		need = bytes < need ? bytes : need;
		slot &= old;
	}
	atomic_store(&r->wanted, need | slot);
	return old;
}

/* True if there is room; else the wish is noted, and no ACK that came meanwhile missed. */
static bool find_room(struct ring *r, uint64_t need, bool split)
{
	uint64_t old, ours;

	if (has_room(r, need, split))
		return true;
	refresh(r);
	if (has_room(r, need, split))
		return true;
	old = want_room(r, need, 0);
	refresh(r);
	if (!has_room(r, need, split))
		return false;
	ours = need;
	if (!old)
		atomic_compare_exchange_strong(&r->wanted, &ours, 0);
	return true;
}

bool ring_rests(const struct ring *r)
{
	return !r->n_slots && atomic_load(&r->filled) >> 1 == atomic_load(&r->acked);
}

bool ring_restart(struct ring *r)
{
	/* All of it is free where it rests, and nowhere else. */
	if (!find_room(r, r->size, true))
		return false;
	refresh(r);
	return true;
}

/* Where all marks are taken by what waits, those that are missing cost the consumer a walk. */
static void mark(struct ring *r)
{
	uint32_t put = atomic_load_explicit(&r->marks.put, memory_order_relaxed);
	uint64_t tail = ring_tail(r);

	assert(r->marked <= tail);
	if (tail - r->marked < RING_MARK_STEP / 2)
		return;
	r->marked = tail;
	if (put - atomic_load_explicit(&r->marks.taken, memory_order_acquire) == RING_MARKS)
		return;
	r->marks.all[put % RING_MARKS] = (struct ring_mark) { tail, r->number, r->next_seq };
	atomic_store_explicit(&r->marks.put, put + 1, memory_order_release);
}

static bool closed(const struct ring *r)
{
	return atomic_load_explicit(&r->filled, memory_order_relaxed) & 1;
}

/* A look at all that stands in the way of need bytes; see reserve(). */
static int refill(struct ring *r, uint64_t need, bool split)
{
	mark(r);
	if (r->n_slots == RING_SLOTS || (split && r->n_slots)) {
		want_room(r, need, RING_WANTED_SLOT);
		return -EAGAIN;
	}
	if (ring_tail(r) >= r->refreshed + RING_REFRESH)
		refresh(r);
	return find_room(r, need, split) ? 0 : -EAGAIN;
}

/* Room for need bytes behind all reserved ones: for one frame, or (split) for several, which
 * cannot wait behind a slot. */
static int reserve(struct ring *r, uint64_t need, bool split)
{
	return ring_fits(r, need) ? 0 : refill(r, need, split);
}

/* Makes the frames there visible to the consumer; no slot is in front of them. */
static int publish(struct ring *r, uint64_t begin, uint64_t end, uint32_t n_frames)
{
	uint64_t tail = ring_tail(r);

	assert(begin >= tail && end > begin && end - begin <= r->size);
	if (begin != tail)
		atomic_store_explicit(&r->skip_at, tail, memory_order_relaxed);
	if (!ring_publish(r, tail, end, n_frames))
		return -ESHUTDOWN;
	set_fits(r);
	return 0;
}

static struct ring_slot *push_slot(struct ring *r, uint64_t pos, uint64_t need,
				   enum ring_slot_state state)
{
	unsigned i = (r->slot_head + r->n_slots) % RING_SLOTS;
	struct ring_slot *s = &r->slots[i];

	assert(r->n_slots < RING_SLOTS && pos >= r->reserved && need <= WIRE_FRAME_MAX);
	*s = (struct ring_slot) { pos, (uint16_t)need, (uint16_t)need, (uint8_t)state };
	r->n_slots++;
	atomic_store_explicit(&r->held, r->n_slots, memory_order_relaxed);
	r->reserved = pos + need;
	set_fits(r);
	return s;
}

/* Publishes the message built there, or queues it behind the open slots. */
static int commit(struct ring *r, uint64_t begin, uint64_t end, uint32_t n_frames,
		  uint64_t *ret_number)
{
	int err = 0;

	if (r->n_slots)
		push_slot(r, begin, end - begin, RING_SLOT_DONE);
	else
		err = publish(r, begin, end, n_frames);
	ring_put_check(r);
	if (!err && ret_number)
		*ret_number = r->n_slots ? 0 : r->number;
	return err;
}

/* ---- whole messages ---- */

struct parts_cursor {
	const struct span *part;
	size_t off;
};

static void copy_some(uint8_t *dst, struct parts_cursor *c, size_t n)
{
	while (n) {
		size_t have = c->part->n - c->off;
		size_t take = have < n ? have : n;

		assert(c->off <= c->part->n);
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

/* How a message lies in frames. */
struct cut {
	size_t len, over, body;	/* of a frame: headers, and what it carries at most */
	uint32_t n_frames;
	bool split;
};

static struct cut cut_of(const struct ring *r, size_t len, uint32_t max_frame)
{
	/* A packet is whole, however long frames may be. */
	bool fits = len + r->over <= max_frame || r->over != WIRE_MSG_OVERHEAD;
	struct cut c = { len, r->over, len, 1, !fits };


	if (c.split) {
		c.over = WIRE_FRAG_OVERHEAD;
		c.body = max_frame - c.over;
		c.n_frames = (uint32_t)((len + c.body - 1) / c.body);
	}
	return c;
}

/* The headers of a message of n bytes that is one frame, and is there already. */
static void put_headers(const struct ring *r, uint8_t *frame, uint32_t seq, size_t n)
{
	if (r->over == WIRE_MSG_OVERHEAD)
		wire_put_msg(frame, r->nodeid, seq, n);
	else
		wire_put_opts(frame, r->nodeid, seq,
			      frame[WIRE_OPTS + offsetof(struct wire_header, cmd)], n);
}

/* Builds the frames in the room reserved; where the last one ends. */
static uint64_t build(struct ring *r, const struct span *parts, const struct cut *c,
		      uint64_t *ret_begin)
{
	struct parts_cursor from = { parts, 0 };
	size_t first = c->len < c->body ? c->len : c->body, off = 0;
	uint64_t pos = place(r, r->reserved, first + c->over);

	*ret_begin = pos;
	for (uint32_t i = 0; i < c->n_frames; i++) {
		size_t n = c->len - off < c->body ? c->len - off : c->body;
		uint64_t at = place(r, pos, n + c->over);
		uint8_t *p = ring_at(r, at);

		if (at != pos)
			atomic_store_explicit(&r->skip_at, pos, memory_order_relaxed);
		copy_some(p + c->over, &from, n);
		if (c->split)
			wire_put_frag(p, r->nodeid, r->next_seq + i, n, (uint32_t)c->len,
				      (uint32_t)off);
		else
			put_headers(r, p, r->next_seq + i, n);
		off += n;
		pos = at + c->over + n;
	}
	assert(off == c->len && pos - r->floor <= r->size);
	return pos;
}

int ring_send(struct ring *r, const struct span *parts, size_t len, uint32_t max_frame,
	      uint64_t *ret_number)
{
	uint64_t need, begin, end;
	struct cut c;
	int err;

	if (closed(r))
		return -ESHUTDOWN;
	if (max_frame <= WIRE_FRAG_OVERHEAD || len > r->size)
		return -EMSGSIZE;
	c = cut_of(r, len, max_frame);
	/* A gap at the end of a lap is shorter than a frame. */
	need = len + (uint64_t)c.n_frames * c.over + (c.split ? max_frame : 0);
	if (need > r->size)
		return -EMSGSIZE;
	err = reserve(r, need, c.split);
	if (err)
		return err;
	end = build(r, parts, &c, &begin);
	return commit(r, begin, end, c.n_frames, ret_number);
}

int ring_put(struct ring *r, const struct span *parts, size_t len, uint32_t max_frame,
	     uint64_t *ret_end)
{
	struct parts_cursor from = { parts, 0 };
	uint64_t need = (uint64_t)len + WIRE_MSG_OVERHEAD, begin;
	int err;

	assert(r->over == WIRE_MSG_OVERHEAD);
	if (closed(r))
		return -ESHUTDOWN;
	if (need > max_frame)
		return -EMSGSIZE;
	if (r->n_slots) {
		want_room(r, need, RING_WANTED_SLOT);
		return -EAGAIN;
	}
	err = reserve(r, need, false);
	if (err)
		return err;
	begin = place(r, r->reserved, need);
	wire_put_whole(ring_at(r, begin), r->nodeid, r->next_seq, len, WIRE_CALL);
	copy_some(ring_at(r, begin) + WIRE_MSG_OVERHEAD, &from, len);
	err = publish(r, begin, begin + need, 1);
	if (err)
		return err;
	r->number--;		/* of messages: publish() has counted it as one */
	*ret_end = begin + need;
	ring_put_check(r);
	return 0;
}

int ring_put_secret(struct ring *r, const struct span *parts, size_t len, uint32_t max_frame,
		    uint64_t *ret_end)
{
	int err;

	/* Before the consumer can see it, and it has no position yet. */
	atomic_store_explicit(&r->secret_end, UINT64_MAX, memory_order_relaxed);
	err = ring_put(r, parts, len, max_frame, ret_end);
	/* Not less than before, also if it was refused. */
	atomic_store_explicit(&r->secret_end, ring_tail(r), memory_order_relaxed);
	return err;
}

/* ---- slots ---- */

/* The head of the slots, done, goes where everything before it ends. */
static int publish_slot(struct ring *r, struct ring_slot *s)
{
	uint64_t tail = ring_tail(r);
	uint64_t to = place(r, tail > r->floor ? tail : r->floor, s->used);

	assert(to <= s->pos && s->used >= r->over);
	if (to != s->pos)
		memmove(ring_at(r, to), ring_at(r, s->pos), s->used);
	/* ring_next() looks there if the ring has been closed meanwhile. */
	s->pos = to;
	put_headers(r, ring_at(r, to), r->next_seq, s->used - r->over);
	return publish(r, to, to + s->used, 1);
}

/*
 * Publish what is done at the head of the slots. Where one was discarded or
 * turned out shorter, those behind it move down as their turn comes: nobody
 * writes to them any more.
 */
static void flush_slots(struct ring *r)
{
	uint64_t reserved = r->reserved;
	unsigned before = r->n_slots;

	/* Unsent slots are looked up by their place. */
	if (closed(r))
		return;
	while (r->n_slots) {
		struct ring_slot *s = &r->slots[r->slot_head];

		if (s->state == RING_SLOT_OPEN)
			break;
		if (s->state == RING_SLOT_DONE && publish_slot(r, s)) {
			/* Closed: ring_next() reads the slots, and no send may overwrite them. */
			r->reserved = reserved;
			return;
		}
		s->state = RING_SLOT_FREE;
		r->slot_head = (r->slot_head + 1) % RING_SLOTS;
		r->n_slots--;
	}
	if (r->n_slots == 0)
		reserved = ring_tail(r) > r->floor ? ring_tail(r) : r->floor;
	r->reserved = reserved;
	set_fits(r);
	atomic_store_explicit(&r->held, r->n_slots, memory_order_relaxed);
	if (r->n_slots != before)
		atomic_fetch_and(&r->wanted, ~RING_WANTED_SLOT);
}

static struct ring_slot *open_slot(struct ring *r, unsigned i)
{
	return i < RING_SLOTS && r->slots[i].state == RING_SLOT_OPEN ? &r->slots[i] : NULL;
}

int ring_reserve(struct ring *r, size_t len, uint32_t max_frame, uint8_t **ret_data,
		 unsigned *ret_slot)
{
	uint64_t need = len + r->over;
	struct ring_slot *s;
	int err;

	if (closed(r))
		return -ESHUTDOWN;
	if (len > max_frame || need > max_frame)
		return -EMSGSIZE;
	err = reserve(r, need, false);
	if (err)
		return err;
	s = push_slot(r, place(r, r->reserved, need), need, RING_SLOT_OPEN);
	*ret_slot = (unsigned)(s - r->slots);
	*ret_data = ring_at(r, s->pos) + r->over;
	ring_put_check(r);
	return 0;
}

int ring_commit(struct ring *r, unsigned i, size_t used, uint64_t *ret_number)
{
	struct ring_slot *s = open_slot(r, i);
	uint64_t number = r->number + 1;	/* if it is the head */

	if (!s || used > s->reserved - r->over)
		return -EINVAL;
	s->used = (uint16_t)(used + r->over);
	s->state = RING_SLOT_DONE;
	flush_slots(r);
	if (s->state == RING_SLOT_DONE && closed(r)) {
		s->state = RING_SLOT_DISCARDED;
		return -ESHUTDOWN;
	}
	if (ret_number)
		*ret_number = s->state == RING_SLOT_FREE ? number : 0;
	return 0;
}

int ring_discard(struct ring *r, unsigned i)
{
	struct ring_slot *s = open_slot(r, i);

	if (!s)
		return -EINVAL;
	s->state = RING_SLOT_DISCARDED;
	flush_slots(r);
	return 0;
}

uint64_t ring_room(struct ring *r)
{
	refresh(r);
	return r->size - (r->reserved - r->floor);
}

uint64_t ring_bytes_held(const struct ring *r)
{
	uint64_t bytes = ring_bytes_between(r, atomic_load(&r->acked), ring_tail(r));

	/* The gap may be longer than the ring, where that was empty when its lap ended. */
	assert(bytes <= r->size);
	return bytes;
}
