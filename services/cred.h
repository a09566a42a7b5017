/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Credentials: those of own calls, with the bytes that go to the peer, and the principals that the
 * application makes of the peer's; the functions that verify each kind. Counted. Knows nothing of
 * calls.
 */
#ifndef SINEW_SERVICES_CRED_H
#define SINEW_SERVICES_CRED_H

#include "services/owner.h"

struct calls_cred;

struct sinew_cred {
	struct sinew_calls *owner;	/* referenced */
	struct sinew_cred *next;	/* of those that a lane has to let go */
	_Atomic unsigned refs;
	struct sinew_cred_ops ops;	/* those that are not there are NULL */
	void *user;			/* of ops; of the peer's, the principal */
	uint64_t id;			/* of no other one of the owner */
	size_t len;			/* of its bytes; 0 of the peer's */
	uint16_t kind;
	uint8_t bytes[];
};

/* A function that judges credentials of a kind. */
struct verifier {
	struct verifier *next;
	sinew_verify_fn fn;
	void *user;
	uint16_t kind;
};

/* With one reference, without ops. NULL: no memory. */
struct sinew_cred *cred_new(struct sinew_calls *o, uint16_t kind, const void *bytes, size_t len);
static inline struct sinew_cred *cred_ref(struct sinew_cred *c)
{
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}
/* True: it was the last one, and cred_free() is due. */
static inline bool cred_put_back(struct sinew_cred *c)
{
	return atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1;
}
/* Without a lock. */
void cred_free(struct sinew_cred *c);
/* The last one wipes its bytes and has the application release the user of ops: without a lock. */
void cred_unref(struct sinew_cred *c);
/* Takes over ops, which may be NULL; false: they are no valid ones. */
bool cred_set_ops(struct sinew_cred *c, const struct sinew_cred_ops *ops);
static inline bool cred_seals(const struct sinew_cred *c)
{
	return c->ops.seal != NULL;
}
/* As the core knows it. */
void cred_fill(const struct sinew_cred *c, struct calls_cred *ret);
/* NULL: nobody. Any thread. */
const struct verifier *verifier_find(struct sinew_calls *o, uint16_t kind);

#endif
