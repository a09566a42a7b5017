/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the turn of calls that fail: each of a list, the first time, the second and so on, until
 * what is tried makes no more of them. Knows nothing of what is tried.
 */
#ifndef SINEW_TESTS_LIB_FAILING_EACH_H
#define SINEW_TESTS_LIB_FAILING_EACH_H

#include <stdbool.h>

#include "tests/lib/failures.h"

/* Does what is tried, under that plan. False: nothing failed. */
typedef bool failing_try(const struct plan *plan);

/* Calls of a server of sockets and of its clients, by what they want; CALLS ends a list. */
extern const enum call failing_memory[], failing_descriptors[], failing_sockets[];

void failing_one(enum call call, failing_try *try);
void failing_each(const enum call *list, failing_try *try);

#endif
