/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any number of bytes that everybody can make again: the lines "1", "2", "3" ..., as seq(1) prints
 * them. Knows nothing of who wants them.
 */
#ifndef TOOLS_CALL_COUNTING_H
#define TOOLS_CALL_COUNTING_H

#include <stddef.h>

#define COUNTING_LINE	21	/* 20 digits and a newline */

struct counting {
	char line[COUNTING_LINE];	/* the last one, at its end */
	size_t first;			/* of its digits */
	size_t at;			/* of its bytes, the next to be given out */
};

void counting_init(struct counting *c);
/* The next bytes. */
void counting_fill(struct counting *c, char *data, size_t len);

#endif
