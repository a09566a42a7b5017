/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a core does in time: acknowledgements that are due, silence and stalls,
 * pauses, waits at the end, and what is left behind by a link, a life, or a peer that has gone.
 * Random schedules are the simulator's.
 */
#include "tests/rig.h"

#define FIRST 0xfffffffe

static void feed_bytes(struct wire *w, unsigned from, uint32_t seq, size_t n)
{
	static uint8_t buf[70000];

	feed(w, buf, wire_put_msg(buf, from, seq, n) + n);
}

static void queue(unsigned id, const char *text)
{
	struct span part = { (const uint8_t *)text, strlen(text) };

	CHECK_EQ(session_send(rig->session[id], &part, 1, part.n, NULL), 0);
	session_kick(rig->session[id]);
	settle();
}

/* ---- acknowledgements ---- */

static void acks_come_in_their_time(void)
{
	struct wire *high;

	both_up(&high);
	acked_on(high);
	feed_bytes(high, HIGH, FIRST, 10);
	CHECK_EQ(acked_on(high), 0);
	pass(4);
	CHECK_EQ(acked_on(high), 0);
	pass(2);
	CHECK_EQ(acked_on(high), FIRST + 1);
	pass(100);
	CHECK_EQ(acked_on(high), 0);		/* once is enough */
	end();
}

static void enough_bytes_are_acknowledged_at_once(void)
{
	struct wire *high;

	both_up(&high);
	acked_on(high);
	feed_bytes(high, HIGH, FIRST, RING / 8);
	CHECK_EQ(acked_on(high), 0);
	feed_bytes(high, HIGH, FIRST + 1, RING / 8);	/* a quarter of what the peer can have */
	CHECK_EQ(acked_on(high), (uint32_t)(FIRST + 2));
	feed_bytes(high, HIGH, (uint32_t)(FIRST + 2), RING / 8);
	CHECK_EQ(acked_on(high), 0);
	end();
}

static void enough_frames_are_acknowledged_at_once(void)
{
	struct wire *high;
	uint32_t i;

	both_up(&high);
	acked_on(high);
	for (i = 0; i < 255; i++)
		feed_bytes(high, HIGH, FIRST + i, 1);
	CHECK_EQ(acked_on(high), 0);
	feed_bytes(high, HIGH, FIRST + i, 1);
	CHECK_EQ(acked_on(high), FIRST + i + 1);
	end();
}

static void a_short_sender_is_answered_at_once(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	acked_on(high);
	feed_bytes(high, HIGH, FIRST, 10);
	CHECK_EQ(acked_on(high), 0);
	feed(high, buf, wire_put_status(buf, HIGH, WIRE_STATUS_SHORT));
	CHECK_EQ(acked_on(high), FIRST + 1);
	end();
}

/* What was acknowledged on the old link alone is owed on the new one, whose HELLO is older. */
static void a_resume_owes_what_its_hello_did_not_say(void)
{
	struct wire *high, *low = both_up(&high), *next;
	struct hello h = hello_of(LOW, 77);

	next = incoming(LOW);
	feed_hello(next, LOW, &h);		/* ours goes out: nothing has arrived */
	feed_bytes(low, LOW, FIRST, 10);
	pass(6);
	CHECK_EQ(acked_on(low), FIRST + 1);
	h.gen = ++gen_of[LOW];
	h.flags = WIRE_HELLO_CHOSEN;
	feed_hello(next, LOW, &h);
	CHECK(low->gone && !next->gone && rig->peer[LOW].up == &next->link);
	pass(6);
	CHECK_EQ(acked_on(next), FIRST + 1);
	end();
}

/* ---- silence ---- */

/* On a new link, with something under way, nothing is heard: it is reset. */
static void stalls(uint32_t next)
{
	struct wire *w = link_from(HIGH, next);

	CHECK(rig->peer[HIGH].up == &w->link);
	for (int i = 0; i < 19; i++)
		pass(1000);
	CHECK(!w->gone);
	pass(1500);
	CHECK(w->gone);
}

static void stalls_in_a_row_ask_for_fencing(void)
{
	uint8_t buf[64];
	struct wire *high, *w;

	both_up(&high);
	rig->no_dials = true;
	queue(HIGH, "one");
	queue(HIGH, "two");
	link_dead(&high->link, false);
	settle();
	for (unsigned i = 0; i < 4; i++)
		stalls(FIRST);
	CHECK_EQ(rig->fences, 0);
	w = link_from(HIGH, FIRST);
	feed(w, buf, wire_put_ack(buf, HIGH, FIRST + 1));	/* it lives: from the beginning */
	link_dead(&w->link, false);
	settle();
	for (unsigned i = 0; i < 4; i++)
		stalls(FIRST + 1);
	CHECK_EQ(rig->fences, 0);
	stalls(FIRST + 1);
	CHECK_EQ(rig->fences, 1);
	end();
}

static void an_idle_peer_is_not_fenced(void)
{
	struct wire *high;

	both_up(&high);
	rig->no_dials = true;
	link_dead(&high->link, false);
	settle();
	for (unsigned i = 0; i < 8; i++)
		stalls(FIRST);
	CHECK_EQ(rig->fences, 0);
	end();
}

