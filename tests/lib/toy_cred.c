/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/toy_cred.h"

#include <string.h>

#include "proto/siphash.h"
#include "proto/wire.h"

void test_seal_init(struct test_seal *s, const char *secret)
{
	memset(s, 0, sizeof *s);
	for (size_t i = 0; secret[i]; i++) {
		s->key[i % 2] = s->key[i % 2] * 257 + (uint8_t)secret[i];
		s->key[i % 2] = siphash(s->key, s->key[i % 2]);
	}
}

/* A number for the place of a piece. */
static uint64_t place_of(const struct test_seal *s, const struct sinew_piece *p)
{
	const uint64_t parts[] = {
		p->caller, p->called, p->call, p->index, p->op,
		(uint64_t)p->reply << 32 | (uint64_t)p->last << 33,
	};
	uint64_t n = 0;

	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		n = siphash(s->key, n ^ parts[i]);
	return n;
}

static void apply_stream(const struct test_seal *s, uint64_t place, const uint8_t *from,
			 uint8_t *to, size_t len)
{
	uint8_t block[8] = { 0 };

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			put_le64(block, siphash(s->key, place + 1 + i / 8));
		to[i] = from[i] ^ block[i % 8];
	}
}

static void put_tag(const struct test_seal *s, uint64_t place, const uint8_t *sealed, size_t len,
		    uint8_t tag[TOY_CRED_EXTRA])
{
	uint64_t key[2] = { ~s->key[1], ~s->key[0] }, n = siphash(key, place ^ len);

	for (size_t i = 0; i < len; i += 8) {
		uint8_t block[8] = { 0 };

		memcpy(block, sealed + i, len - i < 8 ? len - i : 8);
		n = siphash(key, n ^ get_le64(block));
	}
	put_le64(tag, siphash(key, n));
	put_le64(tag + 8, siphash(key, ~n));
}

static int seal(const struct sinew_piece *piece, const void *plain, size_t len, void *sealed,
		void *user)
{
	struct test_seal *s = user;
	uint64_t place = place_of(s, piece);
	uint8_t *to = sealed;

	if (atomic_fetch_add(&s->sealed, 1) + 1 == s->no_seal)
		return -1;
	apply_stream(s, place, plain, to, len);
	put_tag(s, place, to, len, to + len);
	return 0;
}

static int open_it(const struct sinew_piece *piece, const void *sealed, size_t len, void *plain,
		   void *user)
{
	struct test_seal *s = user;
	uint64_t place = place_of(s, piece);
	uint8_t tag[TOY_CRED_EXTRA];
	const uint8_t *from = sealed;

	if (atomic_fetch_add(&s->opened, 1) + 1 == s->no_open || len < sizeof tag)
		return -1;
	len -= sizeof tag;
	put_tag(s, place, from, len, tag);
	if (memcmp(tag, from + len, sizeof tag))
		return -1;
	apply_stream(s, place, from, plain, len);
	return 0;
}

static void release(void *user)
{
	struct test_seal *s = user;

	atomic_fetch_add(&s->released, 1);
}

const struct sinew_cred_ops toy_cred_ops = {
	.size = sizeof toy_cred_ops, .extra = TOY_CRED_EXTRA, .seal = seal, .open = open_it,
	.release = release,
};
