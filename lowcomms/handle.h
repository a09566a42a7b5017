/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A handle: one session, as the application and the core see it. Owns
 * the session's memory until its last reference is dropped.
 */
#ifndef SINEW_LOWCOMMS_HANDLE_H
#define SINEW_LOWCOMMS_HANDLE_H

#include <assert.h>

#include "lowcomms/flush.h"
#include "lowcomms/node.h"
#include "lowcomms/options.h"

/* The memory of the ring. */
struct pages {
	void *mem;
	size_t size;
	uint64_t resident;		/* bytes that are charged */
	uint64_t charged_at;		/* memory.n_charges then; the longest ago comes first */
	uint64_t idle_tail;		/* the ring's tail at the last sweep */
	bool wanted;			/* a sender was refused for it */
	bool gives_back;		/* it goes back as soon as the ring rests; nothing is sent
					 * until then */
};

/* The sides that have finished. Behind the own FIN no message is taken, behind either no bare
 * packet. */
enum side { SIDE_OWN = 1, SIDE_PEER = 2 };

/* Requests of other threads for one session. */
enum handle_due {
	HANDLE_DUE_FINISH = 1, HANDLE_DUE_ABORT = 2, HANDLE_DUE_LET_GO = 4, HANDLE_DUE_WAKE = 8,
};

/* The service's side of a session. Without a note, a field is under the handle's lock. */
struct served {
	void *data;			/* the service's; constant once up */
	void (*released)(void *data);	/* the same */
	bool is_up;			/* it was told so, and not the end; loop */
	bool has_path;			/* the same of a link; loop */
	bool refused;			/* room() is due */
	bool let_go;			/* our FIN is not held any more */
	/* Bulk frames come in halves of SERVICE_AHEAD: one may be queued while the one before is
	 * written. Halves make parts of the queue: one may be begun while the one before is
	 * acknowledged. */
	uint64_t half_end, part_end;	/* where those ones end in the ring */
	uint64_t bulk_end;		/* the same of the last bulk frame */
	uint64_t written;		/* position up to which the loop said that it wrote */
	size_t half_bytes;		/* of the present half */
	size_t half_max;		/* another frame may begin while there are less */
	size_t part_bytes;		/* of the present part, without the present half */
	bool waits_acked;		/* not only for the one before to be written */
};

struct sinew_session {
	struct session session;
	struct sinew_node *node;	/* referenced */
	uint32_t nodeid;
	_Atomic uint64_t incarnation;
	void *user;
	struct member *member;		/* loop; NULL once down */
	_Atomic unsigned refs;
	struct list all;		/* of the node; the lock of memory */

	unsigned paused;		/* enum pause; loop */
	_Atomic bool is_paused;		/* the same for others */
	_Atomic bool is_helped;		/* something was released, not by a callback */
	_Atomic uint64_t kept, kept_high;	/* bytes */
	struct waiters waiters;			/* for room */
	struct snapshot snapshot;		/* of session.n */

	/* Producers. */
	alignas(64) struct lock lock;
	struct cork cork;
	struct pages pages;
	bool dead;			/* that incarnation is over */
	bool queued;			/* on the node's dirty list */
	unsigned due;			/* enum handle_due, for the loop */
	unsigned finished;		/* enum side */
	unsigned n_open;		/* slots */
	uint64_t slot_ns[RING_SLOTS];	/* since when open; 0 = not */
	uint64_t queue_shown, kept_shown;	/* the most that a status has said: it may see
					 * more than those who count the most there were */
	struct sinew_delivery delivery;	/* once dead */
	struct served served;
	struct sinew_session *dirty_next;	/* the lock of the inbox */
};

static inline struct sinew_session *handle_of(struct session *s)
{
	return container_of(s, struct sinew_session, session);
}

/* Something changed that a thread may wait for. Any thread, without its lock. */
static inline void handle_wake(struct sinew_session *h)
{
	wait_wake(&h->node->wait_lock, &h->waiters);
}

/* Something changed that a thread may wait for, and that a callback, if any, tells. */
void handle_tell(struct sinew_session *h,
		 void (*callback)(struct sinew_node *, struct sinew_session *, void *user));
/* A handle with a session and ring, provided to nobody yet. NULL: no memory. Any thread. */
struct sinew_session *handle_new(struct sinew_node *n, uint32_t nodeid);
/* The incarnation is over: -ESTALE from now on, and the delivery report is final. */
void handle_die(struct sinew_session *h);
/* No more messages from us; FIN behind what is queued. Any thread; 0, -ESTALE. */
int handle_finish(struct sinew_session *h);
/* The peer's FIN has come. Loop. */
void handle_peer_finished(struct sinew_session *h);
/* Have the loop look at it. Under its lock, not dead. */
void handle_dirty(struct sinew_session *h);
/* The same for several at once, each marked as queued and referenced, linked by dirty_next. */
void handles_dirty(struct sinew_node *n, struct sinew_session *first, struct sinew_session **tail);
/* The same without its lock; also a dead one. */
void handle_mark_dirty(struct sinew_session *h);
/* The loop's work for a dirty one. */
void handle_refresh(struct sinew_session *h);
/* Its snapshot is written. Loop. */
void handle_publish(struct sinew_session *h);
/* The loop changes that session, alive for the core, from now on. NULL: it sleeps, or calls the
 * application. The one before is published. */
static inline void handle_touch(struct sinew_node *n, struct sinew_session *h)
{
	assert(!h || h->node == n);
	if (n->errands.touched && n->errands.touched != h)
		handle_publish(n->errands.touched);
	n->errands.touched = h;
}
/* The bytes kept are few enough to read on after a pause of the budget. Any thread. */
static inline bool handle_fits_budget(const struct sinew_session *h)
{
	return atomic_load(&h->kept) <= OPTION_LIVE(h->node->opt.receive_bytes) / 4 * 3;
}
/* Its ring rests: its memory goes back. Under its lock. */
void handle_give_back(struct sinew_session *h);
/* Rings that have been idle give their memory back. True: some may next time. */
bool handles_sweep(struct sinew_node *n);
/* Memory is short: every ring gives its memory back as soon as it rests. */
void handles_shrink(struct sinew_node *n);
/* Senders that were refused for lack of memory may try again. */
void handles_memory(struct sinew_node *n);
/* Every thread that waits for room looks again. */
void handles_wake(struct sinew_node *n);
/* The node goes: every handle is dead, whatever it is. */
void handles_orphan(struct sinew_node *n);

#endif
