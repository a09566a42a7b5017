/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of JSON and of the UTF-8 in it. Knows nothing of what documents say.
 * run.sh: timeout=30
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "services/json.h"
#include "services/utf8.h"
#include "tests/lib/check.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1	/* a sanitizer keeps what was freed, and says itself what was not */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW 1
#endif
#endif

#define LONG_TEXT	(1u << 20)
#define TIMES		32		/* that it is refused */
#define LEAST_LEAK	(16L << 10)	/* KiB: far less than all of them, far more than one */

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

static void each_kind_of_value_is_printed(void)
{
	struct json_object *o = json_document(3), *array, *part;

	json_put_number(o, "most", UINT64_MAX);
	json_put_signed(o, "least", INT64_MIN);
	json_put_double(o, "third", 1.0 / 3);
	json_put_null(o, "nothing");
	json_put_bool(o, "yes", true);
	json_put_incarnation(o, "none", 0);
	json_put_incarnation(o, "one", 0xabc);
	array = json_put_array(o, "all");
	json_add_double(array, 0.5);
	json_add_string(array, "a/b");
	part = json_element(array);
	json_put_bool(part, "yes", false);
	part = json_new();
	json_add(array, part);
	json_put_array(o, "empty");
	CHECK_STR(json_text(o), "{\"schema\":3,\"most\":18446744073709551615,"
		  "\"least\":-9223372036854775808,\"third\":0.333333333,\"nothing\":null,"
		  "\"yes\":true,\"none\":\"\",\"one\":\"0000000000000abc\","
		  "\"all\":[0.5,\"a/b\",{\"yes\":false},{}],\"empty\":[]}");
	json_free(o);
}

static void a_key_is_copied_where_it_does_not_stay(void)
{
	struct json_object *o = json_document(1);
	char key[] = "a";

	json_put_copied(o, key, "x");
	key[0] = 'b';
	json_put_copied(o, key, "y");
	json_put_copied(o, key, "z");
	key[0] = 'c';
	CHECK_STR(json_text(o), "{\"schema\":1,\"a\":\"x\",\"b\":\"z\"}");
	json_put_copied(NULL, key, "x");
	CHECK(!json_text(o));
	json_free(o);
}

/* Each way to put into what there was no memory for spoils the text, until the next document. */
static void what_is_not_there_spoils_the_text(void)
{
	for (unsigned way = 0; way < 6; way++) {
		struct json_object *o = json_document(1);

		CHECK(json_text(o) != NULL);
		if (way == 0)
			json_put_number(NULL, "a", 1);
		else if (way == 1)
			json_put(o, "a", NULL);
		else if (way == 2)
			json_put_null(NULL, "a");
		else if (way == 3)
			CHECK(!json_put_array(NULL, "a"));
		else if (way == 4)
			CHECK(!json_element(NULL));
		else
			json_add(json_put_array(o, "a"), NULL);
		CHECK(!json_text(o));
		json_free(o);
	}
}

static void members_have_their_types(void)
{
	struct json_object *o = json_parse("{\"n\":7,\"zero\":0,\"below\":-1,\"yes\":true,"
					   "\"no\":false,\"text\":\"t\",\"null\":null}");
	uint64_t n = 99;
	bool is_so = false;

	if (!CHECK(o != NULL))
		return;
	CHECK(json_get_number(o, "n", &n) && n == 7);
	CHECK(json_get_number(o, "zero", &n) && n == 0);
	n = 99;
	CHECK(!json_get_number(o, "below", &n) && !json_get_number(o, "text", &n));
	CHECK(!json_get_number(o, "none", &n) && n == 99);
	CHECK(!json_number(json_get(o, "below"), &n) && !json_number(json_get(o, "text"), &n));
	CHECK(json_number(json_get(o, "zero"), &n) && n == 0);
	CHECK(json_get_bool(o, "yes", &is_so) && is_so);
	CHECK(json_get_bool(o, "no", &is_so) && !is_so);
	CHECK(!json_get_bool(o, "n", &is_so) && !json_get_bool(o, "none", &is_so));
	CHECK_STR(json_get_string(o, "text"), "t");
	CHECK(!json_get_string(o, "n") && !json_get_string(o, "none"));
	CHECK(json_has(o, "null") && !json_has(o, "none"));
	CHECK(!json_get(o, "null") && !json_get(o, "none"));
	CHECK_EQ(json_count(o), 7);
	CHECK(json_is_object(o) && !json_is_array(o));
	json_free(o);
	CHECK(!json_parse("[1]"));
	CHECK(!json_parse("{"));
}

