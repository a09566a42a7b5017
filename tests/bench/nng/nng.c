/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestants of NNG: pair, version 0 and 1; and the functions for options and addresses,
 * which REQ to REP uses, too. Only the files of this folder know libnng.
 * Knows nothing of what is measured.
 */
#include "tests/bench/nng/shared.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>

#include "tests/bench/work/work.h"

#define HIGH_WATER_MAX 8192 /* what it allows */

struct end {
	nng_socket socket;
	take_fn take;
	void *arg;
};

int error_of(int err)
{
	if (err)
		fprintf(stderr, "nng: %s\n", nng_strerror(err));
	return !err ? 0 : err == NNG_ETIMEDOUT ? -ETIMEDOUT : -EIO;
}

static int tune(nng_socket socket, const struct end_options *opt)
{
	size_t n = opt->queue_bytes / opt->message_bytes;
	int high_water = n < 1 ? 1 : n > HIGH_WATER_MAX ? HIGH_WATER_MAX : (int)n, err;

	/* REQ and REP have no queues of their own. */
	err = nng_setopt_int(socket, NNG_OPT_SENDBUF, high_water);
	if (!err)
		err = nng_setopt_int(socket, NNG_OPT_RECVBUF, high_water);
	if (!err || err == NNG_ENOTSUP)
		err = nng_setopt_size(socket, NNG_OPT_RECVMAXSZ, 0);
	if (!err)
		err = nng_setopt_ms(socket, NNG_OPT_SENDTIMEO, END_WAIT_MS);
	if (!err)
		err = nng_setopt_ms(socket, NNG_OPT_RECVTIMEO, END_WAIT_MS);
	if (!err)
		err = nng_setopt_ms(socket, NNG_OPT_RECONNMINT, 1);
	return err;
}

static int attach(nng_socket socket, const struct end_options *opt)
{
	char name[64];

	snprintf(name, sizeof name, "tcp://%s.2:%u", opt->net, opt->port);
	return opt->listens ? nng_listen(socket, name, NULL, 0)
			    : nng_dial(socket, name, NULL, NNG_FLAG_NONBLOCK);
}

int socket_prepare(nng_socket socket, const struct end_options *opt)
{
	int err = tune(socket, opt);

	return err ? err : attach(socket, opt);
}

static void close_end(void *end)
{
	struct end *e = end;

	nng_close(e->socket);
	free(e);
}

static int open_by(const struct end_options *opt, int (*create)(nng_socket *), void **ret_end)
{
	struct end *e = calloc(1, sizeof *e);
	int err;

	if (!e)
		return -ENOMEM;
	*ret_end = e;
	e->take = opt->take;
	e->arg = opt->arg;
	err = create(&e->socket);
	if (err) {
		free(e);
		return error_of(err);
	}
	err = socket_prepare(e->socket, opt);
	if (err)
		close_end(e);
	return error_of(err);
}

static int open_pair0(const struct end_options *opt, void **ret_end)
{
	return open_by(opt, nng_pair0_open, ret_end);
}

static int open_pair1(const struct end_options *opt, void **ret_end)
{
	return open_by(opt, nng_pair1_open, ret_end);
}

static int send_one(void *end, const void *data, size_t len)
{
	return error_of(nng_send(((struct end *)end)->socket, (void *)(uintptr_t)data, len, 0));
}

static int receive_one(void *end)
{
	struct end *e = end;
	nng_msg *msg;
	int err = nng_recvmsg(e->socket, &msg, 0);

	if (err)
		return error_of(err);
	e->take(e->arg, nng_msg_body(msg), nng_msg_len(msg));
	nng_msg_free(msg);
	return 0;
}

/* Threads of its own write. */
static int nothing(void *end)
{
	(void)end;
	return 0;
}

static const struct contestant nng_pair0 = {
	.name = "nng-pair0",
	.open = open_pair0,
	.send = send_one,
	.flush = nothing,
	.receive = receive_one,
	.drain = nothing,
	.close = close_end,
};

static const struct contestant nng_pair1 = {
	.name = "nng-pair1",
	.open = open_pair1,
	.send = send_one,
	.flush = nothing,
	.receive = receive_one,
	.drain = nothing,
	.close = close_end,
};

const struct program program = { .contestants = { &nng_pair0, &nng_pair1, &nng_calls } };
