/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a core does in time: acknowledgements that are due, silence and stalls,
 * pauses; and of who may write what, and when. Random schedules are the simulator's.
 */
#include "tests/lib/core_fixture.h"

static void feed_bytes(struct wire *w, unsigned from, uint32_t seq, size_t n)
{
	static uint8_t buf[70000];

	feed(w, buf, wire_put_msg(buf, from, seq, n) + n);
}

static void queue(unsigned id, const char *text)
{
	struct span part = { (const uint8_t *)text, strlen(text) };

	CHECK_EQ(session_send(fx->session[id], &part, 1, part.n, NULL), 0);
	session_schedule(fx->session[id]);
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
}

/* An ACK written on the old link alone is owed on the new one, whose HELLO is older. */
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
	CHECK(low->gone && !next->gone && fx->peer[LOW].up == &next->link);
	pass(6);
	CHECK_EQ(acked_on(next), FIRST + 1);
}

/* The peer reads nothing: what it is told waits, and has its bound. */
static void acks_wait_for_room(void)
{
	struct wire *high;
	uint32_t n = 4 * LINK_CTL_MAX / WIRE_HEADER;

	both_up(&high);
	acked_on(high);
	fx->room = 0;
	for (uint32_t i = 0; i < n; i++) {
		feed_bytes(high, HIGH, FIRST + i, 1);
		pass(6);
	}
	CHECK(!high->gone);
	fx->room = SIZE_MAX;
	gather(high);
	CHECK_EQ(acked_on(high), FIRST + n);
}

/* A sender may write by itself where nothing but its message is to be done. */
static void a_sender_may_write_by_itself(void)
{
	struct wire *high, *low = both_up(&high);
	struct session *s = fx->session[HIGH];
	unsigned slot;
	uint8_t *p;

	CHECK(session_only_sends(s) == &high->link);
	link_mark_tx(&low->link);		/* the core asks for something else first */
	CHECK(!session_only_sends(s));
	settle();
	CHECK(session_only_sends(s) == &high->link);
	CHECK_EQ(session_reserve(s, 10, &p, &slot), 0);
	session_finish(s);			/* the FIN follows when the slot is given back */
	settle();
	CHECK_EQ(session_state(s), FSM_ESTABLISHED);
	CHECK(!session_only_sends(s));
	CHECK_EQ(ring_discard(&s->ring, slot), 0);
	link_dead(&high->link, false);
	settle();
	CHECK(!session_only_sends(s));
}

/* Serial numbers compare within half their range: a choice that lasts must not fall behind. */
static void a_choice_may_last(void)
{
	uint8_t buf[WIRE_HEADER];
	struct wire *high;
	struct session *s;

	both_up(&high);
	core_quorum(&fx->core, true);
	s = fx->session[HIGH];
	s->base = FIRST - 0x7fff0000u;
	send_one(HIGH);
	feed(high, buf, wire_put_ack(buf, HIGH, FIRST + 1));
	CHECK_EQ(s->ring.acked_seq, FIRST + 1);
	CHECK(s->ring.acked_seq - s->base < 0x60000000);
}

/* We said what we take: one byte more is a violation. */
static void our_longest_message(void)
{
	struct wire *high;

	for (unsigned more = 0; more < 2; more++) {
		fixture_begin(true);
		fx->core.cfg.max_message = 1000;
		settle();
		high = link_from(HIGH, FIRST);
		feed_bytes(high, HIGH, FIRST, 1000 + more);
		CHECK_EQ(fx->delivered[HIGH], !more);
		CHECK_EQ(high->gone, more);
	}
}

/* A message that does not fit a frame of the peer's goes as fragments. */
static void a_peer_of_short_frames(void)
{
	static const uint8_t body[4000];
	struct hello h = hello_of(HIGH, 0);
	struct span part = { body, sizeof body };
	struct session *s;
	struct wire *w;
	struct frame f;

	fixture_begin(true);
	settle();
	core_quorum(&fx->core, true);
	h.maxframe = 2000;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	h.yours = 77;
	h.gen = latest_choice(HIGH);
	feed_hello(w, HIGH, &h);
	s = fx->session[HIGH];
	CHECK_OR_RETURN(s && w->link.state == LINK_UP);
	CHECK(!session_send_plain(s, body, 2000 - WIRE_MSG_OVERHEAD + 1));
	CHECK(session_send_plain(s, body, 2000 - WIRE_MSG_OVERHEAD));
	CHECK_EQ(session_send(s, &part, 1, sizeof body, NULL), 0);
	session_schedule(s);
	settle();
	while (next_frame(w, &f))
		CHECK(f.length <= 2000);
}

/* ---- silence ---- */

