/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of peers that a node serves: each request is checked, and answered at once, later,
 * after a call of the node's own, or by an abort. How far that came is marked before the caller can
 * know. Knows nothing of what the callers make of it.
 */
#include "tools/torture/torture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/clock.h"
#include "tools/random.h"

#define LATER_NS	(50 * CLOCK_MS)	/* an answer comes by then */
#define SLOW_NS		(150 * CLOCK_MS)	/* of a slow node */
#define RETRY_MS	5

struct served_call {
	struct served_call *next, **at;
	struct incarnation *l;
	struct call_pair *log;
	struct sinew_call *call;
	struct content request;
	uint8_t *data;			/* the request, then the reply */
	size_t size;			/* of the longer one */
	size_t len, sent;		/* of the request: what has come */
	uint64_t answer_ns;		/* CLOCK_NEVER: not now */
	bool has_nested;		/* a call of our own, whose end it waits for */
	bool is_answering, is_aborted;
};

/* ---- life ---- */

static void problem(const struct served_call *s, const char *text)
{
	run_log_problem(s->l->run_log, "call %" PRIu64 " of node %" PRIu32 " to node %" PRIu32
			" %s", s->request.number, s->request.from, s->l->id, text);
}

static void release(struct served_call *s)
{
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	if (s->has_nested)
		caller_forget_parent(s->l, s);
	sinew_call_end(s->call);
	free(s->data);
	free(s);
}

static void mark(struct served_call *s, enum call_mark how_far)
{
	const char *wrong = call_log_mark(s->log, s->request.number, how_far);

	if (wrong)
		problem(s, wrong);
}

static void abort_call(struct served_call *s)
{
	s->is_aborted = true;
	mark(s, CALL_MARK_ABORTED);
	sinew_call_abort(s->call, caller_abort_code(&s->request));
}

/* Its op is its number; length and bytes follow from that, and from who calls whom. */
static struct content request_of(const struct incarnation *l, const struct sinew_call *call)
{
	const struct sinew_session *session = sinew_call_session(call);
	uint32_t from = sinew_session_nodeid(session);
	const struct call_pair *log = run_log_calls(l->run_log, from, l->id);

	return caller_request(l->settings, from, l->id, sinew_session_incarnation(session),
			      sinew_incarnation(l->node),
			      call_log_number(log, sinew_call_op(call)));
}

static struct served_call *new_call(struct incarnation *l, struct sinew_call *call)
{
	struct served_call *s = calloc(1, sizeof(*s));
	struct content reply;

	if (!s)
		return NULL;
	s->request = request_of(l, call);
	reply = caller_reply(&s->request);
	s->size = content_length(&s->request);
	if (s->size < content_length(&reply))
		s->size = content_length(&reply);
	/* Nothing has a place, too. */
	s->data = malloc(s->size + 1);
	if (!s->data) {
		free(s);
		return NULL;
	}
	s->l = l;
	s->call = call;
	s->log = run_log_calls(l->run_log, s->request.from, l->id);
	s->answer_ns = CLOCK_NEVER;
	s->next = l->served_calls;
	s->at = &l->served_calls;
	if (s->next)
		s->next->at = &s->next;
	l->served_calls = s;
	return s;
}

static void begin(struct incarnation *l, struct sinew_call *call)
{
	struct served_call *s = new_call(l, call);

	if (!s) {
		run_log_problem(l->run_log, "node %" PRIu32 ": no memory to serve a call", l->id);
		sinew_call_end(call);
		return;
	}
	sinew_call_set_user(call, s);
	mark(s, CALL_MARK_SHOWN);
}

/* ---- the reply ---- */

/* Else than in bytes its end is on its way, or room. */
static void send_reply(struct served_call *s)
{
	struct iovec iov = { .iov_base = s->data + s->sent, .iov_len = s->len - s->sent };
	ssize_t n = sinew_call_send(s->call, &iov, 1, 0);

	if (n > 0)
		s->sent += (size_t)n;
	else if (n < 0 && n != -EAGAIN && n != -ECONNABORTED && n != -ESTALE)
		problem(s, "cannot be answered");
}

