/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what is charged to a node's memory for messages that no peer takes. Knows
 * the public interface only.
 */
#include "tests/cluster.h"

#define TOO_LONG	150000

/* Node 1 has longer messages than all others, and memory for a few queues that are used. */
static void one_is_greater(struct sinew_options *o)
{
	o->queue_bytes = 512 * 1024;
	o->node_memory = 1024 * 1024;
	o->max_message = o->nodeid == 1 ? TOO_LONG : 1000;
}

static int send_it(struct sinew_peer *peer, const void *data)
{
	return sinew_send(peer, data, TOO_LONG);
}

static int get_it(struct sinew_peer *peer, const void *data)
{
	struct sinew_slot slot;

	(void)data;
	return sinew_get(peer, TOO_LONG, &slot);
}

static void refused(int (*ask)(struct sinew_peer *peer, const void *data))
{
	struct cluster *c = cluster_open(6, one_is_greater);
	uint8_t *data = calloc(1, TOO_LONG);

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	for (unsigned i = 2; i < 6; i++)
		CHECK_EQ(ask(c->t[1].seen[i].peer, data), -EMSGSIZE);
	CHECK_EQ(sinew_send(c->t[1].seen[6].peer, "x", 1), 0);
	DRIVE(c, c->t[6].seen[1].messages == 1);
	free(data);
	cluster_free(c);
}

static void a_message_too_long_takes_no_memory(void) { refused(send_it); }
static void a_slot_too_long_takes_no_memory(void) { refused(get_it); }

int main(void)
{
	RUN(a_message_too_long_takes_no_memory);
	RUN(a_slot_too_long_takes_no_memory);
	return check_done();
}
