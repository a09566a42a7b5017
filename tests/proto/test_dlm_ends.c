/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of how sessions and links with a kernel end, by hand: by which side, in which way,
 * and the frames behind the end of a session. The rest of the rules is test_dlm_rules.c's.
 */
#include "tests/lib/core_fixture_dlm.h"

/* Its FIN, and ours behind it; the ACK of ours. */
static void close_both_at(struct wire *w, uint32_t fin)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER];

	feed(w, buf, put_envelope(buf, fin, WIRE_FIN_CMD, WIRE_HEADER));
	peer_leaving(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	feed(w, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
}

static void close_both(struct wire *w)
{
	close_both_at(w, FIRST);
}

static void the_end_behind_both_fins_is_orderly_and_ours(void)
{
	struct wire *w = kernel_up();

	close_both(w);
	CHECK(w->gone);
	CHECK_EQ(w->how, LINK_ORDERLY);
	fixture_end();
}

/* It was on the way when we left: taken, and so is the FIN behind it. */
static void a_request_comes_behind_our_fin(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	session_finish(fx->session[HIGH]);
	settle();
	feed(w, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_FIN_WAIT2);
	feed(w, buf, put_envelope(buf, FIRST, WIRE_MSG, 48));
	feed(w, buf, put_envelope(buf, FIRST + 1, WIRE_FIN_CMD, WIRE_HEADER));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK_EQ(w->how, LINK_ORDERLY);
	fixture_end();
}

/* The kernel has our FIN, and its ACK comes on another link: nothing would be repeated, and it
 * waits for our end. Before that only a reset makes it repeat. */
static void its_end_is_answered_in_order_behind_our_fin(void)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER];
	struct wire *w, *own;

	CHECK_OR_RETURN(kernel_up());
	own = its_own();
	link_dead(&own->link, true);
	settle();
	CHECK_EQ(own->link.how, LINK_RESET);
	own = its_own();
	w = fx->dial[HIGH];
	feed(w, buf, put_envelope(buf, FIRST, WIRE_FIN_CMD, WIRE_HEADER));
	peer_leaving(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_LAST_ACK);
	link_dead(&own->link, true);
	settle();
	CHECK_EQ(own->link.how, LINK_ORDERLY);
	CHECK_EQ(fx->end[HIGH], SESSION_ALIVE);
	fixture_end();
}

/* Linux 6.12 may have missed that a link broke: it is told once more, and no more than that. */
static void a_silent_new_link_is_reset_once(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up(), *next;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	pass(2000);
	CHECK(!w->gone);
	for (unsigned i = 0; i < 2; i++) {
		link_dead(&fx->dial[HIGH]->link, false);
		settle();
		pass(100);
		next = fx->dial[HIGH];
		CHECK_OR_RETURN(next != w && next->link.state == LINK_UP);
		if (i)
			feed(next, buf, put_envelope(buf, FIRST, WIRE_MSG, 48));
		pass(800);
		CHECK(!next->gone);
		pass(300);
		CHECK_EQ(next->gone, !i);
		pass(2000);
		CHECK(!fx->dial[HIGH]->gone);
		w = fx->dial[HIGH];
	}
	fixture_end();
}

/* The release of the kernel's last lockspace waits for it as well. */
static void a_dial_that_is_late_ends_in_order(void)
{
	struct wire *w = kernel_up(), *late;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	fx->dials_hang = true;
	link_dead(&w->link, false);
	settle();
	pass(1000);
	late = fx->dial[HIGH];
	CHECK_OR_RETURN(late != w && late->link.state == LINK_CONNECTING);
	close_both(its_own());
	link_connected(&late->link);
	settle();
	CHECK(late->gone);
	CHECK_EQ(late->how, LINK_ORDERLY);
	fixture_end();
}

/* The kernel wrote its FIN on a link that we had lost, read an orderly end there, and repeats
 * nothing before an error. Each reset is one, twice as late as the one before: the FIN may not have
 * been due. Was: waited for until the end of the linger time. */
static void a_fin_behind_ours_is_asked_for(void)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER];
	struct wire *w = kernel_up();
	uint64_t wait_ms = fx->core.cfg.stall_ns / 2000000;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	session_finish(fx->session[HIGH]);
	settle();
	feed(w, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_FIN_WAIT2);
	/* Without a lost link there is no lost FIN. */
	pass(6 * wait_ms);
	CHECK(!w->gone);
	link_dead(&w->link, false);
	settle();
	pass(100);
	pass(1000);
	for (unsigned i = 0; i < 3; i++, wait_ms *= 2) {
		pass(100);
		w = fx->dial[HIGH];
		CHECK_OR_RETURN(w->link.state == LINK_UP);
		pass(wait_ms * 8 / 10);
		CHECK(!w->gone);
		pass(wait_ms * 3 / 10);
		CHECK(w->gone);
		CHECK_EQ(w->how, LINK_RESET);
	}
	pass(100);
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(w->link.state == LINK_UP);
	feed(w, buf, put_envelope(buf, FIRST, WIRE_FIN_CMD, WIRE_HEADER));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK_EQ(w->how, LINK_ORDERLY);
	fixture_end();
}

