/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names and values in a fixed room.
 * Knows nothing of what they are about.
 */
#include "tools/dump/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ITEM_MAX	64	/* bytes of an item made by fields_item() */

void fields_clear(struct fields *f)
{
	f->n = 0;
	f->used = 0;
	f->full = false;
}

static struct field *add(struct fields *f, const char *key, enum field_kind kind)
{
	struct field *field;

	if (f->n == FIELDS_MAX) {
		f->full = true;
		return NULL;
	}
	field = &f->f[f->n++];
	*field = (struct field) { .key = key, .kind = kind };
	return field;
}

/* Bytes as text in the room; "" when it is full. */
static const char *keep(struct fields *f, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *text = f->text + f->used, *to = text;
	size_t i;

	if (f->used + 4 * n + 1 > FIELDS_TEXT) {
		f->full = true;
		return "";
	}
	for (i = 0; i < n; i++) {
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\' && p[i] != '"') {
			*to++ = (char)p[i];
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = digits[p[i] >> 4];
		*to++ = digits[p[i] & 15];
	}
	*to++ = '\0';
	f->used += (size_t)(to - text);
	return text;
}

static void add_number(struct fields *f, const char *key, enum field_kind kind, uint64_t n)
{
	struct field *field = add(f, key, kind);

	if (field)
		field->u = n;
}

void fields_number(struct fields *f, const char *key, uint64_t n)
{
	add_number(f, key, FIELD_NUMBER, n);
}

void fields_signed(struct fields *f, const char *key, int64_t n)
{
	struct field *field = add(f, key, FIELD_SIGNED);

	if (field)
		field->i = n;
}

void fields_hex(struct fields *f, const char *key, uint64_t n)
{
	add_number(f, key, FIELD_HEX, n);
}

void fields_id(struct fields *f, const char *key, uint64_t id)
{
	add_number(f, key, FIELD_ID, id);
}

void fields_bytes(struct fields *f, const char *key, const uint8_t *p, size_t n)
{
	struct field *field = add(f, key, FIELD_TEXT);

	if (field)
		field->text = keep(f, p, n);
}

void fields_text(struct fields *f, const char *key, const char *text)
{
	fields_bytes(f, key, (const uint8_t *)text, strlen(text));
}

static void add_list(struct fields *f, const char *key, enum field_kind kind)
{
	f->list = f->n;
	add_number(f, key, kind, 0);
}

void fields_list(struct fields *f, const char *key)
{
	add_list(f, key, FIELD_LIST);
}

void fields_item_bytes(struct fields *f, const uint8_t *p, size_t n)
{
	struct field *item = add(f, NULL, FIELD_TEXT);

	if (!item)
		return;
	item->text = keep(f, p, n);
	f->f[f->list].u++;
}

void fields_item(struct fields *f, const char *fmt, ...)
{
	char text[ITEM_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fields_item_bytes(f, (const uint8_t *)text, strlen(text));
}

void fields_flags(struct fields *f, const char *key, uint32_t bits,
		  const char *(*name)(uint32_t bit))
{
	uint32_t bit;

	if (!bits)
		return;
	add_list(f, key, FIELD_FLAGS);
	for (bit = 1; bit; bit <<= 1) {
		if (!(bits & bit))
			continue;
		if (name && name(bit))
			fields_item(f, "%s", name(bit));
		else
			fields_item(f, "0x%x", bit);
	}
}

const struct field *fields_find(const struct fields *f, const char *key)
{
	unsigned i;

	for (i = 0; i < f->n; i++)
		if (f->f[i].key && !strcmp(f->f[i].key, key))
			return &f->f[i];
	return NULL;
}
