/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the rules of the dlm profile, by hand. Random schedules are the simulator's.
 */
#include "tests/lib/core_fixture_dlm.h"

#include <errno.h>

static void queue_packet(void)
{
	uint8_t packet[48];
	struct span part = { packet, sizeof packet };

	put_packet(packet, WIRE_VERSION_3_2, SELF, sizeof packet);
	CHECK_EQ(session_send(fx->session[HIGH], &part, 1, sizeof packet, NULL), 0);
}

static void send_packet(void)
{
	queue_packet();
	session_schedule(fx->session[HIGH]);
	settle();
}

/* Packets in an envelope that came out of it since. */
static unsigned packets(struct wire *w)
{
	struct frame f;
	unsigned n = 0;

	while (next_frame(w, &f))
		n += f.cmd == WIRE_OPTS_CMD;
	return n;
}

static void what_is_unacknowledged_goes_twice(void)
{
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	queue_packet();
	queue_packet();
	send_packet();
	CHECK_EQ(packets(w), 3);
	pass(fx->core.cfg.stall_ns / 2000000 - 1);
	CHECK_EQ(packets(w), 0);
	/* At half of the time, once, and the oldest alone: each is a line in a kernel's log. */
	pass(1);
	CHECK_EQ(packets(w), 1);
	pass(fx->core.cfg.stall_ns / 4000000);
	CHECK_EQ(packets(w), 0);
	CHECK(!w->gone);
	fixture_end();
}

/* Nor from the middle of a packet. */
static void nothing_is_repeated_within_a_packet(void)
{
	struct wire *w = kernel_up();
	struct span out[5];
	int n;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	packets(w);
	fx->room = 0;
	send_packet();
	link_gather(&w->link, out, &n, 1000);
	link_sent(&w->link, 20);
	pass(fx->core.cfg.stall_ns / 2000000);
	CHECK(!w->gone && !fx->session[HIGH]->nudged_ns);
	fixture_end();
}

static void an_old_protocol_is_said(void)
{
	static const enum core_policy_31 policies[] = { CORE_31_WARN, CORE_31_REFUSE };
	uint8_t packet[48];

	for (unsigned i = 0; i < 2; i++) {
		struct wire *w = kernel_up();

		CHECK_OR_RETURN(w && w->link.state == LINK_UP);
		fx->core.cfg.policy_31 = policies[i];
		put_packet(packet, WIRE_VERSION_3_1, HIGH, sizeof packet);
		feed(w, packet, sizeof packet);
		CHECK(strstr(fx->notes, i ? "DLM protocol 3.1, refused by policy" :
			     "DLM protocol 3.1: no retransmission"));
		CHECK_EQ(w->gone, i);
		CHECK_EQ(fx->delivered[HIGH], !i);
		fixture_end();
	}
}

/* Membership alone opens a session: what comes before that waits. */
static void nothing_is_read_before_membership(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	peer_failed(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	w = its_own();
	CHECK_EQ(w->link.state, LINK_HELD);
	put_envelope(buf, FIRST, WIRE_MSG, 48);
	feed(w, buf, sizeof buf);
	CHECK_EQ(fx->delivered[HIGH], 0);
	CHECK(!w->gone);
	peer_added(&fx->peer[HIGH], incarnation(HIGH) + 1);
	settle();
	CHECK_EQ(w->link.state, LINK_UP);
	feed(w, buf, sizeof buf);
	CHECK_EQ(fx->delivered[HIGH], 1);
	fixture_end();
}

/* A kernel knows no REFUSE, and repeats after a reset alone. */
static void an_end_resets_its_links(void)
{
	struct wire *w = kernel_up(), *own = its_own();
	size_t before;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP && link_is_up(&own->link));
	/* Data go where we dialled. */
	CHECK(own->link.state == LINK_RX_ONLY);
	queue_packet();
	gather(own);
	CHECK_EQ(own->n_out, 0);
	session_schedule(fx->session[HIGH]);
	settle();
	CHECK_EQ(packets(w), 1);
	before = w->n_out + own->n_out;
	peer_failed(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	CHECK(w->gone && w->how == LINK_RESET);
	CHECK(own->gone && own->how == LINK_RESET);
	CHECK_EQ(w->n_out + own->n_out, before);
	CHECK_EQ(fx->end[HIGH], SESSION_FAILED);
	fixture_end();
}

/* Its links come and go; what it sent is acknowledged on ours. */
static void an_ack_does_not_go_with_its_link(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up(), *own = its_own();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP && link_is_up(&own->link));
	acked_on(w);
	put_envelope(buf, FIRST, WIRE_MSG, 48);
	feed(own, buf, sizeof buf);
	CHECK_EQ(fx->delivered[HIGH], 1);
	CHECK_EQ(acked_on(w), 0);
	link_dead(&own->link, false);
	settle();
	pass(6);
	CHECK_EQ(acked_on(w), FIRST + 1);
	fixture_end();
}

