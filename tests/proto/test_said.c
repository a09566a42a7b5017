/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what the core tells a person or a program: lines of the log with their
 * values, counters, why a link ended, in which state a session ended; and of calls for a peer
 * that has no session.
 */
#include "tests/lib/core_fixture.h"

static bool says(const char *text)
{
	bool found = strstr(fx->notes, text) != NULL;

	fx->notes[0] = '\0';
	return found;
}

static void a_link_that_is_up_is_said(void)
{
	struct wire *high;

	both_up(&high);
	CHECK(says("link up:  gen=1 next=4294967294\n"));
	fx->notes[0] = '\0';
	send_one(HIGH);
	link_dead(&high->link, false);
	settle();
	fx->notes[0] = '\0';
	link_from(HIGH, 0xffffffff);
	CHECK(says("link up:  gen=2 next=4294967295\n"));
}

static void quorum_is_said_when_it_changes(void)
{
	struct wire *high;

	both_up(&high);
	core_quorum(&fx->core, true);
	settle();
	fx->notes[0] = '\0';
	core_quorum(&fx->core, true);
	settle();
	CHECK(!says("quorum"));
	core_quorum(&fx->core, false);
	settle();
	CHECK(says("quorum lost"));
	core_quorum(&fx->core, true);
	settle();
	CHECK(says("quorum gained"));
}

/* Polls all notes, which say in turn that quorum is lost and gained; returns their number. */
static unsigned lines_in_turn(void)
{
	struct core_action a;
	unsigned n = 0;

	for (; core_poll(&fx->core, &a); n++)
		CHECK(a.what == CORE_NOTE &&
		      !strcmp(a.note.text, n % 2 ? "quorum gained" : "quorum lost"));
	return n;
}

/* Notes beyond CORE_NOTES are dropped; those before them stay, in their order. */
static void lines_that_nobody_polls_for(void)
{
	static const unsigned said[] = { 2, CORE_NOTES, CORE_NOTES + 2, 6, CORE_NOTES - 2, 2 };

	fixture_begin(false);
	settle();
	for (unsigned i = 0; i < sizeof said / sizeof said[0]; i++) {
		for (unsigned n = 0; n < said[i]; n++) {
			core_quorum(&fx->core, n % 2);
			CHECK(!core_at_rest(&fx->core));
		}
		CHECK_EQ(lines_in_turn(), said[i] < CORE_NOTES ? said[i] : CORE_NOTES);
		CHECK(core_at_rest(&fx->core));
	}
}

/* One seed would set the generator to 0, from which it never leaves. */
static void each_seed_draws(void)
{
	struct core_config cfg;

	fixture_begin(false);
	cfg = fx->core.cfg;
	cfg.seed = cfg.incarnation ^ 0x9e3779b97f4a7c15u;
	core_init(&fx->core, &cfg, 0);
	CHECK(core_random(&fx->core) != core_random(&fx->core));
}

static void a_transition_has_its_place(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	for (uint32_t i = 0; i < 3; i++)
		unharmed(high, HIGH, FIRST + i);
	fx->notes[0] = '\0';
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST + 3));
	CHECK(says("transition:  expected=2\n"));
}

static void the_end_keeps_its_state(void)
{
	struct wire *high;
	struct session *s;

	both_up(&high);
	s = fx->session[HIGH];
	CHECK(s->end_state != FSM_ESTABLISHED);
	peer_failed(&fx->peer[HIGH], 0);
	CHECK_EQ(s->end_state, FSM_ESTABLISHED);
	CHECK_EQ(s->end, SESSION_FAILED);
	CHECK_EQ(session_state(s), FSM_CLOSED);
	settle();
	CHECK_EQ(fx->down[HIGH], 1);
}

static void resumes_with_something_unacked_are_counted(void)
{
	struct wire *high;
	uint8_t buf[64];

	both_up(&high);
	for (unsigned i = 1; i <= 2; i++) {
		link_dead(&high->link, false);
		settle();
		high = link_from(HIGH, FIRST);
		CHECK_EQ(fx->session[HIGH]->n.reconnects, i);
		CHECK_EQ(fx->session[HIGH]->n.resumed_unacked, 0);
	}
	send_one(HIGH);
	link_dead(&high->link, false);
	settle();
	high = link_from(HIGH, FIRST);
	CHECK_EQ(fx->session[HIGH]->n.resumed_unacked, 1);
	feed(high, buf, wire_put_ack(buf, HIGH, 0xffffffff));
	link_dead(&high->link, false);
	settle();
	link_from(HIGH, 0xffffffff);
	CHECK_EQ(fx->session[HIGH]->n.reconnects, 4);
	CHECK_EQ(fx->session[HIGH]->n.resumed_unacked, 1);
}

