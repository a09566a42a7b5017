/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node: its parts, and its memory. Not for users of the library.
 *
 * Parts; they know no node, but accept.c and conn.c, whose functions take one:
 *
 *	directory	peers, those that leave, those that were removed
 *	inbox		requests of other threads to the loop
 *	memory		budget, buffers, list of handles
 *	loop		epoll, timer, wake-up, the thread that drives
 *	streams		stream.c, of a transport: tcp.c, sctp_kernel.c, sctp_user.c
 *	listeners	accept.c
 *	conns		conn.c
 *	closing		how far the end has come, and the report
 *	serving		the service beside the application, service.h
 *	log		function of the application
 *	managed		for programs that look after the node: observers, watch.c; the last errors,
 *			lately.c; numbers, overview.c
 *
 * Files above them; each calls those of the lines below:
 *
 *	service.c				the calls of a service
 *	dispatch.c, send.c, wait.c, status.c,	the user's calls; those that change peers are in
 *	known.c, overview.c, option_set.c	peers.c
 *	drive.c					one iteration of the loop
 *	peers.c, leave.c, accept.c		commands, removal, listeners
 *	flush.c					when to write
 *	actions.c, conn.c, recv.c, handle.c	actions of the core, connections, reading,
 *						sessions: these call each other
 *	option_peer.c, option_service.c, option_text.c, options.c,
 *	serving.c, reach.c, names.c, addr.c, ready.c, stream.c, tcp.c, waiters.c, lock.c,
 *	lock_order.c, transport.c, stream_fd.c, sctp_*.c, record.c
 *
 * The order of the locks is in lowcomms/lock_order.h. Without a note, a field belongs to the loop
 * thread.
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
#include "lowcomms/lately.h"
#include "lowcomms/log.h"
#include "lowcomms/loop.h"
#include "lowcomms/memory.h"
#include "lowcomms/serving.h"
#include "lowcomms/sinew.h"
#include "lowcomms/waiters.h"
#include "lowcomms/watch.h"
#include "proto/core.h"

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define SWEEP_NS	2000000000u	/* a ring idle from one to the next gives memory back */
#define RETRY_NS	100000000u	/* after a resource was short */

/* The message that is being handed over. */
struct handover {
	const struct sinew_message *msg;	/* NULL: none */
	struct sinew_session *session;
	struct buf *buf;		/* it lies in this one; NULL: copy it */
	struct sinew_session *answered;	/* its callback sent back: what it sent goes with the ACK */
};

/* Work of the loop besides events. */
struct errands {
	struct sinew_session *touched;	/* its snapshot may be old */
	bool actions_due;		/* a direct write has led to some */
	bool self_lost_due;
	bool renew_due;			/* no randomness for an incarnation: again at sweep_ns */
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

/* Values of all options: of the node, and of its service. */
struct option_values {
	struct sinew_options node;
	uint64_t service[SERVICE_OPTIONS_MAX];
};

/* Options to be in force. */
struct options_wish {
	struct option_values to;	/* all of them */
	char by[OPTIONS_BY_MAX];	/* who asked, for the log: "uid 0, pid 12"; "": nobody */
};

/* For programs that look after the node. */
struct managed {
	struct observers observers;
	struct option_values asked;	/* by all calls so far; the directory's lock */
	struct lately lately;
	struct snapshot overview;	/* of a struct overview */
};

struct sinew_node {
	_Atomic unsigned refs;		/* the user's, and one for each handle */
	unsigned generation;		/* of the process; differs after fork() */
	struct sinew_options opt;	/* in force, strings are ours; the loop changes LIVE ones */
	uint32_t first_seq;		/* of its sessions */
	char cluster[SINEW_NAME_MAX], group[SINEW_NAME_MAX];
	struct sinew_callbacks cb;
	void *user;
	const struct transport *transport;
	size_t ring_bytes;
	uint32_t max_message;		/* of ours */

	_Atomic unsigned sends_in;	/* generation, or none once closing: who may send */
	_Atomic uint64_t incarnation;
	bool told_loopback;		/* that others cannot reach an address of ours */
	pthread_mutex_t wait_lock;	/* waiters of the node and of its handles */

	struct core core;
	struct loop loop;
	struct streams streams;
	struct listeners listeners;
	struct conns conns;
	struct log log;
	struct errands errands;
	struct handover handover;
	struct closing closing;
	struct own_thread own;
	struct serving serving;
	struct managed managed;
	struct directory directory;
	struct inbox inbox;
	struct memory memory;
};

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
 * After something was put on a list of the loop. A thread about to call sinew_dispatch(), because
 * there is nothing else that it could wait in, needs no wake-up: the lists come first there.
 */
static inline void node_wake(struct sinew_node *n)
{
	if (!loop_is_ours(&n->loop) || n->opt.own_thread || atomic_load(&n->loop.shown) ||
	    atomic_load(&n->loop.busy) != LOOP_IDLE)
		loop_wake(&n->loop);
}
/* Tells the core the time, as of the last tick. */
static inline void node_now(struct sinew_node *n)
{
	core_now(&n->core, loop_tick_ns());
}
static inline uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}
/* The next sweep is after that time at the latest: SWEEP_NS where memory was touched that is to be
 * given back when it rests, RETRY_NS, or 0. */
static inline void node_sweep_in(struct sinew_node *n, uint64_t in_ns)
{
	n->errands.sweep_ns = earlier(n->errands.sweep_ns, n->core.now_ns + in_ns);
}
/* When the loop must run at the latest. */
static inline uint64_t node_deadline(const struct sinew_node *n)
{
	uint64_t core = earlier(core_deadline(&n->core),
				earlier(n->conns.drain_ns, n->streams.deadline_ns));
	uint64_t closing = earlier(n->closing.linger_ns, n->listeners.again_ns);

	return earlier(earlier(core, closing),
		       earlier(n->errands.sweep_ns, n->serving.deadline_ns));
}

/* Whether the loop must not wait. */
static inline bool node_work_left(const struct sinew_node *n)
{
	return atomic_load(&n->inbox.any) || n->handover.answered || ready_any(&n->conns.ready) ||
		n->errands.actions_due || streams_have_news(&n->streams) ||
		memory_moves(&n->memory) || atomic_load(&n->own.stop);
}

/* At the end of an iteration of the loop: frees the connections and streams that have ended. */
static inline void node_free_dead(struct sinew_node *n)
{
	if (!list_empty(&n->conns.dead) || !list_empty(&n->streams.dead))
		conns_free_dead(n);
}

/* Learns of forks from now on; 0 or -errno. */
int node_watch_forks(void);
/* Nothing of it is open; the user's reference. */
int node_alloc(struct sinew_node **ret_node);
void node_unref(struct sinew_node *n);
int node_random(void *buf, size_t n);
/* An incarnation: true randomness, not 0, or a negative errno. */
int node_incarnation(uint64_t *ret_incarnation);

#endif
