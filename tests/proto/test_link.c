/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of a link that is up: every illegal frame and what it leads to,
 * cut frames, pauses, the end of a session. Random schedules are the simulator's.
 */
#include "tests/lib/core_fixture.h"

struct bad {
	const char *what;
	size_t (*make)(uint8_t *p);
	const char *detail;
};

static size_t seq_ahead(uint8_t *p)
{
	return put_message(p, HIGH, 0xffffffff, "early");
}

static size_t ack_never_sent(uint8_t *p)
{
	return wire_put_ack(p, HIGH, 5);
}

static size_t unknown_command(uint8_t *p)
{
	wire_put_opts(p, HIGH, 0, 0x60, 16);
	wire_put_header(p + 24, WIRE_VERSION_3_2, WIRE_NATIVE, HIGH, 16, 0x60);
	return 40;
}

static size_t unknown_outer(uint8_t *p)
{
	return wire_put_header(p, WIRE_VERSION_3_2, 0, HIGH, 16, 9);
}

static size_t bare_dlm(uint8_t *p)
{
	return wire_put_header(p, WIRE_VERSION_3_2, 0, HIGH, 16, WIRE_RCOM);
}

static size_t optlen_beyond(uint8_t *p)
{
	size_t n = put_message(p, HIGH, 0xfffffffe, "x");

	put_le16(p + 18, 100);
	return n;
}

static size_t inner_length(uint8_t *p)
{
	size_t n = put_message(p, HIGH, 0xfffffffe, "x");

	put_le16(p + 24 + 12, 500);
	return n;
}

static size_t other_nodeid(uint8_t *p)
{
	return put_message(p, LOW, 0xfffffffe, "x");
}

static size_t hello_again(uint8_t *p)
{
	struct hello h = hello_of(HIGH, 77);

	return wire_put_hello(p, HIGH, &h);
}

static size_t length_15(uint8_t *p)
{
	return wire_put_header(p, WIRE_VERSION_3_2, 0, HIGH, 15, WIRE_ACK);
}

static size_t fin_twice(uint8_t *p)
{
	size_t n = wire_put_fin(p, HIGH, 0xfffffffe);

	return n + wire_put_fin(p + n, HIGH, 0xffffffff);
}

static size_t data_behind_fin(uint8_t *p)
{
	size_t n = wire_put_fin(p, HIGH, 0xfffffffe);

	return n + put_message(p + n, HIGH, 0xffffffff, "late");
}

static size_t frag_at(uint8_t *p, uint32_t seq, size_t n, uint32_t total, uint32_t off)
{
	memset(p + WIRE_FRAG_OVERHEAD, 'f', n);
	return wire_put_frag(p, HIGH, seq, n, total, off) + n;
}

static size_t frag_overlap(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 100, 0);

	return n + frag_at(p + n, 0xffffffff, 10, 100, 5);
}

static size_t frag_hole(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 100, 0);

	return n + frag_at(p + n, 0xffffffff, 10, 100, 20);
}

static size_t frag_past_end(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 15, 0);

	return n + frag_at(p + n, 0xffffffff, 10, 15, 10);
}

static size_t frag_too_long(uint8_t *p)
{
	return frag_at(p, 0xfffffffe, 10, 100001, 0);
}

static size_t frag_no_tlv(uint8_t *p)
{
	size_t n = put_message(p, HIGH, 0xfffffffe, "no tlv");

	p[16] = p[24 + 14] = WIRE_FRAGMENT;
	return n;
}

static size_t message_inside(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 100, 0);

	return n + put_message(p + n, HIGH, 0xffffffff, "between");
}

static size_t fin_inside(uint8_t *p)
{
	size_t n = frag_at(p, 0xfffffffe, 10, 100, 0);

	return n + wire_put_fin(p + n, HIGH, 0xffffffff);
}

