/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON for programs; the one file that includes json-c.
 * Knows nothing of what it says.
 */
#include "tools/json.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

/* No document may be half there: the first lack of memory spoils all text. */
static bool lacked_memory;

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
	struct json_object *o = json_new();

	json_put_number(o, "schema", schema);
	return o;
}

void json_free(struct json_object *document)
{
	json_object_put(document);
}

void json_put(struct json_object *to, const char *key, struct json_object *value)
{
	if (to && value && !json_object_object_add(to, key, value))
		return;
	json_object_put(value);
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
	if (!to || json_object_object_add(to, key, NULL))
		lacked_memory = true;
}

/* JSON is UTF-8, whatever a name in a file or a message is made of. */
static struct json_object *string_new(const char *text)
{
	size_t len = strlen(text);
	struct json_object *o = NULL;
	char *copy;

	if (text_plain(text, len) == len)
		return made(json_object_new_string(text));
	copy = malloc(len * TEXT_REPAIRED + 1);
	if (copy) {
		text_repair(text, copy);
		o = json_object_new_string(copy);
	}
	free(copy);
	return made(o);
}

void json_put_string(struct json_object *to, const char *key, const char *text)
{
	json_put(to, key, string_new(text));
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

	/* Referenced by to alone: without to it does not live. */
	json_put(to, key, array);
	return to ? array : NULL;
}

static bool array_add(struct json_object *array, struct json_object *value)
{
	if (array && value && !json_object_array_add(array, value))
		return true;
	json_object_put(value);
	lacked_memory = true;
	return false;
}

struct json_object *json_element(struct json_object *array)
{
	struct json_object *o = json_new();

	return array_add(array, o) ? o : NULL;
}

void json_add_double(struct json_object *array, double x)
{
	array_add(array, double_new(x));
}

const char *json_text(struct json_object *document)
{
	const char *text = NULL;

	if (!lacked_memory)
		text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE);
	return text;
}

int json_print(struct json_object *document, FILE *to)
{
	const char *text = json_text(document);

	if (!text)
		return -ENOMEM;
	errno = EIO;
	if (fputs(text, to) < 0 || fputc('\n', to) < 0 || fflush(to))
		return -errno;
	return 0;
}

int json_end(struct json_object *document)
{
	int rc = document ? json_print(document, stdout) : 0;

	json_free(document);
	errno = EIO;
	return rc || (!fflush(stdout) && !ferror(stdout)) ? rc : -errno;
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

bool json_has(struct json_object *from, const char *key)
{
	return json_object_object_get_ex(from, key, NULL);
}
