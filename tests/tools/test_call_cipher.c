/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the seals of `sinew call --cred`: what was changed, moved or made by another
 * secret is found out. Knows nothing of calls.
 */
#include <errno.h>

#include "tests/lib/check.h"
#include "tools/call/cipher.h"

#define LEN	100u

static const struct sinew_piece here = {
	.caller = 1, .called = 2, .call = 3, .index = 4, .op = 5,
};
static uint8_t plain[LEN], sealed[LEN + CIPHER_EXTRA], opened[LEN];

/* NULL: there is no cipher here. */
static struct cipher *of(const char *secret)
{
	struct cipher *c = NULL;
	int rc = cipher_new(secret, strlen(secret), &c);

	CHECK(rc == 0 || (rc == -EOPNOTSUPP && !c));
	return c;
}

#define CIPHER(c, secret) \
	struct cipher *c = of(secret); \
	if (!c) \
		SKIP("built without nettle")

static void seals_all_lengths(void)
{
	CIPHER(c, "a secret of one");

	for (size_t len = 0; len <= LEN; len++) {
		memset(plain, (int)len, len);
		memset(opened, 0xee, sizeof opened);
		cipher_seal(c, &here, plain, len, sealed);
		CHECK(cipher_open(c, &here, sealed, len + CIPHER_EXTRA, opened));
		CHECK_MEM(opened, plain, len);
		CHECK(len == LEN || opened[len] == 0xee);
		CHECK(len < 16 || memcmp(sealed + CIPHER_EXTRA, plain, len));
	}
	cipher_free(c);
}

static void no_byte_can_be_changed(void)
{
	CIPHER(c, "a secret of one");

	cipher_seal(c, &here, plain, 20, sealed);
	for (size_t i = 0; i < 20 + CIPHER_EXTRA; i++) {
		sealed[i] ^= 1;
		CHECK(!cipher_open(c, &here, sealed, 20 + CIPHER_EXTRA, opened));
		sealed[i] ^= 1;
	}
	for (size_t len = 0; len < 20 + CIPHER_EXTRA; len++)
		CHECK(!cipher_open(c, &here, sealed, len, opened));
	CHECK(cipher_open(c, &here, sealed, 20 + CIPHER_EXTRA, opened));
	cipher_free(c);
}

static void opens_elsewhere(struct cipher *c, struct sinew_piece place)
{
	CHECK(!cipher_open(c, &place, sealed, LEN + CIPHER_EXTRA, opened));
}

#define MOVED(field, to) opens_elsewhere(c, (struct sinew_piece) { \
	.caller = 1, .called = 2, .call = 3, .index = 4, .op = 5, .field = (to) })

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif

static void no_piece_can_be_moved(void)
{
	CIPHER(c, "a secret of one");

	cipher_seal(c, &here, plain, LEN, sealed);
	MOVED(caller, 9);
	MOVED(called, 9);
	MOVED(call, 3 | 1ull << 63);
	MOVED(index, 5);
	MOVED(op, 5 | 1u << 31);
	MOVED(reply, true);
	MOVED(last, true);
	CHECK(cipher_open(c, &here, sealed, LEN + CIPHER_EXTRA, opened));
	cipher_free(c);
}

#pragma GCC diagnostic pop

static void another_secret_opens_nothing(void)
{
	uint8_t proof[CIPHER_EXTRA];
	CIPHER(c, "a secret of one");
	CIPHER(other, "a secret of one ");

	cipher_seal(c, &here, plain, LEN, sealed);
	CHECK(!cipher_open(other, &here, sealed, LEN + CIPHER_EXTRA, opened));
	cipher_prove(c, "alice", 5, proof);
	CHECK(cipher_is_proof(c, "alice", 5, proof));
	CHECK(!cipher_is_proof(other, "alice", 5, proof));
	CHECK(!cipher_is_proof(c, "alicf", 5, proof));
	CHECK(!cipher_is_proof(c, "alice\0", 6, proof));
	proof[CIPHER_EXTRA - 1] ^= 0x80;
	CHECK(!cipher_is_proof(c, "alice", 5, proof));
	cipher_free(other);
	cipher_free(c);
}

static void a_proof_is_no_piece(void)
{
	const uint8_t place[45] = {
		1, [8] = 2, [16] = 3, [24] = 4, [32] = 5,
	};
	uint8_t proof[CIPHER_EXTRA];
	CIPHER(c, "a secret of one");

	cipher_prove(c, place, sizeof place, proof);
	CHECK(!cipher_open(c, &here, proof, sizeof proof, opened));
	cipher_seal(c, &here, plain, 0, proof);
	CHECK(!cipher_is_proof(c, place, sizeof place, proof));
	cipher_free(c);
}

int main(void)
{
	RUN(seals_all_lengths);
	RUN(no_byte_can_be_changed);
	RUN(no_piece_can_be_moved);
	RUN(another_secret_opens_nothing);
	RUN(a_proof_is_no_piece);
	return check_done();
}
