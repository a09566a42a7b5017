/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: for whoever looks after a node, beside the application that sends and receives: what
 * happens to its sessions, its peers and itself. Conventions as in sinew.h.
 */
#ifndef SINEW_MANAGE_H
#define SINEW_MANAGE_H

#include "sinew.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- events ---- */

#define SINEW_WATCHES_MAX	8	/* observers of a node */

/*
 * Events of a node for an observer, as a membership back-end is one. Called on the loop thread,
 * before the application's callbacks, with a lock of the node's own held: they leave word
 * somewhere and return, and call nothing of the library. Any of them may be NULL.
 */
struct sinew_watch {
	size_t size;			/* sizeof(struct sinew_watch) */
	void (*renewed)(void *arg, uint64_t incarnation);	/* the new one is in force */
	void (*closing)(void *arg);	/* sinew_close() took effect */
	void (*closed)(void *arg);	/* its handshakes are over */
	/* A session began, on a link. Its end; not told by sinew_node_free(). */
	void (*session_up)(void *arg, uint32_t nodeid, uint64_t incarnation);
	void (*session_down)(void *arg, uint32_t nodeid, uint64_t incarnation,
			     enum sinew_down reason);
	/* Between the two: the session has lost its link (false), or has one again (true). The two
	 * alternate. */
	void (*link)(void *arg, uint32_t nodeid, uint64_t incarnation, bool up);
	/* A peer was added or removed, or has other addresses, or another name, as the own node may
	 * have, or its session a link on another path: the functions below say how it is now. */
	void (*peer)(void *arg, uint32_t nodeid);
	/* sinew_quorum() took effect, and changed it. A node begins with quorum. */
	void (*quorum)(void *arg, bool quorate);
	/* sinew_option_set() took effect, and changed that one; name stays valid. */
	void (*option)(void *arg, const char *name);
};

/*
 * Adds an observer; arg is its name, and what its functions get. They tell what happens from then
 * on: what was before is asked for behind this call. watch NULL removes that of arg, if there is
 * one, and none of its functions runs when that returns. any thread, not from inside one of them.
 * -EINVAL: its size. -EBUSY: arg has one. -ENOSPC: there are SINEW_WATCHES_MAX. -ECHILD.
 */
int sinew_watch(struct sinew_node *node, const struct sinew_watch *watch, void *arg);

/* ---- peers ---- */

#define SINEW_PEER_NAME_MAX	256	/* bytes of a name, NUL included */

/* Copies up to max nodeids of peers, in no order; returns how many there are. any thread.
 * -EINVAL: max < 0, or no place for them. -ECHILD. */
int sinew_node_peers(struct sinew_node *node, uint32_t *nodeids, int max);
/* Copies up to max addresses of a peer, as the calls so far have set them, or of the own node, with
 * their ports, most preferred first; returns how many there are. any thread. -ENOENT: unknown.
 * -EINVAL: no place for them. -ECHILD. */
int sinew_peer_addrs(struct sinew_node *node, uint32_t nodeid, struct sockaddr_storage *addrs,
		     unsigned max);
/*
 * Gives a peer, or the own node, a name for people: any bytes, "" is none. It goes with the peer.
 * Membership by a file or by corosync sets those of the nodelist. any thread.
 * -ENOENT: unknown. -EINVAL: NULL, or longer than SINEW_PEER_NAME_MAX. -ENOMEM, -ECHILD.
 */
int sinew_peer_set_name(struct sinew_node *node, uint32_t nodeid, const char *name);
/* Writes it, cut to at most n bytes, always terminated. any thread. -ENOENT: unknown. -EINVAL: no
 * place for it. -ECHILD. */
int sinew_peer_name(struct sinew_node *node, uint32_t nodeid, char *buf, size_t n);

/* ---- status ---- */

struct sinew_node_status {
	size_t size;			/* sizeof(struct sinew_node_status), set by the caller */
	uint32_t nodeid;
	uint64_t incarnation;
	bool quorate;			/* as sinew_quorum() said last; without it: true */
	bool closing, closed;		/* sinew_close() was called; all is over */
	unsigned n_peers;		/* that are known */
	unsigned n_sessions;		/* that are up */
	unsigned n_links;		/* of them those that have a link */
	unsigned n_conns;		/* connections of any kind */
	unsigned n_handshakes;		/* of them those that carry no session: dialled, not yet
					 * known, or asking whether an address answers */
	unsigned n_listeners;		/* own addresses that can be connected to */
	unsigned n_fds;			/* descriptors of the node */
	uint64_t memory_bytes, memory_limit;	/* of queues and buffers; node_memory */
	uint64_t loop_busy_ms;		/* duration of the current iteration of the loop, callbacks
					 * included, or of the wait of pending work for
					 * sinew_dispatch(); 0: the loop is idle, or made progress
					 * meanwhile */
	uint64_t loop_turns;		/* iterations so far */
	uint64_t refused;		/* connections that were refused */
	uint64_t faults;		/* those of strangers that broke the protocol */
	uint64_t probes_answered;
};

