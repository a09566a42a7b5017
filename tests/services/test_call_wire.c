/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every frame of services/call_wire.h: its exact bytes, there and back, and each length from
 * nothing to one over. Knows nothing of calls.
 */
#include "services/call_wire.h"
#include "tests/lib/call_frame.h"
#include "tests/lib/check.h"

#include <errno.h>
#include <stdlib.h>

#define HEAD(kind, flags) kind flags " 0201 06050403 "
#define KINDS 14u

/* A kind, what is written of it, the bytes, and the data behind them. */
static const struct sample {
	struct call_frame f;
	const char *hex;
	bool takes_data;
} samples[KINDS] = {
	{ { .kind = CALL_BEGIN, .flags = CALL_MORE | CALL_UPGRADE | CALL_NOWAIT | CALL_WANT_ACCEPT |
	    CALL_ENDLESS,
	    .total = 0x1112131415161718, .op = 0x21222324, .deadline_ms = 0x31323334,
	    .after_gen = 0x41424344, .binding = 0x5152, .after_slot = 0x6162, .depth = 7 },
	  HEAD("01", "2f") "1817161514131211 24232221 34333231 44434241 5251 6261"
	  "07 00000000000000", true },
	{ { .kind = CALL_PIECE, .flags = CALL_MORE | CALL_CALLEE }, HEAD("02", "81"), true },
	{ { .kind = CALL_REPLY, .flags = CALL_CALLEE, .total = CALL_TOTAL_UNKNOWN,
	    .service = 0x7172 },
	  HEAD("03", "80") "ffffffffffffffff 7271 000000000000", true },
	{ { .kind = CALL_ACCEPT, .flags = CALL_CALLEE, .service = 0x7172 },
	  HEAD("04", "80") "7271 000000000000", false },
	{ { .kind = CALL_CREDIT, .flags = CALL_WANT_FINAL, .consumed = 0x11223344,
	    .window = 0x55667788 },
	  HEAD("05", "10") "44332211 88776655", false },
	{ { .kind = CALL_ABORT, .code = 0xfffffff8 }, HEAD("06", "00") "f8ffffff 00000000", false },
	{ { .kind = CALL_END, .flags = CALL_CALLEE, .code = 0x12345678, .service = 0x7172,
	    .reason = CALL_END_CONFIRM, .seen = CALL_SEEN_FINISHED, .retry_ms = 0x0a0b0c0d },
	  HEAD("07", "80") "78563412 7271 0902 0d0c0b0a 00000000", false },
	{ { .kind = CALL_BIND, .binding = 0x5152, .service = 0x7172, .cred = 0x8182 },
	  HEAD("08", "00") "5251 7271 8281 0000", false },
	{ { .kind = CALL_UNBIND, .binding = 0x5152 },
	  HEAD("09", "00") "5251 0000 0000 0000", false },
	{ { .kind = CALL_UNCRED, .cred = 0x8182 }, HEAD("0a", "00") "0000 0000 8281 0000", false },
	{ { .kind = CALL_CRED, .cred = 0x8182, .cred_kind = 0x9192, .n_data = 3,
	    .extra = 0xa3a4 },
	  HEAD("0b", "00") "8281 9291 0300 a4a3", true },
	{ { .kind = CALL_SLOTS, .target = 0xa1a2 }, HEAD("0c", "00") "a2a1 000000000000", false },
	{ { .kind = CALL_QUERY }, HEAD("0d", "00"), false },
	{ { .kind = CALL_STATE, .flags = CALL_CALLEE, .state = 0xb1, .age_ms = 0xc1c2c3c4,
	    .received = 0xd1d2d3d4, .consumed = 0xe1e2e3e4 },
	  HEAD("0e", "80") "b1 000000 c4c3c2c1 d4d3d2d1 e4e3e2e1", false },
};

static uint8_t buf[CALL_HEAD_MAX + 100];

static struct call_frame frame_of(const struct sample *s)
{
	struct call_frame f = s->f;

	f.slot = 0x0102;
	f.gen = 0x03040506;
	return f;
}

static size_t put(const struct sample *s)
{
	struct call_frame f = frame_of(s);

	memset(buf, 0xee, sizeof buf);
	return call_put(buf, &f);
}

static void exact_bytes(void)
{
	for (unsigned i = 0; i < KINDS; i++) {
		size_t n = put(&samples[i]), used = 0;
		char hex[2 * sizeof buf + 1] = "", want[2 * sizeof buf + 1];

		CHECK_EQ(samples[i].f.kind, i + 1);
		CHECK(n >= CALL_HEAD && n <= CALL_HEAD_MAX && n % 8 == 0);
		for (size_t k = 0; k < n; k++)
			snprintf(hex + 2 * k, 3, "%02x", buf[k]);
		for (const char *p = samples[i].hex; *p; p++)
			if (*p != ' ')
				want[used++] = *p;
		want[used] = 0;
		CHECK_STR(hex, want);
		CHECK_EQ(buf[n], 0xee);
	}
}

