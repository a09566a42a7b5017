/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the bytes and cursors of one session's send ring. Knows nothing of the
 * link that the bytes go to.
 *
 * Positions grow for ever; position & (size - 1) is the offset in memory. A
 * frame is never split across the end of the memory: a lap that has no room
 * left for one ends early, at skip_at, and the next begins at the following
 * multiple of size. There is never more than one such gap between acked and
 * filled, because a lap can only end when its own beginning is acknowledged. An empty ring
 * begins a new lap now and then, so that light traffic stays in few pages.
 */
#include "ring.h"

#include "seq.h"
#include "wire.h"

#include <assert.h>
#include <errno.h>

#define LOOK_BYTES	(256u * 1024)	/* look at acked at least this often */

static uint8_t *at(const struct ring *r, uint64_t pos)
{
	return r->base + (pos & (r->size - 1));
}

static uint64_t next_lap(const struct ring *r, uint64_t pos)
{
	return (pos + r->size - 1) & ~(r->size - 1);
}

/* Where a frame of len bytes goes when everything before pos is taken. */
static uint64_t place(const struct ring *r, uint64_t pos, uint64_t len)
{
	uint64_t off = pos & (r->size - 1);

	return off + len <= r->size ? pos : next_lap(r, pos);
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
}

size_t ring_max_message(size_t size)
{
	return size / 2;
}

/* ---- producer ---- */

/* Learn how far the consumer is; begin a new lap when the ring is empty. */
static void look(struct ring *r)
{
	uint64_t acked = atomic_load(&r->acked);

	r->looked = r->tail;
	if (acked > r->floor)
		r->floor = acked;
	if (r->n_slots == 0 && acked == r->tail) {
		r->reserved = next_lap(r, r->tail);
		r->floor = r->reserved;
	}
}

