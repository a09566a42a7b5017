/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/section.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/field.h"

#define CALLS_PREFIX		"calls."
#define CALLS_PREFIX_LEN	(sizeof(CALLS_PREFIX) - 1)

enum kind { KEY_TEXT, KEY_WORD, KEY_NUMBER };

struct key {
	const char *name;
	enum kind kind;
	size_t offset, size;	/* of the field in struct section */
	uint64_t min, max;	/* KEY_NUMBER */
	uint64_t zero;		/* KEY_NUMBER: 0 in the field, where 0 would be the default */
	const char *words;	/* KEY_WORD: the words of 0, 1, ... each with a NUL behind it */
};

#define FIELD(key, field) \
	.name = #key, .offset = offsetof(struct section, field), \
	.size = sizeof(((struct section *)0)->field)
#define OPTION(field)		FIELD(field, values.field)
#define OWN(field)		FIELD(field, field)
#define NUMBERS(low, high)	.kind = KEY_NUMBER, .min = (low), .max = (high)
#define WORDS(list)		.kind = KEY_WORD, .words = (list)

#define NUMBER_KEY(field, standard, low, high) \
	{ OPTION(field), NUMBERS(low, high), .zero = (standard) && !(low) ? UINT32_MAX : 0 }
#define TEXT_KEY(field)		{ OWN(field), .kind = KEY_TEXT }