/* On a new link, with something under way, nothing is heard: it is reset. */
static void stalls(uint32_t next)
{
	struct wire *w = link_from(HIGH, next);

	CHECK(fx->peer[HIGH].up == &w->link);
	for (int i = 0; i < 19; i++)
		pass(1000);
	CHECK(!w->gone);
	pass(1500);
	CHECK(w->gone && w->link.why == LINK_WHY_SILENT);
}

static void stalls_in_a_row_ask_for_fencing(void)
{
	uint8_t buf[64];
	struct wire *high, *w;

	both_up(&high);
	fx->no_dials = true;
	queue(HIGH, "one");
	queue(HIGH, "two");
	link_dead(&high->link, false);
	settle();
	for (unsigned i = 0; i < 4; i++)
		stalls(FIRST);
	CHECK_EQ(fx->fences, 0);
	w = link_from(HIGH, FIRST);
	feed(w, buf, wire_put_ack(buf, HIGH, FIRST + 1));	/* it lives: from the beginning */
	link_dead(&w->link, false);
	settle();
	for (unsigned i = 0; i < 4; i++)
		stalls(FIRST + 1);
	CHECK_EQ(fx->fences, 0);
	stalls(FIRST + 1);
	CHECK_EQ(fx->fences, 1);
}

static void an_idle_peer_is_not_fenced(void)
{
	struct wire *high;

	both_up(&high);
	fx->no_dials = true;
	link_dead(&high->link, false);
	settle();
	for (unsigned i = 0; i < 8; i++)
		stalls(FIRST);
	CHECK_EQ(fx->fences, 0);
}

static void after_our_pause_silence_begins_anew(void)
{
	struct wire *high;

	both_up(&high);
	session_pause(fx->session[HIGH], true);
	for (int i = 0; i < 60; i++)
		pass(1000);
	session_pause(fx->session[HIGH], false);
	settle();
	for (int i = 0; i < 19; i++)
		pass(1000);
	CHECK(!high->gone);
	pass(1500);
	CHECK(high->gone);
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
}

/* With another path to go to, silence has to be noticed sooner. */
static void several_paths_are_kept_alive_more_often(void)
{
	struct path_addr addrs[2] = { address_of(HIGH), address_of(HIGH) };
	struct wire *high;

	addrs[1].ip[14] = 1;
	both_up(&high);
	peer_addrs(&fx->peer[HIGH], addrs, 2);
	settle();
	acked_on(high);
	pass(fx->core.cfg.keepalive_multi_ns / 2000000);
	CHECK_EQ(high->read, high->n_out);
	pass(fx->core.cfg.keepalive_multi_ns / 2000000);
	CHECK_EQ(acked_on(high), FIRST);
}

/* ---- pauses ---- */

static void a_pause_is_told_and_taken_back(void)
{
	struct wire *high;
	struct frame f;
	uint32_t flags = 99;

	both_up(&high);
	acked_on(high);
	session_pause(fx->session[HIGH], true);
	settle();
	CHECK(next_frame(high, &f) && f.nextcmd == WIRE_STATUS);
	CHECK(!frame_status(&f, &flags) && flags == WIRE_STATUS_RX_PAUSED);
	session_pause(fx->session[HIGH], false);
	settle();
	CHECK(next_frame(high, &f) && f.nextcmd == WIRE_STATUS);
	CHECK(!frame_status(&f, &flags) && flags == 0);
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
		session_pause(fx->session[HIGH], true);
		settle();
	}
	CHECK_EQ(statuses(high, &flags), 1);
}

/* A keep-alive that becomes due meanwhile must not take it back. */
static void the_end_of_a_pause_waits_for_room(void)
{
	struct wire *high;
	uint32_t flags = 99;

	both_up(&high);
	session_pause(fx->session[HIGH], true);
	settle();
	CHECK_EQ(statuses(high, &flags), 1);
	fx->room = 0;
	core_now(&fx->core, fx->core.now_ns + fx->core.cfg.keepalive_ns);
	fx->session[HIGH]->peer->up->last_rx_ns = fx->core.now_ns;
	session_pause(fx->session[HIGH], false);
	core_tick(&fx->core);
	fx->room = SIZE_MAX;
	settle();
	CHECK(statuses(high, &flags) > 0);
	CHECK_EQ(flags, 0);
}

