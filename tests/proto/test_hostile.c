/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a program at a member's address can try without knowing the
 * member's incarnation: forged refusals, HELLOs that nobody reads the answers to, links that
 * stand in the way; and what a peer can leave half done. Knows the core only; floods over
 * sockets are the live tests'.
 */
#include "tests/lib/core_fixture.h"

#define STRANGE 5555u		/* an incarnation that nobody has heard of */

/* A link from HIGH's address by another incarnation, which has got our answer. */
static struct wire *strange_link(void)
{
	struct wire *w = incoming(HIGH);
	struct hello h = hello_of(HIGH, 0);

	h.mine = STRANGE;
	feed_hello(w, HIGH, &h);
	CHECK(!w->gone && w->n_out > 0);
	return w;
}

static void refuse_by(struct wire *w, unsigned id, uint64_t mine, enum wire_reason reason)
{
	struct refuse r = { .mine = mine, .yours = 77, .reason = reason };

	feed_refuse(w, id, &r);
	CHECK(w->gone);
}

static void refuse_us(struct wire *w, uint64_t mine, enum wire_reason reason)
{
	refuse_by(w, HIGH, mine, reason);
}

/* The link of the session, which was up, breaks. */
static void lose(struct wire *w)
{
	link_dead(&w->link, false);
	settle();
}

static void a_strange_incarnation_cannot_declare_us_failed(void)
{
	struct wire *low, *high;

	low = both_up(&high);
	lose(high);
	refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
	/* Nor with a number that it does not know. */
	refuse_us(strange_link(), STRANGE + 1, WIRE_REFUSE_FAILED);
	CHECK(!fx->renew);
	CHECK_EQ(fx->down[HIGH], 0);
	unharmed(low, LOW, 0xfffffffe);
}

/* While a session is fresh, a HELLO that does not name us gets not one byte (R3). */
static void a_fresh_session_tells_nothing(void)
{
	struct hello other = hello_of(HIGH, 0), same = other, named = hello_of(HIGH, 77);
	struct wire *high, *w, *newer;

	both_up(&high);
	unharmed(high, HIGH, 0xfffffffe);
	other.mine = STRANGE;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &other);
	CHECK(w->link.state == LINK_GUARDED && !w->n_out);
	newer = incoming(HIGH);
	feed_hello(newer, HIGH, &same);		/* that of the session, which it has learned */
	CHECK(w->gone);				/* one a nodeid, the newest */
	CHECK(newer->link.state == LINK_GUARDED && !newer->n_out);
	/* The peer itself names us, and is decided at once. */
	named.gen = latest_choice(HIGH);
	named.next = 0xfffffffe;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &named);
	CHECK(w->link.state == LINK_UP && high->gone);
}

/* The held HELLO is taken up when the link is lost, or nothing was read for its time. */
static void held_until_the_session_is_not_fresh(void)
{
	for (unsigned lost = 0; lost < 2; lost++) {
		struct hello h = hello_of(HIGH, 0);
		struct wire *high, *w;

		both_up(&high);
		unharmed(high, HIGH, 0xfffffffe);
		w = incoming(HIGH);
		feed_hello(w, HIGH, &h);
		pass(lost ? 10 : 7499);
		CHECK_EQ(w->n_out, 0);
		if (lost)
			lose(high);
		pass(2);
		CHECK(w->link.state == LINK_ANSWERED && w->n_out > 0);
	}
}

/* A choice that was lost with its link: nothing was read since, so the peer is answered. */
static void an_unheard_choice_holds_nobody(void)
{
	struct hello h = hello_of(HIGH, 0);
	struct wire *high, *w;

	both_up(&high);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->link.state == LINK_ANSWERED && w->n_out > 0);
}

