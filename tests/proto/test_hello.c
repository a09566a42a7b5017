/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what comes before a link is up: strangers, garbage, silence,
 * dead incarnations, two claimants, membership. Random schedules are the simulator's.
 */
#include "tests/lib/core_fixture.h"

struct stranger {
	const char *what;
	void (*change)(struct hello *h, unsigned *nodeid, unsigned *from);
	uint32_t reason;
};

static void other_cluster(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	strcpy(h->cluster, "other");
}

static void other_group(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	strcpy(h->group, "other");
}

static void newer_version(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	h->vmin = 2;
	h->vmax = 3;
}

static void wants_security(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	h->required = WIRE_FEATURE_SECURITY;
}

static void unknown_nodeid(struct hello *h, unsigned *n, unsigned *f)
{
	(void)h, (void)f;
	*n = 9;
}

static void other_nodes_address(struct hello *h, unsigned *n, unsigned *f)
{
	(void)h, (void)n;
	*f = HIGH;
}

static void our_nodeid(struct hello *h, unsigned *n, unsigned *f)
{
	(void)h, (void)f;
	*n = SELF;
}

static void tiny_frames(struct hello *h, unsigned *n, unsigned *f)
{
	(void)n, (void)f;
	h->maxframe = 16;
}

static void strangers_are_refused(void)
{
	static const struct stranger table[] = {
		{ "cluster", other_cluster, WIRE_REFUSE_CLUSTER },
		{ "group", other_group, WIRE_REFUSE_CLUSTER },
		{ "version", newer_version, WIRE_REFUSE_VERSION },
		{ "feature", wants_security, WIRE_REFUSE_FEATURE },
		{ "nodeid", unknown_nodeid, WIRE_REFUSE_IDENTITY },
		{ "address", other_nodes_address, WIRE_REFUSE_IDENTITY },
		{ "our own nodeid", our_nodeid, WIRE_REFUSE_IDENTITY },
		{ "maxframe", tiny_frames, WIRE_REFUSE_PROTOCOL },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		unsigned nodeid = LOW, from = LOW;
		struct hello h = hello_of(LOW, 0);
		struct wire *w, *high;

		both_up(&high);
		table[i].change(&h, &nodeid, &from);
		h.mine++;
		w = incoming(from);
		feed_hello(w, nodeid, &h);
		CHECK(w->gone);
		CHECK_EQ(w->how, LINK_ORDERLY);
		CHECK_EQ(refused_for(w), table[i].reason);
		CHECK_EQ(fx->down[LOW], 0);
		CHECK(strstr(fx->notes, wire_reason_name(table[i].reason)));
		unharmed(high, HIGH, 0xfffffffe);
	}
}

static void not_a_hello_is_dropped(void)
{
	uint8_t buf[600] = { 0 };
	struct {
		const char *what;
		size_t n;
		size_t length;
		uint32_t version;
	} table[] = {
		{ "zeroes", 16, 0, 0 },
		{ "length 0", 16, 0, WIRE_VERSION_3_2 },
		{ "length 15", 16, 15, WIRE_VERSION_3_2 },
		{ "length 16", 16, 16, WIRE_VERSION_3_2 },
		{ "length 65535", 16, 65535, WIRE_VERSION_3_2 },
		{ "over what may come before HELLO", 600, 513, WIRE_VERSION_3_2 },
		{ "another version", 16, 16, 0x00040000 },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct wire *w, *high;

		both_up(&high);
		memset(buf, 0, sizeof buf);
		wire_put_header(buf, table[i].version, 0, LOW, table[i].length, WIRE_ACK);
		w = incoming(LOW);
		feed(w, buf, table[i].n);
		CHECK(w->gone);
		CHECK(strstr(fx->notes, "protocol violation"));
		unharmed(high, HIGH, 0xfffffffe);
	}
}

static void silence_is_bounded(void)
{
	struct wire *silent, *high;

	both_up(&high);
	silent = incoming(LOW);
	pass(1999);
	CHECK(!silent->gone);
	pass(2);
	CHECK(silent->gone);
	CHECK(strstr(fx->notes, "waiting for HELLO"));
	CHECK(!high->gone);
}

static void hello_cut_at_every_byte(void)
{
	uint8_t buf[WIRE_CONTROL_MAX];
	struct hello h = hello_of(LOW, 0);
	size_t n = wire_put_hello(buf, LOW, &h);

	for (size_t cut = 1; cut < n; cut++) {
		struct wire *w;

		fixture_begin(true);
		w = incoming(LOW);
		feed(w, buf, cut);
		CHECK(!w->gone);
		CHECK_EQ(w->n_out, 0);
		link_dead(&w->link, false);
		settle();
		w = incoming(LOW);
		feed_by(w, buf, n, 1);
		CHECK(!w->gone && w->n_out > 0);
	}
}

