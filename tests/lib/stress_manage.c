/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the calls of a worker that looks after a node; knows nothing of when it is enough. */
#include "lowcomms/sinew-manage.h"
#include "tests/lib/stress_calls.h"

/* One more than may observe. */
static char observers[SINEW_WATCHES_MAX + 1];

static bool is_observer(const void *arg)
{
	return (const char *)arg >= observers && (const char *)arg < observers + sizeof observers;
}

static void watched(void *arg)
{
	MUST(is_observer(arg));
}

static void watched_renewed(void *arg, uint64_t incarnation)
{
	MUST(is_observer(arg) && incarnation);
}

static void watched_up(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	MUST(is_observer(arg) && nodeid && nodeid < STRANGER && incarnation);
}

static void watched_down(void *arg, uint32_t nodeid, uint64_t incarnation, enum sinew_down reason)
{
	MUST(is_observer(arg) && nodeid && nodeid < STRANGER && incarnation && reason);
}

static void watched_link(void *arg, uint32_t nodeid, uint64_t incarnation, bool up)
{
	(void)up;
	MUST(is_observer(arg) && nodeid && nodeid < STRANGER && incarnation);
}

static void watched_peer(void *arg, uint32_t nodeid)
{
	MUST(is_observer(arg) && nodeid && nodeid <= STRANGER);
}

static void watched_quorum(void *arg, bool quorate)
{
	(void)quorate;
	MUST(is_observer(arg));
}

void call_watch(struct worker *w)
{
	const struct sinew_watch watch = {
		.size = sizeof watch, .renewed = watched_renewed, .closing = watched,
		.closed = watched, .session_up = watched_up, .session_down = watched_down,
		.link = watched_link, .peer = watched_peer, .quorum = watched_quorum,
	};
	char *arg = &observers[draw(w, sizeof observers)];

	EXPECT("sinew_watch", sinew_watch(w->s->n, draw(w, 2) ? &watch : NULL, arg), EBUSY,
	       ENOSPC);
}
