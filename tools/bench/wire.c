/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heads of the messages of "sinew bench". Knows nothing of what they bring about.
 */
#include <assert.h>
#include <string.h>

#include "tools/bench/bench.h"

static_assert(sizeof(struct bench_head) == 16, "no gap");
static_assert(sizeof(struct bench_count) == 48, "no gap");

static void put32(uint8_t to[4], uint32_t n)
{
	int i;

	for (i = 3; i >= 0; i--, n >>= 8)
		to[i] = (uint8_t)n;
}

static uint32_t get32(const uint8_t from[4])
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

void bench_put64(uint8_t to[8], uint64_t n)
{
	put32(to, (uint32_t)(n >> 32));
	put32(to + 4, (uint32_t)n);
}

uint64_t bench_get64(const uint8_t from[8])
{
	return (uint64_t)get32(from) << 32 | get32(from + 4);
}

void bench_put(struct bench_head *h, enum bench_kind kind, uint32_t stream, uint64_t number)
{
	put32(h->kind, BENCH_MAGIC | (uint32_t)kind);
	put32(h->stream, stream);
	bench_put64(h->number, number);
}

bool bench_get(const void *data, size_t len, enum bench_kind *ret_kind, uint32_t *ret_stream,
	       uint64_t *ret_number)
{
	struct bench_head h;
	uint32_t kind;

	if (len < sizeof(h))
		return false;
	memcpy(&h, data, sizeof(h));
	kind = get32(h.kind) ^ BENCH_MAGIC;
	if (kind < BENCH_DATA || kind > BENCH_PONG)
		return false;
	*ret_kind = (enum bench_kind)kind;
	*ret_stream = get32(h.stream);
	*ret_number = bench_get64(h.number);
	return true;
}
