/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UTF-8: one character, and text that is to be nothing else. Knows nothing of where it comes from.
 */
#include "services/utf8.h"

#include <assert.h>
#include <string.h>

size_t utf8_char(const char *text, size_t n, uint32_t *ret_char)
{
	const uint8_t *p = (const uint8_t *)text;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c;

	assert(n);
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
	assert(c >= 0x80);
	*ret_char = c;
	return len;
}

bool utf8_is_whole(const char *text, size_t len)
{
	size_t at = 0, n;
	uint32_t c;

	for (; at < len; at += n) {
		n = (uint8_t)text[at] < 0x80 ? 1 : utf8_char(text + at, len - at, &c);
		if (!n)
			return false;
	}
	assert(at == len);
	return true;
}

void utf8_repair(const char *text, char *out)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t left = strlen(text), n;
	uint32_t c;

	for (; left; text += n, left -= n) {
		n = (uint8_t)*text < 0x80 ? 1 : utf8_char(text, left, &c);
		memcpy(out, n ? text : replacement, n ? n : UTF8_REPAIRED);
		out += n ? n : UTF8_REPAIRED;
		n = n ? n : 1;
	}
	*out = '\0';
}
