/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what two nodes of the dlm profile send to each other: each call, its check of
 * packets, bare packets, links that break. Knows the public header only; kernels are in tests/vm/.
 */
#include <pthread.h>

#include "tests/lib/dlm_pair.h"

#define BARE_ROOM	(32u * 1024)
#define STORM		1000u	/* messages each way */
#define WINDOW		16u	/* of them under way */
#define BREAK_EVERY	20u
#define QUESTIONS	200u
#define PRODUCERS	3u
#define PRODUCED	500u	/* of each kind, by each */

/* ---- sending ---- */

static void each_call_sends(struct test_node *t)
{
	uint8_t packet[DLM_LONGEST];
	struct iovec iov[] = {
		{ packet, 5 }, { NULL, 0 }, { packet + 5, DLM_HEADER - 6 },
		{ packet + DLM_HEADER - 1, 101 },
	};
	struct sinew_session *p = t->all.session;
	struct sinew_slot slot;
	uint64_t number = 0;
	int result = 1;

	CHECK_EQ(dlm_send(t, DLM_HEADER, 1), 0);
	dlm_packet(packet, DLM_LONGEST, DLM_MSG, t->id, 2);
	CHECK_EQ(sinew_send_numbered(p, packet, DLM_LONGEST, &number), 0);
	CHECK_EQ(number, 2);
	dlm_packet(packet, 117, DLM_MSG, t->id, 3);
	CHECK_EQ(sinew_send_wait(p, packet, 117, 0, &number), 0);
	CHECK_EQ(number, 3);
	dlm_packet(packet, DLM_HEADER + 100, DLM_MSG, t->id, 4);
	CHECK_EQ(sinew_sendv(p, iov, 4, &number), 0);
	CHECK_EQ(number, 4);
	dlm_packet(packet, 88, DLM_MSG, t->id, 5);
	CHECK_EQ(sinew_send_many(&p, 1, packet, 88, &result), 1);
	CHECK_EQ(result, 0);
	CHECK_OR_RETURN(CHECK_EQ(sinew_reserve(p, DLM_LONGEST, &slot), 0));
	dlm_packet(slot.data, 300, DLM_MSG, t->id, 6);
	CHECK_EQ(sinew_commit(&slot, 300, &number), 0);
	CHECK_EQ(number, 6);
	CHECK_OR_RETURN(CHECK_EQ(sinew_reserve(p, 200, &slot), 0));
	CHECK_EQ(sinew_discard(&slot), 0);
	CHECK_EQ(dlm_send(t, 40, 7), 0);
}

static void every_call_sends_packets_both_ways(void)
{
	struct test_node t[2] = { 0 };

	CHECK_OR_RETURN(dlm_pair_open(t));
	for (unsigned i = 0; i < 2; i++)
		each_call_sends(&t[i]);
	DRIVE_PAIR(t, dlm_seen(t, 0)->messages == 7 && dlm_seen(t, 1)->messages == 7);
	for (unsigned i = 0; i < 2; i++) {
		struct sinew_status st;

		DRIVE_PAIR(t, status_of(&t[i], 2 - i).acked == 7);
		st = status_of(&t[i], 2 - i);
		CHECK_EQ(st.incarnation, DLM_FIRST + i);
		CHECK_EQ(st.state, SINEW_ESTABLISHED);
		CHECK(st.link_up && (st.n_links == 1 || st.n_links == 2));
		CHECK_EQ(st.dlm_version, 0x00030002);
		CHECK(!st.unreliable && !st.release_missing);
		CHECK_EQ(st.sent, 7);
		CHECK_EQ(st.delivered, 7);
		CHECK_EQ(st.faults, 0);
		CHECK_EQ(dlm_seen(t, i)->links, 1);
		CHECK_EQ(sinew_session_max_message(t[i].all.session), DLM_LONGEST);
		CHECK_EQ(sinew_slot_max(t[i].all.session), DLM_LONGEST);
	}
	dlm_pair_free(t);
}

/* ---- packets that are refused ---- */

/* One that only that byte makes wrong. */
static const struct wrong {
	const char *what;
	size_t at;
	uint8_t byte;
} wrongs[] = {
	{ "version 3.1", 0, 1 }, { "version 4.2", 2, 4 }, { "another nodeid", 8, 2 },
	{ "another nodeid, high", 11, 0x80 }, { "longer", 12, 65 }, { "shorter", 12, 63 },
	{ "much longer", 13, 1 }, { "no command", 14, 0 }, { "OPTS", 14, 3 }, { "ACK", 14, 4 },
	{ "FIN", 14, 5 }, { "DATA", 14, 0x40 },
};

