/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frames of a peer that knows no more of the protocol than section 8 of proto/SESSION.md.
 * Includes nothing of proto/. For test_bytes.c.
 */
#ifndef SINEW_TESTS_BYTES_H
#define SINEW_TESTS_BYTES_H

#include "tests/lib/cluster.h"

#define MINE	0x1122334455667788u	/* the peer's incarnation */
#define NATIVE	0x31574e53u

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

static unsigned own, other;	/* nodeids: of the peer that this is, of the node */

static void put(struct text *t, uint64_t v, size_t n)
{
	while (n--) {
		t->b[t->n++] = (uint8_t)v;
		v >>= 8;
	}
}

static void put_bytes(struct text *t, const void *p, size_t n)
{
	memcpy(t->b + t->n, p, n);
	t->n += n;
}

static uint64_t get(const struct wire *w, size_t at, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | w->frame.b[at + n];
	return v;
}

static void put_header(struct text *t, uint32_t u, size_t length, uint8_t command)
{
	put(t, 0x00030002, 4);
	put(t, u, 4);
	put(t, own, 4);
	put(t, length, 2);
	put(t, command, 1);
	put(t, 0, 1);
}

static void put_tlv(struct text *t, unsigned type, const void *value, size_t n)
{
	put(t, type, 2);
	put(t, n, 2);
	put_bytes(t, value, n);
}

static struct text opts(uint8_t next, uint32_t seq, const struct text *tlvs, const void *body,
			size_t n)
{
	struct text t = { .n = 0 };
	size_t optlen = tlvs ? tlvs->n : 0;

	put_header(&t, seq, 24 + optlen + 16 + n, OPTS);
	put(&t, next, 1);
	put(&t, 0, 1);
	put(&t, optlen, 2);
	put(&t, 0, 4);
	if (tlvs)
		put_bytes(&t, tlvs->b, tlvs->n);
	put_header(&t, next == FIN ? 0 : NATIVE, 16 + n, next);
	put_bytes(&t, body, n);
	return t;
}

struct greeting {
	uint64_t yours;
	uint32_t next, gen;
	uint8_t flags;
	uint32_t maxframe;
	const struct text *tlvs;	/* NULL: those that have to be there */
};

static struct text hello(const struct greeting *g)
{
	struct text t = { .n = 0 };

	put(&t, MINE, 8);
	put(&t, g->yours, 8);
	put(&t, g->next, 4);
	put(&t, g->gen, 4);
	put(&t, g->flags, 1);
	put(&t, 0x000101, 3);
	put(&t, g->maxframe ? g->maxframe : 65535, 4);
	put(&t, 0, 8);
	put(&t, 0, 8);
	put_bytes(&t, "test", 4);
	put(&t, 0, 8);
	t.n += 52;
	if (g->tlvs)
		put_bytes(&t, g->tlvs->b, g->tlvs->n);
	else
		put_tlv(&t, 2, "sinew", 5);
	return opts(HELLO, 0, NULL, t.b, t.n);
}

#endif
