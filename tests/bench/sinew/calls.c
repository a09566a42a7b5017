/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestant sinew-calls: the side that dials begins a call for each message, the other one
 * answers it. Owns how a program would do that; knows nothing of what is measured.
 */
#include <errno.h>

#include "tests/bench/sinew/end.h"
#include "tests/bench/sinew/jobs.h"

#define SERVICE 100
#define OP	1

/* ---- the side that answers ---- */

static void asked(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct end *e = user;

	if (msg->event == SINEW_CALL_DATA) {
		e->asked = call;
		e->take(e->arg, msg->data, msg->len);
		e->asked = NULL;
	}
	if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

static int offer(struct end *e)
{
	const struct sinew_service service = {
		.size = sizeof service,
		.fn = asked,
		.delivery = SINEW_CALL_WHOLE,
	};
	int err = sinew_calls_new(e->node, NULL, &e->calls);

	return err ? err : sinew_service_bind(e->calls, SERVICE, &service, e);
}

static int answer(struct end *e, const struct iovec *iov)
{
	ssize_t n = sinew_call_send(e->asked, iov, 1, 0);

	if (n < 0)
		return (int)n;
	return (size_t)n == iov->iov_len ? 0 : -EAGAIN;
}

/* ---- the side that asks ---- */

static void answered(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct end *e = user;

	if (msg->event == SINEW_CALL_DATA)
		e->take(e->arg, msg->data, msg->len);
	if (msg->event != SINEW_CALL_ENDED)
		return;
	if (msg->reason != SINEW_END_REPLIED)
		e->err = -ECONNABORTED;
	sinew_call_end(call);
}

static int ask(struct end *e, const struct iovec *iov)
{
	const struct sinew_call_options opt = {
		.size = sizeof opt,
		.fn = answered,
		.delivery = SINEW_CALL_WHOLE,
	};
	struct sinew_call *call;

	return sinew_call_begin(e->binding, OP, &opt, iov, 1, 0, e, &call);
}

/* ---- either ---- */

static int open_end(const struct end_options *o, void **ret_end)
{
	int err = end_open(o, false, offer, ret_end);
	struct end *e = *ret_end;

	if (err || o->listens)
		return err;
	err = sinew_binding_open(e->calls, e->session, SERVICE, NULL, &e->binding);
	if (err)
		end_close(e);
	return err;
}

static int send_one(void *end, const void *data, size_t len)
{
	const struct iovec iov = { (void *)(uintptr_t)data, len };
	struct end *e = end;

	return e->asked ? answer(e, &iov) : ask(e, &iov);
}

static int receive(void *end)
{
	struct end *e = end;
	int err = end_receive(e);

	return err ? err : e->err;
}

const struct contestant contestant_calls = {
	.name = "sinew-calls",
	.open = open_end,
	.send = send_one,
	.flush = end_flush,
	.receive = receive,
	.drain = end_drain,
	.close = end_close,
	.acks = end_acks,
};
