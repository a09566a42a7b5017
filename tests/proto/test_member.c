/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what membership says of incarnations: each word is about one incarnation, and
 * what was said before there is memory for a session holds for the session.
 */
#include "tests/lib/core_fixture.h"

static struct peer *member_with(bool memory)
{
	struct peer *p;

	fixture_begin(false);
	fx->no_provide = !memory;
	p = &fx->peer[HIGH];
	peer_added(p, incarnation(HIGH));
	settle();
	return p;
}

static struct peer *member(void)
{
	return member_with(true);
}

static void words_about_another_incarnation_change_nothing(void)
{
	struct peer *p = member();
	struct session *s = p->session;

	CHECK_OR_RETURN(s);
	peer_leaving(p, incarnation(HIGH) + 1);
	peer_left(p, incarnation(HIGH) + 1);
	peer_failed(p, incarnation(HIGH) + 1);
	settle();
	CHECK(p->session == s && p->member == incarnation(HIGH) && !p->member_leaving &&
		      !s->removed);
	CHECK_EQ(s->end, SESSION_ALIVE);
	CHECK_EQ(session_state(s), FSM_ESTABLISHED);
	CHECK(!tombstones_find(&p->tombstones, incarnation(HIGH)));
	/* The same words about its own. */
	peer_leaving(p, incarnation(HIGH));
	CHECK(p->member_leaving && s->removed);
	peer_left(p, incarnation(HIGH));
	CHECK(!p->session && !p->member);
	settle();
	CHECK(tombstones_find(&p->tombstones, incarnation(HIGH)));
}

/* A member for whose session there is no memory. */
static struct peer *member_without_memory(void)
{
	struct peer *p = member_with(false);

	peer_failed(p, incarnation(HIGH));
	settle();
	peer_added(p, incarnation(HIGH) + 1);
	settle();
	CHECK(!p->session && p->member == incarnation(HIGH) + 1);
	return p;
}

static void what_was_said_holds_when_there_is_memory(void)
{
	struct peer *p;

	for (unsigned leaving = 0; leaving < 2; leaving++) {
		p = member_without_memory();
		peer_leaving(p, incarnation(HIGH) + (leaving ? 1 : 2));
		peer_failed(p, incarnation(HIGH) + 2);
		peer_provide(p, new_session());
		CHECK_OR_RETURN(p->session);
		CHECK_EQ(p->session->incarnation, incarnation(HIGH) + 1);
		CHECK_EQ(p->session->removed, leaving);
		settle();
	}
	p = member_without_memory();
	peer_left(p, incarnation(HIGH) + 1);
	peer_provide(p, new_session());
	CHECK(!p->session);
}

/* The word that an incarnation leaves does not pass to the next one. */
static void the_next_incarnation_does_not_leave(void)
{
	struct peer *p = member();

	peer_leaving(p, incarnation(HIGH));
	peer_added(p, incarnation(HIGH) + 1);
	settle();
	CHECK(fx->down[HIGH] == 1 && p->session && !p->session->removed && !p->member_leaving);
}

/* A failure without an incarnation is of the one whose session there is. */
static void a_failure_without_an_incarnation(void)
{
	struct peer *p = member();

	peer_failed(&fx->peer[LOW], 0);
	peer_failed(p, 0);
	settle();
	CHECK(!p->session && tombstones_find(&p->tombstones, incarnation(HIGH)));
	CHECK(!fx->peer[LOW].tombstones.n);
}

/* The dial that waits for its turn goes to the new addresses. */
static void a_dial_goes_to_the_new_address(void)
{
	struct path_addr two[] = { address_of(HIGH), address_of(HIGH + 10) };
	struct core_action a;
	struct peer *p = member();

	CHECK_OR_RETURN(fx->dial[HIGH] || p->session);
	fx->no_dials = true;
	if (fx->dial[HIGH]) {
		link_dead(&fx->dial[HIGH]->link, false);
		settle();
	}
	peer_addrs(p, two, 2);
	paths_failed(&p->paths, 0);
	core_now(&fx->core, fx->core.now_ns + 60000000000u);
	core_tick(&fx->core);
	CHECK_OR_RETURN(p->dial_pending && p->dial_path == 1);
	peer_addrs(p, two, 1);
	CHECK_EQ(p->dial_path, 0);
	while (core_poll(&fx->core, &a)) {
		if (a.what == CORE_DIAL)
			CHECK(a.peer != p || a.path == 0);
		act(&a);
	}
}

int main(void)
{
	RUN(words_about_another_incarnation_change_nothing);
	RUN(what_was_said_holds_when_there_is_memory);
	RUN(the_next_incarnation_does_not_leave);
	RUN(a_failure_without_an_incarnation);
	RUN(a_dial_goes_to_the_new_address);
	return check_done();
}
