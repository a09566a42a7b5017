/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The results of a run: a table or JSON, meanwhile a line on a terminal and a file.
 * Knows nothing of how a connection is hit.
 */
#ifndef TOOLS_BREAK_REPORT_H
#define TOOLS_BREAK_REPORT_H

#include "tools/break/match.h"

/* Once in a while: the line on a terminal, the file of --stats. 0, or an exit status. */
int report_progress(struct match *m);
/* When report_progress() wants to be called again, round or not; CLOCK_NEVER: need not. */
uint64_t report_deadline(const struct match *m);
/* The end: table or JSON, and the file. The exit status; error is that of the run, or 0. */
int report_finish(struct match *m, int error);

/* For --probe, after it went well. The exit status. */
int report_probe(const struct match *m);
/* For --dry-run: what was found. The exit status. */
int report_list(const struct match *m);

#endif
