/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log of the acts: a line of JSON for the run, one for each act, without
 * times, in the end sorted by place; and the way back from such a file.
 * Knows nothing of how an act is done.
 */
#ifndef TOOLS_BREAK_RELAY_LOG_H
#define TOOLS_BREAK_RELAY_LOG_H

#include <stdio.h>

#include "tools/break/relay_plan.h"

struct json_object;

#define RELAY_ACTS_MAX		(1 << 20)	/* of one log */
#define RELAY_LOG_LINE_MAX	16384		/* bytes, NUL included; more than the longest */

struct relay_log {
	FILE *file;		/* NULL: there is none */
	struct json_object *head;	/* its first line */
	struct relay_record *records;	/* what was done, in the order of doing */
	size_t n_records, room;
	int error;		/* the first one, negative errno; nothing more is written then */
};

/* The first line for these rules. */
void relay_log_head(struct relay_log *log, const struct relay_faults *faults);
/* Empties the file and writes the first line. Negative errno. */
int relay_log_open(struct relay_log *log, const char *name);
/* Also when there is no file. */
void relay_log_act(struct relay_log *log, const struct relay_place *place,
		   const struct relay_act *act);
bool relay_log_is_full(const struct relay_log *log);
/* Sorts what a file has, closes it. Negative errno: the log is not whole. */
int relay_log_close(struct relay_log *log);

/*
 * Reads a log: seed and records of faults, the first line to log. The records are
 * to be released by free(). Negative errno after it said why.
 */
int relay_log_read(const char *name, struct relay_log *log, struct relay_faults *faults);

#endif
