/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of work in an iteration of the loop. Knows nothing of what its events lead to. */
#include "lowcomms/stream_turn.h"

#include <assert.h>

#define EVENTS	16

void stream_hear(struct streams *ss, int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n;

	loop_prepare_wait(ss->loop);
	n = loop_wait(ss->loop, events, EVENTS, streams_have_news(ss) ? 0 : wait_ms);
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
