/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sequence numbers of sessions for `sinew dump`, around the wrap, over several
 * connections and incarnations, and the limit of what is remembered; and the longest lists
 * that a frame can have. Knows no packets.
 */
#include "proto/wire.h"
#include "tests/check.h"
#include "tools/dump/describe.h"
#include "tools/dump/dlm.h"
#include "tools/dump/record.h"
#include "tools/dump/track.h"

#include <stdlib.h>

static struct described words;
static struct track_marks marks;

/* A frame of end dir on c; what is found out of it is in marks. */
static void feed(struct track *t, struct track_conn *c, unsigned dir, const uint8_t *p, size_t n)
{
	describe(p, n, n, &words);
	CHECK_STR(words.malformed, "");
	track_frame(t, c, dir, &words, p, n, false, &marks);
}

static void hello(struct track *t, struct track_conn *c, unsigned dir, uint64_t mine,
		  uint64_t yours, uint32_t next)
{
	struct hello h = { .mine = mine, .yours = yours, .next = next };
	uint8_t p[WIRE_CONTROL_MAX];

	feed(t, c, dir, p, wire_put_hello(p, dir + 1, &h));
}

static void data(struct track *t, struct track_conn *c, uint32_t seq)
{
	uint8_t p[WIRE_MSG_OVERHEAD];

	feed(t, c, 0, p, wire_put_msg(p, 1, seq, 0));
}

static void numbers_wrap(void)
{
	struct track_conn a = { .number = 1 }, b = { .number = 2 };
	struct track *t = NULL;

	CHECK_EQ(track_new(&t), 0);
	hello(t, &a, 0, 11, 22, 0);
	hello(t, &a, 1, 22, 11, 0xfffffffe);
	data(t, &a, 0xfffffffe);
	CHECK(!marks.again && !marks.gap);
	data(t, &a, 0xffffffff);
	data(t, &a, 0);
	CHECK(!marks.again && !marks.gap);
	data(t, &a, 2);
	CHECK(!marks.again && marks.gap == 1);
	hello(t, &b, 0, 11, 22, 0);
	hello(t, &b, 1, 22, 11, 0xffffffff);
	data(t, &b, 0xffffffff);
	CHECK(marks.again && !marks.gap);
	data(t, &b, 0);
	CHECK(marks.again && !marks.gap);
	data(t, &b, 3);
	CHECK(!marks.again && marks.gap == 2);
	/* A beginning that is not where the receiver wants it. */
	hello(t, &b, 0, 11, 22, 0);
	hello(t, &b, 1, 22, 11, 1);
	data(t, &b, 2);
	CHECK(marks.again && marks.gap == 1);
	track_free(t);
}

static void a_position_for_another_incarnation_is_none(void)
{
	struct track_conn a = { .number = 1 };
	struct track *t = NULL;

	CHECK_EQ(track_new(&t), 0);
	hello(t, &a, 0, 11, 0, 0);
	hello(t, &a, 1, 22, 10, 5);
	data(t, &a, 9);
	CHECK(!marks.again && !marks.gap);
	track_free(t);
}

static void too_many_sessions_are_forgotten(void)
{
	struct track *t = NULL;

	CHECK_EQ(track_new(&t), 0);
	for (uint32_t i = 0; i < TRACK_SESSIONS_MAX; i++) {
		struct track_conn c = { .number = i + 1 };

		hello(t, &c, 0, 1000 + i, 1, 0);
		data(t, &c, 7);
	}
	CHECK_EQ(track_forgotten(t), 0);
	for (unsigned again = 0; again < 3; again++) {
		struct track_conn c = { .number = 5000 + again };

		/* The first is known and used, so that another is the oldest; then a new one. */
		hello(t, &c, 0, again == 1 ? 1 : 1000, 1, 0);
		data(t, &c, 7);
		CHECK_EQ(marks.again, again != 1);
		CHECK_EQ(track_forgotten(t), again > 0);
	}
	track_free(t);
}

