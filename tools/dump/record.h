/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One line of output: a frame, or a note between frames; and how it is
 * printed, for people and for programs. Knows nothing of where it comes from.
 */
#ifndef TOOLS_DUMP_RECORD_H
#define TOOLS_DUMP_RECORD_H

#include <stdio.h>

#include "tools/dump/describe.h"
#include "tools/dump/packet.h"
#include "tools/dump/track.h"

#define RECORD_LINE_MAX		32768u	/* bytes of a line; the rest is cut off, and said */
#define RECORD_SCHEMA		1

struct record {
	bool has_time;
	uint64_t time_ns;		/* since 1970 */
	uint64_t begin_ns;		/* of the capture */
	uint64_t offset;		/* in the direction's bytes */
	unsigned connection;
	const char *protocol;		/* "tcp", "sctp", "hex" */
	const char *from, *to;
	uint32_t from_node, to_node;	/* 0: not known */

	const struct described *frame;	/* NULL: a note */
	struct track_marks marks;
	size_t n;			/* bytes that are there of the frame */
	uint64_t hole;			/* bytes missing inside it */

	const char *note;		/* "opened", "hole", ... */
	const char *why;		/* NULL: none */
	bool has_count;
	uint64_t count;			/* of unit */
	const char *unit;		/* "bytes" or "chunks" */
};

struct record_style {
	bool utc;			/* the time of day instead of seconds since the first */
	size_t n_payload;		/* bytes of a payload that are printed */
};

/* One line, with more behind it for a payload. 0, or the negative errno of writing. */
int record_print(const struct record *r, const struct record_style *style, FILE *to);
/* The same as an object, and the one that comes before all others. Also -ENOMEM. */
int record_print_json(const struct record *r, const struct record_style *style, FILE *to);
int record_begin_json(FILE *to);

#endif
