/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From captured packets, or the bytes of one direction, to lines of output: puts
 * the parts of the dump together. Knows nothing of files that are read.
 */
#ifndef TOOLS_DUMP_ENGINE_H
#define TOOLS_DUMP_ENGINE_H

#include <stdio.h>

#include "tools/dump/filter.h"
#include "tools/dump/record.h"

struct engine_options {
	struct filter filter;
	struct record_style style;
	bool json;
	bool summary;		/* the table alone */
	bool flush_lines;	/* each is written at once */
	bool untimed;		/* packets have no time: lines tell offsets instead */
};

/* Packets not looked into, and why. */
struct engine_counts {
	uint64_t n_packets;		/* all */
	uint64_t n_fragments;		/* of IP */
	struct packet_addr fragment_from, fragment_to;	/* of the first of them */
	uint64_t n_cut, n_bad;		/* headers cut off, headers that cannot be */
	uint64_t n_connections;		/* with frames, or of a port of ours */
	uint64_t n_forgotten;		/* because there were too many */
	uint64_t n_sessions_forgotten;
};

struct engine;

/* options live as long as the engine. 0, -ENOMEM, or the negative errno of writing. */
int engine_new(const struct engine_options *options, FILE *out, struct engine **ret);
void engine_free(struct engine *e);

/* The next three: 0, -ENOMEM, or the negative errno of writing; then it goes no further. */
int engine_packet(struct engine *e, enum packet_link link, uint64_t time_ns, const uint8_t *p,
		  size_t caplen, size_t len);
/* Bytes of one direction of the one connection that has no addresses. */
int engine_bytes(struct engine *e, const uint8_t *p, size_t n);
/* Tells what is there in part, and the summary. */
int engine_end(struct engine *e);

const struct engine_counts *engine_counts(const struct engine *e);

#endif
