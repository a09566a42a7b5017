/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A credential that really seals, for tests alone: SipHash of a key gives the key stream and the
 * tag, both bound to the place of the piece. A piece that is changed, dropped, repeated or moved is
 * found out. No cipher for products: those take an AEAD of a library. Counts what is asked of it,
 * and fails where a test wants that.
 */
#ifndef SINEW_TESTS_LIB_TOY_CRED_H
#define SINEW_TESTS_LIB_TOY_CRED_H

#include <stdatomic.h>

#include "services/sinew-call.h"

#define TOY_CRED_KIND	77u
#define TOY_CRED_EXTRA	16u

struct test_seal {
	uint64_t key[2];
	_Atomic unsigned sealed, opened, released;	/* how often */
	unsigned no_seal, no_open;	/* which one fails; 0: none */
};

/* user is a struct test_seal. */
extern const struct sinew_cred_ops toy_cred_ops;

/* For applications whose key is in the credential, which is no good idea but in a test. */
void test_seal_init(struct test_seal *s, const char *secret);

#endif
