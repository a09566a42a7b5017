/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which connections are looked at, and which records are wanted.
 * Knows nothing of how they are printed.
 */
#ifndef TOOLS_DUMP_FILTER_H
#define TOOLS_DUMP_FILTER_H

#include "tools/dump/record.h"

#define FILTER_PORTS_MAX	64
#define FILTER_KINDS_MAX	64
#define FILTER_KIND_TEXT	24	/* bytes of a name */

struct filter {
	uint16_t ports[FILTER_PORTS_MAX];	/* none: 21064 and 21065 */
	unsigned n_ports;
	bool all_ports;
	uint32_t node;				/* 0: any */
	char kinds[FILTER_KINDS_MAX][FILTER_KIND_TEXT];	/* none: all */
	unsigned n_kinds;
};

/* Names with commas between. False: one is no kind, or there are too many. */
bool filter_kinds(struct filter *f, const char *text);
/* Whether one of the two ends has a port of ours. */
bool filter_port(const struct filter *f, uint16_t from, uint16_t to);
bool filter_record(const struct filter *f, const struct record *r);

#endif
