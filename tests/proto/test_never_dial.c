/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of a peer that dials, and is never dialled (R26): each cause of a dial comes to
 * nothing, and what the peer dials is taken as ever. Random schedules are the simulator's.
 */
#include "tests/lib/core_fixture.h"

#define DEAD 2000u	/* path_dead_ms */

static struct peer *never(unsigned id)
{
	struct peer *p;

	fixture_begin(true);
	p = &fx->peer[id];
	peer_set_never_dial(p, true);
	settle();
	return p;
}

/* Half a minute, in which every timer of dials would run. */
static void wait_long(void)
{
	for (unsigned t = 0; t < 40; t++)
		pass(1000);
}

static void nothing_is_dialled_at_first(void)
{
	never(HIGH);
	wait_long();
	CHECK(!fx->dial[HIGH] && fx->dial[LOW]);
}

static void its_dial_is_taken(unsigned id)
{
	struct peer *p = never(id);
	struct wire *w = link_from(id, FIRST);

	CHECK(w->link.state == LINK_UP && p->up == &w->link);
	link_dead(&w->link, false);
	settle();
	CHECK(p->session && !p->up);
	wait_long();
	CHECK(!fx->dial[id] && p->session && !fx->down[id]);
	w = link_from(id, FIRST);
	CHECK(w->link.state == LINK_UP && p->up == &w->link && !fx->down[id]);
}

static void its_dial_is_taken_whoever_decides(void)
{
	its_dial_is_taken(LOW);
	its_dial_is_taken(HIGH);
}

/* Neither new addresses, nor a restart of our own, nor a refusal that asks for a dial. */
static void no_word_makes_us_dial(void)
{
	struct peer *p = never(HIGH);
	struct path_addr a = address_of(HIGH);
	struct refuse r = { .mine = incarnation(HIGH) + 9, .reason = WIRE_REFUSE_FAILED };
	struct hello h = hello_of(HIGH, 77);
	struct wire *w = incoming(HIGH);

	r.yours = fx->core.cfg.incarnation;
	h.mine = r.mine;
	h.yours = 0;
	feed_hello(w, HIGH, &h);
	feed_refuse(w, HIGH, &r);
	CHECK(p->asks && !fx->renew);
	peer_addrs(p, &a, 1);
	settle();
	wait_long();
	core_renew(&fx->core, 78);
	settle();
	wait_long();
	CHECK(!fx->dial[HIGH]);
}

/* Our dial ends, unless it has become the link of the session. */
static void a_dial_that_is_under_way_ends(void)
{
	struct wire *w;

	fixture_begin(true);
	fx->dials_hang = true;
	pass(1000);
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(w && !w->gone);
	peer_set_never_dial(&fx->peer[HIGH], true);
	settle();
	CHECK(w->gone && w->how == LINK_RESET);
	fx->dial[HIGH] = NULL;
	wait_long();
	CHECK(!fx->dial[HIGH]);
	/* It may be dialled again. */
	peer_set_never_dial(&fx->peer[HIGH], false);
	settle();
	pass(1);
	CHECK(fx->dial[HIGH]);
}

static void a_dial_that_has_not_begun_is_dropped(void)
{
	struct peer *p;

	fixture_begin(true);
	p = &fx->peer[LOW];
	peer_dial_check(p);
	CHECK_OR_RETURN(p->dial_pending && !p->dial_polled);
	peer_set_never_dial(p, true);
	CHECK(!p->dial_pending);
	settle();
	CHECK(!fx->dial[LOW]);
}

static void a_link_that_we_dialled_stays(void)
{
	struct wire *w;
	struct hello h;
	struct peer *p;

	fixture_begin(true);
	pass(1000);
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(w && !w->gone);
	h = hello_of(HIGH, 77);
	feed_hello(w, HIGH, &h);
	p = &fx->peer[HIGH];
	CHECK_OR_RETURN(p->up == &w->link);
	peer_set_never_dial(p, true);
	settle();
	CHECK(p->up == &w->link && !w->gone);
}

/* R7: the peer alone dials beside a link that carries nothing. */
static void no_link_beside_one_that_is_stuck(void)
{
	struct wire *w;

	never(HIGH);
	w = link_from(HIGH, FIRST);
	pass(20);
	send_one(HIGH);
	for (unsigned t = 0; t < 3 * DEAD; t += 10) {
		pass(10);
		if (fx->asked == w)
			link_transport(&w->link, true, fx->core.now_ns - w->link.last_rx_ns);
		fx->asked = NULL;
		settle();
	}
	CHECK(w->link.stuck && !fx->dial[HIGH]);
	CHECK(strstr(fx->notes, "until the peer dials a second link"));
}

/* R24: our last ACK may be lost. The peer asks, or it is over with the time. */
static void who_may_miss_the_last_ack_is_waited_for(void)
{
	struct peer *p = never(HIGH);
	struct wire *w = link_from(HIGH, FIRST);

	CHECK_OR_RETURN(p->session);
	peer_time_wait(p, incarnation(HIGH) + 1);
	settle();
	CHECK(peer_in_time_wait(p));
	link_dead(&w->link, false);
	settle();
	wait_long();
	CHECK(!fx->dial[HIGH] && !peer_in_time_wait(p));
}

static void none_of_its_paths_is_probed(void)
{
	struct path_addr both[2] = { address_of(HIGH), address_of(77) };
	struct peer *p;
	struct wire *w;

	fixture_begin(true);
	fx->probes = true;
	p = &fx->peer[HIGH];
	peer_addrs(p, both, 2);
	w = link_from(HIGH, FIRST);
	pass(3000);
	CHECK(w->link.state == LINK_UP && p->probing);
	peer_set_never_dial(p, true);
	settle();
	CHECK(!p->probing && fx->probe[HIGH]->gone);
	fx->probe[HIGH] = NULL;
	wait_long();
	CHECK(!fx->probe[HIGH]);
}

int main(void)
{
	RUN(nothing_is_dialled_at_first);
	RUN(its_dial_is_taken_whoever_decides);
	RUN(no_word_makes_us_dial);
	RUN(a_dial_that_is_under_way_ends);
	RUN(a_dial_that_has_not_begun_is_dropped);
	RUN(a_link_that_we_dialled_stays);
	RUN(no_link_beside_one_that_is_stuck);
	RUN(who_may_miss_the_last_ack_is_waited_for);
	RUN(none_of_its_paths_is_probed);
	return check_done();
}
