/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of probes, by hand: who gets a padded one, what becomes of its
 * padding, and what is concluded when it is not answered (proto/probe.c).
 */
#include "proto/probe.h"
#include "tests/lib/core_fixture.h"

#define PAD (WIRE_PROBE_MAX - WIRE_PROBE_HEAD)

static const struct probe question = { .cookie = 9, .cluster = "test" };

/* A padded PROBE as an incoming link gets it. */
static size_t padded(uint8_t *p, size_t size)
{
	memset(p, 0xa5, size);
	wire_put_padded_probe(p, HIGH, &question, size);
	return size;
}

static unsigned answers(struct wire *w, struct probe *last)
{
	struct frame f;
	unsigned n = 0;

	while (next_frame(w, &f))
		n += f.nextcmd == WIRE_PROBE_REPLY && !frame_probe(&f, last);
	return n;
}

static void padding_is_thrown_away(void)
{
	static const size_t steps[] = { 1, 7, 116, 512, WIRE_PROBE_MAX };
	static uint8_t buf[WIRE_PROBE_MAX];
	struct wire *w, *high;
	struct probe q;

	for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		size_t n = padded(buf, WIRE_PROBE_MAX);

		both_up(&high);
		w = incoming(HIGH);
		feed_by(w, buf, n - 1, steps[i]);
		CHECK_EQ(answers(w, &q), 0);
		feed(w, buf + n - 1, 1);
		CHECK_EQ(answers(w, &q), 1);
		CHECK(!w->gone && q.cookie == 9 && q.flags == WIRE_PATH_PADDED);
		/* A short one behind it, and one that is not longer than a HELLO. */
		feed_by(w, buf, wire_put_probe(buf, HIGH, &question, false), steps[i]);
		CHECK_EQ(answers(w, &q), 1);
		feed_by(w, buf, padded(buf, WIRE_HELLO_MAX), steps[i]);
		CHECK_EQ(answers(w, &q), 1);
		unharmed(high, HIGH, 0xfffffffe);
	}
}

/* The reader drops what is read: nothing may be kept until the frame is whole. */
static void nothing_is_buffered(void)
{
	static uint8_t buf[WIRE_PROBE_MAX];
	struct wire *w, *high;
	struct probe q;

	both_up(&high);
	w = incoming(HIGH);
	padded(buf, WIRE_PROBE_MAX);
	for (size_t at = 0; at < sizeof buf;) {
		size_t left = sizeof buf - at;
		struct rx rx = { .p = buf + at, .end = buf + at + (left < 512 ? left : 512) };

		CHECK_EQ(link_rx(&w->link, &rx), RX_MORE);
		CHECK(rx.p == rx.end);
		at = (size_t)(rx.p - buf);
		settle();
	}
	CHECK_EQ(answers(w, &q), 1);
}

static void too_many_are_not_answered(void)
{
	static uint8_t buf[WIRE_PROBE_MAX];
	struct wire *w, *high;
	unsigned n = 0;
	struct probe q;

	both_up(&high);
	w = incoming(HIGH);
	padded(buf, WIRE_PROBE_MAX);
	for (unsigned i = 0; i < 10; i++) {
		feed(w, buf, sizeof buf);
		n += answers(w, &q);
	}
	CHECK_EQ(n, 2);
	for (unsigned i = 0; i < 10; i++)
		pass(1000);
	feed(w, buf, sizeof buf);
	CHECK_EQ(answers(w, &q), 1);
	feed(w, buf, sizeof buf);
	CHECK_EQ(answers(w, &q), 1);
	feed(w, buf, sizeof buf);
	CHECK_EQ(answers(w, &q), 0);
	unharmed(high, HIGH, 0xfffffffe);
}

static void small_ones_have_a_bound_as_well(void)
{
	uint8_t buf[WIRE_CONTROL_MAX];
	struct wire *w, *high;
	struct probe q;
	unsigned n = 0;

	both_up(&high);
	w = incoming(HIGH);
	for (unsigned i = 0; i < 100; i++) {
		feed(w, buf, wire_put_probe(buf, HIGH, &question, false));
		n += answers(w, &q);
	}
	CHECK_EQ(n, 20);
	CHECK(!w->gone);
}

