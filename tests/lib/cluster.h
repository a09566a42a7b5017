/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A few nodes in one process over loopback, for tests of the library: opens, connects and
 * drives them, and counts what their callbacks say. Knows nothing of what a test wants.
 */
#ifndef SINEW_TESTS_LIB_CLUSTER_H
#define SINEW_TESTS_LIB_CLUSTER_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lowcomms/sinew-test.h"
#include "lowcomms/sinew.h"
#include "tests/lib/await.h"
#include "tests/lib/check.h"

#define NODES_MAX 64

struct seen {
	struct sinew_session *session;	/* present incarnation, NULL: down */
	unsigned ups, finishes, writables, downs;
	enum sinew_down reason;
	struct sinew_delivery delivery;
	uint64_t messages, bytes;
	uint64_t last_number;
	uint64_t bad;			/* out of order, or not what was expected */
};

struct test_node {
	struct sinew_node *n;
	struct sockaddr_storage addr;
	struct seen seen[NODES_MAX + 1];	/* by nodeid */
	unsigned closed, self_losts, fences;
	void (*on_message)(struct test_node *t, struct sinew_session *p,
			   const struct sinew_message *m);
	void (*on_up)(struct test_node *t, struct sinew_session *p);
	void *arg;
};

struct cluster {
	struct test_node t[NODES_MAX + 1];	/* [nodeid], from 1 */
	unsigned n;
};

void saw_writable(struct sinew_node *n, struct sinew_session *p, void *user);

extern const struct sinew_callbacks cluster_callbacks;

/* ---- what this process uses ---- */

/* A value of /proc/self/status in KiB, by its key with the colon. */
long status_kb(const char *key);
unsigned n_descriptors(void);

/* ---- nodes ---- */

/* A callback: message n holds the number n. */
void numbers_in_order(struct test_node *t, struct sinew_session *p, const struct sinew_message *m);

/* An address of loopback with a port that nobody has. */
struct sockaddr_storage free_address(const char *ip);

/* The node logs to that function, whose user points to its nodeid. */
void cluster_log_to(struct sinew_options *o, enum sinew_level level,
		    void (*log)(void *user, enum sinew_level level, const char *line));
void cluster_options(struct sinew_options *o, unsigned nodeid,
		     const struct sockaddr_storage *addr);
bool node_open(struct test_node *t, unsigned nodeid, const struct sinew_options *o);

/* n nodes on 127.0.0.1, .2, ...; each knows all others. tune may be NULL. */
struct cluster *cluster_new(unsigned n, void (*tune)(struct sinew_options *o));
void cluster_free(struct cluster *c);

/* One turn of all; sleeps a little while none has anything to do. */
void cluster_turn(struct cluster *c);

/* Drives until cond, at most PATIENCE_MS; the value of cond. */
#define DRIVE(c, cond) \
	({ \
		uint64_t drive_until = now_ms() + PATIENCE_MS; \
		while (!(cond) && now_ms() < drive_until) \
			cluster_turn(c); \
		CHECK(cond); \
	})

bool cluster_all_up(const struct cluster *c);

#endif
