/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the bytes of the peer; knows no more than section 8 of proto/SESSION.md. */
#include "tests/lib/bytes.h"

#define NATIVE	0x31574e53u

unsigned own, other;

void put(struct text *t, uint64_t v, size_t n)
{
	while (n--) {
		t->b[t->n++] = (uint8_t)v;
		v >>= 8;
	}
}

void put_bytes(struct text *t, const void *p, size_t n)
{
	memcpy(t->b + t->n, p, n);
	t->n += n;
}

uint64_t get(const struct wire *w, size_t at, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | w->frame.b[at + n];
	return v;
}

void put_header(struct text *t, uint32_t u, size_t length, uint8_t command)
{
	put(t, 0x00030002, 4);
	put(t, u, 4);
	put(t, own, 4);
	put(t, length, 2);
	put(t, command, 1);
	put(t, 0, 1);
}

void put_tlv(struct text *t, unsigned type, const void *value, size_t n)
{
	put(t, type, 2);
	put(t, n, 2);
	put_bytes(t, value, n);
}

struct text opts(uint8_t next, uint32_t seq, const struct text *tlvs, const void *body, size_t n)
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

struct text hello(const struct greeting *g)
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
