/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The actions of the relay on the bytes of one direction, and the words for them.
 * Knows nothing of when it is done, nor of sockets.
 */
#ifndef TOOLS_BREAK_RELAY_ACT_H
#define TOOLS_BREAK_RELAY_ACT_H

#include <stdbool.h>
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

/* "reset", "fin", ... */
const char *relay_kind_name(enum relay_kind kind);
/* False if there is no such kind. */
bool relay_kind_find(const char *name, enum relay_kind *ret_kind);
/* Whether the kind lasts for some bytes. */
bool relay_kind_lasts(enum relay_kind kind);

/* One of RELAY_ACT_FORMS; numbers of bytes may end in k, M or G. False: it is none. */
bool relay_act_parse(const char *text, struct relay_act *ret_act);
/* Whether it has what its kind needs, nothing else, and all within the limits. */
bool relay_act_is_right(const struct relay_act *act);
/* "stall for 200 ms, both directions"; returns buf. */
const char *relay_act_text(const struct relay_act *act, char buf[RELAY_ACT_TEXT_MAX]);

#endif
