/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One call: standard input is its request, the reply goes to standard output or a file.
 * Knows nothing of what any service does.
 *
 * A reply goes into the output as it arrives, and is told as consumed when half of the output's
 * buffer is free; as no more than the other half can arrive before that, there is always room.
 */
#include "tools/call/call.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/file.h"
#include "tools/json.h"
#include "tools/output.h"
#include "tools/say.h"

#define READ_MAX	((size_t)64 << 10)
#define WINDOW		(OUTPUT_BUFFER / 2)
#define LEAVE_MS	2000	/* linger at the end, when nothing is under way any more */

enum { POLL_INPUT, POLL_OUTPUT, N_POLL };

enum ask_phase {
	ASK_WAITING,	/* for the target to be up */
	ASK_CALLING,
	ASK_ENDED,	/* with the node closing, and the output on its way */
};

struct ask {
	struct endpoint e;
	struct handlers handlers;	/* with --callbacks */
	enum ask_phase phase;
	int status;
	unsigned n_signals;		/* that were acted on */
	uint64_t wait_until_ns;
	struct sinew_cred *cred;	/* of --cred, else NULL */
	struct sinew_binding *binding;
	struct sinew_call *call;
	struct sinew_call_msg end;	/* zeros: none was begun, or it has not ended */
	uint64_t began_ns, ended_ns;	/* the call */

	char in[READ_MAX];
	size_t in_at, in_len;		/* sent, read */
	uint64_t left;			/* of a file, to be read; CALL_UNSAID: it is none */
	bool is_read;			/* up to its end, or no more is wanted */
	bool is_sent;			/* up to its end */
	bool is_full;			/* until ROOM */
	uint64_t sent;

	FILE *file;			/* of --reply, or NULL */
	struct output *out;		/* NULL: the reply is only counted */
	bool told_output;
	size_t owed;			/* bytes of the reply not told as consumed */
	struct cksum reply;
};

/* ---- events of the call ---- */

static void take_reply(struct ask *a, const struct sinew_call_msg *msg)
{
	size_t put;

	if (!msg->len)
		return;
	cksum_add(&a->reply, msg->data, msg->len);
	a->owed += msg->len;
	if (!a->out)
		return;
	put = output_put(a->out, msg->data, msg->len);
	assert(put == msg->len);
	(void)put;
}

static void call_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct ask *a = user;

	(void)call;
	switch (msg->event) {
	case SINEW_CALL_DATA:
		take_reply(a, msg);
		break;
	case SINEW_CALL_ROOM:
		a->is_full = false;
		break;
	case SINEW_CALL_ENDED:
		a->end = *msg;
		a->ended_ns = clock_now_ns();
		break;
	case SINEW_CALL_NEW:
	case SINEW_CALL_ACCEPTED:
	case SINEW_CALL_FINAL_ACK:
	case SINEW_CALL_STATE:
		break;
	}
}

/* ---- its beginning and end ---- */

/* Nothing is under way any more but what is in the output. */
static void leave(struct ask *a, int status)
{
	a->phase = ASK_ENDED;
	a->is_read = true;
	if (!a->status)
		a->status = status;
	sinew_call_end(a->call);
	a->call = NULL;
	endpoint_close(&a->e, LEAVE_MS);
}

/* Of a file it is known how long the request will be: one that is too long is refused at once. */
static uint64_t length_of_input(void)
{
	const off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
	struct stat st;

	if (fstat(STDIN_FILENO, &st) || !S_ISREG(st.st_mode) || at < 0 || at > st.st_size)
		return CALL_UNSAID;
	return (uint64_t)(st.st_size - at);
}

static int begin(struct ask *a)
{
	const struct call_arguments *args = a->e.args;
	struct sinew_call_options opt = {
		.size = sizeof(opt),
		.fn = call_event,
		.delivery = SINEW_CALL_PACED,
		.deadline_ms = args->deadline_ms ? args->deadline_ms : SINEW_FOREVER,
	};
	unsigned flags;
	int rc = 0;

	a->left = length_of_input();
	/* 0 would mean that it is unknown. */
	if (a->left != CALL_UNSAID)
		opt.total = a->left;

	flags = SINEW_CALL_MORE | (args->settle ? SINEW_CALL_SETTLE : 0) |
		(args->upgrade ? SINEW_CALL_UPGRADE : 0);
	if (args->cred)
		rc = creds_show(a->e.creds, args->cred, a->e.node, a->e.calls, a->e.target,
				&a->cred);
	if (!rc)
		rc = sinew_binding_open(a->e.calls, a->e.target, (uint16_t)args->service, a->cred,
					&a->binding);
	if (rc)
		return rc;
	a->began_ns = a->e.now_ns;
	return sinew_call_begin(a->binding, (uint32_t)args->op, &opt, NULL, 0, flags, a, &a->call);
}

