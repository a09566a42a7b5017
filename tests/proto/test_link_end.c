/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a link, an incarnation, or a peer that has gone leaves behind: waits at
 * the end, links that are kept or held, a block that is the caller's again.
 */
#include "tests/lib/core_fixture.h"

#define ACKS_MAX (LINK_CTL_MAX / WIRE_HEADER)

static void a_kept_link_is_not_kept_for_ever(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	peer_failed(&fx->peer[LOW], 0);
	core_close(&fx->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	for (int i = 0; i < 19; i++)
		pass(1000);
	CHECK(!high->gone && !fx->closed);
	pass(1500);
	CHECK(high->gone && !fx->closed);
	for (int i = 0; i < 4; i++)
		pass(1000);
	CHECK(fx->closed);
}

/* Our last ACK to HIGH may be lost: its redial is waited for. */
static struct wire *last_ack_in_doubt(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	fx->dials_hang = true;
	core_close(&fx->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK_EQ(core_peer_over_at(&fx->peer[HIGH]), CORE_NEVER);	/* the kept link tells */
	link_dead(&high->link, false);
	settle();
	CHECK(core_peer_over_at(&fx->peer[HIGH]) > fx->core.now_ns);
	return high;
}

/* The dial that asks is answered by a machine where nobody listens. */
static bool nobody_listens(void)
{
	struct wire *w;

	fx->dial[HIGH] = NULL;
	for (unsigned i = 0; i < 50 && !fx->dial[HIGH]; i++)
		pass(20);
	w = fx->dial[HIGH];
	if (!w)
		return false;
	w->gone = true;
	link_refused(&w->link);
	settle();
	return true;
}

static void two_refusals_end_the_wait(void)
{
	struct peer *p;

	last_ack_in_doubt();
	p = &fx->peer[HIGH];
	CHECK(nobody_listens());
	CHECK(core_peer_over_at(p) > fx->core.now_ns);
	/* A new doubt begins anew. */
	peer_time_wait(p, incarnation(HIGH));
	CHECK(nobody_listens());
	CHECK(core_peer_over_at(p) > fx->core.now_ns);
	CHECK(nobody_listens());
	CHECK(core_peer_over_at(p) <= fx->core.now_ns);
}

/* In FIN_WAIT2 HIGH reads nothing, until the waiting ACKs leave no room for the last one. */
static struct wire *no_room_for_an_ack(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	session_finish(fx->session[HIGH]);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_FIN_WAIT2);
	fx->room = 0;
	for (uint32_t i = 0; i < ACKS_MAX; i++) {
		feed(high, buf, put_message(buf, HIGH, FIRST + i, "m"));
		session_ack_soon(fx->session[HIGH]);
		settle();
	}
	CHECK(high->link.ctl_len + WIRE_HEADER > LINK_CTL_MAX);
	return high;
}

/* The peer comes again at once, and learns of the end: not only when its link has stalled. */
static void a_last_ack_without_room_is_in_doubt(void)
{
	struct wire *high = no_room_for_an_ack(), *again;
	struct hello h = hello_of(HIGH, 77);
	uint8_t buf[64];

	feed(high, buf, wire_put_fin(buf, HIGH, FIRST + ACKS_MAX));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK(high->gone && high->how == LINK_RESET);
	CHECK(core_peer_over_at(&fx->peer[HIGH]) > fx->core.now_ns);
	fx->room = SIZE_MAX;
	again = incoming(HIGH);
	h.next = FIRST + 1;
	feed_hello(again, HIGH, &h);
	CHECK_EQ(refused_for(again), WIRE_REFUSE_CLOSED);
}

/* TIME_WAIT of a peer without addresses ends at its time; nobody is dialled. */
static void a_peer_without_addresses_may_come_back(void)
{
	uint8_t buf[64];
	struct wire *high, *dial;
	struct peer *p;

	both_up(&high);
	p = &fx->peer[HIGH];
	dial = fx->dial[HIGH];
	peer_addrs(p, NULL, 0);
	session_finish(fx->session[HIGH]);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	pass(1000);
	link_dead(&high->link, false);
	settle();
	CHECK_EQ(core_peer_over_at(p), fx->core.now_ns + fx->core.cfg.time_wait_ns);
	CHECK(core_deadline(&fx->core) <= core_peer_over_at(p));
	for (int i = 0; i < 10; i++)
		pass(1000);
	CHECK(core_peer_over_at(p) <= fx->core.now_ns && fx->dial[HIGH] == dial);
}

/* While there is a session nothing is over, whatever its link does. */
static void a_session_without_a_link_is_not_over(void)
{
	struct wire *high;

	both_up(&high);
	fx->no_dials = true;
	link_dead(&high->link, false);
	settle();
	CHECK(fx->session[HIGH]);
	CHECK_EQ(core_peer_over_at(&fx->peer[HIGH]), CORE_NEVER);
}

/* Membership took the incarnation away: nobody is dialled for it. */
static void an_incarnation_that_failed_is_not_dialled(void)
{
	struct wire *w;

	fixture_begin(false);
	peer_added(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	pass(1000);
	CHECK(fx->dial[HIGH]);
	w = fx->dial[HIGH];
	peer_failed(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	for (unsigned i = 0; i < 60; i++)
		pass(1000);
	CHECK(fx->dial[HIGH] == w);
}

static void one_link_of_an_incarnation_is_held(void)
{
	struct hello h = hello_of(HIGH, 77);
	struct wire *w[3];

	fixture_begin(false);
	settle();
	for (unsigned i = 0; i < 3; i++) {
		w[i] = incoming(HIGH);
		feed_hello(w[i], HIGH, &h);
	}
	CHECK(w[0]->gone && w[1]->gone && !w[2]->gone);
	for (int i = 0; i < 9; i++)
		pass(1000);
	CHECK(!w[2]->gone);
	pass(1500);
	CHECK(w[2]->gone);
}

/* The block is the caller's again, whatever it had asked for. */
static void a_removed_peer_is_not_looked_at(void)
{
	struct wire *high;

	fixture_begin(true);
	peer_remove(&fx->peer[LOW]);
	fx->no_dials = true;
	memset(&fx->peer[LOW], 0xa5, sizeof fx->peer[LOW]);
	settle();
	pass(5000);
	CHECK(!fx->up[LOW]);
	both_up(&high);
	fx->no_dials = true;
	session_pause(fx->session[HIGH], true);
	peer_remove(&fx->peer[HIGH]);
	CHECK(!peer_find(&fx->core, HIGH) && peer_find(&fx->core, LOW));
	settle();
	CHECK(high->gone);
	CHECK_EQ(fx->end[HIGH], SESSION_REMOVED);
	memset(&fx->peer[HIGH], 0xa5, sizeof fx->peer[HIGH]);
	pass(30000);
}

/* Nobody said it, so it is not known: the linger time is over before the FIN was acknowledged. */
static void the_linger_time_ends_in_last_ack(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	core_close(&fx->core);
	settle();
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_LAST_ACK);
	core_linger_over(&fx->core);
	settle();
	CHECK_EQ(fx->end[HIGH], SESSION_LINGER);
}

/* The end of the linger time ends TIME_WAIT, too. */
static void the_linger_time_ends_the_wait_for_the_last_ack(void)
{
	last_ack_in_doubt();
	CHECK(!fx->closed);
	core_linger_over(&fx->core);
	settle();
	CHECK_EQ(core_peer_over_at(&fx->peer[HIGH]) > fx->core.now_ns, false);
	CHECK(fx->closed);
}

/* A new incarnation of ours has no TIME_WAIT of the old one. */
static void a_renewal_ends_the_wait_for_the_last_ack(void)
{
	last_ack_in_doubt();
	core_renew(&fx->core, 78);
	settle();
	CHECK(core_peer_over_at(&fx->peer[HIGH]) <= fx->core.now_ns);
}

/* After a renewal membership says anew with whom there may be sessions. */
static void a_renewal_forgets_the_members(void)
{
	fixture_begin(false);
	fx->no_provide = true;
	peer_added(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	CHECK(fx->peer[HIGH].session);
	core_renew(&fx->core, 78);
	settle();
	CHECK(!fx->peer[HIGH].session);
	peer_provide(&fx->peer[HIGH], new_session());
	CHECK(!fx->peer[HIGH].session);
	peer_added(&fx->peer[HIGH], incarnation(HIGH));
	CHECK(fx->peer[HIGH].session);
}

/* Without memory for a session a HELLO waits, and not for ever. */
static void a_hello_waits_for_memory(void)
{
	struct hello h = hello_of(HIGH, 77);
	struct wire *w[2];

	fixture_begin(true);
	fx->no_provide = true;
	settle();
	link_from(HIGH, FIRST);
	CHECK(fx->peer[HIGH].session && !fx->peer[HIGH].spare);
	peer_failed(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	h.mine = incarnation(HIGH) + 10;
	for (unsigned i = 0; i < 2; i++) {
		w[i] = incoming(HIGH);
		feed_hello(w[i], HIGH, &h);	/* challenged */
		feed_hello(w[i], HIGH, &h);
		CHECK_EQ(w[i]->link.state, LINK_HELD);
		h.mine++;
		pass(5000);
	}
	for (unsigned i = 0; i < 6; i++)
		pass(1000);
	CHECK(w[0]->gone && w[1]->gone);
}

/* A second call of core_close() or link_connected() does nothing. */
static void the_second_word_changes_nothing(void)
{
	unsigned fins = 0, leavings = 0;
	struct wire *high;
	struct frame f;

	both_up(&high);
	high->read = high->n_out;
	link_connected(&high->link);
	settle();
	CHECK(high->link.state == LINK_UP && !next_frame(high, &f));
	for (unsigned i = 0; i < 2; i++) {
		core_close(&fx->core);
		settle();
	}
	while (next_frame(high, &f)) {
		fins += f.nextcmd == WIRE_FIN_CMD;
		leavings += f.nextcmd == WIRE_LEAVING;
	}
	CHECK_EQ(fins, 1);
	CHECK_EQ(leavings, 1);
}

/* A send may write at once only while the session is ESTABLISHED and its link is up. */
static void a_session_that_ends_is_kicked(void)
{
	uint8_t buf[64];
	struct wire *high;
	struct session *s;

	for (unsigned i = 0; i < 4; i++) {
		both_up(&high);
		s = fx->session[HIGH];
		CHECK(session_only_sends(s) == &high->link);
		if (i == 0)
			feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
		else if (i == 1)
			session_finish(s);
		else if (i == 2)
			core_close(&fx->core);
		else
			link_dead(&high->link, false);
		CHECK(!session_only_sends(s));
	}
}

int main(void)
{
	RUN(a_session_that_ends_is_kicked);
	RUN(the_second_word_changes_nothing);
	RUN(a_kept_link_is_not_kept_for_ever);
	RUN(two_refusals_end_the_wait);
	RUN(a_last_ack_without_room_is_in_doubt);
	RUN(a_peer_without_addresses_may_come_back);
	RUN(a_session_without_a_link_is_not_over);
	RUN(an_incarnation_that_failed_is_not_dialled);
	RUN(one_link_of_an_incarnation_is_held);
	RUN(a_removed_peer_is_not_looked_at);
	RUN(the_linger_time_ends_in_last_ack);
	RUN(the_linger_time_ends_the_wait_for_the_last_ack);
	RUN(a_renewal_ends_the_wait_for_the_last_ack);
	RUN(a_renewal_forgets_the_members);
	RUN(a_hello_waits_for_memory);
	return check_done();
}
