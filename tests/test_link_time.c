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

/* The peer reads nothing: what it is told waits, and has its bound. */
static void acks_wait_for_room(void)
{
	struct wire *high;
	uint32_t n = 4 * LINK_CTL_MAX / WIRE_HEADER;

	both_up(&high);
	acked_on(high);
	rig->no_room = true;
	for (uint32_t i = 0; i < n; i++) {
		feed_bytes(high, HIGH, FIRST + i, 1);
		pass(6);
	}
	CHECK(!high->gone);
	rig->no_room = false;
	gather(high);
	CHECK_EQ(acked_on(high), FIRST + n);
	end();
}

/* What does not fit a frame of the peer's goes as fragments. */
static void a_peer_of_short_frames(void)
{
	static const uint8_t body[4000];
	struct hello h = hello_of(HIGH, 0);
	struct span part = { body, sizeof body };
	struct session *s;
	struct wire *w;
	struct frame f;

	begin(true);
	settle();
	core_quorum(&rig->core, true);
	h.maxframe = 2000;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	h.yours = 77;
	h.gen = latest_choice(HIGH);
	feed_hello(w, HIGH, &h);
	s = rig->session[HIGH];
	CHECK_OR_RETURN(s && w->link.state == LINK_UP);
	CHECK(!session_send_plain(s, body, 2000 - WIRE_MSG_OVERHEAD + 1));
	CHECK(session_send_plain(s, body, 2000 - WIRE_MSG_OVERHEAD));
	CHECK_EQ(session_send(s, &part, 1, sizeof body, NULL), 0);
	session_kick(s);
	settle();
	while (next_frame(w, &f))
		CHECK(f.length <= 2000);
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

/* With another path to go to, silence has to be noticed sooner. */
static void several_paths_are_kept_alive_more_often(void)
{
	struct path_addr addrs[2] = { address(HIGH), address(HIGH) };
	struct wire *high;

	addrs[1].ip[14] = 1;
	both_up(&high);
	peer_addrs(&rig->peer[HIGH], addrs, 2);
	settle();
	acked_on(high);
	pass(rig->core.cfg.keepalive_multi_ns / 2000000);
	CHECK_EQ(high->read, high->n_out);
	pass(rig->core.cfg.keepalive_multi_ns / 2000000);
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

/* STATUS frames that came out of it since; *ret_flags: of the last one. */
static unsigned statuses(struct wire *w, uint32_t *ret_flags)
{
	struct frame f;
	unsigned n = 0;

	while (next_frame(w, &f))
		n += f.nextcmd == WIRE_STATUS && !frame_status(&f, ret_flags);
	return n;
}

static void a_pause_is_told_once(void)
{
	struct wire *high;
	uint32_t flags;

	both_up(&high);
	for (unsigned i = 0; i < 3; i++) {
		session_pause(rig->session[HIGH], true);
		settle();
	}
	CHECK_EQ(statuses(high, &flags), 1);
	end();
}

/* A keep-alive that becomes due meanwhile must not take it back. */
static void the_end_of_a_pause_waits_for_room(void)
{
	struct wire *high;
	uint32_t flags = 99;

	both_up(&high);
	session_pause(rig->session[HIGH], true);
	settle();
	CHECK_EQ(statuses(high, &flags), 1);
	rig->no_room = true;
	core_now(&rig->core, rig->core.now_ns + rig->core.cfg.keepalive_ns);
	rig->session[HIGH]->peer->up->last_rx_ns = rig->core.now_ns;
	session_pause(rig->session[HIGH], false);
	core_tick(&rig->core);
	rig->no_room = false;
	settle();
	CHECK(statuses(high, &flags) > 0);
	CHECK_EQ(flags, 0);
	end();
}

/* A sender is short of room when more than three quarters of its queue are taken. */
static void short_is_more_than_three_quarters(void)
{
	static const uint8_t body[RING / 64 - WIRE_MSG_OVERHEAD];
	struct span part = { body, sizeof body };
	struct wire *high;
	uint32_t flags = 99;

	both_up(&high);
	core_quorum(&rig->core, true);
	statuses(high, &flags);
	for (unsigned i = 0; i < 48; i++)
		CHECK_EQ(session_send(rig->session[HIGH], &part, 1, sizeof body, NULL), 0);
	session_kick(rig->session[HIGH]);
	settle();
	CHECK_EQ(ring_bytes_queued(&rig->session[HIGH]->ring), RING / 4 * 3);
	session_pause(rig->session[HIGH], true);
	settle();
	CHECK_EQ(statuses(high, &flags), 1);
	CHECK_EQ(flags, WIRE_STATUS_RX_PAUSED);
	CHECK_EQ(session_send(rig->session[HIGH], &part, 1, 1, NULL), 0);
	session_kick(rig->session[HIGH]);
	settle();
	session_pause(rig->session[HIGH], false);
	settle();
	CHECK_EQ(statuses(high, &flags), 1);
	CHECK_EQ(flags, WIRE_STATUS_SHORT);
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

/* Our last ACK to HIGH may be lost: its redial is waited for. */
static struct wire *last_ack_in_doubt(void)
{
	uint8_t buf[64];
	struct wire *high;

	both_up(&high);
	rig->dials_hang = true;
	core_close(&rig->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	feed(high, buf, wire_put_fin(buf, HIGH, FIRST));
	CHECK_EQ(rig->end[HIGH], SESSION_CLOSED);
	CHECK_EQ(core_peer_over_at(&rig->peer[HIGH]), CORE_NEVER);	/* the kept link tells */
	link_dead(&high->link, false);
	settle();
	CHECK(core_peer_over_at(&rig->peer[HIGH]) > rig->core.now_ns);
	return high;
}

/* The dial that asks is answered by a machine where nobody listens. */
static bool nobody_listens(void)
{
	struct wire *w;

	rig->dial[HIGH] = NULL;
	for (unsigned i = 0; i < 50 && !rig->dial[HIGH]; i++)
		pass(20);
	w = rig->dial[HIGH];
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
	p = &rig->peer[HIGH];
	CHECK(nobody_listens());
	CHECK(core_peer_over_at(p) > rig->core.now_ns);
	/* A new doubt begins anew. */
	peer_owes(p, life(HIGH));
	CHECK(nobody_listens());
	CHECK(core_peer_over_at(p) > rig->core.now_ns);
	CHECK(nobody_listens());
	CHECK(core_peer_over_at(p) <= rig->core.now_ns);
	end();
}

/* While there is a session nothing is over, whatever its link does. */
static void a_session_without_a_link_is_not_over(void)
{
	struct wire *high;

	both_up(&high);
	rig->no_dials = true;
	link_dead(&high->link, false);
	settle();
	CHECK(rig->session[HIGH]);
	CHECK_EQ(core_peer_over_at(&rig->peer[HIGH]), CORE_NEVER);
	end();
}

/* Membership took the life away: nobody is dialled for it. */
static void a_life_that_failed_is_not_dialled(void)
{
	struct wire *w;

	begin(false);
	peer_added(&rig->peer[HIGH], life(HIGH));
	settle();
	pass(1000);
	CHECK(rig->dial[HIGH]);
	w = rig->dial[HIGH];
	peer_failed(&rig->peer[HIGH], life(HIGH));
	settle();
	for (unsigned i = 0; i < 60; i++)
		pass(1000);
	CHECK(rig->dial[HIGH] == w);
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
	RUN(acks_wait_for_room);
	RUN(a_peer_of_short_frames);
	RUN(stalls_in_a_row_ask_for_fencing);
	RUN(an_idle_peer_is_not_fenced);
	RUN(after_our_pause_silence_begins_anew);
	RUN(any_frame_is_a_sign_of_life);
	RUN(silence_is_answered_by_keepalives);
	RUN(several_paths_are_kept_alive_more_often);
	RUN(a_pause_is_told_and_taken_back);
	RUN(a_pause_is_told_once);
	RUN(the_end_of_a_pause_waits_for_room);
	RUN(short_is_more_than_three_quarters);
	RUN(what_a_peer_said_of_its_pause_ends_with_the_link);
	RUN(a_kept_link_is_not_kept_for_ever);
	RUN(two_refusals_end_the_wait);
	RUN(a_session_without_a_link_is_not_over);
	RUN(a_life_that_failed_is_not_dialled);
	RUN(one_link_of_a_life_is_held);
	RUN(a_removed_peer_is_not_looked_at);
	return check_done();
}
