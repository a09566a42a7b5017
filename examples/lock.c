/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exclusive locks over calls: an example for authors of lock managers.
 *
 *	lock FILE NODEID			the manager, a node of FILE
 *	lock FILE NODEID MANAGER NAME		takes that lock
 *
 * A lock is kept until another node wants it or a line is read. To wait for a lock is to wait for
 * the reply: the manager holds the call back until the lock is free. It calls the holder back
 * when somebody waits. The holder's incarnation is the fencing token. No other incarnation has the
 * same one, so a disk or a database that knows the token of the present holder can refuse requests
 * with any other token.
 *
 * No timer takes a lock away. The manager frees it when the session of its holder is over: the
 * holder has left, or its successor has come, or the cluster knows that it failed.
 *
 * A call that waits occupies a slot, and a service gets three quarters of them. A node that waits
 * for many locks at once needs RELEASE in a service of its own, so that it always finds a slot.
 */
#include <sinew-call.h>
#include <sinew-config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANAGER_SERVICE	100	/* of the manager: ops LOCK and RELEASE */
#define HOLDER_SERVICE	101	/* of all others: op WANTED */
#define LOCK		1	/* request: a name, reply: the token, when it is granted */
#define RELEASE		2	/* a lock that is not held is released, too: no error */
#define WANTED		3
#define NAME_LEN	60
#define REQUESTS_MAX	10000

static struct sinew_node *node;
static struct sinew_calls *calls;

/* ---- the manager ---- */

/* In the order in which they came: the first of a name has the lock, the others wait. */
static struct request {
	struct request *next;
	struct sinew_session *session;	/* one incarnation of a node */
	struct sinew_call *call;	/* NULL: its reply is on its way */
	char name[NAME_LEN + 1];
} *requests;
static unsigned n_requests;

static struct request *holder_of(const char *name)
{
	struct request *r = requests;

	while (r && strcmp(r->name, name))
		r = r->next;
	return r;
}

