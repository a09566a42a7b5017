/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packets hit: counted by pairs of addresses, told as a table or as JSON, meanwhile as a
 * line on a terminal and in a file. Knows nothing of how a connection is hit.
 */
#ifndef TOOLS_BREAK_REPORT_H
#define TOOLS_BREAK_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/break/diag.h"
#include "tools/break/filter.h"
#include "tools/break/match_options.h"
#include "tools/break/pace.h"

#define REPORT_PAIRS_MAX	1024	/* what comes beyond is counted in the sums alone */

struct report_counts {
	uint64_t n_tried, n_kills;
};

struct report_pair {
	struct filter_address addresses[2];	/* the lower one first */
	struct report_counts counts;
};

struct report {
	const char *mode;
	const struct match_options *options;
	const struct pace *pace;
	struct report_counts sum;
	uint64_t n_left_out;	/* connections for which a round had no room */
	uint64_t n_segments;	/* forged ones that were sent */
	struct report_pair pairs[REPORT_PAIRS_MAX];
	unsigned n_pairs;
	bool is_terminal;
	uint64_t next_line_ns, next_file_ns;
};

/* The three things outlive the report. */
void report_init(struct report *r, const char *mode, const struct match_options *o,
		 const struct pace *p);
/* Counts a connection that was tried; it was killed, or missed: it had gone or it lives on. */
void report_count(struct report *r, const struct diag_connection *c, bool killed);
/* As many kills as were asked for. */
bool report_is_enough(const struct report *r);

/* Once in a while: the line on a terminal, the file of --stats. 0, or an exit status. */
int report_progress(struct report *r);
/* When report_progress() wants to be called again, round or not; CLOCK_NEVER: need not. */
uint64_t report_deadline(const struct report *r);
/* The end: table or JSON, and the file. The exit status; error is that of the mode, or 0. */
int report_finish(struct report *r, int error);

/* For --probe, after it went well. The exit status. */
int report_probe(const struct match_options *o, const char *mode);
/* For --dry-run: what would be hit. The exit status. */
int report_list(const struct match_options *o, const char *mode,
		const struct diag_connection *found, unsigned n, unsigned n_left_out);

#endif
