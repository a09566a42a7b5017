/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A contestant: a way to carry messages from one process to another. Contestants of one library
 * are a program in a folder of its own; what is sent, checked and timed is the same code in all
 * programs and not theirs. Knows nothing of what is measured.
 *
 * Each copies a message when it takes it, keeps at most queue_bytes of them in user space, and
 * hands over whole messages. Waits end after END_WAIT_MS with -ETIMEDOUT.
 */
#ifndef BENCH_CONTESTANT_H
#define BENCH_CONTESTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define END_WAIT_MS 20000

/* A message; data are valid until it returns. */
typedef void (*take_fn)(void *arg, const void *data, size_t len);

/* Two ends, on NET.1 (which dials) and NET.2 (which listens). */
struct end_options {
	take_fn take; /* from inside of open, receive and drain */
	void *arg;
	const char *net; /* "127.1.2" */
	unsigned port;
	bool listens;
	size_t message_bytes; /* the longest */
	size_t queue_bytes;
	uint32_t busy_poll_us;
	bool outer; /* waits in an epoll set around the contestant's own */
};

struct contestant {
	const char *name;
	/* Returns when the two ends are connected, or can be sent to. *ret_end is set before
	 * something is taken. */
	int (*open)(const struct end_options *opt, void **ret_end);
	/* Queues a message; waits while there is no room. Also from inside of take. */
	int (*send)(void *end, const void *data, size_t len);
	/* Nothing that was sent waits for more to come. */
	int (*flush)(void *end);
	/* Waits for a message, hands over what is there. */
	int (*receive)(void *end);
	/* Both sides call it at their end: all that was sent is on its way without our help. */
	int (*drain)(void *end);
	void (*close)(void *end);
	/* ACK frames that this end has sent; NULL: it has none of its own. */
	uint64_t (*acks)(void *end);
};

#endif