/* A block that ends with the frame, so that a look beyond it is seen. */
static int parse(const uint8_t *p, size_t len, struct call_frame *ret)
{
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	if (!CHECK(copy != NULL))
		return -ENOMEM;
	memcpy(copy, p, len);
	r = call_parse(copy, len, ret);
	if (!r && ret->data) {
		CHECK(ret->data >= copy && ret->n_data <= len - (size_t)(ret->data - copy));
		ret->data = p + (ret->data - copy);
	}
	free(copy);
	return r;
}

/* With as many bytes behind its head: data of the kinds that have them, else skipped. */
static void comes_back(const struct sample *s, size_t head, size_t more)
{
	struct call_frame want = frame_of(s), got = { 0 };
	size_t n_data = s->f.kind == CALL_CRED ? s->f.n_data : more;

	CHECK_OR_RETURN(parse(buf, head + more, &got) == 0);
	CHECK(same_call_frame(&want, &got));
	CHECK(got.data == (s->takes_data ? buf + head : NULL));
	CHECK_EQ(got.n_data, s->takes_data ? n_data : 0);
}

static void there_and_back(void)
{
	for (unsigned i = 0; i < KINDS; i++) {
		size_t head = put(&samples[i]);

		comes_back(&samples[i], head, 3);
		comes_back(&samples[i], head, 60);
		if (samples[i].f.kind != CALL_CRED) {
			comes_back(&samples[i], head, 0);
			comes_back(&samples[i], head, 1);
		}
	}
}

/* A refused frame changes no byte of the result. */
static bool refused(size_t len)
{
	struct call_frame f, before;

	memset(&f, 0x5a, sizeof f);
	before = f;
	return parse(buf, len, &f) == -EBADMSG && memcmp(&f, &before, sizeof f) == 0;
}

static void each_length_below_the_head(void)
{
	for (unsigned i = 0; i < KINDS; i++) {
		size_t head = put(&samples[i]);

		for (size_t len = 0; len < head; len++)
			CHECK(refused(len));
	}
}

static void a_credential_longer_than_its_frame(void)
{
	struct call_frame f = { .kind = CALL_CRED, .n_data = 4096 };
	size_t head = put(&samples[CALL_CRED - 1]);

	for (size_t more = 0; more < 3; more++)
		CHECK(refused(head + more));
	head = call_put(buf, &f);
	CHECK(refused(head + 50));
	f.n_data = UINT32_MAX;
	head = call_put(buf, &f);
	CHECK(refused(head + 50));
	f.n_data = 0;
	head = call_put(buf, &f);
	CHECK(parse(buf, head, &f) == 0 && f.data == buf + head && f.n_data == 0);
}

static void unknown_kinds(void)
{
	for (unsigned kind = 0; kind < 256; kind++) {
		memset(buf, 0, sizeof buf);
		buf[0] = (uint8_t)kind;
		if (kind == 0 || kind > KINDS)
			CHECK(refused(CALL_HEAD_MAX));
	}
}

static void flags_and_padding_of_later_versions(void)
{
	for (unsigned i = 0; i < KINDS; i++) {
		struct call_frame want = frame_of(&samples[i]);
		struct call_frame got = { 0 };
		size_t head = put(&samples[i]);

		buf[1] |= 64;
		if (want.kind == CALL_BEGIN)
			memset(buf + 33, 0xff, 7);
		else if (want.kind == CALL_REPLY)
			memset(buf + 18, 0xff, 6);
		else if (want.kind == CALL_STATE)
			memset(buf + 9, 0xff, 3);
		CHECK_OR_RETURN(parse(buf, head + 3, &got) == 0);
		CHECK(same_call_frame(&want, &got));
	}
}

/* BEGIN, ABORT and QUERY are the caller's; REPLY, ACCEPT, END and STATE are of the called side. */
static void a_side_that_cannot_send_it(void)
{
	unsigned n_refused = 0;

	for (unsigned i = 0; i < KINDS; i++) {
		size_t head = put(&samples[i]);

		buf[1] ^= CALL_CALLEE;
		n_refused += refused(head + 3);
	}
	CHECK_EQ(n_refused, 7);
	put(&samples[CALL_CREDIT - 1]);
	buf[1] |= CALL_CALLEE;
	CHECK(!refused(16));
}

int main(void)
{
	RUN(exact_bytes);
	RUN(there_and_back);
	RUN(each_length_below_the_head);
	RUN(a_credential_longer_than_its_frame);
	RUN(unknown_kinds);
	RUN(flags_and_padding_of_later_versions);
	RUN(a_side_that_cannot_send_it);
	return check_done();
}
