/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two nodes that several threads use at once, for test_stress and test_status: what their
 * callbacks find wrong, and what a status must never say. Knows nothing of which calls are made.
 */
#ifndef SINEW_TESTS_LIB_STRESS_H
#define SINEW_TESTS_LIB_STRESS_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "tests/lib/cluster.h"

#define WORKERS		5u
#define WRITERS		(WORKERS + 1)	/* and the thread that runs callbacks */
#define SIDES		2u		/* nodes 1 and 2 */
#define STRANGER	3u		/* a nodeid at which nobody listens */
#define KEPT_MAX	32u
#define MESSAGE_MAX	70000u

struct mode {
	bool own_thread;	/* else the workers take turns at sinew_dispatch() */
	bool external;		/* membership */
	bool shows_fd;
};

/* A node, and what its callbacks see. Without a note a field is of the loop thread. */
struct side {
	struct sinew_node *n;
	uint32_t nodeid;
	struct sockaddr_storage addr;
	pthread_mutex_t lock;
	struct sinew_session *session;	/* referenced, or NULL; lock */
	struct sinew_session *up;	/* between session_up and session_down */
	uint64_t number;		/* of the last message of that incarnation */
	uint64_t last[WRITERS];		/* what each of them wrote last, of what came */
	uint64_t echoes;
	_Atomic uint64_t messages, markers, ups, downs, losses;
	_Atomic bool closed;
};

/* In front of each message; its last byte is the low one of count. */
struct stress_head {
	uint32_t writer;
	uint32_t marker;
	uint64_t count;		/* of that writer: rises */
};

struct stress {
	struct mode mode;
	struct side side[SIDES];
	_Atomic(struct sinew_kept *) kept[KEPT_MAX];
	_Atomic unsigned n_wrong;
	pthread_mutex_t lock;
	char why[200];		/* the first thing that was wrong; lock */
};

extern struct stress stress;

__attribute__((format(printf, 1, 2))) void wrong(const char *format, ...);

#define MUST(cond) \
	do { \
		if (!(cond)) \
			wrong("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

struct side *other_side(struct side *s);

/* The present incarnation of the peer, referenced; NULL: none. */
struct sinew_session *take_peer(struct side *s);
void put_peer(struct side *s, struct sinew_session *p);

/* ---- messages ---- */

size_t make_message(uint8_t *to, size_t len, uint32_t writer, uint64_t count);

/* Whether it is as somebody made it; *ret_head is filled. */
bool is_message(const void *data, size_t len, struct stress_head *ret_head);

/* ---- status ---- */

/* Checks invariants that hold in each snapshot of a session, at any time. */
void check_status(const struct sinew_status *st, uint32_t nodeid);

/* Two of one incarnation, one after the other: counters never go back. */
void check_growth(const struct sinew_status *a, const struct sinew_status *b);

/* ---- the two nodes ---- */

bool stress_open(const struct mode *mode);

#endif