/* A newcomer is told nothing while the old one is alive, and refused when both stay (R20). */
static void two_claimants(void)
{
	struct wire *high, *first, *w;
	struct hello h = hello_of(HIGH, 0);
	uint8_t buf[64];

	both_up(&high);
	h.mine = 5555;
	first = incoming(HIGH);
	feed_hello(first, HIGH, &h);
	CHECK(!first->gone && first->link.state == LINK_GUARDED);
	CHECK_EQ(first->n_out, 0);
	pass(1000);
	feed(high, buf, wire_put_ack(buf, HIGH, 0xfffffffe));
	h.yours = 77;				/* naming us does not help it */
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->gone);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_CLAIMED);
	CHECK(strstr(fx->notes, "two programs claim"));
	CHECK_EQ(fx->down[HIGH], 0);
	unharmed(high, HIGH, 0xfffffffe);
}

static void silent_old_incarnation_gives_way(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 0);

	both_up(&high);
	h.mine = 5555;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->link.state == LINK_GUARDED);
	pass(7499);
	CHECK_EQ(w->n_out, 0);
	pass(2);				/* nothing more from the old one: challenged */
	CHECK(!w->gone && w->n_out > 0);
	CHECK_EQ(fx->down[HIGH], 0);
	h.yours = 77;
	feed_hello(w, HIGH, &h);
	CHECK_EQ(fx->down[HIGH], 1);
	CHECK_EQ(fx->end[HIGH], SESSION_SUPERSEDED);
	CHECK_EQ(fx->up[HIGH], 2);
	CHECK(!w->gone && high->gone);
}

/* A link that broke a moment ago may come back: a new incarnation waits exactly that long. */
static void a_new_incarnation_waits_for_a_comeback(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 0);

	both_up(&high);
	link_dead(&high->link, false);
	settle();
	h.mine = 5555;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);		/* challenged */
	h.yours = 77;
	feed_hello(w, HIGH, &h);
	CHECK_EQ(w->link.state, LINK_HELD);
	pass(fx->core.cfg.comeback_ns / 1000000 - 1);
	CHECK(w->link.state == LINK_HELD && !fx->down[HIGH]);
	pass(1);
	CHECK(!w->gone);
	CHECK_EQ(fx->down[HIGH], 1);
	CHECK_EQ(fx->end[HIGH], SESSION_SUPERSEDED);
}

static void told_that_we_failed(void)
{
	struct wire *high, *low = both_up(&high);
	struct refuse r = { .mine = incarnation(LOW), .yours = 76, .reason = WIRE_REFUSE_FAILED };

	feed_refuse(low, LOW, &r);	/* an older incarnation of ours */
	CHECK(!fx->renew);
	low = link_from(LOW, 0xfffffffe);
	r.yours = 77;
	feed_refuse(low, LOW, &r);
	CHECK(fx->renew);
	core_renew(&fx->core, 78);
	settle();
	CHECK_EQ(fx->end[LOW], SESSION_RENEWED);
	CHECK_EQ(fx->end[HIGH], SESSION_RENEWED);
	CHECK(high->gone);
}

static void membership_admits(void)
{
	struct wire *w;
	struct hello h = hello_of(HIGH, 77);

	fixture_begin(false);
	settle();
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->link.state == LINK_HELD);
	CHECK_EQ(fx->up[HIGH], 0);
	peer_added(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	CHECK_EQ(fx->up[HIGH], 1);
	peer_left(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	CHECK_EQ(fx->end[HIGH], SESSION_LEFT);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_FAILED);
}

static void hello_says_that_we_leave(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 77), ours = { 0 };
	struct frame f;

	both_up(&high);
	core_close(&fx->core);
	settle();
	link_dead(&high->link, false);
	settle();
	w = incoming(HIGH);
	h.gen = latest_choice(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(next_frame(w, &f));
	CHECK_EQ(frame_hello(&f, &ours), 0);
	CHECK_EQ(ours.flags, WIRE_HELLO_CHOSEN | WIRE_HELLO_LEAVING);
}

/* ---- the last ACK (R24) ---- */

/* Both FINs are exchanged, we sent the last ACK, and its link breaks: was it seen? */
static void last_ack_in_doubt(struct wire *w)
{
	uint8_t buf[64];

	core_close(&fx->core);
	settle();
	feed(w, buf, wire_put_ack(buf, HIGH, 0xffffffff));
	feed(w, buf, wire_put_fin(buf, HIGH, 0xfffffffe));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK_EQ(w->link.state, LINK_LAST_ACK);
	fx->dial[HIGH] = NULL;
	link_dead(&w->link, false);
	settle();
}

