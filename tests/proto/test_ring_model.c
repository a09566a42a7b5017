/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The send ring against the naive model of ring_model.h: random operations,
 * every answer compared. The room is computed from the ring's own positions.
 *
 *	test_ring_model [FIRST_SEED [SEEDS]]
 *
 * run.sh: timeout=180
 */
#include "proto/ring_out.h"
#include "proto/seq.h"
#include "proto/wire.h"
#include "tests/lib/check.h"
#include "tests/lib/ring_model.h"

#include <errno.h>
#include <stdlib.h>

#define SEEDS		150
#define OPS		4000
#define PHASE		150	/* operations in one mood */

/* ---- one operation each ---- */

static size_t random_len(void)
{
	size_t edge = m.max_frame - WIRE_MSG_OVERHEAD;

	switch (rnd(8)) {
	case 0:
		return rnd(4);
	case 1:
		return edge - 3 + rnd(7);
	case 2:
		return m.max_frame < 300 ? rnd(2000) : rnd(ring_max_message(RING_MIN) + 1);
	case 3:
		return rnd(m.max_frame * 3 < PAYLOAD_MAX ? m.max_frame * 3 : PAYLOAD_MAX - 1);
	default:
		return rnd(1 + rnd(m.max_frame < 2000 ? m.max_frame : 2000));
	}
}

static bool full(size_t len)
{
	return m.filled + 2 * len + (1u << 20) > STREAM_MAX || m.n_messages + 2 > MESSAGES_MAX ||
		m.n_frames + 10000 > FRAMES_MAX;
}

/* A refusal for lack of room must be true, but for one gap and one frame. */
static void check_refusal(size_t need)
{
	size_t used = m.filled - freed_offset() + m.reserved;

	CHECK(used + need + 2 * (size_t)m.max_frame + WIRE_FRAME_MAX > m.size || m.half_end);
	CHECK(used > 0 || m.half_end);
	model_wish(need, false);
	m.n_refused++;
}

/*
 * Whether so many bytes fit now: behind what is reserved, or in the next lap if they must lie in
 * one piece, and not beyond what was freed. All that is free is known when it matters.
 */
static bool fits_exactly(size_t need, bool split)
{
	uint64_t at = m.ring->reserved, freed = atomic_load(&m.ring->acked);

	if (!m.n_pending && freed == ring_tail(m.ring))
		return true;
	if (!split && at % m.size + need > m.size)
		at += m.size - at % m.size;
	return at + need - (freed > m.ring->floor ? freed : m.ring->floor) <= m.size;
}

static void op_send(void)
{
	size_t len = random_len(), need, n_frames, off = 0;
	uint32_t salt = rnd(UINT32_MAX);
	struct span parts[4];
	uint64_t number = 99;
	int n = rnd(2) ? 1 : 1 + (int)rnd(4), err;
	bool split = len + WIRE_MSG_OVERHEAD > m.max_frame, fits;

	if (full(len))
		return;
	fill(payload, salt, 0, len);
	for (int i = 0; i < n; i++) {
		size_t part = i == n - 1 ? len - off : rnd((uint32_t)(len - off) + 1);

		parts[i] = (struct span) { payload + off, part };
		off += part;
	}
	n_frames = (len - 1) / (m.max_frame - WIRE_FRAG_OVERHEAD) + 1;
	need = split ? len + n_frames * WIRE_FRAG_OVERHEAD + m.max_frame :
		len + WIRE_MSG_OVERHEAD;
	fits = fits_exactly(need, split);
	if (n == 1 && !split && ring_send_plain(m.ring, payload, len)) {
		CHECK(!m.closed && !m.n_pending && fits);
		add_message(len, salt);
		CHECK_EQ(m.ring->number, m.n_messages);
		m.n_plain++;
		return;
	}
	err = ring_send(m.ring, parts, len, m.max_frame, &number);
	if (m.closed) {
		CHECK_EQ(err, -ESHUTDOWN);
	} else if (err == -EMSGSIZE || need > m.size) {
		CHECK_EQ(err, -EMSGSIZE);
		CHECK(split && need > m.size);
	} else if (m.n_pending && (split || m.n_pending == RING_SLOTS)) {
		CHECK_EQ(err, -EAGAIN);
		model_wish(need, true);
	} else if (!fits) {
		CHECK_EQ(err, -EAGAIN);
		check_refusal(need);
	} else if (CHECK_EQ(err, 0) && m.n_pending) {
		CHECK(!split);
		CHECK_EQ(number, 0);
		m.pending[m.n_pending++] = (struct mpending) { DONE, len, salt, 0, NULL };
		m.reserved += need;
	} else if (!err) {
		add_message(len, salt);
		CHECK_EQ(number, m.n_messages);
	}
}