static void after_our_pause_silence_begins_anew(void)
{
	struct wire *high;

	both_up(&high);
	session_pause(rig->session[HIGH], true);
	for (int i = 0; i < 60; i++)
		pass(1000);
	session_pause(rig->session[HIGH], false);
	settle();
	for (int i = 0; i < 19; i++)
		pass(1000);
	CHECK(!high->gone);
	pass(1500);
	CHECK(high->gone);
	end();
}

/* Frames of the peer, of whatever kind, are what keeps a link. */
static void any_frame_is_a_sign_of_life(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	for (unsigned i = 0; i < 6; i++) {
		pass(15000);
		CHECK(!high->gone);
		if (i % 3 == 0)
			feed(high, buf, wire_put_ack(buf, HIGH, FIRST));
		else if (i % 3 == 1)
			feed(high, buf, wire_put_status(buf, HIGH, 0));
		else
			feed_bytes(high, HIGH, FIRST + i / 3, 10);
	}
	CHECK(!high->gone);
	end();
}

static void silence_is_answered_by_keepalives(void)
{
	struct wire *high;

	both_up(&high);
	acked_on(high);
	pass(3000);
	CHECK_EQ(high->read, high->n_out);
	pass(2100);
	CHECK_EQ(acked_on(high), FIRST);
	end();
}

/* ---- pauses ---- */

static void a_pause_is_told_and_taken_back(void)
{
	struct wire *high;
	struct frame f;
	uint32_t flags = 99;

	both_up(&high);
	acked_on(high);
	session_pause(rig->session[HIGH], true);
	settle();
	CHECK(next_frame(high, &f) && f.nextcmd == WIRE_STATUS);
	CHECK(!frame_status(&f, &flags) && flags == WIRE_STATUS_RX_PAUSED);
	session_pause(rig->session[HIGH], false);
	settle();
	CHECK(next_frame(high, &f) && f.nextcmd == WIRE_STATUS);
	CHECK(!frame_status(&f, &flags) && flags == 0);
	end();
}

/* And one that lasts is told on the next link, too. */
static void what_a_peer_said_of_its_pause_ends_with_the_link(void)
{
	uint8_t buf[64];
	struct wire *high;
	struct session *s;
	struct frame f;
	bool told = false;

	both_up(&high);
	s = rig->session[HIGH];
	feed(high, buf, wire_put_status(buf, HIGH, WIRE_STATUS_RX_PAUSED));
	CHECK(s->peer_paused);
	session_pause(s, true);
	link_dead(&high->link, false);
	settle();
	high = link_from(HIGH, FIRST);
	CHECK(!s->peer_paused);
	while (next_frame(high, &f))
		told |= f.nextcmd == WIRE_STATUS;
	CHECK(told);
	end();
}

/* ---- ends ---- */

static void a_kept_link_is_not_kept_for_ever(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	peer_failed(&rig->peer[LOW], 0);
	core_close(&rig->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	CHECK_EQ(rig->end[HIGH], SESSION_CLOSED);
	for (int i = 0; i < 19; i++)
		pass(1000);
	CHECK(!high->gone && !rig->closed);
	pass(1500);
	CHECK(high->gone && !rig->closed);
	for (int i = 0; i < 4; i++)
		pass(1000);
	CHECK(rig->closed);
	end();
}

static void one_link_of_a_life_is_held(void)
{
	struct hello h = hello_of(HIGH, 77);
	struct wire *w[3];

	begin(false);
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
	end();
}

/* The block is the caller's again, whatever it had asked for. */
static void a_removed_peer_is_not_looked_at(void)
{
	struct wire *high;

	begin(true);
	peer_remove(&rig->peer[LOW]);
	rig->no_dials = true;
	memset(&rig->peer[LOW], 0xa5, sizeof rig->peer[LOW]);
	settle();
	pass(5000);
	CHECK(!rig->up[LOW]);
	end();
	both_up(&high);
	rig->no_dials = true;
	session_pause(rig->session[HIGH], true);
	peer_remove(&rig->peer[HIGH]);
	CHECK(!peer_find(&rig->core, HIGH) && peer_find(&rig->core, LOW));
	settle();
	CHECK(high->gone);
	CHECK_EQ(rig->end[HIGH], SESSION_REMOVED);
	memset(&rig->peer[HIGH], 0xa5, sizeof rig->peer[HIGH]);
	pass(30000);
	end();
}

int main(void)
{
	RUN(acks_come_in_their_time);
	RUN(enough_bytes_are_acknowledged_at_once);
	RUN(enough_frames_are_acknowledged_at_once);
	RUN(a_short_sender_is_answered_at_once);
	RUN(a_resume_owes_what_its_hello_did_not_say);
	RUN(stalls_in_a_row_ask_for_fencing);
	RUN(an_idle_peer_is_not_fenced);
	RUN(after_our_pause_silence_begins_anew);
	RUN(any_frame_is_a_sign_of_life);
	RUN(silence_is_answered_by_keepalives);
	RUN(a_pause_is_told_and_taken_back);
	RUN(what_a_peer_said_of_its_pause_ends_with_the_link);
	RUN(a_kept_link_is_not_kept_for_ever);
	RUN(one_link_of_a_life_is_held);
	RUN(a_removed_peer_is_not_looked_at);
	return check_done();
}
