/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines of hexadecimal digits, with or without offsets in front and characters behind.
 * Knows nothing of what the bytes are.
 */
#include "tools/dump/hex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum layout {
	LAYOUT_NONE,		/* no line yet */
	LAYOUT_PLAIN,		/* digits alone */
	LAYOUT_OFFSET,		/* "00000010  02 00": hexdump -C, od */
	LAYOUT_COLON,		/* "00000010: 0200": xxd */
	LAYOUT_PACKETS,		/* "0x0010:  0200": tcpdump */
};

struct hex {
	struct hex_events events;
	enum layout layout;
	unsigned base;			/* of offsets: 16, or 8 for od */
	uint64_t at;			/* offset of the next byte */
	bool repeats;			/* a "*" was there */
	uint8_t row[HEX_ROW_MAX];	/* the last one */
	size_t n_row;
	size_t n;			/* of bytes: of the present line, or packet */
	uint8_t bytes[HEX_PACKET_MAX + HEX_LINE_MAX / 2];
};

int hex_new(const struct hex_events *events, struct hex **ret)
{
	struct hex *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->events = *events;
	*ret = h;
	return 0;
}

void hex_free(struct hex *h)
{
	free(h);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static size_t n_digits(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && digit(p[n]) >= 0)
		n++;
	return n;
}

/* ---- offsets ---- */

/* False: a digit is none of that base. */
static bool parse_offset(const char *p, size_t n, unsigned base, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned)digit(p[i]) >= base)
			return false;
		value = value * base + (unsigned)digit(p[i]);
	}
	*ret = value;
	return true;
}

/* Which layout the first line of all has. */
static enum layout layout_of(const char *p, const char *end, unsigned *ret_base)
{
	bool has_prefix = end - p > 2 && p[0] == '0' && p[1] == 'x';
	size_t n = n_digits(has_prefix ? p + 2 : p, end);
	const char *behind = (has_prefix ? p + 2 : p) + n;
	uint64_t value = 1;

	*ret_base = 16;
	if (n >= 4 && n <= 16 && behind < end && *behind == ':')
		return has_prefix ? LAYOUT_PACKETS : LAYOUT_COLON;
	/* A frame does not begin with zeros, a row of digits with an offset does. */
	if (has_prefix || n < 6 || n > 8 || !parse_offset(p, n, 16, &value) || value)
		return LAYOUT_PLAIN;
	if (n == 7)
		*ret_base = 8;
	return LAYOUT_OFFSET;
}

/* Repeats the last row up to the offset of this one. */
static int repeat(struct hex *h, uint64_t until)
{
	int rc = 0;

	h->repeats = false;
	if (until - h->at > HEX_REPEAT_MAX || !h->n_row)
		return -EINVAL;
	while (!rc && h->at < until) {
		size_t n = until - h->at < h->n_row ? (size_t)(until - h->at) : h->n_row;

		h->at += n;
		rc = h->events.bytes(h->events.arg, h->row, n);
	}
	return rc;
}

/* Takes the offset off the front. -EINVAL: there is none, or it does not follow. */
static int take_offset(struct hex *h, const char **p, const char *end)
{
	size_t prefix = h->layout == LAYOUT_PACKETS ? 2 : 0, n;
	const char *digits;
	uint64_t value;
	int rc = 0;

	if ((size_t)(end - *p) < prefix || memcmp(*p, "0x", prefix))
		return -EINVAL;
	digits = *p + prefix;
	n = n_digits(digits, end);
	if (!n || n > 16 || !parse_offset(digits, n, h->base, &value))
		return -EINVAL;
	*p = digits + n;
	if (h->layout != LAYOUT_OFFSET) {
		if (*p == end || **p != ':')
			return -EINVAL;
		++*p;
	}
	if (h->layout == LAYOUT_PACKETS && !value)
		rc = hex_end(h);
	if (!value)
		h->at = 0;
	if (!rc && h->repeats && value > h->at)
		rc = repeat(h, value);
	if (!rc && value != h->at)
		rc = -EINVAL;
	return rc;
}