static struct wire *closing_with_high(void)
{
	struct wire *high, *low = both_up(&high);

	session_abort(fx->session[LOW]);
	settle();
	link_dead(&low->link, true);
	return high;
}

static void the_question_names_the_incarnation(void)
{
	struct hello ours = { 0 };
	struct frame f;
	struct wire *w;

	last_ack_in_doubt(closing_with_high());
	pass(30);
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(w && next_frame(w, &f));
	CHECK_EQ(frame_hello(&f, &ours), 0);
	CHECK_EQ(ours.yours, incarnation(HIGH));
	CHECK_EQ(ours.next, 0xffffffff);
	CHECK(!fx->closed);
}

/* Bare connections do not hold a closing node: a HELLO of that incarnation does. */
static void only_that_incarnation_holds_us(void)
{
	for (unsigned says = 0; says < 2; says++) {
		struct hello h = hello_of(HIGH, 77);

		last_ack_in_doubt(closing_with_high());
		fx->no_dials = true;
		for (unsigned t = 0; t < 4000; t += 500) {
			struct wire *w = incoming(HIGH);

			if (says)
				feed_hello(w, HIGH, &h);
			if (!w->gone)
				link_dead(&w->link, true);
			pass(500);
		}
		CHECK_EQ(fx->closed, !says);
		pass(3100);
		CHECK(fx->closed);
	}
}

/* The one that we wait for is over when another answers our own dial; not when one dials. */
static void a_new_incarnation_ends_the_wait(void)
{
	for (unsigned dialled = 0; dialled < 2; dialled++) {
		struct hello h = hello_of(HIGH, 77);
		struct wire *w;

		h.mine = 5555;
		last_ack_in_doubt(closing_with_high());
		pass(30);
		w = dialled ? fx->dial[HIGH] : incoming(HIGH);
		CHECK_OR_RETURN(w != NULL);
		feed_hello(w, HIGH, &h);
		pass(10);
		CHECK_EQ(fx->closed, dialled);
	}
}

/* One that failed while only our FIN was open counts as clean, but is dead (R18, R19). */
static void failed_in_last_ack(void)
{
	uint8_t buf[64];
	struct wire *w;
	struct hello h = hello_of(HIGH, 77);

	fixture_begin(false);
	settle();
	peer_added(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	peer_leaving(&fx->peer[HIGH], incarnation(HIGH));
	feed(w, buf, wire_put_fin(buf, HIGH, 0xfffffffe));
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_LAST_ACK);
	peer_failed(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_FAILED);
}

/* That a new incarnation names us proves nothing of the old one, until it answers us (R20). */
static void a_name_is_no_proof(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 77);

	both_up(&high);
	link_dead(&high->link, false);
	settle();
	h.mine = 5555;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(!w->gone && w->n_out > 0);
	CHECK_EQ(fx->down[HIGH], 0);
	feed_hello(w, HIGH, &h);
	/* The old one may come back: it has lost its link, no more. */
	CHECK_EQ(fx->down[HIGH], 0);
	CHECK_EQ(w->link.state, LINK_HELD);
	pass(251);
	CHECK_EQ(fx->down[HIGH], 1);
	CHECK_EQ(fx->end[HIGH], SESSION_SUPERSEDED);
	CHECK_EQ(fx->up[HIGH], 2);
}

/* It takes that link for its own already: it has to dial again, and is asked for proof then. */
static void a_choice_without_proof_is_shut(void)
{
	struct wire *high, *low, *w;
	struct hello h = hello_of(LOW, 77);

	low = both_up(&high);
	h.mine = 5555;
	h.flags = WIRE_HELLO_CHOSEN;
	h.gen = 1;
	w = incoming(LOW);
	feed_hello(w, LOW, &h);
	/* Beside a session that is there it waits. */
	CHECK_EQ(w->link.state, LINK_GUARDED);
	link_dead(&low->link, false);
	pass(1);
	CHECK(w->gone);
	CHECK_EQ(w->n_out, 0);
	CHECK_EQ(fx->down[LOW], 0);
	unharmed(high, HIGH, 0xfffffffe);
}

static void a_closing_node_opens_nothing(void)
{
	struct wire *w;
	struct hello h = hello_of(HIGH, 77);

	gen_of[LOW] = 0;
	fixture_begin(true);
	settle();
	link_from(LOW, 0xfffffffe);
	core_close(&fx->core);
	settle();
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_LEAVING);
	CHECK_EQ(fx->up[HIGH], 0);
	CHECK(!fx->peer[HIGH].session);
}

