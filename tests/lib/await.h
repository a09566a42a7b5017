/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits of tests for a state that another thread brings about, at most PATIENCE_MS.
 */
#ifndef SINEW_TESTS_LIB_AWAIT_H
#define SINEW_TESTS_LIB_AWAIT_H

#include <poll.h>
#include <time.h>

#include "tests/lib/check.h"

#define PATIENCE_MS 20000

int64_t now_ms(void);

/* A bound for a wait: longer where a sanitizer makes all slow (TIME_FACTOR). */
int64_t time_limit(int64_t ms);

/* The value of cond in the end. */
#define AWAIT(cond) \
	({ \
		int64_t await_until = now_ms() + PATIENCE_MS; \
		while (!(cond) && now_ms() < await_until) \
			poll(NULL, 0, 1); \
		CHECK(cond); \
	})

#endif
