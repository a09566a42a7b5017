/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestants coalesced and ring: a TCP socket, messages copied together until there are
 * COALESCE_BYTES for a write. The first copies into a buffer of just that size; the second
 * through a ring of queue_bytes, as who must keep what is unacknowledged does. Knows nothing
 * of what is measured.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/sockets/socket.h"

static void close_end(void *end)
{
	socket_close(end);
	free(end);
}

static int open_sized(const struct end_options *opt, size_t size, void **ret_end)
{
	struct socket_end *e = malloc(sizeof *e);
	int err = e ? socket_open(e, opt) : -ENOMEM;

	if (!err) {
		e->out_size = size;
		e->out = malloc(size);
		err = e->out ? 0 : -ENOMEM;
	}
	if (!err)
		*ret_end = e;
	else if (e)
		close_end(e);
	return err;
}

static int open_coalesced(const struct end_options *opt, void **ret_end)
{
	return open_sized(opt, COALESCE_BYTES, ret_end);
}

static int open_ring(const struct end_options *opt, void **ret_end)
{
	return open_sized(opt, opt->queue_bytes, ret_end);
}

static int flush(void *end)
{
	struct socket_end *e = end;
	size_t behind = e->n_out > e->out_at ? e->n_out - e->out_at : 0;
	struct iovec iov[] = {
		{ e->out + e->out_size - behind, behind },
		{ e->out + e->out_at - (e->n_out - behind), e->n_out - behind },
	};

	e->n_out = 0;
	return socket_write(e, iov, 2);
}

/* Copies in; writes whenever COALESCE_BYTES are there. */
static int put_pieces(struct socket_end *e, const uint8_t *data, size_t len)
{
	while (len) {
		size_t room = COALESCE_BYTES - e->n_out, n = len;
		int err;

		if (room > e->out_size - e->out_at)
			room = e->out_size - e->out_at;
		if (n > room)
			n = room;
		memcpy(e->out + e->out_at, data, n);
		e->out_at += n;
		e->n_out += n;
		data += n;
		len -= n;
		err = e->n_out == COALESCE_BYTES ? flush(e) : 0;
		if (err)
			return err;
		if (e->out_at == e->out_size)
			e->out_at = 0;
	}
	return 0;
}

static int send_one(void *end, const void *data, size_t len)
{
	struct socket_end *e = end;
	uint32_t length = (uint32_t)len;
	uint8_t *to = e->out + e->out_at;
	int err;

	/* Nearly all are so: it fits, and nothing is due. */
	if (len + sizeof length < COALESCE_BYTES - e->n_out &&
	    len + sizeof length < e->out_size - e->out_at) {
		memcpy(to, &length, sizeof length);
		memcpy(to + sizeof length, data, len);
		e->out_at += sizeof length + len;
		e->n_out += sizeof length + len;
		return 0;
	}
	err = put_pieces(e, (const uint8_t *)&length, sizeof length);
	return err ? err : put_pieces(e, data, len);
}

const struct contestant contestant_coalesced = {
	.name = "coalesced",
	.open = open_coalesced,
	.send = send_one,
	.flush = flush,
	.receive = socket_receive,
	.drain = flush,
	.close = close_end,
};

const struct contestant contestant_ring = {
	.name = "ring",
	.open = open_ring,
	.send = send_one,
	.flush = flush,
	.receive = socket_receive,
	.drain = flush,
	.close = close_end,
};