static void asked(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	/* The outcome does not matter: a holder that does not release ends with its session. */
	if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

/* For the call that waits: it gets no more time than that has, and a slot of its depth. */
static void call_back(const struct request *holder, const struct request *waiter)
{
	struct iovec name = { (void *)holder->name, strlen(holder->name) };
	struct sinew_call_options opt = {
		.size = sizeof opt, .fn = asked, .parent = waiter->call,
	};
	struct sinew_binding *binding;
	struct sinew_call *call;

	printf("%s: node %u waits for node %u\n", waiter->name,
	       sinew_session_nodeid(waiter->session), sinew_session_nodeid(holder->session));
	if (sinew_binding_open(calls, holder->session, HOLDER_SERVICE, NULL, &binding))
		return;		/* its session is over: down() comes */
	sinew_call_begin(binding, WANTED, &opt, &name, 1, 0, NULL, &call);
	sinew_binding_close(binding);
}

static void grant(struct request *r)
{
	char token[24];
	int len = snprintf(token, sizeof token, "%" PRIu64, sinew_session_incarnation(r->session));
	struct iovec iov = { token, (size_t)len };

	printf("%s: node %u\n", r->name, sinew_session_nodeid(r->session));
	sinew_call_send(r->call, &iov, 1, 0);	/* on failure, ENDED follows */
	for (const struct request *w = r->next; w; w = w->next)
		if (!strcmp(w->name, r->name))
			call_back(r, w);
}

static void add(struct sinew_call *call, const char *name)
{
	struct request *r = n_requests < REQUESTS_MAX ? calloc(1, sizeof *r) : NULL, **end;

	if (!r) {
		sinew_call_abort(call, ENOSPC);
		return;
	}
	n_requests++;
	r->session = sinew_session_ref(sinew_call_session(call));
	r->call = call;
	strcpy(r->name, name);
	for (end = &requests; *end; end = &(*end)->next)
		;
	*end = r;
	if (holder_of(name) == r)
		grant(r);
	else
		call_back(holder_of(name), r);
}

static void drop(struct request *r)
{
	bool held = r == holder_of(r->name);
	struct request **at = &requests;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (held && holder_of(r->name))
		grant(holder_of(r->name));
	sinew_session_unref(r->session);
	free(r);
	n_requests--;
}

static void ended(struct sinew_call *call, enum sinew_call_reason reason)
{
	struct request *r = requests;

	while (r && r->call != call)
		r = r->next;
	/* A grant that does not go to its caller is none. */
	if (r && reason != SINEW_END_REPLIED)
		drop(r);
	else if (r)
		r->call = NULL;
	sinew_call_end(call);
}

static void manage(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	char name[NAME_LEN + 1];
	struct request *holder;

	if (msg->event == SINEW_CALL_ENDED)
		ended(call, msg->reason);
	if (msg->event != SINEW_CALL_DATA)
		return;
	/* At most as long: max_request. */
	snprintf(name, sizeof name, "%.*s", (int)msg->len, (const char *)msg->data);
	for (char *c = name; *c; c++)
		if (!isgraph((unsigned char)*c))
			*c = '?';
	if (sinew_call_op(call) == LOCK) {
		add(call, name);
		return;
	}
	holder = holder_of(name);
	if (holder && holder->session == sinew_call_session(call))
		drop(holder);
	sinew_call_send(call, NULL, 0, 0);
}

/* ---- who takes a lock ---- */

static struct {
	uint32_t manager;
	char *name;
	struct sinew_binding *binding;	/* NULL: no session with the manager */
	struct sinew_call *waiting;	/* for the lock */
	bool leaves;
} self;

/* If it cannot be begun, the session is over or about to be: down() comes. */
static void begin(uint32_t op, sinew_call_fn fn, struct sinew_call **ret_call)
{
	struct iovec name = { self.name, strlen(self.name) };
	struct sinew_call_options opt = {
		.size = sizeof opt, .fn = fn, .delivery = SINEW_CALL_WHOLE,
		.deadline_ms = SINEW_FOREVER,	/* the session ends it, or we do */
	};

	sinew_call_begin(self.binding, op, &opt, &name, 1, 0, NULL, ret_call);
}

static void released(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	if (msg->event != SINEW_CALL_ENDED)
		return;
	sinew_call_end(call);
	/* DONE; else the session is over, and the lock was freed with it. */
	sinew_close(node, 5000);
}

static void leave(void)
{
	struct sinew_call *call;

	self.leaves = true;
	if (!self.binding)
		sinew_close(node, 5000);
	else if (self.waiting)
		sinew_call_abort(self.waiting, 0);	/* locked() gets ENDED */
	else
		begin(RELEASE, released, &call);
}

static void locked(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	if (msg->event == SINEW_CALL_DATA)
		printf("%s is ours, token %.*s\n", self.name, (int)msg->len, (char *)msg->data);
	if (msg->event != SINEW_CALL_ENDED)
		return;
	self.waiting = NULL;
	sinew_call_end(call);
	if (msg->reason == SINEW_END_REPLIED && !self.leaves)
		return;
	/*
	 * NOT_EXECUTED, PARTIAL: the lock was not granted. IN_DOUBT, STARTED, DONE: it may be. If
	 * the session has ended, the manager has freed the lock, and up() asks again in the next
	 * session. Otherwise this node sends RELEASE, which is no error without a lock.
	 */
	printf("%s: %s, %s\n", self.name, sinew_call_reason_name(msg->reason),
	       sinew_call_outcome_name(msg->outcome));
	if (msg->reason != SINEW_END_SESSION)
		leave();
}

static void wanted(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	if (msg->event == SINEW_CALL_DATA) {
		sinew_call_send(call, NULL, 0, 0);	/* known; the lock follows */
		printf("%s is wanted\n", self.name);
		if (!self.leaves)
			leave();
	}
	if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

/* ---- both ---- */

static void up(struct sinew_node *n, struct sinew_session *session, void *user)
{
	if (sinew_session_nodeid(session) == self.manager &&
	    !sinew_binding_open(calls, session, MANAGER_SERVICE, NULL, &self.binding))
		begin(LOCK, locked, &self.waiting);
}

static void down(struct sinew_node *n, struct sinew_session *session, enum sinew_down reason,
		 const struct sinew_delivery *delivery, void *user)
{
	struct request *r, *next;

	/* Of those that wait the end of the call says it. */
	for (r = requests; r; r = next) {
		next = r->next;
		if (r->session == session && !r->call)
			drop(r);
	}
	if (sinew_session_nodeid(session) != self.manager)
		return;
	/* Others may have the lock from now on: who used it stops, before the next token. */
	printf("%s is not ours: session %s\n", self.name, sinew_down_name(reason));
	sinew_binding_close(self.binding);
	self.binding = NULL;
}

static int start(char **argv, unsigned id, struct sinew_config **file, char *err, size_t size)
{
	struct sinew_callbacks cb = { .size = sizeof cb, .session_up = up, .session_down = down };
	struct sinew_service service = {
		.size = sizeof service, .delivery = SINEW_CALL_WHOLE, .max_request = NAME_LEN,
		.full = SINEW_FULL_WAIT, .fn = self.name ? wanted : manage,
	};
	struct sinew_options opt;
	int rc;

	SINEW_OPTIONS_INIT(&opt);
	rc = sinew_config_load(argv[1], file, err, size);
	if (!rc)
		rc = sinew_config_options(*file, id, &opt, err, size);
	if (!rc && (rc = sinew_node_new(&opt, &cb, NULL, &node)))
		sinew_config_explain(*file, id, rc, err, size);
	if (!rc && (rc = sinew_calls_new(node, NULL, &calls)))
		snprintf(err, size, "no calls: %s", sinew_error_name(rc));
	if (!rc)
		rc = sinew_service_bind(calls, self.name ? HOLDER_SERVICE : MANAGER_SERVICE,
					&service, NULL);
	return rc ? rc : sinew_config_join(*file, node, err, size);
}

int main(int argc, char **argv)
{
	char err[SINEW_CONFIG_ERROR_MAX] = "usage: lock FILE NODEID [MANAGER NAME]";
	struct sinew_config *file = NULL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	self.manager = argc == 5 ? (uint32_t)atoi(argv[3]) : 0;
	self.name = argc == 5 ? argv[4] : NULL;
	if ((argc != 3 && argc != 5) ||
	    start(argv, (unsigned)atoi(argv[2]), &file, err, sizeof err))
		return fprintf(stderr, "%s\n", err), 1;
	do {
		struct pollfd fds[] = { { .fd = sinew_get_fd(node), .events = POLLIN },
			{ .fd = self.leaves ? -1 : STDIN_FILENO, .events = POLLIN } };

		poll(fds, 2, -1);
		if (fds[1].revents)
			leave();
	} while (sinew_dispatch(node, 0) >= 0);
	sinew_node_free(node);
	sinew_calls_free(calls);
	sinew_config_free(file);
	return 0;
}
