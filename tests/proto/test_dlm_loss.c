/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of a session with a kernel over a transport whose reset makes no kernel repeat,
 * as SCTP is, by hand. The rules of both kinds are in test_dlm_rules.c and test_dlm_ends.c.
 */
#include "tests/lib/core_fixture_dlm.h"

#define PACKET	(WIRE_OPTS + 48)

static struct wire *sctp_up(void)
{
	struct wire *w = kernel_up();

	CHECK(w && w->link.state == LINK_UP);
	fx->core.cfg.reset_repeats = false;
	return w;
}

static void send_packet(void)
{
	uint8_t packet[48];
	struct span part = { packet, sizeof packet };

	put_packet(packet, WIRE_VERSION_3_2, SELF, sizeof packet);
	CHECK_EQ(session_send(fx->session[HIGH], &part, 1, sizeof packet, NULL), 0);
	session_schedule(fx->session[HIGH]);
	settle();
}

/* Of the kernel, the number i of the session. */
static void number(struct wire *w, unsigned i)
{
	uint8_t buf[PACKET];

	feed(w, buf, put_envelope(buf, FIRST + i, WIRE_MSG, 48));
}

static void its_fin(struct wire *w, unsigned i)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER];

	feed(w, buf, put_envelope(buf, FIRST + i, WIRE_FIN_CMD, WIRE_HEADER));
}

static void fence_is_asked(enum fence_reason reason)
{
	CHECK_EQ(fx->fences, 1);
	CHECK_EQ(fx->peer[HIGH].fence_reason, reason);
	CHECK_EQ(fx->end[HIGH], SESSION_ALIVE);
}

/* The kernel has sent all before that end, and repeats nothing; what is ours goes again. */
static void an_end_of_the_kernel_is_answered_in_order(void)
{
	struct wire *w = sctp_up(), *next;
	struct frame f;

	send_packet();
	link_dead(&w->link, true);
	settle();
	CHECK_EQ(w->link.how, LINK_ORDERLY);
	pass(100);
	next = fx->dial[HIGH];
	CHECK_OR_RETURN(next != w && next->link.state == LINK_UP);
	CHECK(next_frame(next, &f) && f.cmd == WIRE_ACK && f.u == FIRST);
	CHECK(next_frame(next, &f) && f.cmd == WIRE_OPTS_CMD && f.u == FIRST);
	/* Nor is the new link reset, to make it repeat. */
	pass(3000);
	CHECK(!next->gone);
	CHECK_EQ(fx->fences, 0);
	number(next, 0);
	CHECK_EQ(fx->delivered[HIGH], 1);
	fixture_end();
}

