/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/verify.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/handle.h"
#include "services/calls_cred.h"
#include "services/calls_event.h"
#include "services/seal.h"

/* Asks the application. 0, or it is refused. */
static int ask(const struct verifier *v, struct lane *l, const struct calls_event *ev,
	       uint16_t kind, struct sinew_cred *p)
{
	const struct sinew_cred_ops *ops = NULL;
	struct sinew_calls *o = l->owner;
	void *principal = NULL;
	int err;

	if (!owner_enter(o))
		return -ESTALE;
	err = v->fn(l->session, kind, ev->data.p, ev->data.n, &principal, &ops, v->user);
	owner_leave(o);
	if (err)
		return err;
	if (!cred_set_ops(p, ops))
		return -EINVAL;
	p->user = principal;
	return 0;
}

/* Without the lock. The principal, or NULL and why there is none. */
static struct sinew_cred *judge(struct lane *l, const struct calls_event *ev, uint16_t kind,
				const char **ret_why)
{
	const struct verifier *v = verifier_find(l->owner, kind);
	struct sinew_cred *p;

	*ret_why = "nothing verifies its kind: sinew_calls_verify()";
	if (!v)
		return NULL;
	/* Before the application has a principal that cannot be kept. */
	*ret_why = "out of memory";
	p = cred_new(l->owner, kind, NULL, 0);
	if (!p)
		return NULL;
	*ret_why = "the application refused it";
	if (!ask(v, l, ev, kind, p))
		return p;
	cred_unref(p);
	return NULL;
}

static void refused(struct lane *l, uint16_t kind, const char *why)
{
	struct sinew_node *n = l->owner->node;

	log_limited(&n->log, SINEW_WARNING, l->session->nodeid, "credential refused",
		    "refused a credential of kind %u, its calls end with CREDENTIAL: %s", kind,
		    why);
}

void verify_new(struct lane *l, const struct calls_event *ev)
{
	unsigned place = calls_cred_place(&l->calls, ev->cred);
	uint16_t kind = ev->cred->kind, extra = ev->cred->extra;
	struct sinew_cred *p;
	const char *why;

	lock_order_held(LOCK_SERVICE);
	assert(!l->principals[place]);
	lane_unlock(l);
	p = judge(l, ev, kind, &why);
	/* The frame lies in a buffer of ours, and nobody reads it again. */
	explicit_bzero((void *)(uintptr_t)ev->data.p, ev->data.n);
	lane_lock(l);
	if (p && p->ops.extra != extra)
		why = "it seals pieces otherwise than the caller: use the same on both sides";
	else if (p && !seal_prepare(l, p))
		why = "out of memory";
	else
		l->principals[place] = p;
	if (l->principals[place])
		return;
	lane_unlock(l);
	refused(l, kind, why);
	cred_unref(p);
	lane_lock(l);
}

void verify_gone(struct lane *l, const struct calls_event *ev)
{
	struct sinew_cred **place = &l->principals[calls_cred_place(&l->calls, ev->cred)];
	struct sinew_cred *p = *place;

	lock_order_held(LOCK_SERVICE);
	*place = NULL;
	lane_unlock(l);
	cred_unref(p);
	lane_lock(l);
}
