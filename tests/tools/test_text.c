/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of text that a terminal only shows. Knows nothing of who prints it.
 */
#include <string.h>

#include "tests/lib/check.h"
#include "tools/text.h"

static void plain(const char *text, size_t n, size_t expected)
{
	CHECK_EQ(text_plain(text, n), expected);
}

#define PLAIN(text, expected) plain(text, sizeof(text) - 1, expected)

static void what_is_shown_as_it_is(void)
{
	PLAIN("", 0);
	PLAIN(" ~", 2);
	PLAIN("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7", 13 + 1);
	PLAIN("\xc2\xa0", 2);
	PLAIN("\xf4\x8f\xbf\xbf", 4);
}

static void what_is_not(void)
{
	PLAIN("a\tb", 1);
	PLAIN("a\nb", 1);
	PLAIN("\x1b[2J", 0);
	PLAIN("\x7f", 0);
	PLAIN("ab\0c", 2);
	PLAIN("\x9b", 0);
	PLAIN("\xc2\x9b", 0);		/* the same in UTF-8 */
	PLAIN("\xe2\x80\xae", 0);	/* turns the direction */
	PLAIN("\xe2\x80\xa8", 0);	/* breaks the line */
	PLAIN("\xe2\x81\xa6", 0);
	PLAIN("\xc0\xaf", 0);		/* too long for what it is */
	PLAIN("\xe0\x80\xaf", 0);
	PLAIN("\xed\xa0\x80", 0);	/* half of a pair */
	PLAIN("\xf4\x90\x80\x80", 0);	/* beyond the last */
	PLAIN("\xf5\x80\x80\x80", 0);
	PLAIN("\xe2\x82", 0);		/* cut off */
	PLAIN("\xe2\x82x", 0);
}

static void what_is_not_is_escaped(void)
{
	char out[32];

	CHECK_STR(text_show("a\tb\x1b" "c\xff", true, out, sizeof(out)), "a\tb\\x1bc\\xff");
	CHECK_STR(text_show("a\tb", false, out, sizeof(out)), "a\\x09b");
	CHECK_STR(text_show("", false, out, sizeof(out)), "");
}

/* With each room that there can be: never more, and whole escapes and characters. */
static void what_does_not_fit_is_cut(void)
{
	const char whole[] = "ab\\x01c\xc3\xa9" "d\\x02";
	static const size_t cuts[] = { 0, 1, 2, 2, 2, 2, 6, 7, 7, 9, 10, 10, 10, 10, 14, 14 };
	char out[20];
	size_t size;

	for (size = 1; size <= sizeof(cuts) / sizeof(cuts[0]); size++) {
		memset(out, '!', sizeof(out));
		text_show("ab\x01" "c\xc3\xa9" "d\x02", false, out, size);
		CHECK_EQ(strlen(out), cuts[size - 1]);
		CHECK(!strncmp(out, whole, strlen(out)));
		CHECK_EQ(out[size], '!');
	}
}

int main(void)
{
	RUN(what_is_shown_as_it_is);
	RUN(what_is_not);
	RUN(what_is_not_is_escaped);
	RUN(what_does_not_fit_is_cut);
	return check_done();
}
