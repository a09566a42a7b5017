/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The place where services/ stands beside the messages of an application: frames of its own in the
 * sequence of a session, each delivered once and in order. For services/ alone; not installed.
 * Knows nothing of calls.
 *
 * A session takes part where both nodes have a service: both say so in HELLO. To a peer without
 * one no byte of a service is ever sent, and none of these functions is called for its sessions.
 * The same holds for a session whose FIN was queued before its first link was up, because the node
 * closes: it drops the peer's frames, and the peer learns of the end from the FIN.
 *
 * Order of the functions of one session:
 *
 *	up  { frame* batch | room | path | paused | finishing | finished }*  down  released
 *
 * Positions are those of the session's send ring. They grow for ever, and a frame of one call of
 * service_put() lies from its begin to its end; between two of them there may be others, and gaps.
 */
#ifndef SINEW_LOWCOMMS_SERVICE_H
#define SINEW_LOWCOMMS_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/grant.h"
#include "proto/span.h"

struct sinew_kept;
struct sinew_node;
struct sinew_session;

#define SERVICE_AHEAD	(256u * 1024)	/* bytes of bulk frames ahead of the socket, at most */
#define SERVICE_OPTIONS_MAX	4

/*
 * Functions of the service; all but released on the loop thread, without a lock of the library.
 * Each may call all functions below, and code of the application. A function that is NULL is not
 * called. user: that of service_attach().
 */
struct service_ops {
	/* A session begins, with what the peer takes. Before session_up of the application, and
	 * before another thread can find the session; a link carries it. The present grants hold
	 * until its end. The service may set its data here. */
	void (*up)(void *user, struct sinew_session *h, const struct service_grant *theirs);
	/* The body of one frame, valid until the batch() behind it returns; see service_keep(). */
	void (*frame)(void *user, struct sinew_session *h, const uint8_t *body, size_t len);
	/* Behind the frames that one read has brought, at least one, before they are acknowledged.
	 * All that is put here or in frame() is written together. Does not come if the session
	 * has ended meanwhile. */
	void (*batch)(void *user, struct sinew_session *h);
	/* service_put() gave -EAGAIN, and is worth another try, which may give it again. Comes once
	 * for all refusals since the last time, and never not. */
	void (*room)(void *user, struct sinew_session *h);
	/* The application, a close, or the end of the peer's messages asks for our end of the
	 * session. Frames are still queued, until service_let_go(): our FIN goes behind them, if
	 * the linger time does not end before. Comes once, and not where the FIN was let go
	 * before. */
	void (*finishing)(void *user, struct sinew_session *h);
	/* The peer's FIN was read: no frame comes any more. */
	void (*finished)(void *user, struct sinew_session *h);
	/* The session has lost its link (false), or has one again (true); the two alternate. The
	 * session lives on, and deadlines still run. */
	void (*path)(void *user, struct sinew_session *h, bool up);
	/* Messages that were kept exceed the receive budget: from now on the session is not read,
	 * until enough are released. Comes once for each such pause, inside of the function that
	 * keeps; it runs nothing of the application. */
	void (*paused)(void *user, struct sinew_session *h);
	/*
	 * The session has ended, before session_down of the application; nothing follows but
	 * released. A frame that ends at or below acked has arrived. One that ends above high
	 * has not: its last byte never left. Of those between nobody knows: they have arrived
	 * once or not at all. Also by sinew_node_free(), on its thread.
	 */
	void (*down)(void *user, struct sinew_session *h, uint64_t acked, uint64_t high);
	/* The last reference to the session is given back, if its data is not NULL: to free it.
	 * Any thread, perhaps under locks of the application; perhaps after the node is free. */
	void (*released)(void *data);
	/* When tick() is due, in ns of service_now(); UINT64_MAX: never. Asked after service_wake()
	 * and after each tick(). */
	uint64_t (*deadline)(void *user);
	/* That time has come; now_ns: that of this turn of the loop. */
	void (*tick)(void *user, uint64_t now_ns);
	/* sinew_option_set() took effect: the option of that index has another value now. */
	void (*option)(void *user, unsigned index, uint64_t value);
	/* The node goes: by sinew_node_free(), on its thread. Every session is down; no function
	 * follows but released. */
	void (*freed)(void *user);
};

/* An option of the service: a number that changes while the node runs. All of it is constant. */
struct service_option {
	const char *name, *unit, *meaning;	/* "SERVICE.OPTION"; "" or " bytes"; a sentence */
	uint64_t standard, least, most;
	bool only_less;		/* in a node that runs: not more than it began with */
};

