/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many messages on their way at a time: each that comes back goes again, in a lane of its own, so
 * that they may come back in any order. The other side is that of a round trip.
 * Knows no contestant, and nothing of what is measured.
 */
#ifndef BENCH_FLIGHT_H
#define BENCH_FLIGHT_H

#include "tests/bench/work/content.h"
#include "tests/bench/work/work.h"

struct flight {
	const struct settings *s;
	/* After each that came; it may end the flight. */
	void (*came)(struct flight *f, void *arg);
	/* After each receive() of the end, outside of its functions. NULL: none. */
	void (*turned)(struct flight *f, void *arg);
	void *arg;
	void *end;
	struct content content;
	uint8_t *message;
	unsigned n_open; /* on their way */
	bool is_over; /* those that come back stay here */
	int err;
};

/* Opens an end, and closes it after all has come back. 0, or -1 after it said what is wrong. */
int flight_run(struct flight *f);

#endif
