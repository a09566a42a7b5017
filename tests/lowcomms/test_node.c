/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of messages through nodes of one process, driven by the test's own loop over
 * loopback: order, limits, budgets, slots, threads. Knows the public header only.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/lib/cluster.h"

static void up_send_finish_down(void)
{
	struct cluster *c = cluster_new(3, NULL);
	uint64_t n = 1, number = 0;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = numbers_in_order;
	CHECK_EQ(sinew_send_numbered(c->t[1].seen[2].session, &n, sizeof n, &number), 0);
	CHECK_EQ(number, 1);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	for (unsigned i = 1; i <= 3; i++)
		for (unsigned k = 1; k <= 3; k++)
			if (i != k)
				CHECK_EQ(sinew_session_finish(c->t[i].seen[k].session), 0);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, &n, sizeof n), -ESHUTDOWN);
	for (unsigned i = 1; i <= 3; i++)
		for (unsigned k = 1; k <= 3; k++)
			if (i != k) {
				DRIVE(c, c->t[i].seen[k].downs == 1);
				CHECK_EQ(c->t[i].seen[k].finishes, 1);
				CHECK_EQ(c->t[i].seen[k].reason, SINEW_DOWN_CLOSED);
			}
	CHECK_EQ(c->t[1].seen[2].delivery.acked, 1);
	cluster_free(c);
}

static void exactly_once_under_breaks(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_status st = { .size = sizeof st };
	unsigned breaks = 0;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = numbers_in_order;
	for (uint64_t n = 1; n <= 1000; n++) {
		CHECK_EQ(sinew_send(c->t[1].seen[2].session, &n, sizeof n), 0);
		if (n % 7 == 0)
			cluster_turn(c);
		if (n % 25)
			continue;
		CHECK_EQ(sinew_break(c->t[n / 25 % 2 + 1].n, n % 2 ? 0 : 3 - (n / 25 % 2 + 1)), 0);
		breaks++;
		DRIVE(c, sinew_session_status(c->t[1].seen[2].session, &st) == 0 &&
		      st.reconnects >= breaks);
	}
	DRIVE(c, c->t[2].seen[1].messages == 1000);
	DRIVE(c, sinew_session_status(c->t[1].seen[2].session, &st) == 0 && st.unacked == 0);
	CHECK_EQ(st.sent, 1000);
	CHECK_EQ(st.acked, 1000);
	CHECK(st.reconnects >= 40);
	CHECK(st.last_error != 0 && st.last_error_ms != 0);
	CHECK_EQ(c->t[1].seen[2].ups, 1);
	CHECK_EQ(c->t[1].seen[2].downs, 0);
	cluster_free(c);
}

static void check_big(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	const uint8_t *b = m->data;

	for (size_t i = 0; i < m->len; i += 4093)
		t->seen[sinew_session_nodeid(p)].bad += b[i] != (uint8_t)(i / 4093);
}

static void longest_message(void)
{
	struct cluster *c = cluster_new(2, NULL);
	size_t len;
	uint8_t *buf;
	int i = 0;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	len = sinew_session_max_message(c->t[1].seen[2].session);
	CHECK_EQ(len, 16u << 20);
	buf = malloc(len + 1);
	for (size_t k = 0; k < len; k += 4093)
		buf[k] = (uint8_t)(k / 4093);
	c->t[2].on_message = check_big;
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, buf, len + 1), -EMSGSIZE);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, buf, len), 0);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, NULL, 0), 0);
	/* Cut in the middle, too. */
	while (c->t[2].seen[1].messages < 2 && i++ < 2000) {
		cluster_turn(c);
		if (i == 5)
			sinew_break(c->t[1].n, 2);
	}
	CHECK_EQ(c->t[2].seen[1].messages, 2);
	CHECK_EQ(c->t[2].seen[1].bytes, len);
	free(buf);
	cluster_free(c);
}

static void small_queue(struct sinew_options *o)
{
	o->queue_bytes = 256 * 1024;
	o->max_message = 64 * 1024;
	o->receive_bytes = 16 * 1024;
}

