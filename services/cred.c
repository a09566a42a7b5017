/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/cred.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/node.h"
#include "services/calls_slots.h"

_Static_assert(SINEW_CRED_MAX == CALL_CRED_MAX && SINEW_SEAL_MAX == CALL_CRED_EXTRA_MAX, "limits");
_Static_assert((int32_t)CALLS_DISTRUSTED == SINEW_CALL_DISTRUSTED, "code");

struct sinew_cred *cred_new(struct sinew_calls *o, uint16_t kind, const void *bytes, size_t len)
{
	struct sinew_cred *c = owner_alloc(o, sizeof *c + len);

	assert(len <= SINEW_CRED_MAX);
	if (!c)
		return NULL;
	memset(c, 0, sizeof *c);
	c->owner = owner_ref(o);
	atomic_init(&c->refs, 1);
	c->id = atomic_fetch_add(&o->n.creds, 1);
	c->kind = kind;
	c->len = len;
	if (len)
		memcpy(c->bytes, bytes, len);
	return c;
}

void cred_unref(struct sinew_cred *c)
{
	if (c && cred_put_back(c))
		cred_free(c);
}

void cred_free(struct sinew_cred *c)
{
	struct sinew_calls *o = c->owner;

	assert(!atomic_load(&c->refs));
	if (c->ops.release)
		c->ops.release(c->user);
	explicit_bzero(c, sizeof *c + c->len);
	owner_release(o, c);
	owner_unref(o);
}

bool cred_set_ops(struct sinew_cred *c, const struct sinew_cred_ops *ops)
{
	assert(!c->ops.seal && !c->ops.release);
	if (!ops)
		return true;
	if (ops->size < sizeof *ops || !ops->seal != !ops->open || ops->extra > SINEW_SEAL_MAX ||
	    (ops->extra && !ops->seal))
		return false;
	c->ops = *ops;
	return true;
}

void cred_fill(const struct sinew_cred *c, struct calls_cred *ret)
{
	assert(c->ops.extra <= CALL_CRED_EXTRA_MAX);
	*ret = (struct calls_cred) {
		.id = c->id, .bytes = { c->bytes, c->len }, .kind = c->kind,
		.extra = (uint16_t)c->ops.extra,
	};
}

const struct verifier *verifier_find(struct sinew_calls *o, uint16_t kind)
{
	const struct verifier *v = atomic_load_explicit(&o->verifiers, memory_order_acquire);

	while (v && v->kind != kind)
		v = v->next;
	return v;
}

/* ---- the user's ---- */

int sinew_cred_new(struct sinew_calls *o, uint16_t kind, const void *bytes, size_t len,
		   const struct sinew_cred_ops *ops, void *user, struct sinew_cred **ret_cred)
{
	struct sinew_cred *c;

	if (!o || !ret_cred || len > SINEW_CRED_MAX || (len && !bytes))
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	c = cred_new(o, kind, bytes, len);
	if (!c)
		return -ENOMEM;
	if (!cred_set_ops(c, ops)) {
		cred_unref(c);
		return -EINVAL;
	}
	c->user = user;
	*ret_cred = c;
	return 0;
}

void sinew_cred_put(struct sinew_cred *c)
{
	if (c && !node_forked(c->owner->node))
		cred_unref(c);
}

int sinew_calls_verify(struct sinew_calls *o, uint16_t kind, sinew_verify_fn fn, void *user)
{
	struct verifier *v;
	int err = 0;

	if (!o || !fn)
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	v = owner_alloc(o, sizeof *v);
	if (!v)
		return -ENOMEM;
	*v = (struct verifier) { .fn = fn, .user = user, .kind = kind };
	lock_take(&o->lock, LOCK_SERVICE);
	if (verifier_find(o, kind)) {
		err = -EEXIST;
	} else {
		v->next = atomic_load(&o->verifiers);
		atomic_store_explicit(&o->verifiers, v, memory_order_release);
	}
	lock_give(&o->lock, LOCK_SERVICE);
	if (err)
		owner_release(o, v);
	return err;
}
