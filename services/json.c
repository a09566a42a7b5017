/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON for programs; the one file that includes json-c.
 * Knows nothing of what it says.
 */
#include "services/json.h"

#include <assert.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/utf8.h"

/* No document may be half there: the first lack of memory spoils its text. A thread makes one
 * document at a time. */
static _Thread_local bool lacked_memory;

static struct json_object *made(struct json_object *o)
{
	if (!o)
		lacked_memory = true;
	return o;
}

struct json_object *json_new(void)
{
	return made(json_object_new_object());
}

struct json_object *json_document(unsigned schema)
{
	struct json_object *o;

	lacked_memory = false;
	o = json_new();
	json_put_number(o, "schema", schema);
	return o;
}

void json_free(struct json_object *document)
{
	json_object_put(document);
}

/* The key is new and stays: it is neither looked for nor copied. */
#define KEY_STAYS	(JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_KEY_IS_CONSTANT)

/* Takes the ownership of value. It may be NULL, which is that of JSON. */
static void put(struct json_object *to, const char *key, struct json_object *value, unsigned key_is)
{
	assert(key && *key && (!to || !key_is || !json_has(to, key)));
	if (to && !json_object_object_add_ex(to, key, value, key_is))
		return;
	json_object_put(value);
	lacked_memory = true;
}

void json_put(struct json_object *to, const char *key, struct json_object *value)
{
	if (value)
		put(to, key, value, KEY_STAYS);
	else
		lacked_memory = true;
}

void json_put_number(struct json_object *to, const char *key, uint64_t n)
{
	json_put(to, key, made(json_object_new_uint64(n)));
}

void json_put_signed(struct json_object *to, const char *key, int64_t n)
{
	json_put(to, key, made(json_object_new_int64(n)));
}

static struct json_object *double_new(double x)
{
	static char digits[] = "%.9g";	/* as many as anybody measures */
	struct json_object *o = made(json_object_new_double(x));

	assert(isfinite(x));
	if (o)
		json_object_set_serializer(o, json_object_double_to_json_string, digits, NULL);
	return o;
}

void json_put_double(struct json_object *to, const char *key, double x)
{
	json_put(to, key, double_new(x));
}

void json_put_null(struct json_object *to, const char *key)
{
	put(to, key, NULL, KEY_STAYS);
}

/* JSON is UTF-8, whatever a name in a file or a message is made of. */
static struct json_object *string_new(const char *text)
{
	size_t len = strlen(text);
	struct json_object *o = NULL;
	char *copy;

	assert(text);
	if (utf8_is_whole(text, len))
		return made(json_object_new_string(text));
	copy = malloc(len * UTF8_REPAIRED + 1);
	if (copy) {
		utf8_repair(text, copy);
		o = json_object_new_string(copy);
	}
	free(copy);
	return made(o);
}

void json_put_string(struct json_object *to, const char *key, const char *text)
{
	json_put(to, key, string_new(text));
}

void json_put_copied(struct json_object *to, const char *key, const char *text)
{
	struct json_object *value = string_new(text);

	if (value)
		put(to, key, value, 0);
	else
		lacked_memory = true;
}

void json_put_bool(struct json_object *to, const char *key, bool is_so)
{
	json_put(to, key, made(json_object_new_boolean(is_so)));
}

void json_put_incarnation(struct json_object *to, const char *key, uint64_t incarnation)
{
	char text[20] = "";

	if (incarnation)
		snprintf(text, sizeof(text), "%016" PRIx64, incarnation);
	json_put_string(to, key, text);
}

struct json_object *json_put_array(struct json_object *to, const char *key)
{
	struct json_object *array = made(json_object_new_array());

	assert(!to || json_is_object(to));
	/* Referenced by to alone: without to it does not live. */
	json_put(to, key, array);
	return to ? array : NULL;
}

static bool array_add(struct json_object *array, struct json_object *value)
{
	assert(!array || json_object_is_type(array, json_type_array));
	if (array && value && !json_object_array_add(array, value))
		return true;
	json_object_put(value);
	lacked_memory = true;
	return false;
}

void json_add(struct json_object *array, struct json_object *value)
{
	array_add(array, value);
}

struct json_object *json_element(struct json_object *array)
{
	struct json_object *o = json_new();

	assert(!array || json_is_array(array));
	return array_add(array, o) ? o : NULL;
}

void json_add_double(struct json_object *array, double x)
{
	array_add(array, double_new(x));
}

void json_add_string(struct json_object *array, const char *text)
{
	array_add(array, string_new(text));
}

const char *json_text(struct json_object *document)
{
	const char *text = NULL;

	assert(document || lacked_memory);
	if (!lacked_memory)
		text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE);
	return text;
}

