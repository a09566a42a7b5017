/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes out of text: plain hexadecimal digits, or what xxd, hexdump -C,
 * od -t x1 and tcpdump -x print. Knows nothing of what the bytes are.
 */
#ifndef TOOLS_DUMP_HEX_H
#define TOOLS_DUMP_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEX_LINE_MAX	(1u << 20)	/* characters of a line */
#define HEX_ROW_MAX	256u		/* bytes of a row that "*" can repeat */
#define HEX_REPEAT_MAX	(1u << 20)	/* bytes that one "*" can stand for */
#define HEX_PACKET_MAX	(1u << 18)	/* bytes of a packet of tcpdump */
#define HEX_ERROR_MAX	160

struct hex_events {
	/* Negative: the reader gives up and returns that. */
	int (*bytes)(void *arg, const uint8_t *p, size_t n);
	/* A packet as tcpdump -x prints it: from its IP header or, -xx, its link's. */
	int (*packet)(void *arg, const uint8_t *p, size_t n);
	void *arg;
};

struct hex;

int hex_new(const struct hex_events *events, struct hex **ret);
void hex_free(struct hex *h);

/* One line, without its end. -EINVAL: err says what is wrong with it. */
int hex_line(struct hex *h, const char *line, size_t len, char err[HEX_ERROR_MAX]);
/* Gives out all that is still kept. */
int hex_end(struct hex *h);

#endif