static void full_queue_and_writable(void)
{
	struct cluster *c = cluster_new(2, small_queue);
	uint8_t buf[4096] = { 0 };
	struct sinew_status st = { .size = sizeof st };
	unsigned sent = 0;
	int err = 0;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	/* Nobody reads meanwhile: the kernel takes some, the ring the rest. */
	while (sent < 100000) {
		err = sinew_send(c->t[1].seen[2].session, buf, sizeof buf);
		if (err)
			break;
		sent++;
	}
	CHECK_EQ(err, -EAGAIN);
	CHECK_EQ(sinew_session_status(c->t[1].seen[2].session, &st), 0);
	CHECK(st.flow_blocked);
	CHECK_EQ(c->t[1].seen[2].writables, 0);
	DRIVE(c, c->t[1].seen[2].writables == 1);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, buf, sizeof buf), 0);
	DRIVE(c, c->t[2].seen[1].messages == sent + 1);
	cluster_free(c);
}

#define KEPT_MAX 100000
static struct sinew_kept *kept[KEPT_MAX];
static unsigned n_kept;

static void keep_all(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	numbers_in_order(t, p, m);
	if (n_kept == KEPT_MAX || sinew_keep(p, m, &kept[n_kept++]))
		t->seen[sinew_session_nodeid(p)].bad++;
}

static void release_all(void)
{
	while (n_kept)
		sinew_release(kept[--n_kept]);
}

static void over_the_receive_budget(void)
{
	struct cluster *c = cluster_new(2, small_queue);
	struct sinew_status st = { .size = sizeof st };
	uint64_t n = 0;
	uint8_t buf[40000];

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = keep_all;
	memset(buf, 7, sizeof buf);
	for (n = 1; n <= 5; n++) {
		memcpy(buf, &n, sizeof n);
		CHECK_EQ(sinew_send(c->t[1].seen[2].session, buf, n == 3 ? sizeof buf : 4000), 0);
	}
	DRIVE(c, sinew_session_status(c->t[2].seen[1].session, &st) == 0 && st.paused);
	CHECK_EQ(c->t[2].seen[1].messages, 3);
	CHECK(st.kept_bytes >= 48000);
	DRIVE(c, sinew_session_status(c->t[1].seen[2].session, &st) == 0 && st.peer_paused);
	CHECK_EQ(sinew_kept_len(kept[2]), sizeof buf);
	memcpy(&n, sinew_kept_data(kept[2]), sizeof n);
	CHECK_EQ(n, 3);
	CHECK_EQ(((const uint8_t *)sinew_kept_data(kept[2]))[39999], 7);
	release_all();
	DRIVE(c, c->t[2].seen[1].messages == 5);
	DRIVE(c, sinew_session_status(c->t[1].seen[2].session, &st) == 0 && !st.peer_paused);
	CHECK_EQ(st.reconnects, 0);
	release_all();
	cluster_free(c);
}

static void little_memory(struct sinew_options *o)
{
	o->queue_bytes = 512 * 1024;
	o->max_message = 200000;
	o->node_memory = 1024 * 1024;
	o->receive_bytes = 64 << 20;
}

static void over_the_node_memory(void)
{
	struct cluster *c = cluster_new(2, little_memory);
	struct sinew_status st = { .size = sizeof st };
	struct sinew_session *to;
	uint8_t *buf = calloc(1, 200000);
	unsigned long sent = 0;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[1].on_message = keep_all;
	to = c->t[2].seen[1].session;
	while (!({ sinew_session_status(c->t[1].seen[2].session, &st); st.paused; }) && sent < 20) {
		uint64_t n = sent + 1;

		memcpy(buf, &n, sizeof n);
		sent += sinew_send(to, buf, 200000) == 0;
		cluster_turn(c);
	}
	CHECK(st.paused && sent < 20);
	CHECK(c->t[1].seen[2].messages < sent);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), -EAGAIN);
	release_all();
	DRIVE(c, c->t[1].seen[2].writables == 1);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	DRIVE(c, ({ release_all(); c->t[1].seen[2].messages == sent; }));
	DRIVE(c, c->t[2].seen[1].messages == 1);
	CHECK_EQ(sinew_session_status(c->t[1].seen[2].session, &st), 0);
	CHECK_EQ(st.reconnects, 0);
	/* Once for each refusal, whatever is released later. */
	CHECK_EQ(c->t[1].seen[2].writables, 1);
	release_all();
	free(buf);
	cluster_free(c);
}

