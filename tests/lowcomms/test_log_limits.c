/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test that one kind of line about one peer is said ten times in ten seconds and no more,
 * and that the next one says how many were left out. Knows the public header only.
 * run.sh: long waits
 */
#include "tests/lib/cluster.h"

#define BURST		10u
#define WINDOW_MS	10000u
#define BREAKS		15u

static unsigned n_up, left_out;

static void listen_to(void *user, enum sinew_level level, const char *line)
{
	const char *more = strstr(line, " suppressed=");

	if (*(unsigned *)user != 1 || level != SINEW_INFO || !strstr(line, " link up "))
		return;
	n_up++;
	if (more)
		left_out += (unsigned)atoi(more + strlen(" suppressed="));
}

static void talkative(struct sinew_options *o)
{
	cluster_log_to(o, SINEW_INFO, listen_to);
}

static uint64_t reconnects(struct cluster *c)
{
	struct sinew_status st = status_of(&c->t[1], 2);

	return st.link_up ? st.reconnects : 0;
}

static void break_once(struct cluster *c)
{
	const uint64_t before = reconnects(c);

	CHECK_EQ(sinew_break(c->t[1].n, 2), 0);
	DRIVE(c, reconnects(c) > before);
}

static void what_was_left_out_is_counted(void)
{
	const int64_t began = now_ms();
	struct cluster *c = cluster_new(2, talkative);
	uint64_t links;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	for (unsigned i = 0; i < BREAKS; i++)
		break_once(c);
	links = reconnects(c) + 1;
	CHECK(n_up == BURST || now_ms() - began >= WINDOW_MS);
	CHECK_EQ(left_out, 0);
	DRIVE(c, now_ms() - began > WINDOW_MS + 100);
	break_once(c);
	CHECK_EQ(n_up, BURST + 1);
	CHECK_EQ(left_out, links - BURST);
	cluster_free(c);
}

int main(void)
{
	RUN(what_was_left_out_is_counted);
	return check_done();
}
