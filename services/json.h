/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON for programs: objects that are built up member by member and printed
 * on one line. Lack of memory is remembered from the start of a document on, by its thread, and
 * told once, by the text. And the way back: an object out of one line.
 * Knows nothing of what they say.
 */
#ifndef SINEW_SERVICES_JSON_H
#define SINEW_SERVICES_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An object or an array of json-c; NULL, after a lack of memory, is taken everywhere. */
struct json_object;

/* A whole document: { "schema": schema }. Released by json_free(), members included. */
struct json_object *json_document(unsigned schema);
void json_free(struct json_object *document);

/* An object without a number of its own, to be put into another by json_put(). */
struct json_object *json_new(void);
/*
 * Takes the ownership of value, also when it fails. Here and below the key is a string that stays
 * as long as the object, and none that the object has.
 */
void json_put(struct json_object *to, const char *key, struct json_object *value);

void json_put_number(struct json_object *to, const char *key, uint64_t n);
void json_put_signed(struct json_object *to, const char *key, int64_t n);
void json_put_double(struct json_object *to, const char *key, double x);
void json_put_null(struct json_object *to, const char *key);
void json_put_string(struct json_object *to, const char *key, const char *text);
/* The same with any key, which is copied, in place of the member that has it. */
void json_put_copied(struct json_object *to, const char *key, const char *text);
void json_put_bool(struct json_object *to, const char *key, bool is_so);
/* An incarnation: 16 hexadecimal digits, or "" for 0. */
void json_put_incarnation(struct json_object *to, const char *key, uint64_t incarnation);
/* A new empty array as a member; it belongs to the object. */
struct json_object *json_put_array(struct json_object *to, const char *key);
/* Takes the ownership of value, also when it fails, as a last element. */
void json_add(struct json_object *array, struct json_object *value);
/* A new empty object at the end of an array; it belongs to the array. */
struct json_object *json_element(struct json_object *array);
/* A number at the end of an array. */
void json_add_double(struct json_object *array, double x);
/* A string there. */
void json_add_string(struct json_object *array, const char *text);

/* On one line without its end; valid until the document changes. NULL: out of memory. */
const char *json_text(struct json_object *document);
/* The object that a text is, to be released by json_free(). NULL: it is none, or no memory. */
struct json_object *json_parse(const char *text);
/* Members of an object. False or NULL: there is none of that name and type. */
bool json_get_number(struct json_object *from, const char *key, uint64_t *ret_number);
bool json_get_bool(struct json_object *from, const char *key, bool *ret_is_so);
/* Valid until the object is released. */
const char *json_get_string(struct json_object *from, const char *key);
bool json_has(struct json_object *from, const char *key);
/* Of any type. NULL: there is none, or it is null. */
struct json_object *json_get(struct json_object *from, const char *key);

/* ---- what strangers send ---- */

/* As json_parse(), of len bytes that are one object in strict JSON and UTF-8, with at most depth
 * levels, and nothing behind it but blanks. NULL: *ret_why says why, in a constant text. */
struct json_object *json_parse_strict(const char *text, size_t len, int depth,
				      const char **ret_why);
/* Runs for each member of an object, the last one alone of equal names, until it gives an error;
 * returns that, or 0. value NULL: null. */
int json_each(struct json_object *object,
	      int (*fn)(void *user, const char *key, struct json_object *value), void *user);
/* How many members or elements an object or array has. */
size_t json_count(struct json_object *of);
struct json_object *json_at(struct json_object *array, size_t i);
bool json_is_array(struct json_object *value);
bool json_is_object(struct json_object *value);
/* The value is that; NULL or false if not. A string with a NUL inside is none. */
const char *json_string(struct json_object *value);
bool json_number(struct json_object *value, uint64_t *ret_number);

#endif
