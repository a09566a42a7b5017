/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seals by a key that comes from a secret: AES-SIV (RFC 5297) of nettle. The same text sealed twice
 * in one place looks the same, and shows nothing more. Knows nothing of names and files.
 */
#ifndef TOOLS_CALL_CIPHER_H
#define TOOLS_CALL_CIPHER_H

#include <stdbool.h>
#include <stddef.h>

#include "services/sinew-call.h"

#define CIPHER_EXTRA	16u	/* bytes that a seal adds; also those of a proof */

struct cipher;

/* 0, -ENOMEM, or -EOPNOTSUPP: built without nettle. cipher_free() wipes the key. */
int cipher_new(const void *secret, size_t len, struct cipher **ret_cipher);
void cipher_free(struct cipher *c);

/* As seal and open of struct sinew_cred_ops. False: it is not what was sealed there. */
void cipher_seal(const struct cipher *c, const struct sinew_piece *piece, const void *plain,
		size_t len, void *sealed);
bool cipher_open(const struct cipher *c, const struct sinew_piece *piece, const void *sealed,
	       size_t len, void *plain);

/* Shows that who made it has the secret, and meant that text. It has CIPHER_EXTRA bytes. */
void cipher_prove(const struct cipher *c, const void *text, size_t len, void *proof);
bool cipher_is_proof(const struct cipher *c, const void *text, size_t len, const void *proof);

#endif