/* Sends back what it gets, in order, as there is room. */
struct echo {
	struct sinew_kept *kept[1000];
	unsigned head, n;
	unsigned left;			/* to send back */
	struct sinew_session *to;
};

static void echo_kept(struct echo *e)
{
	while (e->n && e->left) {
		struct sinew_kept *k = e->kept[e->head];

		if (sinew_send(e->to, sinew_kept_data(k), sinew_kept_len(k)))
			return;
		e->left--;
		sinew_release(k);
		e->head = (e->head + 1) % 1000;
		e->n--;
	}
}

static void echo(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	struct echo *e = t->arg;

	if (!e->left)
		return;
	if (e->n == 1000 || sinew_keep(p, m, &e->kept[(e->head + e->n++) % 1000]))
		t->seen[sinew_session_nodeid(p)].bad++;
	echo_kept(e);
}

static void two_echoes_with_full_queues(void)
{
	struct cluster *c = cluster_new(2, small_queue);
	struct echo e[3] = { { .left = 0 }, { .left = 3000 }, { .left = 3000 } };
	unsigned begun[3] = { 0 };
	uint8_t buf[2000] = { 0 };
	int64_t until = now_ms() + PATIENCE_MS;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	for (unsigned i = 1; i <= 2; i++) {
		c->t[i].arg = &e[i];
		e[i].to = c->t[i].seen[3 - i].session;
		while (!sinew_send(e[i].to, buf, sizeof buf))
			begun[i]++;
		c->t[i].on_message = echo;
	}
	CHECK(begun[1] > 100 && begun[2] > 100);
	while ((e[1].left || e[2].left) && now_ms() < until) {
		cluster_turn(c);
		echo_kept(&e[1]);
		echo_kept(&e[2]);
	}
	CHECK_EQ(e[1].left + e[2].left, 0);
	for (unsigned i = 1; i <= 2; i++)
		while (e[i].n)
			sinew_release(e[i].kept[(e[i].head + --e[i].n) % 1000]);
	cluster_free(c);
}

static void slots(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_slot a, b, d, many[64];
	struct sinew_session *p;
	uint64_t n, number;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	p = c->t[1].seen[2].session;
	c->t[2].on_message = numbers_in_order;
	CHECK_EQ(sinew_reserve(p, 100, &a), 0);
	CHECK_EQ(sinew_reserve(p, 100, &b), 0);
	CHECK_EQ(sinew_reserve(p, 100, &d), 0);
	n = 3;
	CHECK_EQ(sinew_send_numbered(p, &n, sizeof n, &number), 0);
	CHECK_EQ(number, 0);
	n = 2;
	memcpy(d.data, &n, sizeof n);
	CHECK_EQ(sinew_commit(&d, 101, NULL), -EINVAL);
	CHECK_EQ(sinew_commit(&d, sizeof n, NULL), 0);
	CHECK_EQ(sinew_commit(&d, sizeof n, NULL), -EINVAL);
	CHECK_EQ(sinew_discard(&b), 0);
	for (int i = 0; i < 5; i++)
		cluster_turn(c);
	CHECK_EQ(c->t[2].seen[1].messages, 0);
	/* FIN waits for the open slot. */
	CHECK_EQ(sinew_session_finish(p), 0);
	n = 1;
	memcpy(a.data, &n, sizeof n);
	CHECK_EQ(sinew_commit(&a, sizeof n, &number), 0);
	CHECK_EQ(number, 1);
	/* The one behind has the number that is left by the slot that was discarded. */
	DRIVE(c, c->t[2].seen[1].messages == 3);
	DRIVE(c, c->t[2].seen[1].finishes == 1);
	p = c->t[2].seen[1].session;
	for (int i = 0; i < 64; i++)
		CHECK_EQ(sinew_reserve(p, 10, &many[i]), 0);
	CHECK_EQ(sinew_reserve(p, 10, &a), -EAGAIN);
	CHECK_EQ(sinew_reserve(p, sinew_slot_max(p) + 1, &a), -EMSGSIZE);
	for (int i = 0; i < 64; i++)
		CHECK_EQ(i % 2 ? sinew_discard(&many[i]) : sinew_commit(&many[i], 8, NULL), 0);
	DRIVE(c, c->t[2].seen[1].writables == 1);
	DRIVE(c, c->t[1].seen[2].messages == 32);
	cluster_free(c);
}

