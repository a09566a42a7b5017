/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/golden.h"

#include <stdlib.h>

#include "tests/lib/check.h"

#define PACKET_MAX	(24 + 4096)
#define PACKET_MIN	16

/* The string value of a key in one line of JSON, unescaped where texts need it. */
static bool json_string(const char *line, const char *key, char *out, size_t room)
{
	char find[40];
	const char *p;
	size_t n = 0;

	snprintf(find, sizeof find, "\"%s\": \"", key);
	p = strstr(line, find);
	if (!p)
		return false;
	for (p += strlen(find); *p && *p != '"' && n + 1 < room; p++) {
		if (*p == '\\' && p[1])
			p++;
		out[n++] = *p;
	}
	out[n] = 0;
	return *p == '"';
}

static size_t from_hex(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;
	unsigned byte;

	while (n < room && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t)byte;
	return n;
}

void golden_file(const char *path, int n_expected, golden_fn fn)
{
	static char line[40000], hex[2 * PACKET_MAX + 1], text[GOLDEN_TEXT_MAX];
	static uint8_t p[PACKET_MAX];
	FILE *file = fopen(path, "r");
	int n_lines = 0;

	CHECK_OR_RETURN(file != NULL);
	while (fgets(line, sizeof line, file)) {
		const char *length = strstr(line, "\"length\": ");
		unsigned long n = length ? strtoul(length + 10, NULL, 10) : 0;

		CHECK(n >= PACKET_MIN && n <= sizeof p);
		if (!json_string(line, "hex", hex, sizeof hex) ||
		    !json_string(line, "text", text, sizeof text) || n > sizeof p) {
			CHECK(!"a line of another form");
			break;
		}
		memset(p, 0, sizeof p);
		CHECK(from_hex(hex, p, sizeof p) <= n);
		fn(p, n, text);
		n_lines++;
	}
	fclose(file);
	CHECK_EQ(n_lines, n_expected);
}
