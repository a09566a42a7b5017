/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/option_text.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/field.h"

enum form { NUMBERS, WORDS, TEXTS };

struct option {
	const char *name, *unit, *meaning;
	enum form form;
	bool is_live;
	size_t offset, size;		/* of the field */
	uint64_t standard;		/* not of a text */
	uint64_t zero;			/* stands for 0 where 0 would be the default */
	const char *words;		/* of 0, 1, ... each with a NUL behind it; "": none */
	const char *text;		/* the default of a text */
	bool is_required;
};

#define FIELD(of) \
	.name = #of, .offset = offsetof(struct sinew_options, of), \
	.size = sizeof(((struct sinew_options *)0)->of)

static const struct option options[] = {
#define LIVE	true
#define FIXED	false
#define MS(key, stem, normal, low, high, change, says) \
	NUMBER(key, stem##_ms, normal, low, high, " ms", change, says)
#define NUMBER(key, field, normal, low, high, in, change, says) \
	{ FIELD(field), .unit = (in), .meaning = (says), .form = NUMBERS, .is_live = (change), \
	  .standard = (normal), .zero = (normal) && !(low) ? UINT32_MAX : 0, \
	  .is_required = !(normal) && (low) },
#define WORD(key, field, normal, list, change, says) \
	{ FIELD(field), .unit = "", .meaning = (says), .form = WORDS, .is_live = (change), \
	  .standard = (normal), .words = (list) },
#define TEXT(key, field, normal, low, high, change, says) \
	{ FIELD(field), .unit = "", .meaning = (says), .form = TEXTS, .is_live = (change), \
	  .text = (normal) },
#include "lowcomms/options.def"
};

#define N_OPTIONS	(sizeof options / sizeof options[0])

const struct option *option_at(unsigned index)
{
	return index < N_OPTIONS ? &options[index] : NULL;
}

const struct option *option_find(const char *name)
{
	for (const struct option *o = options; o < options + N_OPTIONS; o++)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

const char *option_name(const struct option *o)
{
	return o->name;
}

bool option_is_live(const struct option *o)
{
	return o->is_live;
}

/* ---- the field ---- */

static uint64_t load(const struct option *o, const struct sinew_options *from)
{
	assert(o->form != TEXTS);
	return field_load((const char *)from + o->offset, o->size);
}

static void store(const struct option *o, struct sinew_options *to, uint64_t n)
{
	assert(o->form != TEXTS);
	field_store((char *)to + o->offset, o->size, n);
}

static const char *text_in(const struct option *o, const struct sinew_options *from)
{
	const char *text;

	assert(o->form == TEXTS && o->size == sizeof text);
	memcpy(&text, (const char *)from + o->offset, sizeof text);
	return text;
}

bool option_same(const struct option *o, const struct sinew_options *a,
		 const struct sinew_options *b)
{
	if (o->form == TEXTS)
		return !strcmp(text_in(o, a), text_in(o, b));
	return load(o, a) == load(o, b);
}

void option_copy(const struct option *o, struct sinew_options *to,
		 const struct sinew_options *from)
{
	assert(o->is_live);
	store(o, to, load(o, from));
}

/* ---- text ---- */

static void print_number(const struct option *o, uint64_t n, char *buf, size_t size)
{
	if (o->form == WORDS)
		snprintf(buf, size, "%s", word_of(o->words, n));
	else
		snprintf(buf, size, "%" PRIu64, o->zero && n == o->zero ? 0 : n);
}

void option_print(const struct option *o, const struct sinew_options *from, char *buf, size_t n)
{
	if (o->form == TEXTS)
		snprintf(buf, n, "%s", text_in(o, from));
	else
		print_number(o, load(o, from), buf, n);
}

void option_describe(const struct option *o, struct sinew_option_info *ret)
{
	ret->name = o->name;
	assert(o->form != TEXTS || o->text);
	/* The table has a blank in front of it. */
	ret->unit = o->unit + (*o->unit == ' ');
	ret->meaning = o->meaning;
	ret->changeable = o->is_live;
	ret->standard[0] = '\0';
	if (o->form == TEXTS)
		snprintf(ret->standard, sizeof ret->standard, "%s", o->text);
	else if (!o->is_required)
		print_number(o, o->standard, ret->standard, sizeof ret->standard);
}

static unsigned shift_of(char suffix)
{
	return suffix == 'k' ? 10 : suffix == 'M' ? 20 : suffix == 'G' ? 30 : 0;
}

bool option_parse_digits(const char *text, uint64_t most, uint64_t *ret)
{
	uint64_t n = 0;
	unsigned shift;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (n > (most - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	shift = shift_of(*text);
	text += shift != 0;
	if (*text || n > most >> shift)
		return false;
	*ret = n << shift;
	return true;
}

/* Of those that the field holds. The range is checked with all others. */
static bool parse_number(const struct option *o, const char *text, uint64_t *ret)
{
	uint64_t n;

	assert(o->form == NUMBERS && o->size && o->size <= sizeof n);
	if (!option_parse_digits(text, UINT64_MAX >> (64 - 8 * o->size), &n))
		return false;
	/* 0 in the field would be the default, and its stand-in is no value. */
	if (o->zero && n == o->zero)
		return false;
	*ret = n ? n : o->zero;
	return true;
}

int options_refuse_text(struct options_error *e, const char *name, const char *text,
			const char *expected)
{
	snprintf(e->text, sizeof e->text, "option %.60s: found \"%.40s\", expected %s", name, text,
		 expected);
	return -EINVAL;
}

int option_parse(const struct option *o, const char *text, struct sinew_options *to,
		 struct options_error *e)
{
	char list[WORD_LIST_MAX];
	uint64_t n = 0;

	assert(text && to);
	switch (o->form) {
	case TEXTS:
		memcpy((char *)to + o->offset, &text, sizeof text);
		return 0;
	case WORDS:
		if (!word_find(o->words, text, &n))
			return options_refuse_text(e, o->name, text,
						   word_list(o->words, list));
		break;
	case NUMBERS:
		if (!parse_number(o, text, &n))
			return options_refuse_text(e, o->name, text, OPTION_NUMBER);
		break;
	}
	store(o, to, n);
	return 0;
}
