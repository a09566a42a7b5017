/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions with frames that are no messages: who may send one, how it is read, a FIN that waits for
 * what is said by them, links that come and go. Their content is not the core's.
 */
#include "tests/lib/core_fixture.h"

#include <errno.h>
#include <string.h>

static const struct service_grant ours = { .slots = 128, .window = 16384, .piece = 16384 };
static const struct service_grant theirs = { .slots = 64, .window = 20000, .piece = 8000 };

static uint8_t buf[2000];

/* Both peers up, with what each side takes. */
static struct wire *begin(const struct service_grant *we, const struct service_grant *they)
{
	static const struct service_grant none;
	struct wire *high;

	fixture_takes = we ? *we : none;
	fixture_says = they ? *they : none;
	return both_up(&high);
}

static size_t put_call(unsigned from, uint32_t seq, const char *text)
{
	size_t n = strlen(text);

	memcpy(buf + WIRE_MSG_OVERHEAD, text, n);
	return wire_put_whole(buf, from, seq, n, WIRE_CALL) + n;
}

/* The next frame with that command, NULL: none. */
static const struct frame *next_of(struct wire *w, uint8_t nextcmd)
{
	static struct frame f;

	while (next_frame(w, &f))
		if (f.nextcmd == nextcmd)
			return &f;
	return NULL;
}

static void expect_violation(struct wire *w, const char *detail)
{
	CHECK(w->gone);
	CHECK(strstr(fx->notes, detail) != NULL);
}

/* ---- who says so ---- */

static void hello_says_what_we_take(void)
{
	const struct frame *f;
	struct hello h;
	struct wire *w;

	w = begin(&ours, &theirs);
	f = next_of(w, WIRE_HELLO);
	CHECK_OR_RETURN(f && !frame_hello(f, &h));
	CHECK(h.features == WIRE_FEATURE_CALLS && !h.required && grant_is_same(&h.calls, &ours));
	CHECK(grant_is_same(&fx->session[LOW]->calls, &theirs));
	w = begin(NULL, &theirs);
	f = next_of(w, WIRE_HELLO);
	CHECK_OR_RETURN(f && !frame_hello(f, &h));
	CHECK(!h.features && !h.calls.slots);
	CHECK_EQ(fx->session[LOW]->calls.slots, 0);
	begin(&ours, NULL);
	CHECK_EQ(fx->session[LOW]->calls.slots, 0);
}

static void needs_both_sides(void)
{
	struct wire *w = begin(NULL, &theirs);

	feed(w, buf, put_call(LOW, FIRST, "?"));
	expect_violation(w, "CALL without calls");
	w = begin(&ours, NULL);
	feed(w, buf, put_call(LOW, FIRST, "?"));
	expect_violation(w, "CALL without calls");
	CHECK_EQ(fx->calls[LOW], 0);
}

/* A peer may insist on calls only with one that takes them. */
static void required_of_us(void)
{
	struct hello h;
	struct wire *w;

	begin(NULL, &theirs);
	w = incoming(LOW);
	h = hello_of(LOW, 77);
	h.required = WIRE_FEATURE_CALLS;
	feed_hello(w, LOW, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_FEATURE);
	begin(&ours, &theirs);
	w = incoming(LOW);
	feed_hello(w, LOW, &h);
	CHECK(!w->gone);
}

/* ---- reading ---- */

static void is_no_message(void)
{
	struct wire *w = begin(&ours, &theirs);
	struct session *s = fx->session[LOW];

	feed(w, buf, put_message(buf, LOW, FIRST, "one"));
	feed_by(w, buf, put_call(LOW, FIRST + 1, "a call"), 1);
	CHECK_EQ(fx->calls[LOW], 1);
	CHECK_EQ(fx->last_len, 6);
	CHECK_MEM(fx->last, "a call", 6);
	feed(w, buf, put_call(LOW, FIRST + 2, ""));
	CHECK_EQ(fx->calls[LOW], 2);
	CHECK(fx->delivered[LOW] == 1 && s->n.delivered == 1);
	CHECK_EQ(s->expected, FIRST + 3);
	/* Once more: acknowledged and dropped. */
	feed(w, buf, put_call(LOW, FIRST + 1, "a call"));
	CHECK(fx->calls[LOW] == 2 && s->n.duplicates == 1);
	CHECK_EQ(acked_on(w), FIRST + 3);
	unharmed(w, LOW, FIRST + 3);
}

static void is_sequenced(void)
{
	struct wire *w = begin(&ours, &theirs);

	feed(w, buf, put_call(LOW, FIRST + 1, "early"));
	expect_violation(w, "ahead of the expected");
	w = begin(&ours, &theirs);
	feed(w, buf, wire_put_fin(buf, LOW, FIRST));
	feed(w, buf, put_call(LOW, FIRST + 1, "late"));
	expect_violation(w, "frame after FIN");
	CHECK_EQ(fx->calls[LOW], 0);
}

