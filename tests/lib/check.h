/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The harness of every test program: runs functions as named tests and prints
 * one line for each, "ok - name", "not ok - name: why" or
 * "ok - name # SKIP reason". Knows nothing of what is tested.
 *
 *	static void adds(void) { CHECK_EQ(1 + 1, 2); }
 *	int main(void) { RUN(adds); return check_done(); }
 *
 * A failed CHECK prints its place and the test continues; CHECK_OR_RETURN() and
 * SKIP() leave the test's function. Checks are made on the thread of main().
 */
#ifndef SINEW_TESTS_LIB_CHECK_H
#define SINEW_TESTS_LIB_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct check_state {
	const char *skipped;	/* reason, of the running test */
	char why[400];		/* first failure of the running test */
	unsigned failures;	/* of the running test */
	unsigned n_passed, n_failed, n_skipped;
};

extern struct check_state check_state;

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

void check_fail(const char *file, int line, const char *what);
bool check_that(bool good, const char *file, int line, const char *what);
bool check_eq(long long a, long long b, const char *file, int line, const char *a_text,
	      const char *b_text);
bool check_str(const char *a, const char *b, const char *file, int line, const char *a_text);
void check_run(const char *name, void (*fn)(void));

/* The exit status of main(): 0 if no test failed and at least one ran. */
int check_done(void);

#endif