/* Nor does a refusal tell a HELLO that did not name us which incarnation we are. */
static void a_refusal_tells_nothing(void)
{
	for (unsigned named = 0; named < 2; named++) {
		struct hello h = hello_of(HIGH, named ? 77 : 0);
		struct wire *high, *w;
		struct refuse r = { 0 };
		struct frame f;

		both_up(&high);
		strcpy(h.cluster, "other");
		w = incoming(HIGH);
		feed_hello(w, HIGH, &h);
		CHECK(next_frame(w, &f) && !frame_refuse(&f, &r));
		CHECK_EQ(r.reason, WIRE_REFUSE_CLUSTER);
		CHECK_EQ(r.mine, named ? 77 : 0);
	}
}

/* Only a link that named both incarnations counts against one (R20). */
static void forged_faults_fence_nobody(void)
{
	struct wire *high;

	both_up(&high);
	for (unsigned i = 0; i < 2 * fx->core.cfg.fault_limit; i++) {
		struct hello h = hello_of(HIGH, 0);
		uint8_t buf[64];
		struct wire *w = incoming(HIGH);

		feed_hello(w, HIGH, &h);
		feed(w, buf, put_message(buf, HIGH, 0, "garbage"));
		CHECK(w->gone);
	}
	CHECK_EQ(fx->fences, 0);
	CHECK_EQ(fx->session[HIGH]->n.faults, 0);
	unharmed(high, HIGH, 0xfffffffe);
}

/* A link from that peer on which we have answered a HELLO that names us. */
static struct wire *answered(unsigned id)
{
	struct hello h = hello_of(id, 77);
	struct wire *w = incoming(id);

	feed_hello(w, id, &h);
	CHECK(w->link.state == LINK_ANSWERED);
	return w;
}

/* One that is known to both sides and impossible changes nothing: no number, no other link. */
static void an_impossible_choice_changes_nothing(void)
{
	struct hello h = hello_of(LOW, 77);
	struct wire *high, *w, *low = both_up(&high);
	uint32_t gen = fx->session[LOW]->gen;

	/* It answers nothing (R4). */
	h.flags = WIRE_HELLO_CHOSEN;
	w = incoming(LOW);
	feed_hello(w, LOW, &h);
	CHECK(w->gone);
	h.gen = 0x7ffffff0;
	h.next = 0x40000000;
	w = answered(LOW);
	feed_hello(w, LOW, &h);
	CHECK(w->gone);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_PROTOCOL);
	CHECK_EQ(fx->session[LOW]->gen, gen);
	unharmed(low, LOW, 0xfffffffe);
	/* Numbers are compared for equality alone: a lower one is as good (R6). */
	h.gen = gen;
	h.next = 0xfffffffe;
	w = answered(LOW);
	feed_hello(w, LOW, &h);
	CHECK(w->link.state == LINK_UP && low->gone);
}

/* D: a guess shuts no link before its position is checked. */
static void a_guessed_position_changes_nothing(void)
{
	struct hello h = hello_of(HIGH, 77);
	struct wire *high, *w;

	both_up(&high);
	h.gen = latest_choice(HIGH);
	h.next = 12345;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->gone);
	CHECK_EQ(latest_choice(HIGH), h.gen);
	h.next = 0xfffffffe;
	h.gen = latest_choice(HIGH) + 1;	/* no order: what is not equal is stale */
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_STALE);
	unharmed(high, HIGH, 0xfffffffe);
}

/* Without a link to the peer we ask where it listens. */
static void whoever_listens_there_can(void)
{
	struct wire *high, *w;

	both_up(&high);
	link_dead(&high->link, false);
	fx->dial[HIGH] = NULL;
	refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
	CHECK(!fx->renew);
	pass(2000);
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(CHECK(w != NULL));
	refuse_us(w, STRANGE, WIRE_REFUSE_FAILED);
	CHECK(fx->renew);
}

/* Even if there is no session that makes us dial. */
static void asked_without_a_session(void)
{
	struct wire *high;

	both_up(&high);
	session_abort(fx->session[HIGH]);
	settle();
	tombstones_bury(&fx->peer[HIGH].tombstones, 4444, TOMB_CLOSED, 0);	/* no redial */
	pass(2000);
	fx->dial[HIGH] = NULL;
	pass(2000);
	CHECK(!fx->dial[HIGH]);
	refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
	pass(2000);
	CHECK(fx->dial[HIGH] != NULL);
	CHECK(!fx->renew);
}