/* The ACK goes out in the same step as the FIN comes in (R24). */
static void a_fin_is_acknowledged_at_once(void)
{
	uint8_t buf[64];
	struct wire *high;
	struct frame f;
	unsigned n_acks = 0;

	both_up(&high);
	high->read = high->n_out;
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	while (next_frame(high, &f))
		if (f.nextcmd == WIRE_ACK || f.cmd == WIRE_ACK)
			n_acks += f.u == 0xffffffff;
	CHECK_EQ(n_acks, 1);
}

/* The last ACK of an orderly end, on the link that stays for it. */
static void the_last_ack_is_written(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	core_close(&fx->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, 0xffffffff));
	acked_on(high);
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	CHECK_EQ(acked_on(high), 0xffffffff);
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
}

static void without_a_session(void)
{
	fixture_begin(true);
	settle();
	peer_failed(&fx->peer[HIGH], 0);
	peer_left(&fx->peer[HIGH], 0);
	settle();
	CHECK_EQ(fx->down[HIGH], 0);
	CHECK_EQ(fx->fences, 0);
}

/* A peer cannot say CLOSED before it has sent its FIN. */
static void closed_without_a_fin_is_a_fault(void)
{
	struct refuse r = { .mine = incarnation(HIGH), .yours = 77, .reason = WIRE_REFUSE_CLOSED,
			    .next = 0xffffffff };
	struct wire *high;

	both_up(&high);
	core_close(&fx->core);
	settle();
	feed_refuse(high, HIGH, &r);
	CHECK_EQ(fx->down[HIGH] + fx->finished[HIGH], 0);
	CHECK_EQ(fx->session[HIGH]->n.faults, 1);
	CHECK_EQ(fx->session[HIGH]->n.acked, 0);
}

/* A listener that speaks of another incarnation says nothing of the session. */
static void closed_is_about_the_incarnation_that_says_so(void)
{
	struct refuse r = { .mine = 5555, .yours = 77, .reason = WIRE_REFUSE_CLOSED,
			    .next = 0xffffffff };
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	core_close(&fx->core);
	settle();
	link_dead(&high->link, false);
	settle();
	for (unsigned i = 0; i < 2; i++) {
		fx->dial[HIGH] = NULL;
		pass(6000);
		CHECK_OR_RETURN(fx->dial[HIGH] && !fx->dial[HIGH]->gone);
		feed_refuse(fx->dial[HIGH], HIGH, &r);
		CHECK_EQ(fx->down[HIGH], i);
		r.mine = incarnation(HIGH);
	}
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
}

/* No session yet, and our dial to HIGH is connected; NULL: it is not. */
static struct wire *dialled(void)
{
	struct wire *w;

	fixture_begin(true);
	settle();
	pass(3000);
	w = fx->dial[HIGH];
	return w && !w->gone ? w : NULL;
}

static void why_a_link_ended(void)
{
	struct refuse r = { .mine = incarnation(HIGH), .yours = 77, .reason = WIRE_REFUSE_VERSION };
	struct wire *w = dialled();

	CHECK_OR_RETURN(w);
	feed_refuse(w, HIGH, &r);
	CHECK(w->gone);
	CHECK_EQ(w->link.why, LINK_WHY_REFUSED);
	CHECK_EQ(w->link.refusal, WIRE_REFUSE_VERSION);
}

/* A peer that says it cannot take us now is left alone for about the longest time. */
static void a_refusal_for_long_is_no_reason_to_hurry(void)
{
	struct refuse r = { .mine = incarnation(HIGH), .yours = 77, .reason = WIRE_REFUSE_LEAVING };
	struct wire *w = dialled();
	unsigned cap_ms;

	CHECK_OR_RETURN(w);
	cap_ms = (unsigned)(fx->core.cfg.backoff_max_ns / 1000000);
	fx->dial[HIGH] = NULL;
	feed_refuse(w, HIGH, &r);
	pass(cap_ms * 3 / 4 - 1);
	CHECK(!fx->dial[HIGH]);
	pass(cap_ms / 2 + 1);
	CHECK(fx->dial[HIGH]);
}

