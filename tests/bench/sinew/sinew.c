/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestants sinew and sinew-sctp: messages of a node with one peer, by TCP and by SCTP in
 * user land. Owns how a program would send them; knows nothing of what is measured.
 */
#include <errno.h>

#include "tests/bench/sinew/end.h"
#include "tests/bench/sinew/jobs.h"

#define TURN_BYTES (256u << 10) /* sent between two looks at what has come */

static int open_end(const struct end_options *o, void **ret_end)
{
	return end_open(o, false, NULL, ret_end);
}

static int open_sctp(const struct end_options *o, void **ret_end)
{
	return end_open(o, true, NULL, ret_end);
}

static bool has_room(struct end *e)
{
	return e->is_writable || !e->session;
}

static int send_one(void *end, const void *data, size_t len)
{
	struct end *e = end;
	int err;

	while ((err = sinew_send(e->session, data, len)) == -EAGAIN) {
		e->is_writable = false;
		err = e->is_inside ? -EAGAIN : end_wait_until(e, has_room);
		if (err)
			return err;
	}
	e->sent += len;
	if (!err && e->sent >= TURN_BYTES && !e->is_inside)
		err = end_turn(e, 0);
	return err < 0 ? err : 0;
}

const struct contestant contestant_sinew = {
	.name = "sinew",
	.open = open_end,
	.send = send_one,
	.flush = end_flush,
	.receive = end_receive,
	.drain = end_drain,
	.close = end_close,
	.acks = end_acks,
};

const struct contestant contestant_sinew_sctp = {
	.name = "sinew-sctp",
	.open = open_sctp,
	.send = send_one,
	.flush = end_flush,
	.receive = end_receive,
	.drain = end_drain,
	.close = end_close,
	.acks = end_acks,
};
