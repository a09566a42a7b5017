/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The content of a frame, as names and values in a fixed room: made once, printed as a
 * line for people or as an object for programs. All text in it is printable ASCII.
 * Knows nothing of what it is about.
 */
#ifndef TOOLS_DUMP_FIELDS_H
#define TOOLS_DUMP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_MAX	2048u	/* values, of lists too: a NAMES_REPLY has at most 1340 */
#define FIELDS_TEXT	40960u	/* bytes of all their texts */

enum field_kind {
	FIELD_NUMBER,		/* u */
	FIELD_SIGNED,		/* i */
	FIELD_HEX,		/* u, in hexadecimal digits for people */
	FIELD_ID,		/* u, 64 bits: 16 hexadecimal digits for both; 0 is none */
	FIELD_TEXT,		/* text */
	FIELD_LIST,		/* the next u values are its texts */
	FIELD_FLAGS,		/* the same, of bits */
};

struct field {
	const char *key;	/* NULL: in a list */
	enum field_kind kind;
	union {
		uint64_t u;
		int64_t i;
		const char *text;
	};
};

struct fields {
	unsigned n;
	unsigned list;		/* where the last list begins */
	size_t used;
	bool full;		/* something did not fit */
	struct field f[FIELDS_MAX];
	char text[FIELDS_TEXT];
};

void fields_clear(struct fields *f);

/* key lives longer than the fields. */
void fields_number(struct fields *f, const char *key, uint64_t n);
void fields_signed(struct fields *f, const char *key, int64_t n);
void fields_hex(struct fields *f, const char *key, uint64_t n);
void fields_id(struct fields *f, const char *key, uint64_t id);
void fields_text(struct fields *f, const char *key, const char *text);
/* Bytes from the wire: what is not printable, backslash and quote as \xHH. */
void fields_bytes(struct fields *f, const char *key, const uint8_t *p, size_t n);

/* A list, to be filled at once by fields_item() and fields_item_bytes(). */
void fields_list(struct fields *f, const char *key);
/* The names of the bits that are set, and the others as numbers. No bit, no field. */
void fields_flags(struct fields *f, const char *key, uint32_t bits,
		  const char *(*name)(uint32_t bit));
void fields_item(struct fields *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fields_item_bytes(struct fields *f, const uint8_t *p, size_t n);

/* The field of that name, or NULL. */
const struct field *fields_find(const struct fields *f, const char *key);

#endif
