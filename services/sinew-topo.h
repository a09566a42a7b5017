/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: the topology server of a node. Programs, members of the cluster or not, publish names,
 * and are told who publishes which, with each change, and never lose one that still matters.
 * Conventions and words as in sinew.h.
 *
 * Words
 *   A name is {type, lower..upper}: a kind, and a range of numbers of it. A publication is a name
 *   with attributes, made by one program at one node; many may have the same name. Its identity is
 *   (node, incarnation, pub), which is never used again, but for NODE: its pub is 0, so that a NODE
 *   that is published anew, for a changed name or address, has the identity of the one that was
 *   withdrawn just before. Its scope says who is told: programs of its own node alone, or those of
 *   each node that has a session with it.
 *   A subscription is told first what is there, then changes. The publications of a program end
 *   when its connection does, in whichever way.
 *
 * Types below SINEW_TOPO_TYPE_FIRST are published by the library alone, with attributes of lines
 * "key=value\n":
 *	NODE	nodeid: a session with that node is there, or it is this node: name, addr (one line
 *		each), incarnation; reason: how the session before ended. Scope node
 *	LINK	nodeid: that session has a link: path, addr. Scope node
 *	REACH	nodeid: the publishing node has a session with it. Scope cluster
 *	SERVICE	id: the publishing node has bound that service of calls. Scope cluster
 *	OPTION	index, as in sinew_option_names(): a changed option: name, value. Scope node
 *
 * The promise to each subscription
 *   Events of one publication alternate: PUBLISHED, WITHDRAWN. Those of one publisher come in its
 *   order. A subscriber that falls behind the log of the server is given the state in place of the
 *   steps between: publications that were told and are gone have been WITHDRAWN, those that are
 *   there have been PUBLISHED. Such events are marked collapsed, and counted. Nobody is
 *   disconnected for being slow, and nobody waits for a slow one. The same holds over the loss and
 *   the return of the server.
 *   The publications of a session that ends go as one group, its NODE last. Where a name or an
 *   address changes while the session lasts, the NODE is withdrawn and published again as one
 *   group, with the same incarnation: only a NODE that is not published again is gone. By edges,
 *   that is a last and a first one.
 *
 * Threads: a connection and all that is opened by it are for one thread at a time; threads have
 * connections of their own. Functions of subscriptions run inside of sinew_topo_dispatch().
 */
#ifndef SINEW_TOPO_H
#define SINEW_TOPO_H

#include "sinew-call.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sinew_topo;		/* a connection to the topology server of a node */
struct sinew_subscription;

#define SINEW_TOPO_NODE		0u
#define SINEW_TOPO_TOPOLOGY	1u	/* never published */
#define SINEW_TOPO_LINK		2u
#define SINEW_TOPO_REACH	3u
#define SINEW_TOPO_SERVICE	4u
#define SINEW_TOPO_OPTION	5u
#define SINEW_TOPO_TYPE_FIRST	64u	/* of applications */
#define SINEW_TOPO_ANY		UINT32_MAX	/* as the type of a filter: each */
#define SINEW_TOPO_ATTR_MAX	256u	/* bytes of attributes */

enum sinew_scope { SINEW_SCOPE_NODE = 1, SINEW_SCOPE_CLUSTER };

enum sinew_topo_event {
	SINEW_TOPO_PUBLISHED = 1,
	SINEW_TOPO_WITHDRAWN,
	SINEW_TOPO_TIMEOUT,	/* the time of the subscription is over: the last event */
	SINEW_TOPO_CURRENT,	/* all that is there has been told */
	SINEW_TOPO_OVERRUN,	/* SINEW_TOPO_STRICT: steps are lost: the last event */
	SINEW_TOPO_LOST,	/* the connection is lost, and tried again; CURRENT follows. In the
				 * same process: the node is freed, the last event */
	SINEW_TOPO_REFUSED,	/* the server does not take it, see error: the last event */
};

/* "PUBLISHED", "NODE", "cluster", ...; never NULL, "?" for a number that has none. any thread. */
const char *sinew_topo_event_name(enum sinew_topo_event event);
const char *sinew_topo_type_name(uint32_t type);
const char *sinew_scope_name(enum sinew_scope scope);

/* How far a subscription is: index counts in that epoch, which is one run of a server. */
struct sinew_position {
	uint64_t epoch, index;
};

struct sinew_publication {
	size_t size;
	uint32_t type, lower, upper;
	enum sinew_scope scope;
	uint32_t node;		/* its publisher; with incarnation and pub its identity */
	uint32_t pub;
	uint64_t incarnation;
	const void *attr;
	size_t attr_len;	/* at most SINEW_TOPO_ATTR_MAX */
};

