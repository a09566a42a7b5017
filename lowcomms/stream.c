/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/sctp_kernel.h"
#include "lowcomms/sctp_user.h"
#include "lowcomms/tcp.h"

static const struct {
	const char *name;
	bool kernel, user_land;			/* it is that of one of them, or of both */
	const struct transport *transport;	/* NULL: this build has it not */
	const char *hint;			/* then */
} all[] = {
	{ "tcp", true, true, &transport_tcp, NULL },
#ifdef HAVE_LIBSCTP
	{ "sctp", true, false, &transport_sctp_kernel, NULL },
#else
	{ "sctp", true, false, NULL, "sctp of the kernel is not in this build: set sctp_backend to "
	  "user, or install libsctp-dev and build sinew again" },
#endif
#ifdef HAVE_USRSCTP
	{ "sctp", false, true, &transport_sctp_user, NULL },
#else
	{ "sctp", false, true, NULL, "sctp in user land is not in this build: install "
	  "libusrsctp-dev and build sinew again" },
#endif
};

const struct transport *transport_find(const char *name, bool user_land, const char **ret_hint)
{
	*ret_hint = "unknown, expected tcp or sctp";
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const struct transport *t = all[i].transport;

		if (strcmp(name, all[i].name) || !(user_land ? all[i].user_land : all[i].kernel))
			continue;
		*ret_hint = t && t->lacks ? t->lacks() : all[i].hint;
		return *ret_hint ? NULL : t;
	}
	return NULL;
}

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
	/* Events that its owner leaves are told again in the next turn. */
	list_append(&s->streams->news, &s->news);
	s->event(s, events);
	return true;
}