/* A frame that is no message. */
static void op_call(void)
{
	size_t edge = m.max_frame - WIRE_MSG_OVERHEAD;
	size_t len = rnd(3) ? rnd(edge < 1500 ? (uint32_t)edge : 1500) : edge + rnd(2);
	size_t need = len + WIRE_MSG_OVERHEAD, cut = rnd((uint32_t)len + 1);
	struct span parts[2] = { { payload, cut }, { payload + cut, len - cut } };
	bool fits = fits_exactly(need, false);
	uint32_t salt = rnd(UINT32_MAX);
	uint64_t end = 77;
	int err;

	if (full(len))
		return;
	fill(payload, salt, 0, len);
	err = (rnd(8) ? ring_put : ring_put_secret)(m.ring, parts, len, m.max_frame, &end);
	CHECK_EQ(m.ring->number, m.n_messages);
	if (m.closed) {
		CHECK_EQ(err, -ESHUTDOWN);
	} else if (len > edge) {
		CHECK_EQ(err, -EMSGSIZE);
	} else if (m.n_pending) {
		CHECK_EQ(err, -EAGAIN);
		model_wish(need, true);
	} else if (!fits) {
		CHECK_EQ(err, -EAGAIN);
		check_refusal(need);
	} else if (CHECK_EQ(err, 0)) {
		CHECK_EQ(end, ring_tail(m.ring));
		add_call(len, salt);
		m.n_calls++;
		return;
	}
	CHECK_EQ(end, 77);
}

static void op_get(void)
{
	size_t edge = m.max_frame - WIRE_MSG_OVERHEAD;
	size_t len = rnd(3) ? rnd(edge < 1500 ? (uint32_t)edge : 1500) : edge + rnd(2);
	struct mpending p = { OPEN, len, rnd(UINT32_MAX), 0, NULL };
	bool fits = fits_exactly(len + WIRE_MSG_OVERHEAD, false);
	int err = ring_reserve(m.ring, len, m.max_frame, &p.data, &p.slot);

	if (m.closed) {
		CHECK_EQ(err, -ESHUTDOWN);
	} else if (len > edge) {
		CHECK_EQ(err, -EMSGSIZE);
	} else if (m.n_pending == RING_SLOTS) {
		CHECK_EQ(err, -EAGAIN);
		model_wish(len + WIRE_MSG_OVERHEAD, true);
	} else if (!fits) {
		CHECK_EQ(err, -EAGAIN);
		check_refusal(len + WIRE_MSG_OVERHEAD);
	} else if (CHECK_EQ(err, 0)) {
		fill(p.data, p.salt, 0, len / 2);
		m.pending[m.n_pending++] = p;
		m.reserved += len + WIRE_MSG_OVERHEAD;
	}
}

