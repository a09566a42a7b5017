/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the single fields of a status: before a session, in one that rests after some
 * messages, with a slot that stays open, with messages that are kept, after a break and at the
 * end. Knows the public header only.
 */
#include "tests/lib/cluster.h"

#define MESSAGES	10u
#define LEN		1000u

static struct sinew_kept *kept;

static struct sinew_status of_peer(struct sinew_session *p)
{
	struct sinew_status st = { .size = sizeof st };

	CHECK_EQ(sinew_session_status(p, &st), 0);
	return st;
}

static struct cluster *two(struct sinew_session **ret_first)
{
	struct cluster *c = cluster_new(2, NULL);

	CHECK(DRIVE(c, cluster_all_up(c)));
	*ret_first = c->t[1].seen[2].session;
	return c;
}

static void send_some(struct cluster *c, struct sinew_session *p, unsigned n)
{
	const uint64_t due = c->t[2].seen[1].messages + n;
	static const uint8_t text[LEN];

	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(sinew_send(p, text, sizeof text), 0);
	DRIVE(c, c->t[2].seen[1].messages == due && !of_peer(p).unacked);
}

/* Nothing but the size stands in it before. */
static bool all_zero_from(const struct sinew_status *st, size_t at)
{
	const uint8_t *b = (const uint8_t *)st;

	for (; at < sizeof *st; at++)
		if (b[at])
			return false;
	return true;
}

static void nothing_before_a_session(void)
{
	struct sockaddr_storage nobody = free_address("127.0.0.9");
	struct sinew_options o;
	struct sinew_status st;
	struct cluster c = { .n = 1 };

	c.t[1].addr = free_address("127.0.0.1");
	cluster_options(&o, 1, &c.t[1].addr);
	CHECK_OR_RETURN(node_open(&c.t[1], &o));
	CHECK_EQ(sinew_peer_add(c.t[1].n, 9, &nobody, 1), 0);
	st = status_of(&c.t[1], 9);
	CHECK_EQ(st.nodeid, 9);
	CHECK_EQ(st.state, SINEW_CLOSED);
	CHECK(!st.link_up && !st.incarnation && !st.sent && !st.bytes_sent);
	CHECK_EQ(st.n_paths, 1);
	CHECK(!memcmp(&st.paths[0].addr, &nobody, sizeof(struct sockaddr_in)));
	st.size = sizeof st;
	CHECK_EQ(sinew_peer_status(c.t[1].n, 8, &st), -ENOENT);
	st.size = sizeof st.size;
	CHECK_EQ(sinew_peer_status(c.t[1].n, 9, &st), -EINVAL);
	sinew_node_free(c.t[1].n);
}

static void a_session_that_rests(void)
{
	struct sinew_status a, b;
	struct sinew_session *p;
	struct cluster *c = two(&p);

	send_some(c, p, MESSAGES);
	a = of_peer(p);
	CHECK_EQ(a.nodeid, 2);
	CHECK_EQ(a.incarnation, sinew_session_incarnation(p));
	CHECK_EQ(a.state, SINEW_ESTABLISHED);
	CHECK(a.link_up && !a.flow_blocked && !a.peer_paused && !a.paused && !a.slot_held);
	CHECK_EQ(a.sent, MESSAGES);
	CHECK_EQ(a.acked, MESSAGES);
	CHECK_EQ(a.unacked, 0);
	CHECK_EQ(a.delivered, 0);
	CHECK(!a.resent && !a.duplicates && !a.reconnects && !a.resumed_unacked);
	CHECK(!a.resumed_paced && !a.faults && !a.stalls && !a.last_error && !a.last_error_ms);
	CHECK(a.acks_received && a.bytes_sent > MESSAGES * LEN && a.bytes_received);
	CHECK(a.bytes_received < LEN);
	CHECK_EQ(a.queue_bytes, 0);
	CHECK(a.queue_high_water > LEN && !a.kept_bytes && !a.kept_high_water);
	CHECK_EQ(a.oldest_unacked_ms, 0);
	CHECK(a.n_paths == 1 && a.path == 0 && a.paths[0].state == SINEW_PATH_ALIVE);
	b = status_of(&c->t[1], 2);
	CHECK(b.sent == a.sent && b.acked == a.acked && b.link_up && b.bytes_sent == a.bytes_sent);
	b = status_of(&c->t[2], 1);
	CHECK_EQ(b.delivered, MESSAGES);
	CHECK(!b.sent && !b.acked && b.acks_sent && b.bytes_received > MESSAGES * LEN);
	cluster_free(c);
}

static uint64_t rtt_us(struct sinew_session *p)
{
	struct sinew_status st = of_peer(p);

	return st.link_up ? st.paths[st.path].rtt_us : 0;
}

/* The side that was dialled has no HELLO that was answered: the kernel's figure alone. */
static void each_side_knows_the_round_trip(void)
{
	struct sinew_session *p;
	struct cluster *c = two(&p);
	struct sinew_session *other = c->t[2].seen[1].session;

	cluster_talk(c, 1000, 100);
	DRIVE(c, rtt_us(p) && rtt_us(other));
	CHECK(rtt_us(p) < 1000000 && rtt_us(other) < 1000000);
	cluster_free(c);
}

