/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A few nodes in one process over loopback, for tests of the library: opens, connects and
 * drives them, with a bound for every wait, and counts what their callbacks say. Knows nothing
 * of what a test wants.
 *
 * TEST_LOG=LEVEL prints what they log. TEST_SCTP=1: over SCTP in user land. LIVE_FULL=1: the long
 * form of a test.
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

#define NODES_MAX	64
#define HOST_PORT	21065

/* All that the callbacks of one node saw of a peer. */
struct seen {
	struct sinew_session *session;	/* present incarnation, NULL: down */
	unsigned ups, finishes, writables, downs;
	enum sinew_down reason;
	struct sinew_delivery delivery;
	uint64_t messages, bytes;
	uint64_t last_number;
	uint64_t bad;			/* out of order, or not what was expected */
	unsigned links, bares;		/* dlm profile: link_up, packets without a number */
};

struct test_node {
	struct sinew_node *n;
	unsigned id;
	struct sockaddr_storage addr;
	struct seen seen[NODES_MAX + 1];	/* by nodeid */
	struct seen all;			/* of any peer, the last one's session */
	unsigned closed, self_losts, fences;
	void (*on_message)(struct test_node *t, struct sinew_session *p,
			   const struct sinew_message *m);
	void (*on_up)(struct test_node *t, struct sinew_session *p);
	void (*on_writable)(struct test_node *t, struct sinew_session *p);
	void (*on_link_up)(struct test_node *t, struct sinew_session *p);
	void (*on_down)(struct test_node *t, struct sinew_session *p);
	void *arg;
};

struct cluster {
	struct test_node t[NODES_MAX + 1];	/* [nodeid], from 1 */
	unsigned n;
};

extern const struct sinew_callbacks cluster_callbacks;

/* ---- what this process uses ---- */

/* A value of /proc/self/status in KiB, by its key with the colon. */
long status_kb(const char *key);
unsigned n_descriptors(void);
bool env_is_set(const char *name);

/* ---- nodes ---- */

/* An address of loopback with a port that nobody has. */
struct sockaddr_storage free_address(const char *ip);

/* 127.x.y.host with HOST_PORT, where x.y belongs to that process alone. */
struct sockaddr_storage host_of(pid_t process, unsigned host);
struct sockaddr_storage host_address(unsigned host);

/* The node logs to that function, whose user points to its nodeid. */
void cluster_log_to(struct sinew_options *o, enum sinew_level level,
		    void (*log)(void *user, enum sinew_level level, const char *line));

/* A log function: the last lines of all nodes, shown when a test fails. */
void cluster_log(void *user, enum sinew_level level, const char *line);
void cluster_show_log(void);
void cluster_options(struct sinew_options *o, unsigned nodeid,
		     const struct sockaddr_storage *addr);

/* Of a node that answers fast, and whose lines are kept. */
void fast_options(struct sinew_options *o, unsigned nodeid, const struct sockaddr_storage *addr);
bool node_open(struct test_node *t, const struct sinew_options *o);
void node_free(struct test_node *t);

/* Of the session that is up; all 0: none is. */
struct sinew_status node_status(struct test_node *t);

/* As the node has it of that peer. */
struct sinew_status status_of(const struct test_node *t, unsigned peer);

/* Two nodes that know each other, at hosts 1 and 2, with fast options. tune may be NULL. */
bool pair_open(struct test_node t[2], void (*tune)(struct sinew_options *o));

/* n nodes on 127.0.0.1, .2, ...; each knows all others. tune may be NULL. */
struct cluster *cluster_new(unsigned n, void (*tune)(struct sinew_options *o));
void cluster_free(struct cluster *c);

/* ---- the loop ---- */

/* One turn of all nodes that are open, and of more descriptors: waits at most wait_ms. */
void nodes_turn(struct test_node *const *nodes, unsigned n, struct pollfd *more, unsigned n_more,
		int wait_ms);

/* One turn of all; sleeps a little while none has anything to do. */
void pair_turn(struct test_node t[2]);
void cluster_turn(struct cluster *c);

/* The same, and it waits at most so long, also for that descriptor. */
void cluster_turn_with(struct cluster *c, int fd, short events, int wait_ms);

/* Makes turns until cond, at most limit_ms; the value of cond. */
#define TURN_UNTIL(turn, cond, limit_ms) \
	({ \
		int64_t turn_until = now_ms() + (limit_ms); \
		while (!(cond) && now_ms() < turn_until) \
			turn; \
		CHECK(cond); \
	})
#define DRIVE(c, cond) TURN_UNTIL(cluster_turn(c), cond, PATIENCE_MS)
#define DRIVE_PAIR(t, cond) TURN_UNTIL(pair_turn(t), cond, time_limit(PATIENCE_MS))

bool cluster_all_up(const struct cluster *c);

/* Nodes 1 and 2 have each seen the other come, and no more than so many fences by node 1. */
void cluster_is_whole(const struct cluster *c, unsigned fences);

/* ---- content ---- */

/* A callback: message n holds the number n. */
void numbers_in_order(struct test_node *t, struct sinew_session *p, const struct sinew_message *m);

/* Fills n bytes that only message number of sender has. */
void fill_content(uint8_t *p, size_t n, uint32_t sender, uint64_t number);
bool is_content(const void *data, size_t n, uint32_t sender, uint64_t number);

/* Nodes 1 and 2 talk: so many messages are under way each way, one comes, one goes. */
void cluster_talk(struct cluster *c, unsigned window, size_t len);
uint64_t cluster_talked(const struct cluster *c);

#endif