/* Commit or cancel one of the open slots; now and then what is not open. */
static void op_give_back(void)
{
	unsigned i = rnd(2) && m.n_pending ? rnd(m.n_pending) : 0;
	struct mpending *p = &m.pending[i];
	uint64_t number = 99;
	size_t used;
	int err;

	if (!m.n_pending || p->state != OPEN)
		return;
	if (m.closed) {
		/* It is void, and those behind it stay where they are. */
		fill(p->data, p->salt + 1, 0, p->len);
		if (rnd(2))
			CHECK_EQ(ring_discard(m.ring, p->slot), 0);
		else
			CHECK_EQ(ring_commit(m.ring, p->slot, p->len, NULL), -ESHUTDOWN);
		CHECK_EQ(ring_discard(m.ring, p->slot), -EINVAL);
		p->state = CANCELLED;
		return;
	}
	if (rnd(10) == 0)
		CHECK_EQ(ring_commit(m.ring, p->slot, p->len + 1, NULL), -EINVAL);
	if (rnd(4) == 0) {
		CHECK_EQ(ring_discard(m.ring, p->slot), 0);
		CHECK_EQ(ring_discard(m.ring, p->slot), -EINVAL);
		p->state = CANCELLED;
		flush_pending();
		return;
	}
	used = rnd(2) ? p->len : rnd((uint32_t)p->len + 1);
	fill(p->data, p->salt, p->len / 2, p->len);
	err = ring_commit(m.ring, p->slot, used, &number);
	CHECK_EQ(err, 0);
	CHECK_EQ(ring_commit(m.ring, p->slot, used, NULL), -EINVAL);
	CHECK_EQ(number, i == 0 ? m.n_messages + 1 : 0);
	p->len = used;
	p->state = DONE;
	flush_pending();
}

static void op_write(void)
{
	static uint8_t expected[2 * RING_MIN];
	size_t max = rnd(3) ? rnd(3000) : sizeof expected, sum, off = 0, n, done;
	struct span out[3];
	int n_out = -1;

	sum = ring_unsent(m.ring, out, &n_out, max);
	n = expected_out(expected, max);
	if (m.filled - acked_offset() > m.high_water)
		m.high_water = m.filled - acked_offset();
	CHECK(n_out >= 0 && n_out <= 3);
	CHECK(sum <= max);
	/* The FIN may be left for the next call when all three spans are taken. */
	CHECK(sum == n || (m.half_end && m.fin && n - sum <= WIRE_FIN));
	for (int i = 0; i < n_out; i++) {
		CHECK(out[i].n > 0);
		CHECK_OR_RETURN(off + out[i].n <= n);
		CHECK_MEM(out[i].p, expected + off, out[i].n);
		off += out[i].n;
	}
	CHECK_EQ(off, sum);
	done = rnd(3) ? sum : rnd((uint32_t)sum + 1);
	if (done)
		CHECK_EQ(ring_sent(m.ring, done), model_sent(done));
}

static void op_ack(void)
{
	size_t handed = frames_handed(), k;

	switch (rnd(12)) {
	case 0:		/* never sent */
		k = handed + 1 + (rnd(4) ? 0 : rnd(1000000));
		CHECK_EQ(ring_ack(m.ring, m.first_seq + (uint32_t)k), -EPROTO);
		break;
	case 1:		/* old */
		k = m.acked - rnd(m.acked < 100 ? (uint32_t)m.acked + 1 : 100);
		CHECK_EQ(ring_ack(m.ring, m.first_seq + (uint32_t)k), 0);
		break;
	default:
		k = m.acked + rnd((uint32_t)(handed - m.acked) + 1);
		if (rnd(4) == 0)
			k = handed;
		CHECK_EQ(ring_ack(m.ring, m.first_seq + (uint32_t)k), k > m.acked);
		model_ack(k);
	}
}

/* Exactly the positions from the oldest unacknowledged frame to the newest that was sent. */
static void check_may_resume(size_t handed)
{
	CHECK(!ring_may_resume(m.ring, m.first_seq + (uint32_t)m.acked - 1));
	CHECK(ring_may_resume(m.ring, m.first_seq + (uint32_t)m.acked));
	CHECK(ring_may_resume(m.ring, m.first_seq + (uint32_t)handed));
	CHECK(!ring_may_resume(m.ring, m.first_seq + (uint32_t)handed + 1));
}

