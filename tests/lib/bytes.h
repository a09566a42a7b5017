/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frames of a peer that knows no more of the protocol than section 8 of proto/SESSION.md.
 * Includes nothing of proto/.
 */
#ifndef SINEW_TESTS_LIB_BYTES_H
#define SINEW_TESTS_LIB_BYTES_H

#include "tests/lib/cluster.h"

#define MINE	0x1122334455667788u	/* the peer's incarnation */

enum {
	OPTS = 3, ACK = 4, FIN = 5,
	DATA = 0x40, HELLO, FRAGMENT, REFUSE, LEAVING, PROBE, REPLY, STATUS,
};

enum { CLUSTER = 5, PROTOCOL = 8 };

struct text {
	uint8_t b[1 << 16];
	size_t n;
};

/* The end of a connection; the frame that came last. */
struct wire {
	int fd;
	uint8_t in[1 << 17];
	size_t n;
	bool over;
	struct text frame;
};

extern unsigned own, other;	/* nodeids: of the peer that this is, of the node */

void put(struct text *t, uint64_t v, size_t n);
void put_bytes(struct text *t, const void *p, size_t n);
uint64_t get(const struct wire *w, size_t at, size_t n);
void put_header(struct text *t, uint32_t u, size_t length, uint8_t command);
void put_tlv(struct text *t, unsigned type, const void *value, size_t n);
struct text opts(uint8_t next, uint32_t seq, const struct text *tlvs, const void *body, size_t n);

struct greeting {
	uint64_t yours;
	uint32_t next, gen;
	uint8_t flags;
	uint32_t maxframe;
	const struct text *tlvs;	/* NULL: those that have to be there */
};

struct text hello(const struct greeting *g);

#endif