/* A program built with another version has a shorter or a longer structure. */
static void other_sizes(void)
{
	struct { struct sinew_status st; uint8_t more[64]; } longer;
	struct sinew_session *p;
	struct cluster *c = two(&p);
	struct sinew_status st;

	memset(&longer, 0xff, sizeof longer);
	longer.st.size = sizeof longer;
	CHECK_EQ(sinew_session_status(p, &longer.st), 0);
	CHECK_EQ(longer.st.size, sizeof longer);
	for (unsigned i = 0; i < sizeof longer.more; i++)
		CHECK_EQ(longer.more[i], 0);
	memset(&st, 0, sizeof st);
	st.size = offsetof(struct sinew_status, sent);
	CHECK_EQ(sinew_session_status(p, &st), 0);
	CHECK(st.link_up && all_zero_from(&st, offsetof(struct sinew_status, sent)));
	st.size = offsetof(struct sinew_status, link_up);
	CHECK_EQ(sinew_session_status(p, &st), 0);
	CHECK_EQ(st.nodeid, 2);
	st.size--;
	CHECK_EQ(sinew_session_status(p, &st), -EINVAL);
	CHECK_EQ(sinew_session_status(p, NULL), -EINVAL);
	CHECK_EQ(sinew_session_status(NULL, &st), -EINVAL);
	cluster_free(c);
}

static void a_slot_that_stays_open(void)
{
	struct sinew_slot slot;
	struct sinew_session *p;
	struct cluster *c = two(&p);
	const int64_t began = now_ms();

	CHECK_OR_RETURN(CHECK_EQ(sinew_reserve(p, 10, &slot), 0));
	if (now_ms() - began < 900)
		CHECK(!of_peer(p).slot_held);
	DRIVE(c, of_peer(p).slot_held);
	CHECK(now_ms() - began >= 950);	/* its clock may lag a tick */
	CHECK_EQ(sinew_discard(&slot), 0);
	CHECK(!of_peer(p).slot_held);
	cluster_free(c);
}

static void keep(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	t->seen[1].bad += !kept && sinew_keep(p, m, &kept);
}

static void what_is_kept(void)
{
	struct sinew_status st;
	struct sinew_session *p;
	struct cluster *c = two(&p);

	c->t[2].on_message = keep;
	send_some(c, p, 2);
	st = status_of(&c->t[2], 1);
	CHECK(st.kept_bytes >= LEN && st.kept_bytes < 2 * LEN);
	CHECK_EQ(st.kept_high_water, st.kept_bytes);
	sinew_release(kept);
	kept = NULL;
	DRIVE(c, !status_of(&c->t[2], 1).kept_bytes);
	CHECK_EQ(status_of(&c->t[2], 1).kept_high_water, st.kept_bytes);
	cluster_free(c);
}

static void look_at_number(struct test_node *t, struct sinew_session *p,
			   const struct sinew_message *m)
{
	t->seen[1].bad += of_peer(p).delivered != m->number;
}

static void look_at_link(struct test_node *t, struct sinew_session *p)
{
	t->seen[sinew_session_nodeid(p)].bad += !of_peer(p).link_up;
}

/* Those of one batch, too: nobody may wait for its end. */
static void a_callback_sees_what_led_to_it(void)
{
	struct sinew_session *p;
	struct cluster *c = two(&p);

	c->t[2].on_message = look_at_number;
	send_some(c, p, MESSAGES);
	c->t[1].on_up = look_at_link;
	CHECK_EQ(sinew_session_abort(p), 0);
	DRIVE(c, c->t[1].seen[2].ups == 2);
	CHECK_EQ(c->t[1].seen[2].bad, 0);
	CHECK_EQ(c->t[2].seen[1].bad, 0);
	cluster_free(c);
}

static void a_break(void)
{
	struct sinew_status st;
	struct sinew_session *p;
	struct cluster *c = two(&p);

	send_some(c, p, 1);
	CHECK_EQ(sinew_break(c->t[1].n, 2), 0);
	CHECK_EQ(sinew_break(c->t[1].n, 9), -ENOENT);
	CHECK_EQ(sinew_send(p, "x", 1), 0);
	DRIVE(c, of_peer(p).reconnects && status_of(&c->t[2], 1).reconnects &&
	      c->t[2].seen[1].messages == 2);
	DRIVE(c, !of_peer(p).unacked);
	st = of_peer(p);
	CHECK(st.link_up && st.sent == 2 && st.reconnects == 1 && !st.faults && !st.stalls);
	CHECK_EQ(c->t[1].seen[2].ups, 1);
	st = status_of(&c->t[2], 1);
	CHECK(st.last_error == -ECONNRESET && st.last_error_ms);
	cluster_free(c);
}

/* The handle answers as long as somebody holds it. */
static void the_end(void)
{
	struct sinew_status st;
	struct sinew_session *p;
	struct cluster *c = two(&p);

	send_some(c, p, MESSAGES);
	sinew_session_ref(p);
	CHECK_EQ(sinew_session_finish(p), 0);
	CHECK_EQ(sinew_session_finish(c->t[2].seen[1].session), 0);
	DRIVE(c, c->t[1].seen[2].downs && c->t[2].seen[1].downs);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_CLOSED);
	st = of_peer(p);
	CHECK(st.state == SINEW_CLOSED && st.sent == MESSAGES && st.acked == MESSAGES);
	CHECK(!st.link_up && !st.unacked && !st.queue_bytes);
	sinew_session_unref(p);
	cluster_free(c);
}

int main(void)
{
	RUN(nothing_before_a_session);
	RUN(a_session_that_rests);
	RUN(each_side_knows_the_round_trip);
	RUN(other_sizes);
	RUN(a_slot_that_stays_open);
	RUN(what_is_kept);
	RUN(a_callback_sees_what_led_to_it);
	RUN(a_break);
	RUN(the_end);
	return check_done();
}
