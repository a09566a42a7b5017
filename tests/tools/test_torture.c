/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests that the checker of "sinew torture" can fail: a message that is lost,
 * comes twice, late or changed, and every promise about the end of a session that can be broken.
 * Knows only the pure parts, which it is built with; nothing is sent.
 */
#include <stdlib.h>

#include "tests/lib/check.h"
#include "tools/torture/content.c"
#include "tools/torture/checker.c"

#define MAX	((size_t)1 << 20)

/* ---- the seqset ---- */

static void takes(struct seqset *l, uint64_t first, uint64_t last)
{
	for (uint64_t n = first; n <= last; n++)
		CHECK_EQ(seqset_take(l, n), SEQSET_IN_ORDER);
}

static void seqset_is(const struct seqset *l, uint64_t delivered, uint64_t lost,
		      uint64_t duplicated, uint64_t reordered, uint64_t corrupted)
{
	CHECK_EQ(seqset_delivered(l), delivered);
	CHECK_EQ(l->lost, lost);
	CHECK_EQ(l->duplicated, duplicated);
	CHECK_EQ(l->reordered, reordered);
	CHECK_EQ(l->corrupted, corrupted);
}

static void seqset_in_order(void)
{
	struct seqset l = { 0 };

	CHECK_EQ(seqset_next(&l), 1);
	takes(&l, 1, 1000);
	CHECK_EQ(seqset_next(&l), 1001);
	seqset_is(&l, 1000, 0, 0, 0, 0);
}

static void seqset_lost(void)
{
	struct seqset l = { 0 };

	takes(&l, 1, 4);
	CHECK_EQ(seqset_take(&l, 7), SEQSET_AHEAD);
	takes(&l, 8, 9);
	seqset_is(&l, 7, 2, 0, 0, 0);
}

static void seqset_first_lost(void)
{
	struct seqset l = { 0 };

	CHECK_EQ(seqset_take(&l, 2), SEQSET_AHEAD);
	seqset_is(&l, 1, 1, 0, 0, 0);
}

static void seqset_duplicated(void)
{
	struct seqset l = { 0 };

	takes(&l, 1, 4);
	CHECK_EQ(seqset_take(&l, 4), SEQSET_DUPLICATED);
	CHECK_EQ(seqset_take(&l, 1), SEQSET_DUPLICATED);
	takes(&l, 5, 5);
	seqset_is(&l, 5, 0, 2, 0, 0);
}

static void seqset_reordered(void)
{
	struct seqset l = { 0 };

	takes(&l, 1, 2);
	CHECK_EQ(seqset_take(&l, 6), SEQSET_AHEAD);
	CHECK_EQ(seqset_take(&l, 4), SEQSET_REORDERED);
	CHECK_EQ(seqset_take(&l, 4), SEQSET_DUPLICATED);
	CHECK_EQ(seqset_take(&l, 3), SEQSET_REORDERED);
	CHECK_EQ(seqset_take(&l, 5), SEQSET_REORDERED);
	takes(&l, 7, 7);
	seqset_is(&l, 7, 0, 1, 3, 0);
	CHECK_EQ(l.n_gaps, 0);
}

static void seqset_corrupted_takes_a_place(void)
{
	struct seqset l = { 0 };

	takes(&l, 1, 2);
	seqset_take_corrupted(&l);
	takes(&l, 4, 4);
	seqset_take_stray(&l);
	takes(&l, 5, 5);
	seqset_is(&l, 5, 0, 0, 0, 2);
}

/* A late message of a gap that was forgotten is still wrong, only called otherwise. */
static void seqset_more_gaps_than_it_has_room_for(void)
{
	struct seqset l = { 0 };

	for (uint64_t n = 2; n <= 2 * (SEQSET_GAPS + 1); n += 2)
		CHECK_EQ(seqset_take(&l, n), SEQSET_AHEAD);
	CHECK_EQ(l.n_gaps, SEQSET_GAPS);
	CHECK_EQ(l.lost, SEQSET_GAPS + 1);
	CHECK_EQ(seqset_take(&l, 1), SEQSET_DUPLICATED);
	CHECK_EQ(seqset_take(&l, 3), SEQSET_REORDERED);
}

/* ---- contents ---- */

static struct content content_number(uint64_t number)
{
	return (struct content){
		.seed = 42, .from = 3, .to = 4, .from_incarnation = 111, .to_incarnation = 222,
		.number = number, .max = MAX,
	};
}

static uint8_t *make(const struct content *c, size_t *ret_len)
{
	uint8_t *p;

	*ret_len = content_length(c);
	p = malloc(*ret_len + 1);
	if (!p)
		abort();
	content_fill(c, p, *ret_len);
	return p;
}

