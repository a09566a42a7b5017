/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The content of the messages of a run: length and every byte follow from who sends
 * to whom, in which incarnations, and from the number. Pure: knows no node and no clock.
 *
 * A message of CONTENT_PLAIN bytes or more begins with all of that in plain, so
 * that a wrong one can be named; the rest, or all of a shorter one, is a stream of
 * pseudo-random bytes that no other message has.
 */
#ifndef TOOLS_TORTURE_CONTENT_H
#define TOOLS_TORTURE_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTENT_HEADER	40	/* bytes in plain */
#define CONTENT_PLAIN	(CONTENT_HEADER + 16)	/* with enough behind them to be sure */
#define CONTENT_LOOK	512	/* a short message of so many numbers away is recognised */

struct content {
	uint64_t seed;		/* of the run */
	uint32_t from, to;	/* nodes */
	uint64_t from_incarnation, to_incarnation;
	uint64_t number;	/* in the session, from 1 */
	size_t max;		/* longest message of the run */
};

enum content_kind {
	CONTENT_GOOD,		/* a message of this session: *ret_number */
	CONTENT_STRAY,		/* whole, but of other incarnations, nodes or runs */
	CONTENT_WRONG,		/* nothing that was ever sent */
};

/* Most are short; each is 0 .. max. Does not depend on the incarnations. */
size_t content_length(const struct content *c);
/* len: content_length(). */
void content_fill(const struct content *c, void *to, size_t len);
/* Whether it is message c->number, byte for byte. */
bool content_is(const struct content *c, const void *data, size_t len);
/* The same for any length, of what content_fill() has filled with it. */
bool content_bytes_are(const struct content *c, const void *data, size_t len);
/* Which message of this session that is; c->number is the one that was due. */
enum content_kind content_identify(const struct content *c, const void *data, size_t len,
				   uint64_t *ret_number);

#endif