static void violations_drop_the_link(void)
{
	static const struct bad table[] = {
		{ "sequence ahead of expected", seq_ahead, "ahead" },
		{ "ACK of data never sent", ack_never_sent, "never sent" },
		{ "unknown inner command", unknown_command, "unexpected frame" },
		{ "unknown outer command", unknown_outer, "malformed frame" },
		{ "bare DLM packet", bare_dlm, "bare DLM" },
		{ "option length beyond the frame", optlen_beyond, "malformed frame" },
		{ "inner length beyond the frame", inner_length, "malformed frame" },
		{ "frame from another nodeid", other_nodeid, "nodeid" },
		{ "HELLO on a link that is up", hello_again, "unexpected frame" },
		{ "length 15", length_15, "invalid frame length" },
		{ "FIN twice", fin_twice, "after FIN" },
		{ "data behind FIN", data_behind_fin, "after FIN" },
		{ "overlapping fragments", frag_overlap, "fragment" },
		{ "hole between fragments", frag_hole, "fragment" },
		{ "fragment past the end", frag_past_end, "fragment" },
		{ "announced size over the limit", frag_too_long, "fragment" },
		{ "fragment without its TLV", frag_no_tlv, "fragment TLV" },
		{ "message inside a fragmented message", message_inside, "inside a fragmented" },
		{ "FIN inside a fragmented message", fin_inside, "inside a fragmented" },
	};
	static uint8_t buf[2000];

	/* Each at once, and byte by byte: what follows a frame is looked at anew. */
	for (unsigned i = 0; i < 2 * (sizeof table / sizeof table[0]); i++) {
		const struct bad *bad = &table[i / 2];
		struct wire *high, *low = both_up(&high);
		size_t n = bad->make(buf);

		CHECK_OR_RETURN(fx->up[HIGH] == 1 && fx->up[LOW] == 1);
		feed_by(high, buf, n, i % 2 ? 1 : n);
		CHECK(high->gone && high->how == LINK_ORDERLY);
		CHECK_EQ(refused_for(high), WIRE_REFUSE_PROTOCOL);	/* named on both sides */
		if (!CHECK(strstr(fx->notes, bad->detail)))
			printf("# %s: %s\n", bad->what, fx->notes);
		CHECK_EQ(fx->down[HIGH], 0);
		CHECK_EQ(fx->session[HIGH]->n.faults, 1);
		unharmed(low, LOW, 0xfffffffe);
	}
}

static void faults_again_and_again_ask_for_fencing(void)
{
	struct wire *high;
	uint8_t buf[64];

	both_up(&high);
	for (unsigned i = 0; i < 3 * fx->core.cfg.fault_limit; i++) {
		CHECK_EQ(fx->fences, i >= fx->core.cfg.fault_limit);
		feed(high, buf, ack_never_sent(buf));
		CHECK(high->gone);
		high = link_from(HIGH, 0xfffffffe);
	}
	CHECK_EQ(fx->fences, 1);	/* once for an incarnation */
	CHECK_EQ(fx->down[HIGH], 0);
}

static void resume_outside_the_window(void)
{
	struct wire *high, *w;
	struct span part = { (const uint8_t *)"one", 3 };
	struct frame f;
	uint32_t seen = 0;

	both_up(&high);
	CHECK_EQ(session_send(fx->session[HIGH], &part, 1, 3, NULL), 0);
	session_schedule(fx->session[HIGH]);
	settle();
	while (next_frame(high, &f))
		seen = f.nextcmd == WIRE_DATA ? f.u : seen;
	CHECK_EQ(seen, 0xfffffffe);
	link_dead(&high->link, false);
	settle();
	w = link_from(HIGH, 0);			/* one more than was sent */
	CHECK(w->gone);
	CHECK(strstr(fx->notes, "resume position"));
	w = link_from(HIGH, 0xfffffffd);	/* before the window */
	CHECK(w->gone);
	w = link_from(HIGH, 0xffffffff);	/* has it */
	CHECK(!w->gone);
	CHECK_EQ(fx->session[HIGH]->n.acked, 1);
}

