/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The send ring with producers on two threads and the consumer on a third, as a
 * node uses it: producers under one lock, the consumer without it. Worth most
 * under the thread sanitizer. Knows nothing of links: the "wire" is checked here.
 */
#include "proto/ring_out.h"
#include "proto/seq.h"
#include "proto/wire.h"
#include "tests/lib/check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define PRODUCERS	2
#define MESSAGES	30000u	/* of each producer */
#define WAIT_S		60	/* nothing may take longer */
#define FIRST		(0u - 5000)
#define MAX_FRAME	8192u
#define LEN_MAX		40000u

static struct ring *ring;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;
static uint64_t writable;	/* how often it was said; under lock */
static _Atomic int producer_error;

/* A message: who, which, and a pattern. */
static size_t make(uint8_t *p, uint32_t who, uint32_t i)
{
	size_t len = i % 50 == 7 ? LEN_MAX - i % 1000 : i * 37 % 700;

	if (len < 8)
		len = 8;
	put_le32(p, who);
	put_le32(p + 4, i);
	for (size_t k = 8; k < len; k++)
		p[k] = (uint8_t)(i + k);
	return len;
}

static int give(const uint8_t *p, size_t len, bool in_place)
{
	struct span part = { p, len };
	uint8_t *data;
	unsigned slot;
	int err;

	if (!in_place && len + WIRE_MSG_OVERHEAD <= MAX_FRAME && ring_send_plain(ring, p, len))
		return 0;
	if (!in_place)
		return ring_send(ring, &part, len, MAX_FRAME, NULL);
	err = ring_reserve(ring, len + 10, MAX_FRAME, &data, &slot);
	if (err)
		return err;
	pthread_mutex_unlock(&lock);
	memcpy(data, p, len);
	pthread_mutex_lock(&lock);
	return ring_commit(ring, slot, len, NULL);
}

static void *produce(void *arg)
{
	static _Thread_local uint8_t p[LEN_MAX];
	uint32_t who = *(const uint32_t *)arg;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < MESSAGES && !producer_error; i++) {
		size_t len = make(p, who, i);
		uint64_t seen = writable;
		int err;

		while ((err = give(p, len, len < 500 && i % 3 == 0)) == -EAGAIN) {
			/* A refused sender is told, always. */
			while (writable == seen && !producer_error)
				if (pthread_cond_timedwait(&room, &lock, &until))
					producer_error = -ETIMEDOUT;
			seen = writable;
			if (producer_error)
				break;
		}
		if (err && !producer_error)
			producer_error = err;
		/* The consumer goes on meanwhile. */
		if (ring_bytes_held(ring) > ring->size && !producer_error)
			producer_error = -ERANGE;
		if (i % 64 == 0) {
			pthread_mutex_unlock(&lock);
			pthread_mutex_lock(&lock);
		}
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* ---- the consumer, and the peer behind it ---- */

struct receiver {
	uint8_t buf[4 * MAX_FRAME];	/* bytes of at most one frame */
	size_t n;
	uint32_t expected;
	uint8_t msg[LEN_MAX];
	uint32_t next_of[PRODUCERS];
	uint64_t n_messages;
};

static struct receiver rx;

static void deliver(const uint8_t *p, size_t n)
{
	static uint8_t expected[LEN_MAX];
	uint32_t who = get_le32(p);

	CHECK_OR_RETURN(who < PRODUCERS);
	CHECK_EQ(get_le32(p + 4), rx.next_of[who]);
	CHECK_EQ(make(expected, who, rx.next_of[who]), n);
	CHECK_MEM(p, expected, n);
	rx.next_of[who]++;
	rx.n_messages++;
}

static void receive_frame(const uint8_t *p, size_t n)
{
	struct frame f;
	uint32_t total, offset;

	CHECK_OR_RETURN(frame_parse(p, n, &f) == 0);
	if (seq_before(f.u, rx.expected))
		return;
	CHECK_EQ(f.u, rx.expected);
	rx.expected++;
	if (f.nextcmd == WIRE_DATA) {
		deliver(f.inner + WIRE_HEADER, f.inner_len - WIRE_HEADER);
		return;
	}
	CHECK_EQ(frame_fragment(&f, &total, &offset), 0);
	CHECK_OR_RETURN(offset + f.inner_len - WIRE_HEADER <= sizeof rx.msg);
	memcpy(rx.msg + offset, f.inner + WIRE_HEADER, f.inner_len - WIRE_HEADER);
	if (offset + f.inner_len - WIRE_HEADER == total)
		deliver(rx.msg, total);
}

static void receive(const uint8_t *p, size_t n)
{
	while (n && !check_state.failures) {
		size_t part = n < MAX_FRAME ? n : MAX_FRAME, off = 0;
		int len;

		memcpy(rx.buf + rx.n, p, part);
		rx.n += part;
		p += part;
		n -= part;
		while ((len = frame_length(rx.buf + off, rx.n - off)) > 0 &&
		       (size_t)len <= rx.n - off) {
			receive_frame(rx.buf + off, (size_t)len);
			off += (size_t)len;
		}
		CHECK(len >= 0);
		memmove(rx.buf, rx.buf + off, rx.n - off);
		rx.n -= off;
	}
}

static void consume_once(uint32_t turn)
{
	struct span out[3];
	size_t sum, done;
	int n;

	sum = ring_unsent(ring, out, &n, turn % 7 ? 100000 : 3000);
	done = turn % 5 ? sum : sum / 2;
	for (size_t i = 0, left = done; left; i++) {
		size_t part = out[i].n < left ? out[i].n : left;

		receive(out[i].p, part);
		left -= part;
	}
	if (done)
		ring_sent(ring, done);
	if (turn % 3 == 0)
		CHECK(ring_ack(ring, rx.expected) >= 0);
	if (turn % 101 == 0) {		/* the connection breaks */
		rx.n = 0;
		CHECK_EQ(ring_resume(ring, rx.expected -
				     turn % 2 * (rx.expected - ring->acked_seq)), 0);
	}
	if (ring_take_writable(ring)) {
		pthread_mutex_lock(&lock);
		writable++;
		pthread_cond_broadcast(&room);
		pthread_mutex_unlock(&lock);
	}
}

static void producers_and_consumer(void)
{
	static const uint32_t names[PRODUCERS] = { 0, 1 };
	pthread_t threads[PRODUCERS];
	void *memory = malloc(RING_MIN);
	struct timespec now;
	time_t until;
	uint32_t turn = 0;

	ring = aligned_alloc(64, sizeof *ring);
	CHECK_OR_RETURN(ring && memory);
	ring_init(ring, memory, RING_MIN, 1, FIRST);
	rx.expected = FIRST;
	clock_gettime(CLOCK_MONOTONIC, &now);
	until = now.tv_sec + WAIT_S;
	for (int i = 0; i < PRODUCERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, produce, (void *)&names[i]), 0);
	while (rx.n_messages < PRODUCERS * MESSAGES && !check_state.failures) {
		consume_once(++turn);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (!CHECK(now.tv_sec < until) || !CHECK_EQ(producer_error, 0))
			break;
	}
	if (check_state.failures) {
		pthread_mutex_lock(&lock);
		if (!producer_error)
			producer_error = -ECANCELED;
		pthread_cond_broadcast(&room);
		pthread_mutex_unlock(&lock);
	}
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(producer_error, 0);
	CHECK_EQ(rx.n_messages, PRODUCERS * MESSAGES);
	ring_put_fin(ring);
	printf("# turns %u, told of room %llu\n", turn, (unsigned long long)writable);
	free(ring);
	free(memory);
}