/* The frames that may follow the first whole one begin where the ring stands when that is sent. */
static void check_resend_limit(void)
{
	uint64_t limit = ring_resend_limit(m.ring, 0);
	size_t first = m.acked < m.n_frames ? m.frames[m.acked].end - m.sent : 0;

	CHECK_EQ(ring_resend_limit(m.ring, 1000), limit + 1000);
	if (first && rnd(2))
		return;
	if (first)
		CHECK_EQ(ring_sent(m.ring, first), model_sent(first));
	CHECK_EQ(m.ring->sent, limit);
}

static void op_resume(void)
{
	size_t handed = frames_handed(), k;

	if (rnd(4) == 0) {
		k = handed + 1 + rnd(10);
		CHECK_EQ(ring_resume(m.ring, m.first_seq + (uint32_t)k), -EPROTO);
		k = m.acked - 1 - rnd(5);
		CHECK_EQ(ring_resume(m.ring, m.first_seq + (uint32_t)k), -EPROTO);
		return;
	}
	k = m.acked + rnd((uint32_t)(handed - m.acked) + 1);
	check_may_resume(handed);
	CHECK(ring_may_resume(m.ring, m.first_seq + (uint32_t)k));
	CHECK_EQ(ring_resume(m.ring, m.first_seq + (uint32_t)k), 0);
	m.acked = k;
	m.n_acked = count_acked(k);
	m.half_end = 0;
	m.sent = acked_offset();
	check_resend_limit();
}

static void op_close(void)
{
	if (m.fin)
		return;
	if (m.closed || rnd(2)) {
		ring_put_fin(m.ring);
		wire_put_fin(wire, NODEID, m.first_seq + (uint32_t)m.n_frames);
		add_frame(wire, WIRE_FIN, NULL, 0, false);
		m.fin = true;
	} else {
		CHECK(ring_close(m.ring));
	}
	CHECK(!ring_close(m.ring));
	m.closed = true;
}

static void op_writable(void)
{
	uint64_t end = ring_tail(m.ring), freed = atomic_load(&m.ring->acked);
	/* One frame may leave a gap shorter than itself at the end of a lap. */
	uint64_t room = m.want <= WIRE_FRAME_MAX ? 2 * m.want : m.want;
	bool told;

	if (freed != end && freed == m.ring->skip_at)
		freed += m.size - freed % m.size;
	told = ring_take_writable(m.ring);
	CHECK_EQ(told, m.want && !m.want_slot && (freed >= end || room + end - freed <= m.size));
	CHECK(!told || m.wished);
	/* Never lost: with everything acknowledged and no slot it must come. */
	if (m.wished && m.n_pending == 0 && freed_offset() == m.filled && !m.closed &&
	    !m.half_end)
		CHECK(told);
	if (told) {
		m.wished = false;
		m.want = 0;
	}
}

/* ---- every answer ---- */

static void check_fate(void)
{
	struct ring_delivery fate;
	size_t unknown = m.n_acked;

	while (unknown < m.n_messages && m.messages[unknown].end <= m.high)
		unknown++;
	ring_delivery(m.ring, &fate);
	CHECK_EQ(fate.acked, m.n_acked);
	CHECK_EQ(fate.in_doubt, unknown);
	CHECK_EQ(fate.unsent, m.n_messages + n_behind());
}

static void check_walk(void)
{
	struct ring_iter it = { 0 };
	struct span body;
	bool first, last;
	size_t total, len = 0, i = m.n_acked, off = 0;
	uint32_t salt = 0;

	while (ring_next(m.ring, &it, &body, &first, &last, &total)) {
		CHECK_OR_RETURN(message_of(i, &len, &salt));
		CHECK_EQ(it.number, i + 1);
		CHECK_EQ(total, len);
		CHECK_EQ(first, off == 0);
		CHECK_OR_RETURN(off + body.n <= len);
		for (size_t k = 0; k < body.n; k++)
			CHECK_OR_RETURN(body.p[k] == byte_of(salt, off + k));
		off += body.n;
		CHECK_EQ(last, off == len);
		if (last) {
			i++;
			off = 0;
		}
	}
	CHECK_EQ(i, m.n_messages + n_behind());
	CHECK_EQ(off, 0);
}