static void frames_cut_at_every_byte(void)
{
	static uint8_t buf[400];
	size_t a = put_message(buf, HIGH, 0xfffffffe, "first");
	size_t b = a + frag_at(buf + a, 0xffffffff, 100, 150, 0);
	size_t c = b + frag_at(buf + b, 0, 50, 150, 100);

	for (size_t cut = 0; cut <= c; cut++) {
		struct wire *high, *again;
		unsigned got;

		both_up(&high);
		feed(high, buf, cut);
		CHECK(!high->gone);
		link_dead(&high->link, false);
		settle();
		/* The peer resumes where we say. */
		again = link_from(HIGH, 0xfffffffe);
		got = (unsigned)(fx->session[HIGH]->expected - 0xfffffffe);
		CHECK_EQ(got, cut >= c ? 3 : cut >= b ? 2 : cut >= a ? 1 : 0);
		feed(again, buf + (got == 0 ? 0 : got == 1 ? a : got == 2 ? b : c),
		     c - (got == 0 ? 0 : got == 1 ? a : got == 2 ? b : c));
		CHECK_EQ(fx->delivered[HIGH], 2);
		CHECK_EQ(fx->last_len, 150);
	}
}

static void unknown_tlv_is_skipped(void)
{
	uint8_t buf[200];
	struct wire *high;
	size_t n;

	both_up(&high);
	n = put_message(buf, HIGH, 0xfffffffe, "tlv");
	memmove(buf + WIRE_OPTS + 6, buf + WIRE_OPTS, n - WIRE_OPTS);
	put_le16(buf + WIRE_OPTS, 999);
	put_le16(buf + WIRE_OPTS + 2, 2);
	put_le16(buf + 18, 6);
	put_le16(buf + 12, (uint16_t)(n + 6));
	feed(high, buf, n + 6);
	CHECK(!high->gone);
	CHECK_EQ(fx->delivered[HIGH], 1);
	CHECK_EQ(fx->last_len, 3);
}

static void endless_fragments_end(void)
{
	uint8_t buf[200];
	struct wire *high;
	unsigned i;

	both_up(&high);
	feed(high, buf, frag_at(buf, 0xfffffffe, 10, 100, 0));
	for (i = 0; i < 100 && !high->gone; i++) {
		feed(high, buf, wire_put_ack(buf, HIGH, 0xfffffffe));
		pass(1000);
	}
	CHECK(high->gone && i >= 59 && i <= 62);
	CHECK(strstr(fx->notes, "fragmented message stalled"));
	CHECK_EQ(high->link.why, LINK_WHY_STUCK);
}

static void paused_peer_is_not_stalled(void)
{
	uint8_t buf[64];
	struct wire *high;
	struct span part = { (const uint8_t *)"one", 3 };

	both_up(&high);
	session_send(fx->session[HIGH], &part, 1, 3, NULL);
	session_schedule(fx->session[HIGH]);
	for (int i = 0; i < 60; i++) {
		feed(high, buf, wire_put_status(buf, HIGH, WIRE_STATUS_RX_PAUSED));
		pass(5000);
	}
	CHECK(!high->gone);
	CHECK(fx->session[HIGH]->n.peer_paused);
	pass(21000);				/* no frame at all now */
	CHECK(high->gone);
	CHECK(strstr(fx->notes, "stalled"));
}

static void own_close_is_clean(void)
{
	uint8_t buf[64];
	struct wire *high, *low = both_up(&high);

	core_close(&fx->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, 0xffffffff));
	feed(high, buf, wire_put_fin(buf, HIGH, 0xfffffffe));
	CHECK_EQ(fx->end[HIGH], SESSION_CLOSED);
	CHECK(!high->gone);			/* we sent the last ACK: the peer shuts */
	feed(low, buf, wire_put_fin(buf, LOW, 0xfffffffe));
	feed(low, buf, wire_put_ack(buf, LOW, 0xffffffff));
	CHECK_EQ(fx->end[LOW], SESSION_CLOSED);
	CHECK(low->gone && low->how == LINK_ORDERLY);	/* we received it */
	CHECK(!fx->closed);
	link_dead(&high->link, true);
	settle();
	CHECK(!fx->closed);	/* the FINs crossed: has LOW our ACK? */
	peer_drained(&fx->core, LOW, incarnation(LOW));
	settle();
	CHECK(fx->closed);
}