static void all_calls_refuse(struct sinew_session *p, const uint8_t *packet, size_t len,
			     const char *what)
{
	struct iovec iov[] = { { (void *)(uintptr_t)packet, len / 2 },
			       { (void *)(uintptr_t)(packet + len / 2), len - len / 2 } };
	unsigned failures = check_state.failures;
	int result = 0;

	CHECK_EQ(sinew_send(p, packet, len), -EINVAL);
	CHECK_EQ(sinew_send_numbered(p, packet, len, NULL), -EINVAL);
	CHECK_EQ(sinew_send_wait(p, packet, len, 0, NULL), -EINVAL);
	CHECK_EQ(sinew_sendv(p, iov, 2, NULL), -EINVAL);
	CHECK_EQ(sinew_send_many(&p, 1, packet, len, &result), 0);
	CHECK_EQ(result, -EINVAL);
	CHECK_EQ(sinew_send_bare(p, packet, len), -EINVAL);
	if (check_state.failures != failures)
		printf("# %s\n", what);
}

static void each_call_refuses_wrong_packets(void)
{
	struct test_node t[2] = { 0 };
	uint8_t packet[DLM_LONGEST + 1];
	struct sinew_session *p;
	int result = 0;

	CHECK_OR_RETURN(dlm_pair_open(t));
	p = t[0].all.session;
	for (unsigned i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		dlm_packet(packet, 64, DLM_MSG, 1, 1);
		packet[wrongs[i].at] = wrongs[i].byte;
		all_calls_refuse(p, packet, 64, wrongs[i].what);
	}
	dlm_packet(packet, DLM_HEADER, DLM_RCOM, 1, 1);
	for (size_t len = 0; len < DLM_HEADER; len++) {
		packet[12] = (uint8_t)len;
		all_calls_refuse(p, packet, len, "half a header");
	}
	CHECK_EQ(sinew_send(p, NULL, 0), -EINVAL);
	CHECK_EQ(sinew_sendv(p, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(sinew_send_bare(p, NULL, DLM_HEADER), -EINVAL);
	dlm_packet(packet, DLM_LONGEST + 1, DLM_MSG, 1, 1);
	CHECK_EQ(sinew_send(p, packet, DLM_LONGEST + 1), -EMSGSIZE);
	CHECK_EQ(sinew_send_many(&p, 1, packet, DLM_LONGEST + 1, &result), 0);
	CHECK_EQ(result, -EMSGSIZE);
	CHECK_EQ(sinew_send_bare(p, packet, DLM_LONGEST + 1), -EMSGSIZE);
	/* Nothing of it went out, and no number was used. */
	CHECK_EQ(dlm_send(&t[0], 50, 1), 0);
	DRIVE_PAIR(t, dlm_seen(t, 1)->messages == 1);
	CHECK_EQ(status_of(&t[0], 2).sent, 1);
	dlm_pair_free(t);
}

static void a_slot_with_a_wrong_packet_stays_open(void)
{
	struct test_node t[2] = { 0 };
	struct sinew_slot slot, none = { 0 };
	uint64_t number = 0;

	CHECK_OR_RETURN(dlm_pair_open(t));
	CHECK_EQ(sinew_reserve(t[0].all.session, DLM_LONGEST + 1, &slot), -EMSGSIZE);
	CHECK_OR_RETURN(CHECK_EQ(sinew_reserve(t[0].all.session, 64, &slot), 0));
	for (unsigned i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		dlm_packet(slot.data, 64, DLM_MSG, 1, 1);
		((uint8_t *)slot.data)[wrongs[i].at] = wrongs[i].byte;
		if (CHECK_EQ(sinew_commit(&slot, 64, &number), -EINVAL))
			continue;
		printf("# %s\n", wrongs[i].what);
		return;
	}
	dlm_packet(slot.data, 64, DLM_MSG, 1, 1);
	CHECK_EQ(sinew_commit(&slot, 63, NULL), -EINVAL);
	CHECK_EQ(sinew_commit(&slot, 65, NULL), -EINVAL);
	CHECK_EQ(sinew_commit(&slot, 0, NULL), -EINVAL);
	CHECK_EQ(sinew_commit(&none, 64, NULL), -EINVAL);
	/* It waits for the slot, which is open all the time. */
	CHECK_EQ(dlm_send(&t[0], 90, 2), 0);
	CHECK_EQ(dlm_send(&t[1], 90, 1), 0);
	DRIVE_PAIR(t, dlm_seen(t, 0)->messages == 1);
	CHECK_EQ(dlm_seen(t, 1)->messages, 0);
	CHECK_EQ(sinew_commit(&slot, 64, &number), 0);
	CHECK_EQ(number, 1);
	DRIVE_PAIR(t, dlm_seen(t, 1)->messages == 2);
	dlm_pair_free(t);
}

/* ---- bare packets ---- */

static unsigned n_as_sent;

static void bares_in_order(struct test_node *t, struct sinew_session *p,
			   const struct sinew_message *m)
{
	(void)t;
	n_as_sent += m->bare && is_dlm_packet(m, DLM_RCOM, sinew_session_nodeid(p), n_as_sent + 1);
}

static void bare_packets_come_bare(void)
{
	struct test_node t[2] = { 0 };
	uint8_t packet[DLM_LONGEST];
	size_t waiting = 0;
	unsigned n = 0;

	CHECK_OR_RETURN(dlm_pair_open(t));
	n_as_sent = 0;
	t[1].on_message = bares_in_order;
	dlm_packet(packet, DLM_HEADER, DLM_RCOM, 1, ++n);
	CHECK_EQ(sinew_send_bare(t[0].all.session, packet, DLM_HEADER), 0);
	DRIVE_PAIR(t, dlm_seen(t, 1)->bares == 1);
	/* As many as there is room for, and nobody says when there is room again. */
	while (waiting + DLM_LONGEST <= BARE_ROOM) {
		dlm_packet(packet, DLM_LONGEST, DLM_RCOM, 1, ++n);
		CHECK_EQ(sinew_send_bare(t[0].all.session, packet, DLM_LONGEST), 0);
		waiting += DLM_LONGEST;
	}
	dlm_packet(packet, DLM_HEADER, DLM_RCOM, 1, n + 1);
	CHECK_EQ(sinew_send_bare(t[0].all.session, packet, DLM_HEADER), -EAGAIN);
	DRIVE_PAIR(t, dlm_seen(t, 1)->bares == n);
	CHECK_EQ(sinew_send_bare(t[0].all.session, packet, DLM_HEADER), 0);
	DRIVE_PAIR(t, dlm_seen(t, 1)->bares == n + 1);
	CHECK_EQ(n_as_sent, n + 1);
	CHECK_EQ(dlm_seen(t, 0)->writables, 0);
	CHECK_EQ(status_of(&t[0], 2).sent, 0);
	CHECK_EQ(status_of(&t[1], 1).delivered, 0);
	dlm_pair_free(t);
}

/* Node 1 asks, node 2 answers; both say it once more on each new link. */
static struct {
	uint64_t number;
	unsigned n_answers;
} asked, answered;

static void say_again(struct test_node *t, struct sinew_session *p)
{
	uint64_t number = t->id == 1 ? asked.number : answered.number;
	uint8_t packet[48];

	if (!number)
		return;
	dlm_packet(packet, sizeof packet, DLM_RCOM, t->id, number);
	CHECK_EQ(sinew_send_bare(p, packet, sizeof packet), 0);
}

static void ask(struct test_node *t, uint64_t number)
{
	asked.number = number;
	say_again(t, t->all.session);
}

static void questions_and_answers(struct test_node *t, struct sinew_session *p,
				  const struct sinew_message *m)
{
	if (t->id == 1) {
		asked.n_answers += asked.number && is_dlm_packet(m, DLM_RCOM, 2, asked.number);
		if (is_dlm_packet(m, DLM_RCOM, 2, asked.number))
			asked.number = 0;
		return;
	}
	for (uint64_t n = answered.number ? answered.number : 1; n <= QUESTIONS; n++) {
		if (!is_dlm_packet(m, DLM_RCOM, 1, n))
			continue;
		answered.number = n;
		say_again(t, p);
		return;
	}
}

static void questions_outlive_their_links(void)
{
	struct test_node t[2] = { 0 };
	unsigned links;

	CHECK_OR_RETURN(dlm_pair_open(t));
	asked.number = answered.number = 0;
	asked.n_answers = 0;
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(dlm_seen(t, i)->links, 1);
		t[i].on_message = questions_and_answers;
		t[i].on_link_up = say_again;
	}
	for (uint64_t n = 1; n <= QUESTIONS; n++) {
		ask(&t[0], n);
		/* In different moments: behind as many turns. */
		for (unsigned turn = 0; turn < n % 4; turn++)
			pair_turn(t);
		CHECK_EQ(sinew_break(t[n % 2].n, 0), 0);
		CHECK_OR_RETURN(DRIVE_PAIR(t, !asked.number));
		CHECK_EQ(asked.n_answers, n);
	}
	/* A break without a question, and each hears of the next link. */
	links = dlm_seen(t, 0)->links;
	CHECK(links > 1 && dlm_seen(t, 1)->links > 1);
	CHECK_EQ(sinew_break(t[0].n, 2), 0);
	DRIVE_PAIR(t, dlm_seen(t, 0)->links > links);
	CHECK(status_of(&t[0], 2).reconnects >= dlm_seen(t, 0)->links - 1);
	CHECK_EQ(dlm_seen(t, 0)->ups, 1);
	dlm_pair_free(t);
}

/* ---- threads ---- */

/* Its packets are of a length of their own. */
struct producer {
	struct sinew_session *session;
	size_t len;
	unsigned n_numbered, n_bare;	/* that came, as they were sent */
};

static struct producer producers[PRODUCERS];
static _Atomic bool stop;

static void *produce(void *arg)
{
	struct producer *p = arg;
	uint8_t packet[DLM_LONGEST];
	int err = 0;

	for (unsigned n = 1; n <= PRODUCED && !err && !stop; n++) {
		dlm_packet(packet, p->len, DLM_MSG, 1, n);
		err = sinew_send(p->session, packet, p->len);
		dlm_packet(packet, p->len, DLM_RCOM, 1, n);
		/* Nobody says when there is room. */
		while (!err && (err = sinew_send_bare(p->session, packet, p->len)) == -EAGAIN) {
			poll(NULL, 0, 1);
			err = stop ? err : 0;
		}
	}
	return NULL;
}

static void count_produced(struct test_node *t, struct sinew_session *s,
			   const struct sinew_message *m)
{
	(void)t, (void)s;
	for (struct producer *p = producers; p < producers + PRODUCERS; p++) {
		if (m->len != p->len)
			continue;
		if (m->bare)
			p->n_bare += is_dlm_packet(m, DLM_RCOM, 1, p->n_bare + 1);
		else
			p->n_numbered += is_dlm_packet(m, DLM_MSG, 1, p->n_numbered + 1);
	}
}

static bool all_came(void)
{
	for (unsigned i = 0; i < PRODUCERS; i++)
		if (producers[i].n_numbered != PRODUCED || producers[i].n_bare != PRODUCED)
			return false;
	return true;
}

static void threads_send_both_kinds(void)
{
	struct test_node t[2] = { 0 };
	pthread_t threads[PRODUCERS];

	CHECK_OR_RETURN(dlm_pair_open(t));
	t[1].on_message = count_produced;
	for (unsigned i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer) { t[0].all.session, 1000 + 17 * i, 0, 0 };
		if (pthread_create(&threads[i], NULL, produce, &producers[i]))
			abort();
	}
	DRIVE_PAIR(t, all_came());
	stop = true;
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(dlm_seen(t, 1)->messages, 2 * PRODUCERS * PRODUCED);
	dlm_pair_free(t);
}

