/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own node of a call, or of many: start, a turn of the loop, end.
 * Knows nothing of any call.
 */
#include "tools/call/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/say.h"
#include "tools/signals.h"

/* ---- callbacks ---- */

static void session_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct endpoint *e = user;

	(void)node;
	standing_up(&e->peers, session);
	if (sinew_session_nodeid(session) == e->args->to)
		e->target = session;
}

static void session_down(struct sinew_node *node, struct sinew_session *session,
			 enum sinew_down reason, const struct sinew_delivery *delivery, void *user)
{
	struct endpoint *e = user;

	(void)node, (void)reason, (void)delivery;
	standing_down(&e->peers, e->calls, session);
	if (e->target == session)
		e->target = NULL;
}

/* We will never send it anything more, but it may. */
static void session_finished(struct sinew_node *node, struct sinew_session *session, void *user)
{
	(void)node, (void)user;
	sinew_session_finish(session);
}

static void closed(struct sinew_node *node, void *user)
{
	struct endpoint *e = user;

	(void)node;
	e->is_closed = true;
}

/* ---- start and end ---- */

static int check_target(const struct endpoint *e)
{
	const uint32_t to = e->args->to;
	uint32_t ids[STATIC_NODES_MAX];
	unsigned n = sinew_config_nodes(e->cluster.config, ids, STATIC_NODES_MAX), i;

	if (!to)
		return STATUS_OK;
	if (to == e->cluster.node) {
		say(SINEW_ERROR, "--to: node %" PRIu32 " is the own node", to);
		return STATUS_USAGE;
	}
	for (i = 0; i < n; i++)
		if (ids[i] == to)
			return STATUS_OK;
	say(SINEW_ERROR, "--to: %s has no node %" PRIu32,
	    e->cluster.file ? e->args->cluster.config : "corosync", to);
	return STATUS_USAGE;
}

static int start_node(struct endpoint *e, uint32_t window)
{
	static const struct sinew_callbacks callbacks = {
		.size = sizeof(callbacks),
		.session_up = session_up,
		.session_finished = session_finished,
		.session_down = session_down,
		.closed = closed,
	};
	struct sinew_calls_options calls;
	struct sinew_options opt;
	int status, rc;

	SINEW_OPTIONS_INIT(&opt);
	opt.log = say_line;
	opt.log_level = e->args->cluster.level;
	status = cluster_node(&e->cluster, &opt, &callbacks, e, &e->node);
	if (status)
		return status;
	SINEW_CALLS_OPTIONS_INIT(&calls);
	calls.window = window;
	rc = sinew_calls_new(e->node, &calls, &e->calls);
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot offer calls: %s%s", sinew_error_name(rc), rc == -EINVAL ?
	    "; is \"profile: dlm\" in the configuration? Kernels know no calls" : "");
	return STATUS_USAGE;
}

int endpoint_open(struct endpoint *e, const struct call_arguments *args, uint32_t window)
{
	char prefix[32];
	int status;

	*e = (struct endpoint){ .args = args, .signal_fd = -1 };
	/* Blocked before the first thread starts, so that they all come by the descriptor. */
	status = signals_start(args->serve ? SIGUSR1 : 0, &e->signal_fd);
	if (!status && args->secrets)
		status = creds_open(args->secrets, args->cred, &e->creds);
	if (!status)
		status = cluster_open(&e->cluster, &args->cluster, e->signal_fd);
	if (status)
		return status;
	snprintf(prefix, sizeof(prefix), "sinew call[%" PRIu32 "]", e->cluster.node);
	say_prefix(prefix);
	status = check_target(e);
	if (!status)
		status = start_node(e, window);
	e->began_ns = e->now_ns = clock_now_ns();
	return status;
}

void endpoint_free(struct endpoint *e)
{
	standing_free(e->peers);
	sinew_calls_free(e->calls);
	cluster_close(&e->cluster);
	sinew_node_free(e->node);
	if (e->signal_fd >= 0)
		close(e->signal_fd);
}

void endpoint_close(struct endpoint *e, uint32_t linger_ms)
{
	sinew_close(e->node, (int)linger_ms);
}

/* ---- a turn ---- */

bool endpoint_run(struct endpoint *e)
{
	int rc = e->is_closed ? 0 : sinew_dispatch(e->node, 0);

	e->now_ns = clock_now_ns();
	if (rc >= 0 || rc == -ESHUTDOWN)
		return true;
	say(SINEW_ERROR, "event loop failed: %s", sinew_error_name(rc));
	return false;
}

void endpoint_wait(struct endpoint *e, struct pollfd *fds, unsigned n, uint64_t until_ns)
{
	int sig = 0;

	fds[n] = (struct pollfd){ .fd = e->signal_fd, .events = POLLIN };
	fds[n + 1] = (struct pollfd){
		.fd = e->is_closed ? -1 : sinew_get_fd(e->node), .events = POLLIN,
	};
	if (poll(fds, n + 2, clock_timeout_ms(until_ns)) > 0 && fds[n].revents)
		sig = signals_take(e->signal_fd);
	e->now_ns = clock_now_ns();
	if (sig == SIGUSR1)
		standing_say(e->peers, e->calls);
	if (!sig || sig == SIGUSR1)
		return;
	e->n_signals++;
	e->last_signal = sig;
}
