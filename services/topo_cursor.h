/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How far one subscription is: a cursor into table and log, which is its whole queue. Pure. Owns
 * nothing. Knows nothing of other subscriptions, of carriers and of time.
 *
 * A snapshot shows the state before one entry of the log, its index: rows that were published
 * before it and not withdrawn before it. It is told in the order of the table, while the table
 * changes: a row keeps its place until its withdrawal has left the log. If the log goes past the
 * index meanwhile, rows may be missing; then the snapshot is not whole, and another one follows.
 * Behind a whole one come the entries from the index on.
 */
#ifndef SINEW_SERVICES_TOPO_CURSOR_H
#define SINEW_SERVICES_TOPO_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "topo_log.h"
#include "topo_table.h"

enum topo_phase {	/* the next event */
	TOPO_AT_SNAPSHOT,
	TOPO_AT_ROWS,
	TOPO_AT_TAIL,
	TOPO_AT_OVERRUN,
	TOPO_AT_TIMEOUT,
	TOPO_AT_END,		/* nothing any more */
};

struct topo_cursor {
	struct list *row;	/* AT_ROWS: in the order of the table; its head: that was all */
	uint64_t index;		/* AT_TAIL: the next entry; in a snapshot: the state before it */
	uint64_t until;		/* entries from there on are not told, but TIMEOUT */
	uint64_t n_pending;	/* entries from index on that the request takes; before the first
				 * snapshot, since the subscription began */
	uint64_t n_skipped;	/* ... in whose place snapshots came since the last whole one */
	uint32_t n_overruns;	/* how often entries had left the log that it wanted */
	uint8_t phase;		/* enum topo_phase */
	bool whole;		/* a whole state was told before */
};

/* All that a cursor reads. */
struct topo_source {
	const struct topo_table *table;
	const struct topo_log *log;
	const struct topo_request *request;
	uint64_t epoch;
	uint32_t own_node;
};

/* Before the first event: at the position of a request that resumes if the log has it, else at a
 * snapshot, or at OVERRUN if the request is a strict one that resumes. */
void topo_cursor_begin(struct topo_cursor *c, const struct topo_source *s);

/* Moves it behind the next event. False: there is none, and it stays. */
bool topo_cursor_next(struct topo_cursor *c, const struct topo_source *s, struct topo_event *ret);

#endif
