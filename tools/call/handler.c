/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of the test services: each op takes its request and makes its reply, a chunk at a time
 * as the caller takes it. Knows nothing of nodes and sessions.
 */
#include "tools/call/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "membership/config.h"
#include "tools/clock.h"

#define CHUNK		((size_t)64 << 10)
#define TEXT_MAX	((size_t)32)		/* a request that is a number; a reply of sink */
#define ECHO_MAX	((size_t)64 << 20)	/* of one call, and of all: more is refused */
#define ECHO_ALL_MAX	((size_t)256 << 20)
#define CALLBACK_MAX	((size_t)64 << 10)
#define SLEEP_MAX_MS	3600000

/* Codes of aborts: the numbers that Linux has for such errors. */
enum handler_code {
	CODE_NO_SOURCE = 2,
	CODE_SOURCE_ERROR = 5,
	CODE_TOO_LONG = 7,
	CODE_NO_MEMORY = 12,
	CODE_NO_NUMBER = 22,
	CODE_NO_CALLBACK = 111,
};

struct handler {
	struct handlers *all;
	struct handler *next, **at;	/* of their list */
	struct sinew_call *call;
	struct sinew_call *callback;	/* ours for it, or NULL */
	struct principal *principal;	/* whose it is, or NULL */
	enum handler_op op;
	uint32_t nodeid;
	uint64_t id;
	uint64_t began_ns;
	uint64_t wake_ns;	/* of a sleeper, else CLOCK_NEVER */
	bool has_failed;	/* was aborted here */
	bool is_answered;	/* its whole request is there */
	struct cksum request;	/* only sink computes the sum */
	uint64_t replied;

	/* The request; then of the reply the bytes that are made and not all sent. */
	char *data;
	size_t at_byte, len, size;
	uint64_t left;		/* of the reply, still to be made behind it */
	bool is_of_file;	/* by reading, else by counting */
	off_t offset;
	struct counting counting;
};

const char *const handler_names[] = {
	[HANDLER_ECHO] = "echo", [HANDLER_SINK] = "sink", [HANDLER_SOURCE] = "source",
	[HANDLER_SLEEP] = "sleep", [HANDLER_FAIL] = "fail", [HANDLER_CALLBACK] = "callback",
};

/* ---- life ---- */

static void tell(const struct handler *h, const char *how)
{
	if (!h->all->tells)
		return;
	printf("node %" PRIu32, h->nodeid);
	if (h->principal)
		printf(" as %s", creds_name(h->principal));
	printf(" call %" PRIu64 " %s: %s", h->id, handler_names[h->op], how);
	if (h->is_answered)
		printf(", request %" PRIu64 " bytes, reply %" PRIu64 " bytes, %.3f ms",
		       h->request.len, h->replied,
		       (double)(clock_now_ns() - h->began_ns) / CLOCK_MS);
	putchar('\n');
	fflush(stdout);
}

static void release(struct handler *h)
{
	*h->at = h->next;
	if (h->next)
		h->next->at = h->at;
	if (h->op == HANDLER_ECHO)
		h->all->echo_bytes -= h->size;
	sinew_call_end(h->callback);
	sinew_call_end(h->call);
	free(h->data);
	free(h);
}

static void finish(struct handler *h, const char *how, uint64_t *count)
{
	struct handler_count *counts = &h->all->counts[h->op];

	++*count;
	counts->request_bytes += h->request.len;
	counts->reply_bytes += h->replied;
	tell(h, how);
	release(h);
}

/* ENDED follows. */
static void fail(struct handler *h, int32_t code)
{
	h->has_failed = true;
	h->wake_ns = CLOCK_NEVER;
	sinew_call_abort(h->call, code);
}

static void begin(struct handlers *all, struct sinew_call *call)
{
	struct handler *h = calloc(1, sizeof(*h));

	if (!h) {
		sinew_call_abort(call, CODE_NO_MEMORY);
		sinew_call_end(call);
		return;
	}
	h->all = all;
	h->call = call;
	h->op = (enum handler_op)sinew_call_op(call);
	h->nodeid = sinew_session_nodeid(sinew_call_session(call));
	h->id = sinew_call_id(call);
	h->principal = creds_count(call);
	h->began_ns = clock_now_ns();
	h->wake_ns = CLOCK_NEVER;
	h->next = all->first;
	h->at = &all->first;
	if (h->next)
		h->next->at = &h->next;
	all->first = h;
	sinew_call_set_user(call, h);
	all->counts[h->op].begun++;
	tell(h, "begun");
}

/* ---- the reply ---- */

