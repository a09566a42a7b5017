/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The harness of every test program: runs functions as named tests and prints
 * one line for each, "ok - name", "not ok - name: why" or
 * "ok - name # SKIP reason". Knows nothing of what is tested.
 *
 *	static void adds(void) { CHECK_EQ(1 + 1, 2); }
 *	int main(void) { RUN(adds); return check_done(); }
 *
 * A failed CHECK prints its place and the test goes on; CHECK_OR_RETURN() and
 * SKIP() leave the test's function. Checks are made on the thread of main().
 */
#ifndef SINEW_TESTS_CHECK_H
#define SINEW_TESTS_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHECK_SHOWN_MAX	10	/* failures printed of one test */

struct check_state {
	const char *skipped;	/* reason, of the running test */
	char why[400];		/* first failure of the running test */
	unsigned failures;	/* of the running test */
	unsigned n_passed, n_failed, n_skipped;
};

static struct check_state check_state;

#define CHECK(cond) check_that((cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ(a, b) \
	check_eq((long long)(a), (long long)(b), __FILE__, __LINE__, #a, #b)
#define CHECK_MEM(a, b, n) \
	check_that(memcmp((a), (b), (n)) == 0, __FILE__, __LINE__, #a " holds the bytes of " #b)
#define CHECK_STR(a, b) check_str((a), (b), __FILE__, __LINE__, #a)
#define CHECK_OR_RETURN(cond) \
	do { \
		if (!CHECK(cond)) \
			return; \
	} while (0)
#define SKIP(reason) \
	do { \
		check_state.skipped = (reason); \
		return; \
	} while (0)
#define RUN(fn) check_run(#fn, (fn))

static inline void check_fail(const char *file, int line, const char *what)
{
	struct check_state *c = &check_state;

	if (c->failures++ == 0)
		snprintf(c->why, sizeof c->why, "%s:%d: %s", file, line, what);
	if (c->failures <= CHECK_SHOWN_MAX)
		printf("# %s:%d: %s\n", file, line, what);
}

static inline bool check_that(bool good, const char *file, int line, const char *what)
{
	if (!good)
		check_fail(file, line, what);
	return good;
}

static inline bool check_eq(long long a, long long b, const char *file, int line,
			    const char *a_text, const char *b_text)
{
	char what[300];

	if (a == b)
		return true;
	snprintf(what, sizeof what, "%s is %lld, not %s = %lld", a_text, a, b_text, b);
	check_fail(file, line, what);
	return false;
}

static inline bool check_str(const char *a, const char *b, const char *file, int line,
			     const char *a_text)
{
	char what[300];

	if (a && b && strcmp(a, b) == 0)
		return true;
	snprintf(what, sizeof what, "%s is \"%.100s\", not \"%.100s\"", a_text,
		 a ? a : "(null)", b ? b : "(null)");
	check_fail(file, line, what);
	return false;
}

static inline void check_run(const char *name, void (*fn)(void))
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

/* The exit status of main(): 0 if no test failed and at least one ran. */
static inline int check_done(void)
{
	const struct check_state *c = &check_state;

	return c->n_failed == 0 && c->n_passed + c->n_skipped > 0 ? 0 : 1;
}

#endif
