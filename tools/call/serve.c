/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node with test services, until a signal. Knows nothing of what they do.
 */
#include "tools/call/call.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/json.h"
#include "tools/notify.h"
#include "tools/say.h"

#define LINGER_MS	10000	/* for calls that are open when the signal comes */

struct server {
	struct endpoint e;
	struct handlers handlers;
	int status;
	bool told_ready, is_closing;
};

/* ---- what is printed at the end ---- */

static void print_table(const struct server *s)
{
	unsigned op;

	printf("%-8s %10s %10s %10s %10s %10s %16s %16s\n", "op", "begun", "done", "aborted",
	       "given up", "cut off", "request bytes", "reply bytes");
	for (op = HANDLER_ECHO; op < HANDLER_OPS; op++) {
		const struct handler_count *c = &s->handlers.counts[op];

		printf("%-8s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
		       " %16" PRIu64 " %16" PRIu64 "\n", handler_names[op], c->begun, c->done,
		       c->aborted, c->given_up, c->cut_off, c->request_bytes, c->reply_bytes);
	}
}

static struct json_object *document_of(const struct server *s)
{
	struct json_object *o = json_document(CALL_SCHEMA), *ops;
	unsigned op;

	json_put_string(o, "command", "call");
	json_put_number(o, "node", s->e.cluster.node);
	json_put_string(o, "cluster", sinew_config_cluster(s->e.cluster.config));
	json_put_number(o, "service", s->e.args->service);
	json_put_number(o, "status", (uint64_t)s->status);
	json_put_double(o, "seconds", (double)(s->e.now_ns - s->e.began_ns) / CLOCK_S);
	ops = json_put_array(o, "ops");
	for (op = HANDLER_ECHO; op < HANDLER_OPS; op++) {
		const struct handler_count *c = &s->handlers.counts[op];
		struct json_object *e = json_element(ops);

		json_put_number(e, "op", op);
		json_put_string(e, "name", handler_names[op]);
		json_put_number(e, "begun", c->begun);
		json_put_number(e, "done", c->done);
		json_put_number(e, "aborted", c->aborted);
		json_put_number(e, "given_up", c->given_up);
		json_put_number(e, "cut_off", c->cut_off);
		json_put_number(e, "request_bytes", c->request_bytes);
		json_put_number(e, "reply_bytes", c->reply_bytes);
	}
	if (s->e.creds)
		creds_document(s->e.creds, o);
	standing_document(s->e.peers, s->e.calls, o);
	return o;
}

/* A table or a document. */
static void report(struct server *s)
{
	int rc;

	if (!s->e.args->json)
		print_table(s);
	rc = json_end(s->e.args->json ? document_of(s) : NULL);
	if (!rc)
		return;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
	s->status = STATUS_UNDELIVERED;
}

/* ---- the run ---- */

static void take_signals(struct server *s)
{
	if (!s->e.n_signals || s->is_closing)
		return;
	say(SINEW_WARNING, "%s: finishing the calls that are open (at most %d s; a second signal "
	    "exits at once)", strsignal(s->e.last_signal), LINGER_MS / 1000);
	s->is_closing = true;
	notify("STOPPING=1");
	endpoint_close(&s->e, LINGER_MS);
}

/* Once: who is ordered behind this program can start. */
static void check_ready(struct server *s)
{
	if (s->told_ready || !cluster_is_ready(&s->e.cluster))
		return;
	s->told_ready = true;
	notify("READY=1");
}

static void run(struct server *s)
{
	struct pollfd fds[1 + ENDPOINT_FDS];

	while (!s->e.is_closed && s->e.n_signals < 2) {
		if (!endpoint_run(&s->e)) {
			s->status = STATUS_UNDELIVERED;
			return;
		}
		handlers_wake(&s->handlers, s->e.now_ns);
		check_ready(s);
		take_signals(s);
		if (s->e.is_closed)
			return;
		fds[0] = (struct pollfd){
			.fd = s->told_ready ? -1 : cluster_fd(&s->e.cluster), .events = POLLIN,
		};
		endpoint_wait(&s->e, fds, 1, handlers_deadline(&s->handlers));
	}
}

/* ---- start ---- */

static int open_source(struct server *s, const struct call_arguments *args)
{
	s->handlers.source_fd = -1;
	if (!args->source)
		return STATUS_OK;
	s->handlers.source_fd = open(args->source, O_RDONLY | O_CLOEXEC);
	if (s->handlers.source_fd >= 0)
		return STATUS_OK;
	say(SINEW_ERROR, "--source: cannot read %s: %s", args->source, strerror(errno));
	return STATUS_USAGE;
}

static int bind_services(struct server *s, const struct call_arguments *args)
{
	int rc;

	s->handlers.tells = !args->quiet && !args->json;
	rc = args->secrets ? creds_verify(s->e.creds, s->e.node, s->e.calls) : 0;
	if (!rc)
		rc = handlers_bind(&s->handlers, s->e.calls, args, false);
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot serve: %s", sinew_error_name(rc));
	return STATUS_USAGE;
}

int serve(const struct call_arguments *args)
{
	struct server s = { .status = STATUS_OK };

	s.status = endpoint_open(&s.e, args, 0);
	if (!s.status)
		s.status = open_source(&s, args);
	if (!s.status)
		s.status = bind_services(&s, args);
	if (!s.status) {
		run(&s);
		if (s.e.n_signals > 1)
			s.status = STATUS_SIGNAL + s.e.last_signal;
		report(&s);
	}
	endpoint_free(&s.e);
	handlers_clear(&s.handlers);
	creds_free(s.e.creds);
	if (s.handlers.source_fd >= 0)
		close(s.handlers.source_fd);
	return s.status;
}