/* ---- links that break ---- */

static uint64_t sent[3];	/* by nodeid */

static void send_next(struct test_node *t)
{
	uint64_t next = sent[t->id] + 1;

	if (next > STORM)
		return;
	if (CHECK_EQ(dlm_send(t, DLM_HEADER + next * 37 % 900, next), 0))
		sent[t->id] = next;
}

static void one_comes_one_goes(struct test_node *t, struct sinew_session *p,
			       const struct sinew_message *m)
{
	dlm_in_order(t, p, m);
	send_next(t);
	if (m->number % BREAK_EVERY == 0)
		CHECK_EQ(sinew_break(t->n, 3 - t->id), 0);
}

static void nothing_is_lost_while_links_break(void)
{
	struct test_node t[2] = { 0 };
	uint64_t reconnects = 0;

	CHECK_OR_RETURN(dlm_pair_open(t));
	for (unsigned i = 0; i < 2; i++) {
		t[i].on_message = one_comes_one_goes;
		for (unsigned n = 0; n < WINDOW; n++)
			send_next(&t[i]);
	}
	DRIVE_PAIR(t, dlm_seen(t, 0)->messages == STORM && dlm_seen(t, 1)->messages == STORM);
	for (unsigned i = 0; i < 2; i++) {
		struct sinew_status st;

		DRIVE_PAIR(t, status_of(&t[i], 2 - i).acked == STORM);
		st = status_of(&t[i], 2 - i);
		CHECK_EQ(st.delivered, STORM);
		CHECK_EQ(st.faults + st.stalls, 0);
		reconnects += st.reconnects;
		CHECK_EQ(dlm_seen(t, i)->ups, 1);
		CHECK_EQ(dlm_seen(t, i)->links, st.reconnects + 1);
	}
	CHECK(reconnects >= STORM / BREAK_EVERY);
	dlm_pair_free(t);
}

int main(void)
{
	RUN(every_call_sends_packets_both_ways);
	RUN(each_call_refuses_wrong_packets);
	RUN(a_slot_with_a_wrong_packet_stays_open);
	RUN(bare_packets_come_bare);
	RUN(questions_outlive_their_links);
	RUN(threads_send_both_kinds);
	RUN(nothing_is_lost_while_links_break);
	return check_done();
}
