/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The actions of the relay on the bytes of one direction, and which of them comes at which byte of
 * which direction of which connection: drawn from a seed, chosen by hand, or as a log tells it. A
 * function of nothing else. Knows no clock and no socket.
 */
#ifndef TOOLS_BREAK_RELAY_PLAN_H
#define TOOLS_BREAK_RELAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_PIECE_MAX		(64 * 1024)	/* bytes of split and join */
#define RELAY_RATE_MAX		(1 << 30)	/* bytes per second of throttle */
#define RELAY_MS_MAX		86400000	/* a day */
#define RELAY_OFFSET_MAX	(UINT64_C(1) << 62)
#define RELAY_ACT_TEXT_MAX	160		/* of relay_act_text(), NUL included */

/* All that relay_act_parse() takes, for an error. */
#define RELAY_ACT_FORMS \
	"reset, fin, hole, stall=MS[,both], delay=MS[,LENGTH], throttle=BYTES[,LENGTH], " \
	"split=BYTES[,LENGTH] or join=BYTES,MS[,LENGTH]"

enum relay_kind {
	RELAY_RESET,		/* RST to both sides */
	RELAY_FIN,		/* end of file to the reader; the rest is thrown away */
	RELAY_HOLE,		/* the rest is thrown away, and its reader is told nothing */
	RELAY_STALL,		/* nothing passes for a time */
	/* From here on: what holds for the bytes that follow. */
	RELAY_DELAY,		/* each piece passes some time after it came */
	RELAY_THROTTLE,		/* so many bytes per second */
	RELAY_SPLIT,		/* in segments of at most so many bytes */
	RELAY_JOIN,		/* collected, then passed at once */
};

#define RELAY_N_KINDS	(RELAY_JOIN + 1)

struct relay_act {
	enum relay_kind kind;
	uint64_t offset;	/* bytes of its direction that passed before it */
	uint64_t bytes;		/* throttle: a second; split: most; join: at least */
	uint64_t ms;		/* stall, delay; join: at most */
	uint64_t length;	/* delay to join: for so many bytes; 0: to the end */
	bool both;		/* stall: the other direction, too */
};

#define RELAY_RULES_MAX		32
#define RELAY_RULE_TEXT_MAX	256	/* more than the longest one, with " --every " */
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

/* "reset", "fin", ... */
const char *relay_kind_name(enum relay_kind kind);
/* False if there is no such kind. */
bool relay_kind_find(const char *name, enum relay_kind *ret_kind);

/* One of RELAY_ACT_FORMS; numbers of bytes may end in k, M or G. False: it is none. */
bool relay_act_parse(const char *text, struct relay_act *ret_act);
/* Whether it has what its kind needs, nothing else, and all within the limits. */
bool relay_act_is_right(const struct relay_act *act);
/* "stall for 200 ms, both directions"; returns buf. */
const char *relay_act_text(const struct relay_act *act, char buf[RELAY_ACT_TEXT_MAX]);

/* Below 0, 0 or above 0: by place (a1 from a, a1 from b, b1 from a, ..., a2 from a, ...), then by
 * offset, then by order. */
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
