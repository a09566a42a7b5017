/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In place of the system's <assert.h> (make mutate RECORD=1): it reports each failed assertion
 * once, in the format of glibc, and the program continues. So one run reports all invariants that
 * a mutant breaks; abort() would report the first one alone. It may be included again.
 */
#ifndef SINEW_TESTS_MUTATE_RECORD_ASSERT_H
#define SINEW_TESTS_MUTATE_RECORD_ASSERT_H

#include <stdio.h>

#define assert(e)										\
	do {											\
		static int was_said;								\
												\
		if (!(e) && !was_said) {							\
			was_said = 1;								\
			fprintf(stderr, "%s:%d: %s: Assertion `%s' failed.\n", __FILE__,	\
				__LINE__, __func__, #e);					\
		}										\
	} while (0)

#define static_assert _Static_assert

#endif