/* Makes the next chunk; the last one was sent. */
static bool make_chunk(struct handler *h)
{
	size_t done = 0;
	ssize_t n;

	h->at_byte = 0;
	h->len = h->left < CHUNK ? (size_t)h->left : CHUNK;
	h->left -= h->len;
	if (!h->is_of_file) {
		counting_fill(&h->counting, h->data, h->len);
		return true;
	}
	for (; done < h->len; done += (size_t)n) {
		n = pread(h->all->source_fd, h->data + done, h->len - done, h->offset);
		if (n <= 0)
			return false;
		h->offset += n;
	}
	return true;
}

/* Sends as much as the caller takes now; ROOM follows. */
static void send_reply(struct handler *h)
{
	struct iovec iov;
	ssize_t n;

	do {
		if (h->at_byte == h->len && h->left && !make_chunk(h)) {
			fail(h, CODE_SOURCE_ERROR);
			return;
		}
		iov.iov_base = h->data + h->at_byte;
		iov.iov_len = h->len - h->at_byte;
		n = sinew_call_send(h->call, &iov, 1, h->left ? SINEW_CALL_MORE : 0);
		if (n < 0)
			return;
		h->at_byte += (size_t)n;
		h->replied += (size_t)n;
	} while (h->left && h->at_byte == h->len);
}

static bool has_room(struct handler *h, size_t size)
{
	char *data;

	if (size <= h->size)
		return true;
	data = realloc(h->data, size);
	if (!data)
		return false;
	if (h->op == HANDLER_ECHO)
		h->all->echo_bytes += size - h->size;
	h->data = data;
	h->size = size;
	return true;
}

static void answer_sink(struct handler *h)
{
	h->len = (size_t)snprintf(h->data, TEXT_MAX, "%" PRIu32 " %" PRIu64 "\n",
				  cksum_value(&h->request), h->request.len);
	send_reply(h);
}

/* The number that the request is, perhaps with a newline behind; else the call fails. */
static bool take_number(struct handler *h, bool is_size, uint64_t most, uint64_t *ret_n)
{
	size_t len = h->len && h->data[h->len - 1] == '\n' ? h->len - 1 : h->len;

	h->data[len] = '\0';
	h->len = 0;
	if (strlen(h->data) == len && !config_number(h->data, is_size, 0, most, ret_n))
		return true;
	fail(h, CODE_NO_NUMBER);
	return false;
}

static void answer_source(struct handler *h)
{
	struct stat st;

	h->is_of_file = !h->len;
	if (!h->is_of_file) {
		if (!take_number(h, true, INT64_MAX, &h->left))
			return;
		counting_init(&h->counting);
	} else if (h->all->source_fd < 0) {
		fail(h, CODE_NO_SOURCE);
		return;
	} else if (fstat(h->all->source_fd, &st)) {
		fail(h, CODE_SOURCE_ERROR);
		return;
	} else {
		h->left = (uint64_t)st.st_size;
	}
	if (has_room(h, CHUNK))
		send_reply(h);
	else
		fail(h, CODE_NO_MEMORY);
}

static void callback_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct handler *h = user;

	(void)call;
	if (msg->event == SINEW_CALL_DATA && has_room(h, msg->len)) {
		h->len = msg->len;
		if (msg->len)
			memcpy(h->data, msg->data, msg->len);
	}
	if (msg->event != SINEW_CALL_ENDED)
		return;
	sinew_call_end(h->callback);
	h->callback = NULL;
	if (msg->reason == SINEW_END_REPLIED)
		send_reply(h);
	else
		fail(h, CODE_NO_CALLBACK);
}

/* Has the caller echo the request; what comes is the reply. */
static void call_back(struct handler *h)
{
	const struct sinew_call_options opt = {
		.size = sizeof(opt),
		.fn = callback_event,
		.delivery = SINEW_CALL_WHOLE,
		.max_reply = CALLBACK_MAX,
		.parent = h->call,
	};
	const struct iovec iov = { .iov_base = h->data, .iov_len = h->len };
	struct sinew_binding *binding;
	int rc;

	rc = sinew_binding_open(h->all->calls, sinew_call_session(h->call), h->all->service,
				NULL, &binding);
	if (!rc) {
		rc = sinew_call_begin(binding, HANDLER_ECHO, &opt, &iov, 1, 0, h, &h->callback);
		sinew_binding_close(binding);
	}
	if (rc)
		fail(h, CODE_NO_CALLBACK);
}

/* The whole request is there. */
static void answer(struct handler *h)
{
	uint64_t n;

	h->is_answered = true;
	switch (h->op) {
	case HANDLER_ECHO:
		send_reply(h);
		break;
	case HANDLER_SINK:
		answer_sink(h);
		break;
	case HANDLER_SOURCE:
		answer_source(h);
		break;
	case HANDLER_SLEEP:
		if (take_number(h, false, SLEEP_MAX_MS, &n))
			h->wake_ns = clock_now_ns() + n * CLOCK_MS;
		break;
	case HANDLER_FAIL:
		if (take_number(h, false, INT32_MAX, &n))
			fail(h, (int32_t)n);
		break;
	case HANDLER_CALLBACK:
		call_back(h);
		break;
	case HANDLER_OPS:
		break;
	}
}

