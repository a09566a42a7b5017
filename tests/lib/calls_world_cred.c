/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the credentials of calls in the world: whose call each is, as both sides know it. Knows
 * nothing of what else may happen there.
 */
#include "calls_world.h"

#include "calls_twin.h"

int world_begin(unsigned id, struct calls_begin *b)
{
	struct calls *c = &world.ends[world_plan->calls[id].from].c;
	const struct calls_cred as = { .id = world_plan->calls[id].who,
		.bytes = { &world_plan->calls[id].who, 1 } };
	int r;

	if (!as.id) {
		twin_begin(c, &world.calls[id], b);
		return call_begin(c, &world.calls[id], b);
	}
	r = calls_bind(c, 100, &as, &b->binding);
	if (r)
		return r;
	r = call_begin(c, &world.calls[id], b);
	calls_unbind(c, b->binding);
	return r;
}

void world_judge_cred(unsigned id, const struct call *call)
{
	const struct world_call *plan = &world_plan->calls[id];
	const struct world_end *called = &world.ends[!plan->from];

	must(call->cred <= WORLD_CREDS, "a credential that there is not");
	must((call->cred ? called->whose[call->cred - 1] : 0) == plan->who,
	     "a call with the credential of another one");
}

/* Its only byte says whose it is. */
void world_hear_cred(struct world_end *e, const struct calls_event *ev)
{
	uint8_t *whose = &e->whose[calls_cred_place(&e->c, ev->cred)];

	if (ev->what == CALLS_EV_CRED) {
		must(!*whose && ev->data.n == 1, "a credential in place of another one");
		*whose = *ev->data.p;
		return;
	}
	must(*whose, "the end of a credential that nobody has");
	for (unsigned id = 0; id < world_plan->n && !e->c.down; id++)
		must(world_plan->calls[id].who != *whose || !world.known[id].live,
		     "the end of a credential that a call has");
	*whose = 0;
}
