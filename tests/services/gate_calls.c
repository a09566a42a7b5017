/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns one of the two processes that test_gate.sh measures: calls of 64 bytes, answered by as many.
 * Knows nothing of limits: test_gate.sh compares.
 *
 *	gate_calls call|answer PORT COUNT
 *
 * Prints what was done between a quarter and the end of its calls.
 */
#include "tests/lib/gate.h"

#include "services/sinew-call.h"

#define DATA_BYTES	64
#define IN_FLIGHT	64
#define SERVICE		100
#define OP		1

enum role { CALL, ANSWER };

struct counts {
	unsigned long allocations, writes, bytes;
};

struct calls {
	enum role role;
	struct sinew_session *session;
	struct sinew_binding *binding;
	unsigned long count, begun, done;
	unsigned long mark;		/* where something is to be noted: a quarter, the end */
	struct counts begin, end;
	bool down;
	enum sinew_down reason;
};

static const char text[DATA_BYTES] = "64 bytes, as a lock request has them, no more";

static void fail(const char *what, int err)
{
	fprintf(stderr, "gate_calls: %s: %s\n", what, sinew_error_name(err));
	exit(1);
}

static void take_counts(const struct calls *s, struct counts *ret)
{
	struct sinew_status st = { .size = sizeof st };

	sinew_session_status(s->session, &st);
	ret->allocations = atomic_load(&gate_counts.allocations);
	ret->writes = atomic_load(&gate_counts.writes);
	ret->bytes = st.bytes_sent;
}

/* Counts a call; true: it was the last. */
static bool note_done(struct calls *s)
{
	if (++s->done < s->mark)
		return false;
	take_counts(s, s->mark == s->count ? &s->end : &s->begin);
	s->mark = s->count;
	return s->done == s->count;
}

/* ---- the caller ---- */

static void on_reply(struct sinew_call *call, const struct sinew_call_msg *msg, void *user);

static void begin_one(struct calls *s)
{
	static const struct sinew_call_options opt = { .size = sizeof opt, .fn = on_reply };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = sizeof text };
	struct sinew_call *call;
	int err;

	if (s->begun == s->count)
		return;
	s->begun++;
	err = sinew_call_begin(s->binding, OP, &opt, &iov, 1, 0, s, &call);
	if (err)
		fail("begin", err);
}

static void on_reply(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct calls *s = user;

	if (msg->event == SINEW_CALL_DATA && msg->len != sizeof text)
		fail("reply", -EBADMSG);
	if (msg->event != SINEW_CALL_ENDED)
		return;
	if (msg->outcome != SINEW_CALL_DONE)
		fail("call", -EPROTO);
	sinew_call_end(call);
	if (note_done(s))
		sinew_session_finish(s->session);
	else
		begin_one(s);
}

/* ---- the called side ---- */

static void on_request(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct calls *s = user;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = sizeof text };
	ssize_t sent;

	if (msg->event == SINEW_CALL_DATA) {
		sent = sinew_call_send(call, &iov, 1, 0);
		if (sent != sizeof text)
			fail("answer", sent < 0 ? (int)sent : -EAGAIN);
		sinew_call_end(call);
		note_done(s);
	}
}

/* ---- both ---- */

static void on_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct calls *s = user;

	(void)node;
	s->session = session;
}

static void on_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		    const struct sinew_delivery *delivery, void *user)
{
	struct calls *s = user;

	(void)node;
	(void)session;
	(void)delivery;
	s->session = NULL;
	s->down = true;
	s->reason = reason;
}

static void begin_all(struct calls *s, struct sinew_calls *calls)
{
	int err = sinew_binding_open(calls, s->session, SERVICE, NULL, &s->binding);

	if (err)
		fail("binding", err);
	for (int i = 0; i < IN_FLIGHT; i++)
		begin_one(s);
}

static int open_calls(struct calls *s, struct sinew_node *node, struct sinew_calls **ret_calls)
{
	const struct sinew_service service = { .size = sizeof service, .fn = on_request };
	int err = sinew_calls_new(node, NULL, ret_calls);

	if (!err && s->role == ANSWER)
		err = sinew_service_bind(*ret_calls, SERVICE, &service, s);
	return err;
}

static int run(struct calls *s, unsigned port)
{
	const struct sinew_callbacks cb = {
		.size = sizeof cb, .session_up = on_up, .session_down = on_down,
	};
	unsigned id = s->role == CALL ? 1 : 2;
	struct sinew_calls *calls = NULL;
	struct sinew_node *node = NULL;
	int err = gate_node(id, port, &cb, s, &node);

	if (err >= 0)
		err = open_calls(s, node, &calls);
	if (err >= 0)
		err = gate_peer(node, 3 - id, port);
	while (err >= 0 && !s->down) {
		err = sinew_dispatch(node, -1);
		if (s->session && s->role == CALL && !s->binding)
			begin_all(s, calls);
	}
	sinew_binding_close(s->binding);
	sinew_node_free(node);
	sinew_calls_free(calls);
	return err;
}

int main(int argc, char **argv)
{
	struct calls s = { 0 };
	int err;

	if (argc != 4 || (strcmp(argv[1], "call") && strcmp(argv[1], "answer"))) {
		fprintf(stderr, "usage: gate_calls call|answer PORT COUNT\n");
		return 2;
	}
	s.role = strcmp(argv[1], "call") ? ANSWER : CALL;
	s.count = strtoul(argv[3], NULL, 10);
	s.mark = s.count / 4;
	alarm(GATE_GIVE_UP_S);
	err = run(&s, (unsigned)atoi(argv[2]));
	if (err < 0)
		fail("dispatch", err);
	printf("allocations=%lu writes=%lu bytes=%lu\n", s.end.allocations - s.begin.allocations,
	       s.end.writes - s.begin.writes, s.end.bytes - s.begin.bytes);
	return s.done == s.count && s.reason == SINEW_DOWN_CLOSED ? 0 : 1;
}