/* The same of a kernel that leaves first, when its removal has been told. It opened a connection
 * anew: what it had written on the one before may be lost. */
static void a_fin_behind_the_removal_is_asked_for(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	its_own();
	feed(its_own(), buf, put_envelope(buf, FIRST, WIRE_MSG, 48));
	CHECK(!w->gone);
	/* A member that has nothing to say is silent. */
	pass(fx->core.cfg.stall_ns / 1000000 * 3);
	CHECK(!w->gone);
	peer_leaving(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	pass(fx->core.cfg.stall_ns / 1000000);
	CHECK(w->gone);
	CHECK_EQ(w->how, LINK_RESET);
	fixture_end();
}

/* Each in its own time: membership is told by another way than the FIN. */
static void the_removal_may_come_before_the_fin(void)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	peer_leaving(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	CHECK_EQ(fx->end[HIGH], SESSION_ALIVE);
	feed(w, buf, put_envelope(buf, FIRST, WIRE_FIN_CMD, WIRE_HEADER));
	feed(w, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	fixture_end();
}

/* Was: nobody read it, and Linux 6.1 waited three minutes. */
static void a_fin_that_comes_again_is_acknowledged_again(void)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER], ack[WIRE_HEADER];
	struct wire *w;

	close_both(kernel_up());
	wire_put_ack(ack, SELF, FIRST + 1);
	w = its_own();
	CHECK_EQ(w->link.state, LINK_LAST_ACK);
	feed(w, buf, put_envelope(buf, FIRST, WIRE_FIN_CMD, WIRE_HEADER));
	CHECK(w->gone);
	CHECK_EQ(w->how, LINK_ORDERLY);
	CHECK_EQ(w->n_out, sizeof ack);
	CHECK_MEM(w->out, ack, sizeof ack);
	fixture_end();
}

/* Its FIN, and what crosses with it: our FIN has been queued before. */
static struct wire *fins_cross(void)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER];
	struct wire *w = kernel_up();

	session_finish(fx->session[HIGH]);
	settle();
	feed(w, buf, put_envelope(buf, FIRST, WIRE_FIN_CMD, WIRE_HEADER));
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_CLOSING);
	CHECK_EQ(acked_on(w), FIRST + 1);
	return w;
}

/* Was: the ACK of our FIN was read on the new link in front of the repeated FIN, all ended in
 * order, and the kernel waited for the ACK that was lost. */
static void the_ack_of_a_fin_is_repeated_on_the_next_link(void)
{
	uint8_t buf[WIRE_HEADER];
	struct wire *w = fins_cross(), *next;

	link_dead(&w->link, false);
	settle();
	pass(100);
	next = fx->dial[HIGH];
	CHECK_OR_RETURN(next != w && next->link.state == LINK_UP);
	CHECK_EQ(acked_on(next), FIRST + 1);
	feed(next, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK_EQ(next->how, LINK_ORDERLY);
	fixture_end();
}

/* The link has no room for it when the FIN is read, and the ACK of ours follows at once. */
static void an_ack_that_is_owed_goes_before_the_end(void)
{
	uint8_t buf[WIRE_OPTS + 2 * WIRE_HEADER], ack[WIRE_HEADER];
	struct wire *w = kernel_up();
	size_t n;

	session_finish(fx->session[HIGH]);
	settle();
	n = put_envelope(buf, FIRST, WIRE_FIN_CMD, WIRE_HEADER);
	n += wire_put_ack(buf + n, HIGH, FIRST + 1);
	fx->waits_for_room = true;
	feed_by(w, buf, n - WIRE_HEADER, n);
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_CLOSING);
	n = w->n_out;
	feed(w, buf + sizeof buf - WIRE_HEADER, WIRE_HEADER);
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK_EQ(w->how, LINK_ORDERLY);
	wire_put_ack(ack, SELF, FIRST + 1);
	CHECK_EQ(w->n_out, n + sizeof ack);
	CHECK_MEM(w->out + n, ack, sizeof ack);
	fixture_end();
}

