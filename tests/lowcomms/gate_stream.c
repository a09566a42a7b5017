/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns one of the two processes that test_gate.sh measures: a stream of messages of 64
 * bytes, or a ping-pong of them. Knows nothing of limits: test_gate.sh compares.
 *
 *	gate_stream send|recv|ping|pong PORT COUNT [outer]
 *
 * outer: it waits in an epoll set of its own, which has the node's descriptor in it.
 * Prints what was done between a quarter and the end of its messages.
 */
#include "tests/lib/gate.h"

#define MESSAGE_BYTES 64
#define BATCH 256

enum role { SEND, RECV, PING, PONG };

struct stream {
	enum role role;
	struct sinew_session *session;
	unsigned long count, done;
	unsigned long mark;		/* where something is to be noted: a quarter, the end */
	unsigned long bytes;
	unsigned long begin[6], end[6];
	bool down;
	enum sinew_down reason;
};

static const char text[MESSAGE_BYTES] = "64 bytes, as a lock request has them, no more";

static void take_counts(const struct stream *s, unsigned long *ret)
{
	struct sinew_status st = { .size = sizeof st };

	sinew_session_status(s->session, &st);
	ret[0] = atomic_load(&gate_counts.allocations);
	ret[1] = atomic_load(&gate_counts.writes);
	ret[2] = atomic_load(&gate_counts.reads);
	ret[3] = atomic_load(&gate_counts.waits);
	ret[4] = atomic_load(&gate_counts.others);
	ret[5] = st.acks_sent;
}

static __attribute__((noinline)) void at_mark(struct stream *s)
{
	if (s->mark == s->count) {
		take_counts(s, s->end);
		s->mark = ULONG_MAX;
		if (s->role == PING)
			sinew_session_finish(s->session);
	} else {
		take_counts(s, s->begin);
		s->mark = s->count;
	}
}

static void on_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct stream *s = user;

	(void)node;
	s->session = session;
	if (s->role == PING)
		sinew_send(session, text, sizeof text);
}

static void on_message(struct sinew_node *node, struct sinew_session *session,
		       const struct sinew_message *msg, void *user)
{
	struct stream *s = user;

	(void)node;
	(void)session;
	s->bytes += msg->len;
	if (++s->done >= s->mark)
		at_mark(s);
}

static void on_ball(struct sinew_node *node, struct sinew_session *session,
		    const struct sinew_message *msg, void *user)
{
	struct stream *s = user;

	on_message(node, session, msg, user);
	if (s->role == PONG || s->done < s->count)
		sinew_send(session, text, sizeof text);
}

static void on_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		    const struct sinew_delivery *delivery, void *user)
{
	struct stream *s = user;

	(void)node;
	(void)session;
	(void)delivery;
	s->session = NULL;
	s->down = true;
	s->reason = reason;
}

/* Sends a batch; returns how long the dispatch after it may wait. */
static int send_batch(struct stream *s)
{
	unsigned long n = s->count - s->done < BATCH ? s->count - s->done : BATCH, i;
	int err = 0;

	if (s->session == NULL || s->done == s->count)
		return -1;
	for (i = 0; i < n; i++) {
		err = sinew_send(s->session, text, sizeof text);
		if (err)
			break;
	}
	s->done += i;
	s->bytes += i * sizeof text;
	if (err && err != -EAGAIN) {
		fprintf(stderr, "gate_stream: send: %s\n", sinew_error_name(err));
		exit(1);
	}
	if (s->done >= s->mark)
		at_mark(s);
	if (s->done == s->count)
		sinew_session_finish(s->session);
	return err ? -1 : 0;
}

static int open_outer(struct sinew_node *node)
{
	struct epoll_event event = { .events = EPOLLIN };
	int outer = epoll_create1(EPOLL_CLOEXEC);

	if (outer < 0 || epoll_ctl(outer, EPOLL_CTL_ADD, sinew_get_fd(node), &event))
		return -errno;
	return outer;
}

static int turn(struct stream *s, struct sinew_node *node, int outer)
{
	struct epoll_event event;

	if (outer < 0)
		return sinew_dispatch(node, s->role == SEND ? send_batch(s) : -1);
	if (epoll_wait(outer, &event, 1, -1) < 0)
		return -errno;
	return sinew_dispatch(node, 0);
}

static int role_of(const char *name)
{
	static const char *const names[] = { "send", "recv", "ping", "pong" };

	for (int i = 0; i < 4; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

int main(int argc, char **argv)
{
	struct stream s = { 0 };
	struct sinew_callbacks cb = {
		.size = sizeof cb, .session_up = on_up, .session_down = on_down,
	};
	struct sinew_node *node = NULL;
	bool has_outer = argc == 5 && strcmp(argv[4], "outer") == 0;
	int err, role = argc == 4 || has_outer ? role_of(argv[1]) : -1, outer = -1;
	unsigned id, port;

	if (role < 0) {
		fprintf(stderr, "usage: gate_stream send|recv|ping|pong PORT COUNT [outer]\n");
		return 2;
	}
	s.role = (enum role)role;
	s.count = strtoul(argv[3], NULL, 10);
	s.mark = s.count / 4;
	cb.message = role == SEND || role == RECV ? on_message : on_ball;
	id = role == SEND || role == PING ? 1 : 2;
	port = (unsigned)atoi(argv[2]);
	alarm(GATE_GIVE_UP_S);
	err = gate_node(id, port, &cb, &s, &node);
	if (err >= 0)
		err = gate_peer(node, 3 - id, port);
	if (err >= 0 && has_outer)
		err = outer = open_outer(node);
	while (err >= 0 && !s.down)
		err = turn(&s, node, outer);
	sinew_node_free(node);
	if (err < 0) {
		fprintf(stderr, "gate_stream: %s\n", sinew_error_name(err));
		return 1;
	}
	printf("allocations=%lu writes=%lu reads=%lu waits=%lu others=%lu acks=%lu\n",
	       s.end[0] - s.begin[0], s.end[1] - s.begin[1], s.end[2] - s.begin[2],
	       s.end[3] - s.begin[3], s.end[4] - s.begin[4], s.end[5] - s.begin[5]);
	return s.done == s.count && s.bytes == s.count * MESSAGE_BYTES &&
		s.reason == SINEW_DOWN_CLOSED ? 0 : 1;
}