static const char *objection(const char *text, size_t len, int depth)
{
	const char *why = NULL;
	struct json_object *o = json_parse_strict(text, len, depth, &why);

	CHECK(!o == !!why);
	json_free(o);
	return why ? why : "";
}

static void strangers_are_read_strictly(void)
{
	static const char *const others[] = {
		"null", " null\n", "true", "false ", "7", "-1.5 ", "1e5", "\"text\"", "[{}]",
	};

	CHECK_STR(objection("{}", 2, 1), "");
	CHECK_STR(objection("{} \n", 4, 1), "");
	CHECK_STR(objection("{\"a\":[1]}", 9, 3), "");
	CHECK(*objection("{\"a\":[1]}", 9, 2));
	CHECK_STR(objection("[]", 2, 1), "it is no object");
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
		CHECK_STR(objection(others[i], strlen(others[i]), 2), "it is no object");
	CHECK_STR(objection("{\"a\":", 5, 2), "the text ends too early");
	CHECK_STR(objection("", 0, 2), "the text ends too early");
	CHECK_STR(objection("{}\0", 3, 1), "there is a NUL in it");
	CHECK_STR(objection("{\"a\\u0000b\":1}", 14, 2), "there is a NUL in it");
	CHECK_STR(objection("{\"a\":\"\\\\\\u0000\"}", 16, 2), "there is a NUL in it");
	CHECK_STR(objection("{\"a\":\"\\\\u0000\"}", 15, 2), "");
	CHECK(*objection("{}x", 3, 1));
	CHECK(*objection("{\"a\":\"\xff\"}", 9, 2));
}

#ifndef HAS_SHADOW
static long most_memory(void)
{
	struct rusage used;

	CHECK_EQ(getrusage(RUSAGE_SELF, &used), 0);
	return used.ru_maxrss;
}

static void nothing_is_kept_of_a_refused_text(void)
{
	char *text = malloc(LONG_TEXT);
	long before;

	CHECK_OR_RETURN(text != NULL);
	memset(text, 'x', LONG_TEXT);
	memcpy(text, "[\"", 2);
	memcpy(text + LONG_TEXT - 2, "\"]", 2);
	CHECK_STR(objection(text, LONG_TEXT, 2), "it is no object");
	before = most_memory();
	for (unsigned i = 0; i < TIMES; i++)
		CHECK_STR(objection(text, LONG_TEXT, 2), "it is no object");
	CHECK(most_memory() - before < LEAST_LEAK);
	free(text);
}
#endif

static int count(void *user, const char *key, struct json_object *value)
{
	unsigned *n = user;

	(void)value;
	++*n;
	return key[0] == 'c' ? -7 : 0;
}

static void members_are_walked_until_an_error(void)
{
	struct json_object *o = json_parse("{\"a\":1,\"b\":2,\"a\":3}"), *array;
	unsigned n = 0;

	CHECK_EQ(json_each(o, count, &n), 0);
	CHECK_EQ(n, 2);
	json_free(o);
	o = json_parse("{\"a\":1,\"c\":2,\"d\":[4,\"x\",\"y\\u0000\"]}");
	n = 0;
	CHECK_EQ(json_each(o, count, &n), -7);
	CHECK_EQ(n, 2);
	array = json_get(o, "d");
	CHECK(json_is_array(array) && !json_is_object(array));
	CHECK_EQ(json_count(array), 3);
	CHECK(!json_string(json_at(array, 0)));
	CHECK_STR(json_string(json_at(array, 1)), "x");
	CHECK(!json_string(json_at(array, 2)));
	json_free(o);
}

int main(void)
{
	RUN(programs_get_valid_utf8);
	RUN(text_is_whole_or_not);
	RUN(each_kind_of_value_is_printed);
	RUN(a_key_is_copied_where_it_does_not_stay);
	RUN(what_is_not_there_spoils_the_text);
	RUN(members_have_their_types);
	RUN(strangers_are_read_strictly);
#ifndef HAS_SHADOW
	RUN(nothing_is_kept_of_a_refused_text);
#endif
	RUN(members_are_walked_until_an_error);
	return check_done();
}
