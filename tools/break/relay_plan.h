/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which act comes at which byte of which direction of which connection: drawn
 * from a seed, chosen by hand, or as a log tells it. A function of nothing else.
 * Knows no clock and no socket.
 */
#ifndef TOOLS_BREAK_RELAY_PLAN_H
#define TOOLS_BREAK_RELAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/break/relay_act.h"

#define RELAY_RULES_MAX		32
#define RELAY_EVERY_MAX		(UINT64_C(1) << 40)	/* bytes between two drawn acts */
#define RELAY_NUMBER_MAX	UINT32_MAX		/* of a connection */

enum relay_side { RELAY_A, RELAY_B };

#define RELAY_SIDES	2
/* "a" or "b" */
#define RELAY_SIDE_NAME(side)	((side) == RELAY_A ? "a" : "b")

/* One direction of one connection. */
struct relay_place {
	enum relay_side dialler;
	uint32_t number;	/* of those that this side dialled, from 1 */
	enum relay_side from;	/* whose bytes */
};

struct relay_rule {
	const char *text;		/* as it was given */
	bool diallers[RELAY_SIDES];	/* of which connections */
	uint32_t number;		/* 0: of all */
	bool from[RELAY_SIDES];
	uint64_t every;			/* bytes on the average; 0: once, at act.offset */
	struct relay_act act;
};

/* An act of a log. */
struct relay_record {
	struct relay_place place;
	struct relay_act act;
	size_t order;	/* how many are before it in the log */
};

struct relay_faults {
	uint64_t seed;
	struct relay_rule rules[RELAY_RULES_MAX];
	unsigned n_rules;
	/* Instead of rules: those of a log, in order. Owned by who read it. */
	const struct relay_record *records;
	size_t n_records;
};

/* The acts of one direction, one after the other. */
struct relay_plan {
	const struct relay_faults *faults;
	struct relay_place place;
	bool has_next;
	struct relay_act next;
	unsigned rule;			/* which gave it */
	uint64_t offsets[RELAY_RULES_MAX];	/* of the next act of each rule; UINT64_MAX: none */
	uint64_t n_drawn[RELAY_RULES_MAX];
	size_t record;			/* the next one */
};

/* Below 0, 0 or above 0: a1 from a, a1 from b, b1 from a, ..., a2 from a, ... */
int relay_place_compare(const struct relay_place *x, const struct relay_place *y);
/* By place, then by offset, then by order. */
int relay_record_compare(const struct relay_record *x, const struct relay_record *y);

/* "[DIRECTION:]BYTES:ACT" and "CONNECTION:DIRECTION:OFFSET:ACT"; text must stay. */
bool relay_rule_every(const char *text, struct relay_rule *ret_rule);
bool relay_rule_at(const char *text, struct relay_rule *ret_rule);

/* faults must stay, and its records be sorted by relay_record_compare(). */
void relay_plan_init(struct relay_plan *plan, const struct relay_faults *faults,
		     const struct relay_place *place);
/* To the act after next, perhaps at the same byte. Needs has_next. */
void relay_plan_advance(struct relay_plan *plan);
/* Bytes of the k-th piece (from 0) of a split that began at start: 1 .. max. */
uint64_t relay_plan_piece(const struct relay_plan *plan, uint64_t start, uint64_t k, uint64_t max);

#endif
