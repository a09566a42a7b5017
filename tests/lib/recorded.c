/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of recordings and their comparison with ours: tests/lib/recorded.h. */
#include "tests/lib/recorded.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/check.h"

#define LINE_LEN	1000

struct recording {
	const struct recorded *r;
	const char *kernel;
	char theirs[RECORDED_ACTORS][LINE_LEN];	/* of the present script */
	unsigned n_scripts;			/* begun */
};

static const struct recorded_difference *difference_of(const struct recording *k, unsigned actor)
{
	const struct recorded *r = k->r;

	for (unsigned i = 0; i < r->n_differences; i++) {
		const struct recorded_difference *d = &r->differences[i];

		if ((d->kernel && strcmp(d->kernel, k->kernel)) ||
		    strcmp(d->script, r->script(k->n_scripts - 1)) ||
		    strcmp(d->actor, r->actors[actor]))
			continue;
		r->is_used[i] = true;
		return d;
	}
	return NULL;
}

static void compare(const struct recording *k, unsigned actor)
{
	const struct recorded_difference *d = difference_of(k, actor);
	const char *ours = k->r->ours(k->n_scripts - 1, actor);
	const char *theirs = k->theirs[actor];
	unsigned failures = check_state.failures;

	CHECK_STR(theirs, d ? d->theirs : ours);
	CHECK_STR(ours, d ? d->ours : theirs);
	if (check_state.failures != failures)
		printf("# Linux %s, %s, %s: a difference without a reason:\n#  theirs: %s\n"
		       "#  ours:   %s\n", k->kernel, k->r->script(k->n_scripts - 1),
		       k->r->actors[actor], theirs, ours);
}

/* The script that ends here, if one has begun. */
static void end_script(struct recording *k)
{
	for (unsigned i = 0; k->n_scripts && i < k->r->n_actors; i++) {
		compare(k, i);
		k->theirs[i][0] = '\0';
	}
}

static bool begin_script(struct recording *k, const char *line)
{
	if (!CHECK(k->n_scripts < k->r->n_scripts && !strncmp(line, "script ", 7)) ||
	    !CHECK_STR(line + 7, k->r->script(k->n_scripts)))
		return false;
	k->n_scripts++;
	return true;
}

/* The marks of a line "ACTOR: MARKS". */
static bool take_marks(struct recording *k, const char *line)
{
	for (unsigned i = 0; i < k->r->n_actors; i++) {
		size_t len = strlen(k->r->actors[i]);

		if (strncmp(line, k->r->actors[i], len) || strncmp(line + len, ": ", 2))
			continue;
		snprintf(k->theirs[i], LINE_LEN, "%s", line + len + 2);
		return true;
	}
	return false;
}

void recorded_compare(const struct recorded *r, const char *kernel)
{
	struct recording k = { .r = r, .kernel = kernel };
	char path[80], line[LINE_LEN];
	FILE *f;

	assert(r->n_actors <= RECORDED_ACTORS);
	snprintf(path, sizeof path, "tests/golden/%s-%s.txt", r->kind, kernel);
	f = fopen(path, "r");
	CHECK_OR_RETURN(f);
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || take_marks(&k, line))
			continue;
		end_script(&k);
		if (!begin_script(&k, line))
			break;
	}
	fclose(f);
	if (CHECK_EQ(k.n_scripts, r->n_scripts))
		end_script(&k);
}

void recorded_check_differences(const struct recorded *r)
{
	for (unsigned i = 0; i < r->n_differences; i++) {
		CHECK(r->is_used[i]);
		CHECK(strcmp(r->differences[i].theirs, r->differences[i].ours));
		CHECK(*r->differences[i].reason);
	}
}
