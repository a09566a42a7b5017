/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the consumer's side of the send ring: what goes out next, what was
 * acknowledged, and what became of each message. Knows nothing of the link that
 * the bytes go to, nor of how they came in.
 */
#include "ring_out.h"

#include "check.h"
#include "ring_pos.h"
#include "seq.h"
#include "wire.h"

#include <assert.h>
#include <errno.h>

static uint64_t end_of(const struct ring *r)
{
	return atomic_load_explicit(&r->filled, memory_order_acquire) >> 1;
}

/* The FIN has positions behind all others, and memory of its own. */
static uint64_t fin_end(const struct ring *r, uint64_t end)
{
	return r->fin ? end + WIRE_FIN : end;
}

/* Step over the gap at the end of a lap. */
static uint64_t over_gap(const struct ring *r, uint64_t pos, uint64_t end)
{
	return pos != end && pos == ring_skip_at(r) ? ring_next_lap(r, pos) : pos;
}

/* Bytes from acked to end, FIN included, without the gap. */
static uint64_t held(const struct ring *r, uint64_t end)
{
	uint64_t bytes = ring_bytes_between(r, r->acked_pos, end) + fin_end(r, end) - end;

	assert(bytes <= r->size + WIRE_FIN);
	return bytes;
}

static size_t frame_bytes(const uint8_t *f)
{
	return get_le16(f + offsetof(struct wire_header, length));
}

/* The frame at *pos < fin_end; *pos moves behind it. */
static const uint8_t *step(const struct ring *r, uint64_t *pos, uint64_t end, size_t *ret_bytes)
{
	const uint8_t *f;

	*pos = over_gap(r, *pos, end);
	f = *pos >= end ? r->fin_frame : ring_at(r, *pos);
	*ret_bytes = frame_bytes(f);
	assert(*ret_bytes >= WIRE_HEADER);
	*pos += *ret_bytes;
	return f;
}

/* Where the data from pos (not in a gap) on end within its lap. */
static uint64_t lap_data_end(const struct ring *r, uint64_t pos, uint64_t end)
{
	uint64_t lap_end = ring_next_lap(r, pos + 1);
	uint64_t skip = ring_skip_at(r);

	if (end <= lap_end)
		return end;
	return skip >= pos && skip < lap_end ? skip : lap_end;
}

/* Memory of the bytes at pos, which is in no gap. */
static const uint8_t *bytes_at(const struct ring *r, uint64_t pos, uint64_t end)
{
	return pos >= end ? r->fin_frame + (pos - end) : ring_at(r, pos);
}

/* How many bytes from *pos on lie in one piece, at most max; *pos moves over a gap before them. */
static size_t piece(const struct ring *r, uint64_t *pos, uint64_t end, size_t max)
{
	uint64_t to;

	*pos = over_gap(r, *pos, end);
	to = *pos < end ? lap_data_end(r, *pos, end) : fin_end(r, end);
	return to - *pos < max ? (size_t)(to - *pos) : max;
}

/* ---- writing ---- */

bool ring_has_unsent(struct ring *r)
{
	return r->half_end || r->sent != fin_end(r, end_of(r));
}

size_t ring_unsent(struct ring *r, struct span out[3], int *ret_n, size_t max)
{
	uint64_t end = end_of(r), pos = r->sent, bytes = held(r, end);
	size_t sum = 0, take;
	int n = 0;

	if (bytes > atomic_load_explicit(&r->high_water, memory_order_relaxed))
		atomic_store_explicit(&r->high_water, bytes, memory_order_relaxed);
	if (r->half_end && max) {
		sum = r->half_end - pos < max ? (size_t)(r->half_end - pos) : max;
		out[n++] = (struct span) { bytes_at(r, pos, end), sum };
		pos = r->acked_pos;
	}
	while (n < 3 && sum < max && pos < fin_end(r, end)) {
		take = piece(r, &pos, end, max - sum);
		out[n++] = (struct span) { bytes_at(r, pos, end), take };
		sum += take;
		pos += take;
	}
	assert(n <= 3 && sum <= max);
	*ret_n = n;
	return sum;
}

/* Frames that end in (from, to], where from is not below sent_frame. */
static uint64_t frames_between(struct ring *r, uint64_t from, uint64_t to, uint64_t end)
{
	uint64_t pos = r->sent_frame > r->acked_pos ? r->sent_frame : r->acked_pos, n = 0;
	size_t bytes;

	while (pos < to) {
		step(r, &pos, end, &bytes);
		n += pos > from && pos <= to;
		if (pos <= to)
			r->sent_frame = pos;
	}
	return n;
}

