/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the verdict on each test; knows nothing of what is tested. */
#include "tests/lib/check.h"

#define CHECK_SHOWN_MAX	10	/* failures printed of one test */

struct check_state check_state;

void check_fail(const char *file, int line, const char *what)
{
	struct check_state *c = &check_state;

	if (c->failures++ == 0)
		snprintf(c->why, sizeof c->why, "%s:%d: %s", file, line, what);
	if (c->failures <= CHECK_SHOWN_MAX)
		printf("# %s:%d: %s\n", file, line, what);
}

bool check_that(bool good, const char *file, int line, const char *what)
{
	if (!good)
		check_fail(file, line, what);
	return good;
}

bool check_eq(long long a, long long b, const char *file, int line, const char *a_text,
	      const char *b_text)
{
	char what[300];

	if (a == b)
		return true;
	snprintf(what, sizeof what, "%s is %lld, not %s = %lld", a_text, a, b_text, b);
	check_fail(file, line, what);
	return false;
}

bool check_str(const char *a, const char *b, const char *file, int line, const char *a_text)
{
	char what[300];

	if (a && b && strcmp(a, b) == 0)
		return true;
	snprintf(what, sizeof what, "%s is \"%.100s\", not \"%.100s\"", a_text,
		 a ? a : "(null)", b ? b : "(null)");
	check_fail(file, line, what);
	return false;
}

void check_run(const char *name, void (*fn)(void))
{
	struct check_state *c = &check_state;

	c->failures = 0;
	c->skipped = NULL;
	fn();
	if (c->failures) {
		c->n_failed++;
		printf("not ok - %s: %s\n", name, c->why);
	} else if (c->skipped) {
		c->n_skipped++;
		printf("ok - %s # SKIP %s\n", name, c->skipped);
	} else {
		c->n_passed++;
		printf("ok - %s\n", name);
	}
	fflush(stdout);
}

int check_done(void)
{
	const struct check_state *c = &check_state;

	return c->n_failed == 0 && c->n_passed + c->n_skipped > 0 ? 0 : 1;
}
