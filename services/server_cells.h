/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inbox of the server for what the loop thread sees of sessions: a cell for each peer with its
 * present state, which is overwritten, so that nothing waits and nothing can overflow. A session
 * that came while the server did not look is never taken for the one before. Knows nothing of what
 * the server makes of it.
 */
#ifndef SINEW_SERVICES_SERVER_CELLS_H
#define SINEW_SERVICES_SERVER_CELLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew-manage.h"

struct bells;

#define CELLS_MAX	2048u		/* twice the peers that a node may have */
#define CELLS_OPTIONS	256u		/* options that have changed */
#define CELLS_WORDS	(CELLS_MAX / 64)
#define CELLS_OPTION_WORDS	(CELLS_OPTIONS / 64)

/* A peer, as the loop thread saw it last. */
struct cell_state {
	uint32_t nodeid;
	uint32_t n_sessions;		/* that have begun, modulo 2^32 */
	uint64_t incarnation;		/* of the last session; 0: there was none */
	bool up, link;
	enum sinew_down reason;		/* of the end of the session before; 0: none ended */
};

/* All words are written under the lock of the observers, by one thread at a time. */
struct cell {
	_Atomic uint32_t version;	/* odd: it is being written */
	_Atomic uint32_t nodeid;	/* 0: free */
	_Atomic uint32_t n_sessions;
	_Atomic uint64_t incarnation;
	_Atomic uint32_t flags;		/* up, link, and the reason above */
};

struct cells {
	struct bells *bells;		/* of the server, to wake it */
	_Atomic bool renewed;		/* this node has a new incarnation */
	_Atomic bool closing;		/* it closes */
	_Atomic uint64_t n_lost;	/* states for which there was no cell */
	_Atomic uint64_t dirty[CELLS_WORDS];
	_Atomic uint64_t options[CELLS_OPTION_WORDS];	/* dirty ones */
	_Atomic(const char *) option_names[CELLS_OPTIONS];	/* in the order of first changes */
	struct cell all[CELLS_MAX];
};

/* Zeroed memory. */
void cells_init(struct cells *c, struct bells *bells);

/* The observer for sinew_watch(), whose arg is the cells. */
extern const struct sinew_watch cells_watch;

/* Server: the next one that changed since it was asked for, and its number. False: none. */
bool cells_next(struct cells *c, unsigned *ret_i, struct cell_state *ret);
/* The same of options: its name. NULL: none. */
const char *cells_next_option(struct cells *c);

#endif