static void contents_are_recognised(void)
{
	size_t len, longest = 0, n_empty = 0, n_short = 0;

	for (uint64_t n = 1; n <= 3000; n++) {
		struct content c = content_number(n), next = content_number(n + 1);
		uint8_t *p = make(&c, &len);

		CHECK(content_is(&c, p, len));
		CHECK(!content_is(&next, p, len) || !len);
		n_empty += !len;
		n_short += len && len <= 256;
		longest = len > longest ? len : longest;
		free(p);
	}
	CHECK(n_empty > 100 && n_short > 1500 && longest > 65536 && longest <= MAX);
}

static void lengths_keep_to_the_limit(void)
{
	for (size_t max = 1; max <= 300; max += 13) {
		size_t longest = 0;

		for (uint64_t n = 1; n <= 2000; n++) {
			struct content c = content_number(n);

			c.max = max;
			longest = content_length(&c) > longest ? content_length(&c) : longest;
		}
		CHECK_EQ(longest <= max, true);
		CHECK(longest * 2 >= max);
	}
}

/* Each byte, wherever it is. */
static void a_changed_bit_is_wrong(void)
{
	uint64_t number = 0;
	size_t len;

	for (uint64_t n = 1; n <= 60; n++) {
		struct content c = content_number(n);
		uint8_t *p = make(&c, &len);

		for (size_t i = 0; i < len; i += len > 5000 ? len / 50 : 1) {
			p[i] ^= 0x10;
			CHECK_EQ(content_identify(&c, p, len, &number), CONTENT_WRONG);
			p[i] ^= 0x10;
		}
		CHECK_EQ(content_identify(&c, p, len, &number), CONTENT_GOOD);
		CHECK_EQ(number, n);
		free(p);
	}
}

static void a_cut_message_is_wrong(void)
{
	struct content c = content_number(1);
	uint64_t number = 0;
	uint8_t *p;
	size_t len;

	while (content_length(&c) < 2 * CONTENT_PLAIN)
		c.number++;
	p = make(&c, &len);
	CHECK_EQ(content_identify(&c, p, len - 1, &number), CONTENT_WRONG);
	CHECK(content_identify(&c, p, 0, &number) != CONTENT_GOOD || number != c.number);
	free(p);
}

/* Long ones say their number, short ones are found by it. */
static void another_number_is_recognised(void)
{
	struct content due = content_number(400);
	uint64_t number;
	size_t len;

	for (uint64_t n = 300; n <= 500; n++) {
		struct content c = content_number(n);
		uint8_t *p = make(&c, &len);

		number = 0;
		CHECK_EQ(content_identify(&due, p, len, &number), CONTENT_GOOD);
		/* One or two bytes may be those of another message, too. */
		if (len > 3)
			CHECK_EQ(number, n);
		free(p);
	}
}

static void another_incarnation_is_a_stray(void)
{
	struct content due = content_number(1), old;
	uint64_t number = 0;
	uint8_t *p;
	size_t len;

	while (content_length(&due) < CONTENT_PLAIN)
		due.number++;
	for (int i = 0; i < 5; i++) {
		old = due;
		old.from_incarnation += i == 0;
		old.to_incarnation += i == 1;
		p = make(&old, &len);
		CHECK_EQ(content_identify(&due, p, len, &number),
			 i < 2 ? CONTENT_STRAY : CONTENT_GOOD);
		free(p);
	}
}

static void a_short_one_of_another_incarnation_is_wrong(void)
{
	struct content due = content_number(1), old;
	uint64_t number = 0;
	uint8_t *p;
	size_t len;

	while (content_length(&due) < 8 || content_length(&due) >= CONTENT_PLAIN)
		due.number++;
	old = due;
	old.from_incarnation++;
	p = make(&old, &len);
	CHECK_EQ(content_identify(&due, p, len, &number), CONTENT_WRONG);
	free(p);
}

/* ---- the checker ---- */

static unsigned n_notes;

static void take_note(void *arg, const char *line)
{
	(void)arg, (void)line;
	n_notes++;
}

static const struct checker checker = { .note = take_note };

/* Two ends of a session in which 10 messages went each way and all is well. */
static void good_session(struct record *a, struct record *b)
{
	struct record *ends[2] = { a, b };

	n_notes = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct record *r = ends[i];

		memset(r, 0, sizeof *r);
		r->node = i + 1;
		r->peer = 2 - i;
		record_set(&r->tried, 10);
		record_set(&r->sent, 10);
		record_set(&r->acked, 10);
		takes(&r->got, 1, 10);
		r->reason = SINEW_DOWN_CLOSED;
		r->delivery = (struct sinew_delivery){ 10, 10, 10 };
	}
}