/* R9, R25: the position of a dial that was given up may have been acknowledged since. */
static void a_late_hello_is_no_fault(void)
{
	struct wire *high, *low, *w;
	struct hello h = hello_of(HIGH, 77);
	uint8_t ack[WIRE_HEADER];
	struct session *s;

	low = both_up(&high);
	send_one(HIGH);
	feed(high, ack, wire_put_ack(ack, HIGH, 0xffffffff));
	link_dead(&high->link, false);
	high = link_from(HIGH, 0xffffffff);
	CHECK_EQ(high->link.state, LINK_UP);
	s = fx->peer[HIGH].session;
	h.next = 0xfffffffe;
	h.gen = s->gen;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_PROTOCOL);
	CHECK_EQ(s->n.faults, 0);
	CHECK_EQ(fx->core.faults, 0);
	CHECK(!high->gone);
	/* No honest peer asks for a number that was never sent. */
	h.next = 5;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_PROTOCOL);
	CHECK_EQ(s->n.faults, 1);
	unharmed(low, LOW, 0xfffffffe);
}

/* D's present choice began at a position: what lies before it is acknowledged (R9). */
static void what_lies_before_a_choice(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 77);
	uint8_t ack[WIRE_HEADER];

	both_up(&high);
	core_quorum(&fx->core, true);
	send_one(HIGH);
	feed(high, ack, wire_put_ack(ack, HIGH, 0xffffffff));
	h.next = 0xfffffffd;
	h.gen = latest_choice(HIGH);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->gone && !high->gone);
	unharmed(high, HIGH, 0xfffffffe);
}

/* Two incarnations that show themselves one after the other: each is judged by its own time. */
static void a_third_incarnation_is_no_second_one(void)
{
	struct wire *high, *w;
	struct hello h = hello_of(HIGH, 0);
	uint8_t buf[64];

	both_up(&high);
	h.mine = 5555;
	feed_hello(incoming(HIGH), HIGH, &h);
	pass(1000);
	feed(high, buf, wire_put_ack(buf, HIGH, 0xfffffffe));
	h.mine = 6666;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(!w->gone && w->link.state == LINK_GUARDED);
}

/* Our HELLO named the incarnation before it: the position in that is none of its own (R4). */
static void a_choice_upon_the_name_of_another(void)
{
	struct hello plain = hello_of(LOW, 77), h = plain;
	struct wire *w;
	uint8_t buf[64];

	fixture_begin(false);
	settle();
	peer_added(&fx->peer[LOW], incarnation(LOW));
	settle();
	h.flags = WIRE_HELLO_CHOSEN;
	h.gen = 1;
	w = incoming(LOW);
	feed_hello(w, LOW, &plain);
	feed_hello(w, LOW, &h);
	CHECK_EQ(fx->up[LOW], 1);
	feed(w, buf, put_message(buf, LOW, 0xfffffffe, "one"));
	CHECK_EQ(fx->session[LOW]->expected, 0xffffffff);
	link_dead(&w->link, false);
	settle();
	w = fx->dial[LOW];
	CHECK_OR_RETURN(CHECK(w && w->link.told.whom == incarnation(LOW)));
	h.mine = 5555;
	peer_added(&fx->peer[LOW], 5555);
	settle();
	feed_hello(w, LOW, &h);
	CHECK(w->gone);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_PROTOCOL);
	CHECK(!fx->peer[LOW].up);
}

int main(void)
{
	RUN(strangers_are_refused);
	RUN(not_a_hello_is_dropped);
	RUN(silence_is_bounded);
	RUN(hello_cut_at_every_byte);
	RUN(two_claimants);
	RUN(silent_old_incarnation_gives_way);
	RUN(a_new_incarnation_waits_for_a_comeback);
	RUN(told_that_we_failed);
	RUN(membership_admits);
	RUN(hello_says_that_we_leave);
	RUN(the_question_names_the_incarnation);
	RUN(only_that_incarnation_holds_us);
	RUN(a_new_incarnation_ends_the_wait);
	RUN(failed_in_last_ack);
	RUN(a_name_is_no_proof);
	RUN(a_choice_without_proof_is_shut);
	RUN(a_closing_node_opens_nothing);
	RUN(a_late_hello_is_no_fault);
	RUN(what_lies_before_a_choice);
	RUN(a_third_incarnation_is_no_second_one);
	RUN(a_choice_upon_the_name_of_another);
	return check_done();
}
