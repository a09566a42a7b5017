/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the live tests: nodes of this process on loopback addresses that no other
 * process uses, what their callbacks saw, and one loop that runs them all with a bound for
 * every wait. Knows nothing of what a test sends.
 *
 * LIVE_LOG=1 prints all that the nodes log. LIVE_FULL=1: the long form of a test.
 */
#ifndef SINEW_TESTS_LIB_LIVE_H
#define SINEW_TESTS_LIB_LIVE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lowcomms/sinew-test.h"
#include "lowcomms/sinew.h"
#include "tests/lib/check.h"

#define LIVE_PORT	21065

/* A node and what its callbacks saw. The hooks are the test's. */
struct live {
	struct sinew_node *node;
	struct sinew_session *session;	/* of the last session_up, referenced */
	uint32_t id;
	unsigned n_up, n_finished, n_down, n_writable, n_closed, n_fence;
	enum sinew_down reason;		/* of the last session_down */
	struct sinew_delivery delivery;
	uint64_t n_received;
	void *user;
	void (*on_up)(struct live *l);
	void (*on_message)(struct live *l, const struct sinew_message *msg);
	void (*on_writable)(struct live *l);
	void (*on_down)(struct live *l);
};

bool live_env(const char *name);
int64_t live_ms(void);

/* A bound for a wait: longer where a sanitizer makes all slow. */
int64_t live_limit(int64_t ms);

/* 127.x.y.host, where x.y belongs to that process alone. */
struct sockaddr_storage live_addr_of(pid_t process, unsigned host);
struct sockaddr_storage live_addr(unsigned host);

/* ---- log ---- */

void live_log(void *user, enum sinew_level level, const char *line);
void live_show_log(void);

/* ---- nodes ---- */

/* Options of a node that answers fast: the test changes what it is about. */
void live_options(struct sinew_options *opt, struct live *l, uint32_t id,
		  const struct sockaddr_storage *addr);
bool live_open(struct live *l, const struct sinew_options *opt);

/* Two nodes that know each other, hosts 1 and 2; change may set options of both. */
bool live_pair(struct live l[2], void (*change)(struct sinew_options *opt));
void live_free(struct live *l);
struct sinew_status live_status(struct live *l);

/* ---- the loop ---- */

/* One turn of all nodes (no node: NULL) and of more descriptors: waits at most wait_ms. */
void live_turn(struct live *const *nodes, unsigned n, struct pollfd *more, unsigned n_more,
	       int wait_ms);

/* Runs two nodes until done(arg), at most limit_ms. */
bool live_run(struct live l[2], bool (*done)(void *arg), void *arg, int64_t limit_ms);

/* ---- content: each message says its number and its length ---- */

/* Fills n bytes that only message number of sender has. */
void live_fill(uint8_t *p, size_t n, uint32_t sender, uint64_t number);
bool live_is(const void *data, size_t n, uint32_t sender, uint64_t number);

#endif
