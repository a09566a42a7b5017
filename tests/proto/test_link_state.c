/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of a link's life, written out a second time as people read it: one row a state, its
 * events and where they lead. Knows nothing of link.def.
 */
#include "proto/link_state.h"
#include "tests/lib/check.h"

#include <stdlib.h>

/* Events that a state knows, each with the next state and its actions: h a HELLO is due, m
 * membership is, - no time runs, d the session is dropped, t the caller is told. */
static const struct {
	enum link_state state;
	const char *cells;
} rows[] = {
	{ LINK_NEW, "DIAL:CONNECTING ACCEPT:WAIT/h HOLD:HELD/m RX_ONLY:RX_ONLY/- "
		    "LAST_ACK:LAST_ACK/-" },
	{ LINK_CONNECTING, "CONNECTED:WAIT/h PROBED:PROBE HOLD:HELD/m RX_ONLY:RX_ONLY/- "
			   "LAST_ACK:LAST_ACK/- SHUT:GONE/-t" },
	{ LINK_WAIT, "PROBED:PROBE HELLO:READ SHUT:GONE/-t" },
	{ LINK_PROBE, "PROBED:PROBE SHUT:GONE/-t" },
	{ LINK_READ, "ANSWER:ANSWERED/h HOLD:HELD/m GUARD:GUARDED/m UP:UP/- SHUT:GONE/-t" },
	{ LINK_ANSWERED, "ANSWER:ANSWERED/h HOLD:HELD/m GUARD:GUARDED/m UP:UP/- SHUT:GONE/-t" },
	{ LINK_HELD, "ANSWER:ANSWERED/h HOLD:HELD/m GUARD:GUARDED/m UP:UP/- RX_ONLY:RX_ONLY/- "
		     "SHUT:GONE/-t" },
	{ LINK_GUARDED, "ANSWER:ANSWERED/h HOLD:HELD/m GUARD:GUARDED UP:UP/- SHUT:GONE/-t" },
	{ LINK_UP, "RX_ONLY:RX_ONLY LAST_ACK:LAST_ACK/d SHUT:GONE/-dt" },
	{ LINK_RX_ONLY, "UP:UP LAST_ACK:LAST_ACK/d SHUT:GONE/-dt" },
	{ LINK_LAST_ACK, "HOLD:HELD/m RX_ONLY:RX_ONLY/- SHUT:GONE/-t" },
	{ LINK_GONE, "" },
};

static unsigned actions_of(const char *letters)
{
	static const struct { char letter; unsigned action; } all[] = {
		{ 'h', LINK_HELLO_TIME }, { 'm', LINK_HELD_TIME }, { '-', LINK_NO_TIME },
		{ 'd', LINK_DROP }, { 't', LINK_TELL },
	};
	unsigned actions = 0;

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strchr(letters, all[i].letter))
			actions |= all[i].action;
	return actions;
}

/* The cell of that event in a row, or an empty text. */
static const char *cell_text(const char *row, const char *event)
{
	size_t n = strlen(event);

	for (const char *p = row; *p; p += strcspn(p, " "), p += *p == ' ')
		if (!strncmp(p, event, n) && p[n] == ':')
			return p + n + 1;
	return "";
}

static void check_cell(enum link_state s, enum link_event e, const char *want)
{
	const struct link_cell *c = link_cell(s, e);
	const char *next = link_state_name(c->next);
	size_t n = strcspn(want, " /");
	char letters[8] = "";
	bool same;

	if (want[n] == '/')
		snprintf(letters, sizeof letters, "%.*s", (int)strcspn(want + n, " "), want + n);
	if (!n)
		same = CHECK_EQ(c->next, LINK_NEW) && CHECK_EQ(c->actions, 0);
	else
		same = CHECK(strlen(next) == n && !strncmp(next, want, n)) &&
			CHECK_EQ(c->actions, actions_of(letters));
	if (!same)
		printf("# in %s on %s\n", link_state_name(s), link_event_name(e));
}

static void every_cell(void)
{
	CHECK_EQ(sizeof rows / sizeof rows[0], LINK_STATES);
	for (int s = 0; s < LINK_STATES; s++) {
		CHECK_EQ(rows[s].state, s);
		for (int e = 0; e < LINK_EVENTS; e++)
			check_cell((enum link_state)s, (enum link_event)e,
				   cell_text(rows[s].cells, link_event_name((enum link_event)e)));
	}
}

/* Holds of any such table, whatever its cells are. */
static void sense(void)
{
	for (int s = 0; s < LINK_STATES; s++) {
		const struct link_cell *shut = link_cell((enum link_state)s, LINK_EV_SHUT);

		bool idle = s == LINK_NEW || s == LINK_GONE;

		/* A link that has begun can end, once, and nothing begins again. */
		CHECK_EQ(shut->next, idle ? LINK_NEW : LINK_GONE);
		CHECK_EQ(shut->actions & LINK_TELL, idle ? 0 : LINK_TELL);
		for (int e = 0; e < LINK_EVENTS; e++) {
			const struct link_cell *c = link_cell((enum link_state)s,
							      (enum link_event)e);
			bool carried = s == LINK_UP || s == LINK_RX_ONLY;
			bool carries = c->next == LINK_UP || c->next == LINK_RX_ONLY;

			CHECK(s != LINK_GONE || c->next == LINK_NEW);
			/* Or what a kernel dials after the end. */
			CHECK(c->next != LINK_LAST_ACK || carried || s == LINK_NEW ||
			      s == LINK_CONNECTING);
			CHECK((c->next == LINK_GONE) <= (e == LINK_EV_SHUT));
			if (c->next != LINK_NEW)
				CHECK_EQ(c->actions & LINK_DROP,
					 carried && !carries ? LINK_DROP : 0);
			/* Where its time is over, no other state's runs. */
			if (carries && !carried)
				CHECK_EQ(c->actions, LINK_NO_TIME);
		}
	}
}

int main(void)
{
	RUN(every_cell);
	RUN(sense);
	return check_done();
}
