/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the printed form of the tables of states, proto/STATES and proto/LINKS: printed from the
 * tables that run, and compared with the files. After a change of fsm.def or link.def:
 *
 *	build/tests/test_states --print >proto/STATES
 *	build/tests/test_states --print-links >proto/LINKS
 */
#include "proto/fsm.h"
#include "proto/link_state.h"
#include "tests/lib/check.h"

#include <stdlib.h>

struct name {
	unsigned bit;
	const char *name;
};

/* The part behind the next state of a cell. */
static void print_actions(FILE *out, unsigned set, const struct name *names, unsigned n)
{
	const char *comma = "";

	for (unsigned i = 0; i < n; i++) {
		if (!(set & names[i].bit))
			continue;
		fprintf(out, "%s%s", comma, names[i].name);
		comma = ", ";
	}
	fputc('\n', out);
}

static void print_cell(FILE *out, const char *state, const char *event, const char *next,
		       bool more)
{
	fprintf(out, "%-12s %-10s %s", state, event, next);
	if (more)
		fprintf(out, "%*s", 13 - (int)strlen(next), "");
}

static void print_states(FILE *out)
{
	static const struct name names[] = {
		{ FSM_QUEUE_FIN, "queue FIN" }, { FSM_ACK_NOW, "acknowledge now" },
		{ FSM_FINISHED, "tell finished" }, { FSM_NOTE, "remember" },
		{ FSM_CLEAN, "end, clean" }, { FSM_SHUT, "shut the links" },
		{ FSM_KEEP, "keep this one" }, { FSM_REPORT, "end, report" },
		{ FSM_FAULT, "fault" },
	};

	fprintf(out,
		"Termination of a session: printed from proto/fsm.def, which also says what the\n"
		"events and actions mean.\n\n%-12s %-10s %-12s %s\n\n", "state", "event", "next",
		"actions");
	for (int s = 0; s < FSM_STATES; s++) {
		for (int e = 0; e < FSM_EVENTS; e++) {
			const struct fsm_cell *c = fsm_cell((enum fsm_state)s, (enum fsm_event)e);

			print_cell(out, fsm_state_name((enum fsm_state)s),
				   fsm_event_name((enum fsm_event)e), fsm_state_name(c->next),
				   c->actions);
			print_actions(out, c->actions, names, sizeof names / sizeof names[0]);
		}
		fputc('\n', out);
	}
}

static void print_links(FILE *out)
{
	static const struct name names[] = {
		{ LINK_HELLO_TIME, "HELLO due in hello_ns" },
		{ LINK_HELD_TIME, "membership due in held_ns" },
		{ LINK_DROP, "carries no session" }, { LINK_NO_TIME, "no time" },
		{ LINK_TELL, "tell the caller" },
	};

	fprintf(out,
		"The life of a link: printed from proto/link.def, which also says what states,\n"
		"events and actions mean. Anything else cannot happen.\n\n"
		"%-12s %-10s %-12s %s\n\n", "state", "event", "next", "actions");
	for (int s = 0; s < LINK_STATES; s++) {
		for (int e = 0; e < LINK_EVENTS; e++) {
			const struct link_cell *c = link_cell((enum link_state)s,
							      (enum link_event)e);

			if (c->next == LINK_NEW)
				continue;
			print_cell(out, link_state_name((enum link_state)s),
				   link_event_name((enum link_event)e), link_state_name(c->next),
				   c->actions);
			print_actions(out, c->actions, names, sizeof names / sizeof names[0]);
		}
		fputc('\n', out);
	}
}

static void compare(const char *path, void (*print)(FILE *out))
{
	char *text = NULL;
	size_t n = 0;
	FILE *mem = open_memstream(&text, &n), *file = fopen(path, "r");
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

static void printed_tables_are_the_ones_that_run(void)
{
	compare("proto/STATES", print_states);
	compare("proto/LINKS", print_links);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--print") == 0)
		print_states(stdout);
	else if (argc == 2 && strcmp(argv[1], "--print-links") == 0)
		print_links(stdout);
	else
		RUN(printed_tables_are_the_ones_that_run);
	return argc == 2 ? 0 : check_done();
}