static void not_inside_of_a_message(void)
{
	struct wire *w = begin(&ours, &theirs);

	feed(w, buf, wire_put_frag(buf, LOW, FIRST, 10, 100, 0) + 10);
	feed(w, buf, put_call(LOW, FIRST + 1, "?"));
	expect_violation(w, "inside a fragmented message");
	w = begin(&ours, &theirs);
	put_call(LOW, FIRST, "ab");
	put_le16(buf + 18, 2);		/* a cut TLV before the inner frame */
	memmove(buf + 26, buf + 24, 16);
	put_le16(buf + 26 + 12, 16);
	feed(w, buf, 42);
	expect_violation(w, "malformed TLVs");
	CHECK_EQ(fx->calls[LOW], 0);
}

/* A session over its receive budget reads calls no more than messages. */
static void waits_while_paused(void)
{
	struct wire *w = begin(&ours, &theirs);
	struct rx rx = { .p = buf };

	session_pause(fx->session[LOW], true);
	settle();
	rx.end = buf + put_call(LOW, FIRST, "later");
	CHECK_EQ(link_rx(&w->link, &rx), RX_PAUSED);
	CHECK(rx.p == buf);
	session_pause(fx->session[LOW], false);
	settle();
	CHECK_EQ(link_rx(&w->link, &rx), RX_CALL);
	CHECK(rx.msg_len == 5 && rx.p == rx.end && !rx.provided);
}

/* ---- writing ---- */

static void goes_in_order(void)
{
	struct wire *w = begin(&ours, &theirs);
	struct span part = { (const uint8_t *)"abc", 3 };
	struct session *s = fx->session[LOW];
	const struct frame *f;
	uint64_t end;

	send_one(LOW);
	CHECK_EQ(session_put(s, &part, 3, &end), 0);
	CHECK_EQ(end, s->ring.high + WIRE_MSG_OVERHEAD + 3);
	session_schedule(s);
	settle();
	f = next_of(w, WIRE_CALL);
	CHECK_OR_RETURN(f != NULL);
	CHECK(f->u == FIRST + 1 && f->inner_len == WIRE_HEADER + 3);
	CHECK_EQ(s->ring.high, end);
	feed(w, buf, wire_put_ack(buf, LOW, FIRST + 2));
	CHECK(s->ring.acked_pos == end && s->n.acked == 1);
}

static void wakes_when_it_was_written(void)
{
	struct span part = { buf, 1000 };
	struct session *s;
	uint64_t end;

	begin(&ours, &theirs);
	s = fx->session[LOW];
	CHECK_EQ(session_put(s, &part, 1000, &end), 0);
	session_wake_at(s, end, 0);
	settle();
	CHECK_EQ(fx->writable[LOW], 0);
	fx->room = 1000 + WIRE_MSG_OVERHEAD - 1;
	session_schedule(s);
	settle();
	CHECK_EQ(fx->writable[LOW], 0);
	fx->room = SIZE_MAX;
	session_schedule(s);
	settle();
	CHECK_EQ(fx->writable[LOW], 1);
	session_wake_at(s, end, 0);		/* it was already */
	settle();
	CHECK_EQ(fx->writable[LOW], 2);
	send_one(LOW);
	CHECK_EQ(fx->writable[LOW], 2);
}

static void wakes_when_it_was_acknowledged(void)
{
	struct span part = { buf, 1000 };
	struct session *s;
	struct wire *w;
	uint64_t end;

	w = begin(&ours, &theirs);
	s = fx->session[LOW];
	CHECK_EQ(session_put(s, &part, 1000, &end), 0);
	session_schedule(s);
	settle();
	CHECK_EQ(s->ring.sent, end);
	session_wake_at(s, end, end);
	settle();
	CHECK_EQ(fx->writable[LOW], 0);
	feed(w, buf, wire_put_ack(buf, LOW, FIRST + 1));
	CHECK_EQ(fx->writable[LOW], 1);
	/* By the position of the next link, too. */
	CHECK_EQ(session_put(s, &part, 1000, &end), 0);
	session_schedule(s);
	session_wake_at(s, 0, end);
	settle();
	CHECK_EQ(fx->writable[LOW], 1);
	link_dead(&w->link, false);
	settle();
	link_from(LOW, FIRST + 2);
	CHECK_EQ(s->ring.acked_pos, end);
	CHECK_EQ(fx->writable[LOW], 2);
}

/* ---- the end ---- */