static void the_other_link_takes_over(void)
{
	struct wire *w = kernel_up(), *own = its_own();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP && own->link.state == LINK_RX_ONLY);
	send_packet();
	CHECK_EQ(packets(w), 1);
	link_dead(&w->link, false);
	settle();
	CHECK_EQ(own->link.state, LINK_UP);
	CHECK(fx->peer[HIGH].up == &own->link);
	CHECK_EQ(packets(own), 1);
	fixture_end();
}

static void an_ack_goes_on_the_link_that_took_over(void)
{
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up(), *own = its_own();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP && own->link.state == LINK_RX_ONLY);
	put_envelope(buf, FIRST, WIRE_MSG, 48);
	feed(own, buf, sizeof buf);
	link_dead(&w->link, false);
	settle();
	CHECK_EQ(own->link.state, LINK_UP);
	CHECK_EQ(acked_on(own), 0);
	pass(6);
	CHECK_EQ(acked_on(own), FIRST + 1);
	fixture_end();
}

/* The next incarnation has links of its own. */
static void a_link_of_the_last_ack_is_not_used_again(void)
{
	uint8_t buf[WIRE_OPTS + WIRE_HEADER];
	struct wire *w = kernel_up(), *next;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	session_finish(fx->session[HIGH]);
	settle();
	wire_put_ack(buf, HIGH, FIRST + 1);
	feed(w, buf, WIRE_HEADER);
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_FIN_WAIT2);
	wire_put_fin(buf, HIGH, FIRST);
	feed(w, buf, sizeof buf);
	CHECK(w->gone);
	CHECK_EQ(w->how, LINK_ORDERLY);
	peer_added(&fx->peer[HIGH], incarnation(HIGH) + 1);
	settle();
	next = fx->dial[HIGH];
	CHECK_OR_RETURN(next != w && next->link.state == LINK_UP);
	link_dead(&next->link, false);
	settle();
	CHECK(w->gone && fx->peer[HIGH].up != &w->link);
	fixture_end();
}

static void a_kernel_is_not_probed(void)
{
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	fx->probes = true;
	for (unsigned i = 0; i < 5; i++)
		pass(1000);
	CHECK(!fx->probe[HIGH]);
	fixture_end();
}

/* The link that only receives has no time of its own: the kernel is silent there for hours. */
static void silence_on_its_own_link_means_nothing(void)
{
	struct wire *w = kernel_up(), *own = its_own();
	uint8_t ack[WIRE_HEADER];

	CHECK_OR_RETURN(w && own->link.state == LINK_RX_ONLY);
	send_packet();
	for (unsigned i = 0; i < 30; i++) {
		pass(1000);
		feed(w, ack, wire_put_ack(ack, HIGH, FIRST));
	}
	CHECK(!own->gone && !w->gone);
	core_close(&fx->core);
	session_ack_soon(fx->session[HIGH]);
	CHECK(!link_wants_tx(&own->link));
	fixture_end();
}