/* Nor is it believed because nobody answers there. */
static void not_believed_where_no_dial_gets_through(void)
{
	for (unsigned hangs = 0; hangs < 2; hangs++) {
		struct wire *high;

		both_up(&high);
		fx->no_dials = !hangs;
		fx->dials_hang = hangs;
		link_dead(&high->link, false);
		refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
		for (int i = 0; i < 10; i++)
			pass(500);
		CHECK(!fx->renew);
	}
}

/* A listener with another configuration: dials go on, rarely, and at once for a new incarnation. */
static void refused_for_good_is_dialled_rarely(void)
{
	unsigned before;

	fixture_begin(true);
	settle();
	pass(100);
	refuse_us(fx->dial[HIGH], STRANGE, WIRE_REFUSE_CLUSTER);
	before = fx->n_wires;
	fx->dial[HIGH] = NULL;
	pass(20000);
	CHECK(!fx->dial[HIGH]);
	pass(14000);
	CHECK(fx->dial[HIGH] != NULL);
	refuse_us(fx->dial[HIGH], STRANGE, WIRE_REFUSE_CLUSTER);
	CHECK(fx->n_wires <= before + 40);	/* the other peer is dialled as ever */
	fx->dial[HIGH] = NULL;
	peer_addrs(&fx->peer[HIGH], &(struct path_addr) { .ip = { [15] = HIGH }, .port = 1 }, 1);
	settle();
	CHECK(fx->dial[HIGH] != NULL);
	CHECK_EQ(fx->peer[HIGH].mismatch, 0);
}

/* Nor does it count from a peer whose session was up: that one has our configuration. */
static void a_peer_that_was_up_is_dialled_as_ever(void)
{
	struct wire *high;

	both_up(&high);
	fx->dial[HIGH] = NULL;
	lose(high);
	pass(100);
	refuse_us(fx->dial[HIGH], STRANGE, WIRE_REFUSE_CLUSTER);
	CHECK_EQ(fx->peer[HIGH].mismatch, 0);
	fx->dial[HIGH] = NULL;
	pass(1500);
	CHECK(fx->dial[HIGH] != NULL);
}

/* Nor on a link that was accepted, whichever incarnation says it. */
static void only_our_dials_hear_of_a_configuration(void)
{
	struct wire *w;

	fixture_begin(false);
	settle();
	peer_added(&fx->peer[LOW], incarnation(LOW));
	settle();
	w = answered(LOW);
	refuse_by(w, LOW, incarnation(LOW), WIRE_REFUSE_VERSION);
	CHECK_EQ(fx->peer[LOW].mismatch, 0);
}

/* On the link that O has answered a choice may be in flight (R7). */
static void no_dial_while_a_choice_may_come(void)
{
	struct wire *high, *w, *low = both_up(&high);

	lose(low);
	w = answered(LOW);
	fx->dial[LOW] = NULL;
	pass(1500);
	CHECK(!w->gone && !fx->dial[LOW]);
	pass(600);
	CHECK(w->gone && fx->dial[LOW]);
}

/* O is told other numbers on each of its dials: the first time it dials again at once. */
static void stale_numbers_without_end_are_no_storm(void)
{
	struct wire *low, *high;
	unsigned n = 0;

	low = both_up(&high);
	fx->dial[LOW] = NULL;
	lose(low);
	for (uint32_t gen = 9; gen < 100; gen++) {
		struct refuse r = { .mine = incarnation(LOW), .yours = 77, .gen = gen,
				    .reason = WIRE_REFUSE_STALE };
		struct wire *w = fx->dial[LOW];

		pass(10);
		if (!w || w->gone)
			continue;
		n++;
		feed_refuse(w, LOW, &r);
		CHECK_EQ(fx->session[LOW]->told, gen);
	}
	CHECK(n > 1 && n < 10);
}