static void a_lost_connection_asks_for_fencing(void)
{
	struct wire *w = sctp_up(), *next;

	number(w, 0);
	link_dead(&w->link, false);
	settle();
	pass(900);
	CHECK_EQ(fx->fences, 0);
	pass(200);
	fence_is_asked(FENCE_LOST);
	CHECK(strstr(fx->notes, "connection lost, and no number of the kernel has come"));
	/* The session lives until membership ends it: perhaps nothing was in flight. */
	next = fx->dial[HIGH];
	CHECK_OR_RETURN(next != w && next->link.state == LINK_UP);
	number(next, 1);
	CHECK_EQ(fx->delivered[HIGH], 2);
	link_dead(&next->link, false);
	settle();
	pass(1100);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* The next number comes on a new one: those before it were all taken. */
static void a_connection_may_be_lost_with_nothing(void)
{
	struct wire *w = sctp_up(), *next;

	number(w, 0);
	link_dead(&w->link, false);
	settle();
	next = its_own();
	number(next, 1);
	CHECK_EQ(fx->delivered[HIGH], 2);
	pass(3000);
	CHECK_EQ(fx->fences, 0);
	/* The same again: no doubt is left of the first time. */
	link_dead(&next->link, false);
	settle();
	pass(900);
	CHECK_EQ(fx->fences, 0);
	next = its_own();
	number(next, 2);
	pass(3000);
	CHECK_EQ(fx->fences, 0);
	fixture_end();
}

/* It was written before, perhaps. */
static void a_number_on_an_older_connection_proves_nothing(void)
{
	struct wire *w = sctp_up(), *old;

	old = its_own();
	pass(10);
	link_dead(&w->link, false);
	settle();
	number(old, 0);
	CHECK_EQ(fx->delivered[HIGH], 1);
	pass(1100);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* Numbers wait on a new connection for one that may still come on an older one. */
static void a_gap_that_waits_leaves_the_doubt(void)
{
	struct wire *w = sctp_up(), *old, *next;

	old = its_own();
	link_dead(&w->link, false);
	settle();
	pass(10);
	next = its_own();
	number(next, 1);
	pass(3000);
	CHECK(link_is_held(&next->link));
	CHECK_EQ(fx->fences, 0);
	number(old, 0);
	number(next, 1);
	CHECK_EQ(fx->delivered[HIGH], 2);
	pass(3000);
	CHECK_EQ(fx->fences, 0);
	fixture_end();
}

/* Links that come and are lost, too, make the wait no longer. */
static void more_lost_connections_are_no_proof(void)
{
	struct wire *w = sctp_up();

	for (unsigned i = 0; i < 3; i++) {
		link_dead(&w->link, false);
		settle();
		pass(300);
		w = its_own();
	}
	CHECK_EQ(fx->fences, 0);
	pass(200);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* The number that would prove it is not taken now; the FIN proves it on any connection. */
static void a_pause_or_the_fin_leaves_no_doubt(void)
{
	struct wire *w = sctp_up(), *old;

	old = its_own();
	pass(10);
	session_pause(fx->session[HIGH], true);
	link_dead(&w->link, false);
	settle();
	pass(3000);
	CHECK_EQ(fx->fences, 0);
	session_pause(fx->session[HIGH], false);
	settle();
	its_fin(old, 0);
	pass(3000);
	CHECK_EQ(fx->fences, 0);
	fixture_end();
}

static void a_violation_loses_the_connection(void)
{
	struct wire *w = sctp_up();
	uint8_t ack[WIRE_HEADER];

	feed(w, ack, wire_put_ack(ack, HIGH, FIRST + 7));
	CHECK(w->gone);
	pass(1100);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* It has said all; what is ours is repeated, and so is our ACK. */
static void behind_its_fin_a_kernel_loses_nothing(void)
{
	struct wire *w = sctp_up(), *next;

	its_fin(w, 0);
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_CLOSE_WAIT);
	link_dead(&w->link, false);
	settle();
	CHECK_EQ(fx->fences, 0);
	pass(100);
	next = fx->dial[HIGH];
	CHECK_OR_RETURN(next != w && next->link.state == LINK_UP);
	CHECK_EQ(acked_on(next), FIRST + 1);
	pass(1100);
	CHECK_EQ(fx->fences, 0);
	fixture_end();
}

/* A peer of 3.1 loses packets with each connection, and its users know. */
static void a_peer_of_31_loses_packets_anyhow(void)
{
	struct wire *w = sctp_up();
	uint8_t packet[48];

	feed(w, packet, put_packet(packet, WIRE_VERSION_3_1, HIGH, sizeof packet));
	CHECK_EQ(fx->delivered[HIGH], 1);
	link_dead(&w->link, false);
	settle();
	pass(1100);
	CHECK_EQ(fx->fences, 0);
	fixture_end();
}

/* A kernel leaves a connection that has ended for a new one, and what it had written there may be
 * read later than what it writes here. */
static void a_gap_waits_for_the_other_connection(void)
{
	struct wire *old, *next;

	sctp_up();
	old = its_own();
	next = its_own();
	CHECK(!old->gone);
	number(next, 1);
	CHECK(link_is_held(&next->link));
	CHECK_EQ(fx->delivered[HIGH], 0);
	pass(900);
	number(old, 0);
	CHECK(!link_is_held(&next->link));
	number(next, 1);
	CHECK_EQ(fx->delivered[HIGH], 2);
	pass(3000);
	CHECK(!old->gone && !next->gone);
	CHECK_EQ(fx->fences, 0);
	fixture_end();
}

/* The network has lost it there, and the transport repeats it after some seconds. */
static void a_gap_waits_until_the_other_connection_has_ended(void)
{
	struct wire *first = sctp_up(), *old, *next;
	uint64_t stall_ms = fx->core.cfg.stall_ns / 1000000;

	old = its_own();
	next = its_own();
	CHECK(link_end_dlm(&first->link));
	link_dead(&first->link, true);
	settle();
	CHECK(fx->peer[HIGH].up && !old->gone && !next->gone);
	number(next, 1);
	pass(stall_ms + 3000);
	CHECK(link_is_held(&next->link));
	CHECK_EQ(fx->fences, 0);
	number(old, 0);
	number(next, 1);
	CHECK_EQ(fx->delivered[HIGH], 2);
	/* All that was written there is read now. */
	number(next, 3);
	link_dead(&old->link, true);
	settle();
	pass(900);
	CHECK_EQ(fx->fences, 0);
	pass(1200);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* The other one is not read, and says nothing of the kernel. */
static void a_link_that_waits_is_not_stalled(void)
{
	struct wire *w = sctp_up(), *old;
	uint64_t stall_ms = fx->core.cfg.stall_ns / 1000000;

	old = its_own();
	CHECK(fx->peer[HIGH].up == &w->link);
	send_packet();
	number(w, 1);
	pass(stall_ms + 3000);
	CHECK(link_is_held(&w->link));
	number(old, 0);
	pass(10);
	number(w, 1);
	pass(stall_ms / 2);
	CHECK_EQ(fx->delivered[HIGH], 2);
	CHECK_EQ(fx->session[HIGH]->n.stalls, 0);
	fixture_end();
}

/* A connection that the kernel never wrote on does not end. */
static void a_gap_waits_for_half_a_minute_at_most(void)
{
	struct wire *next;

	sctp_up();
	next = its_own();
	number(next, 1);
	pass(29500);
	CHECK(link_is_held(&next->link));
	CHECK_EQ(fx->fences, 0);
	pass(1600);
	CHECK(!link_is_held(&next->link));
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* It began when the number behind the missing one had come. */
static void a_gap_waits_for_no_newer_connection(void)
{
	struct wire *w = sctp_up(), *next;

	number(w, 1);
	pass(500);
	next = its_own();
	CHECK(!next->gone && !link_is_held(&next->link));
	pass(600);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

static void a_gap_that_stays_asks_for_fencing(void)
{
	struct wire *w = sctp_up();

	number(w, 0);
	number(w, 2);
	pass(900);
	CHECK_EQ(fx->fences, 0);
	pass(200);
	fence_is_asked(FENCE_LOST);
	CHECK(strstr(fx->notes, "a packet of the kernel is missing"));
	CHECK(!w->gone && !link_is_held(&w->link));
	/* Packets behind the gap are never delivered, and harm nothing. */
	number(w, 2);
	number(w, 3);
	pass(3000);
	CHECK_EQ(fx->delivered[HIGH], 1);
	CHECK(!w->gone && !link_is_held(&w->link));
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* Neither a new link nor the lack of one makes the wait longer. */
static void a_gap_is_told_without_a_link(void)
{
	struct wire *w = sctp_up(), *next;

	number(w, 1);
	pass(500);
	CHECK(link_end_dlm(&w->link));
	settle();
	pass(100);
	next = fx->dial[HIGH];
	CHECK_OR_RETURN(next != w && next->link.state == LINK_UP && !link_is_held(&w->link));
	number(w, 1);
	CHECK(link_is_held(&w->link));
	fx->no_dials = true;
	CHECK(link_end_dlm(&next->link));
	settle();
	CHECK_EQ(fx->fences, 0);
	pass(500);
	CHECK(!fx->peer[HIGH].up);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* The missing number may be among packets that the application does not take yet. */
static void a_pause_is_no_loss(void)
{
	struct wire *w = sctp_up();
	struct session *s = fx->session[HIGH];

	number(w, 1);
	session_pause(s, true);
	pass(3000);
	CHECK_EQ(fx->fences, 0);
	session_pause(s, false);
	settle();
	pass(2500);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* Else a kernel would not take it, and in the end no other one. */
static void a_new_link_is_written_at_once(void)
{
	struct wire *w = sctp_up(), *next;

	number(w, 0);
	CHECK(link_end_dlm(&w->link));
	settle();
	pass(100);
	next = fx->dial[HIGH];
	CHECK_OR_RETURN(next != w && next->link.state == LINK_UP);
	CHECK_EQ(acked_on(next), FIRST + 1);
	fixture_end();
}

/* The transport would say so if the kernel's host were gone. */
static void a_stall_is_counted_and_resets_nothing(void)
{
	struct wire *w = sctp_up();
	unsigned limit = fx->core.cfg.stall_limit;
	uint64_t stall_ms = fx->core.cfg.stall_ns / 1000000;

	send_packet();
	for (unsigned i = 0; i < limit - 1; i++) {
		pass(stall_ms);
		CHECK_EQ(fx->session[HIGH]->n.stalls, i + 1);
	}
	CHECK_EQ(fx->fences, 0);
	pass(stall_ms);
	fence_is_asked(FENCE_STALLED);
	CHECK(!w->gone);
	/* The application may have ignored that, but a loss does not pass. */
	link_dead(&w->link, false);
	settle();
	pass(1100);
	CHECK_EQ(fx->fences, 2);
	CHECK_EQ(fx->peer[HIGH].fence_reason, FENCE_LOST);
	fixture_end();
}

static void no_more_connections_are_kept_than_a_kernel_has(void)
{
	struct wire *own[6];

	sctp_up();
	for (unsigned i = 0; i < 5; i++)
		own[i] = its_own();
	for (unsigned i = 0; i < 5; i++)
		CHECK(!own[i]->gone);
	CHECK_EQ(fx->fences, 0);
	own[5] = its_own();
	CHECK(own[0]->gone && !own[1]->gone && !own[5]->gone);
	pass(1100);
	fence_is_asked(FENCE_LOST);
	fixture_end();
}

/* The next link that the session sends on lets those read on that waited, and are still there. */
static void a_link_that_waits_may_be_replaced(void)
{
	struct wire *w = sctp_up(), *own[6];

	fx->no_dials = true;
	for (unsigned i = 0; i < 5; i++)
		own[i] = its_own();
	number(own[0], 1);
	number(own[1], 1);
	CHECK(link_is_held(&own[0]->link) && link_is_held(&own[1]->link));
	CHECK(link_end_dlm(&w->link));
	for (unsigned i = 0; i < 5; i++)
		link_end_dlm(&own[i]->link);
	settle();
	CHECK(!fx->peer[HIGH].up);
	own[5] = its_own();
	CHECK(own[0]->gone && own[5]->link.state == LINK_UP);
	CHECK(!own[1]->gone && !link_is_held(&own[1]->link));
	fixture_end();
}

/* We end a connection: the session continues on another one, and this one is read to its end. */
static void an_own_end_is_read_to_the_other_one(void)
{
	struct wire *w = sctp_up(), *next;

	number(w, 0);
	CHECK(link_end_dlm(&w->link));
	settle();
	pass(100);
	next = fx->dial[HIGH];
	CHECK_OR_RETURN(next != w && next->link.state == LINK_UP && !w->gone);
	number(next, 2);
	number(w, 1);
	number(next, 2);
	CHECK_EQ(fx->delivered[HIGH], 3);
	link_dead(&w->link, true);
	settle();
	CHECK_EQ(w->link.how, LINK_ORDERLY);
	CHECK_EQ(fx->fences, 0);
	/* It would not be sent on again. */
	fx->no_dials = true;
	w = its_own();
	CHECK(link_end_dlm(&w->link) && link_end_dlm(&next->link));
	settle();
	CHECK(!fx->peer[HIGH].up);
	fixture_end();
}

/* A FIN that is read there is acknowledged where we may still write. */
static void a_fin_waits_for_a_link_to_acknowledge_on(void)
{
	struct wire *w = sctp_up(), *next;

	session_finish(fx->session[HIGH]);
	settle();
	fx->no_dials = true;
	CHECK(link_end_dlm(&w->link));
	settle();
	its_fin(w, 0);
	CHECK(link_is_held(&w->link));
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_FIN_WAIT1);
	next = its_own();
	CHECK_OR_RETURN(next->link.state == LINK_UP && !link_is_held(&w->link));
	its_fin(w, 0);
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_CLOSING);
	CHECK_EQ(acked_on(next), FIRST + 1);
	CHECK(!w->gone && !next->gone);
	fixture_end();
}

/* A reset loses nothing over TCP, and is what makes a kernel repeat there. */
static void over_tcp_a_link_is_reset(void)
{
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	CHECK(!link_end_dlm(&w->link));
	CHECK_EQ(w->link.state, LINK_UP);
	number(w, 1);
	CHECK(w->gone);
	CHECK_EQ(w->how, LINK_RESET);
	CHECK_EQ(fx->fences, 0);
	fixture_end();
}

int main(void)
{
	RUN(an_end_of_the_kernel_is_answered_in_order);
	RUN(a_lost_connection_asks_for_fencing);
	RUN(a_connection_may_be_lost_with_nothing);
	RUN(a_number_on_an_older_connection_proves_nothing);
	RUN(a_gap_that_waits_leaves_the_doubt);
	RUN(more_lost_connections_are_no_proof);
	RUN(a_pause_or_the_fin_leaves_no_doubt);
	RUN(a_violation_loses_the_connection);
	RUN(behind_its_fin_a_kernel_loses_nothing);
	RUN(a_peer_of_31_loses_packets_anyhow);
	RUN(a_gap_waits_for_the_other_connection);
	RUN(a_gap_waits_until_the_other_connection_has_ended);
	RUN(a_link_that_waits_is_not_stalled);
	RUN(a_gap_waits_for_half_a_minute_at_most);
	RUN(a_gap_waits_for_no_newer_connection);
	RUN(a_gap_that_stays_asks_for_fencing);
	RUN(a_gap_is_told_without_a_link);
	RUN(a_pause_is_no_loss);
	RUN(a_new_link_is_written_at_once);
	RUN(a_stall_is_counted_and_resets_nothing);
	RUN(no_more_connections_are_kept_than_a_kernel_has);
	RUN(a_link_that_waits_may_be_replaced);
	RUN(an_own_end_is_read_to_the_other_one);
	RUN(a_fin_waits_for_a_link_to_acknowledge_on);
	RUN(over_tcp_a_link_is_reset);
	return check_done();
}
