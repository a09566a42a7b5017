/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what torture makes of both ends of a call: what is true passes, whoever comes
 * first, and each falsehood is seen and counted. Knows nothing of nodes.
 */
#include <string.h>

#include "tests/lib/check.h"
#include "tools/torture/call_log.c"

static struct call_pair pair;

static uint64_t begin(void)
{
	uint64_t number = call_log_new(&pair);

	call_log_begun(&pair);
	return number;
}

/* NULL: all is right. */
static void marks(uint64_t number, enum call_mark mark, const char *wrong)
{
	const char *said = call_log_mark(&pair, number, mark);

	CHECK_STR(said ? said : "", wrong ? wrong : "");
}

static void ends(uint64_t number, enum sinew_call_reason reason, enum sinew_call_outcome outcome,
		 const char *wrong)
{
	const char *said = call_log_ended(&pair, number, reason, outcome);

	CHECK_STR(said ? said : "", wrong ? wrong : "");
}

static uint64_t counted(enum call_count what)
{
	uint64_t sum[CALL_COUNTS] = { 0 };

	call_log_add(sum, &pair);
	return sum[what];
}

static void the_most_of_both_ends_is_kept(void)
{
	uint64_t mosts[CALL_MOSTS] = { [CALL_OLDEST_MS] = 50 };

	memset(&pair, 0, sizeof(pair));
	call_log_saw(&pair, CALL_SLOTS_USED, 3);
	call_log_saw(&pair, CALL_SLOTS_USED, 7);
	call_log_saw(&pair, CALL_SLOTS_USED, 5);
	call_log_saw(&pair, CALL_OLDEST_MS, 49);
	call_log_raise(mosts, &pair);
	CHECK_EQ(mosts[CALL_SLOTS_USED], 7);
	CHECK_EQ(mosts[CALL_OLDEST_MS], 50);
}

static void what_is_true_passes(void)
{
	uint64_t sum[CALL_COUNTS] = { 0 };
	uint64_t n;

	memset(&pair, 0, sizeof(pair));
	n = begin();
	CHECK_EQ(n, 1);
	marks(n, CALL_MARK_SHOWN, NULL);
	marks(n, CALL_MARK_WHOLE, NULL);
	marks(n, CALL_MARK_ANSWERED, NULL);
	ends(n, SINEW_END_REPLIED, SINEW_CALL_DONE, NULL);
	n = begin();
	ends(n, SINEW_END_BUSY, SINEW_CALL_NOT_EXECUTED, NULL);
	n = begin();
	ends(n, SINEW_END_DEADLINE, SINEW_CALL_IN_DOUBT, NULL);
	marks(n, CALL_MARK_SHOWN, NULL);
	n = begin();
	ends(n, SINEW_END_DEADLINE, SINEW_CALL_PARTIAL, NULL);
	marks(n, CALL_MARK_SHOWN, NULL);
	n = begin();
	marks(n, CALL_MARK_SHOWN, NULL);
	ends(n, SINEW_END_SESSION, SINEW_CALL_STARTED, NULL);
	n = begin();
	marks(n, CALL_MARK_SHOWN, NULL);
	marks(n, CALL_MARK_ABORTED, NULL);
	ends(n, SINEW_END_ABORTED, SINEW_CALL_STARTED, NULL);
	begin();
	call_log_refused(&pair, call_log_new(&pair));
	call_log_add(sum, &pair);
	CHECK(sum[CALL_BEGUN] == 7 && sum[CALL_DONE] == 1 && sum[CALL_BUSY] == 1);
	CHECK(sum[CALL_IN_DOUBT] == 1 && sum[CALL_NOT_EXECUTED] == 1 && sum[CALL_STARTED] == 1);
	CHECK(sum[CALL_ABORTED] == 1 && call_log_lost(sum) == 1);
	CHECK(!sum[CALL_TWICE] && !sum[CALL_ENDLESS] && !sum[CALL_UNTRUE]);
}

static void twice_is_seen(void)
{
	uint64_t n, i;

	memset(&pair, 0, sizeof(pair));
	n = begin();
	marks(n, CALL_MARK_SHOWN, NULL);
	marks(n, CALL_MARK_SHOWN, "was executed twice");
	CHECK_EQ(counted(CALL_TWICE), 1);
	for (i = 1; i < CALL_LOG_CALLS; i++) {
		CHECK(call_log_is_old(&pair, n) == (i > CALL_LOG_CALLS / 2));
		begin();
	}
	marks(n, CALL_MARK_WHOLE, NULL);
	begin();
	marks(n, CALL_MARK_ANSWERED, "was executed long after it began");
	CHECK_EQ(counted(CALL_TWICE), 2);
}

