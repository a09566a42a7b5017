/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the comparison of what our side showed in scripts with what a kernel of the VM tests showed
 * in the same ones, as recorded in tests/golden/KIND-KERNEL.txt: "script NAME" in the order of the
 * scripts, then a line "ACTOR: MARKS" for each actor that was shown something. Each difference must
 * be listed, with its reason. Knows nothing of what marks mean.
 */
#ifndef TESTS_LIB_RECORDED_H
#define TESTS_LIB_RECORDED_H

#include <stdbool.h>

struct recorded_difference {
	const char *kernel;	/* NULL: each */
	const char *script, *actor;
	const char *theirs, *ours;
	const char *reason;
};

struct recorded {
	const char *kind;
	const struct recorded_difference *differences;
	bool *is_used;		/* of each difference: a recording has it */
	unsigned n_differences;
	const char *const *actors;
	unsigned n_actors;	/* RECORDED_ACTORS at most */
	unsigned n_scripts;
	const char *(*script)(unsigned number);
	const char *(*ours)(unsigned number, unsigned actor);
};

#define RECORDED_ACTORS	8u

/* Checks (tests/lib/check.h) each script and actor against that kernel. */
void recorded_compare(const struct recorded *r, const char *kernel);

/* Checks that each listed difference is one, was met by a comparison, and has a reason. */
void recorded_check_differences(const struct recorded *r);

#endif
