/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of a subcommand, by a table of its options: the parser takes from it what an
 * option may have, where it goes, how a value is refused, and its lines of --help.
 * Knows no subcommand.
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/sinew.h"

#define OPTIONS_SECONDS_MAX	1000000
#define OPTIONS_MAX		32	/* rows of a table */
#define OPTIONS_NODES_MAX	1024	/* nodes in a list */

enum option_kind {
	OPTION_IS_END,		/* of the table */
	OPTION_IS_HELP,		/* only lines of --help */
	OPTION_IS_FLAG,		/* bool: set if it is there */
	OPTION_IS_TEXT,		/* const char *: as it stands */
	OPTION_IS_NUMBER,	/* digits */
	OPTION_IS_NODEID,	/* digits */
	OPTION_IS_SIZE,		/* digits, then perhaps k, M or G */
	OPTION_IS_MS,		/* digits */
	OPTION_IS_SECONDS,	/* digits, perhaps with up to three behind a point; kept in ms */
	OPTION_IS_WORD,		/* one of some; an enum */
	OPTION_IS_NODES,	/* struct option_nodes: "all", or nodeids with commas between */
	OPTION_IS_OTHER,	/* a function knows */
};

/* By the macros below. */
struct option_row {
	enum option_kind kind;
	char letter;			/* its short form, or 0 */
	const char *name;		/* without "--" */
	size_t offset, size;		/* of the member of the settings that it sets */
	uint64_t least, most;		/* of a number; OPTION_IS_WORD: the value of the first */
	const char *const *words;	/* OPTION_IS_WORD; ends with NULL */
	const char *(*take)(void *member, const char *value);	/* OPTION_IS_OTHER */
	const char *value;		/* what --help calls it, or NULL */
	const char *help;		/* lines with \n between */
};

struct option_nodes {
	bool all;
	unsigned n;
	uint32_t ids[OPTIONS_NODES_MAX];
};

struct option_table {
	const char *name;		/* "sinew cat" */
	const char *usage;		/* the lines of --help before its options */
	const char *end;		/* and behind them */
	const struct option_row *rows;	/* ends with OPTION_END */
	/* Takes what is no option: -1, or an exit status, after it said why. NULL: nothing may be
	 * there. */
	int (*operand)(void *settings, const char *value);
};

/* A member of another type, and bounds that it cannot hold, do not compile. */
#define OPTION_MEMBER(type, member)	((type *)NULL)->member
#define OPTION_MOST(member)		(UINT64_MAX >> (64 - 8 * sizeof(member)))
#define OPTION_PUT(type, member, c_type) \
	.offset = _Generic(OPTION_MEMBER(type, member), c_type: offsetof(type, member)), \
	.size = sizeof(OPTION_MEMBER(type, member))
#define OPTION_PUT_NUMBER(type, member, most_) \
	.offset = _Generic(OPTION_MEMBER(type, member), uint16_t: offsetof(type, member), \
			   uint32_t: offsetof(type, member), uint64_t: offsetof(type, member)), \
	.size = sizeof(struct { \
		_Static_assert((most_) <= OPTION_MOST(OPTION_MEMBER(type, member)), "too narrow"); \
		char as_wide[sizeof(OPTION_MEMBER(type, member))]; \
	})
#define OPTION_OF_NUMBER(kind_, name_, type, member, least_, most_, value_, help_) { \
	.kind = (kind_), .name = (name_), OPTION_PUT_NUMBER(type, member, most_), \
	.least = (least_), .most = (most_), .value = (value_), .help = (help_) }

/* OPTION_NUMBER("kills", struct settings, kills, 1, UINT32_MAX, "N", "run until ...") */
#define OPTION_NUMBER(name, type, member, least, most, value, help) \
	OPTION_OF_NUMBER(OPTION_IS_NUMBER, name, type, member, least, most, value, help)
#define OPTION_SIZE(name, type, member, least, most, help) \
	OPTION_OF_NUMBER(OPTION_IS_SIZE, name, type, member, least, most, "BYTES", help)