struct json_object *json_parse(const char *text)
{
	struct json_object *o = json_tokener_parse(text);

	if (o && json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *member(struct json_object *from, const char *key, enum json_type type)
{
	struct json_object *o;

	assert(from && key);
	if (!json_object_object_get_ex(from, key, &o) || !json_object_is_type(o, type))
		return NULL;
	return o;
}

/* Values below 0 would come as 0, too large ones as the largest. */
bool json_get_number(struct json_object *from, const char *key, uint64_t *ret_number)
{
	struct json_object *o = member(from, key, json_type_int);

	if (!o || json_object_get_int64(o) < 0)
		return false;
	*ret_number = json_object_get_uint64(o);
	return true;
}

bool json_get_bool(struct json_object *from, const char *key, bool *ret_is_so)
{
	struct json_object *o = member(from, key, json_type_boolean);

	if (!o)
		return false;
	*ret_is_so = json_object_get_boolean(o);
	return true;
}

const char *json_get_string(struct json_object *from, const char *key)
{
	struct json_object *o = member(from, key, json_type_string);

	return o ? json_object_get_string(o) : NULL;
}

struct json_object *json_get(struct json_object *from, const char *key)
{
	struct json_object *o;

	assert(from && key);
	return json_object_object_get_ex(from, key, &o) ? o : NULL;
}

bool json_has(struct json_object *from, const char *key)
{
	assert(from && key);
	return json_object_object_get_ex(from, key, NULL);
}

/* ---- what strangers send ---- */

/* It begins as no object does, complete or not: json-c waits for more behind a bare number or
 * word. */
static bool is_other(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", text[i]))
		i++;
	return i < len && text[i] != '{';
}

/* Why what was read is not what was wanted; NULL: it is. The text has no NUL. */
static const char *objection(struct json_tokener *t, struct json_object *o, const char *text,
			     size_t len)
{
	enum json_tokener_error e = json_tokener_get_error(t);

	assert(!memchr(text, '\0', len));
	if (e == json_tokener_continue)
		return is_other(text, len) ? "it is no object" : "the text ends too early";
	if (e != json_tokener_success)
		return json_tokener_error_desc(e);
	return json_is_object(o) ? NULL : "it is no object";
}

/* As such, or in a string, of which json-c keeps what is before it as the name of a member. */
static bool has_nul(const char *text, size_t len)
{
	static const char escaped[] = "\\u0000";
	const size_t n = sizeof escaped - 1;

	if (memchr(text, '\0', len))
		return true;
	for (size_t i = 0; i + n <= len; i++) {
		if (!memcmp(text + i, escaped, n))
			return true;
		/* And what it escapes. */
		i += text[i] == '\\';
	}
	return false;
}

struct json_object *json_parse_strict(const char *text, size_t len, int depth,
				      const char **ret_why)
{
	struct json_tokener *t = json_tokener_new_ex(depth);
	struct json_object *o;
	const char *why;

	assert(len <= INT_MAX && depth > 0);
	if (!t) {
		*ret_why = "out of memory";
		return NULL;
	}
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text, (int)len);
	/* For json-c it would be the end. */
	why = has_nul(text, len) ? "there is a NUL in it" : objection(t, o, text, len);
	assert(json_tokener_get_parse_end(t) <= len);
	json_tokener_free(t);
	if (!why)
		return o;
	assert(*why);
	json_object_put(o);
	*ret_why = why;
	return NULL;
}

int json_each(struct json_object *object,
	      int (*fn)(void *user, const char *key, struct json_object *value), void *user)
{
	struct json_object_iterator it, end;
	int rc = 0;

	assert(json_object_is_type(object, json_type_object));
	it = json_object_iter_begin(object);
	end = json_object_iter_end(object);
	for (; !rc && !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
		rc = fn(user, json_object_iter_peek_name(&it), json_object_iter_peek_value(&it));
	return rc;
}

size_t json_count(struct json_object *of)
{
	if (json_is_array(of))
		return json_object_array_length(of);
	assert(json_is_object(of));
	return (size_t)json_object_object_length(of);
}

struct json_object *json_at(struct json_object *array, size_t i)
{
	assert(i < json_count(array));
	return json_object_array_get_idx(array, i);
}

bool json_is_array(struct json_object *value)
{
	return json_object_is_type(value, json_type_array);
}

bool json_is_object(struct json_object *value)
{
	return json_object_is_type(value, json_type_object);
}

const char *json_string(struct json_object *value)
{
	const char *text;

	assert(!value || json_object_get_type(value) != json_type_null);
	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

bool json_number(struct json_object *value, uint64_t *ret_number)
{
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return false;
	*ret_number = json_object_get_uint64(value);
	return true;
}