/* Such a peer has no FIN: nothing is accepted any more once the session is to end. */
static void nothing_follows_the_end_of_31(void)
{
	uint8_t packet[48];
	struct span part = { packet, sizeof packet };
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	put_packet(packet, WIRE_VERSION_3_1, HIGH, sizeof packet);
	feed(w, packet, sizeof packet);
	queue_packet();
	session_finish(fx->session[HIGH]);
	put_packet(packet, WIRE_VERSION_3_2, SELF, sizeof packet);
	CHECK_EQ(session_send(fx->session[HIGH], &part, 1, sizeof packet, NULL), -ESHUTDOWN);
	session_schedule(fx->session[HIGH]);
	settle();
	CHECK_EQ(fx->end[HIGH], SESSION_LEFT);
	fixture_end();
}

static void bare_packets_have_their_lengths(void)
{
	uint8_t packet[WIRE_DLM_MAX + 1];
	struct wire *w = kernel_up();
	struct session *s = fx->session[HIGH];

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	put_packet(packet, WIRE_VERSION_3_2, SELF, WIRE_DLM_MAX);
	CHECK_EQ(session_send_bare(s, packet, sizeof packet), -EMSGSIZE);
	CHECK_EQ(session_send_bare(s, packet, WIRE_HEADER - 1), -EINVAL);
	/* The bytes that wait are bounded. */
	for (unsigned i = 0; i < BARE_BYTES / WIRE_DLM_MAX; i++)
		CHECK_EQ(session_send_bare(s, packet, WIRE_DLM_MAX), 0);
	CHECK_EQ(session_send_bare(s, packet, WIRE_DLM_MAX), -EAGAIN);
	session_schedule(s);
	settle();
	CHECK_EQ(session_send_bare(s, packet, WIRE_DLM_MAX), 0);
	fixture_end();
}

/* A wrong one can crash a kernel. */
static void only_own_packets_are_taken(void)
{
	static const struct {
		unsigned at;
		uint8_t is;
	} wrong[] = {
		{ 0, 1 }, { 2, 4 }, { 8, HIGH }, { 12, 47 }, { 13, 1 }, { 14, 3 }, { 14, 0 },
	};
	uint8_t packet[48];
	struct span part = { packet, sizeof packet };
	struct span parts[] = { { packet, 9 }, { NULL, 0 }, { packet + 9, sizeof packet - 9 } };
	struct session *s;

	CHECK_OR_RETURN(kernel_up());
	s = fx->session[HIGH];
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		put_packet(packet, WIRE_VERSION_3_2, SELF, sizeof packet);
		packet[wrong[i].at] = wrong[i].is;
		CHECK_EQ(session_send(s, &part, 1, sizeof packet, NULL), -EINVAL);
		CHECK_EQ(session_send_bare(s, packet, sizeof packet), -EINVAL);
	}
	put_packet(packet, WIRE_VERSION_3_2, SELF, sizeof packet);
	CHECK_EQ(session_send(s, parts, 3, sizeof packet, NULL), 0);
	CHECK_EQ(session_send(s, &part, 1, 0, NULL), -EINVAL);
	packet[14] = WIRE_RCOM;
	CHECK_EQ(session_send(s, &part, 1, sizeof packet, NULL), 0);
	CHECK_EQ(session_send_bare(s, packet, sizeof packet), 0);
	fixture_end();
}

/* A sequenced packet of an unknown command is acknowledged, and not delivered. */
static void both_commands_are_delivered(void)
{
	static const uint8_t commands[] = { WIRE_MSG, WIRE_RCOM, 9 };
	uint8_t buf[WIRE_OPTS + 48];
	struct wire *w = kernel_up();

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	for (unsigned i = 0; i < 3; i++) {
		feed(w, buf, put_envelope(buf, FIRST + i, commands[i], 48));
		CHECK_EQ(fx->delivered[HIGH], i < 2 ? i + 1 : 2);
		CHECK_EQ(fx->session[HIGH]->expected, FIRST + i + 1);
	}
	CHECK(!w->gone);
	fixture_end();
}