/*
 * Gives the node a service, which takes calls to that extent. ops and user stay valid until freed()
 * returns. Before the first dispatch, with own_thread before the first peer is added; no other
 * function of the node runs meanwhile.
 * -EBUSY: too late, or there is one. -EINVAL: a limit of the grant; the node has the dlm profile.
 * -ECHILD.
 */
int service_attach(struct sinew_node *n, const struct service_grant *ours,
		   const struct service_ops *ops, void *user);

/*
 * Shows n options of the service among those of the node, with the values that they have now, by
 * sinew_option_get() and the functions there; table stays valid as long as the node. From then on
 * option() tells of changes. Behind service_attach(), once.
 */
void service_options(struct sinew_node *n, const struct service_option *table,
		     const uint64_t *values, unsigned n_options);

/*
 * A part of services/ with a thread of its own, which lives as long as the node and may call it
 * meanwhile. Functions of sinew_node_free(), on its thread, without a lock.
 */
struct companion_ops {
	/* Before anything of the node goes: it ends its thread, and calls the node no more. forked:
	 * in a child of fork(), where it has no thread: it closes its descriptors, no more; the
	 * other function does not follow. */
	void (*stop)(void *companion, bool forked);
	/* After the last function of the loop: nothing refers to it any more. */
	void (*freed)(void *companion);
};

/* Gives the node its companion; ops NULL: it has none after all. As early as service_attach().
 * -EALREADY: it has one. -EBUSY: too late. -EINVAL: a function is missing. -ECHILD. */
int service_accompany(struct sinew_node *n, const struct companion_ops *ops, void *companion);
/* Peers may be heard already. Any thread. */
bool service_is_late(struct sinew_node *n);
/* NULL: none. Any thread. */
void *service_companion(const struct sinew_node *n);

/* The service's own data of a session; NULL: none, or the session does not take part. Set by up()
 * alone, and constant from then on, so that any thread that has the session may read it. */
void *service_data(const struct sinew_session *h);
void service_set_data(struct sinew_session *h, void *data);

enum service_kind {
	SERVICE_SHORT,
	SERVICE_BULK,		/* part of something long, which keeps near the socket so that
				 * others need not wait for all of it */
	SERVICE_SECRET,		/* our copy is wiped when the peer has acknowledged it, or the
				 * session is over */
};

/*
 * Queues one frame: its body is the n parts one behind the other, len bytes in all, copied.
 * *ret_begin, *ret_end (may be NULL): its positions. Any thread. The caller may hold one lock of
 * services/, of the rank LOCK_SERVICE (lock_order.h), and none below it. Waits for nothing but the
 * locks below, and calls no function of the service.
 * -EAGAIN: no room or memory now; the application has reserved slots, behind which a frame has no
 * position; SERVICE_AHEAD bytes of bulk wait, or as many are not acknowledged as leave room for the
 * longest message: room() follows. -ESTALE: the session is over.
 * -ESHUTDOWN: our FIN is queued. -EMSGSIZE: longer than a frame. -EOPNOTSUPP: the session does not
 * take part. -ECHILD.
 */
int service_put(struct sinew_session *h, const struct span *parts, int n, size_t len,
		enum service_kind kind, uint64_t *ret_begin, uint64_t *ret_end);
/* For service_plain.h alone: schedules a write by the loop unless one is scheduled. The caller
 * holds the lock of the handle; this function releases it. */
void service_flush(struct sinew_session *h);
/* The longest body of a frame of that session. Any thread. */
size_t service_max(const struct sinew_session *h);

/*
 * Inside of frame(): keeps len bytes at p, which lie in its body, as sinew_keep() keeps a message,
 * without a copy from 16 KiB on; they count to the receive budget of the session, over which it is
 * not read. sinew_kept_data(), sinew_kept_len(), sinew_release() go on with *ret_kept. -EINVAL:
 * they lie elsewhere. -ENOMEM. -ECHILD.
 */
int service_keep(struct sinew_session *h, const uint8_t *p, size_t len,
		 struct sinew_kept **ret_kept);

/* The session is not read, as what was kept of it exceeds its receive budget. Any thread: a
 * moment later it may be. */
bool service_is_paused(const struct sinew_session *h);
/* The same, and this is the loop thread, and nobody else has ever released anything of that
 * session: so callbacks have to. */
bool service_is_stuck(const struct sinew_session *h);

/* The answer to deadline() has become an earlier one. Any thread, under the same locks. */
void service_wake(struct sinew_node *n);
/* Our FIN need not wait any more. Idempotent; any thread, under the same locks. */
void service_let_go(struct sinew_session *h);
/* Now, in ns of the clock of the loop. Any thread. */
uint64_t service_now(void);
/* The same as of the present turn of the loop, without a look at the clock. Loop thread. */
uint64_t service_turn_ns(const struct sinew_node *n);

#endif
