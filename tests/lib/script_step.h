/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the cutting of a script's text into steps, "WHO VERB MORE...; WHO ...", and of a step into
 * words. Knows nothing of what is done.
 */
#ifndef TESTS_LIB_SCRIPT_STEP_H
#define TESTS_LIB_SCRIPT_STEP_H

#include <stdbool.h>
#include <stddef.h>

#define STEP_WORDS	8u

struct script_step {
	char text[200];
	char *word[STEP_WORDS];
	unsigned n_words;
	unsigned actor;		/* its place among actors; n_actors: none of them */
};

/*
 * The step that *text begins with, and *text behind it. False: none of the n_actors does it, or
 * there is no verb.
 */
bool script_step_cut(struct script_step *step, const char **text, const char *const actors[],
		     unsigned n_actors);

/* "SCRIPT: WHY: the words of the step" to ret. */
void script_step_fault(const struct script_step *step, const char *script, const char *why,
		       char *ret, size_t size);

#endif