/* Overwrites what lies between two positions. Not the gap: a new lap may have begun in it. */
static __attribute__((noinline)) void wipe(const struct ring *r, uint64_t from, uint64_t to)
{
	uint64_t end = end_of(r);

	assert(to <= end);
	for (from = over_gap(r, from, end); from < to; from = over_gap(r, from, end)) {
		size_t n = piece(r, &from, end, to - from);

		memset(ring_at(r, from), 0, n);
		from += n;
	}
}

/* Memory before the first message that is not wholly acknowledged is free again. */
static void free_acked(struct ring *r)
{
	uint64_t freed = atomic_load_explicit(&r->acked, memory_order_relaxed);

	if (freed < atomic_load_explicit(&r->secret_end, memory_order_relaxed))
		wipe(r, freed, r->msg_pos);
	atomic_store(&r->acked, r->msg_pos);
}

/* n bytes of a frame that was acknowledged while half sent; what remains of n. */
static size_t half_sent(struct ring *r, size_t n, uint64_t *again)
{
	uint64_t rest = r->half_end - r->sent;

	assert(r->half_end > r->sent);
	if (n < rest) {
		r->sent += n;
		return 0;
	}
	r->half_end = 0;
	r->sent = r->acked_pos;
	free_acked(r);
	++*again;
	return n - (size_t)rest;
}

uint64_t ring_sent(struct ring *r, size_t n)
{
	uint64_t end = end_of(r), pos, from, again = 0;
	size_t bytes;

	if (r->half_end)
		n = half_sent(r, n, &again);
	if (!n)
		return again;
	pos = from = r->sent;
	while (n && pos < fin_end(r, end)) {
		bytes = piece(r, &pos, end, n);
		pos += bytes;
		n -= bytes;
	}
	assert(!n);
	if (from < r->high)
		again += frames_between(r, from, pos < r->high ? pos : r->high, end);
	r->sent = pos;
	if (pos > r->high)
		r->high = pos;
	ring_check(r);
	return again;
}

size_t ring_mid_frame(struct ring *r)
{
	uint64_t end = end_of(r), pos = r->sent_frame, next;
	size_t bytes;

	if (r->half_end)
		return (size_t)(r->half_end - r->sent);
	if (r->sent == end || r->sent == fin_end(r, end)) {
		r->sent_frame = r->sent;
		return 0;
	}
	if (pos < r->acked_pos)
		pos = r->acked_pos;
	for (next = pos; pos != r->sent; pos = next) {
		step(r, &next, end, &bytes);
		if (next > r->sent)
			break;
	}
	r->sent_frame = pos;
	assert(next >= r->sent);
	return (size_t)(next - r->sent);
}

/* ---- acknowledgement ---- */

static uint8_t nextcmd(const uint8_t *f)
{
	return f[offsetof(struct wire_opts, nextcmd)];
}

/* Whether a frame ends an application message. */
static bool ends_message(const uint8_t *f, size_t bytes)
{
	switch (nextcmd(f)) {
	case WIRE_FIN_CMD:
	case WIRE_CALL:
		return false;
	case WIRE_FRAGMENT:
		return get_le32(f + WIRE_OPTS + 8) + (bytes - WIRE_FRAG_OVERHEAD) ==
		       get_le32(f + WIRE_OPTS + 4);
	default:
		return true;
	}
}

/*
 * Everything before pos is acknowledged. When the peer knew more than its HELLO
 * said (R10), the frame that is being sent again may be among it: its rest must
 * still go out, from its own bytes, or the peer would lose the frames' borders.
 */
static void move_sent(struct ring *r, uint64_t pos)
{
	size_t rest;

	if (r->half_end || r->sent >= pos)
		return;
	rest = ring_mid_frame(r);
	if (rest)
		r->half_end = r->sent + rest;
	else
		r->sent = pos;
}

/* The last mark that was sent and is not behind next; NULL: none. *ret_taken: with it. */
static const struct ring_mark *last_mark(const struct ring *r, uint32_t next, uint32_t *ret_taken)
{
	uint32_t put = atomic_load_explicit(&r->marks.put, memory_order_acquire);
	uint32_t taken = atomic_load_explicit(&r->marks.taken, memory_order_relaxed);
	const struct ring_mark *last = NULL;

	assert(put - taken <= RING_MARKS);
	for (; taken != put; taken++) {
		const struct ring_mark *m = &r->marks.all[taken % RING_MARKS];

		if (m->pos > r->high || seq_before(next, m->seq))
			break;
		last = m;
	}
	*ret_taken = taken;
	return last;
}

/* Where the ring stands once everything before some number is acknowledged. */
struct acked_to {
	uint64_t pos, msg_pos, number;
	uint32_t marks_taken;
};