/* A sender is short of room when more than three quarters of its queue are taken. */
static void short_is_more_than_three_quarters(void)
{
	static const uint8_t body[RING / 64 - WIRE_MSG_OVERHEAD];
	struct span part = { body, sizeof body };
	struct wire *high;
	uint32_t flags = 99;

	both_up(&high);
	core_quorum(&fx->core, true);
	statuses(high, &flags);
	for (unsigned i = 0; i < 48; i++)
		CHECK_EQ(session_send(fx->session[HIGH], &part, 1, sizeof body, NULL), 0);
	session_schedule(fx->session[HIGH]);
	settle();
	CHECK_EQ(ring_bytes_queued(&fx->session[HIGH]->ring), RING / 4 * 3);
	session_pause(fx->session[HIGH], true);
	settle();
	CHECK_EQ(statuses(high, &flags), 1);
	CHECK_EQ(flags, WIRE_STATUS_RX_PAUSED);
	CHECK_EQ(session_send(fx->session[HIGH], &part, 1, 1, NULL), 0);
	session_schedule(fx->session[HIGH]);
	settle();
	session_pause(fx->session[HIGH], false);
	settle();
	CHECK_EQ(statuses(high, &flags), 1);
	CHECK_EQ(flags, WIRE_STATUS_SHORT);
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
	s = fx->session[HIGH];
	feed(high, buf, wire_put_status(buf, HIGH, WIRE_STATUS_RX_PAUSED));
	CHECK(s->n.peer_paused);
	session_pause(s, true);
	link_dead(&high->link, false);
	settle();
	high = link_from(HIGH, FIRST);
	CHECK(!s->n.peer_paused);
	while (next_frame(high, &f))
		told |= f.nextcmd == WIRE_STATUS;
	CHECK(told);
}

/* An ACK that went with data is not sent once more when its time comes. */
static void an_ack_goes_once(void)
{
	struct wire *high;

	both_up(&high);
	core_quorum(&fx->core, true);
	acked_on(high);
	feed_bytes(high, HIGH, FIRST, 10);
	send_one(HIGH);
	CHECK_EQ(acked_on(high), FIRST + 1);
	pass(10);
	CHECK_EQ(high->read, high->n_out);
}

/* A peer that does not say how large its queue is gets ACKs as any other. */
static void a_queue_of_unknown_size(void)
{
	struct hello h = hello_of(HIGH, 0);
	struct wire *w;

	fixture_begin(true);
	settle();
	h.queue_bytes = 0;
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	h.yours = 77;
	h.gen = latest_choice(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_OR_RETURN(w->link.state == LINK_UP);
	acked_on(w);
	feed_bytes(w, HIGH, FIRST, 10);
	CHECK_EQ(acked_on(w), 0);
	pass(6);
	CHECK_EQ(acked_on(w), FIRST + 1);
}

/* Half a frame cannot be followed by anything: such a link ends by a reset. */
static void half_a_frame_ends_by_a_reset(void)
{
	struct refuse r = { .mine = incarnation(HIGH), .yours = 77,
			    .reason = WIRE_REFUSE_PROTOCOL };
	struct wire *high;
	struct span out[5];
	int n;

	both_up(&high);
	core_quorum(&fx->core, true);
	fx->room = 0;
	send_one(HIGH);
	CHECK(link_gather(&high->link, out, &n, 1000) > 20);
	link_sent(&high->link, 20);
	session_pause(fx->session[HIGH], true);	/* a STATUS waits behind it */
	link_gather(&high->link, out, &n, 1000);
	link_sent(&high->link, 0);
	session_pause(fx->session[HIGH], false);
	feed_refuse(high, HIGH, &r);
	CHECK(high->gone);
	CHECK_EQ(high->how, LINK_RESET);
}

/* A break of long ago is no reason to dial in haste. */
static void haste_ends(void)
{
	const struct core_config *cfg;
	struct wire *high, *w;
	uint64_t over;
	unsigned i;

	both_up(&high);
	cfg = &fx->core.cfg;
	fx->dials_hang = true;
	link_dead(&high->link, false);
	settle();
	over = fx->core.now_ns + cfg->redial_for_ns;
	core_now(&fx->core, over - 1);
	CHECK_EQ(peer_dial_ns(&fx->peer[HIGH]), cfg->redial_ns);
	core_now(&fx->core, over);
	CHECK_EQ(peer_dial_ns(&fx->peer[HIGH]), cfg->connect_ns);
	pass(1);
	w = fx->dial[HIGH];
	for (i = 0; i < 100 && fx->dial[HIGH] == w; i++)
		pass(100);
	w = fx->dial[HIGH];
	CHECK(!w->gone);
	pass(cfg->redial_ns / 1000000 + 100);
	CHECK(!w->gone && fx->dial[HIGH] == w);
}

int main(void)
{
	RUN(acks_come_in_their_time);
	RUN(enough_bytes_are_acknowledged_at_once);
	RUN(enough_frames_are_acknowledged_at_once);
	RUN(a_short_sender_is_answered_at_once);
	RUN(a_resume_owes_what_its_hello_did_not_say);
	RUN(acks_wait_for_room);
	RUN(a_sender_may_write_by_itself);
	RUN(a_choice_may_last);
	RUN(our_longest_message);
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
	RUN(an_ack_goes_once);
	RUN(a_queue_of_unknown_size);
	RUN(half_a_frame_ends_by_a_reset);
	RUN(haste_ends);
	return check_done();
}
