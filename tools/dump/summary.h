/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sums of what each direction of each connection carried.
 * Knows nothing of how it is found out.
 */
#ifndef TOOLS_DUMP_SUMMARY_H
#define TOOLS_DUMP_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/dump/record.h"

#define SUMMARY_CONNECTIONS_MAX	8192u	/* what comes after is added up in one row */
#define SUMMARY_KINDS		13

struct summary_dir {
	char text[PACKET_ADDR_TEXT];	/* what it comes from */
	uint32_t nodeid;
	uint64_t n_frames, n_bytes, n_kind[SUMMARY_KINDS];
	uint64_t n_again, n_gaps, n_dup_acks, n_holes, n_malformed;
	uint64_t n_tcp_again;		/* segments, or chunks, that were there before */
};

struct summary_row {
	unsigned connection;		/* 0: of all others */
	const char *protocol;
	struct summary_dir dir[2];
};

struct summary;

int summary_new(struct summary **ret);
void summary_free(struct summary *s);

/* A place in the table for a connection; -ENOMEM. */
int summary_open(struct summary *s, unsigned connection, const char *protocol, const char *from,
		 const char *to, unsigned *ret_row);
/* Counts a record of that row and direction. */
void summary_count(struct summary *s, unsigned row, unsigned dir, const struct record *r);

/* 0, or the negative errno of writing. */
int summary_print(const struct summary *s, FILE *to);
int summary_print_json(const struct summary *s, FILE *to);

#endif
