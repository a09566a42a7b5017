/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The subscriptions of a topology server: their cursors, which of them have events, their time
 * limits. Pure. Owns the subscriptions. Knows nothing of carriers, nor of who publishes.
 *
 * A subscription that has told all waits at the end of the log and costs nothing there but one
 * comparison for each event of its type. topo_pull() names each one that has events again. Its user
 * then does
 *
 *	n = topo_fill(subs, sub, buf, sizeof buf);
 *	if (the carrier has taken all n bytes, or keeps them)
 *		topo_taken(subs, sub);
 *
 * until topo_has() is false, or the carrier has no room: then once more when there is room. A fill
 * that was not taken has not been: the next one begins at the same event, or at a snapshot in its
 * place.
 */
#ifndef SINEW_SERVICES_TOPO_SUB_H
#define SINEW_SERVICES_TOPO_SUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topo_cursor.h"
#include "topo_memory.h"
#include "topo_wire.h"

#include "proto/list.h"

#define TOPO_SUB_LISTS	64u	/* of types with the same remainder; a power of 2 */

struct topo_sub {
	struct list peers;	/* of those whose types share a list */
	struct list ready;	/* of those that are to be pulled */
	struct list timed;	/* of those with a time limit that is not over */
	struct list showing;	/* of those in a snapshot */
	struct topo_request request;
	struct topo_cursor cursor;
	uint64_t deadline_ns;
	void *user;		/* the user's */
	bool waits;		/* at the end of the log; the cursor's index is older */
};

struct topo_subs {
	struct topo_memory memory;
	struct topo_source source;	/* of each, but for its request */
	struct list of_type[TOPO_SUB_LISTS], of_all;
	struct list ready, timed, showing;
	uint64_t deadline_ns;	/* lower bound of all */
	uint32_t n, max;
	struct topo_sub *filled;	/* by the last topo_fill(), NULL: it is void */
	struct topo_cursor behind;	/* that fill */
};

void topo_subs_init(struct topo_subs *subs, const struct topo_memory *m,
		    const struct topo_source *source, uint32_t max);
void topo_subs_fini(struct topo_subs *subs);

/* r is one that topo_request_parse() gives. 0; -ENOSPC: as many as there may be; -ENOMEM. */
int topo_subscribe(struct topo_subs *subs, const struct topo_request *r, uint64_t now_ns,
		   void *user, struct topo_sub **ret);
/* It tells nothing any more, and is gone. */
void topo_cancel(struct topo_subs *subs, struct topo_sub *sub);

/* One that has events, and had none before; NULL: there is none any more. */
struct topo_sub *topo_pull(struct topo_subs *subs);
/* topo_pull() has one. */
bool topo_has_news(const struct topo_subs *subs);
bool topo_has(const struct topo_sub *sub);
/* TIMEOUT or OVERRUN was taken: nothing follows, but it is there until topo_cancel(). */
bool topo_ended(const struct topo_sub *sub);

/*
 * Writes its next events, whole ones, as many as the room takes: at least TOPO_EVENT_MAX. Returns
 * their bytes: 0 only if !topo_has(). The cursor stays.
 */
size_t topo_fill(struct topo_subs *subs, struct topo_sub *sub, uint8_t *buf, size_t room);
/* All of the last topo_fill() is told. Nothing was changed between the two. */
void topo_taken(struct topo_subs *subs, struct topo_sub *sub);

/* Events of the log that it has not told. */
uint64_t topo_lag(const struct topo_sub *sub);
/* How often a snapshot came in place of events, or OVERRUN. */
uint32_t topo_overruns(const struct topo_sub *sub);

uint64_t topo_deadline(const struct topo_subs *subs);	/* TOPO_NEVER: none */
/* At or after the deadline: time limits that are over. */
void topo_tick(struct topo_subs *subs, uint64_t now_ns);

/* ---- for the server's core ---- */

/* The last entry of the log is new. */
void topo_subs_changed(struct topo_subs *subs);
/* The row is about to be freed. */
void topo_subs_row_goes(struct topo_subs *subs, const struct topo_row *row);

#endif
