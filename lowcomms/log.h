/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines for the user's log function, one per event. Lines that a remote can trigger are limited,
 * with a count of the suppressed ones; warnings and errors are remembered. Writes nowhere itself.
 */
#ifndef SINEW_LOWCOMMS_LOG_H
#define SINEW_LOWCOMMS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/lately.h"
#include "lowcomms/sinew.h"
#include "proto/core.h"

#define LOG_LINE_MAX	512
#define LOG_SLOTS	128	/* kinds of lines remembered */
#define LOG_TRIES	8	/* places where one of them is looked for */
#define LOG_BURST	10	/* lines of a kind in a window */
#define LOG_WINDOW_NS	10000000000u
#define LOG_WINDOW_MAX_NS	(8 * (uint64_t)LOG_WINDOW_NS)	/* of warnings that repeat */

struct log_text {
	char text[LOG_LINE_MAX];
	size_t len;
};

struct log_slot {
	const char *text;	/* identity of the kind: a literal */
	uint32_t nodeid;
	uint64_t since_ns;
	uint64_t window_ns;
	uint64_t last_ns;	/* of the last line, logged or suppressed */
	unsigned n;
	unsigned suppressed;
};

struct log {
	const struct sinew_options *opt;	/* has the function of the user */
	const uint64_t *now_ns;			/* of the core */
	struct lately *lately;			/* NULL: nothing is remembered */
	struct log_slot slots[LOG_SLOTS];
};

/* By the user, or to be remembered. */
bool log_wanted(const struct log *log, enum sinew_level level);
/* Any thread, no lock held. */
void log_line(const struct log *log, enum sinew_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Loop thread. The same for what a remote can trigger; kind is a literal and addr may be NULL. */
void log_limited(struct log *log, enum sinew_level level, uint32_t nodeid, const char *kind,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The text of a note of the core. */
void log_note_text(const struct note *note, struct log_text *ret);
/* Loop thread: the note, of that text. nodeid: the peer that its lines are counted for, 0: one
 * that is none. */
void log_note(struct log *log, const struct note *note, uint32_t nodeid, struct log_text *text);

#endif
