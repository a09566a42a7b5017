/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests what the relay decides without a socket: the words for an act, and which act comes at
 * which byte. Knows nothing of how it is done; tests/tools/test_break_relay.sh does.
 */
#include "tests/lib/check.h"

/* The command is no library. */
#include "tools/break/relay_plan.c"

#define LONG_WAY	10000000

static const struct relay_place a1 = { RELAY_A, 1, RELAY_A };

static struct relay_act parsed(const char *text)
{
	struct relay_act act = { 0 };

	if (!relay_act_parse(text, &act))
		check_fail(__FILE__, __LINE__, text);
	return act;
}

static void acts_are_parsed(void)
{
	struct relay_act act = parsed("join=4k,20,64k");

	CHECK_EQ(act.kind, RELAY_JOIN);
	CHECK_EQ(act.bytes, 4096);
	CHECK_EQ(act.ms, 20);
	CHECK_EQ(act.length, 65536);
	CHECK_EQ(parsed("reset").kind, RELAY_RESET);
	CHECK_EQ(parsed("fin").kind, RELAY_FIN);
	CHECK_EQ(parsed("hole").kind, RELAY_HOLE);
	CHECK(!parsed("stall=5").both);
	CHECK(parsed("stall=5,both").both);
	CHECK_EQ(parsed("delay=7").length, 0);
	CHECK_EQ(parsed("delay=7,9").length, 9);
	CHECK_EQ(parsed("throttle=1M").bytes, 1 << 20);
	CHECK_EQ(parsed("split=64k").bytes, RELAY_PIECE_MAX);
}

static void what_is_no_act_is_refused(void)
{
	static const char *const texts[] = {
		"", "rst", "reset=", "reset=1", "fin,both", "hole=1", "stall", "stall=", "stall=0",
		"stall=5,bot", "stall=5,", "stall=5,both,both", "stall=86400001", "stall=1k",
		"delay=1,0", "delay=1,2,3", "throttle=0", "throttle=2G", "split=65537", "split=-1",
		"join=5", "join=5,", "join=5,5,5,5", "RESET",
		"stall=000000000000000000000000000000000000000001",
	};
	struct relay_act act;

	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (!CHECK(!relay_act_parse(texts[i], &act)))
			printf("# %s\n", texts[i]);
}

static void acts_of_a_log_are_checked(void)
{
	struct relay_act act = { .kind = RELAY_STALL, .ms = 1, .both = true };

	CHECK(relay_act_is_right(&act));
	act.ms = RELAY_MS_MAX;
	CHECK(relay_act_is_right(&act));
	act.ms++;
	CHECK(!relay_act_is_right(&act));
	act = (struct relay_act) { .kind = RELAY_RESET, .offset = RELAY_OFFSET_MAX };
	CHECK(relay_act_is_right(&act));
	act.offset++;
	CHECK(!relay_act_is_right(&act));
	act = (struct relay_act) { .kind = RELAY_RESET, .length = 1 };
	CHECK(!relay_act_is_right(&act));
	act = (struct relay_act) { .kind = RELAY_SPLIT, .bytes = 1, .both = true };
	CHECK(!relay_act_is_right(&act));
}

static void acts_are_told(void)
{
	char text[RELAY_ACT_TEXT_MAX];
	struct relay_act act = parsed("stall=200,both");

	CHECK_STR(relay_act_text(&act, text), "stall 200 ms, both directions");
	act = parsed("join=64k,86400000,4611686018427387904");
	CHECK_STR(relay_act_text(&act, text),
		  "join 65536 bytes 86400000 ms for 4611686018427387904 bytes");
}

static void rules_are_parsed(void)
{
	struct relay_rule rule;

	CHECK(relay_rule_every("1M:stall=5", &rule));
	CHECK(rule.from[RELAY_A] && rule.from[RELAY_B] && rule.diallers[RELAY_A] &&
	      rule.diallers[RELAY_B]);
	CHECK_EQ(rule.every, 1 << 20);
	CHECK(relay_rule_every("b:10:reset", &rule));
	CHECK(!rule.from[RELAY_A] && rule.from[RELAY_B]);
	CHECK(relay_rule_at("b12:a:0:hole", &rule));
	CHECK(!rule.diallers[RELAY_A] && rule.diallers[RELAY_B]);
	CHECK_EQ(rule.number, 12);
	CHECK_EQ(rule.act.offset, 0);
	CHECK(relay_rule_at("3:both:1k:reset", &rule));
	CHECK(rule.diallers[RELAY_A] && rule.diallers[RELAY_B]);
	CHECK_EQ(rule.act.offset, 1024);
	CHECK(relay_rule_at("all:b:1:reset", &rule));
	CHECK_EQ(rule.number, 0);
	CHECK(relay_rule_at("a:b:1:reset", &rule));
	CHECK(rule.diallers[RELAY_A] && !rule.diallers[RELAY_B]);
}

