/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what is charged to a node's memory for messages that no peer takes. Knows
 * the public interface only.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/lib/cluster.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1	/* address space cannot be limited: the sanitizer has nearly all */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW 1
#endif
#endif

#define ROOM		(5ull << 29)	/* address space for two of the greatest queues */
#define QUEUE		(1u << 30)
#define TOO_LONG	150000
#define MANY		10000	/* messages of 1000 bytes: ten times the memory there is */

/* Node 1 has longer messages than all others, and memory for a few queues that are used. */
static void one_is_greater(struct sinew_options *o)
{
	o->queue_bytes = 512 * 1024;
	o->node_memory = 1024 * 1024;
	o->max_message = o->nodeid == 1 ? TOO_LONG : 1000;
}

static int send_it(struct sinew_session *session, const void *data)
{
	return sinew_send(session, data, TOO_LONG);
}

static int get_it(struct sinew_session *session, const void *data)
{
	struct sinew_slot slot;

	(void)data;
	return sinew_reserve(session, TOO_LONG, &slot);
}

static void refused(int (*ask)(struct sinew_session *session, const void *data))
{
	struct cluster *c = cluster_new(6, one_is_greater);
	uint8_t *data = calloc(1, TOO_LONG);

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	for (unsigned i = 2; i < 6; i++)
		CHECK_EQ(ask(c->t[1].seen[i].session, data), -EMSGSIZE);
	CHECK_EQ(sinew_send(c->t[1].seen[6].session, "x", 1), 0);
	DRIVE(c, c->t[6].seen[1].messages == 1);
	free(data);
	cluster_free(c);
}

static void a_message_too_long_takes_no_memory(void) { refused(send_it); }
static void a_slot_too_long_takes_no_memory(void) { refused(get_it); }

/* Queues as great as all memory, so that it is memory that is missing. */
static void memory_for_one_queue(struct sinew_options *o)
{
	o->queue_bytes = o->node_memory = 1024 * 1024;
	o->max_message = 1000;
}

/* While the peers do not read. */
static void fill(struct cluster *c, unsigned nodeid)
{
	static const uint8_t data[1000];
	int err;

	while (!(err = sinew_send(c->t[1].seen[nodeid].session, data, sizeof(data))))
		;
	CHECK_EQ(err, -EAGAIN);
}

/* Only a sender that was refused since the last time hears that there is room again. */
static void writable_follows_a_refusal(void)
{
	struct cluster *c = cluster_new(3, memory_for_one_queue);
	const struct seen *two = &c->t[1].seen[2], *three = &c->t[1].seen[3];
	unsigned before;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	fill(c, 2);
	fill(c, 3);
	DRIVE(c, two->writables && three->writables);
	before = three->writables;
	for (unsigned i = 1; i <= 3; i++) {
		unsigned had = two->writables;

		fill(c, 2);
		DRIVE(c, two->writables > had);
	}
	CHECK_EQ(three->writables, before);
	cluster_free(c);
}

static void send_while_it_takes(struct test_node *t, unsigned nodeid)
{
	static const uint8_t data[1000];

	while (t->seen[nodeid].session && !sinew_send(t->seen[nodeid].session, data, sizeof(data)))
		;
}

static void once_there_is_room(struct test_node *t, struct sinew_session *p)
{
	send_while_it_takes(t, sinew_session_nodeid(p));
}

/* To n peers at the same time, much more than fits; each goes on when it hears that it may. */
static void stream_to(unsigned n)
{
	struct cluster *c = cluster_new(n + 1, memory_for_one_queue);
	bool all = false;

	c->t[1].on_writable = once_there_is_room;
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	for (unsigned k = 2; k <= n + 1; k++)
		send_while_it_takes(&c->t[1], k);
	DRIVE(c, ({
		all = true;
		for (unsigned k = 2; k <= n + 1; k++)
			all &= c->t[k].seen[1].messages > MANY;
		all;
	}));
	cluster_free(c);
}

static void one_queue_takes_more_than_memory(void) { stream_to(1); }
static void busy_queues_share_memory(void) { stream_to(6); }

#ifndef HAS_SHADOW
static bool is_said;

static void look_for_advice(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	is_said |= level == SINEW_ERROR && strstr(line, "peer=") && strstr(line, "1048576 KiB") &&
		strstr(line, "queue_bytes");
}

/* Emulators take the limit and do nothing; below 64 bits it is there without being set. */
static bool is_limited(void)
{
	void *more = mmap(NULL, (size_t)ROOM, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (more == MAP_FAILED)
		return true;
	munmap(more, (size_t)ROOM);
	return false;
}

static void no_address_space_is_said(void)
{
	struct sockaddr_storage addr;
	struct sinew_options opt;
	struct sinew_node *node;
	struct rlimit before, now;
	unsigned id = 2;
	int err = 0;

	SINEW_OPTIONS_INIT(&opt);
	opt.nodeid = 1;
	opt.queue_bytes = QUEUE;
	opt.log = look_for_advice;
	CHECK_OR_RETURN(!sinew_parse_address("127.0.0.1", 1, &addr) &&
			!getrlimit(RLIMIT_AS, &before));
	now = before;
	now.rlim_cur = ROOM;
	CHECK_OR_RETURN(!sinew_node_new(&opt, NULL, NULL, &node) && !setrlimit(RLIMIT_AS, &now));
	if (is_limited()) {
		while (id < 10 && !err)
			err = sinew_peer_add(node, id++, &addr, 1);
		CHECK_EQ(err, -ENOMEM);
		CHECK(is_said);
	}
	setrlimit(RLIMIT_AS, &before);
	sinew_node_free(node);
}
#endif

int main(void)
{
	RUN(a_message_too_long_takes_no_memory);
	RUN(a_slot_too_long_takes_no_memory);
	RUN(writable_follows_a_refusal);
	RUN(one_queue_takes_more_than_memory);
	RUN(busy_queues_share_memory);
#ifndef HAS_SHADOW
	RUN(no_address_space_is_said);
#endif
	return check_done();
}
