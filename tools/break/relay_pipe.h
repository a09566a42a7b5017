/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One direction of one connection: reads from one socket, writes to the other,
 * no byte beyond the next act before that act, and everything by the rules that
 * hold for the byte. Knows nothing of the other direction, nor who logs an act.
 */
#ifndef TOOLS_BREAK_RELAY_PIPE_H
#define TOOLS_BREAK_RELAY_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/break/relay_plan.h"

#define RELAY_BUFFER	(256 * 1024)	/* bytes that wait here; then nothing more is read */
#define RELAY_CHUNKS	512		/* reads that wait here */

/* Told of each act just before it is done. */
typedef void (*relay_acted_fn)(void *user, const struct relay_place *place,
			       const struct relay_act *act);

/* The time of one turn of the loop, and when the next one is due. */
struct relay_turn {
	relay_acted_fn acted;
	void *user;
	uint64_t now_ns;
	uint64_t wake_ns;	/* lowered by who has to act before */
	bool calm;		/* the faults are over */
};

/* The result of one read. */
struct relay_chunk {
	uint64_t end;		/* offset behind its last byte */
	uint64_t read_ns;
};

/* A kind that lasts. */
struct relay_shape {
	struct relay_act act;
	uint64_t end;		/* offset at which it ends, UINT64_MAX: never; 0: not in force */
};

struct relay_pipe {
	struct relay_plan plan;
	int from, to;		/* not owned */
	uint8_t *buf;
	size_t off, len;
	uint64_t n_read, n_passed;
	struct relay_chunk chunks[RELAY_CHUNKS];	/* a ring */
	unsigned first_chunk, n_chunks;

	struct relay_shape shapes[RELAY_N_KINDS];
	uint64_t paid_until_ns;		/* throttle: what passed has used the time until then */
	uint64_t joined_end;		/* join: so far may pass now */
	uint64_t piece_end, n_pieces;	/* split: where the present piece ends */
	bool has_split;			/* the last write was such a piece */
	uint64_t stalled_until_ns;

	uint64_t eof_ns;	/* when eof came */
	bool eof;		/* nothing more comes: an orderly end, or broken */
	bool broken;		/* by an error of the sender's side */
	bool refused;		/* writing failed */
	bool shut;		/* the reader was told the end */
	bool sink;		/* what comes is thrown away */
	bool hole;		/* and even the end is not told */
	bool blocked;		/* the reader's socket takes no more now */
};

/* -ENOMEM */
int relay_pipe_open(struct relay_pipe *p, const struct relay_faults *faults,
		    const struct relay_place *place, int from, int to);
void relay_pipe_close(struct relay_pipe *p);

/* The act whose byte has come, all before it having passed; for a reset also arrived. Or NULL. */
const struct relay_act *relay_pipe_due(struct relay_pipe *p, struct relay_turn *t);
/* Does it, as far as it is of this direction alone: nothing for a reset. */
void relay_pipe_apply(struct relay_pipe *p, const struct relay_act *act, struct relay_turn *t);
void relay_pipe_stall(struct relay_pipe *p, struct relay_turn *t, uint64_t ms);
/* Throws away what is here and what still comes. */
void relay_pipe_sink(struct relay_pipe *p);
/* Ends all that acts have begun and that can be ended. */
void relay_pipe_calm(struct relay_pipe *p);

/* Reads and writes what may be now. */
void relay_pipe_move(struct relay_pipe *p, struct relay_turn *t);
/* Tells the end of file to the reader when all before it has passed. */
void relay_pipe_finish(struct relay_pipe *p, struct relay_turn *t);

/* Whether it waits for its sender. */
bool relay_pipe_reads(const struct relay_pipe *p, const struct relay_turn *t);
bool relay_pipe_is_stalled(const struct relay_pipe *p, const struct relay_turn *t);
/* Whether all that came has reached the reader's machine. */
bool relay_pipe_is_settled(const struct relay_pipe *p, struct relay_turn *t);
/* Whether it has done its work. */
bool relay_pipe_is_done(const struct relay_pipe *p);

#endif