/* Frames that may not come: each drops its own link. */
static void what_is_no_padded_probe(void)
{
	static const struct { const char *what; unsigned at; uint8_t value; } table[] = {
		{ "longer than the longest", 13, 0x41 }, { "a reply", 16, WIRE_PROBE_REPLY },
		{ "DATA", 16, WIRE_DATA }, { "options", 18, 4 }, { "inner length", 24 + 12, 1 },
		{ "another cluster", 24 + 24, 'T' }, { "no padding", 112, 9 },
		{ "more behind the padding", 114, 1 }, { "not native", 24 + 4, 0 },
	};
	static uint8_t buf[WIRE_PROBE_MAX];

	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct wire *w, *high;

		both_up(&high);
		w = incoming(HIGH);
		padded(buf, WIRE_PROBE_MAX);
		buf[table[i].at] = table[i].value;
		feed(w, buf, 512);
		if (!w->gone)
			printf("# %s is taken\n", table[i].what);
		CHECK(w->gone);
		unharmed(high, HIGH, 0xfffffffe);
	}
}

static void not_in_a_handshake(void)
{
	static uint8_t buf[WIRE_PROBE_MAX];
	struct hello h = hello_of(HIGH, 0);
	struct wire *w, *high;

	both_up(&high);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);
	feed(w, buf, padded(buf, WIRE_PROBE_MAX));
	CHECK(w->gone);
	feed(high, buf, padded(buf, WIRE_PROBE_MAX));
	CHECK(high->gone);
}

/* Half of it, then silence: as with any PROBE. */
static void half_of_one_has_its_time(void)
{
	static uint8_t buf[WIRE_PROBE_MAX];
	struct wire *w, *high;

	both_up(&high);
	w = incoming(HIGH);
	feed(w, buf, padded(buf, WIRE_PROBE_MAX) / 2);
	CHECK(!w->gone);
	for (unsigned i = 0; i < 21; i++) {
		uint8_t more = 0;

		feed(w, &more, 1);	/* bytes do not move it */
		pass(1000);
	}
	CHECK(w->gone);
}

/* ---- ours ---- */

static struct path_addr second(unsigned nodeid)
{
	return (struct path_addr) { .ip = { [14] = 1, [15] = (uint8_t)nodeid }, .port = 1 };
}

/* Paths are numbered by the list of addresses: a dial that has not begun gets the new number. */
static void a_dial_that_waits_is_renumbered(void)
{
	struct path_addr a[2] = { address_of(HIGH), second(HIGH) };
	struct peer *p;
	struct core_action action;
	unsigned i;

	fixture_begin(true);
	p = &fx->peer[HIGH];
	peer_addrs(p, a, 2);
	fx->no_dials = true;
	for (i = 0; i < 1000 && !(p->dial_pending && p->dial_path == 1); i++) {
		settle();
		core_now(&fx->core, fx->core.now_ns + 20000000);
		core_tick(&fx->core);
	}
	CHECK_OR_RETURN(i < 1000);
	peer_addrs(p, &a[1], 1);
	while (core_poll(&fx->core, &action)) {
		if (action.what == CORE_DIAL && action.peer == p) {
			CHECK_EQ(action.path, 0);
			return;
		}
		act(&action);
	}
	CHECK(!"a dial");
}

/* HIGH has two addresses, over which probes pass; it is up on the first. */
static struct wire *two_paths(void)
{
	struct path_addr a[2] = { address_of(HIGH), second(HIGH) };
	struct wire *high;

	both_up(&high);
	fx->probes = true;
	fx->no_dials = true;
	peer_addrs(&fx->peer[HIGH], a, 2);
	settle();
	return high;
}

static void reply(struct wire *w, uint32_t flags)
{
	struct probe q = question;
	uint8_t buf[WIRE_CONTROL_MAX];

	q.cookie = w->link.probe.cookie;
	q.flags = flags;
	feed(w, buf, wire_put_probe(buf, HIGH, &q, true));
}

/* How long the PROBE is that came out of it since; 0: none. */
static size_t asked(struct wire *w)
{
	size_t n = w->n_out - w->read;

	w->read = w->n_out;
	return n;
}

/* A second later; what is up is heard meanwhile. */
static void second_passes(struct wire *up)
{
	uint8_t buf[WIRE_HEADER];

	if (!up->gone)
		feed(up, buf, wire_put_ack(buf, HIGH, up->link.session->ring.acked_seq));
	pass(1000);
}

