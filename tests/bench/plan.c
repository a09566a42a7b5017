/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan: what it is made of. Knows no measure; they are in plan_*.c.
 */
#include "tests/bench/plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_S 60 /* for a step that says nothing else */

const struct figure *figure_find(const struct bench *b, const char *name)
{
	for (unsigned i = 0; i < b->n_figures; i++)
		if (strcmp(b->figures[i].name, name) == 0)
			return &b->figures[i];
	return NULL;
}

unsigned figure_add(struct bench *b, const char *unit, bool is_higher_better, const char *fmt, ...)
{
	struct figure *f = &b->figures[b->n_figures];
	const struct figure *known;
	va_list args;

	assert(b->n_figures < FIGURES_MAX);
	*f = (struct figure){ .unit = unit, .is_higher_better = is_higher_better };
	va_start(args, fmt);
	vsnprintf(f->name, sizeof f->name, fmt, args);
	va_end(args);
	known = figure_find(b, f->name);
	if (known)
		return (unsigned)(known - b->figures);
	return b->n_figures++;
}

struct step *step_add(struct bench *b, const char *group, enum place place)
{
	struct step *step = &b->steps[b->n_steps++];

	assert(b->n_steps <= STEPS_MAX);
	*step = (struct step){ .program = "sinew", .place = place, .limit_s = LIMIT_S };
	snprintf(step->group, sizeof step->group, "%s", group);
	return step;
}

void step_words(struct step *step, unsigned index, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(step->words[index], WORDS_MAX, fmt, args);
	va_end(args);
}

void step_result(struct step *step, const char *key, unsigned figure)
{
	assert(step->n_results < STEP_RESULTS);
	step->results[step->n_results].key = key;
	step->results[step->n_results++].figure = figure;
}

void plan_make(struct bench *b)
{
	plan_streams(b);
	plan_round_trips(b);
	plan_own(b);
	plan_calls(b);
	plan_topo(b);
}
