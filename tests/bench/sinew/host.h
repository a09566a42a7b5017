/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nodes of sinew in one process and one loop, for the measures that need many of them or that
 * break what they have: opens them, drives them, sends numbered messages, checks what comes.
 * Knows nothing of what is measured.
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include "lowcomms/sinew-test.h"
#include "lowcomms/sinew.h"
#include "tests/bench/work/content.h"

#define HOST_ID_MAX  768 /* nodeids are 1 to it */
#define HOST_WAIT_MS 60000

struct host;

/* One node of them. */
struct hosted {
	struct host *host;
	struct sinew_node *node;
	uint32_t id;
	struct sinew_session **peers; /* by nodeid; NULL: not up */
	uint64_t *sent, *came; /* messages, by nodeid */
};

struct host {
	struct hosted *nodes;
	unsigned n, n_added;
	uint32_t first, last; /* nodeids of the others that all know */
	int epoll;
	bool is_alone;
	bool is_released; /* who has started this says that it is over */
	unsigned n_up, n_down; /* callbacks so far */
	uint64_t n_came, n_wrong, n_lasts;
	size_t message_bytes; /* 0: any */
	bool echoes; /* sends back what comes */
	void (*on_message)(struct hosted *h, struct sinew_session *peer, void *arg);
	void *arg;
};

struct host_options {
	const char *net;
	unsigned port;
	uint32_t id; /* of the first node */
	unsigned n; /* nodes */
	uint32_t first, last; /* whom they know, but themselves */
	size_t message_bytes;
	size_t queue_bytes; /* 0: the default */
	void (*tune)(struct sinew_options *opt); /* or NULL */
	bool own_thread; /* the library drives them */
	bool is_alone; /* one node, driven by sinew_dispatch() without a set around it */
};

/* Opens the nodes; nobody is known yet. 0, or a negative errno. */
int host_open(struct host *h, const struct host_options *opt);
/* Makes the others known: they are dialled from now on. */
int host_meet(struct host *h, const struct host_options *opt);
void host_close(struct host *h);
/* One turn of all nodes that have work. */
int host_turn(struct host *h, int wait_ms);
/* Turns until done; -ETIMEDOUT after HOST_WAIT_MS. */
int host_until(struct host *h, bool (*done)(struct host *h));
/* Turns until who has started this says that it is over. */
int host_until_released(struct host *h);
/* All that are known are up. */
bool host_is_up(struct host *h);
/* A numbered message; buf has room for len. As sinew_send(). */
int host_send(struct hosted *h, uint32_t to, void *buf, size_t len, bool is_last);
/* How many messages of a node are not acknowledged. */
uint64_t host_unacked(struct hosted *h, uint32_t peer);

#endif
