/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A word of the command line that chooses what is run.
 * Knows none of them.
 */
#include "tools/choice.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/options.h"
#include "tools/say.h"

static void print_help(const struct choices *choices, FILE *to)
{
	const char *c;
	size_t i;

	fprintf(to, "%s\n", choices->usage);
	for (i = 0; i < choices->n; i++)
		fprintf(to, "  %-8s %s\n", choices->list[i].word, choices->list[i].summary);
	fprintf(to, "\n\"%s ", choices->name);
	for (c = choices->kind; *c; c++)
		fputc(toupper((unsigned char)*c), to);
	fputs(" --help\" shows its options.\n", to);
}

int choices_run(const struct choices *choices, int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		print_help(choices, stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(choices, stdout);
		return options_printed();
	}
	for (i = 0; i < choices->n; i++)
		if (!strcmp(argv[1], choices->list[i].word))
			return choices->list[i].run(argc - 1, argv + 1);
	say(SINEW_ERROR, "\"%.80s\" is not a %s; \"%s --help\" lists them", argv[1],
	    choices->kind, choices->name);
	return STATUS_USAGE;
}