/* An orderly end behind half a frame would hide the ACK; behind a reset the FIN comes again. */
static void half_a_frame_before_an_owed_ack_is_reset(void)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER];
	struct wire *w = kernel_up();
	struct span out[5];
	int n;

	session_finish(fx->session[HIGH]);
	settle();
	fx->room = 0;
	pass(fx->core.cfg.stall_ns / 2000000);
	CHECK(fx->session[HIGH]->nudged_ns);
	link_gather(&w->link, out, &n, 1000);
	link_sent(&w->link, 20);
	feed(w, buf, put_envelope(buf, FIRST, WIRE_FIN_CMD, WIRE_HEADER));
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_CLOSING);
	feed(w, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK_EQ(w->how, LINK_RESET);
	CHECK(peer_in_time_wait(&fx->peer[HIGH]));
	fixture_end();
}

/* The numbers of the next session begin anew: an ACK of the former one would lose them. */
static void what_comes_behind_the_end_waits_for_membership(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w;

	close_both(kernel_up());
	w = its_own();
	feed(w, buf, put_packet(buf, WIRE_VERSION_3_2, HIGH, 48));
	CHECK_EQ(w->link.state, LINK_HELD);
	CHECK_EQ(w->n_out, 0);
	peer_added(&fx->peer[HIGH], incarnation(HIGH) + 1);
	settle();
	CHECK_EQ(w->link.state, LINK_UP);
	feed(w, buf, put_packet(buf, WIRE_VERSION_3_2, HIGH, 48));
	CHECK_EQ(fx->delivered[HIGH], 1);
	fixture_end();
}

/* Its first number is one of the former session, too. */
static void the_first_number_waits_for_membership(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w;

	close_both(kernel_up());
	w = its_own();
	feed(w, buf, put_envelope(buf, FIRST, WIRE_MSG, 48));
	CHECK_EQ(w->link.state, LINK_HELD);
	CHECK_EQ(w->n_out, 0);
	peer_added(&fx->peer[HIGH], incarnation(HIGH) + 1);
	settle();
	feed(w, buf, put_envelope(buf, FIRST, WIRE_MSG, 48));
	CHECK_EQ(fx->delivered[HIGH], 1);
	CHECK_EQ(fx->session[HIGH]->expected, FIRST + 1);
	fixture_end();
}

/* A second number is of the former session, whose FIN follows at once, or of this one, whose first
 * number was lost with its link. Was: an ACK of all former numbers, so that the kernel forgot what
 * had not come, and its next number was a gap for ever. */
static void a_lost_first_number_is_asked_for(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	for (unsigned i = 0; i < 3; i++)
		feed(w, buf, put_envelope(buf, FIRST + i, WIRE_MSG, 48));
	close_both_at(w, FIRST + 3);
	w = its_own();
	feed(w, buf, put_envelope(buf, FIRST + 1, WIRE_MSG, 48));
	CHECK_EQ(w->link.state, LINK_LAST_ACK);
	peer_added(&fx->peer[HIGH], incarnation(HIGH) + 1);
	settle();
	CHECK_EQ(w->link.state, LINK_UP);
	feed(w, buf, put_envelope(buf, FIRST + 2, WIRE_MSG, 48));
	CHECK_EQ(w->n_out, 0);
	pass(900);
	CHECK(!w->gone);
	pass(200);
	CHECK(w->gone);
	CHECK_EQ(w->how, LINK_RESET);
	pass(100);
	w = fx->dial[HIGH];
	for (unsigned i = 0; i < 4; i++)
		feed(w, buf, put_envelope(buf, FIRST + i, WIRE_MSG, 48));
	CHECK_EQ(fx->session[HIGH]->expected, FIRST + 4);
	fixture_end();
}

int main(void)
{
	RUN(the_end_behind_both_fins_is_orderly_and_ours);
	RUN(a_request_comes_behind_our_fin);
	RUN(its_end_is_answered_in_order_behind_our_fin);
	RUN(a_silent_new_link_is_reset_once);
	RUN(a_dial_that_is_late_ends_in_order);
	RUN(a_fin_behind_ours_is_asked_for);
	RUN(a_fin_behind_the_removal_is_asked_for);
	RUN(the_removal_may_come_before_the_fin);
	RUN(a_fin_that_comes_again_is_acknowledged_again);
	RUN(the_ack_of_a_fin_is_repeated_on_the_next_link);
	RUN(an_ack_that_is_owed_goes_before_the_end);
	RUN(half_a_frame_before_an_owed_ack_is_reset);
	RUN(what_comes_behind_the_end_waits_for_membership);
	RUN(the_first_number_waits_for_membership);
	RUN(a_lost_first_number_is_asked_for);
	return check_done();
}