static void wrong_rules_are_refused(void)
{
	static const char *const every[] = { "", "5", "0:reset", ":reset", "c:5:reset", "a:reset",
					     "5:a:reset", "5:reset:", "5:" };
	static const char *const at[] = { "", "reset", "a0:a:1:reset", "c1:a:1:reset",
					  "1:c:1:reset", "1:a:reset", "1:a:-1:reset",
					  "a1b:a:1:reset", "4294967296:a:1:reset", "1:a:1:",
					  "1:a:1:reset:" };
	struct relay_rule rule;

	for (unsigned i = 0; i < sizeof every / sizeof every[0]; i++)
		if (!CHECK(!relay_rule_every(every[i], &rule)))
			printf("# %s\n", every[i]);
	for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++)
		if (!CHECK(!relay_rule_at(at[i], &rule)))
			printf("# %s\n", at[i]);
}

/* ---- plans ---- */

static void add(struct relay_faults *faults, bool every, const char *text)
{
	struct relay_rule *rule = &faults->rules[faults->n_rules++];

	CHECK(every ? relay_rule_every(text, rule) : relay_rule_at(text, rule));
}

/* The acts up to an offset; a sum over all that they are. */
static unsigned walk(const struct relay_faults *faults, struct relay_place place, uint64_t to,
		     uint64_t *ret_sum)
{
	struct relay_plan plan;
	uint64_t last = 0, sum = 0;
	unsigned n = 0;

	relay_plan_init(&plan, faults, &place);
	for (; plan.has_next && plan.next.offset <= to; n++) {
		CHECK(plan.next.offset >= last);
		last = plan.next.offset;
		sum = sum * 31 + last;
		sum = sum * 31 + (uint64_t)plan.next.kind;
		sum = sum * 31 + plan.next.length;
		relay_plan_advance(&plan);
	}
	*ret_sum = sum;
	return n;
}

static void a_plan_is_a_function_of_seed_and_place(void)
{
	struct relay_place other[] = {
		{ RELAY_B, 1, RELAY_A }, { RELAY_A, 2, RELAY_A }, { RELAY_A, 1, RELAY_B },
	};
	struct relay_faults faults = { .seed = 7 };
	uint64_t first, again, sum;

	add(&faults, true, "10k:reset");
	add(&faults, true, "10k:delay=5");
	walk(&faults, a1, LONG_WAY, &first);
	walk(&faults, a1, LONG_WAY, &again);
	CHECK(first == again);
	for (unsigned i = 0; i < 3; i++) {
		walk(&faults, other[i], LONG_WAY, &sum);
		CHECK(sum != first);
	}
	faults.seed = 8;
	walk(&faults, a1, LONG_WAY, &sum);
	CHECK(sum != first);
}

static void rates_are_kept(void)
{
	struct relay_faults faults = { .seed = 1 };
	uint64_t sum;
	unsigned n;

	add(&faults, true, "1000:stall=1");
	n = walk(&faults, a1, LONG_WAY, &sum);
	CHECK(n > 9500 && n < 10500);
	faults.rules[0].every = 1;
	n = walk(&faults, a1, 1000, &sum);
	CHECK_EQ(n, 1000);
	faults.rules[0].from[RELAY_A] = false;
	CHECK_EQ(walk(&faults, a1, LONG_WAY, &sum), 0);
	/* No act beyond what an offset may be, and no turn around. */
	faults.rules[0].from[RELAY_A] = true;
	faults.rules[0].every = RELAY_EVERY_MAX;
	CHECK(walk(&faults, a1, UINT64_MAX - 1, &sum) > 1000000);
}

static void a_rule_more_leaves_the_others(void)
{
	struct relay_faults faults = { .seed = 3 };
	uint64_t sums[2];
	struct relay_plan plan;

	add(&faults, true, "1000:stall=1");
	relay_plan_init(&plan, &faults, &a1);
	sums[0] = plan.next.offset;
	add(&faults, true, "100000k:reset");
	relay_plan_init(&plan, &faults, &a1);
	sums[1] = plan.next.offset;
	CHECK(sums[0] == sums[1]);
}

static void lengths_are_drawn_or_given(void)
{
	struct relay_faults faults = { .seed = 5 };
	struct relay_plan plan;

	add(&faults, true, "1000:delay=1");
	add(&faults, true, "1000:split=9,77");
	relay_plan_init(&plan, &faults, &a1);
	for (unsigned i = 0; i < 1000; i++) {
		if (plan.next.kind == RELAY_DELAY)
			CHECK(plan.next.length >= 1 && plan.next.length <= 1000);
		else
			CHECK_EQ(plan.next.length, 77);
		relay_plan_advance(&plan);
	}
}

