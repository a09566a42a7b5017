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

void world_may_see(unsigned id)
{
	if (world_plan->calls[id].after)
		must(world.known[id - 1].ended || world.known[id - 1].gone,
		     "shown before the call that it comes after");
	world.known[id].behind = false;
}

void world_judge_report(unsigned id, const struct call_report *report)
{
	const struct world_known *k = &world.known[id];

	must(k->asked, "an answer that nobody asked for");
	must(report->state < CALL_AT_SHOWN || report->state == CALL_AT_STOPPING || k->accepted,
	     "a report of an application that has not seen the call");
	must(report->state != CALL_AT_REPLIED || k->finished, "a report of a reply that is none");
	must(report->consumed <= report->received && report->received <= k->had,
	     "a report of data that did not come");
}

void world_judge_certainty(unsigned e, uint64_t high)
{
	for (unsigned id = 0; id < WORLD_CALLS; id++) {
		const struct world_known *k = &world.known[id];
		const struct call *call = &world.calls[id];

		if (world_plan->calls[id].from != e || !k->begun || k->gone || k->ended)
			continue;
		must((call->begin_end && call->begin_end <= high) ||
		     call->outcome == CALLS_NOT_EXECUTED, "doubt where there is none");
		must((call->last_end && call->last_end <= high) ||
		     call->outcome != CALLS_IN_DOUBT, "doubt of half a request");
	}
}