/* ---- the request ---- */

static size_t request_max(enum handler_op op)
{
	if (op == HANDLER_ECHO)
		return ECHO_MAX;
	return op == HANDLER_CALLBACK ? CALLBACK_MAX : TEXT_MAX - 1;
}

/* Where its next bytes go: twice as much as before, so that they are not copied too often. */
static bool make_room(struct handler *h, size_t more)
{
	const size_t need = h->len + more;
	size_t size = h->size ? h->size : TEXT_MAX;

	if (need > request_max(h->op)) {
		fail(h, CODE_TOO_LONG);
		return false;
	}
	while (size <= need)
		size *= 2;
	if (h->all->echo_bytes + size - h->size <= ECHO_ALL_MAX && has_room(h, size))
		return true;
	fail(h, CODE_NO_MEMORY);
	return false;
}

static void take_request(struct handler *h, const struct sinew_call_msg *msg)
{
	if (h->has_failed)
		return;
	if (h->op == HANDLER_SINK) {
		cksum_add(&h->request, msg->data, msg->len);
		if (!make_room(h, 0))
			return;
	} else {
		h->request.len += msg->len;
		if (!make_room(h, msg->len))
			return;
		if (msg->len)
			memcpy(h->data + h->len, msg->data, msg->len);
		h->len += msg->len;
	}
	if (msg->last)
		answer(h);
}

/* ---- events ---- */

static void end(struct handler *h, enum sinew_call_reason reason)
{
	struct handler_count *counts = &h->all->counts[h->op];

	if (reason == SINEW_END_REPLIED)
		finish(h, "done", &counts->done);
	else if (reason == SINEW_END_GIVEN_UP)
		finish(h, "aborted", &counts->aborted);
	else if (reason == SINEW_END_ABORTED || reason == SINEW_END_DEADLINE)
		finish(h, "given up by the caller", &counts->given_up);
	else
		finish(h, sinew_call_reason_name(reason), &counts->cut_off);
}

static void call_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct handler *h = user;

	switch (msg->event) {
	case SINEW_CALL_NEW:
		begin(user, call);
		break;
	case SINEW_CALL_DATA:
		take_request(h, msg);
		break;
	case SINEW_CALL_ROOM:
		send_reply(h);
		break;
	case SINEW_CALL_ENDED:
		end(h, msg->reason);
		break;
	case SINEW_CALL_ACCEPTED:
	case SINEW_CALL_FINAL_ACK:
	case SINEW_CALL_STATE:
		break;
	}
}

int handlers_bind(struct handlers *all, struct sinew_calls *calls,
		  const struct call_arguments *args, bool echo_only)
{
	static const uint32_t ops[] = {
		HANDLER_ECHO, HANDLER_SINK, HANDLER_SOURCE, HANDLER_SLEEP, HANDLER_FAIL,
		HANDLER_CALLBACK,
	};
	const struct sinew_service service = {
		.size = sizeof(service),
		.fn = call_event,
		.delivery = SINEW_CALL_PIECES,
		.ops = ops,
		.n_ops = echo_only ? 1 : sizeof(ops) / sizeof(ops[0]),
		.max_calls = args->max_calls,
		.max_request = args->max_request,
		.flags = args->secrets && !echo_only ? SINEW_SERVICE_CRED : 0,
	};
	int rc;

	all->calls = calls;
	all->service = (uint16_t)args->service;
	rc = sinew_service_bind(calls, all->service, &service, all);
	if (rc || args->newer == CALL_UNSAID)
		return rc;
	rc = sinew_service_bind(calls, (uint16_t)args->newer, &service, all);
	return rc ? rc : sinew_service_upgradeable(calls, all->service, (uint16_t)args->newer);
}

/* ---- time ---- */

void handlers_wake(struct handlers *all, uint64_t now_ns)
{
	struct handler *h, *next;

	for (h = all->first; h; h = next) {
		next = h->next;
		if (h->wake_ns > now_ns)
			continue;
		h->wake_ns = CLOCK_NEVER;
		send_reply(h);
	}
}

uint64_t handlers_deadline(const struct handlers *all)
{
	uint64_t when = CLOCK_NEVER;
	const struct handler *h;

	for (h = all->first; h; h = h->next)
		if (h->wake_ns < when)
			when = h->wake_ns;
	return when;
}

void handlers_clear(struct handlers *all)
{
	while (all->first)
		release(all->first);
}