/* Bytes of data that HIGH was sent on that link. */
static size_t data_of(struct wire *w)
{
	struct frame f;
	size_t n = 0;

	while (next_frame(w, &f))
		n += f.nextcmd == WIRE_DATA ? f.length : 0;
	return n;
}

/* It comes back again and again, each time from the same position (R10). */
static void a_peer_that_acknowledges_nothing_costs_little(void)
{
	static const uint8_t body[1000];
	struct span part = { body, sizeof body };
	uint8_t ack[WIRE_HEADER];
	struct wire *high;
	size_t sent = 0, all = 0, last = SIZE_MAX, frame = sizeof body + WIRE_MSG_OVERHEAD;

	both_up(&high);
	while (!session_send(fx->session[HIGH], &part, 1, sizeof body, NULL))
		all += frame;
	session_schedule(fx->session[HIGH]);
	settle();
	CHECK_EQ(data_of(high), all);
	for (unsigned i = 0; i < 30; i++) {
		lose(high);
		high = link_from(HIGH, 0xfffffffe);
		sent = data_of(high);
		CHECK(sent >= frame && sent <= last && (i || sent == all));
		last = sent;
	}
	CHECK_EQ(sent, frame);
	CHECK_EQ(fx->session[HIGH]->n.resumed_paced, 30);
	/* One ACK, and all goes out. */
	feed(high, ack, wire_put_ack(ack, HIGH, 0xffffffff));
	CHECK_EQ(data_of(high), all - frame);
	/* Its position is an acknowledgement, too: such a peer makes progress. */
	lose(high);
	high = link_from(HIGH, 0xffffffff);
	CHECK(data_of(high) == all - frame);
	lose(high);
	high = link_from(HIGH, 0);
	sent = data_of(high);
	CHECK(sent > frame && sent <= 2 * frame + (256u << 10));
	/* The ACK of a link before says nothing of the next ones. */
	for (unsigned i = 0; i < 30; i++) {
		lose(high);
		high = link_from(HIGH, 0);
		sent = data_of(high);
	}
	CHECK_EQ(sent, frame);
}

/* Nobody listens at the member's address: no reason to believe who dials from there. */
static void not_believed_where_nobody_listens(void)
{
	struct wire *high;

	both_up(&high);
	fx->dials_hang = true;
	link_dead(&high->link, false);
	refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
	for (int i = 0; i < 10; i++) {
		pass(500);
		if (fx->dial[HIGH] && !fx->dial[HIGH]->gone) {
			fx->dial[HIGH]->gone = true;
			link_refused(&fx->dial[HIGH]->link);
			settle();
		}
	}
	CHECK(!fx->renew);
}

static void a_strange_incarnation_cannot_end_our_dials(void)
{
	static const enum wire_reason reasons[] = {
		WIRE_REFUSE_CLUSTER, WIRE_REFUSE_VERSION, WIRE_REFUSE_FEATURE,
		WIRE_REFUSE_CLOSED, WIRE_REFUSE_LEAVING, WIRE_REFUSE_CLAIMED,
	};

	for (unsigned i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		struct wire *high;

		both_up(&high);
		lose(high);
		refuse_us(strange_link(), STRANGE, reasons[i]);
		fx->dial[HIGH] = NULL;
		pass(200);		/* no back-off to the cap */
		CHECK(fx->dial[HIGH] != NULL);
		CHECK_EQ(fx->peer[HIGH].mismatch, 0);
		CHECK_EQ(fx->down[HIGH], 0);
	}
}

/* A link that a strange incarnation keeps open in the handshake is no reason not to dial (R7). */
static void a_strange_incarnation_does_not_keep_us_from_dialling(void)
{
	struct wire *high, *w;

	both_up(&high);
	lose(high);
	w = strange_link();
	fx->dial[HIGH] = NULL;
	pass(200);
	CHECK(!w->gone);
	CHECK(fx->dial[HIGH] != NULL);
}