static _Atomic int closer;	/* 1: it waits; 2: it goes on */

static void *close_after(void *spins)
{
	closer = 1;
	while (closer == 1)
		;
	for (volatile unsigned i = *(unsigned *)spins; i; i--)
		;
	ring_close(ring);
	return NULL;
}

/* The loop closes while a sender copies: the message is in the ring, or it was not accepted. */
static void a_close_during_a_copy(void)
{
	static uint8_t memory[RING_MIN], bytes[RING_MIN / 2];
	struct span part = { bytes, sizeof bytes };
	static struct ring own;
	unsigned n_accepted = 0;

	ring = &own;
	for (unsigned i = 0; i < 400; i++) {
		unsigned spins = 50 * i;
		pthread_t thread;
		int err;

		ring_init(ring, memory, sizeof memory, 1, FIRST);
		closer = 0;
		CHECK_OR_RETURN(!pthread_create(&thread, NULL, close_after, &spins));
		while (!closer)
			sched_yield();
		closer = 2;
		err = ring_send(ring, &part, part.n, MAX_FRAME, NULL);
		pthread_join(thread, NULL);
		CHECK(err == 0 || err == -ESHUTDOWN);
		CHECK_EQ(ring_bytes_queued(ring) > 0, err == 0);
		n_accepted += err == 0;
	}
	printf("# %u of 400 accepted\n", n_accepted);
}

/* The messages of the closed ring that ring_next() shows, each as it was sent; their count. */
static unsigned whole_messages(void)
{
	static uint8_t expected[LEN_MAX];
	struct ring_iter it = { 0 };
	struct span body;
	bool first, last;
	size_t total;
	unsigned n = 0;

	while (ring_next(ring, &it, &body, &first, &last, &total) == 1) {
		size_t len = body.n >= 8 ? make(expected, 1, get_le32(body.p + 4)) : 0;

		if (!CHECK(len == body.n && !memcmp(expected, body.p, len)))
			break;
		n++;
	}
	return n;
}

/*
 * The loop closes while a slot that is given back lets those behind it go: a send after that
 * overwrites none of the messages that were not published.
 */
static void a_close_between_slots(void)
{
	static uint8_t memory[RING_MIN], message[LEN_MAX];
	static struct ring own;
	unsigned n_cut = 0;

	ring = &own;
	for (unsigned i = 0; i < 600; i++) {
		unsigned spins = 3 * i, slot;
		pthread_t thread;
		uint8_t *data;
		size_t len;

		ring_init(ring, memory, sizeof memory, 1, FIRST);
		CHECK_OR_RETURN(!ring_reserve(ring, 100, MAX_FRAME, &data, &slot));
		for (uint32_t k = 0; k < RING_SLOTS - 2; k++) {
			struct span part = { message, make(message, 1, 100 + k) };

			CHECK_OR_RETURN(part.n > LEN_MAX / 2 ||
					!ring_send(ring, &part, part.n, MAX_FRAME, NULL));
		}
		closer = 0;
		CHECK_OR_RETURN(!pthread_create(&thread, NULL, close_after, &spins));
		while (!closer)
			sched_yield();
		closer = 2;
		len = make(data, 1, 0);
		CHECK(len <= 100);
		/* Shorter than reserved: all behind it move. */
		ring_commit(ring, slot, len, NULL);
		pthread_join(thread, NULL);
		n_cut += ring->n_slots > 0 && ring->number > 0;
		memset(message, 0xee, 4000);
		CHECK(!ring_send_plain(ring, message, 4000));
		CHECK(whole_messages() > 0);
	}
	printf("# %u of 600 closed between two slots\n", n_cut);
}

int main(void)
{
	RUN(producers_and_consumer);
	RUN(a_close_during_a_copy);
	RUN(a_close_between_slots);
	return check_done();
}