static bool fits(const struct ring *r, uint64_t end)
{
	return end - r->floor <= r->size;
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

static bool closed(const struct ring *r)
{
	return atomic_load_explicit(&r->filled, memory_order_relaxed) & 1;
}

static void copy_parts(uint8_t *dst, const struct span *parts, int n)
{
	for (int i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(dst, parts[i].p, parts[i].n);
		dst += parts[i].n;
	}
}

/* Position after a message of len bytes in fragments that begins at pos. */
static uint64_t frag_end(const struct ring *r, uint64_t pos, size_t len, size_t body)
{
	for (size_t off = 0; off < len; off += body) {
		size_t n = len - off < body ? len - off : body;

		pos = place(r, pos, n + WIRE_FRAG_OVERHEAD) + n + WIRE_FRAG_OVERHEAD;
	}
	return pos;
}

/* Note what a refused sender waits for. True if it fits by now after all. */
static bool want_room(struct ring *r, uint64_t pos, uint64_t need)
{
	look(r);
	if (fits(r, place(r, r->reserved, need) + need))
		return true;
	atomic_store(&r->want, need);
	look(r);
	pos = r->reserved;
	if (!fits(r, place(r, pos, need) + need))
		return false;
	atomic_store(&r->want, 0);
	return true;
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
	/* A gap at the end of a lap is shorter than a frame. */
	uint64_t need = frag_end(r, 0, len, body) + max_frame;
	struct parts_cursor c = { parts, 0 };
	uint64_t pos, begin = 0;
	uint32_t seq = r->next_seq;
	int err;

	if (need > r->size)
		return -EMSGSIZE;
	if (r->n_slots) {
		atomic_store(&r->want, need);
		return -EAGAIN;
	}
	if (!fits(r, r->reserved + need) && !want_room(r, r->reserved, need))
		return -EAGAIN;
	pos = r->reserved;
	for (size_t off = 0; off < len; off += body) {
		size_t n = len - off < body ? len - off : body;
		uint64_t p = place(r, pos, n + WIRE_FRAG_OVERHEAD);

		if (p != pos && off)
			atomic_store_explicit(&r->skip_at, pos, memory_order_relaxed);
		if (!off)
			begin = p;
		wire_put_frag(at(r, p), r->nodeid, seq++, n, (uint32_t)len, (uint32_t)off);
		copy_some(at(r, p) + WIRE_FRAG_OVERHEAD, &c, n);
		pos = p + n + WIRE_FRAG_OVERHEAD;
	}
	err = publish(r, begin, pos);
	if (err)
		return err;
	r->reserved = pos;
	r->next_seq = seq;
	return 0;
}

/* Room for one frame of need bytes at the reserved end; its position. */
static int reserve(struct ring *r, uint64_t need, uint64_t *ret_pos)
{
	if (need > r->size)
		return -EMSGSIZE;
	if (r->tail - r->looked >= LOOK_BYTES)
		look(r);
	if (!fits(r, place(r, r->reserved, need) + need) && !want_room(r, r->reserved, need))
		return -EAGAIN;
	*ret_pos = place(r, r->reserved, need);
	return 0;
}

static struct ring_slot *push_slot(struct ring *r, uint64_t pos, size_t need)
{
	unsigned i = (r->slot_head + r->n_slots) % RING_SLOTS;
	struct ring_slot *s = &r->slots[i];

	assert(r->n_slots < RING_SLOTS);
	*s = (struct ring_slot) { pos, (uint32_t)need, (uint32_t)need, RING_SLOT_OPEN };
	r->n_slots++;
	r->reserved = pos + need;
	return s;
}

/*
 * Publish what is done at the head of the slots. Where one was cancelled or
 * turned out shorter, those behind it move down as their turn comes: nobody writes to them any more.
 */
static int flush_slots(struct ring *r)
{
	while (r->n_slots) {
		struct ring_slot *s = &r->slots[r->slot_head];
		uint64_t from = r->tail > r->floor ? r->tail : r->floor;
		uint64_t to = place(r, from, s->used);

		if (s->state == RING_SLOT_OPEN)
			return 0;
		if (s->state == RING_SLOT_DONE) {
			if (to != s->pos)
				memmove(at(r, to), at(r, s->pos), s->used);
			wire_put_msg(at(r, to), r->nodeid, r->next_seq,
				     s->used - WIRE_MSG_OVERHEAD);
			if (publish(r, to, to + s->used))
				return -ESHUTDOWN;
			r->next_seq++;
			r->number++;
		}
		s->state = RING_SLOT_FREE;
		r->slot_head = (r->slot_head + 1) % RING_SLOTS;
		r->n_slots--;
	}
	r->reserved = r->tail;
	return 0;
}

int ring_send(struct ring *r, const struct span *parts, int n, size_t len,
	      uint32_t max_frame, uint64_t *ret_number)
{
	uint64_t pos, need = len + WIRE_MSG_OVERHEAD;
	int err;

	if (closed(r))
		return -ESHUTDOWN;
	if (need > max_frame) {
		err = send_fragments(r, parts, len, max_frame);
		if (err)
			return err;
		r->number++;
	} else if (r->n_slots == RING_SLOTS) {
		atomic_store(&r->want, need);
		return -EAGAIN;
	} else {
		err = reserve(r, need, &pos);
		if (err)
			return err;
		copy_parts(at(r, pos) + WIRE_MSG_OVERHEAD, parts, n);
		if (r->n_slots) {
			push_slot(r, pos, need)->state = RING_SLOT_DONE;
			if (ret_number)
				*ret_number = r->number + r->n_slots;
			return 0;
		}
		wire_put_msg(at(r, pos), r->nodeid, r->next_seq, len);
		err = publish(r, pos, pos + need);
		if (err)
			return err;
		r->reserved = r->tail;
		r->next_seq++;
		r->number++;
	}
	if (ret_number)
		*ret_number = r->number;
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
	err = reserve(r, need, &pos);
	if (err)
		return err;
	memcpy(at(r, pos) + WIRE_OPTS, packet, len);
	wire_put_opts(at(r, pos), r->nodeid, r->next_seq,
		      ((const struct wire_header *)packet)->cmd, len);
	err = publish(r, pos, pos + need);
	if (err)
		return err;
	r->reserved = r->tail;
	r->next_seq++;
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
	if (need > max_frame)
		return -EMSGSIZE;
	if (r->n_slots == RING_SLOTS) {
		atomic_store(&r->want, need);
		return -EAGAIN;
	}
	err = reserve(r, need, &pos);
	if (err)
		return err;
	*ret_slot = (unsigned)(push_slot(r, pos, need) - r->slots);
	*ret_data = at(r, pos) + WIRE_MSG_OVERHEAD;
	return 0;
}

static struct ring_slot *open_slot(struct ring *r, unsigned i)
{
	return i < RING_SLOTS && r->slots[i].state == RING_SLOT_OPEN ? &r->slots[i] : NULL;
}

int ring_commit(struct ring *r, unsigned i, size_t used, uint64_t *ret_number)
{
	struct ring_slot *s = open_slot(r, i);
	uint64_t number = r->number;

	if (!s || used + WIRE_MSG_OVERHEAD > s->reserved)
		return -EINVAL;
	s->used = (uint32_t)(used + WIRE_MSG_OVERHEAD);
	s->state = RING_SLOT_DONE;
	for (unsigned k = 0; k < r->n_slots; k++) {
		unsigned j = (r->slot_head + k) % RING_SLOTS;

		number += r->slots[j].state != RING_SLOT_CANCELLED;
		if (j == i)
			break;
	}
	if (closed(r))
		return -ESHUTDOWN;
	if (ret_number)
		*ret_number = number;
	return flush_slots(r);
}

int ring_cancel(struct ring *r, unsigned i)
{
	struct ring_slot *s = open_slot(r, i);

	if (!s)
		return -EINVAL;
	s->state = RING_SLOT_CANCELLED;
	return closed(r) ? -ESHUTDOWN : flush_slots(r);
}

uint64_t ring_room(struct ring *r)
{
	look(r);
	return r->size - (r->reserved - r->floor);
}

/* ---- consumer ---- */

static uint64_t end_of(struct ring *r)
{
	return atomic_load_explicit(&r->filled, memory_order_acquire) >> 1;
}

static uint64_t fin_end(struct ring *r, uint64_t end)
{
	return r->fin ? end + WIRE_FIN : end;
}

/* Step over the gap at the end of a lap. */
static uint64_t over_gap(struct ring *r, uint64_t pos, uint64_t end)
{
	if (pos != end && pos == atomic_load_explicit(&r->skip_at, memory_order_relaxed))
		return next_lap(r, pos);
	return pos;
}

/* The frame at pos < fin_end. */
static const uint8_t *frame_at(struct ring *r, uint64_t pos, uint64_t end)
{
	return pos >= end ? r->fin_frame : at(r, pos);
}

static size_t frame_bytes(const uint8_t *f)
{
	return get_le16(f + offsetof(struct wire_header, length));
}

/* Where the data from pos (not in a gap) on end within its lap. */
static uint64_t lap_data_end(struct ring *r, uint64_t pos, uint64_t end)
{
	uint64_t lap_end = next_lap(r, pos + 1);
	uint64_t skip = atomic_load_explicit(&r->skip_at, memory_order_relaxed);

	if (end <= lap_end)
		return end;
	return skip >= pos && skip < lap_end ? skip : lap_end;
}

bool ring_has_unsent(struct ring *r)
{
	return r->sent != fin_end(r, end_of(r));
}

size_t ring_unsent(struct ring *r, struct span out[3], int *ret_n, size_t max)
{
	uint64_t end = end_of(r), pos = r->sent, to;
	size_t sum = 0;
	int n = 0;

	if (end - r->acked_pos > atomic_load_explicit(&r->high_water, memory_order_relaxed))
		atomic_store_explicit(&r->high_water, end - r->acked_pos, memory_order_relaxed);
	while (pos < end && sum < max) {
		pos = over_gap(r, pos, end);
		to = lap_data_end(r, pos, end);
		if (to - pos > max - sum)
			to = pos + (max - sum);
		out[n++] = (struct span) { at(r, pos), (size_t)(to - pos) };
		sum += (size_t)(to - pos);
		pos = to;
	}
	if (r->fin && pos >= end && sum < max) {
		size_t off = (size_t)(pos - end);

		if (off < WIRE_FIN) {
			out[n++] = (struct span) { r->fin_frame + off, WIRE_FIN - off };
			sum += WIRE_FIN - off;
		}
	}
	*ret_n = n;
	return sum;
}

/* Frames that end in (from, to], where from is not below sent_frame. */
static uint64_t frames_between(struct ring *r, uint64_t from, uint64_t to, uint64_t end)
{
	uint64_t pos = r->sent_frame > r->acked_pos ? r->sent_frame : r->acked_pos, n = 0;

	while (pos < to) {
		pos = over_gap(r, pos, end);
		pos += frame_bytes(frame_at(r, pos, end));
		n += pos > from && pos <= to;
		if (pos <= to)
			r->sent_frame = pos;
	}
	return n;
}

uint64_t ring_sent(struct ring *r, size_t n)
{
	uint64_t end = end_of(r), pos = r->sent, from = r->sent, again = 0;

	while (n && pos < end) {
		uint64_t to;

		pos = over_gap(r, pos, end);
		to = lap_data_end(r, pos, end);
		if (to - pos > n)
			to = pos + n;
		n -= (size_t)(to - pos);
		pos = to;
	}
	pos += n;
	assert(pos <= fin_end(r, end));
	if (from < r->high)
		again = frames_between(r, from, pos < r->high ? pos : r->high, end);
	r->sent = pos;
	if (pos > r->high)
		r->high = pos;
	return again;
}

size_t ring_mid_frame(struct ring *r)
{
	uint64_t end = end_of(r), pos = r->sent_frame, next;

	if (pos < r->acked_pos)
		pos = r->acked_pos;
	if (r->sent == end || r->sent == fin_end(r, end)) {
		r->sent_frame = r->sent;
		return 0;
	}
	for (;;) {
		if (pos == r->sent)
			next = pos;
		else {
			pos = over_gap(r, pos, end);
			next = pos + frame_bytes(frame_at(r, pos, end));
		}
		if (pos == r->sent || next > r->sent)
			break;
		pos = next;
	}
	r->sent_frame = pos;
	return (size_t)(next - r->sent);
}

/* Whether a frame ends an application message. */
static bool ends_message(const uint8_t *f, size_t bytes)
{
	switch (f[offsetof(struct wire_opts, nextcmd)]) {
	case WIRE_FIN_CMD:
		return false;
	case WIRE_FRAGMENT:
		return get_le32(f + WIRE_OPTS + 8) + (bytes - WIRE_FRAG_OVERHEAD) ==
		       get_le32(f + WIRE_OPTS + 4);
	default:
		return true;
	}
}

int ring_ack(struct ring *r, uint32_t next)
{
	int32_t frames = seq_diff(next, r->acked_seq);
	uint64_t end, pos = r->acked_pos, msg_pos = r->msg_pos, number = r->acked_number;

	if (frames <= 0)
		return 0;
	end = end_of(r);
	for (int32_t i = 0; i < frames; i++) {
		const uint8_t *f;
		size_t bytes;

		if (pos >= r->high)
			return -EPROTO;
		pos = over_gap(r, pos, end);
		f = frame_at(r, pos, end);
		bytes = frame_bytes(f);
		pos += bytes;
		if (pos > r->high)
			return -EPROTO;
		if (ends_message(f, bytes)) {
			msg_pos = pos;
			number++;
		}
	}
	r->acked_pos = pos;
	r->msg_pos = msg_pos;
	r->acked_seq = next;
	r->acked_number = number;
	if (r->sent < pos)
		r->sent = pos;
	atomic_store(&r->acked, msg_pos);
	return 1;
}

int ring_resume(struct ring *r, uint32_t next)
{
	if (seq_before(next, r->acked_seq) || ring_ack(r, next) < 0)
		return -EPROTO;
	r->sent = r->acked_pos;
	r->sent_frame = r->acked_pos;
	return 0;
}

bool ring_close(struct ring *r)
{
	return !(atomic_fetch_or_explicit(&r->filled, 1, memory_order_acq_rel) & 1);
}

uint32_t ring_next_seq(struct ring *r)
{
	uint64_t end = end_of(r), pos = r->acked_pos;
	uint32_t seq = r->acked_seq;

	/* The newest frame's own header says it. */
	if (r->sent_frame > pos && r->sent_frame <= end)
		pos = r->sent_frame;
	while (pos < end) {
		const uint8_t *f;

		pos = over_gap(r, pos, end);
		f = frame_at(r, pos, end);
		seq = get_le32(f + offsetof(struct wire_header, u)) + 1;
		pos += frame_bytes(f);
	}
	return seq;
}

void ring_put_fin(struct ring *r)
{
	assert(!r->fin);
	ring_close(r);
	wire_put_fin(r->fin_frame, r->nodeid, ring_next_seq(r));
	r->fin = true;
}

bool ring_fin_acked(const struct ring *r)
{
	return r->fin && r->acked_pos ==
		(atomic_load_explicit(&r->filled, memory_order_relaxed) >> 1) + WIRE_FIN;
}

bool ring_all_acked(struct ring *r)
{
	return r->acked_pos >= end_of(r);
}

bool ring_in_flight(const struct ring *r)
{
	return r->high > r->acked_pos;
}

bool ring_empty(struct ring *r)
{
	return r->acked_pos == fin_end(r, end_of(r));
}

uint64_t ring_bytes_queued(struct ring *r)
{
	return fin_end(r, end_of(r)) - r->acked_pos;
}

bool ring_take_writable(struct ring *r)
{
	uint64_t want = atomic_load(&r->want), end;

	if (!want)
		return false;
	end = end_of(r);
	if (r->msg_pos < end && r->size - (end - r->msg_pos) < want + WIRE_FRAME_MAX)
		return false;
	atomic_store(&r->want, 0);
	return true;
}

void ring_fate(struct ring *r, struct ring_fate *ret)
{
	uint64_t end = end_of(r), pos = r->acked_pos, number = r->acked_number;

	*ret = (struct ring_fate) { number, number, number };
	while (pos < end) {
		const uint8_t *f;
		size_t bytes;

		pos = over_gap(r, pos, end);
		f = frame_at(r, pos, end);
		bytes = frame_bytes(f);
		pos += bytes;
		if (!ends_message(f, bytes))
			continue;
		number++;
		if (pos <= r->high)
			ret->unknown = number;
	}
	ret->queued = number;
}

int ring_next(struct ring *r, struct ring_iter *it, struct span *ret_body,
	      bool *ret_first, bool *ret_last, size_t *ret_total)
{
	uint64_t end = end_of(r);
	const uint8_t *f;
	size_t bytes, over = WIRE_MSG_OVERHEAD;
	bool first = true;

	if (!it->started)
		*it = (struct ring_iter) { r->msg_pos, r->acked_number + 1, true, false };
	else if (it->ended)
		it->number++;
	if (it->pos >= end)
		return 0;
	it->pos = over_gap(r, it->pos, end);
	f = frame_at(r, it->pos, end);
	bytes = frame_bytes(f);
	*ret_last = ends_message(f, bytes);
	switch (f[offsetof(struct wire_opts, nextcmd)]) {
	case WIRE_FRAGMENT:
		over = WIRE_FRAG_OVERHEAD;
		*ret_total = get_le32(f + WIRE_OPTS + 4);
		first = get_le32(f + WIRE_OPTS + 8) == 0;
		break;
	case WIRE_DATA:
		*ret_total = bytes - over;
		break;
	default:		/* a DLM packet: with its own header */
		over = WIRE_OPTS;
		*ret_total = bytes - over;
		break;
	}
	*ret_first = first;
	*ret_body = (struct span) { f + over, bytes - over };
	it->pos += bytes;
	it->ended = *ret_last;
	return 1;
}
