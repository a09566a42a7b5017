/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines for the user's log function, one an event. What a remote can trigger is limited,
 * with a count of what was left out. Writes nowhere itself.
 */
#ifndef SINEW_LOWCOMMS_LOG_H
#define SINEW_LOWCOMMS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "proto/core.h"

#define LOG_LINE_MAX	512
#define LOG_SLOTS	128	/* kinds of lines remembered */
#define LOG_TRIES	8	/* places where one of them is looked for */
#define LOG_BURST	10	/* lines of a kind in a window */
#define LOG_WINDOW_NS	10000000000u

struct log_slot {
	const char *text;	/* identity of the kind: a literal */
	uint32_t nodeid;
	uint64_t since_ns;
	unsigned n;
	unsigned suppressed;
};

struct log_state {
	struct log_slot slots[LOG_SLOTS];
};

bool log_wanted(const struct sinew_node *n, enum sinew_level level);
/* Any thread, no lock held. */
void log_line(const struct sinew_node *n, enum sinew_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Loop thread. The same for what a remote can trigger; kind is a literal and addr may be NULL. */
void log_limited(struct sinew_node *n, enum sinew_level level, uint32_t nodeid, const char *kind,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Loop thread: a note of the core. */
void log_note(struct sinew_node *n, const struct note *note);

#endif
