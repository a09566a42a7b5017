/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of a subcommand: walks over its options, says what is wrong
 * with one, and reads the values that several subcommands know.
 * Knows no subcommand.
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/sinew.h"

#define OPTIONS_SECONDS_MAX	1000000
#define OPTIONS_LETTERS_MAX	16	/* bytes of ":h" and the letters of a subcommand */

struct options {
	const char *name;		/* "sinew cat" */
	const char *help;		/* all that --help prints */
	const char *letters;		/* options of one letter, without a value; or NULL */
	const struct option *list;	/* "help" gives 'h'; ends with { 0 } */
	/* Takes an option and its value (NULL if it has none). -1: go on; else the
	 * exit status, after it said why, by options_refuse() for example. */
	int (*take)(void *arg, int option, const char *value);
	/* The same for what is no option; NULL: there may be none. */
	int (*operand)(void *arg, const char *value);
	void *arg;
};

/* -1: go on; else an exit status, after help or an error was printed. */
int options_walk(const struct options *o, int argc, char **argv);
/* Says that a value is none; gives STATUS_USAGE. */
int options_refuse(const char *option, const char *value, const char *expected);
/* The status of what was printed to standard output, after it said why it has not arrived. */
int options_printed(void);

/* Digits, perhaps with up to three behind a point; at most OPTIONS_SECONDS_MAX. */
bool options_seconds(const char *text, uint32_t *ret_ms);
/* 1 .. 2147483647 */
bool options_nodeid(const char *text, uint32_t *ret_id);
/* Nodeids with commas between. False also if there are more than max. */
bool options_nodeids(const char *text, uint32_t *ret_ids, unsigned max, unsigned *ret_n);
/* "error", "warning", "info" or "debug" */
bool options_level(const char *text, enum sinew_level *ret_level);

#endif
