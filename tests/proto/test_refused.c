/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of REFUSE{LEAVING}: a peer that closes has none of the session that we have with
 * it (R23). Random schedules are the simulator's.
 */
#include "tests/lib/core_fixture.h"

static struct refuse leaving_of(unsigned id)
{
	return (struct refuse) { .mine = incarnation(id), .yours = 77,
				 .reason = WIRE_REFUSE_LEAVING };
}

static uint64_t cap_ms(void)
{
	return fx->core.cfg.backoff_max_ns / 1000000;
}

/* A new dial of ours to that peer, within the longest pause; NULL: none. */
static struct wire *next_dial(unsigned id)
{
	fx->dial[id] = NULL;
	pass(cap_ms() * 5 / 4 + 1);
	CHECK(fx->dial[id]);
	return fx->dial[id];
}

/* Our session, whose link was lost, and our next dial for it. */
static struct wire *dial_again(void)
{
	struct wire *high;

	both_up(&high);
	link_dead(&high->link, false);
	pass(1);
	return next_dial(HIGH);
}

/* The incarnation that the HELLO on our own dial names. */
static uint64_t named_by(struct wire *w)
{
	struct hello h = { 0 };
	struct frame f;

	CHECK(next_frame(w, &f));
	CHECK_EQ(frame_hello(&f, &h), 0);
	return h.yours;
}

static void is_over(unsigned id)
{
	const struct peer *p = &fx->peer[id];
	const struct tombstone *t = tombstones_find(&p->tombstones, incarnation(id));

	CHECK_EQ(fx->down[id], 1);
	CHECK_EQ(fx->end[id], SESSION_REFUSED);
	CHECK(!p->session && !p->up);
	CHECK(t && t->kind == TOMB_LEAVING);
	CHECK(!fx->renew);
}

/* It has read our choice, and refuses on that link. A message in it was delivered to nobody. */
static void on_the_link_that_is_up(unsigned id)
{
	struct refuse r = leaving_of(id);
	struct wire *high, *low = both_up(&high), *w = id == HIGH ? high : low;
	struct session *s = fx->session[id];

	send_one(id);
	feed_refuse(w, id, &r);
	CHECK(w->gone);
	is_over(id);
	CHECK_EQ(s->ring.acked_number, 0);
	CHECK(ring_in_flight(&s->ring));
	if (id == HIGH)
		unharmed(low, LOW, FIRST);
}

static void where_we_decide(void)
{
	on_the_link_that_is_up(HIGH);
}

static void where_it_decides(void)
{
	on_the_link_that_is_up(LOW);
}

/* That refusal was lost with the link: the next dial, which names the session, hears it again. */
static void on_our_dial(void)
{
	struct refuse r = leaving_of(HIGH);
	struct wire *w = dial_again();

	CHECK_OR_RETURN(w);
	CHECK_EQ(named_by(w), incarnation(HIGH));
	feed_refuse(w, HIGH, &r);
	CHECK(w->gone);
	is_over(HIGH);
	/* Its next incarnation may listen there soon. */
	w = next_dial(HIGH);
	CHECK_OR_RETURN(w);
	CHECK_EQ(named_by(w), 0);
}

/* A HELLO written before the refusal is read late: no session again, and no word to act on. */
static void a_late_hello_opens_nothing(void)
{
	struct refuse r = leaving_of(HIGH);
	struct hello h = hello_of(HIGH, 77);
	struct wire *high, *w;
	struct frame f;

	both_up(&high);
	feed_refuse(high, HIGH, &r);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->gone);
	CHECK_EQ(w->how, LINK_ORDERLY);
	CHECK_EQ(w->n_out, 0);
	w = next_dial(HIGH);
	CHECK_OR_RETURN(w);
	CHECK_EQ(named_by(w), 0);
	fx->dial[HIGH] = NULL;
	feed_hello(w, HIGH, &h);
	CHECK(w->gone);
	CHECK(!next_frame(w, &f));
	CHECK_EQ(fx->up[HIGH], 1);
	is_over(HIGH);
	pass(cap_ms() * 3 / 4 - 1);
	CHECK(!fx->dial[HIGH]);
	/* Another incarnation is welcome. */
	h.mine = 5555;
	h.flags = 0;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(!w->gone);
	CHECK_EQ(fx->up[HIGH], 2);
}

/* A link whose HELLO is held is shut without a word, too. */
static void other_links_hear_nothing(void)
{
	struct refuse r = leaving_of(HIGH);
	struct hello h = hello_of(HIGH, 0);
	struct wire *high, *w;
	uint8_t buf[64];

	both_up(&high);
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST));
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(w->link.state == LINK_GUARDED);
	feed_refuse(high, HIGH, &r);
	CHECK(w->gone);
	CHECK_EQ(w->n_out, 0);
	is_over(HIGH);
}

static void we_may_close_too(void)
{
	struct refuse r = leaving_of(HIGH);
	struct wire *high;

	both_up(&high);
	core_close(&fx->core);
	settle();
	CHECK_EQ(session_state(fx->session[HIGH]), FSM_FIN_WAIT1);
	feed_refuse(high, HIGH, &r);
	is_over(HIGH);
}

static void unmoved(const struct wire *w)
{
	CHECK(w->gone);
	CHECK_EQ(fx->down[HIGH], 0);
	CHECK(fx->peer[HIGH].session);
}

/* It says nobody's incarnation, another one than the session's, or another one than ours. */
static void both_must_be_named(void)
{
	const struct { uint64_t mine, yours; } table[] = {
		{ 0, 77 }, { 5555, 77 }, { incarnation(HIGH), 76 },
	};

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct refuse r = { .mine = table[i].mine, .yours = table[i].yours,
				    .reason = WIRE_REFUSE_LEAVING };
		struct wire *w = dial_again();

		CHECK_OR_RETURN(w);
		feed_refuse(w, HIGH, &r);
		unmoved(w);
	}
}

/* Anybody can dial us. */
static void an_accepted_link_proves_nothing(void)
{
	struct refuse r = leaving_of(HIGH);
	struct hello h = hello_of(HIGH, 0);
	struct wire *w = dial_again();

	CHECK_OR_RETURN(w);
	link_dead(&w->link, false);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK(!w->gone);
	feed_refuse(w, HIGH, &r);
	unmoved(w);
}

/* With membership it alone ends a session. */
static void membership_ends_it(void)
{
	struct refuse r = leaving_of(HIGH);
	struct wire *w;

	gen_of[LOW] = 0;
	fixture_begin(false);
	peer_added(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	w = link_from(HIGH, FIRST);
	CHECK_EQ(fx->up[HIGH], 1);
	feed_refuse(w, HIGH, &r);
	CHECK(w->gone);
	CHECK_EQ(fx->down[HIGH], 0);
	peer_left(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	CHECK_EQ(fx->end[HIGH], SESSION_LEFT);
}

int main(void)
{
	RUN(where_we_decide);
	RUN(where_it_decides);
	RUN(on_our_dial);
	RUN(a_late_hello_opens_nothing);
	RUN(other_links_hear_nothing);
	RUN(we_may_close_too);
	RUN(both_must_be_named);
	RUN(an_accepted_link_proves_nothing);
	RUN(membership_ends_it);
	return check_done();
}
