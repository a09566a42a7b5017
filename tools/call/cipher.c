/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/call/cipher.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"

#ifdef HAVE_NETTLE

#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/siv-cmac.h>

#define PLACE	45u	/* bytes that name the place of a piece */

/* Keys and seals for one use are of none for another. */
static const uint8_t salt[] = "sinew call --cred", of_piece[] = "piece", of_proof[] = "proof";

struct cipher {
	struct siv_cmac_aes256_ctx siv;
};

int cipher_new(const void *secret, size_t len, struct cipher **ret_cipher)
{
	nettle_hash_update_func *update = (nettle_hash_update_func *)hmac_sha256_update;
	nettle_hash_digest_func *digest = (nettle_hash_digest_func *)hmac_sha256_digest;
	uint8_t extracted[SHA256_DIGEST_SIZE], key[SIV_CMAC_AES256_KEY_SIZE];
	struct cipher *c = calloc(1, sizeof(*c));
	struct hmac_sha256_ctx mac;

	if (!c)
		return -ENOMEM;
	hmac_sha256_set_key(&mac, sizeof(salt), salt);
	hkdf_extract(&mac, update, digest, sizeof(extracted), len, secret, extracted);
	hmac_sha256_set_key(&mac, sizeof(extracted), extracted);
	hkdf_expand(&mac, update, digest, sizeof(extracted), 0, NULL, sizeof(key), key);
	siv_cmac_aes256_set_key(&c->siv, key);
	explicit_bzero(extracted, sizeof(extracted));
	explicit_bzero(key, sizeof(key));
	explicit_bzero(&mac, sizeof(mac));
	*ret_cipher = c;
	return 0;
}

void cipher_free(struct cipher *c)
{
	if (!c)
		return;
	explicit_bzero(c, sizeof(*c));
	free(c);
}

static void put_place(const struct sinew_piece *piece, uint8_t place[PLACE])
{
	put_le64(place, piece->caller);
	put_le64(place + 8, piece->called);
	put_le64(place + 16, piece->call);
	put_le64(place + 24, piece->index);
	put_le64(place + 32, piece->op);
	put_le32(place + 40, piece->reply);
	place[44] = piece->last;
}

void cipher_seal(const struct cipher *c, const struct sinew_piece *piece, const void *plain,
		size_t len, void *sealed)
{
	uint8_t place[PLACE];

	put_place(piece, place);
	siv_cmac_aes256_encrypt_message(&c->siv, sizeof(place), place, sizeof(of_piece), of_piece,
					len + CIPHER_EXTRA, sealed, plain);
}

bool cipher_open(const struct cipher *c, const struct sinew_piece *piece, const void *sealed,
	       size_t len, void *plain)
{
	uint8_t place[PLACE];

	if (len < CIPHER_EXTRA)
		return false;
	put_place(piece, place);
	return siv_cmac_aes256_decrypt_message(&c->siv, sizeof(place), place, sizeof(of_piece),
					       of_piece, len - CIPHER_EXTRA, plain, sealed);
}

void cipher_prove(const struct cipher *c, const void *text, size_t len, void *proof)
{
	siv_cmac_aes256_encrypt_message(&c->siv, len, text, sizeof(of_proof), of_proof,
					CIPHER_EXTRA, proof, of_proof);
}

bool cipher_is_proof(const struct cipher *c, const void *text, size_t len, const void *proof)
{
	uint8_t nothing[CIPHER_EXTRA];

	return siv_cmac_aes256_decrypt_message(&c->siv, len, text, sizeof(of_proof), of_proof, 0,
					       nothing, proof);
}

#else

int cipher_new(const void *secret, size_t len, struct cipher **ret_cipher)
{
	(void)secret, (void)len, (void)ret_cipher;
	return -EOPNOTSUPP;
}

void cipher_free(struct cipher *c)
{
	(void)c;
}

void cipher_seal(const struct cipher *c, const struct sinew_piece *piece, const void *plain,
		size_t len, void *sealed)
{
	(void)c, (void)piece, (void)plain, (void)len, (void)sealed;
}

bool cipher_open(const struct cipher *c, const struct sinew_piece *piece, const void *sealed,
	       size_t len, void *plain)
{
	(void)c, (void)piece, (void)sealed, (void)len, (void)plain;
	return false;
}

void cipher_prove(const struct cipher *c, const void *text, size_t len, void *proof)
{
	(void)c, (void)text, (void)len, (void)proof;
}

bool cipher_is_proof(const struct cipher *c, const void *text, size_t len, const void *proof)
{
	(void)c, (void)text, (void)len, (void)proof;
	return false;
}

#endif