/* So many frames, which lie one behind the other from f on, until the first that begins at stop or
 * behind it; the position behind them. */
static uint64_t acked_run(const uint8_t *f, uint64_t pos, uint64_t stop, int32_t *frames,
			  struct acked_to *to)
{
	uint64_t msg_pos = to->msg_pos, number = to->number;
	int32_t left = *frames;

	for (; left > 0 && pos < stop; left--) {
		size_t bytes = frame_bytes(f);

		pos += bytes;
		/* An ACK looks at many, and nearly all are of these two kinds. */
		if (nextcmd(f) == WIRE_CALL) {
			msg_pos = pos;
		} else if (nextcmd(f) == WIRE_DATA || ends_message(f, bytes)) {
			msg_pos = pos;
			number++;
		}
		f += bytes;
	}
	*frames = left;
	to->msg_pos = msg_pos;
	to->number = number;
	return pos;
}

/* As ring_ack(), and nothing changes: what it would change goes to *to. */
static int find_acked(const struct ring *r, uint32_t next, struct acked_to *to)
{
	int32_t frames = seq_diff(next, r->acked_seq);
	const struct ring_mark *mark;
	uint64_t end;

	if (frames <= 0)
		return 0;
	*to = (struct acked_to) { r->acked_pos, r->msg_pos, r->acked_number, 0 };
	end = end_of(r);
	mark = last_mark(r, next, &to->marks_taken);
	if (mark && mark->pos > to->pos) {
		to->pos = to->msg_pos = mark->pos;
		to->number = mark->number;
		frames = seq_diff(next, mark->seq);
	}
	while (frames > 0) {
		uint64_t stop = r->high, pos = over_gap(r, to->pos, end);

		if (pos >= stop)
			return -EPROTO;
		if (pos < end && stop > lap_data_end(r, pos, end))
			stop = lap_data_end(r, pos, end);
		pos = acked_run(bytes_at(r, pos, end), pos, stop, &frames, to);
		if (pos > r->high)
			return -EPROTO;
		to->pos = pos;
	}
	return 1;
}

int ring_ack(struct ring *r, uint32_t next)
{
	struct acked_to to;
	int moved = find_acked(r, next, &to);

	if (moved <= 0)
		return moved;
	assert(to.pos <= r->high && to.number >= r->acked_number);
	move_sent(r, to.pos);
	r->acked_pos = to.pos;
	r->msg_pos = to.msg_pos;
	r->acked_seq = next;
	r->acked_number = to.number;
	atomic_store_explicit(&r->marks.taken, to.marks_taken, memory_order_release);
	if (!r->half_end)
		free_acked(r);
	ring_check(r);
	return 1;
}

bool ring_may_resume(const struct ring *r, uint32_t next)
{
	struct acked_to to;

	return !seq_before(next, r->acked_seq) && find_acked(r, next, &to) >= 0;
}

int ring_resume(struct ring *r, uint32_t next)
{
	if (seq_before(next, r->acked_seq) || ring_ack(r, next) < 0)
		return -EPROTO;
	r->half_end = 0;
	r->sent = r->acked_pos;
	r->sent_frame = r->acked_pos;
	free_acked(r);
	ring_check(r);
	return 0;
}

void ring_wipe(struct ring *r)
{
	uint64_t end = end_of(r), pos = atomic_load_explicit(&r->acked, memory_order_relaxed);
	size_t bytes;

	while (pos < end && pos < atomic_load_explicit(&r->secret_end, memory_order_relaxed)) {
		const uint8_t *f = step(r, &pos, end, &bytes);

		if (nextcmd(f) == WIRE_CALL)
			memset(ring_at(r, pos - bytes) + WIRE_MSG_OVERHEAD, 0,
			       bytes - WIRE_MSG_OVERHEAD);
	}
}

uint64_t ring_resend_limit(const struct ring *r, uint64_t bytes)
{
	uint64_t pos = r->sent, end = end_of(r);
	size_t first;

	if (pos != fin_end(r, end))
		step(r, &pos, end, &first);
	return pos + bytes;
}

/* ---- the end ---- */

bool ring_slots_held(const struct ring *r)
{
	return atomic_load_explicit(&r->held, memory_order_relaxed) != 0;
}

bool ring_close(struct ring *r)
{
	return !(atomic_fetch_or_explicit(&r->filled, 1, memory_order_acq_rel) & 1);
}

uint32_t ring_next_seq(struct ring *r)
{
	uint64_t end = end_of(r), pos = r->acked_pos;
	uint32_t seq = r->acked_seq;
	size_t bytes;

	/* The newest frame's own header says it. */
	if (r->sent_frame > pos && r->sent_frame < end)
		pos = r->sent_frame;
	while (pos < end)
		seq = get_le32(step(r, &pos, end, &bytes) + offsetof(struct wire_header, u)) + 1;
	return seq;
}