/* As a connection whose writes fail: what we say stays unwritten. */
static void feed_unwritten(struct wire *w, const uint8_t *p, size_t n)
{
	struct rx rx = { .p = p, .end = p + n };
	struct core_action a;
	enum rx_result r;

	do {
		r = link_rx(&w->link, &rx);
		while (core_poll(&fx->core, &a))
			if (a.what != CORE_TX)
				act(&a);
	} while (r == RX_AGAIN);
	CHECK(r == RX_GONE || w->gone);
}

static void hellos_without_waiting_for_an_answer(void)
{
	struct wire *low, *high, *w;
	uint8_t buf[10 * WIRE_CONTROL_MAX];
	struct hello h = hello_of(HIGH, 0);
	size_t n = 0;

	low = both_up(&high);
	lose(high);
	memset(h.group, 0, sizeof h.group);
	strcpy(h.group, "sinew");
	h.mine = STRANGE;
	for (unsigned i = 0; i < 10; i++)
		n += wire_put_hello(buf + n, HIGH, &h);
	w = incoming(HIGH);
	feed_unwritten(w, buf, n);
	CHECK(w->gone);
	CHECK(strstr(fx->notes, "HELLO received before ours was sent"));
	unharmed(low, LOW, 0xfffffffe);
}

/* A long message that is begun and never goes on, on a link that is kept alive. */
static void half_a_long_message(void)
{
	uint8_t buf[WIRE_FRAG_OVERHEAD + 1000] = { 0 }, ack[WIRE_HEADER];
	struct wire *low, *high;
	size_t n = wire_put_frag(buf, HIGH, 0xfffffffe, 1000, 100000, 0) + 1000;

	low = both_up(&high);
	feed(high, buf, n);
	for (unsigned s = 0; s < 59; s++) {
		pass(1000);
		feed(high, ack, wire_put_ack(ack, HIGH, 0xfffffffe));
		feed(low, ack, wire_put_ack(ack, LOW, 0xfffffffe));
		CHECK(!high->gone);
	}
	pass(1001);
	CHECK(high->gone);
	/* It may have lost its quorum in the middle: no fault, and the session goes on. */
	CHECK_EQ(fx->core.faults, 0);
	CHECK_EQ(fx->down[HIGH], 0);
	unharmed(low, LOW, 0xfffffffe);
}

/* Membership decides, and never names it. */
static void not_named_by_membership(void)
{
	struct hello h = hello_of(HIGH, 77);
	struct wire *w;

	fixture_begin(false);
	settle();
	w = incoming(HIGH);
	h.mine = STRANGE;
	feed_hello(w, HIGH, &h);
	CHECK_EQ(w->link.state, LINK_HELD);
	CHECK_EQ(w->n_out, 0);
	pass(9999);
	CHECK(!w->gone);
	pass(2);
	CHECK(w->gone);
	CHECK_EQ(fx->up[HIGH], 0);
	CHECK(!fx->peer[HIGH].session);
}

int main(void)
{
	RUN(a_strange_incarnation_cannot_declare_us_failed);
	RUN(whoever_listens_there_can);
	RUN(asked_without_a_session);
	RUN(a_fresh_session_tells_nothing);
	RUN(held_until_the_session_is_not_fresh);
	RUN(an_unheard_choice_holds_nobody);
	RUN(a_refusal_tells_nothing);
	RUN(forged_faults_fence_nobody);
	RUN(an_impossible_choice_changes_nothing);
	RUN(a_guessed_position_changes_nothing);
	RUN(not_believed_where_no_dial_gets_through);
	RUN(refused_for_good_is_dialled_rarely);
	RUN(a_peer_that_was_up_is_dialled_as_ever);
	RUN(only_our_dials_hear_of_a_configuration);
	RUN(no_dial_while_a_choice_may_come);
	RUN(stale_numbers_without_end_are_no_storm);
	RUN(a_peer_that_acknowledges_nothing_costs_little);
	RUN(not_believed_where_nobody_listens);
	RUN(a_strange_incarnation_cannot_end_our_dials);
	RUN(a_strange_incarnation_does_not_keep_us_from_dialling);
	RUN(hellos_without_waiting_for_an_answer);
	RUN(half_a_long_message);
	RUN(not_named_by_membership);
	return check_done();
}
