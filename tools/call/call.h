/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew call". Not for other subcommands.
 *
 *	call.c      command line                   endpoint.c  the own node, its loop and its end
 *	ask.c       one call: request and reply    serve.c     a node with test services
 *	explain.c   a call that went wrong         handler.c   a call of the test services
 *	cipher.c, cksum.c, counting.c, cred.c, standing.c  with headers of their own
 */
#ifndef TOOLS_CALL_CALL_H
#define TOOLS_CALL_CALL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "services/sinew-call.h"
#include "tools/call/cksum.h"
#include "tools/call/counting.h"
#include "tools/call/cred.h"
#include "tools/call/standing.h"
#include "tools/cluster.h"
#include "tools/command.h"

#define CALL_SCHEMA	1	/* of all documents of the subcommand */
#define CALL_UNSAID	UINT64_MAX
#define CALL_TEST_SERVICE	100

/* Exit statuses that only this subcommand has. */
enum call_status {
	CALL_NOT_EXECUTED = STATUS_NOT_UP,	/* or only a part of the request has left */
	CALL_IN_DOUBT = 4,
	CALL_STARTED = 5,
	CALL_ABORTED = 6,	/* by the called side */
};

struct call_arguments {
	struct cluster_arguments cluster;
	uint32_t to;		/* 0: unsaid */
	uint64_t service, op;	/* or CALL_UNSAID */
	uint32_t deadline_ms;	/* 0: none */
	uint32_t wait_ms;
	const char *reply;	/* a file, or NULL */
	bool settle;
	bool upgrade;		/* ask for a newer service in place of that one */
	bool callbacks;		/* serve echo meanwhile */
	bool serve;
	uint64_t newer;		/* service id, or CALL_UNSAID */
	const char *source;	/* a file, or NULL */
	const char *cred;	/* a name, or NULL */
	const char *secrets;	/* a file of names and secrets, or NULL */
	uint32_t max_calls;	/* 0: as many as there are slots */
	uint64_t max_request;	/* 0: no limit */
	bool quiet, json;
};

/* ---- endpoint.c: the own node, with calls ---- */

struct endpoint {
	const struct call_arguments *args;
	struct cluster cluster;
	struct sinew_node *node;
	struct sinew_calls *calls;
	struct creds *creds;		/* of args->secrets, or NULL */
	struct sinew_session *target;	/* that with args->to, while it is up, else NULL */
	struct standing *peers;
	bool is_closed;
	int signal_fd;
	unsigned n_signals;
	int last_signal;
	uint64_t began_ns, now_ns;
};

/* window: the most that one call has here before it is consumed; 0: the library's default. A
 * status, after it said what is wrong; to be released by endpoint_free() in any case. */
int endpoint_open(struct endpoint *e, const struct call_arguments *args, uint32_t window);
void endpoint_free(struct endpoint *e);
/* Runs the node, with its callbacks. False: it cannot go on, and that was said. */
bool endpoint_run(struct endpoint *e);
/* Waits until then, for the node, a signal, or one of n more descriptors; behind these fds has room
 * for ENDPOINT_FDS. */
#define ENDPOINT_FDS	2
void endpoint_wait(struct endpoint *e, struct pollfd *fds, unsigned n, uint64_t until_ns);
/* Ends in order; is_closed says when. The time can only become shorter. */
void endpoint_close(struct endpoint *e, uint32_t linger_ms);

/* ---- explain.c: the words about a call that is not done ---- */

/* That a call was not even begun, by what the library said. */
void explain_refusal(const struct endpoint *e, int error);
/* That the target was not up. */
void explain_not_up(const struct endpoint *e, const char *since);
/* How it ended. */
void explain_end(const struct endpoint *e, const struct sinew_call_msg *end);
/* The exit status that goes with it. */
int explain_status(const struct sinew_call_msg *end);

/* ---- ask.c, serve.c: exit statuses ---- */

int ask(const struct call_arguments *args);
int serve(const struct call_arguments *args);

/* ---- handler.c: the calls of the test services ---- */

enum handler_op {
	HANDLER_ECHO = 1, HANDLER_SINK, HANDLER_SOURCE, HANDLER_SLEEP, HANDLER_FAIL,
	HANDLER_CALLBACK, HANDLER_OPS,
};

/* How calls of an op went. */
struct handler_count {
	uint64_t begun, done, aborted, given_up, cut_off;
	uint64_t request_bytes, reply_bytes;
};

/* All of them. */
struct handlers {
	int source_fd;		/* -1: none */
	bool tells;		/* a line when one begins and when it ends */
	struct handler *first;
	struct sinew_calls *calls;
	uint16_t service;	/* that it is, here and at callers that are called back */
	size_t echo_bytes;	/* requests that are kept to be sent back */
	struct handler_count counts[HANDLER_OPS];
};

extern const char *const handler_names[];
/* echo_only: what is called back. 0, or a negative errno of sinew_service_bind(). */
int handlers_bind(struct handlers *h, struct sinew_calls *calls, const struct call_arguments *args,
		  bool echo_only);
/* Answers sleepers that have slept long enough. */
void handlers_wake(struct handlers *h, uint64_t now_ns);
/* When that is to be done; CLOCK_NEVER: nobody sleeps. */
uint64_t handlers_deadline(const struct handlers *h);
/* After sinew_calls_free(): those that are left. */
void handlers_clear(struct handlers *h);

#endif
