/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the cells in which the loop thread leaves word of sessions: the last state
 * alone, and no session merged with the one before. Knows no server.
 */
#include <sys/eventfd.h>

#include "services/server_bell.h"
#include "services/server_cells.h"
#include "tests/lib/cluster.h"

static struct cells *c;
static struct bells bells;
static int fd;

static bool begin(void)
{
	c = calloc(1, sizeof *c);
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!CHECK(c && fd >= 0))
		return false;
	bells.wake_fd = fd;
	cells_init(c, &bells);
	return true;
}

static void end(void)
{
	struct cell_state state;
	unsigned i;

	CHECK(!cells_next(c, &i, &state));
	close(fd);
	free(c);
}

static bool is_woken(void)
{
	uint64_t n;

	return read(fd, &n, sizeof n) == sizeof n;
}

static void the_last_state_is_told_once(void)
{
	struct cell_state s;
	unsigned i, k;

	if (!begin())
		return;
	CHECK(!is_woken());
	cells_watch.session_up(c, 7, 100);
	CHECK(is_woken());
	CHECK(cells_next(c, &i, &s));
	CHECK(s.nodeid == 7 && s.incarnation == 100 && s.up && s.link && s.n_sessions == 1);
	CHECK(!cells_next(c, &k, &s));
	cells_watch.link(c, 7, 100, false);
	cells_watch.link(c, 7, 100, true);
	cells_watch.link(c, 7, 100, false);
	CHECK(cells_next(c, &k, &s));
	CHECK(k == i && s.up && !s.link);
	cells_watch.session_down(c, 7, 100, SINEW_DOWN_FAILED);
	CHECK(cells_next(c, &k, &s));
	CHECK(!s.up && !s.link && s.reason == SINEW_DOWN_FAILED && s.incarnation == 100);
	end();
}

/* Down and up again while nobody looked: another session, though the incarnation is the same. */
static void sessions_are_not_merged(void)
{
	struct cell_state s;
	unsigned i;

	if (!begin())
		return;
	cells_watch.session_up(c, 7, 100);
	CHECK(cells_next(c, &i, &s));
	CHECK_EQ(s.n_sessions, 1);
	cells_watch.session_down(c, 7, 100, SINEW_DOWN_SELF_LOST);
	cells_watch.session_up(c, 7, 100);
	CHECK(cells_next(c, &i, &s));
	CHECK(s.up && s.link);
	CHECK_EQ(s.n_sessions, 2);
	CHECK_EQ(s.reason, SINEW_DOWN_SELF_LOST);
	end();
}

/* More peers than cells: one whose end was seen gives its cell, no other one. */
static void a_cell_is_given_when_its_end_was_seen(void)
{
	struct cell_state s;
	unsigned i, n = 0;

	if (!begin())
		return;
	for (uint32_t id = 1; id <= CELLS_MAX; id++)
		cells_watch.session_up(c, id, id);
	while (cells_next(c, &i, &s))
		n++;
	CHECK_EQ(n, CELLS_MAX);
	cells_watch.session_up(c, 5000, 1);
	CHECK_EQ(atomic_load(&c->n_lost), 1);
	cells_watch.session_down(c, 17, 17, SINEW_DOWN_LEFT);
	cells_watch.session_up(c, 5000, 1);
	CHECK_EQ(atomic_load(&c->n_lost), 2);
	CHECK(cells_next(c, &i, &s));
	CHECK(s.nodeid == 17 && !s.up);
	cells_watch.session_up(c, 5000, 1);
	CHECK_EQ(atomic_load(&c->n_lost), 2);
	CHECK(cells_next(c, &n, &s));
	CHECK(n == i && s.nodeid == 5000 && s.up && s.incarnation == 1);
	CHECK_EQ(s.reason, 0);
	end();
}

static void options_are_told_by_name(void)
{
	static const char a[] = "ack_ms", b[] = "stall_ms";

	if (!begin())
		return;
	CHECK(!cells_next_option(c));
	cells_watch.option(c, a);
	cells_watch.option(c, b);
	cells_watch.option(c, a);
	CHECK(is_woken());
	CHECK(cells_next_option(c) == a);
	CHECK(cells_next_option(c) == b);
	CHECK(!cells_next_option(c));
	cells_watch.option(c, b);
	CHECK(cells_next_option(c) == b);
	end();
}

/* Once each, and no other thread is awaited for it. */
static void each_word_wakes_the_server(void)
{
	static const char name[] = "ack_ms";
	struct cell_state s;
	unsigned i;

	if (!begin())
		return;
	cells_watch.session_up(c, 7, 100);
	CHECK(is_woken() && !is_woken() && cells_next(c, &i, &s));
	cells_watch.link(c, 7, 100, false);
	CHECK(is_woken() && !is_woken() && cells_next(c, &i, &s));
	cells_watch.session_down(c, 7, 100, SINEW_DOWN_LEFT);
	CHECK(is_woken() && !is_woken() && cells_next(c, &i, &s));
	cells_watch.option(c, name);
	CHECK(is_woken() && !is_woken() && cells_next_option(c) == name);
	cells_watch.renewed(c, 101);
	CHECK(is_woken() && !is_woken() && atomic_exchange(&c->renewed, false));
	cells_watch.closing(c);
	CHECK(is_woken() && !is_woken() && atomic_load(&c->closing));
	end();
}

int main(void)
{
	RUN(the_last_state_is_told_once);
	RUN(sessions_are_not_merged);
	RUN(a_cell_is_given_when_its_end_was_seen);
	RUN(options_are_told_by_name);
	RUN(each_word_wakes_the_server);
	return check_done();
}
