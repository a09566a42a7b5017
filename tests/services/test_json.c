/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of JSON and of the UTF-8 in it. Knows nothing of what documents say.
 * run.sh: timeout=30
 */
#include <string.h>

#include "services/json.h"
#include "services/utf8.h"
#include "tests/lib/check.h"

static void programs_get_valid_utf8(void)
{
	struct json_object *o = json_document(1);

	json_put_string(o, "whole", "\xc3\xa4\n\xe2\x80\xae");
	json_put_string(o, "torn", "a\xff" "b\xc3");
	CHECK_STR(json_text(o), "{\"schema\":1,\"whole\":\"\xc3\xa4\\n\xe2\x80\xae\","
		  "\"torn\":\"a\xef\xbf\xbd" "b\xef\xbf\xbd\"}");
	json_free(o);
}

static void text_is_whole_or_not(void)
{
	CHECK(utf8_is_whole("", 0));
	CHECK(utf8_is_whole("a\n\x7f\0b", 5));
	CHECK(utf8_is_whole("\xf0\x9f\x90\xa7", 4));
	CHECK(!utf8_is_whole("\xf0\x9f\x90\xa7", 3));
	CHECK(!utf8_is_whole("ab\x80", 3));
	CHECK(!utf8_is_whole("\xed\xa0\x80", 3));
}

int main(void)
{
	RUN(programs_get_valid_utf8);
	RUN(text_is_whole_or_not);
	return check_done();
}
