/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One frame as the tables of proto/SESSION.md have it: tests hold the library against this reader,
 * which shares nothing with the library's. Knows no other frames, and of the messages of a kernel's
 * lock manager only their types.
 */
#ifndef SINEW_TESTS_LIB_DECODE_H
#define SINEW_TESTS_LIB_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct decoded_header {
	uint32_t version;
	uint32_t u;		/* OPTS: number; ACK: next number expected; MSG, RCOM: lockspace */
	uint32_t nodeid;
	size_t length;
	uint8_t cmd;
};

/* Pointers lead into the decoded bytes. */
struct decoded {
	struct decoded_header outer, inner;	/* the same where there is no OPTS */
	bool in_opts, is_sequenced;
	const uint8_t *tlvs;			/* of OPTS */
	size_t optlen;
	const uint8_t *packet;			/* from the inner header on */
	const char *kind;			/* "HELLO", "MSG", ...: of OPTS the inner one */
	const char *type;			/* of MSG and RCOM: "GRANT", ...; else "" */
};

/* One whole frame of n bytes. False: it is none. */
bool decode(const uint8_t *p, size_t n, struct decoded *ret);

/* Kind, sender and numbers, without an end of line: "HELLO node=1 mine=1f yours=0 next=7 ...". */
void decode_print(FILE *out, const struct decoded *d);

#endif
