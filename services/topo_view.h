/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The view of a subscriber: turns the events of a server, snapshots among them, into exact ones.
 * Pure; memory is its user's. Owns a copy of each publication that was told. Knows nothing of
 * connections: its user says when one is lost.
 *
 * Told events alternate for each publication: one that was told and is over is withdrawn, one that
 * is there is told, when the server's snapshot ends or its log was told. Of a snapshot, first all
 * that has gone is withdrawn, NODE last, then all that is new is published in the order in which it
 * came; all of these are collapsed, but for those of the first one.
 *
 * With TOPO_REQ_EDGE only the first publication of each {type, lower, upper} is told, and the end
 * of the last one.
 */
#ifndef SINEW_SERVICES_TOPO_VIEW_H
#define SINEW_SERVICES_TOPO_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "topo_edge.h"
#include "topo_memory.h"
#include "topo_table.h"
#include "topo_wire.h"

struct topo_view_config {
	struct topo_request request;	/* of a new subscription; with RESUME, but not EDGE: from
					 * where another view was */
	struct topo_memory memory;
	uint32_t max_rows;		/* publications that it holds */
	uint32_t server_node;		/* for TOPO_REQ_OWN */
};

enum topo_told_what {
	TOPO_TOLD_PUBLISHED = 1,
	TOPO_TOLD_WITHDRAWN,
	TOPO_TOLD_CURRENT,	/* all that is there has been told */
	TOPO_TOLD_TIMEOUT,	/* the last event: the time is over */
	TOPO_TOLD_OVERRUN,	/* the last event: events are lost, and it is strict */
};

struct topo_told {
	enum topo_told_what what;
	const struct topo_row *row;	/* PUBLISHED, WITHDRAWN; until the next call */
	bool collapsed;		/* found by comparing */
	bool first;		/* before the first CURRENT */
	bool group;		/* the next event is of the same change, or is CURRENT, behind
				 * steps that are left out; never with EDGE */
};

enum topo_view_phase {
	TOPO_VIEW_FRESH,	/* new connection: a snapshot, or the log at the position */
	TOPO_VIEW_SHOWN,	/* a snapshot is under way */
	TOPO_VIEW_AGAIN,	/* it was not whole, another one is next */
	TOPO_VIEW_TAIL,
	TOPO_VIEW_BROKEN,	/* an event was refused: none follows on this connection */
	TOPO_VIEW_OVER,		/* TIMEOUT or OVERRUN: none follows at all */
};

enum topo_view_walk {
	TOPO_WALK_NONE,
	TOPO_WALK_GONE,		/* withdraws all but NODE */
	TOPO_WALK_NODES,
	TOPO_WALK_NEW,
	TOPO_WALK_ONE,		/* one event */
};

struct topo_view {
	struct topo_view_config cfg;
	struct topo_table table;	/* by age; told ones, and those of a snapshot under way */
	struct topo_edges edges;
	struct topo_position position;	/* told so far */
	struct topo_position shown;	/* of the snapshot under way */
	struct list *at;		/* the next row of the walk */
	struct topo_row *gone;		/* told as withdrawn; the next call frees it */
	struct topo_told one;		/* of no walk, to be told next */
	uint64_t n_collapsed;		/* events */
	uint64_t n_unseen;		/* publications that came and went untold */
	uint64_t n_since;		/* changes by comparing, since the last whole snapshot */
	uint32_t n_left;		/* changes that the walk has to find */
	uint32_t n_told;		/* rows that the subscriber knows */
	uint32_t n_kept, n_new;		/* in the snapshot under way: such ones, others */
	uint8_t phase;			/* enum topo_view_phase */
	uint8_t walk;			/* enum topo_view_walk */
	bool exact;			/* what was told is the state at the position */
	bool compared;			/* a snapshot had an end */
	bool was_whole;			/* ... and was whole */
	bool current_due;
	bool resumed;			/* it does not know what was told before */
	bool collapses;			/* the walk's events are collapsed */
};

/* 0 or -ENOMEM. */
int topo_view_init(struct topo_view *v, const struct topo_view_config *cfg);
void topo_view_fini(struct topo_view *v);

/* The request for a new connection. timeout_ms is that of the beginning. */
void topo_view_request(const struct topo_view *v, struct topo_request *ret);

/*
 * Takes the next event of the server. All of topo_view_next() was called before.
 * Returns 0; -EPROTO: not one that can come here; -ENOSPC: more publications than it may hold;
 * -ENOMEM. After an error this connection is of no use: topo_view_lost(), and another one resumes.
 */
int topo_view_event(struct topo_view *v, const struct topo_event *e);
/* The next event for the subscriber; false: there is none. */
bool topo_view_next(struct topo_view *v, struct topo_told *ret);
/* The subscriber could not take what topo_view_next() has just told it, a PUBLISHED: it was not
 * told, and the connection is broken. Not with EDGE. */
void topo_view_refuse(struct topo_view *v);
/* The connection is over. Publications that were told stay so. */
void topo_view_lost(struct topo_view *v);

/* One that was told as published; NULL: it was not, or is withdrawn since. */
const struct topo_row *topo_view_find(const struct topo_view *v, const struct topo_id *id);

#endif
