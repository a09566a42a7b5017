/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The node's own structure and what the files of lowcomms/ call of each other.
 * Not for users of the library.
 *
 * The order of its locks is in lowcomms/lock_order.h. Without a note, a field belongs to the loop
 * thread.
 *
 *	node.c    open, free, dispatch, close               drive.c   a turn of the loop
 *	peers.c   the user's calls about peers              accept.c  listeners
 *	conn.c    one connection                            recv.c    reading, keeping
 *	handle.c  lives of peers                            send.c    queueing
 *	status.c  what the user may look at                 watch.c   the membership's observer
 *	hot.c     whom to read unasked                      loop.c, lock.c, memory.c, log.c, addr.c,
 *	                                                    lock_order.c
 *	tcp.c                                               reach.c   who is not reached, and why
 *	closing.c what was missing when a node closed       wait.c    threads that wait for it
 *	leave.c   peers that are closed in order
 */
#ifndef SINEW_LOWCOMMS_NODE_H
#define SINEW_LOWCOMMS_NODE_H

#include <limits.h>
#include <pthread.h>
#include <stddef.h>

#include "lowcomms/accept.h"
#include "lowcomms/addr.h"
#include "lowcomms/closing.h"
#include "lowcomms/conn.h"
#include "lowcomms/directory.h"
#include "lowcomms/inbox.h"
#include "lowcomms/log.h"
#include "lowcomms/loop.h"
#include "lowcomms/memory.h"
#include "lowcomms/sinew.h"
#include "lowcomms/transport.h"
#include "lowcomms/wait.h"
#include "lowcomms/watch.h"
#include "proto/core.h"

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define NODE_EVENTS	64		/* taken from the kernel at once */
#define RETRY_NS	100000000u	/* after a resource was short */

/* The message that is being handed over. */
struct handover {
	const struct sinew_message *msg;	/* NULL: none */
	struct sinew_session *session;
	struct buf *buf;		/* it lies in this one; NULL: copy it */
	struct sinew_session *answered;	/* its callback sent back: what it sent goes with the ACK */
};

/* What the loop has to do besides events. */
struct errands {
	struct core_action stash;	/* polled where no callback may run */
	bool has_stash;
	bool self_lost_due;
	bool renew_due;			/* there was no randomness for a life: again at sweep_ns */
	bool interrupted;		/* by a signal, in this turn */
	unsigned n_callbacks;		/* made in this turn */
	uint64_t sweep_ns;		/* idle rings give memory back; retries */
};

#define LOOP_RUNS	1		/* no errno, and not 0 */

/* With the option own_thread. */
struct own_thread {
	pthread_t thread;
	bool runs;
	_Atomic bool stop;
	_Atomic int end;		/* LOOP_RUNS, 0: the node closed, or a negative errno */
	struct waiters joiners;		/* for that */
};

struct sinew_node {
	_Atomic unsigned refs;		/* the user's, and one for each handle */
	unsigned generation;		/* of the process; differs after fork() */
	struct sinew_options opt;	/* constant once open, strings are ours */
	uint32_t first_seq;		/* of its sessions */
	char cluster[SINEW_NAME_MAX], group[SINEW_NAME_MAX];
	struct sinew_callbacks cb;
	void *user;
	const struct transport *transport;
	size_t ring_bytes;
	uint32_t max_message;		/* of ours */

	struct core core;
	struct loop loop;
	struct listeners listeners;
	struct conns conns;
	struct log log;
	struct errands errands;
	bool told_loopback;		/* that others cannot reach an address of ours */

	struct handover handover;
	struct closing closing;
	_Atomic unsigned sends_in;	/* generation, or none once closing: who may send */
	_Atomic uint64_t incarnation;
	struct own_thread own;
	struct observer observer;

	pthread_mutex_t wait_lock;	/* waiters of the node and of its handles */
	struct directory directory;

	struct inbox inbox;
	struct memory memory;
};

/* ---- node.c ---- */
#define NODE_SENDS_NONE	UINT_MAX
/* Of this process, counts forks. */
extern __attribute__((visibility("hidden"))) _Atomic unsigned node_generation;
static inline bool node_forked(const struct sinew_node *n)
{
	return atomic_load_explicit(&node_generation, memory_order_relaxed) != n->generation;
}
/* Neither forked nor closing. */
static inline bool node_takes_sends(const struct sinew_node *n)
{
	return atomic_load_explicit(&node_generation, memory_order_relaxed) ==
		atomic_load_explicit(&n->sends_in, memory_order_relaxed);
}
/* Whether a message of that peer is being handed over, and this thread is in its callback. */
static inline bool node_hands_over(struct sinew_node *n, const struct sinew_session *h)
{
	return loop_is_inside(&n->loop) && n->handover.msg && n->handover.session == h;
}
/* A function of the application is about to run. */
static inline void node_calls_back(struct sinew_node *n)
{
	lock_order_none();
	n->errands.n_callbacks++;
}
/*
 * After something was put on a list of the loop. Who is about to call sinew_dispatch(), because
 * there is nothing else that it could wait in, needs no wake-up: the lists come first there.
 */
static inline void node_wake(struct sinew_node *n)
{
	if (!loop_is_ours(&n->loop) || n->opt.own_thread || atomic_load(&n->loop.shown) ||
	    atomic_load(&n->loop.busy) != LOOP_IDLE)
		loop_wake(&n->loop);
}
void node_unref(struct sinew_node *n);
int node_random(void *buf, size_t n);
/* A life: true randomness, not 0, or a negative errno. */
int node_life(uint64_t *ret_incarnation);

/* ---- options.c ---- */
/* Defaults for what is 0, then checks; the first fault goes to the log. */
int options_take(struct sinew_node *n, const struct sinew_options *opt);
/* cb may be NULL: there are none. */
int callbacks_take(struct sinew_node *n, const struct sinew_callbacks *cb);

/* ---- drive.c ---- */
/* Does what the core asks for. direct: outside sinew_dispatch(), no callback may run. */
void node_actions(struct sinew_node *n, bool direct);
/* Takes commands, dirty handles and a close from other threads. True: there were some, and
 * node_actions() has to follow. */
bool node_inbox(struct sinew_node *n);
/* Takes a new incarnation; every peer goes down. */
void node_renew(struct sinew_node *n);
/* The system gave no memory: who waits for some tries again in a while. */
void node_retry_memory(struct sinew_node *n);
/* Memory was touched that is to be given back when it rests: rings, buffers. */
void node_sweep_later(struct sinew_node *n);
/* The next sweep is then at the latest. */
void node_sweep_by(struct sinew_node *n, uint64_t at_ns);
/* When the loop must run at the latest. */
uint64_t node_deadline(const struct sinew_node *n);
/* One turn: waits at most until timeout_ms (-1: for ever) is over. Returns events handled. */
int node_turn(struct sinew_node *n, int timeout_ms);
/* Tells the core the time, as of the last tick. */
void node_now(struct sinew_node *n);

/* ---- peers.c ---- */
/* What is left of its session ends; it is out of the table, and is forgotten. */
void member_remove(struct sinew_node *n, struct member *m);
void commands_run(struct sinew_node *n, struct command *list);

#endif
