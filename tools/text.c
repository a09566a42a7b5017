/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text that others have made, so that a terminal only shows it.
 * Knows nothing of where it comes from.
 */
#include "tools/text.h"

#include <stdint.h>
#include <string.h>

#include "services/utf8.h"

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
		len = utf8_char(p + at, n - at, &c);
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

const char *text_name(const char *name, char out[TEXT_NAME_MAX])
{
	return text_show(name, false, out, TEXT_NAME_MAX);
}