/* The FIN was sent, and the peer expects what comes behind it. */
static void check_fin_ends(void)
{
	uint32_t next = m.first_seq + (uint32_t)m.n_frames;

	CHECK_EQ(ring_fin_ends(m.ring, next), m.fin && m.high == m.filled);
	CHECK(!ring_fin_ends(m.ring, next - 1) && !ring_fin_ends(m.ring, next + 1));
}

static void check_room(size_t held)
{
	uint64_t floor = atomic_load(&m.ring->acked), room = ring_room(m.ring);

	if (floor < m.ring->floor)
		floor = m.ring->floor;
	if (!m.n_pending && !held)
		CHECK_EQ(room, m.size);
	else
		CHECK_EQ(room, m.size - (m.ring->reserved - floor));
	CHECK(m.n_pending || room <= m.size - held);
}

static void check_all(void)
{
	size_t acked = acked_offset(), published = m.filled - (m.fin ? WIRE_FIN : 0);

	CHECK_EQ(ring_has_unsent(m.ring), m.half_end || m.sent != m.filled);
	CHECK_EQ(ring_mid_frame(m.ring), mid_frame());
	CHECK_EQ(ring_in_flight(m.ring), m.high > acked);
	CHECK_EQ(ring_empty(m.ring), acked == m.filled);
	CHECK_EQ(ring_bytes_queued(m.ring), m.filled - acked);
	if (!m.half_end)
		m.freed = freed_offset();
	CHECK_EQ(ring_bytes_held(m.ring), published - m.freed);
	CHECK_EQ(ring_rests(m.ring), !m.n_pending && published == m.freed);
	CHECK_EQ(ring_slots_held(m.ring), m.n_pending > 0);
	check_fin_ends();
	CHECK_EQ(ring_all_acked(m.ring), acked >= published);
	CHECK_EQ(ring_fin_acked(m.ring), m.fin && m.acked == m.n_frames);
	CHECK_EQ(m.ring->high_water, m.high_water);
	if (!m.fin || m.acked < m.n_frames)
		CHECK_EQ(ring_next_seq(m.ring), m.first_seq + (uint32_t)(m.n_frames - m.fin));
	/* Not each time: it looks, which a sender does only when it must. */
	if (rnd(4) == 0)
		check_room(published - m.freed);
}

/* Its memory may be anything then. */
static void op_restart(void)
{
	if (!ring_rests(m.ring)) {
		CHECK(!ring_restart(m.ring));
		model_wish(m.size, false);
		return;
	}
	CHECK(!m.n_pending && !m.half_end);
	memset(m.memory, 0xa5, m.size);
	CHECK(ring_restart(m.ring));
	CHECK_EQ(m.ring->reserved & (m.size - 1), 0);
}

/* In phases, so that the ring is full at times and empty at times. */
static void op_any(unsigned mood)
{
	static const struct {
		uint8_t send, call, get, give_back, write, ack, resume;	/* of 100, summed up */
	} odds[] = {
		{ 48, 60, 61, 68, 82, 92, 93 },	/* fills */
		{ 18, 25, 25, 35, 65, 94, 95 },	/* drains */
		{ 20, 25, 50, 72, 84, 94, 95 },	/* slots */
		{ 18, 25, 26, 32, 64, 82, 94 },	/* breaks */
	};
	uint32_t r = rnd(100);

	if (r < odds[mood].send)
		op_send();
	else if (r < odds[mood].call)
		op_call();
	else if (r < odds[mood].get)
		op_get();
	else if (r < odds[mood].give_back)
		op_give_back();
	else if (r < odds[mood].write)
		op_write();
	else if (r < odds[mood].ack)
		op_ack();
	else if (r < odds[mood].resume)
		op_resume();
	else if (rnd(100) < 90)
		op_writable();
	else if (rnd(4) == 0)
		ring_pay(m.ring, rnd(2) ? m.size : rnd((uint32_t)m.size + 1));
	else if (rnd(2))
		check_walk();
	else if (rnd(2))
		check_fate();
	else
		op_restart();
}

