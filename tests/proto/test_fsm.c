/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The termination table, written out a second time as people read it: one row a
 * state, one column an event. Knows nothing of fsm.def.
 */
#include "proto/fsm.h"
#include "tests/lib/check.h"

#include <stdlib.h>

/*
 * A cell is the next state and its actions: F our FIN is queued, f the peer is
 * finished, a acknowledge now, n remember, c clean end, s shut the link, k keep
 * it, o the end with a report, ! the peer broke the protocol.
 */
static const char *const rows[FSM_STATES][1 + FSM_EVENTS] = {
	/* in: OPEN, CLOSE, RCV_FIN, FIN_ACKED, LEAVING, END */
	{ "CLOSED", "ESTABLISHED", "CLOSED", "CLOSED", "CLOSED", "CLOSED", "CLOSED" },
	{ "ESTABLISHED", "ESTABLISHED !", "FIN_WAIT1 F", "CLOSE_WAIT af", "ESTABLISHED !",
	  "ESTABLISHED n", "CLOSED o" },
	{ "FIN_WAIT1", "FIN_WAIT1 !", "FIN_WAIT1", "CLOSING af", "FIN_WAIT2", "FIN_WAIT1 n",
	  "CLOSED o" },
	{ "FIN_WAIT2", "FIN_WAIT2 !", "FIN_WAIT2", "CLOSED afcsk", "FIN_WAIT2", "FIN_WAIT2 n",
	  "CLOSED o" },
	{ "CLOSING", "CLOSING !", "CLOSING", "CLOSING !", "CLOSED cs", "CLOSING n", "CLOSED o" },
	{ "CLOSE_WAIT", "CLOSE_WAIT !", "LAST_ACK F", "CLOSE_WAIT !", "CLOSE_WAIT !",
	  "CLOSE_WAIT n", "CLOSED o" },
	{ "LAST_ACK", "LAST_ACK !", "LAST_ACK", "LAST_ACK !", "CLOSED cs", "LAST_ACK n",
	  "CLOSED o" },
};

static const char *const events[FSM_EVENTS] = {
	"OPEN", "CLOSE", "RCV_FIN", "FIN_ACKED", "LEAVING", "END",
};

static enum fsm_state state_of(const char *name, size_t n)
{
	for (int s = 0; s < FSM_STATES; s++)
		if (strlen(fsm_state_name(s)) == n && !strncmp(fsm_state_name(s), name, n))
			return s;
	CHECK(!"a state of that name");
	return FSM_CLOSED;
}

static unsigned actions_of(const char *letters)
{
	static const struct { char letter; unsigned action; } all[] = {
		{ 'F', FSM_QUEUE_FIN }, { 'f', FSM_FINISHED }, { 'a', FSM_ACK_NOW },
		{ 'n', FSM_NOTE }, { 'c', FSM_CLEAN }, { 's', FSM_SHUT }, { 'k', FSM_KEEP },
		{ 'o', FSM_REPORT }, { '!', FSM_FAULT },
	};
	unsigned actions = 0;

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strchr(letters, all[i].letter))
			actions |= all[i].action;
	return actions;
}

static void every_cell(void)
{
	for (int row = 0; row < FSM_STATES; row++) {
		enum fsm_state s = state_of(rows[row][0], strlen(rows[row][0]));

		for (int e = 0; e < FSM_EVENTS; e++) {
			const char *want = rows[row][1 + e];
			size_t n = strcspn(want, " ");
			const struct fsm_cell *cell = fsm_cell(s, e);

			if (!CHECK_EQ(cell->next, state_of(want, n)) ||
			    !CHECK_EQ(cell->actions, actions_of(want + n)))
				printf("# in %s on %s\n", rows[row][0], events[e]);
		}
	}
}

static void names(void)
{
	for (int e = 0; e < FSM_EVENTS; e++)
		CHECK_STR(fsm_event_name(e), events[e]);
	for (int s = 0; s < FSM_STATES; s++)
		for (int t = 0; t < s; t++)
			CHECK(strcmp(fsm_state_name(s), fsm_state_name(t)));
}

/* Holds of any such table, whatever its cells are. */
static void sense(void)
{
	for (int s = 0; s < FSM_STATES; s++) {
		CHECK_EQ(fsm_cell(s, FSM_END)->next, FSM_CLOSED);
		for (int e = 0; e < FSM_EVENTS; e++) {
			const struct fsm_cell *c = fsm_cell(s, e);
			unsigned ends = c->actions & (FSM_CLEAN | FSM_REPORT);

			/* A fault changes nothing; an end says how, and only an end does. */
			if (c->actions & FSM_FAULT)
				CHECK(c->next == (enum fsm_state)s && c->actions == FSM_FAULT);
			CHECK_EQ(ends != 0, c->next == FSM_CLOSED && s != FSM_CLOSED);
			CHECK((c->actions & (FSM_SHUT | FSM_KEEP)) == 0 || ends == FSM_CLEAN);
			CHECK((c->actions & FSM_FINISHED) == 0 || e == FSM_RCV_FIN);
			CHECK((c->actions & FSM_ACK_NOW) != 0 ||
			      (c->actions & FSM_FINISHED) == 0);
		}
	}
}

int main(void)
{
	RUN(every_cell);
	RUN(names);
	RUN(sense);
	return check_done();
}
