/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestant bare: a TCP socket, one write for each message. Knows nothing of what is
 * measured.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/sockets/socket.h"

static void close_end(void *end)
{
	socket_close(end);
	free(end);
}

static int open_end(const struct end_options *opt, void **ret_end)
{
	struct socket_end *e = malloc(sizeof *e);
	int err = e ? socket_open(e, opt) : -ENOMEM;

	if (!err)
		*ret_end = e;
	else if (e)
		close_end(e);
	return err;
}

static int send_one(void *end, const void *data, size_t len)
{
	uint32_t length = (uint32_t)len;
	struct iovec iov[] = { { &length, sizeof length }, { (void *)(uintptr_t)data, len } };

	return socket_write(end, iov, 2);
}

static int nothing(void *end)
{
	(void)end;
	return 0;
}

const struct contestant contestant_bare = {
	.name = "bare",
	.open = open_end,
	.send = send_one,
	.flush = nothing,
	.receive = socket_receive,
	.drain = nothing,
	.close = close_end,
};