static void last_ack_lost(void)
{
	uint8_t buf[64];
	struct wire *high, *w, *low = both_up(&high);
	struct hello h = hello_of(HIGH, 77);

	peer_failed(&fx->peer[LOW], 0);
	settle();
	CHECK(low->gone);
	core_close(&fx->core);
	settle();
	feed(high, buf, wire_put_ack(buf, HIGH, 0xffffffff));
	feed(high, buf, wire_put_fin(buf, HIGH, 0xfffffffe));
	link_dead(&high->link, false);		/* a reset: was the ACK seen? */
	settle();
	CHECK(!fx->closed);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_CLOSED);
	pass(3100);
	CHECK(fx->closed);
}

static void without_quorum_data_wait(void)
{
	struct wire *high;
	struct span part = { (const uint8_t *)"one", 3 };
	size_t before;

	both_up(&high);
	core_quorum(&fx->core, false);
	before = high->n_out;
	CHECK_EQ(session_send(fx->session[HIGH], &part, 1, 3, NULL), 0);
	session_schedule(fx->session[HIGH]);
	settle();
	CHECK_EQ(high->n_out, before);
	CHECK(!link_wants_tx(&high->link));
	core_quorum(&fx->core, true);
	settle();
	CHECK_EQ(high->n_out, before + WIRE_MSG_OVERHEAD + 3);
}

static void own_pause_is_no_silence_of_the_peer(void)
{
	struct wire *high;

	both_up(&high);
	session_pause(fx->session[HIGH], true);
	settle();
	pass(30000);
	session_pause(fx->session[HIGH], false);
	pass(1);
	CHECK(!high->gone);
	CHECK_EQ(fx->session[HIGH]->n.stalls, 0);
	pass(21000);				/* now it is the peer's */
	CHECK(high->gone);
}

static bool says_ack(struct wire *w, uint32_t next)
{
	struct frame f;
	bool said = false;

	while (next_frame(w, &f))
		said |= f.cmd == WIRE_ACK && f.u == next;
	return said;
}

static void duplicate_across_the_wrap(void)
{
	uint8_t buf[200];
	struct wire *high;

	both_up(&high);
	for (uint32_t i = 0; i < 3; i++)
		feed(high, buf, put_message(buf, HIGH, 0xfffffffe + i, "once"));
	CHECK_EQ(fx->delivered[HIGH], 3);
	says_ack(high, 1);
	feed(high, buf, put_message(buf, HIGH, 0xfffffffe, "once"));
	CHECK(!high->gone);
	CHECK_EQ(fx->delivered[HIGH], 3);
	CHECK_EQ(fx->session[HIGH]->n.duplicates, 1);
	CHECK_EQ(fx->session[HIGH]->n.faults, 0);
	CHECK(says_ack(high, 1));		/* at once */
}

static void ack_waits_for_the_hand_over(void)
{
	uint8_t buf[200], *provided = malloc(50);
	struct wire *high;
	size_t n = frag_at(buf, 0xfffffffe, 50, 50, 0);
	struct rx rx = { .p = buf, .end = buf + n };

	both_up(&high);
	CHECK_EQ(link_rx(&high->link, &rx), RX_BUFFER);
	CHECK_EQ(rx.need, 50);
	link_rx_done(&high->link);
	pass(100);
	gather(high);
	CHECK(!says_ack(high, 0xffffffff));
	CHECK(link_provide(&high->link, provided));
	CHECK_EQ(link_rx(&high->link, &rx), RX_MSG);
	free(provided);
	link_rx_done(&high->link);
	pass(100);
	CHECK(says_ack(high, 0xffffffff));
}

static void acks_are_found_while_paused(void)
{
	uint8_t buf[400];
	struct wire *high;
	struct span part = { (const uint8_t *)"one", 3 };
	size_t n, off = 0;

	both_up(&high);
	CHECK_EQ(session_send(fx->session[HIGH], &part, 1, 3, NULL), 0);
	session_schedule(fx->session[HIGH]);
	session_pause(fx->session[HIGH], true);
	settle();
	n = put_message(buf, HIGH, 0xfffffffe, "not now");
	n += wire_put_ack(buf + n, HIGH, 0xffffffff);
	feed(high, buf, n);
	CHECK_EQ(fx->delivered[HIGH], 0);
	CHECK_EQ(fx->session[HIGH]->n.acked, 0);
	link_scan(&high->link, buf, n - 1, &off);	/* the ACK is not whole yet */
	CHECK_EQ(fx->session[HIGH]->n.acked, 0);
	link_scan(&high->link, buf, n, &off);
	CHECK_EQ(fx->session[HIGH]->n.acked, 1);
	session_pause(fx->session[HIGH], false);
	feed(high, buf, n);				/* both again: harmless */
	CHECK_EQ(fx->delivered[HIGH], 1);
	CHECK(!high->gone);
}