static struct pair checked(const struct record *a, const struct record *b)
{
	struct pair ab = { 0 }, ba = { 0 };

	checker_session(&checker, a, b, &ab, &ba);
	checker_add(&ab, &ba);
	CHECK_EQ(checker_is_clean(&ab), !n_notes && !ab.lost && !ab.duplicated && !ab.reordered &&
		 !ab.corrupted);
	return ab;
}

static void checker_good(void)
{
	struct record a, b;
	struct pair p;

	good_session(&a, &b);
	p = checked(&a, &b);
	CHECK(checker_is_clean(&p));
	CHECK_EQ(p.sent, 20);
	CHECK_EQ(p.delivered, 20);
	CHECK_EQ(n_notes, 0);
}

static void checker_sees_what_the_ledger_has(void)
{
	struct record a, b;
	struct pair p;

	good_session(&a, &b);
	b.got.duplicated = 1;
	a.got.reordered = 2;
	b.got.corrupted = 3;
	p = checked(&a, &b);
	CHECK_EQ(p.duplicated, 1);
	CHECK_EQ(p.reordered, 2);
	CHECK_EQ(p.corrupted, 3);
	CHECK(!checker_is_clean(&p));
}

static void checker_last_message_lost(void)
{
	struct record a, b;
	struct pair p;

	good_session(&a, &b);
	memset(&b.got, 0, sizeof b.got);
	takes(&b.got, 1, 9);
	p = checked(&a, &b);
	CHECK_EQ(p.lost, 1);
	CHECK(!checker_is_clean(&p));
}

static void checker_closed_with_less_acknowledged(void)
{
	struct record a, b;
	struct pair p;

	good_session(&a, &b);
	a.delivery.acked = 9;
	record_set(&a.acked, 9);
	p = checked(&a, &b);
	CHECK_EQ(p.lost, 0);
	CHECK(!checker_is_clean(&p));
}

static void checker_fates_that_do_not_fit(void)
{
	struct record a, b;
	struct pair p;

	good_session(&a, &b);
	a.delivery.unsent = 11;
	p = checked(&a, &b);
	CHECK(!checker_is_clean(&p));
	good_session(&a, &b);
	b.crashed = true;
	a.reason = SINEW_DOWN_SUPERSEDED;
	a.delivery = (struct sinew_delivery){ 9, 10, 10 };
	/* It had seen ten acknowledged. */
	p = checked(&a, &b);
	CHECK(!checker_is_clean(&p));
}

/* Which of its ten messages a dead peer got, against what the sender is told. */
static struct pair peer_died(uint64_t got, uint64_t acked, uint64_t unknown)
{
	struct record a, b;

	good_session(&a, &b);
	memset(&b.got, 0, sizeof b.got);
	takes(&b.got, 1, got);
	b.crashed = b.stale = true;
	record_set(&a.acked, acked);
	a.reason = SINEW_DOWN_SUPERSEDED;
	a.delivery = (struct sinew_delivery){ acked, unknown, 10 };
	return checked(&a, &b);
}

static void checker_fates_of_a_peer_that_died(void)
{
	struct pair p;

	for (uint64_t got = 4; got <= 8; got++) {
		p = peer_died(got, 4, 8);
		CHECK(checker_is_clean(&p));
		CHECK_EQ(p.told, 10 - got);
	}
	p = peer_died(3, 4, 8);
	CHECK_EQ(p.lost, 1);
	CHECK(!checker_is_clean(&p));
	p = peer_died(9, 4, 8);
	CHECK_EQ(p.duplicated, 1);
	CHECK(!checker_is_clean(&p));
}

static void checker_sender_that_died(void)
{
	struct record a, b;
	struct pair p;

	good_session(&a, &b);
	a.crashed = true;
	b.reason = SINEW_DOWN_SUPERSEDED;
	record_set(&a.acked, 10);
	memset(&b.got, 0, sizeof b.got);
	takes(&b.got, 1, 9);
	p = checked(&a, &b);
	CHECK_EQ(p.lost, 1);
	good_session(&a, &b);
	a.crashed = true;
	b.reason = SINEW_DOWN_SUPERSEDED;
	takes(&b.got, 11, 11);
	/* It never began to send that one. */
	p = checked(&a, &b);
	CHECK_EQ(p.duplicated, 1);
	good_session(&a, &b);
	a.crashed = true;
	b.reason = SINEW_DOWN_SUPERSEDED;
	record_set(&a.tried, 11);
	takes(&b.got, 11, 11);
	p = checked(&a, &b);
	CHECK(checker_is_clean(&p));
	CHECK_EQ(p.sent, p.delivered);
}