static void padding_goes_to_who_knows_it(void)
{
	struct wire *up = two_paths(), *w;

	second_passes(up);
	w = fx->probe[HIGH];
	CHECK_OR_RETURN(w && w->link.path == 1);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(asked(w), 112);
		reply(w, 0);
		second_passes(up);
	}
	CHECK_EQ(asked(w), 112);
	reply(w, WIRE_PATH_PADDED);
	second_passes(up);
	CHECK_EQ(asked(w), WIRE_PROBE_MAX);
	reply(w, WIRE_PATH_PADDED);
	CHECK_EQ(fx->peer[HIGH].paths.p[1].large, LARGE_PASS);
	/* It has shown what it can. */
	second_passes(up);
	CHECK_EQ(asked(w), 112);
	/* A link that was answered all the time ends without a reason. */
	CHECK_EQ(w->link.why, LINK_WHY_NONE);
}

static void the_loss_of_large_ones_is_said(void)
{
	struct wire *up = two_paths(), *w, *full;
	struct path *path = &fx->peer[HIGH].paths.p[1];

	second_passes(up);
	w = fx->probe[HIGH];
	CHECK_OR_RETURN(w);
	reply(w, WIRE_PATH_PADDED);
	second_passes(up);
	CHECK(asked(w) > WIRE_PROBE_MAX);
	for (unsigned i = 0; i < 2; i++)
		second_passes(up);
	CHECK(w->gone && path->state == PATH_ALIVE && path->large == LARGE_DOUBT);
	CHECK(!strstr(fx->notes, "large packets"));
	CHECK(strstr(fx->notes, "path does not answer a full-size probe"));
	/* A small one, at once, decides what it was. */
	full = w;
	w = fx->probe[HIGH];
	CHECK_OR_RETURN(w != full);
	CHECK_EQ(asked(w), 112);
	reply(w, WIRE_PATH_PADDED);
	CHECK_EQ(path->large, LARGE_LOST);
	CHECK(strstr(fx->notes, "large packets are lost on path 1"));
	/* Not again at once, and nothing is said twice. */
	for (unsigned i = 0; i < 4; i++) {
		second_passes(up);
		CHECK_EQ(asked(w), 112);
		reply(w, WIRE_PATH_PADDED);
	}
	second_passes(up);
	CHECK_EQ(asked(w), WIRE_PROBE_MAX);
	fx->notes[0] = 0;
	reply(w, WIRE_PATH_PADDED);
	CHECK(strstr(fx->notes, "large packets pass again on path 1"));
}

static void a_path_that_is_dead_is_not_called_lossy(void)
{
	struct wire *up = two_paths(), *w;
	struct path *path = &fx->peer[HIGH].paths.p[1];

	second_passes(up);
	w = fx->probe[HIGH];
	CHECK_OR_RETURN(w);
	reply(w, WIRE_PATH_PADDED);
	for (unsigned i = 0; i < 6; i++)
		second_passes(up);	/* neither the full one nor the small one is answered */
	CHECK_EQ(path->state, PATH_DEAD);
	CHECK(strstr(fx->notes, "path does not answer probes"));
	reply(fx->probe[HIGH], WIRE_PATH_PADDED);
	CHECK(!strstr(fx->notes, "large packets are lost"));
}

/* After one that was not answered the next one comes in its time, not at once. */
static void dead_paths_are_asked_rarely(void)
{
	struct wire *up = two_paths(), *w;
	unsigned i;

	second_passes(up);
	w = fx->probe[HIGH];
	CHECK_OR_RETURN(w);
	for (i = 0; i < 100 && !w->gone; i++)
		pass(100);
	CHECK(w->gone && fx->probe[HIGH] == w);
	pass(fx->core.cfg.probe_ns / 1000000 - 1);
	CHECK(fx->probe[HIGH] == w);
	pass(1);
	CHECK(fx->probe[HIGH] != w);
}