static void a_keepalive_is_answered_when_ours_is_half_due(void)
{
	uint8_t ack[16];
	size_t n = wire_put_ack(ack, HIGH, 0xfffffffe);
	struct wire *high;

	both_up(&high);
	says_ack(high, 0);			/* whatever was due */
	pass(2400);
	feed(high, ack, n);
	CHECK(!says_ack(high, 0xfffffffe));
	pass(200);
	feed(high, ack, n);
	CHECK(says_ack(high, 0xfffffffe));
	feed(high, ack, n);			/* two sides that answer do not go on for ever */
	CHECK(!says_ack(high, 0xfffffffe));
}

static void fin_waits_for_open_slots(void)
{
	struct wire *high;
	struct session *s;
	struct span part = { (const uint8_t *)"behind", 6 };
	uint8_t *data;
	unsigned slot;

	both_up(&high);
	s = fx->session[HIGH];
	CHECK_EQ(session_reserve(s, 5, &data, &slot), 0);
	CHECK_EQ(session_send(s, &part, 1, 6, NULL), 0);
	session_finish(s);
	settle();
	CHECK_EQ(session_state(s), FSM_ESTABLISHED);
	memcpy(data, "first", 5);
	CHECK_EQ(ring_commit(&s->ring, slot, 5, NULL), 0);
	session_schedule(s);
	settle();
	CHECK_EQ(session_state(s), FSM_FIN_WAIT1);
}

static void half_written_frame_is_finished_first(void)
{
	struct wire *high;
	struct session *s;
	struct span part = { (const uint8_t *)"0123456789", 10 }, out[5];
	struct frame f;
	uint8_t bytes[400];
	size_t n = 0, sum;
	int k;

	both_up(&high);
	s = fx->session[HIGH];
	CHECK_EQ(session_send(s, &part, 1, 10, NULL), 0);
	sum = link_gather(&high->link, out, &k, 1000);
	CHECK_EQ(sum, 50);
	memcpy(bytes, out[0].p, 20);
	n = 20;
	link_sent(&high->link, 20);		/* the kernel took only so much */
	session_pause(s, true);			/* a STATUS wants to go out */
	sum = link_gather(&high->link, out, &k, 1000);
	for (int i = 0; i < k; i++) {
		memcpy(bytes + n, out[i].p, out[i].n);
		n += out[i].n;
	}
	link_sent(&high->link, sum);
	CHECK_EQ(frame_length(bytes, n), 50);
	CHECK_EQ(frame_parse(bytes, 50, &f), 0);
	CHECK_EQ(f.nextcmd, WIRE_DATA);
	CHECK_EQ(frame_parse(bytes + 50, n - 50, &f), 0);
	CHECK_EQ(f.nextcmd, WIRE_STATUS);
}

int main(void)
{
	RUN(violations_drop_the_link);
	RUN(faults_again_and_again_ask_for_fencing);
	RUN(resume_outside_the_window);
	RUN(frames_cut_at_every_byte);
	RUN(unknown_tlv_is_skipped);
	RUN(endless_fragments_end);
	RUN(paused_peer_is_not_stalled);
	RUN(own_close_is_clean);
	RUN(last_ack_lost);
	RUN(without_quorum_data_wait);
	RUN(own_pause_is_no_silence_of_the_peer);
	RUN(duplicate_across_the_wrap);
	RUN(ack_waits_for_the_hand_over);
	RUN(acks_are_found_while_paused);
	RUN(a_keepalive_is_answered_when_ours_is_half_due);
	RUN(fin_waits_for_open_slots);
	RUN(half_written_frame_is_finished_first);
	return check_done();
}
