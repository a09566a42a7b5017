/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One frame in words: its name, its fields, and what is wrong with it.
 * Knows nothing of other frames.
 */
#ifndef TOOLS_DUMP_DESCRIBE_H
#define TOOLS_DUMP_DESCRIBE_H

#include "tools/dump/fields.h"

#define DESCRIBE_WHY_MAX	96
#define DESCRIBE_TLVS_MAX	32	/* named of one frame */

enum describe_profile { DESCRIBE_EITHER, DESCRIBE_NATIVE, DESCRIBE_KERNEL };

struct described {
	const char *kind;	/* "DATA", "ACK", "MSG", ...: the inner one of OPTS */
	const char *type;	/* of MSG and RCOM: "REQUEST", ...; of REFUSE: its reason; or "" */
	enum describe_profile profile;	/* which of the two protocols has this frame */
	uint32_t nodeid;	/* of the sender */
	bool is_sequenced, is_ack;
	uint32_t seq;		/* of a sequenced frame; ACK: the next expected one */
	bool is_hello;
	uint64_t mine, yours;	/* of HELLO */
	uint32_t next;		/* of HELLO */
	char malformed[DESCRIBE_WHY_MAX];	/* why; "" */
	size_t length;		/* on the wire */
	const uint8_t *payload;	/* of DATA and FRAGMENT, lock value block, unknown frames */
	size_t n_payload;	/* captured bytes of it */
	struct fields fields;
};

/* n bytes of a frame of that length are there, at least its header. */
void describe(const uint8_t *p, size_t n, size_t length, struct described *ret);

void describe_malformed(struct described *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