#define OPTION_MS(name, type, member, least, most, help) \
	OPTION_OF_NUMBER(OPTION_IS_MS, name, type, member, least, most, "MS", help)
/* With its bounds in milliseconds. */
#define OPTION_SECONDS(name, type, member, least_ms, most_ms, help) \
	OPTION_OF_NUMBER(OPTION_IS_SECONDS, name, type, member, least_ms, most_ms, "S", help)
#define OPTIONS_SECONDS_MAX_MS	(UINT64_C(1000) * OPTIONS_SECONDS_MAX)
#define OPTION_NODEID(name, type, member, help) \
	OPTION_OF_NUMBER(OPTION_IS_NODEID, name, type, member, 1, INT32_MAX, "ID", help)
#define OPTION_FLAG(name, type, member, help)	OPTION_FLAG_LETTER(name, 0, type, member, help)
#define OPTION_FLAG_LETTER(name_, letter_, type, member, help_) { \
	.kind = OPTION_IS_FLAG, .name = (name_), .letter = (letter_), \
	OPTION_PUT(type, member, bool), .help = (help_) }
#define OPTION_TEXT(name_, type, member, value_, help_) { \
	.kind = OPTION_IS_TEXT, .name = (name_), OPTION_PUT(type, member, const char *), \
	.value = (value_), .help = (help_) }
/* The words stand for first and what follows it. */
#define OPTION_WORD(name_, type, member, first, words_, value_, help_) { \
	.kind = OPTION_IS_WORD, .name = (name_), OPTION_PUT_NUMBER(type, member, 0), \
	.least = (first), .words = (words_), .value = (value_), .help = (help_) }
#define OPTION_LEVEL(name, type, member, value, help) \
	OPTION_WORD(name, type, member, SINEW_ERROR, options_levels, value, help)
#define OPTION_NODES(name_, type, member, value_, help_) { \
	.kind = OPTION_IS_NODES, .name = (name_), \
	OPTION_PUT(type, member, struct option_nodes), .value = (value_), .help = (help_) }
/* take gives NULL, or what it expected instead; with a value of NULL the option has none. */
#define OPTION_OTHER(name_, take_, value_, help_) { \
	.kind = OPTION_IS_OTHER, .name = (name_), .take = (take_), .value = (value_), \
	.help = (help_) }
/* The same, for a function that gets the member instead of the settings. */
#define OPTION_PART(name_, type, member, take_, value_, help_) { \
	.kind = OPTION_IS_OTHER, .name = (name_), .offset = offsetof(type, member), \
	.take = (take_), .value = (value_), .help = (help_) }
/* Another entry of the help; without a head, whole lines. */
#define OPTION_HELP(head, help_)	{ .kind = OPTION_IS_HELP, .value = (head), .help = (help_) }
#define OPTION_END			{ .kind = OPTION_IS_END }

extern const char *const options_levels[];	/* the names of enum sinew_level */

/* -1: go on; else an exit status, after help or an error was printed. */
int options_parse(const struct option_table *table, void *settings, int argc, char **argv);

/* The exit status of a write to standard output that gave rc, 0 or a negative errno; says why it
 * failed. */
int options_written(int rc);
/* The same of all that was printed there, which is flushed. */
int options_printed(void);

/* 1 .. 2147483647 */
bool options_nodeid(const char *text, uint32_t *ret_id);
/* Nodeids with commas between. False also if there are more than max. */
bool options_nodeids(const char *text, uint32_t *ret_ids, unsigned max, unsigned *ret_n);

/* ---- a word that chooses what is run ---- */

struct choice {
	const char *word;
	int (*run)(int argc, char **argv);	/* from that word on; gives an exit status */
	const char *summary;
};

struct choices {
	const char *name;	/* "sinew break" */
	const char *kind;	/* what a word stands for: "mode" */
	const char *usage;	/* of the help, what is before the list */
	const struct choice *list;
	size_t n;
};

/* Runs what argv[1] says, with the prefix of its words (tools/say.h), or prints help; an exit
 * status. */
int choices_run(const struct choices *choices, int argc, char **argv);

#endif
