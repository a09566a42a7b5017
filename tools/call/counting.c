/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines that count, by adding one to decimal digits.
 */
#include "tools/call/counting.h"

#include <string.h>

#define NEWLINE	(COUNTING_LINE - 1)

void counting_init(struct counting *c)
{
	memset(c->line, '0', NEWLINE);
	c->line[NEWLINE] = '\n';
	c->first = NEWLINE;
	c->at = COUNTING_LINE;
}

static void next_line(struct counting *c)
{
	size_t i = NEWLINE - 1;

	while (c->line[i] == '9')
		c->line[i--] = '0';
	c->line[i]++;
	if (i < c->first)
		c->first = i;
	c->at = c->first;
}

void counting_fill(struct counting *c, char *data, size_t len)
{
	size_t n;

	while (len) {
		if (c->at == COUNTING_LINE)
			next_line(c);
		n = COUNTING_LINE - c->at < len ? COUNTING_LINE - c->at : len;
		memcpy(data, c->line + c->at, n);
		c->at += n;
		data += n;
		len -= n;
	}
}