void ring_put_fin(struct ring *r)
{
	assert(!r->fin);
	ring_close(r);
	wire_put_fin(r->fin_frame, r->nodeid, ring_next_seq(r));
	r->fin = true;
	ring_check(r);
}

bool ring_fin_acked(const struct ring *r)
{
	return r->fin && r->acked_pos == end_of(r) + WIRE_FIN;
}

bool ring_fin_ends(const struct ring *r, uint32_t next)
{
	return r->fin && next == get_le32(r->fin_frame + offsetof(struct wire_header, u)) + 1 &&
		r->high == fin_end(r, end_of(r));
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
	return held(r, end_of(r));
}

bool ring_take_writable(struct ring *r)
{
	uint64_t wanted = atomic_load(&r->wanted), end, acked, gap;

	if (!wanted || wanted & RING_WANTED_SLOT)
		return false;
	/* At the end of a lap a frame may leave a gap shorter than itself; a wish for
	 * fragments has room for it already. No more than that: what is waited for may be all
	 * that ever comes. */
	gap = wanted <= WIRE_FRAME_MAX ? wanted : 0;
	end = end_of(r);
	acked = over_gap(r, atomic_load_explicit(&r->acked, memory_order_relaxed), end);
	if (acked < end && r->size - (end - acked) < wanted + gap)
		return false;
	atomic_store(&r->wanted, 0);
	return true;
}

static const struct ring_slot *slot_at(const struct ring *r, unsigned i)
{
	return &r->slots[(r->slot_head + i) % RING_SLOTS];
}

void ring_delivery(struct ring *r, struct ring_delivery *ret)
{
	uint64_t end = end_of(r), pos = r->acked_pos, number = r->acked_number;

	*ret = (struct ring_delivery) { number, number, number };
	while (pos < end) {
		size_t bytes;
		const uint8_t *f = step(r, &pos, end, &bytes);

		if (!ends_message(f, bytes))
			continue;
		number++;
		if (pos <= r->high)
			ret->in_doubt = number;
	}
	/* Accepted behind an open slot, and never published. */
	for (unsigned i = 0; i < r->n_slots; i++)
		number += slot_at(r, i)->state == RING_SLOT_DONE;
	assert(ret->acked <= ret->in_doubt && ret->in_doubt <= number);
	ret->unsent = number;
}

/* Messages behind the ring for ring_next(): positions end + i are slots. */
static int next_slot(struct ring *r, struct ring_iter *it, uint64_t end, struct span *ret_body,
		     size_t *ret_total)
{
	for (uint64_t i = it->pos - end; i < r->n_slots; i++) {
		const struct ring_slot *s = slot_at(r, (unsigned)i);

		if (s->state != RING_SLOT_DONE)
			continue;
		*ret_total = s->used - r->over;
		*ret_body = (struct span) { ring_at(r, s->pos) + r->over, *ret_total };
		it->pos = end + i + 1;
		it->ended = true;
		return 1;
	}
	return 0;
}

/* The next frame of a message from *pos on, NULL: none; *pos moves behind it. */
static const uint8_t *message_step(const struct ring *r, uint64_t *pos, uint64_t end,
				   size_t *ret_bytes)
{
	while (*pos < end) {
		const uint8_t *f = step(r, pos, end, ret_bytes);

		if (nextcmd(f) != WIRE_CALL)
			return f;
	}
	return NULL;
}

int ring_next(struct ring *r, struct ring_iter *it, struct span *ret_body,
	      bool *ret_first, bool *ret_last, size_t *ret_total)
{
	uint64_t end = end_of(r);
	const uint8_t *f;
	size_t bytes = 0, over = r->over;

	if (!it->started)
		*it = (struct ring_iter) { r->msg_pos, r->acked_number + 1, true, false };
	else if (it->ended)
		it->number++;
	*ret_first = *ret_last = true;
	f = message_step(r, &it->pos, end, &bytes);
	if (!f)
		return next_slot(r, it, end, ret_body, ret_total);
	it->ended = ends_message(f, bytes);
	*ret_last = it->ended;
	switch (nextcmd(f)) {
	case WIRE_FRAGMENT:
		over = WIRE_FRAG_OVERHEAD;
		*ret_total = get_le32(f + WIRE_OPTS + 4);
		*ret_first = get_le32(f + WIRE_OPTS + 8) == 0;
		break;
	default:		/* WIRE_DATA, or a DLM packet with its own header */
		*ret_total = bytes - over;
		break;
	}
	*ret_body = (struct span) { f + over, bytes - over };
	return 1;
}