static void what_was_executed_is_not_denied(void)
{
	static const char denied[] = "was executed, and its caller was told that it was not";
	uint64_t n;

	memset(&pair, 0, sizeof(pair));
	n = begin();
	marks(n, CALL_MARK_SHOWN, NULL);
	ends(n, SINEW_END_SESSION, SINEW_CALL_NOT_EXECUTED, denied);
	n = begin();
	marks(n, CALL_MARK_SHOWN, NULL);
	marks(n, CALL_MARK_WHOLE, NULL);
	ends(n, SINEW_END_SESSION, SINEW_CALL_PARTIAL, denied);
	CHECK_EQ(counted(CALL_UNTRUE), 2);
}

static void what_was_denied_is_not_executed(void)
{
	static const char later[] =
		"was executed after its caller was told that it never will be";
	uint64_t n;

	memset(&pair, 0, sizeof(pair));
	n = begin();
	ends(n, SINEW_END_BUSY, SINEW_CALL_NOT_EXECUTED, NULL);
	marks(n, CALL_MARK_SHOWN, later);
	n = begin();
	ends(n, SINEW_END_DEADLINE, SINEW_CALL_PARTIAL, NULL);
	marks(n, CALL_MARK_SHOWN, NULL);
	marks(n, CALL_MARK_WHOLE, later);
	n = call_log_new(&pair);
	call_log_refused(&pair, n);
	marks(n, CALL_MARK_SHOWN, later);
	CHECK_EQ(counted(CALL_UNTRUE), 3);
}

static void what_was_not_executed_is_not_claimed(void)
{
	static const char claimed[] = "was not executed so far as its caller was told";
	uint64_t n;

	memset(&pair, 0, sizeof(pair));
	n = begin();
	ends(n, SINEW_END_SESSION, SINEW_CALL_STARTED, claimed);
	n = begin();
	marks(n, CALL_MARK_SHOWN, NULL);
	marks(n, CALL_MARK_WHOLE, NULL);
	ends(n, SINEW_END_REPLIED, SINEW_CALL_DONE, claimed);
	n = begin();
	marks(n, CALL_MARK_SHOWN, NULL);
	ends(n, SINEW_END_ABORTED, SINEW_CALL_STARTED,
	     "was not aborted by the called side, as its caller was told");
	n = begin();
	marks(n, CALL_MARK_SHOWN, NULL);
	ends(n, SINEW_END_REPLIED, SINEW_CALL_STARTED, "was answered, but is not done");
	CHECK_EQ(counted(CALL_UNTRUE), 4);
}

static void busy_means_not_executed(void)
{
	uint64_t n;

	memset(&pair, 0, sizeof(pair));
	n = begin();
	ends(n, SINEW_END_BUSY, SINEW_CALL_IN_DOUBT,
	     "was refused as busy, but may have been executed");
	CHECK_EQ(counted(CALL_UNTRUE), 1);
}

/* A frame says only half of the number. */
static void a_number_is_known_by_half_of_it(void)
{
	const uint64_t many = (uint64_t)1 << 32;

	memset(&pair, 0, sizeof(pair));
	CHECK_EQ(call_log_number(&pair, 1), 0);
	begin();
	CHECK_EQ(call_log_number(&pair, 1), 1);
	CHECK_EQ(call_log_number(&pair, 2), 0);
	atomic_store(&pair.n, many + 5);
	CHECK_EQ(call_log_number(&pair, 5), many + 5);
	CHECK_EQ(call_log_number(&pair, 6), 6);
	CHECK_EQ(call_log_number(&pair, UINT32_MAX), many - 1);
}

static void one_end_is_enough(void)
{
	uint64_t n;

	memset(&pair, 0, sizeof(pair));
	n = begin();
	ends(n, SINEW_END_BUSY, SINEW_CALL_NOT_EXECUTED, NULL);
	ends(n, SINEW_END_BUSY, SINEW_CALL_NOT_EXECUTED, "ended twice");
	begin();
	call_log_endless(&pair);
	CHECK(counted(CALL_UNTRUE) == 1 && counted(CALL_ENDLESS) == 1);
}

int main(void)
{
	RUN(what_is_true_passes);
	RUN(the_most_of_both_ends_is_kept);
	RUN(twice_is_seen);
	RUN(what_was_executed_is_not_denied);
	RUN(what_was_denied_is_not_executed);
	RUN(what_was_not_executed_is_not_claimed);
	RUN(busy_means_not_executed);
	RUN(a_number_is_known_by_half_of_it);
	RUN(one_end_is_enough);
	return check_done();
}
