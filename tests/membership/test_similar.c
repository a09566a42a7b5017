/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of words that look like others: by how many letters at most, in which ways, and
 * up to which length.
 */
#include <string.h>

#include "membership/similar.h"
#include "tests/lib/check.h"

/* So many places, no fewer, and whichever comes first. */
static bool differ_by(const char *a, const char *b, unsigned places)
{
	return similar(a, b, places) && similar(b, a, places) &&
		(!places || (!similar(a, b, places - 1) && !similar(b, a, places - 1)));
}

static void each_way_is_one_place(void)
{
	CHECK(differ_by("ring0_addr", "ring0_addr", 0));
	CHECK(differ_by("ring0_addr", "RING0_Addr", 0));
	CHECK(differ_by("ring0_addr", "ring0_add", 1));
	CHECK(differ_by("ring0_addr", "rring0_addr", 1));
	CHECK(differ_by("ring0_addr", "ring0_adbr", 1));
	CHECK(differ_by("ring0_addr", "rnig0_addr", 1));
	CHECK(differ_by("ring0_addr", "RNig0_addr", 1));
	CHECK(differ_by("ba", "ab", 1));
	CHECK(differ_by("ab", "a", 1));
	CHECK(differ_by("b", "ab", 1));
}

static void places_add_up(void)
{
	CHECK(differ_by("nodeid", "ndoeis", 2));
	CHECK(differ_by("nodeid", "ndoedi", 2));
	CHECK(differ_by("nodeid", "name", 4));
	CHECK(differ_by("", "abc", 3));
	CHECK(differ_by("abc", "xyz", 3));
	CHECK(differ_by("", "", 0));
}

static void longer_words_are_like_none(void)
{
	char a[SIMILAR_MAX + 2], b[SIMILAR_MAX + 2];

	memset(a, 'a', sizeof a);
	memset(b, 'a', sizeof b);
	a[SIMILAR_MAX] = b[SIMILAR_MAX - 1] = '\0';
	CHECK(differ_by(a, b, 1));
	a[SIMILAR_MAX] = 'a';
	a[SIMILAR_MAX + 1] = '\0';
	CHECK(!similar(a, a, SIMILAR_MAX));
	CHECK(!similar(a, b, SIMILAR_MAX));
	CHECK(!similar(b, a, SIMILAR_MAX));
}

int main(void)
{
	RUN(each_way_is_one_place);
	RUN(places_add_up);
	RUN(longer_words_are_like_none);
	return check_done();
}