/*
 * Of the node itself; does not need the loop, so that it also answers while the application blocks
 * that. Where the application polls the descriptor and does not come, loop_busy_ms counts what
 * came from outside from the first call of this function that has seen it. Copies what both
 * versions of the header know, 0 for the rest. any thread. -EINVAL: size. -ECHILD.
 */
int sinew_node_status(struct sinew_node *node, struct sinew_node_status *ret);

#define SINEW_ERRORS_MAX	16

/* A warning or an error of the log, whatever log and log_level are. */
struct sinew_error_entry {
	uint64_t at_ms;			/* CLOCK_REALTIME, ms since 1970 */
	enum sinew_level level;
	uint32_t nodeid;		/* of the peer that it is about; 0: none */
	char text[200];			/* cut if longer */
};

/* Copies up to max of the last SINEW_ERRORS_MAX ones, the newest first; returns how many there
 * are. any thread. -EINVAL: max < 0, or no place for them. -ECHILD. */
int sinew_node_errors(struct sinew_node *node, struct sinew_error_entry *entries, int max);

/* ---- options ---- */

#define SINEW_OPTION_TEXT_MAX	512	/* bytes of a value, and of an error's text, NUL included */
#define SINEW_OPTION_SET_MAX	64	/* values that are set at once */

/*
 * An option of struct sinew_options, by the name of its field, as sinew.conf(5) has it; or, under
 * static membership, "peer.NODEID": the addresses of that peer, ADDRESS or ADDRESS:PORT (IPv6 with
 * a port: [ADDRESS]:PORT), separated by blanks. Numbers are decimal, k, M or G may follow; ack_ms 0
 * is SINEW_ACK_AT_ONCE.
 */
struct sinew_option_info {
	size_t size;			/* sizeof(struct sinew_option_info), set by the caller */
	const char *name, *unit, *meaning;	/* constant; unit may be "" */
	bool changeable;		/* in a node that runs */
	char standard[64];		/* its default, "" where it must be set */
};

/* The option of every node with that index, from 0 without a gap; peers have none. any thread.
 * -ENOENT: there are no more. -EINVAL: size. */
int sinew_option_info(unsigned index, struct sinew_option_info *ret);
/* The same of one node, which has those of its calls behind these: "calls.slots" and
 * "calls.window", of struct sinew_calls_options, from sinew_calls_new() on. any thread.
 * -ENOENT: there are no more. -EINVAL: size. -ECHILD. */
int sinew_node_option_info(struct sinew_node *node, unsigned index, struct sinew_option_info *ret);
/* Writes the value of an option or the addresses of a peer, as the calls so far have set them, cut
 * to at most n bytes, always terminated. any thread. -ENOENT: no such option, or no such peer.
 * -EINVAL: no place. -ECHILD. */
int sinew_option_get(struct sinew_node *node, const char *name, char *buf, size_t n);

struct sinew_option_value { const char *name, *text; };

/*
 * Sets n options, all or none, checked as by sinew_node_new(), and with the others as they are.
 * They take effect on the loop, in the order of the calls; each change is logged there, and told by
 * option of sinew_watch(). A peer.NODEID is added, gets these addresses, or is removed (""): it is
 * set alone, not with others. err (of err_size bytes, may be NULL with 0) gets what is wrong, for
 * people. any thread.
 * -ENOENT: no such option, or no such peer to remove. -EROFS: it cannot change in a node that runs:
 * a new start is needed, as for the own addresses; or peers come from another membership. -EINVAL:
 * a value is out of range, contradicts another one or has no peer's address; an option is named
 * twice; a peer with others. -E2BIG: more than SINEW_OPTION_SET_MAX. -ENOMEM, -ECHILD. Of a peer:
 * the errors of sinew_peer_add().
 */
int sinew_option_set(struct sinew_node *node, const struct sinew_option_value *values, unsigned n,
		     char *err, size_t err_size);

#ifdef __cplusplus
}
#endif

#endif