static void answer(struct served_call *s)
{
	const struct content reply = caller_reply(&s->request);

	s->answer_ns = CLOCK_NEVER;
	s->is_answering = true;
	s->len = content_length(&reply);
	s->sent = 0;
	content_fill(&reply, s->data, s->len);
	mark(s, CALL_MARK_ANSWERED);
	send_reply(s);
}

static void room(struct served_call *s)
{
	if (s->is_answering && s->sent < s->len)
		send_reply(s);
}

/* ---- calls for calls ---- */

/* Mostly it is the caller who is called back. False: none can be begun. */
static bool nest(struct served_call *s, uint64_t random)
{
	uint32_t peer = s->request.from;

	if (random % 4 == 0)
		peer = 1 + (uint32_t)(random >> 2) % s->l->settings->n_nodes;
	s->has_nested = caller_begin_nested(s->l, peer, s, s->call);
	return s->has_nested;
}

void served_nested_ended(struct served_call *s)
{
	s->has_nested = false;
	if (!s->is_aborted)
		answer(s);
}

/* Those that are nested already nest on, so that some reach the bottom. */
static bool wants_to_nest(const struct served_call *s, uint64_t random)
{
	struct sinew_call_status st = { .size = sizeof(st) };

	if (random % 32 < 8)
		return true;
	return !sinew_call_status(s->call, &st) && st.depth && random % 4;
}

/* ---- the request ---- */

/* The number of a call decides on its answer. */
static void decide(struct served_call *s)
{
	uint64_t random = random_mix(s->request.number ^ s->request.seed);
	bool is_slow = settings_is_slow(s->l->settings, s->l->id);

	if (random % 32 == 0)
		abort_call(s);
	else if (wants_to_nest(s, random >> 8) && nest(s, random >> 16))
		return;
	else if (is_slow || random % 32 < 4)
		s->answer_ns = clock_now_ns() + (random >> 8) % (is_slow ? SLOW_NS : LATER_NS);
	else
		answer(s);
}

static void finish_request(struct served_call *s)
{
	if (!content_is(&s->request, s->data, s->len)) {
		call_log_untrue(s->log);
		problem(s, "has a request that was not sent");
		abort_call(s);
		return;
	}
	mark(s, CALL_MARK_WHOLE);
	decide(s);
}

static void take_request(struct served_call *s, const struct sinew_call_msg *msg)
{
	if (s->is_aborted)
		return;
	if (msg->len > s->size - s->len) {
		call_log_untrue(s->log);
		problem(s, "has a request that is too long");
		abort_call(s);
		return;
	}
	if (msg->len)
		memcpy(s->data + s->len, msg->data, msg->len);
	s->len += msg->len;
	if (msg->last)
		finish_request(s);
	else if (random_mix(s->request.number) % 32 == 0)
		abort_call(s);
}

static void call_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	switch (msg->event) {
	case SINEW_CALL_NEW:
		begin(user, call);
		break;
	case SINEW_CALL_DATA:
		take_request(user, msg);
		break;
	case SINEW_CALL_ROOM:
		room(user);
		break;
	case SINEW_CALL_ENDED:
		release(user);
		break;
	case SINEW_CALL_ACCEPTED:
	case SINEW_CALL_FINAL_ACK:
	case SINEW_CALL_STATE:
		break;
	}
}

/* ---- the node's ---- */

int served_bind(struct incarnation *l)
{
	const unsigned n_peers = l->settings->n_nodes - 1;
	const struct sinew_service service = {
		.size = sizeof(service),
		.fn = call_event,
		.delivery = SINEW_CALL_PIECES,
		/* Fewer than can come, so that some are refused. */
		.max_calls = n_peers * CALLER_OPEN_MAX * 2 / 3,
		.retry_ms = RETRY_MS,
	};

	return sinew_service_bind(l->calls, SERVED_SERVICE, &service, l);
}

void served_turn(struct incarnation *l, uint64_t now_ns)
{
	struct served_call *s;

	for (s = l->served_calls; s; s = s->next)
		if (now_ns >= s->answer_ns)
			answer(s);
}

void served_check_ended(struct incarnation *l)
{
	const struct served_call *s;

	for (s = l->served_calls; s; s = s->next) {
		call_log_endless(s->log);
		problem(s, "has no end at the called side, though that node has");
	}
}

void served_forget(struct incarnation *l)
{
	while (l->served_calls)
		release(l->served_calls);
}
