/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The extent of the calls that one side of a session takes, part of its HELLO. Knows nothing of
 * the meaning of a slot, a window and a piece: that is of services/.
 */
#ifndef SINEW_PROTO_GRANT_H
#define SINEW_PROTO_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#define GRANT_SLOTS_MIN	16u
#define GRANT_PIECE_MAX	16384u

struct service_grant {
	uint16_t slots;		/* calls at a time, at least GRANT_SLOTS_MIN; 0: it takes none */
	uint32_t window;	/* bytes of one call and direction at its beginning, not 0 */
	uint32_t piece;		/* bytes of one piece, 1 to GRANT_PIECE_MAX */
};

/* Of one that takes calls. */
static inline bool grant_is_valid(const struct service_grant *g)
{
	return g->slots >= GRANT_SLOTS_MIN && g->window && g->piece && g->piece <= GRANT_PIECE_MAX;
}

static inline bool grant_is_same(const struct service_grant *a, const struct service_grant *b)
{
	return a->slots == b->slots && a->window == b->window && a->piece == b->piece;
}

#endif
