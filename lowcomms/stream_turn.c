/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of work in a turn of the loop; knows nothing of what its events lead to. */
#include "lowcomms/stream_turn.h"

#include <assert.h>

#define EVENTS	16
#define MS_NS	1000000u

/* The transport is due by then, which no descriptor tells. */
static int until_due(const struct streams *ss, int wait_ms)
{
	uint64_t now_ns, left_ms;

	if (!wait_ms || ss->deadline_ns == UINT64_MAX)
		return wait_ms;
	now_ns = loop_now_ns();
	if (ss->deadline_ns <= now_ns)
		return 0;
	left_ms = (ss->deadline_ns - now_ns + MS_NS - 1) / MS_NS;
	return wait_ms < 0 || left_ms < (uint64_t)wait_ms ? (int)left_ms : wait_ms;
}

void stream_hear(struct streams *ss, int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n;

	loop_prepare_wait(ss->loop);
	n = loop_wait(ss->loop, events, EVENTS,
		      streams_have_news(ss) ? 0 : until_due(ss, wait_ms));
	loop_finish_wait(ss->loop);
	for (int i = 0; i < n; i++) {
		struct source *s = events[i].data.ptr;

		assert(s->ready);
		s->ready(s, events[i].events);
	}
}

void stream_turn(struct streams *ss, const struct transport *transport, int wait_ms)
{
	struct list taken;

	stream_hear(ss, wait_ms);
	list_take(&ss->news, &taken);
	while (stream_next(&taken))
		;
	assert(transport->due || ss->deadline_ns == UINT64_MAX);
	if (loop_now_ns() >= ss->deadline_ns)
		transport->due(ss, loop_now_ns());
	streams_free_dead(ss);
}
