/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of UTF-8 against the table of well-formed byte sequences of the Unicode Standard
 * (table 3-7): each pair of first bytes, with each kind of byte behind them.
 * run.sh: timeout=30
 */
#include <string.h>

#include "services/utf8.h"
#include "tests/lib/check.h"

struct well_formed {
	uint8_t first_low, first_high, second_low, second_high;
	size_t len;
};

static const struct well_formed table[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* Where the kinds of bytes begin and end. */
static const uint8_t behind[] = { 0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff };
#define KINDS	(sizeof behind)

static bool is_within(uint8_t byte, uint8_t low, uint8_t high)
{
	return byte >= low && byte <= high;
}

/* The length of the character that the text begins with; 0: it begins with none. */
static size_t expected(const uint8_t p[4])
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct well_formed *row = &table[i];

		if (!is_within(p[0], row->first_low, row->first_high))
			continue;
		if (!is_within(p[1], row->second_low, row->second_high) ||
		    (row->len > 2 && !is_within(p[2], 0x80, 0xbf)) ||
		    (row->len > 3 && !is_within(p[3], 0x80, 0xbf)))
			return 0;
		return row->len;
	}
	return 0;
}

static uint32_t value_of(const uint8_t p[4], size_t len)
{
	if (len == 2)
		return (p[0] - 0xc0u) * 64 + (p[1] - 0x80u);
	if (len == 3)
		return ((p[0] - 0xe0u) * 64 + (p[1] - 0x80u)) * 64 + (p[2] - 0x80u);
	return (((p[0] - 0xf0u) * 64 + (p[1] - 0x80u)) * 64 + (p[2] - 0x80u)) * 64 +
		(p[3] - 0x80u);
}

/* Of the whole text, and of it cut at each place. */
static bool is_right(const uint8_t p[4])
{
	size_t len = expected(p);

	for (size_t n = 1; n <= 4; n++) {
		uint32_t c = UINT32_MAX;
		size_t got = utf8_char((const char *)p, n, &c);

		if (got != (len <= n ? len : 0))
			return false;
		if (c != (got ? value_of(p, len) : UINT32_MAX))
			return false;
		if (p[0] >= 0x80 && len && utf8_is_whole((const char *)p, n) != (n == len) &&
		    (n <= len || p[len] >= 0x80))
			return false;
	}
	return true;
}

static void characters_are_those_of_the_standard(void)
{
	unsigned n_wrong = 0;

	for (unsigned pair = 0; pair < 0x10000; pair++)
		for (unsigned i = 0; i < KINDS * KINDS; i++) {
			const uint8_t p[] = {
				(uint8_t)(pair >> 8), (uint8_t)pair, behind[i / KINDS],
				behind[i % KINDS],
			};

			if (!is_right(p) && !n_wrong++)
				printf("# %02x %02x %02x %02x\n", p[0], p[1], p[2], p[3]);
		}
	CHECK_EQ(n_wrong, 0);
}

static void each_byte_that_is_none_is_replaced(void)
{
	static const char *const texts[][2] = {
		{ "", "" },
		{ "a\x7f\x01", "a\x7f\x01" },
		{ "\x80", "\xef\xbf\xbd" },
		{ "\xf0\x9f\x90\xa7z", "\xf0\x9f\x90\xa7z" },
		{ "\xf0\x9f\x90z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz" },
		{ "\xc3\xa4\xc3", "\xc3\xa4\xef\xbf\xbd" },
		{ "\xe2\x82\xac\xe2\xc3\xa4", "\xe2\x82\xac\xef\xbf\xbd\xc3\xa4" },
	};
	char out[64];

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		memset(out, 'x', sizeof out);
		utf8_repair(texts[i][0], out);
		CHECK_STR(out, texts[i][1]);
		CHECK(utf8_is_whole(out, strlen(out)));
	}
}

int main(void)
{
	RUN(characters_are_those_of_the_standard);
	RUN(each_byte_that_is_none_is_replaced);
	return check_done();
}
