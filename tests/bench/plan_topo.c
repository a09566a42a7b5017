/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The measures of topology servers. Knows nothing of how they are judged.
 */
#include "tests/bench/plan.h"

#define SUBSCRIBERS	   256
#define BATCHES		   60 /* of 32 publications */
#define BATCHES_QUICK	   12
#define EVENTS		   20000
#define EVENTS_QUICK	   4000
#define SESSIONS	   100 /* given up, and begun again */
#define SESSIONS_QUICK	   20
#define CHURN_MS	   800
#define CHURN_MS_QUICK	   300
#define FED		   16
#define BESIDE_MS	   3200
#define BESIDE_MS_QUICK	   800
#define PUBLICATIONS	   100000
#define NODES		   64
#define NAMES		   100
#define QUEUE_BYTES	   (4u << 20)
#define PEERS		   128
#define COMMANDS	   50
#define COMMANDS_QUICK	   10
#define ASKED_MS	   3200
#define ASKED_MS_QUICK	   800

static void plan_publishers(struct bench *b)
{
	unsigned ms = b->is_quick ? CHURN_MS_QUICK : CHURN_MS;
	struct step *publish = step_add(b, "topo-publish", PLACE_FREE);
	struct step *stopped = step_add(b, "topo-stopped", PLACE_FREE);

	step_words(publish, 0, "topo-publish nodes=%u count=%u", SUBSCRIBERS,
		   b->is_quick ? BATCHES_QUICK : BATCHES);
	step_result(publish, "without_ns", figure_add(b, "ns", false, "topo-publish.0"));
	step_result(publish, "with_ns",
		    figure_add(b, "ns", false, "topo-publish.%u", SUBSCRIBERS));
	step_words(stopped, 0, "topo-stopped nodes=9 ms=%u", ms);
	step_result(stopped, "without_s", figure_add(b, "events/s", true, "topo-stopped.0"));
	step_result(stopped, "with_s", figure_add(b, "events/s", true, "topo-stopped.1"));
}

static void plan_events(struct bench *b)
{
	static const char *const jobs[] = { "topo-event", "topo-exchange" };
	struct step *step;

	for (unsigned i = 0; i < 2; i++) {
		step = step_add(b, "topo-event", PLACE_FREE);
		step_words(step, 0, "%s count=%u", jobs[i], b->is_quick ? EVENTS_QUICK : EVENTS);
		step_result(step, "median_ns", figure_add(b, "ns", false, "%s", jobs[i]));
	}
	step = step_add(b, "topo-member", PLACE_FREE);
	step_words(step, 0, "topo-member count=%u", b->is_quick ? SESSIONS_QUICK : SESSIONS);
	step_result(step, "local_ns", figure_add(b, "ns", false, "topo-member.local"));
	step_result(step, "remote_ns", figure_add(b, "ns", false, "topo-member.remote"));
}

static void plan_beside(struct bench *b)
{
	struct step *step = step_add(b, "topo-beside", PLACE_FREE);

	step_words(step, 0, "topo-beside threads=%u depth=%u ms=%u queue=%u", FED, SUBSCRIBERS,
		   b->is_quick ? BESIDE_MS_QUICK : BESIDE_MS, QUEUE_BYTES);
	step_words(step, 1, "callee nodes=1 queue=%u", QUEUE_BYTES);
	step_result(step, "messages_alone_s",
		    figure_add(b, "messages/s", true, "topo-beside.messages.alone"));
	step_result(step, "messages_fed_s",
		    figure_add(b, "messages/s", true, "topo-beside.messages.busy"));
	step_result(step, "calls_alone_s",
		    figure_add(b, "calls/s", true, "topo-beside.calls.alone"));
	step_result(step, "calls_fed_s",
		    figure_add(b, "calls/s", true, "topo-beside.calls.busy"));
}

static void plan_many(struct bench *b)
{
	struct step *step = step_add(b, "topo-memory", PLACE_FREE);

	step_words(step, 0, "topo-memory count=%u", PUBLICATIONS);
	step_result(step, "publication_bytes", figure_add(b, "bytes", false, "topo-memory.each"));
	step_result(step, "snapshot_ms", figure_add(b, "ms", false, "topo-memory.snapshot"));
	step_result(step, "held_up_ns", figure_add(b, "ns", false, "topo-memory.held-up"));

	step = step_add(b, "topo-idle", PLACE_FREE);
	step_words(step, 0, "topo-idle nodes=%u", SUBSCRIBERS);
	step_result(step, "subscriber_bytes", figure_add(b, "bytes", false, "topo-idle.each"));

	step = step_add(b, "topo-mesh", PLACE_FREE);
	step->is_slow = true;
	step_words(step, 0, "topo-mesh nodes=%u count=%u", NODES, NAMES);
	step_result(step, "full_ms", figure_add(b, "ms", false, "topo-mesh.%u", NODES));
}

static void plan_status(struct bench *b)
{
	static const char *const carried[] = { "stream", "rounds" };
	struct step *step = step_add(b, "topo-status", PLACE_FREE);

	step_words(step, 0, "topo-status nodes=%u count=%u", PEERS,
		   b->is_quick ? COMMANDS_QUICK : COMMANDS);
	step_words(step, 1, "crowd nodes=%u", PEERS);
	step_result(step, "median_ns", figure_add(b, "ns", false, "topo-status.%u", PEERS));

	for (unsigned is_echoed = 0; is_echoed < 2; is_echoed++) {
		const char *name = carried[is_echoed];

		step = step_add(b, "topo-asked", PLACE_FREE);
		step_words(step, 0, "topo-asked nodes=%u depth=%u ms=%u queue=%u", PEERS, is_echoed,
			   b->is_quick ? ASKED_MS_QUICK : ASKED_MS, QUEUE_BYTES);
		step_words(step, 1, "crowd nodes=%u count=%u", PEERS, is_echoed);
		step_result(step, "without_s",
			    figure_add(b, "messages/s", true, "topo-asked.%s.alone", name));
		step_result(step, "with_s",
			    figure_add(b, "messages/s", true, "topo-asked.%s.asked", name));
	}
}

void plan_topo(struct bench *b)
{
	plan_publishers(b);
	plan_events(b);
	plan_beside(b);
	plan_many(b);
	plan_status(b);
}