static void step_waiting(struct ask *a)
{
	char since[64];
	int rc;

	if (a->e.target) {
		rc = begin(a);
		if (!rc) {
			a->phase = ASK_CALLING;
		} else {
			explain_refusal(&a->e, rc);
			leave(a, CALL_NOT_EXECUTED);
		}
	} else if (a->e.now_ns >= a->wait_until_ns) {
		snprintf(since, sizeof(since), "is not up after %" PRIu32 ".%03" PRIu32 " s",
			 a->e.args->wait_ms / 1000, a->e.args->wait_ms % 1000);
		explain_not_up(&a->e, since);
		leave(a, CALL_NOT_EXECUTED);
	}
}

static void give_up(struct ask *a, int32_t code)
{
	a->is_read = true;
	if (a->call)
		sinew_call_abort(a->call, code);
}

static void step_calling(struct ask *a)
{
	if (a->ended_ns) {
		explain_end(&a->e, &a->end);
		leave(a, explain_status(&a->end));
	}
}

/* The first signal gives the call up, and with it what is not written; the second ends all. */
static void take_signals(struct ask *a)
{
	if (a->n_signals == a->e.n_signals)
		return;
	a->n_signals = a->e.n_signals;
	if (a->n_signals > 1)
		return;
	say(SINEW_WARNING, "%s: giving up (a second signal exits at once)",
	    strsignal(a->e.last_signal));
	if (a->phase == ASK_WAITING) {
		explain_not_up(&a->e, "was not up");
		leave(a, CALL_NOT_EXECUTED);
	}
	give_up(a, SINEW_RX_USER_ABORT);
}

/* ---- the request ---- */

static void fail_input(struct ask *a, const char *why)
{
	say(SINEW_ERROR, "cannot read standard input: %s; giving the call up", why);
	give_up(a, SINEW_RXGEN_CC_MARSHAL);
}

static void read_input(struct ask *a)
{
	ssize_t n = read(STDIN_FILENO, a->in, a->left < READ_MAX ? (size_t)a->left : READ_MAX);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		fail_input(a, strerror(errno));
		return;
	}
	a->in_at = 0;
	a->in_len = (size_t)n;
	if (a->left == CALL_UNSAID) {
		a->is_read = !n;
		return;
	}
	a->left -= (uint64_t)n;
	a->is_read = !a->left;
	if (!n && a->left)
		fail_input(a, "it has become shorter");
}

/* As much as the call takes now of what has been read, and in the end that it was all. */
static void send_input(struct ask *a)
{
	struct iovec iov = { .iov_base = a->in + a->in_at, .iov_len = a->in_len - a->in_at };
	ssize_t n;

	if (a->is_sent || a->is_full || (!iov.iov_len && !a->is_read))
		return;
	n = sinew_call_send(a->call, &iov, 1, a->is_read ? 0 : SINEW_CALL_MORE);
	if (n < 0) {
		/* Any other error: it has ended, or will be. */
		a->is_full = n == -EAGAIN;
		a->is_sent = !a->is_full;
		return;
	}
	a->in_at += (size_t)n;
	a->sent += (size_t)n;
	a->is_full = (size_t)n < iov.iov_len;
	a->is_sent = a->is_read && !a->is_full;
}

static bool wants_input(const struct ask *a)
{
	return a->phase == ASK_CALLING && !a->is_read && a->in_at == a->in_len;
}

/* ---- the reply ---- */

/* Tells as consumed what there is room for again. */
static void consume(struct ask *a)
{
	if (!a->owed || (a->out && output_want(a->out, false)))
		return;
	if (a->call)
		sinew_call_consumed(a->call, a->owed);
	a->owed = 0;
}

static void check_output(struct ask *a)
{
	const int error = a->out ? output_error(a->out) : 0;
	const char *name = a->file ? a->e.args->reply : "standard output";

	if (!error || a->told_output)
		return;
	a->told_output = true;
	say(SINEW_ERROR, "cannot write the reply to %s: %s%s", name, strerror(-error),
	    error == -EPIPE ? " (reader gone)" : "");
	a->status = STATUS_UNDELIVERED;
	give_up(a, SINEW_RXGEN_CC_UNMARSHAL);
}

/* ---- the run ---- */

static bool is_over(struct ask *a)
{
	if (a->e.n_signals > 1)
		return true;
	if (a->phase != ASK_ENDED || !a->e.is_closed)
		return false;
	return !a->out || output_is_empty(a->out) || a->e.n_signals;
}

static void wait_for_work(struct ask *a)
{
	struct pollfd fds[N_POLL + ENDPOINT_FDS] = {
		[POLL_INPUT] = { .fd = wants_input(a) ? STDIN_FILENO : -1, .events = POLLIN },
		[POLL_OUTPUT] = { .fd = -1, .events = POLLIN },
	};
	uint64_t until = a->phase == ASK_WAITING ? a->wait_until_ns : CLOCK_NEVER;

	if (a->out && !a->told_output && (a->owed || a->phase == ASK_ENDED)) {
		fds[POLL_OUTPUT].fd = output_fd(a->out);
		if (!output_want(a->out, a->phase == ASK_ENDED))
			until = a->e.now_ns;
	}
	endpoint_wait(&a->e, fds, N_POLL, until);
	if (fds[POLL_INPUT].revents)
		read_input(a);
}

