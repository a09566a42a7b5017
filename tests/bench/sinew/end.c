/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening, driving and closing of a node with one peer. Knows nothing of what is sent.
 */
#include "tests/bench/sinew/end.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/sinew/node.h"
#include "tools/clock.h"

static void on_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct end *e = user;

	(void)node;
	e->session = session;
}

static void on_message(struct sinew_node *node, struct sinew_session *session,
		       const struct sinew_message *msg, void *user)
{
	struct end *e = user;

	(void)node;
	(void)session;
	e->is_inside = true;
	e->take(e->arg, msg->data, msg->len);
	e->is_inside = false;
}

static void on_writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct end *e = user;

	(void)node;
	(void)session;
	e->is_writable = true;
}

static void on_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		    const struct sinew_delivery *delivery, void *user)
{
	struct end *e = user;

	(void)node;
	(void)session;
	(void)reason;
	(void)delivery;
	e->session = NULL;
}

int end_turn(struct end *e, int wait_ms)
{
	struct epoll_event event;
	int n;

	e->sent = 0;
	if (e->outer < 0 || !wait_ms)
		return sinew_dispatch(e->node, wait_ms);
	n = epoll_wait(e->outer, &event, 1, wait_ms);
	return n > 0 ? sinew_dispatch(e->node, 0) : n;
}

/* Turns until done says so. */
int end_wait_until(struct end *e, bool (*done)(struct end *e))
{
	uint64_t limit = clock_now_ns() + END_WAIT_MS * CLOCK_MS;
	int rc;

	while (!done(e)) {
		rc = end_turn(e, END_WAIT_MS);
		if (rc < 0)
			return rc;
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
	return 0;
}

static bool is_up(struct end *e)
{
	return e->session != NULL;
}

static bool is_down(struct end *e)
{
	return e->session == NULL;
}

void end_close(void *end)
{
	struct end *e = end;

	sinew_binding_close(e->binding);
	sinew_calls_free(e->calls);
	sinew_node_free(e->node);
	if (e->outer >= 0)
		close(e->outer);
	free(e);
}

static int open_outer(struct end *e)
{
	struct epoll_event event = { .events = EPOLLIN };

	e->outer = epoll_create1(EPOLL_CLOEXEC);
	if (e->outer < 0)
		return -errno;
	return epoll_ctl(e->outer, EPOLL_CTL_ADD, sinew_get_fd(e->node), &event) ? -errno : 0;
}

int end_open(const struct end_options *o, bool sctp, int (*prepare)(struct end *e), void **ret_end)
{
	const struct sinew_callbacks cb = {
		.size = sizeof cb,
		.session_up = on_up,
		.message = on_message,
		.writable = on_writable,
		.session_down = on_down,
	};
	uint32_t id = o->listens ? 2 : 1;
	struct end *e = calloc(1, sizeof *e);
	struct sinew_options opt;
	int err = e ? node_options(&opt, o->net, id, o->port) : -ENOMEM;

	if (err)
		return err;
	*ret_end = e;
	e->outer = -1;
	e->take = o->take;
	e->arg = o->arg;
	opt.queue_bytes = (uint32_t)o->queue_bytes;
	if (o->message_bytes > opt.max_message)
		opt.max_message = (uint32_t)o->message_bytes;
	opt.busy_poll_us = o->busy_poll_us;
	if (sctp) {
		opt.transport = "sctp";
		opt.sctp_backend = SINEW_SCTP_USER;
	}
	err = sinew_node_new(&opt, &cb, e, &e->node);
	if (!err && o->outer)
		err = open_outer(e);
	if (!err && prepare)
		err = prepare(e);
	if (!err)
		err = node_knows(e->node, o->net, 3 - id, o->port);
	if (!err)
		err = end_wait_until(e, is_up);
	if (err)
		end_close(e);
	return err;
}

int end_flush(void *end)
{
	(void)end;
	return 0;
}

int end_receive(void *end)
{
	struct end *e = end;
	int n = end_turn(e, END_WAIT_MS);

	return n < 0 ? n : e->session ? 0 : -ECONNRESET;
}

/* Both finish: then all has arrived, and both know. */
int end_drain(void *end)
{
	struct end *e = end;
	int err = e->session ? sinew_session_finish(e->session) : -ECONNRESET;

	return err ? err : end_wait_until(e, is_down);
}

uint64_t end_acks(void *end)
{
	struct end *e = end;
	struct sinew_status st = { .size = sizeof st };

	return e->session && sinew_session_status(e->session, &st) == 0 ? st.acks_sent : 0;
}
