/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the steps of scripts: tests/lib/script_step.h. */
#include "tests/lib/script_step.h"

#include <stdio.h>
#include <string.h>

bool script_step_cut(struct script_step *step, const char **text, const char *const actors[],
		     unsigned n_actors)
{
	size_t len = strcspn(*text, ";");
	const char *begin = *text;
	char *rest = NULL;

	*text += len + (begin[len] == ';');
	*step = (struct script_step) { .actor = n_actors };
	if (len >= sizeof step->text)
		return false;
	memcpy(step->text, begin, len);
	for (char *word = strtok_r(step->text, " ", &rest); word && step->n_words < STEP_WORDS;
	     word = strtok_r(NULL, " ", &rest))
		step->word[step->n_words++] = word;
	for (unsigned i = 0; i < n_actors && step->n_words; i++)
		if (!strcmp(step->word[0], actors[i]))
			step->actor = i;
	return step->actor < n_actors && step->n_words > 1;
}

void script_step_fault(const struct script_step *step, const char *script, const char *why,
		       char *ret, size_t size)
{
	size_t at = (size_t)snprintf(ret, size, "%.80s: %s:", script, why);

	for (unsigned i = 0; i < step->n_words && at < size; i++)
		at += (size_t)snprintf(ret + at, size - at, " %s", step->word[i]);
}
