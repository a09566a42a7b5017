/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Those modes that hit whole connections: which are meant, rounds at their times, and what came of
 * them. A method hits them. Knows nothing of how.
 */
#ifndef TOOLS_BREAK_MATCH_H
#define TOOLS_BREAK_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/break/break.h"
#include "tools/break/diag.h"
#include "tools/break/filter.h"

#define MATCH_FOUND_MAX		4096	/* connections of one round */
#define MATCH_PAIRS_MAX		1024	/* what comes beyond is counted in the sums alone */

struct match;

struct match_options {
	struct filter filter;
	const char *netns;	/* or NULL: the current one */
	const char *interface;	/* or NULL; only of modes that listen */
	uint32_t every_ms;	/* 0: one round and no more */
	uint32_t for_ms;	/* 0: no end */
	uint32_t listen_ms;	/* before the first round, with an interface */
	uint64_t count;		/* kills; 0: no end */
	double probability;	/* that a connection is hit in a round */
	uint64_t seed;
	bool dry_run;
	bool probe;
	bool json;
	const char *stats;	/* or NULL */
};

/* How connections are hit. Each function gives 0 or a negative errno. */
struct match_method {
	const char *mode;	/* "destroy" */
	const char *name;	/* "sinew break destroy" */
	const char *usage;	/* the first lines of --help, up to the common options */
	const char *status;	/* the last lines of --help */
	bool listens;		/* it knows --interface and --listen */

	size_t own_size;	/* bytes that it owns, 0 at first */
	int (*open)(struct match *m);		/* or NULL */
	void (*close)(struct match *m);		/* also after open() failed; or NULL */
	int (*see)(struct match *m);		/* seen_fd is readable; NULL: there is none */
	int (*add)(struct match *m);		/* to found: those seen by listening; or NULL */
	int (*play)(struct match *m);		/* one round with those found */

	const char *act;		/* for an error: "destroying connections" */
	const char *capability;		/* that it needs */
	const char *unsupported;	/* -EOPNOTSUPP in words, or NULL */
	const char *failed;		/* before any other error */
	int own_error;			/* that the process finds whose connection was hit */
	const char *unharmed;		/* when --probe finds another one */
};

struct match_counts {
	uint64_t n_tried, n_kills;
};

struct match_pair {
	struct filter_address addresses[2];	/* the lower one first */
	struct match_counts counts;
};

struct match {
	const struct match_method *method;
	struct match_options options;
	struct pace pace;
	struct diag *diag;
	struct diag_connection found[MATCH_FOUND_MAX];	/* of this round, sorted by their ends */
	unsigned n_found;
	uint64_t draw;		/* state of the generator */
	void *own;		/* of the method, own_size bytes */
	int seen_fd;		/* between rounds: readable when it has seen something; or -1 */

	struct match_counts sum;
	uint64_t n_left_out;	/* connections for which a round had no room */
	uint64_t n_segments;	/* forged ones that were sent */
	struct match_pair pairs[MATCH_PAIRS_MAX];
	unsigned n_pairs;
	bool is_terminal;
	uint64_t next_line_ns, next_file_ns;
};

int match_main(const struct match_method *method, int argc, char **argv);

/* True with the probability of --random; the same draws after the same seed. */
bool match_chance(struct match *m);
/* Counts a connection that was tried; it was killed, or missed: it had gone or it lives on. */
void match_count(struct match *m, const struct diag_connection *c, bool killed);
/* As many kills as were asked for. */
bool match_is_enough(const struct match *m);

#endif