/* D goes back to the first path when that, and the present link, are old enough (R4). */
static void the_first_path_is_taken_again(void)
{
	struct path_addr from = second(HIGH);
	struct wire *up = two_paths(), *w;
	uint8_t ack[WIRE_HEADER];
	struct hello h = hello_of(HIGH, 77);
	uint64_t opened;

	h.gen = latest_choice(HIGH);
	link_dead(&up->link, false);
	settle();
	up = new_wire();
	link_accept(&fx->core, &up->link, &from);
	feed_hello(up, HIGH, &h);
	CHECK_OR_RETURN(up->link.state == LINK_UP && up->link.path == 1);
	opened = fx->core.now_ns;
	fx->dial[HIGH] = NULL;
	fx->no_dials = false;
	for (unsigned i = 0; i < 30 && !fx->dial[HIGH]; i++) {
		feed(up, ack, wire_put_ack(ack, HIGH, up->link.session->ring.acked_seq));
		w = fx->probe[HIGH];
		if (w && !w->gone && w->link.path == 0 && w->link.probe.cookie)
			reply(w, 0);
		pass(500);
	}
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(w && w->link.path == 0);
	CHECK(fx->core.now_ns - opened >= fx->core.cfg.prefer_ns);
	CHECK(!up->gone);
}

/* To who asks on a path we say what becomes of our own on it. */
static void the_other_side_is_told(void)
{
	struct path_addr from = second(HIGH);
	struct wire *w = NULL, *up = two_paths();
	uint8_t buf[WIRE_CONTROL_MAX];
	struct probe q;

	(void)up;
	for (unsigned i = 0; i < 2; i++) {
		fx->peer[HIGH].paths.p[1].large = i ? LARGE_LOST : LARGE_DOUBT;
		w = new_wire();
		link_accept(&fx->core, &w->link, &from);
		feed(w, buf, wire_put_probe(buf, HIGH, &question, false));
		CHECK_EQ(answers(w, &q), 1);
		CHECK_EQ(q.flags, WIRE_PATH_PADDED | (i ? WIRE_PATH_LOST : 0));
	}
}

/* The link in use is silent: an answer on another path makes us look at once. */
static void an_answer_ends_the_wait(void)
{
	struct wire *up = two_paths(), *w;

	second_passes(up);
	w = fx->probe[HIGH];
	CHECK_OR_RETURN(w);
	reply(w, 0);
	CHECK(core_deadline(&fx->core) > fx->core.now_ns);
	core_now(&fx->core, up->link.last_rx_ns + fx->core.cfg.path_dead_ns);
	probe_send(&w->link);
	settle();
	reply(w, 0);
	CHECK(core_deadline(&fx->core) <= fx->core.now_ns);
	pass(0);
	CHECK(up->gone);
}

/* A transport that uses all addresses of a node in each link: what lives is its business. */
static void a_multihomed_link_has_no_paths_beside_it(void)
{
	struct path_addr both[2] = { address_of(HIGH), address_of(77) };
	struct wire *high;
	struct peer *p;

	both_up(&high);
	fx->probes = true;
	fx->core.cfg.multihomed = true;
	p = &fx->peer[HIGH];
	peer_addrs(p, both, 2);
	p->up->path = 1;
	fx->core.cfg.prefer_ns = 1000000000u;
	for (unsigned i = 0; i < 10; i++) {
		paths_ok(&p->paths, 0, fx->core.now_ns, 0);
		high->link.last_rx_ns = fx->core.now_ns;
		pass(1000);
	}
	CHECK(p->up == &high->link && !high->gone);
	CHECK(!p->probing && !fx->probe[HIGH] && !fx->dial[HIGH]);
	fx->core.cfg.multihomed = false;
	pass(2000);
	CHECK(p->probing);
}

int main(void)
{
	RUN(padding_is_thrown_away);
	RUN(nothing_is_buffered);
	RUN(too_many_are_not_answered);
	RUN(small_ones_have_a_bound_as_well);
	RUN(what_is_no_padded_probe);
	RUN(not_in_a_handshake);
	RUN(half_of_one_has_its_time);
	RUN(a_dial_that_waits_is_renumbered);
	RUN(padding_goes_to_who_knows_it);
	RUN(the_loss_of_large_ones_is_said);
	RUN(a_path_that_is_dead_is_not_called_lossy);
	RUN(dead_paths_are_asked_rarely);
	RUN(the_first_path_is_taken_again);
	RUN(the_other_side_is_told);
	RUN(an_answer_ends_the_wait);
	RUN(a_multihomed_link_has_no_paths_beside_it);
	return check_done();
}
