/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text that others have made, so that a terminal only shows it.
 * Knows nothing of where it comes from.
 */
#include "tools/text.h"

#include <stdint.h>
#include <string.h>

/* One character of UTF-8 beyond ASCII: its bytes, 0 if there is none. */
static size_t decode(const char *text, size_t n, uint32_t *ret_char)
{
	const uint8_t *p = (const uint8_t *)text;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	c = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret_char = c;
	return len;
}

/* C1 controls, and what breaks lines or turns their direction. */
static bool is_control(uint32_t c)
{
	return c < 0xa0 || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

size_t text_plain(const char *p, size_t n)
{
	size_t at = 0, len;
	uint32_t c;

	while (at < n) {
		if (p[at] >= ' ' && p[at] <= '~') {
			at++;
			continue;
		}
		len = decode(p + at, n - at, &c);
		if (!len || is_control(c))
			break;
		at += len;
	}
	return at;
}

void text_escape(char byte, char out[TEXT_ESCAPE])
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[(uint8_t)byte >> 4];
	out[3] = digits[byte & 15];
}

const char *text_show(const char *text, bool keep_tabs, char *out, size_t size)
{
	size_t left = strlen(text), at = 0, room, n;

	for (; left && at + 1 < size; text += n, left -= n) {
		room = size - 1 - at;
		n = text_plain(text, left < room ? left : room);
		if (!n && keep_tabs && *text == '\t')
			n = 1;
		memcpy(out + at, text, n);
		at += n;
		if (n)
			continue;
		/* Perhaps half a character that the room has cut: it is shorter than an escape. */
		if (room < TEXT_ESCAPE)
			break;
		text_escape(*text, out + at);
		at += TEXT_ESCAPE;
		n = 1;
	}
	out[at] = '\0';
	return out;
}

void text_repair(const char *text, char *out)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t left = strlen(text), n;
	uint32_t c;

	for (; left; text += n, left -= n) {
		n = (uint8_t)*text < 0x80 ? 1 : decode(text, left, &c);
		memcpy(out, n ? text : replacement, n ? n : TEXT_REPAIRED);
		out += n ? n : TEXT_REPAIRED;
		n = n ? n : 1;
	}
	*out = '\0';
}

const char *text_name(const char *name, char out[TEXT_NAME_MAX])
{
	return text_show(name, false, out, TEXT_NAME_MAX);
}