static void fin_waits_for_who_holds_it(void)
{
	struct wire *w = begin(&ours, &theirs);
	struct session *s = fx->session[LOW];
	struct span part = { buf, 10 };
	const struct frame *f;
	uint64_t end;

	session_hold_fin(s, true);
	session_finish(s);
	session_finish(s);
	settle();
	CHECK_EQ(fx->finishing[LOW], 1);
	CHECK(session_state(s) == FSM_ESTABLISHED && !next_of(w, WIRE_FIN_CMD));
	CHECK_EQ(session_put(s, &part, 10, &end), 0);
	session_schedule(s);
	settle();
	session_hold_fin(s, false);
	settle();
	CHECK_EQ(fx->finishing[LOW], 1);
	CHECK_EQ(session_state(s), FSM_FIN_WAIT1);
	f = next_of(w, WIRE_FIN_CMD);
	CHECK_OR_RETURN(f != NULL);
	CHECK_EQ(f->u, FIRST + 1);
	CHECK_EQ(session_put(s, &part, 10, &end), -ESHUTDOWN);
}

/* The answer to the peer's FIN as well. */
static void passive_fin_waits(void)
{
	struct wire *w = begin(&ours, &theirs);
	struct session *s = fx->session[LOW];

	fx->core.cfg.auto_close = true;
	session_hold_fin(s, true);
	feed(w, buf, wire_put_fin(buf, LOW, FIRST));
	CHECK(fx->finished[LOW] == 1 && fx->finishing[LOW] == 1);
	CHECK_EQ(session_state(s), FSM_CLOSE_WAIT);
	session_hold_fin(s, false);
	settle();
	CHECK_EQ(session_state(s), FSM_LAST_ACK);
	CHECK_EQ(fx->finishing[LOW], 1);
}

static void nobody_is_asked_who_let_go(void)
{
	struct session *s;

	begin(&ours, &theirs);
	s = fx->session[LOW];
	session_hold_fin(s, true);
	session_hold_fin(s, false);
	session_finish(s);
	settle();
	CHECK(fx->finishing[LOW] == 0 && session_state(s) == FSM_FIN_WAIT1);
}

/* The end of the linger time waits for nobody. */
static void held_to_the_end(void)
{
	begin(&ours, &theirs);
	session_hold_fin(fx->session[LOW], true);
	core_close(&fx->core);
	settle();
	CHECK(fx->finishing[LOW] == 1 && fx->down[LOW] == 0);
	core_linger_over(&fx->core);
	settle();
	CHECK(fx->down[LOW] == 1 && fx->end[LOW] == SESSION_LINGER);
}

/* ---- links ---- */

static void path_is_told(void)
{
	struct wire *w = begin(&ours, &theirs);

	CHECK_EQ(fx->paths[LOW], 0);
	link_dead(&w->link, false);
	settle();
	CHECK(fx->paths[LOW] == 1 && !fx->peer[LOW].up);
	w = link_from(LOW, FIRST);
	CHECK(fx->paths[LOW] == 2 && fx->peer[LOW].up == &w->link);
	begin(&ours, NULL);
	link_dead(fx->peer[LOW].up, false);
	settle();
	CHECK_EQ(fx->paths[LOW], 0);
}

/* Windows and slots are in use: an incarnation cannot take another number of them later. */
static void grant_is_fixed(void)
{
	static const struct service_grant others[] = {
		{ .slots = 65, .window = 20000, .piece = 8000 },
		{ .slots = 64, .window = 20001, .piece = 8000 },
		{ .slots = 64, .window = 20000, .piece = 8001 },
		{ .slots = 0 },
	};

	for (unsigned i = 0; i < 4; i++) {
		for (unsigned id = LOW; id <= HIGH; id += HIGH - LOW) {
			struct wire *w;

			begin(&ours, &theirs);
			link_dead(fx->peer[id].up, false);
			settle();
			fixture_says = others[i];
			w = link_from(id, FIRST);
			expect_violation(w, "other calls in HELLO");
			CHECK(grant_is_same(&fx->session[id]->calls, &theirs));
			CHECK_EQ(fx->session[id]->n.faults, 1);
			fixture_says = theirs;
			w = link_from(id, FIRST);
			CHECK(fx->peer[id].up == &w->link);
		}
	}
}

int main(void)
{
	RUN(hello_says_what_we_take);
	RUN(needs_both_sides);
	RUN(required_of_us);
	RUN(is_no_message);
	RUN(is_sequenced);
	RUN(not_inside_of_a_message);
	RUN(waits_while_paused);
	RUN(goes_in_order);
	RUN(wakes_when_it_was_written);
	RUN(wakes_when_it_was_acknowledged);
	RUN(fin_waits_for_who_holds_it);
	RUN(passive_fin_waits);
	RUN(nobody_is_asked_who_let_go);
	RUN(held_to_the_end);
	RUN(path_is_told);
	RUN(grant_is_fixed);
	return check_done();
}
