/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a program at a member's address can try without knowing the
 * member's incarnation: forged refusals, HELLOs that nobody reads the answers to, links that
 * stand in the way; and what a peer can leave half done. Knows the core only; floods over
 * sockets are the live tests'.
 */
#include "tests/rig.h"

#define STRANGE 5555u		/* a life that nobody has heard of */

/* A link from HIGH's address by another life, which has got our answer. */
static struct wire *strange_link(void)
{
	struct wire *w = incoming(HIGH);
	struct hello h = hello_of(HIGH, 0);

	h.mine = STRANGE;
	feed_hello(w, HIGH, &h);
	CHECK(!w->gone && w->n_out > 0);
	return w;
}

static void refuse_us(struct wire *w, uint64_t life_of_it, enum wire_reason reason)
{
	struct refuse r = { .mine = life_of_it, .yours = 77, .reason = reason };
	uint8_t buf[128];

	feed(w, buf, wire_put_refuse(buf, HIGH, &r));
	CHECK(w->gone);
}

static void a_strange_life_cannot_declare_us_failed(void)
{
	struct wire *low, *high;

	low = both_up(&high);
	refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
	/* Nor with a number that it does not know. */
	refuse_us(strange_link(), STRANGE + 1, WIRE_REFUSE_FAILED);
	CHECK(!rig->renew);
	CHECK_EQ(rig->down[HIGH], 0);
	unharmed(low, LOW, 0xfffffffe);
	unharmed(high, HIGH, 0xfffffffe);
	end();
}

/* Without a link to the peer we ask where it listens. */
static void whoever_listens_there_can(void)
{
	struct wire *high, *w;

	both_up(&high);
	link_dead(&high->link, false);
	rig->dial[HIGH] = NULL;
	refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
	CHECK(!rig->renew);
	pass(2000);
	w = rig->dial[HIGH];
	CHECK_OR_RETURN(CHECK(w != NULL));
	refuse_us(w, STRANGE, WIRE_REFUSE_FAILED);
	CHECK(rig->renew);
	end();
}

/* Even if there is no session that makes us dial. */
static void asked_without_a_session(void)
{
	struct wire *high;

	both_up(&high);
	session_abort(rig->session[HIGH]);
	settle();
	tombs_bury(&rig->peer[HIGH].tombs, 4444, TOMB_CLOSED, 0);	/* no redial */
	pass(2000);
	rig->dial[HIGH] = NULL;
	pass(2000);
	CHECK(!rig->dial[HIGH]);
	refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
	pass(2000);
	CHECK(rig->dial[HIGH] != NULL);
	CHECK(!rig->renew);
	end();
}

/* Where we cannot dial at all nothing else can be heard than what is said on its dials. */
static void believed_where_no_dial_gets_through(void)
{
	for (unsigned hangs = 0; hangs < 2; hangs++) {
		struct wire *high;

		both_up(&high);
		rig->no_dials = !hangs;
		rig->dials_hang = hangs;
		link_dead(&high->link, false);
		refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
		for (int i = 0; i < 10 && !rig->renew; i++)
			pass(500);
		CHECK(rig->renew);
		end();
	}
}

/* Nobody listens at the member's address: no reason to believe who dials from there. */
static void not_believed_where_nobody_listens(void)
{
	struct wire *high;

	both_up(&high);
	rig->dials_hang = true;
	link_dead(&high->link, false);
	refuse_us(strange_link(), STRANGE, WIRE_REFUSE_FAILED);
	for (int i = 0; i < 10; i++) {
		pass(500);
		if (rig->dial[HIGH] && !rig->dial[HIGH]->gone) {
			rig->dial[HIGH]->gone = true;
			link_refused(&rig->dial[HIGH]->link);
			settle();
		}
	}
	CHECK(!rig->renew);
	end();
}

static void a_strange_life_cannot_end_our_dials(void)
{
	static const enum wire_reason reasons[] = {
		WIRE_REFUSE_CLUSTER, WIRE_REFUSE_VERSION, WIRE_REFUSE_FEATURE,
		WIRE_REFUSE_CLOSED, WIRE_REFUSE_LEAVING, WIRE_REFUSE_CLAIMED,
	};

	for (unsigned i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		struct wire *high;

		both_up(&high);
		refuse_us(strange_link(), STRANGE, reasons[i]);
		link_dead(&high->link, false);
		rig->dial[HIGH] = NULL;
		pass(200);		/* no back-off to the cap */
		CHECK(rig->dial[HIGH] != NULL);
		CHECK_EQ(rig->peer[HIGH].give_up, 0);
		CHECK_EQ(rig->down[HIGH], 0);
		end();
	}
}

/* A link that a strange life keeps open in the handshake is no reason not to dial (R7). */
static void a_strange_life_does_not_keep_us_from_dialling(void)
{
	struct wire *high, *w;

	both_up(&high);
	w = strange_link();
	link_dead(&high->link, false);
	rig->dial[HIGH] = NULL;
	pass(200);
	CHECK(!w->gone);
	CHECK(rig->dial[HIGH] != NULL);
	end();
}

/* As a connection whose writes fail: what we say stays unwritten. */
static void feed_unwritten(struct wire *w, const uint8_t *p, size_t n)
{
	struct rx rx = { .p = p, .end = p + n };
	struct core_action a;
	enum rx_result r;

	do {
		r = link_rx(&w->link, &rx);
		while (core_poll(&rig->core, &a))
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
	memset(h.group, 0, sizeof h.group);
	strcpy(h.group, "sinew");
	h.mine = STRANGE;
	for (unsigned i = 0; i < 10; i++)
		n += wire_put_hello(buf + n, HIGH, &h);
	w = incoming(HIGH);
	feed_unwritten(w, buf, n);
	CHECK(w->gone);
	CHECK(strstr(rig->notes, "HELLO before ours was sent"));
	unharmed(low, LOW, 0xfffffffe);
	unharmed(high, HIGH, 0xfffffffe);
	end();
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
	CHECK_EQ(rig->core.faults, 0);
	CHECK_EQ(rig->down[HIGH], 0);
	unharmed(low, LOW, 0xfffffffe);
	end();
}

/* Membership decides, and never names it. */
static void not_named_by_membership(void)
{
	struct hello h = hello_of(HIGH, 77);
	struct wire *w;

	begin(false);
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
	CHECK_EQ(rig->up[HIGH], 0);
	CHECK(!rig->peer[HIGH].session);
	end();
}

int main(void)
{
	RUN(a_strange_life_cannot_declare_us_failed);
	RUN(whoever_listens_there_can);
	RUN(asked_without_a_session);
	RUN(believed_where_no_dial_gets_through);
	RUN(not_believed_where_nobody_listens);
	RUN(a_strange_life_cannot_end_our_dials);
	RUN(a_strange_life_does_not_keep_us_from_dialling);
	RUN(hellos_without_waiting_for_an_answer);
	RUN(half_a_long_message);
	RUN(not_named_by_membership);
	return check_done();
}