/* An event, valid until the function that gets it returns. */
struct sinew_topo_msg {
	size_t size;
	enum sinew_topo_event event;
	const struct sinew_publication *publication;	/* PUBLISHED, WITHDRAWN; else NULL */
	bool collapsed;		/* steps before it were left out */
	bool first;		/* it was there when the subscription began */
	bool group;		/* it and the next event are of one cause; where that is CURRENT,
				 * the steps behind it are left out */
	int error;		/* REFUSED, LOST: negative errno */
	uint64_t usr;		/* of the filter */
	struct sinew_position position;	/* behind this event, to resume from */
	uint64_t n_collapsed;	/* events marked collapsed so far */
};

/* Runs in sinew_topo_dispatch(); it may call everything but that and sinew_topo_close() of its
 * connection. */
typedef void (*sinew_topo_fn)(struct sinew_subscription *sub, const struct sinew_topo_msg *msg,
			      void *user);

/* ---- the server ---- */

/* Zero it, then set size and what is needed. A number of 0: its default. */
struct sinew_topo_options {
	size_t size;		/* sizeof(struct sinew_topo_options) */
	uint32_t log_entries;	/* 65536, 8 to 2^24: changes that slow subscribers may be behind;
				 * rounded up to a power of two */
	uint32_t max_publications;	/* 131072, at most 2^24: rows, of all nodes */
	uint32_t max_subscriptions;	/* 4096, at most 2^20: of programs; half of them of users
					 * who are neither root nor the program's */
};

/*
 * Starts the topology server of the node, with a thread of its own, all signals blocked in it, that
 * calls the log function of the node, too. It ends with the node. calls: those of the node, through
 * which members tell each other what they publish with scope cluster; NULL: this node's stays here.
 * Before the first sinew_dispatch(), with own_thread before the first sinew_peer_add(); calls are
 * still to be there. options NULL: defaults. any thread.
 * -EINVAL: an option out of range, calls of another node. -EALREADY: it runs. -EBUSY: the node was
 * dispatched, or has too many observers. -EMFILE, -ENFILE, -EAGAIN (no thread), -ENOMEM, -ECHILD.
 */
int sinew_topo_start(struct sinew_node *node, struct sinew_calls *calls,
		     const struct sinew_topo_options *options);

/* ---- connections ---- */

/*
 * Connects a thread of the program itself, without waiting. sinew_topo_close() gives it back,
 * before or after sinew_node_free(). any thread.
 * -ENOENT: sinew_topo_start() was not called. -EUSERS: the program has 1024 of them. -EMFILE,
 * -ENFILE, -ENOMEM, -ECHILD.
 */
int sinew_topo_open(struct sinew_node *node, struct sinew_topo **ret_topo);

/*
 * Connects to the control socket of that name (sinew_control_name()) on this machine; waits for
 * at most 2 s. The user of the server is checked before anything is sent. A connection that is
 * lost later is tried again every 250 ms: publications are then made again and subscriptions go on
 * where they were. any thread.
 * -ECONNREFUSED: nobody has that name. -EPERM: a program of a user who is neither root nor our own
 * has it. -EACCES: the server does not let our user read. -EUSERS: our user has as many
 * connections there as it takes. -ETIMEDOUT: no answer. -EPROTO: not the topology server of a
 * version that we know. -ENAMETOOLONG, -EINVAL, -EMFILE, -ENFILE, -ENOMEM.
 */
int sinew_topo_connect(const char *name, struct sinew_topo **ret_topo);

/* Readable when sinew_topo_dispatch() has work; always the same. Not to be read or closed. */
int sinew_topo_get_fd(const struct sinew_topo *topo);

/*
 * Runs the functions of subscriptions, and all else that is due; waits at most timeout_ms for it
 * (0: not at all, negative: until something happened). Returns the number of events.
 * -ESHUTDOWN: the node of this program is freed, and all events were told. -EINVAL: from one of its
 * functions. -EINTR: a signal came. -ECHILD.
 */
int sinew_topo_dispatch(struct sinew_topo *topo, int timeout_ms);

/* Withdraws all that was published by it, cancels its subscriptions. Not from one of its
 * functions. NULL is ignored. */
void sinew_topo_close(struct sinew_topo *topo);

/*
 * Publishes, until sinew_topo_withdraw() or the end of the connection; never waits, whatever
 * subscribers do. *ret_id (may be NULL) names it towards sinew_topo_withdraw(). lower <= upper. The
 * server may still refuse it: see n_refused of struct sinew_topo_status.
 * -EAGAIN: faster than the server takes; again later (the descriptor is not readable for that), or
 * events wait that are not dispatched. -EINVAL: type below SINEW_TOPO_TYPE_FIRST or SINEW_TOPO_ANY,
 * a range upside down, another scope. -EMSGSIZE: len over SINEW_TOPO_ATTR_MAX. -ENOSPC: 131072 by
 * one connection. -ESHUTDOWN: the node is freed. -ENOMEM, -ECHILD.
 */