static void chosen_acts_come_once_and_in_order(void)
{
	struct relay_faults faults = { 0 };
	struct relay_plan plan;

	add(&faults, false, "a1:a:500:fin");
	add(&faults, false, "all:both:0:stall=1");
	add(&faults, false, "1:a:500:reset");
	add(&faults, false, "2:a:1:reset");
	relay_plan_init(&plan, &faults, &a1);
	CHECK_OR_RETURN(plan.has_next);
	CHECK_EQ(plan.next.kind, RELAY_STALL);
	CHECK_EQ(plan.next.offset, 0);
	relay_plan_advance(&plan);
	CHECK_OR_RETURN(plan.has_next);
	CHECK_EQ(plan.next.kind, RELAY_FIN);
	CHECK_EQ(plan.next.offset, 500);
	relay_plan_advance(&plan);
	CHECK_OR_RETURN(plan.has_next);
	CHECK_EQ(plan.next.kind, RELAY_RESET);
	relay_plan_advance(&plan);
	CHECK(!plan.has_next);
}

static void records_are_found_by_place(void)
{
	const struct relay_record records[] = {
		{ .place = { RELAY_A, 1, RELAY_A }, .act = { .kind = RELAY_FIN, .offset = 3 } },
		{ .place = { RELAY_A, 1, RELAY_B }, .act = { .kind = RELAY_HOLE, .offset = 1 } },
		{ .place = { RELAY_B, 1, RELAY_A }, .act = { .kind = RELAY_STALL, .offset = 2 } },
		{ .place = { RELAY_B, 1, RELAY_A }, .act = { .kind = RELAY_FIN, .offset = 2 },
		  .order = 1 },
		{ .place = { RELAY_A, 3, RELAY_A }, .act = { .kind = RELAY_RESET, .offset = 9 } },
	};
	struct relay_faults faults = { .records = records, .n_records = 5 };
	struct relay_place b1 = { RELAY_B, 1, RELAY_A }, a2 = { RELAY_A, 2, RELAY_A };
	struct relay_place a3 = { RELAY_A, 3, RELAY_A }, b9 = { RELAY_B, 9, RELAY_B };
	struct relay_plan plan;
	uint64_t sum;

	for (unsigned i = 1; i < 5; i++)
		CHECK(relay_record_compare(&records[i - 1], &records[i]) < 0);
	CHECK_EQ(walk(&faults, a1, UINT64_MAX, &sum), 1);
	CHECK_EQ(walk(&faults, a2, UINT64_MAX, &sum), 0);
	CHECK_EQ(walk(&faults, a3, UINT64_MAX, &sum), 1);
	CHECK_EQ(walk(&faults, b9, UINT64_MAX, &sum), 0);
	CHECK_EQ(walk(&faults, b1, UINT64_MAX, &sum), 2);
	relay_plan_init(&plan, &faults, &b1);
	CHECK_EQ(plan.next.kind, RELAY_STALL);
	/* A log without an act is no lack of a log. */
	faults.n_records = 0;
	CHECK_EQ(walk(&faults, a1, UINT64_MAX, &sum), 0);
}

static void pieces_are_within_their_limit(void)
{
	struct relay_faults faults = { .seed = 11 };
	struct relay_plan plan;
	unsigned seen[8] = { 0 }, same = 0;

	relay_plan_init(&plan, &faults, &a1);
	for (unsigned k = 0; k < 7000; k++) {
		uint64_t n = relay_plan_piece(&plan, 100, k, 7);

		CHECK_OR_RETURN(n >= 1 && n <= 7);
		CHECK(n == relay_plan_piece(&plan, 100, k, 7));
		same += n == relay_plan_piece(&plan, 101, k, 7);
		seen[n]++;
	}
	for (unsigned n = 1; n <= 7; n++)
		CHECK(seen[n] > 800 && seen[n] < 1200);
	CHECK(same < 2000);
	CHECK_EQ(relay_plan_piece(&plan, 0, 0, 1), 1);
}

int main(void)
{
	RUN(acts_are_parsed);
	RUN(what_is_no_act_is_refused);
	RUN(acts_of_a_log_are_checked);
	RUN(acts_are_told);
	RUN(rules_are_parsed);
	RUN(wrong_rules_are_refused);
	RUN(a_plan_is_a_function_of_seed_and_place);
	RUN(rates_are_kept);
	RUN(a_rule_more_leaves_the_others);
	RUN(lengths_are_drawn_or_given);
	RUN(chosen_acts_come_once_and_in_order);
	RUN(records_are_found_by_place);
	RUN(pieces_are_within_their_limit);
	return check_done();
}