static void feed_stale(struct wire *w, unsigned id, uint32_t gen)
{
	struct refuse r = { .mine = incarnation(id), .yours = 77, .reason = WIRE_REFUSE_STALE,
			    .gen = gen };

	feed_refuse(w, id, &r);
}

/* An event of every orderly end is nothing to warn of. */
static void what_is_usual_is_no_warning(void)
{
	static const struct { enum wire_reason reason; unsigned warnings; } table[] = {
		{ WIRE_REFUSE_STALE, 0 }, { WIRE_REFUSE_CLOSED, 0 }, { WIRE_REFUSE_VERSION, 2 },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct refuse r = { .mine = incarnation(HIGH), .yours = 77,
				    .reason = table[i].reason };
		struct wire *w = dialled();

		CHECK_OR_RETURN(w);
		fx->warnings = 0;
		feed_refuse(w, HIGH, &r);
		CHECK(says("refused by the peer"));
		CHECK_EQ(fx->warnings, table[i].warnings);
	}
}

/* The first STALE is answered by a dial at once, the next ones wait until a link was up. */
static void stale_is_answered_by_one_dial_at_once(void)
{
	struct wire *high, *low = both_up(&high), *w;

	for (unsigned i = 0; i < 2; i++) {
		link_dead(&low->link, false);
		settle();
		pass(3000);
		w = fx->dial[LOW];
		CHECK_OR_RETURN(w && !w->gone);
		feed_stale(w, LOW, 7);
		CHECK_OR_RETURN(fx->dial[LOW] != w);
		w = fx->dial[LOW];
		feed_stale(w, LOW, 8);
		CHECK(fx->dial[LOW] == w);
		gen_of[LOW] = 8;
		low = link_from(LOW, FIRST);
		CHECK(low->link.state == LINK_UP);
	}
}

/* On our own dial a frame of another node that is neither HELLO nor REFUSE is a fault. */
static void a_frame_of_another_node_where_we_dialled(void)
{
	uint8_t buf[64];
	struct wire *w = dialled();

	CHECK_OR_RETURN(w);
	feed(w, buf, wire_put_ack(buf, LOW, FIRST));
	CHECK(w->gone);
	CHECK(says("frame from another nodeid"));
}

/* A mismatch that lasts is one line, not one for each dial. */
static void a_mismatch_is_said_once(void)
{
	struct refuse r = { .mine = incarnation(HIGH), .yours = 77, .reason = WIRE_REFUSE_VERSION };
	struct wire *w = dialled();

	for (unsigned i = 0; i < 2; i++) {
		CHECK_OR_RETURN(w);
		fx->notes[0] = '\0';
		feed_refuse(w, HIGH, &r);
		CHECK_EQ(says("permanently refused by the peer"), !i);
		for (unsigned t = 0; t < 60 && fx->dial[HIGH] == w; t++)
			pass(1000);
		w = fx->dial[HIGH];
	}
}

static void a_fin_has_its_length(void)
{
	uint8_t buf[64] = { 0 };
	struct wire *high;
	size_t n;

	both_up(&high);
	n = wire_put_fin(buf, HIGH, FIRST);
	put_le16(buf + offsetof(struct wire_header, length), (uint16_t)(n + 8));
	put_le16(buf + WIRE_OPTS + offsetof(struct wire_header, length), WIRE_HEADER + 8);
	feed(high, buf, n + 8);
	CHECK(high->gone);
	CHECK(strstr(fx->notes, "invalid FIN length"));
	CHECK_EQ(fx->finished[HIGH], 0);
}

/* A violation on our own dial that was up: the next dial waits for no back-off. */
static void a_violation_is_no_failed_dial(void)
{
	struct hello h = hello_of(LOW, 77);
	struct wire *w;
	uint8_t buf[64];

	fixture_begin(true);
	settle();
	for (unsigned i = 0; i < 50 && !fx->dial[LOW]; i++)
		pass(100);
	w = fx->dial[LOW];
	CHECK_OR_RETURN(w);
	feed_hello(w, LOW, &h);
	h.gen = 1;
	h.flags = WIRE_HELLO_CHOSEN;
	feed_hello(w, LOW, &h);
	CHECK_OR_RETURN(w->link.state == LINK_UP);
	unharmed(w, LOW, FIRST);
	fx->dial[LOW] = NULL;
	feed(w, buf, put_message(buf, LOW, 1000, "early"));
	CHECK(w->gone && fx->dial[LOW]);
}