static void kernels_count_anew_after_both_fins(void)
{
	struct track_conn c = { .number = 1, .profile = DESCRIBE_KERNEL };
	struct track *t = NULL;
	uint8_t fin[WIRE_FIN], ack[WIRE_HEADER];

	c.end[0].addr = (struct packet_addr) { 4, { 10 }, 1 };
	c.end[1].addr = (struct packet_addr) { 4, { 11 }, 2 };
	CHECK_EQ(track_new(&t), 0);
	feed(t, &c, 0, fin, wire_put_fin(fin, 1, 0));
	feed(t, &c, 0, fin, wire_put_fin(fin, 1, 0));
	CHECK(marks.again && !marks.restart);
	feed(t, &c, 1, ack, wire_put_ack(ack, 2, 1));
	CHECK(!marks.dup_ack);
	/* The same bytes, but the first ones were acknowledged. */
	feed(t, &c, 0, fin, wire_put_fin(fin, 1, 0));
	CHECK(!marks.again && marks.restart);
	feed(t, &c, 1, ack, wire_put_ack(ack, 2, 1));
	CHECK(!marks.dup_ack);
	feed(t, &c, 1, ack, wire_put_ack(ack, 2, 1));
	CHECK(marks.dup_ack);
	CHECK_EQ(track_node(t, &c, 1), 2);
	track_free(t);
}

/* ---- long lists ---- */

static uint8_t rcom[WIRE_DLM_MAX];

static void all_names_of_a_reply_are_told(void)
{
	static uint8_t list[DLM_NAMES_BODY];
	struct dlm_rcom r = { .version = WIRE_VERSION_3_2, .sender = 1, .lockspace = 1,
			      .type = DLM_RCOM_NAMES_REPLY };
	size_t used = 0, n = 0;
	int len;

	while (dlm_names_add(list, sizeof list, &used, (struct span) { (uint8_t *)"\xff", 1 }))
		n++;
	r.names_reply.list = (struct span) { list, used };
	r.names_reply.body = DLM_NAMES_BODY;
	len = dlm_rcom_encode(&r, rcom, sizeof rcom);
	CHECK_OR_RETURN(len > 0);
	describe(rcom, (size_t)len, (size_t)len, &words);
	CHECK_STR(words.malformed, "");
	CHECK(!words.fields.full);
	CHECK_OR_RETURN(fields_find(&words.fields, "names") != NULL);
	CHECK_EQ(fields_find(&words.fields, "names")->u, n);
	CHECK_STR(fields_find(&words.fields, "names")[n].text, "\\xff");
	CHECK_STR(fields_find(&words.fields, "end")->text, "MORE");
}

static void a_room_that_is_full_says_so(void)
{
	static uint8_t bytes[FIELDS_TEXT / 4 - 1];
	static struct fields f;

	fields_clear(&f);
	fields_bytes(&f, "a", bytes, sizeof bytes);
	CHECK(!f.full);
	CHECK_EQ(strlen(f.f[0].text), 4 * sizeof bytes);
	fields_bytes(&f, "b", bytes, 1);
	CHECK(f.full);
	CHECK_STR(f.f[1].text, "");
	fields_clear(&f);
	for (unsigned i = 0; i < FIELDS_MAX; i++)
		fields_number(&f, "n", i);
	CHECK(!f.full);
	fields_number(&f, "n", 0);
	CHECK(f.full);
	CHECK_EQ(f.n, FIELDS_MAX);
}

static void a_line_is_cut_at_its_limit(void)
{
	static uint8_t bytes[RECORD_LINE_MAX / 4];
	struct record r = { .frame = &words, .from = "a", .to = "b" };
	struct record_style style = { .utc = false };
	char *text = NULL, *end;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	CHECK_OR_RETURN(out != NULL);
	words = (struct described) { .kind = "DATA", .type = "" };
	fields_bytes(&words.fields, "name", bytes, sizeof bytes);
	CHECK_EQ(record_print(&r, &style, out), 0);
	fclose(out);
	end = strstr(text, " ... (cut)\n");
	CHECK(end && !end[11] && n <= RECORD_LINE_MAX + 11);
	CHECK(strstr(text, "DATA name=\\x00\\x00"));
	free(text);
}

int main(void)
{
	RUN(numbers_wrap);
	RUN(a_position_for_another_incarnation_is_none);
	RUN(too_many_sessions_are_forgotten);
	RUN(kernels_count_anew_after_both_fins);
	RUN(all_names_of_a_reply_are_told);
	RUN(a_room_that_is_full_says_so);
	RUN(a_line_is_cut_at_its_limit);
	return check_done();
}