static void run(struct ask *a)
{
	for (;;) {
		if (!endpoint_run(&a->e)) {
			a->status = STATUS_UNDELIVERED;
			return;
		}
		take_signals(a);
		consume(a);
		check_output(a);
		if (a->phase == ASK_WAITING)
			step_waiting(a);
		if (a->phase == ASK_CALLING)
			step_calling(a);
		if (a->phase == ASK_CALLING)
			send_input(a);
		if (is_over(a))
			break;
		wait_for_work(a);
	}
	if (!a->out || output_is_empty(a->out))
		return;
	say(SINEW_ERROR, "the reply was not written as a whole: interrupted by a signal");
	a->status = STATUS_UNDELIVERED;
}

/* ---- start, and what is printed at the end ---- */

static int open_reply(struct ask *a, const struct call_arguments *args)
{
	int rc = 0, fd = STDOUT_FILENO;

	if (args->reply) {
		rc = file_create(args->reply, &a->file);
		if (rc) {
			say(SINEW_ERROR, "--reply: cannot write %s: %s", args->reply,
			    strerror(-rc));
			return STATUS_USAGE;
		}
		fd = fileno(a->file);
	} else if (args->json) {
		return STATUS_OK;
	}
	rc = output_new(fd, &a->out);
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot start: %s", strerror(-rc));
	return STATUS_USAGE;
}

static int bind_callbacks(struct ask *a, const struct call_arguments *args)
{
	int rc = handlers_bind(&a->handlers, a->e.calls, args, true);

	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "--callbacks: cannot serve: %s", sinew_error_name(rc));
	return STATUS_USAGE;
}

static void put_end(struct json_object *o, const struct ask *a)
{
	const bool has_ended = a->ended_ns;
	enum sinew_call_outcome outcome = has_ended ? a->end.outcome : SINEW_CALL_NOT_EXECUTED;

	/* A second signal came before its end. */
	if (a->call)
		outcome = SINEW_CALL_IN_DOUBT;
	json_put_string(o, "outcome", sinew_call_outcome_name(outcome));
	json_put_string(o, "reason", has_ended ? sinew_call_reason_name(a->end.reason) : "");
	if (has_ended && a->end.reason == SINEW_END_ABORTED)
		json_put_signed(o, "code", a->end.code);
	if (has_ended && a->end.reason == SINEW_END_BUSY)
		json_put_number(o, "retry_ms", a->end.retry_ms);
}

static struct json_object *document_of(const struct ask *a)
{
	const struct call_arguments *args = a->e.args;
	struct json_object *o = json_document(CALL_SCHEMA);

	json_put_string(o, "command", "call");
	json_put_number(o, "node", a->e.cluster.node);
	json_put_string(o, "cluster", sinew_config_cluster(a->e.cluster.config));
	json_put_number(o, "to", args->to);
	json_put_number(o, "service", args->service);
	if (args->upgrade && a->binding)
		json_put_number(o, "service_in_force", sinew_binding_service(a->binding));
	if (args->cred)
		json_put_string(o, "cred", args->cred);
	json_put_number(o, "op", args->op);
	json_put_number(o, "status", (uint64_t)a->status);
	put_end(o, a);
	json_put_number(o, "request_bytes", a->sent);
	json_put_number(o, "reply_bytes", a->reply.len);
	json_put_number(o, "reply_cksum", cksum_value(&a->reply));
	json_put_double(o, "seconds", a->ended_ns ? (double)(a->ended_ns - a->began_ns) / CLOCK_S :
			0);
	return o;
}

/* Some file systems tell only now that there was no room. */
static void close_reply(struct ask *a)
{
	if (!a->file || !fclose(a->file))
		return;
	say(SINEW_ERROR, "cannot write the reply to %s: %s", a->e.args->reply, strerror(errno));
	a->status = STATUS_UNDELIVERED;
}

static void report(struct ask *a)
{
	int rc;

	if (!a->e.args->json || !a->e.node)
		return;
	rc = json_end(document_of(a));
	if (!rc)
		return;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
	a->status = STATUS_UNDELIVERED;
}

int ask(const struct call_arguments *args)
{
	struct ask *a = calloc(1, sizeof(*a));
	int status;

	if (!a) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	a->status = endpoint_open(&a->e, args, WINDOW);
	if (!a->status)
		a->status = open_reply(a, args);
	if (!a->status && args->callbacks)
		a->status = bind_callbacks(a, args);
	if (!a->status) {
		a->wait_until_ns = a->e.now_ns + args->wait_ms * CLOCK_MS;
		run(a);
	}
	if (a->e.n_signals > 1)
		a->status = STATUS_SIGNAL + a->e.last_signal;
	output_free(a->out);
	close_reply(a);
	report(a);
	sinew_call_end(a->call);
	sinew_binding_close(a->binding);
	sinew_cred_put(a->cred);
	endpoint_free(&a->e);
	handlers_clear(&a->handlers);
	creds_free(a->e.creds);
	status = a->status;
	free(a);
	return status;
}