/* Honest ones need fewer. */
static void eight_hellos_are_read(void)
{
	struct hello h = hello_of(HIGH, 0);
	struct wire *w;

	fixture_begin(false);
	settle();
	w = incoming(HIGH);
	for (unsigned i = 0; i < 8; i++) {
		feed_hello(w, HIGH, &h);
		w->link.state = LINK_ANSWERED;	/* as if each was answered */
	}
	CHECK(!w->gone);
	feed_hello(w, HIGH, &h);
	CHECK(w->gone && strstr(fx->notes, "too many HELLOs"));
}

/*
 * The peer acknowledges all messages while one of them is half sent again. Their memory is free
 * only when the rest of that frame has been written, and a refused sender hears of it then.
 */
static void room_that_waited_for_half_a_frame_is_said(void)
{
	static const uint8_t big[50000];
	struct span part = { big, sizeof big };
	uint8_t buf[64];
	struct wire *high;
	uint32_t n = 0;

	both_up(&high);
	while (!session_send(fx->session[HIGH], &part, 1, sizeof big, NULL))
		n++;
	CHECK(n > 2);
	session_schedule(fx->session[HIGH]);
	settle();
	link_dead(&high->link, false);
	settle();
	fx->room = 20000;		/* two HELLOs, and not the first message */
	high = link_from(HIGH, FIRST);
	CHECK(high->link.state == LINK_UP && fx->session[HIGH]->n.bytes_sent);
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST + n));
	CHECK_EQ(fx->writable[HIGH], 0);
	fx->room = SIZE_MAX;
	link_mark_tx(&high->link);
	settle();
	CHECK_EQ(fx->writable[HIGH], 1);
	CHECK_EQ(session_send(fx->session[HIGH], &part, 1, sizeof big, NULL), 0);
}

/* A session that ends before WRITABLE was polled reports PEER_DOWN alone. */
static void room_of_a_session_that_ends_is_not_said(void)
{
	static const uint8_t big[50000];
	struct span part = { big, sizeof big };
	struct wire *high;
	uint32_t n = 0;

	both_up(&high);
	while (!session_send(fx->session[HIGH], &part, 1, sizeof big, NULL))
		n++;
	session_schedule(fx->session[HIGH]);
	settle();
	CHECK_EQ(session_acked(fx->session[HIGH], FIRST + n), 1);
	CHECK(!core_at_rest(&fx->core));
	session_abort(fx->session[HIGH]);
	settle();
	CHECK(fx->writable[HIGH] == 0 && fx->down[HIGH] == 1);
}

/* LEAVING is written at once, also while the FIN waits for an open slot. */
static void leaving_is_said_before_the_fin(void)
{
	struct wire *high;
	struct frame f;
	unsigned slot, leaving = 0;
	uint8_t *data;

	both_up(&high);
	high->read = high->n_out;
	CHECK_EQ(session_reserve(fx->session[HIGH], 5, &data, &slot), 0);
	core_close(&fx->core);
	settle();
	while (next_frame(high, &f)) {
		leaving += f.nextcmd == WIRE_LEAVING;
		CHECK(f.nextcmd != WIRE_FIN_CMD);
	}
	CHECK_EQ(leaving, 1);
}

int main(void)
{
	RUN(leaving_is_said_before_the_fin);
	RUN(a_link_that_is_up_is_said);
	RUN(quorum_is_said_when_it_changes);
	RUN(lines_that_nobody_polls_for);
	RUN(each_seed_draws);
	RUN(a_transition_has_its_place);
	RUN(the_end_keeps_its_state);
	RUN(resumes_with_something_unacked_are_counted);
	RUN(a_fin_is_acknowledged_at_once);
	RUN(the_last_ack_is_written);
	RUN(without_a_session);
	RUN(closed_without_a_fin_is_a_fault);
	RUN(closed_is_about_the_incarnation_that_says_so);
	RUN(why_a_link_ended);
	RUN(a_refusal_for_long_is_no_reason_to_hurry);
	RUN(what_is_usual_is_no_warning);
	RUN(stale_is_answered_by_one_dial_at_once);
	RUN(a_frame_of_another_node_where_we_dialled);
	RUN(a_mismatch_is_said_once);
	RUN(a_fin_has_its_length);
	RUN(a_violation_is_no_failed_dial);
	RUN(eight_hellos_are_read);
	RUN(room_that_waited_for_half_a_frame_is_said);
	RUN(room_of_a_session_that_ends_is_not_said);
	return check_done();
}