int sinew_topo_publish(struct sinew_topo *topo, uint32_t type, uint32_t lower, uint32_t upper,
		       enum sinew_scope scope, const void *attr, size_t len, uint64_t *ret_id);
/* -ENOENT: this connection has no such publication; by sinew_topo_open() the server alone knows
 * that, and nothing happens. -EAGAIN, -ESHUTDOWN, -ECHILD: as above. */
int sinew_topo_withdraw(struct sinew_topo *topo, uint64_t id);

#define SINEW_TOPO_EDGE		1u	/* PUBLISHED for the first one of each {lower, upper},
					 * WITHDRAWN with the last one */
#define SINEW_TOPO_STRICT	2u	/* rather OVERRUN than collapsed events */
#define SINEW_TOPO_RESUME	4u	/* first what came after from; where the server does not
					 * have that any more, what is there, all of it marked first
					 * and collapsed, or with SINEW_TOPO_STRICT OVERRUN. Not
					 * with SINEW_TOPO_EDGE */

/* Zero it, then set size and what is needed; timeout_ms is 0 then, so mostly to be set, too. */
struct sinew_topo_filter {
	size_t size;		/* sizeof(struct sinew_topo_filter) */
	uint32_t type, lower, upper;	/* names that overlap it; SINEW_TOPO_ANY needs
					 * 0..UINT32_MAX */
	uint32_t node;		/* of that publisher; 0: any */
	enum sinew_scope scope;	/* 0: both */
	unsigned flags;		/* SINEW_TOPO_EDGE and so on */
	int timeout_ms;		/* from now; 0: what is there now; negative: no limit */
	uint64_t usr;		/* comes with each event */
	struct sinew_position from;	/* with SINEW_TOPO_RESUME */
};

/*
 * Subscribes; the events come by sinew_topo_dispatch(). *ret_sub (may be NULL) is valid until
 * sinew_topo_cancel() or sinew_topo_close(), also after its last event.
 * -EINVAL: a range upside down, unknown flags or both EDGE and RESUME, an unknown scope,
 * SINEW_TOPO_ANY with another range.
 * -ENOSPC: 65536 by one connection. -ESHUTDOWN, -ENOMEM, -ECHILD.
 */
int sinew_topo_subscribe(struct sinew_topo *topo, const struct sinew_topo_filter *filter,
			 sinew_topo_fn fn, void *user, struct sinew_subscription **ret_sub);
/* No event comes any more. NULL is ignored. Always 0. */
int sinew_topo_cancel(struct sinew_subscription *sub);

/*
 * The nodes that have published a name with that instance now: up to max into nodes, each once;
 * returns how many there are. Waits for the server, at most 2 s, also where signals come; functions
 * of other subscriptions may run meanwhile.
 * -ETIMEDOUT: no answer. -EINVAL: from one of its functions. As sinew_topo_subscribe().
 */
int sinew_topo_lookup(struct sinew_topo *topo, uint32_t type, uint32_t instance, uint32_t *nodes,
		      unsigned max);

/* ---- status ---- */

struct sinew_topo_status {
	size_t size;		/* sizeof(struct sinew_topo_status), set by the caller */
	bool connected;
	uint32_t nodeid;	/* of the server, from here, 0: never connected */
	uint64_t incarnation, epoch;
	uint32_t n_publications;	/* that are to be there */
	uint32_t n_subscriptions;
	uint32_t n_pending;	/* requests that the server has not answered */
	uint64_t n_refused;	/* publications that it did not take */
	int refusal;		/* why: negative errno of the last one; -ENOSPC: no room */
	uint64_t n_events;	/* told to subscriptions */
	uint64_t n_collapsed;	/* of them */
	uint64_t n_losses;	/* of the connection */
};

struct sinew_subscription_status {
	size_t size;		/* sizeof(struct sinew_subscription_status), set by the caller */
	bool current;		/* all that was there has been told */
	bool ended;		/* its last event was told */
	struct sinew_position position;
	uint64_t lag;		/* changes of the server's log behind its position, as last heard */
	uint64_t n_events, n_collapsed;
	uint64_t n_snapshots;	/* times that the state came in place of the steps */
};

/* A struct of another version of this header gets what both know, else 0. -EINVAL: size. */
int sinew_topo_status(const struct sinew_topo *topo, struct sinew_topo_status *ret);
int sinew_subscription_status(const struct sinew_subscription *sub,
			      struct sinew_subscription_status *ret);

#ifdef __cplusplus
}
#endif

#endif