/* ---- digits ---- */

/* Or what else people put between bytes. */
static bool is_space(char c)
{
	return isspace((unsigned char)c) || c == ',' || c == ':';
}

/* Reads bytes until the end of the line or the characters beside them. */
static int take_digits(struct hex *h, const char *p, const char *end, const char **ret_bad)
{
	bool has_text = h->layout == LAYOUT_COLON || h->layout == LAYOUT_PACKETS;
	bool any = false;

	while (p < end) {
		if (is_space(*p)) {
			/* The text that xxd and tcpdump print beside stands behind two spaces. */
			if (has_text && any && end - p > 1 && is_space(p[1]))
				return 0;
			p++;
			continue;
		}
		if (*p == '#' || *p == '|')
			return 0;
		if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
			p += 2;
		*ret_bad = p;
		if (end - p < 2 || digit(p[0]) < 0 || digit(p[1]) < 0)
			return -EINVAL;
		h->bytes[h->n++] = (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
		any = true;
		p += 2;
	}
	return 0;
}

static int give_bytes(struct hex *h, size_t before)
{
	size_t n = h->n - before;

	h->at += n;
	if (h->layout == LAYOUT_PACKETS)
		return h->n > HEX_PACKET_MAX ? -EINVAL : 0;
	h->n = 0;
	h->n_row = n < HEX_ROW_MAX ? n : HEX_ROW_MAX;
	memcpy(h->row, h->bytes, h->n_row);
	return n ? h->events.bytes(h->events.arg, h->bytes, n) : 0;
}

/* ---- lines ---- */

/* "12:00:00.1 IP 192.0.2.1.4 > 192.0.2.2.5: ...", before the rows of a packet. */
static bool is_headline(const char *p, const char *end)
{
	char text[64];
	size_t n = (size_t)(end - p) < sizeof(text) - 1 ? (size_t)(end - p) : sizeof(text) - 1;

	memcpy(text, p, n);
	text[n] = '\0';
	return strstr(text, " IP ") || strstr(text, " IP6 ") || strstr(text, "ethertype");
}

static int refuse(char err[HEX_ERROR_MAX], const char *p, const char *end, const char *expected)
{
	char found[24];
	size_t n = 0;

	while (p + n < end && n < sizeof(found) - 1 && !isspace((unsigned char)p[n])) {
		found[n] = isprint((unsigned char)p[n]) ? p[n] : '?';
		n++;
	}
	found[n] = '\0';
	snprintf(err, HEX_ERROR_MAX, "found \"%s\", expected %s", found, expected);
	return -EINVAL;
}

int hex_line(struct hex *h, const char *line, size_t len, char err[HEX_ERROR_MAX])
{
	const char *p = line, *end = line + len, *bad;
	size_t before = h->n;
	int rc = 0;

	if (len > HEX_LINE_MAX) {
		snprintf(err, HEX_ERROR_MAX, "longer than %u characters", HEX_LINE_MAX);
		return -EINVAL;
	}
	while (p < end && is_space(*p))
		p++;
	if (p == end || *p == '#' || is_headline(p, end))
		return 0;
	if (*p == '*') {
		h->repeats = true;
		return 0;
	}
	if (h->layout == LAYOUT_NONE)
		h->layout = layout_of(p, end, &h->base);
	bad = p;
	if (h->layout != LAYOUT_PLAIN) {
		rc = take_offset(h, &p, end);
		before = h->n;
		if (rc == -EINVAL)
			return refuse(err, bad, end, "the offset of the next row");
	}
	if (!rc && take_digits(h, p, end, &bad))
		return refuse(err, bad, end, "pairs of hexadecimal digits");
	if (!rc)
		rc = give_bytes(h, before);
	if (rc == -EINVAL)
		snprintf(err, HEX_ERROR_MAX, "a packet longer than %u bytes", HEX_PACKET_MAX);
	return rc;
}

int hex_end(struct hex *h)
{
	size_t n = h->n;

	h->n = 0;
	return n ? h->events.packet(h->events.arg, h->bytes, n) : 0;
}