static void to_many_and_scattered(void)
{
	struct cluster *c = cluster_new(3, NULL);
	struct sinew_session *peers[2];
	int results[2] = { 9, 9 };
	uint64_t n = 1;
	struct iovec iov[3];

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = c->t[3].on_message = numbers_in_order;
	peers[0] = c->t[1].seen[2].session;
	peers[1] = c->t[1].seen[3].session;
	CHECK_EQ(sinew_send_many(peers, 2, &n, sizeof n, results), 2);
	CHECK(results[0] == 0 && results[1] == 0);
	n = 2;
	iov[0] = (struct iovec) { &n, 3 };
	iov[1] = (struct iovec) { NULL, 0 };
	iov[2] = (struct iovec) { (char *)&n + 3, 5 };
	CHECK_EQ(sinew_sendv(peers[0], iov, 3, NULL), 0);
	CHECK_EQ(sinew_sendv(peers[0], iov, 1025, NULL), -EINVAL);
	CHECK_EQ(sinew_session_finish(peers[1]), 0);
	CHECK_EQ(sinew_send_many(peers, 2, "12345678", 8, results), 1);
	CHECK_EQ(results[1], -ESHUTDOWN);
	DRIVE(c, c->t[2].seen[1].messages == 3 && c->t[3].seen[1].messages == 1);
	c->t[2].seen[1].bad = 0;	/* the third was no number */
	cluster_free(c);
}

/* Only by sinew_dispatch(): the descriptor is not asked for. */
static bool dispatch_until_up(struct cluster *c)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (!cluster_all_up(c) && now_ms() < until)
		for (unsigned i = 1; i <= c->n; i++)
			sinew_dispatch(c->t[i].n, 1);
	return cluster_all_up(c);
}

/* Nobody polls the descriptor, so nothing wakes it; whoever asks for it then sees what waits. */
static void what_waits_is_seen_later(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_session *peers[2];
	struct pollfd fd = { .events = POLLIN };
	uint64_t n = 1;

	CHECK_OR_RETURN(dispatch_until_up(c));
	c->t[2].on_message = numbers_in_order;
	peers[0] = peers[1] = c->t[1].seen[2].session;
	for (; n <= 20; n++)
		CHECK_EQ(sinew_send(peers[0], &n, sizeof n), 0);
	fd.fd = sinew_get_fd(c->t[1].n);
	CHECK_EQ(poll(&fd, 1, 0), 1);
	CHECK(DRIVE(c, c->t[2].seen[1].messages == 20));
	CHECK_EQ(sinew_send_many(peers, 1, &n, sizeof n, NULL), 1);
	CHECK(DRIVE(c, c->t[2].seen[1].messages == 21));
	CHECK_EQ(c->t[2].seen[1].bad, 0);
	cluster_free(c);
}

struct sender {
	pthread_t thread;
	struct sinew_session *peer;
	uint32_t id;
	int errors;
};

#define EACH 20000

static void *send_many_times(void *arg)
{
	struct sender *s = arg;

	for (uint32_t i = 0; i < EACH; i++) {
		uint32_t body[2] = { s->id, i };
		int err;

		while ((err = sinew_send(s->peer, body, sizeof body)) == -EAGAIN)
			sched_yield();
		s->errors += err != 0;
	}
	return NULL;
}

static uint32_t next_of[4];