static void checker_end_without_a_cause(void)
{
	struct record a, b;
	struct pair p;

	good_session(&a, &b);
	a.reason = SINEW_DOWN_LINGER;
	p = checked(&a, &b);
	CHECK_EQ(p.broken, 1);
	good_session(&a, &b);
	a.reason = SINEW_DOWN_SUPERSEDED;
	b.crashed = true;
	p = checked(&a, &b);
	CHECK(checker_is_clean(&p));
}

static void checker_end_that_nobody_else_knew(void)
{
	struct record a, b;
	struct pair p;

	good_session(&a, &b);
	memset(&a.got, 0, sizeof a.got);
	a.reason = SINEW_DOWN_SUPERSEDED;
	a.delivery = (struct sinew_delivery){ 0, 10, 10 };
	record_set(&a.acked, 0);
	p = checked(&a, NULL);
	CHECK(checker_is_clean(&p));
	takes(&a.got, 1, 1);
	p = checked(&a, NULL);
	CHECK(!checker_is_clean(&p));
}

/* ---- kills ---- */

static void links_are(uint64_t up_a, uint64_t hit_a, uint64_t up_b, uint64_t hit_b,
		      uint64_t expected_kills, uint64_t expected_hits)
{
	struct record a = { .node = 1, .peer = 2 }, b = { .node = 2, .peer = 1 };
	uint64_t kills = 99, hits = 99;

	record_set(&a.reconnects, up_a);
	record_set(&a.resumed, hit_a);
	record_set(&b.reconnects, up_b);
	record_set(&b.resumed, hit_b);
	checker_links(&a, &b, &kills, &hits);
	CHECK_EQ(kills, expected_kills);
	CHECK_EQ(hits, expected_hits);
	checker_links(&b, &a, &kills, &hits);
	CHECK_EQ(kills, expected_kills);
	CHECK_EQ(hits, expected_hits);
}

static void kills_are_what_both_ends_saw(void)
{
	struct record a = { .node = 1, .stale = true }, b = { .node = 2 };
	uint64_t kills, hits;

	links_are(0, 0, 0, 0, 0, 0);
	links_are(10, 4, 10, 7, 10, 7);
	links_are(10, 8, 7, 3, 7, 5);	/* three of a's may have been the unseen ones */
	links_are(10, 2, 7, 3, 7, 3);
	links_are(10, 2, 7, 0, 7, 0);
	links_are(5, 0, 0, 0, 0, 0);
	links_are(5, 5, 0, 0, 0, 0);
	links_are(5, 5, 1, 0, 1, 1);
	links_are(6, 4, 7, 7, 6, 6);	/* cannot be: the careful number */
	record_set(&a.reconnects, 5);
	record_set(&a.resumed, 5);
	record_set(&b.reconnects, 6);
	record_set(&b.resumed, 3);
	checker_links(&a, &b, &kills, &hits);
	CHECK_EQ(kills, 6);
	CHECK_EQ(hits, 3);
	/* The higher one's are too small at worst. */
	a.stale = false;
	b.stale = true;
	record_set(&a.reconnects, 8);
	checker_links(&a, &b, &kills, &hits);
	CHECK_EQ(kills, 6);
	CHECK_EQ(hits, 3);
	checker_links(&a, NULL, &kills, &hits);
	CHECK_EQ(kills, 0);
}

int main(void)
{
	RUN(seqset_in_order);
	RUN(seqset_lost);
	RUN(seqset_first_lost);
	RUN(seqset_duplicated);
	RUN(seqset_reordered);
	RUN(seqset_corrupted_takes_a_place);
	RUN(seqset_more_gaps_than_it_has_room_for);
	RUN(contents_are_recognised);
	RUN(lengths_keep_to_the_limit);
	RUN(a_changed_bit_is_wrong);
	RUN(a_cut_message_is_wrong);
	RUN(another_number_is_recognised);
	RUN(another_incarnation_is_a_stray);
	RUN(a_short_one_of_another_incarnation_is_wrong);
	RUN(checker_good);
	RUN(checker_sees_what_the_ledger_has);
	RUN(checker_last_message_lost);
	RUN(checker_closed_with_less_acknowledged);
	RUN(checker_fates_that_do_not_fit);
	RUN(checker_fates_of_a_peer_that_died);
	RUN(checker_sender_that_died);
	RUN(checker_end_without_a_cause);
	RUN(checker_end_that_nobody_else_knew);
	RUN(kills_are_what_both_ends_saw);
	return check_done();
}