/* Everything still open is decided, goes out and is acknowledged. */
static void finish(void)
{
	while (!m.closed && m.n_pending && !check_state.failures)
		op_give_back();
	if (!m.fin)
		op_close();
	if (!m.fin)
		op_close();
	for (int i = 0; i < 100000 && m.acked < m.n_frames && !check_state.failures; i++) {
		op_write();
		op_ack();
		check_all();
	}
	CHECK(ring_fin_acked(m.ring));
	CHECK(ring_empty(m.ring) || m.half_end);
	check_fate();
	check_walk();
}

static void one_seed(uint64_t seed)
{
	static const uint32_t frame_sizes[] = { 64, 100, 1000, 4096, 32768, WIRE_FRAME_MAX };
	unsigned mood = 0;

	m.rng = seed * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < 8; i++)
		rnd(2);
	m.size = (size_t)RING_MIN << (rnd(4) == 0);
	m.memory = malloc(m.size);
	m.ring = aligned_alloc(64, sizeof *m.ring);
	m.max_frame = frame_sizes[rnd(6)];
	m.first_seq = rnd(2) ? 0u - rnd(3000) : rnd(UINT32_MAX);
	m.filled = m.sent = m.high = m.half_end = m.n_frames = m.acked = 0;
	m.n_messages = m.n_acked = m.n_pending = m.reserved = 0;
	m.closed = m.fin = m.wished = m.want_slot = false;
	m.want = m.freed = 0;
	m.high_water = 0;
	ring_init(m.ring, m.memory, m.size, NODEID, m.first_seq);
	for (int i = 0; i < OPS && !check_state.failures; i++) {
		if (i % PHASE == 0)
			mood = rnd(4);
		op_any(mood);
		check_all();
		if (i > OPS * 3 / 4 && rnd(400) == 0)
			op_close();
	}
	if (!check_state.failures)
		finish();
	if (check_state.failures)
		printf("# seed %llu\n", (unsigned long long)seed);
	m.n_laps += m.filled / m.size;
	free(m.ring);
	free(m.memory);
}

static uint64_t first_seed = 1, n_seeds = SEEDS;

static void ring_equals_model(void)
{
	m.stream = malloc(STREAM_MAX);
	m.frames = calloc(FRAMES_MAX, sizeof *m.frames);
	m.messages = calloc(MESSAGES_MAX, sizeof *m.messages);
	CHECK_OR_RETURN(m.stream && m.frames && m.messages);
	for (uint64_t s = first_seed; s < first_seed + n_seeds && !check_state.failures; s++)
		one_seed(s);
	printf("# plain %llu, calls %llu, refused %llu, half-sent and acknowledged %llu, "
	       "sent again %llu, laps %llu\n",
	       (unsigned long long)m.n_plain, (unsigned long long)m.n_calls,
	       (unsigned long long)m.n_refused,
	       (unsigned long long)m.n_half,
	       (unsigned long long)m.n_again, (unsigned long long)m.n_laps);
	if (n_seeds >= SEEDS)
		CHECK(m.n_plain && m.n_calls && m.n_refused && m.n_half && m.n_again &&
		      m.n_laps > 2 * n_seeds);
	free(m.stream);
	free(m.frames);
	free(m.messages);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		n_seeds = strtoull(argv[2], NULL, 10);
	RUN(ring_equals_model);
	return check_done();
}
