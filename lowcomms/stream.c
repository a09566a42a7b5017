/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/stream.h"

#include <assert.h>
#include <stdlib.h>

struct stream *stream_create(struct streams *ss, const struct stream_ops *ops, size_t size)
{
	struct stream *s = calloc(1, size);

	assert(size >= sizeof(struct stream));
	if (!s)
		return NULL;
	s->ops = ops;
	s->streams = ss;
	s->source.fd = -1;
	list_init(&s->news);
	return s;
}

static void ignore(struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
}

void stream_retire(struct stream *s)
{
	assert(s->source.ready != ignore);
	s->source.ready = ignore;
	s->source.fd = -1;
	list_remove(&s->news);
	list_append(&s->streams->dead, &s->news);
}

void streams_free_dead(struct streams *ss)
{
	while (!list_empty(&ss->dead)) {
		struct stream *s = list_first(&ss->dead, struct stream, news);

		assert(s->source.ready == ignore);
		list_remove(&s->news);
		free(s);
	}
}

void stream_mark(struct stream *s)
{
	assert(s->source.fd < 0 && s->ops->poll && s->source.ready != ignore);
	if (!list_empty(&s->news))
		return;
	list_append(&s->streams->news, &s->news);
	loop_wake(s->streams->loop);
}

bool stream_next(struct list *taken)
{
	struct stream *s;
	unsigned events;

	if (list_empty(taken))
		return false;
	s = list_first(taken, struct stream, news);
	list_remove(&s->news);
	assert(s->source.fd < 0 && s->ops->poll);
	events = s->ops->poll(s);
	if (!events)
		return true;
	s->event(s, events);
	assert(s->source.fd < 0);
	/* Events that its owner leaves are told again in the next turn. */
	if (s->source.ready != ignore && list_empty(&s->news) && s->ops->poll(s))
		list_append(&s->streams->news, &s->news);
	return true;
}
