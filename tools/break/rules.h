/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packets to block, as commands of nft(8), and what such a table has counted.
 * Pure: hands nothing to the kernel.
 */
#ifndef TOOLS_BREAK_RULES_H
#define TOOLS_BREAK_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/break/filter.h"

#define RULES_NAME_MAX	32	/* of a table */
#define RULES_PREFIX	"sinew_break_"

struct rules {
	struct filter_prefix from, to;	/* of one family; one of them may be anything */
	struct filter_ports ports;	/* at either end, of TCP, UDP, SCTP; none: all */
	bool both;			/* also from `to` to `from` */
	bool reject;			/* TCP gets a reset instead of nothing; resets pass */
};

struct rules_count {
	uint64_t n_packets, n_bytes;
};

/* The table of a process. */
void rules_name(long pid, char name[RULES_NAME_MAX]);
/* Commands that make the table; one of that name is replaced. */
void rules_print(const struct rules *r, const char *table, FILE *to);
/* Sums of what `list table` printed: [0] of what goes from -> to, [1] of the way back. */
void rules_read_counts(const char *listed, struct rules_count ret_counts[2]);
/*
 * The next table of ours in what `list tables` printed, from *at on, which moves behind it.
 * Its process, or 0: there is none.
 */
long rules_next_table(const char **at);

#endif
