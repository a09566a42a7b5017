/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestants of ZeroMQ: PUSH to PULL, PAIR, and DEALER to ROUTER, whose answers go to who has
 * asked. The one file that knows libzmq. Knows nothing of what is measured.
 */
#include "tests/bench/work/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#define HIGH_WATER_MIN 2

struct end {
	void *context, *socket;
	take_fn take;
	void *arg;
	bool is_router;
	zmq_msg_t asker; /* of the message that is handed over, before each message of a router */
};

static void close_end(void *end)
{
	struct end *e = end;

	if (e->is_router)
		zmq_msg_close(&e->asker);
	if (e->socket)
		zmq_close(e->socket);
	if (e->context)
		zmq_ctx_term(e->context);
	free(e);
}

static int set(struct end *e, int option, int value)
{
	return zmq_setsockopt(e->socket, option, &value, sizeof value);
}

/* As many messages as have the bytes of a queue, on either side. */
static int tune(struct end *e, const struct end_options *opt)
{
	size_t n = opt->queue_bytes / opt->message_bytes;
	int high_water = n > HIGH_WATER_MIN ? (int)n : HIGH_WATER_MIN;

	if (set(e, ZMQ_SNDHWM, high_water) || set(e, ZMQ_RCVHWM, high_water) ||
	    set(e, ZMQ_LINGER, 0) || set(e, ZMQ_RECONNECT_IVL, 1) ||
	    set(e, ZMQ_SNDTIMEO, END_WAIT_MS) || set(e, ZMQ_RCVTIMEO, END_WAIT_MS))
		return -errno;
	return 0;
}

static int attach(struct end *e, const struct end_options *opt)
{
	char name[64];

	snprintf(name, sizeof name, "tcp://%s.2:%u", opt->net, opt->port);
	if (opt->listens ? zmq_bind(e->socket, name) : zmq_connect(e->socket, name))
		return -errno;
	return 0;
}

static int open_type(const struct end_options *opt, int type, void **ret_end)
{
	struct end *e = calloc(1, sizeof *e);
	int err = 0;

	if (!e)
		return -ENOMEM;
	*ret_end = e;
	e->take = opt->take;
	e->arg = opt->arg;
	e->context = zmq_ctx_new();
	e->socket = e->context ? zmq_socket(e->context, type) : NULL;
	if (!e->socket)
		err = -errno;
	if (!err)
		err = tune(e, opt);
	if (!err)
		err = attach(e, opt);
	if (err)
		close_end(e);
	return err;
}

static int open_push(const struct end_options *opt, void **ret_end)
{
	return open_type(opt, opt->listens ? ZMQ_PULL : ZMQ_PUSH, ret_end);
}

static int open_pair(const struct end_options *opt, void **ret_end)
{
	return open_type(opt, ZMQ_PAIR, ret_end);
}

static int open_dealer(const struct end_options *opt, void **ret_end)
{
	int err = open_type(opt, opt->listens ? ZMQ_ROUTER : ZMQ_DEALER, ret_end);

	if (!err && opt->listens) {
		struct end *e = *ret_end;

		e->is_router = true;
		zmq_msg_init(&e->asker);
	}
	return err;
}

/* The answer goes to the asker of the message that is handed over. */
static int send_head(struct end *e)
{
	zmq_msg_t to;

	zmq_msg_init(&to);
	if (zmq_msg_copy(&to, &e->asker) || zmq_msg_send(&to, e->socket, ZMQ_SNDMORE) < 0)
		return -errno;
	return 0;
}

static int send_one(void *end, const void *data, size_t len)
{
	struct end *e = end;
	int err = e->is_router ? send_head(e) : 0;

	if (err)
		return err;
	return zmq_send(e->socket, data, len, 0) < 0 ? -errno : 0;
}

static int receive_one(void *end)
{
	struct end *e = end;
	zmq_msg_t msg;
	int n = e->is_router ? zmq_msg_recv(&e->asker, e->socket, 0) : 0;

	zmq_msg_init(&msg);
	if (n >= 0)
		n = zmq_msg_recv(&msg, e->socket, 0);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	e->take(e->arg, zmq_msg_data(&msg), zmq_msg_size(&msg));
	zmq_msg_close(&msg);
	return 0;
}

/* A thread of its own writes. */
static int nothing(void *end)
{
	(void)end;
	return 0;
}

static const struct contestant zmq_push = {
	.name = "zmq-push",
	.open = open_push,
	.send = send_one,
	.flush = nothing,
	.receive = receive_one,
	.drain = nothing,
	.close = close_end,
};

static const struct contestant zmq_pair = {
	.name = "zmq-pair",
	.open = open_pair,
	.send = send_one,
	.flush = nothing,
	.receive = receive_one,
	.drain = nothing,
	.close = close_end,
};

static const struct contestant zmq_dealer = {
	.name = "zmq-dealer",
	.open = open_dealer,
	.send = send_one,
	.flush = nothing,
	.receive = receive_one,
	.drain = nothing,
	.close = close_end,
};

const struct program program = { .contestants = { &zmq_push, &zmq_pair, &zmq_dealer } };
