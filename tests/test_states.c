/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the printed form of the termination table, proto/STATES: printed from the
 * table that runs, and compared with the file. After a change of fsm.def:
 *
 *	build/tests/test_states --print >proto/STATES
 */
#include "proto/fsm.h"
#include "tests/check.h"

#include <stdlib.h>

static void actions(FILE *out, unsigned set)
{
	static const struct {
		enum fsm_action bit;
		const char *name;
	} names[] = {
		{ FSM_QUEUE_FIN, "queue FIN" }, { FSM_ACK_NOW, "acknowledge now" },
		{ FSM_FINISHED, "tell finished" }, { FSM_NOTE, "remember" },
		{ FSM_CLEAN, "end, clean" }, { FSM_SHUT, "shut the link" },
		{ FSM_KEEP, "keep the link" }, { FSM_REPORT, "end, report" },
		{ FSM_FAULT, "fault" },
	};
	const char *comma = "";

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (!(set & names[i].bit))
			continue;
		fprintf(out, "%s%s", comma, names[i].name);
		comma = ", ";
	}
}

static void print(FILE *out)
{
	fprintf(out,
		"Termination of a session: printed from proto/fsm.def, which also says what the\n"
		"events and actions mean.\n\n%-12s %-10s %-12s %s\n\n", "state", "event", "next",
		"actions");
	for (int s = 0; s < FSM_STATES; s++) {
		for (int e = 0; e < FSM_EVENTS; e++) {
			const struct fsm_cell *c = fsm_cell((enum fsm_state)s, (enum fsm_event)e);
			const char *dash = c->actions ? " " : "";

			fprintf(out, "%-12s %-10s %s", fsm_state_name((enum fsm_state)s),
				fsm_event_name((enum fsm_event)e), fsm_state_name(c->next));
			if (*dash)
				fprintf(out, "%*s", 13 - (int)strlen(fsm_state_name(c->next)), "");
			actions(out, c->actions);
			fputc('\n', out);
		}
		fputc('\n', out);
	}
}

static void printed_table_is_the_one_that_runs(void)
{
	char *text = NULL;
	size_t n = 0;
	FILE *mem = open_memstream(&text, &n), *file = fopen("proto/STATES", "r");
	static char have[16384];
	size_t got;

	CHECK_OR_RETURN(mem && file);
	print(mem);
	fclose(mem);
	got = fread(have, 1, sizeof have, file);
	fclose(file);
	CHECK_EQ(got, n);
	CHECK_MEM(have, text, got < n ? got : n);
	free(text);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		print(stdout);
		return 0;
	}
	RUN(printed_table_is_the_one_that_runs);
	return check_done();
}