static void in_order_of_each(struct test_node *t, struct sinew_session *p,
			     const struct sinew_message *m)
{
	uint32_t body[2];

	memcpy(body, m->data, sizeof body);
	t->seen[sinew_session_nodeid(p)].bad += body[0] > 3 || body[1] != next_of[body[0] & 3]++;
}

static void send_from_threads(void)
{
	struct cluster *c = cluster_new(2, small_queue);
	struct sender s[4];

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = in_order_of_each;
	memset(next_of, 0, sizeof next_of);
	for (uint32_t i = 0; i < 4; i++) {
		s[i] = (struct sender) { .peer = c->t[1].seen[2].session, .id = i };
		pthread_create(&s[i].thread, NULL, send_many_times, &s[i]);
	}
	DRIVE(c, c->t[2].seen[1].messages == 4 * EACH);
	for (int i = 0; i < 4; i++) {
		pthread_join(s[i].thread, NULL);
		CHECK_EQ(s[i].errors, 0);
	}
	cluster_free(c);
}

/* A program that was built with another version of the header. */
static void structs_may_be_shorter_or_longer(void)
{
	struct {
		struct sinew_status st;
		uint8_t later[8];
	} longer;
	struct sinew_status shorter;
	struct cluster *c = cluster_new(2, NULL);

	DRIVE(c, cluster_all_up(c));
	memset(&shorter, 0xee, sizeof shorter);
	shorter.size = offsetof(struct sinew_status, acks_sent);
	CHECK_EQ(sinew_session_status(c->t[1].seen[2].session, &shorter), 0);
	CHECK_EQ(shorter.nodeid, 2);
	CHECK_EQ(shorter.size, offsetof(struct sinew_status, acks_sent));
	CHECK(shorter.acks_sent == 0xeeeeeeeeeeeeeeeeu);
	memset(&longer, 0xee, sizeof longer);
	longer.st.size = sizeof longer;
	CHECK_EQ(sinew_peer_status(c->t[1].n, 2, &longer.st), 0);
	CHECK_EQ(longer.st.nodeid, 2);
	for (unsigned i = 0; i < sizeof longer.later; i++)
		CHECK_EQ(longer.later[i], 0);
	shorter.size = sizeof shorter.size;
	CHECK_EQ(sinew_session_status(c->t[1].seen[2].session, &shorter), -EINVAL);
	cluster_free(c);
}

static void never_late(struct sinew_options *o)
{
	o->ack_ms = SINEW_ACK_AT_ONCE;
}

static uint64_t acks_of(struct cluster *c, unsigned at, unsigned of)
{
	return status_of(&c->t[at], of).acks_sent;
}

/* When the turn that brought them is over: no timer has to come. */
static void acks_go_with_the_batch(void)
{
	struct cluster *c = cluster_new(2, never_late);
	const int64_t until = now_ms() + PATIENCE_MS;
	uint64_t before;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	before = acks_of(c, 2, 1);
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(sinew_send(c->t[1].seen[2].session, &i, sizeof i), 0);
	sinew_dispatch(c->t[1].n, 0);
	while (c->t[2].seen[1].messages < 10 && now_ms() < until) {
		uint64_t messages = c->t[2].seen[1].messages, acks = acks_of(c, 2, 1);

		sinew_dispatch(c->t[2].n, 10);
		CHECK_EQ(acks_of(c, 2, 1) - acks, c->t[2].seen[1].messages > messages);
	}
	CHECK_EQ(c->t[2].seen[1].messages, 10);
	CHECK(acks_of(c, 2, 1) - before < 10);
	cluster_free(c);
}

int main(void)
{
	RUN(up_send_finish_down);
	RUN(exactly_once_under_breaks);
	RUN(longest_message);
	RUN(full_queue_and_writable);
	RUN(over_the_receive_budget);
	RUN(over_the_node_memory);
	RUN(two_echoes_with_full_queues);
	RUN(slots);
	RUN(to_many_and_scattered);
	RUN(what_waits_is_seen_later);
	RUN(send_from_threads);
	RUN(structs_may_be_shorter_or_longer);
	RUN(acks_go_with_the_batch);
	return check_done();
}