/* Membership of an incarnation that has failed does not restart the timer of a held link. */
static void the_wait_for_membership_has_an_end(void)
{
	struct wire *w = kernel_up();
	uint64_t half_ms = fx->core.cfg.held_ns / 2000000;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	peer_failed(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	w = its_own();
	CHECK_EQ(w->link.state, LINK_HELD);
	pass(half_ms);
	peer_added(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	pass(half_ms - 1);
	CHECK(!w->gone);
	pass(1);
	CHECK(w->gone);
	fixture_end();
}

/* A packet without an envelope is written at once. One that waits for a link is lost as those on
 * the way are: the application hears of the next link, and repeats them. */
static void a_bare_packet_goes_with_its_link(void)
{
	struct wire *w = kernel_up();
	uint8_t packet[48];
	struct session *s;
	size_t n;

	CHECK_OR_RETURN(w && w->link.state == LINK_UP);
	s = fx->session[HIGH];
	CHECK_EQ(fx->link_ups[HIGH], 1);
	put_packet(packet, WIRE_VERSION_3_2, SELF, sizeof packet);
	n = w->n_out;
	CHECK_EQ(session_send_bare(s, packet, sizeof packet), 0);
	session_schedule(s);
	settle();
	CHECK_EQ(w->n_out, n + sizeof packet);
	CHECK_MEM(w->out + n, packet, sizeof packet);
	fx->no_dials = true;
	link_dead(&w->link, false);
	settle();
	CHECK_EQ(session_send_bare(s, packet, sizeof packet), 0);
	w = its_own();
	CHECK_EQ(fx->link_ups[HIGH], 2);
	CHECK_EQ(w->n_out, 0);
	fixture_end();
}

/* Was: they said 3.2, and a peer that speaks 3.1 ignores those. */
static void bare_packets_say_the_version_of_the_peer(void)
{
	static const uint32_t versions[] = { WIRE_VERSION_3_2, WIRE_VERSION_3_1 };
	uint8_t packet[48];

	for (unsigned i = 0; i < 2; i++) {
		struct wire *w = kernel_up();
		size_t n;

		CHECK_OR_RETURN(w && w->link.state == LINK_UP);
		put_packet(packet, versions[i], HIGH, sizeof packet);
		feed(w, packet, sizeof packet);
		put_packet(packet, WIRE_VERSION_3_2, SELF, sizeof packet);
		n = w->n_out;
		CHECK_EQ(session_send_bare(fx->session[HIGH], packet, sizeof packet), 0);
		session_schedule(fx->session[HIGH]);
		settle();
		put_le32(packet, versions[i]);
		CHECK_EQ(w->n_out, n + sizeof packet);
		CHECK_MEM(w->out + n, packet, sizeof packet);
		fixture_end();
	}
}

int main(void)
{
	RUN(the_wait_for_membership_has_an_end);
	RUN(a_bare_packet_goes_with_its_link);
	RUN(bare_packets_say_the_version_of_the_peer);
	RUN(only_own_packets_are_taken);
	RUN(both_commands_are_delivered);
	RUN(what_is_unacknowledged_goes_twice);
	RUN(nothing_is_repeated_within_a_packet);
	RUN(an_old_protocol_is_said);
	RUN(nothing_is_read_before_membership);
	RUN(an_end_resets_its_links);
	RUN(an_ack_does_not_go_with_its_link);
	RUN(the_other_link_takes_over);
	RUN(an_ack_goes_on_the_link_that_took_over);
	RUN(a_link_of_the_last_ack_is_not_used_again);
	RUN(a_kernel_is_not_probed);
	RUN(silence_on_its_own_link_means_nothing);
	RUN(nothing_follows_the_end_of_31);
	RUN(bare_packets_have_their_lengths);
	return check_done();
}
