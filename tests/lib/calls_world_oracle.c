/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what the two sides of a call in the world may be told of each other. Knows nothing of what
 * may happen there.
 */
#include "calls_world.h"

void world_judge_outcome(unsigned id)
{
	const struct world_known *k = &world.known[id];

	if (!k->ended)
		return;
	switch ((enum calls_outcome)k->outcome) {
	case CALLS_NOT_EXECUTED:
		must(!k->accepted, "NOT_EXECUTED, but it was accepted");
		break;
	case CALLS_PARTIAL:
		must(!k->whole, "PARTIAL, but the called side had the whole request");
		break;
	case CALLS_IN_DOUBT:
		must(k->reason != CALLS_REPLIED, "IN_DOUBT with a complete reply");
		break;
	case CALLS_STARTED:
		must(k->accepted, "STARTED, but it was not accepted");
		break;
	case CALLS_DONE:
		must(k->finished, "DONE, but it had not finished");
		break;
	}
}

void world_judge_service(unsigned id, struct call *call)
{
	if (!upgrade_is_wanted(call))
		must(call->service == world.calls[id].service, "a call of another service");
	else if (world_plan->newer)
		upgrade_to(call, world_plan->newer);
}

void world_judge_binding(unsigned e)
{
	const struct calls *c = &world.ends[e].c;
	uint16_t newest = world_plan->newer ? world_plan->newer : 100;

	must(binding_service(c, 0) == (c->out_bindings[0].upgrade == UPGRADE_KNOWN ? newest : 100),
	     "a service that the peer did not name");
}