static const struct key keys[] = {
#define NUMBER(key, field, standard, low, high, ...)	key(NUMBER_KEY(field, standard, low, high))
#define MS(key, stem, standard, low, high, ...) \
	key(NUMBER_KEY(stem##_ms, standard, low, high))
#define WORD(key, field, standard, list, ...)		key({ OPTION(field), WORDS(list) })
#define TEXT(key, field, ...)				key(TEXT_KEY(field))
#define IN_FILE(...)	__VA_ARGS__,
#define NO_KEY(...)
#include "lowcomms/options.def"
	TEXT_KEY(fence_command),
	{ OWN(fence_timeout_ms), NUMBERS(1, DAY_MS) },
	{ OWN(fence_hold), WORDS("no\0yes\0") },
#define NUMBER(key, field, standard, low, high, ...) \
	{ OWN(calls.field), NUMBERS(low, high) },
#include "services/call_options.def"
};

#define N_KEYS	(sizeof(keys) / sizeof(keys[0]))

static_assert(N_KEYS <= SECTION_KEYS_MAX, "struct section has no line for each key");
static_assert(!offsetof(struct section, values), "an option has the same place in both");

/* Else it is of struct section alone, whose first field are the options. */
static bool is_option(const struct key *key)
{
	return key->offset < sizeof(struct sinew_options);
}

static bool is_of_calls(const struct key *key)
{
	return !strncmp(key->name, CALLS_PREFIX, CALLS_PREFIX_LEN);
}

static uint64_t load(const struct section *s, const struct key *key)
{
	return field_load((const char *)s + key->offset, key->size);
}

static void store(struct section *s, const struct key *key, uint64_t n)
{
	field_store((char *)s + key->offset, key->size, n);
}

static int take_text(struct section *s, const struct key *key, const struct config_item *item,
		     struct config_error *err)
{
	size_t len = strlen(item->value);

	if (!len || len >= key->size)
		return config_fail(err, item->line, "%s: found %zu bytes, expected 1 to %zu",
				   key->name, len, key->size - 1);
	memcpy((char *)s + key->offset, item->value, len + 1);
	return 0;
}

static int take_number(struct section *s, const struct key *key, const struct config_item *item,
		       struct config_error *err)
{
	uint64_t n;
	int rc;

	rc = config_number(item->value, 1, key->min, key->max, &n);
	if (rc == -EINVAL)
		return config_fail(err, item->line, "%s: found \"%.40s\", expected a number, "
				   "optionally followed by k, M or G", key->name, item->value);
	if (rc)
		return config_fail(err, item->line, "%s: found %.40s, expected %" PRIu64
				   " to %" PRIu64, key->name, item->value, key->min, key->max);
	store(s, key, n ? n : key->zero);
	return 0;
}

static int take_word(struct section *s, const struct key *key, const struct config_item *item,
		     struct config_error *err)
{
	char list[WORD_LIST_MAX];
	uint64_t n;

	if (word_find(key->words, item->value, &n)) {
		store(s, key, n);
		return 0;
	}
	return config_fail(err, item->line, "%s: found \"%.40s\", expected %s", key->name,
			   item->value, word_list(key->words, list));
}

/* As the section has it. */
static const char *key_in_file(const struct key *key)
{
	return is_of_calls(key) ? key->name + CALLS_PREFIX_LEN : key->name;
}

static bool is_meant(const struct key *key, const struct config_item *item)
{
	return is_of_calls(key) == !strcmp(item->path, "calls") &&
		!strcmp(key_in_file(key), item->key);
}

int section_take(struct section *s, const struct config_item *item, struct config_error *err)
{
	size_t i;

	for (i = 0; i < N_KEYS && !is_meant(&keys[i], item); i++)
		;
	if (i == N_KEYS)
		return config_fail(err, item->line, "unknown key \"%.40s\" in "
				   "\"%s {\"; sinew.conf(5) lists the keys", item->key,
				   item->path);
	s->lines[i] = item->line;
	switch (keys[i].kind) {
	case KEY_TEXT:
		return take_text(s, &keys[i], item, err);
	case KEY_WORD:
		return take_word(s, &keys[i], item, err);
	case KEY_NUMBER:
		return take_number(s, &keys[i], item, err);
	}
	return -EINVAL;
}

static unsigned line_of(const struct section *s, const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (!strcmp(keys[i].name, name))
			return s->lines[i];
	return 0;
}

int section_check(const struct section *s, struct config_error *err)
{
	const struct sinew_options *v = &s->values;
	struct sinew_options standard;
	uint64_t queue;

	SINEW_OPTIONS_INIT(&standard);
	queue = v->queue_bytes ? v->queue_bytes : standard.queue_bytes;
	if (line_of(s, "max_message") && v->max_message > queue / 2)
		return config_fail(err, line_of(s, "max_message"), "max_message: found %" PRIu32
				   ", expected at most half of queue_bytes (%" PRIu64 ")",
				   v->max_message, queue / 2);
	if (line_of(s, "backoff_min_ms") && line_of(s, "backoff_max_ms") &&
	    v->backoff_min_ms > v->backoff_max_ms)
		return config_fail(err, line_of(s, "backoff_min_ms"), "backoff_min_ms: found %"
				   PRIu32 ", expected at most backoff_max_ms (%" PRIu32 ")",
				   v->backoff_min_ms, v->backoff_max_ms);
	if (s->fence_command[0] && s->fence_command[0] != '/')
		return config_fail(err, line_of(s, "fence_command"), "fence_command: found "
				   "\"%.80s\", expected the absolute path of a program",
				   s->fence_command);
	if (s->fence_hold && !s->fence_command[0])
		return config_fail(err, line_of(s, "fence_hold"), "fence_hold: found yes, expected "
				   "fence_command as well: nothing else ends the holding");
	return 0;
}

void section_apply(const struct section *s, struct sinew_options *opt)
{
	for (const struct key *key = keys; key < keys + N_KEYS; key++)
		if (s->lines[key - keys] && is_option(key))
			memcpy((char *)opt + key->offset, (const char *)s + key->offset, key->size);
	if (s->group[0])
		opt->group = s->group;
	if (s->transport[0])
		opt->transport = s->transport;
}

static const struct key *key_of(const char *name)
{
	for (const struct key *key = keys; key < keys + N_KEYS; key++)
		if (!strcmp(key->name, name) &&
		    (is_option(key) || is_of_calls(key) || key->kind == KEY_TEXT))
			return key;
	return NULL;
}

bool section_has(const char *name)
{
	return key_of(name) && strcmp(name, "fence_command");
}

bool section_text(const struct section *s, const char *name, char *buf, size_t size)
{
	const struct key *key = key_of(name);
	uint64_t n;

	if (!key || !s->lines[key - keys])
		return false;
	switch (key->kind) {
	case KEY_TEXT:
		snprintf(buf, size, "%s", (const char *)s + key->offset);
		break;
	case KEY_WORD:
		snprintf(buf, size, "%s", word_of(key->words, load(s, key)));
		break;
	case KEY_NUMBER:
		n = load(s, key);
		snprintf(buf, size, "%" PRIu64, key->zero && n == key->zero ? 0 : n);
		break;
	}
	return true;
}
