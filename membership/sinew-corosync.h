/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew under corosync: the cluster's nodes, addresses and quorum come from the
 * local corosync, and sessions follow its membership. Installed where the
 * library was built with corosync; conventions as in sinew.h.
 *
 * The order of things
 *	sinew_corosync_open()		connects and reads the configuration
 *	sinew_corosync_options()	what it says for sinew_node_new()
 *	sinew_node_new()
 *	sinew_corosync_attach()		joins the group; from now on the node has peers
 *	sinew_dispatch() ...
 *	sinew_close()			says goodbye to the group, and leaves it behind
 *					the handshakes
 *	sinew_corosync_free()
 *	sinew_node_free()
 *
 * One thread of the library, with all signals blocked, makes every call to
 * corosync, because they block while it hangs; it is started by sinew_corosync_open().
 * Data go on meanwhile.
 *
 * When corosync dies all peers go down and the node takes a new incarnation
 * (self_lost); it joins again by itself when corosync is back.
 */
#ifndef SINEW_COROSYNC_H
#define SINEW_COROSYNC_H

#include "sinew.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sinew_corosync;

/* Fill with sinew_corosync_setup_init(). Strings are copied. */
struct sinew_corosync_setup {
	size_t size;			/* set by sinew_corosync_setup_init() */
	uint32_t connect_ms;		/* 10000: sinew_corosync_open() waits so long for
					 * corosync to come up and to answer; 0: that */
	bool hold_failed;		/* a member that failed is not told to the node: the
					 * fence_asked callback comes once there is quorum, and
					 * the application calls sinew_peer_failed() when it
					 * has been fenced. A node that comes back by itself
					 * ends its old incarnation, too */
	bool observe;			/* only look on: there is no node of ours, and the
					 * group does not count us; sinew_corosync_attach()
					 * gets NULL */
	sinew_log_fn log;		/* NULL = none; the thread of the library, or that of
					 * an attach that is refused; must not call back */
	void *log_user;
	enum sinew_level log_level;	/* SINEW_INFO */
};

void sinew_corosync_setup_init(struct sinew_corosync_setup *setup, size_t size);
#define SINEW_COROSYNC_SETUP_INIT(setup) sinew_corosync_setup_init((setup), sizeof *(setup))

/*
 * Connects to the local corosync and reads its configuration, trying again until
 * connect_ms is over; host names may take five seconds more. err (of err_size bytes) gets why it
 * failed, for people.
 * -ENOTCONN: corosync does not run, or does not let us in. -ETIMEDOUT: it does not
 * answer. -EINVAL: its configuration has no use for us, or setup->size is not set. -EADDRNOTAVAIL:
 * no name of the own node has an address. -EHOSTDOWN: the quorum policy is to
 * refuse, and there is no quorum. -ENOMEM, -EAGAIN (no thread).
 * any thread.
 */
int sinew_corosync_open(const struct sinew_corosync_setup *setup, struct sinew_corosync **ret_cs,
			char *err, size_t err_size);

/*
 * Sets in opt, after sinew_options_init(): nodeid, cluster, addresses, membership,
 * and what the section sinew { } of corosync.conf says. Strings belong to cs.
 * any thread.
 */
int sinew_corosync_options(struct sinew_corosync *cs, struct sinew_options *opt);

/*
 * Joins the process group of opt->group and lets the node follow it; returns when
 * that has been asked for, peers come up later. The node is to be made with the
 * options above. -EINVAL: another nodeid, or another membership than
 * SINEW_MEMBERSHIP_EXTERNAL; or the dlm profile, and the log says what to do; or NULL, unless
 * observe was set. -EALREADY: attached. -ENOSPC: the node has SINEW_WATCHES_MAX observers
 * (sinew_watch()). any thread.
 */
int sinew_corosync_attach(struct sinew_corosync *cs, struct sinew_node *node);

/* Leaves the group, waiting at most two seconds for corosync to take that, and
 * releases everything. Before sinew_node_free(); NULL is ignored. Not from a callback. */
void sinew_corosync_free(struct sinew_corosync *cs);

/*
 * That incarnation has been fenced: the members of the group are told, and sinew_peer_failed() is
 * called at each of them that holds its failure back (hold_failed), here too. -ENOSPC: too
 * many wait to be told. -EINVAL: nodeid or incarnation 0. any thread.
 */
int sinew_corosync_fenced(struct sinew_corosync *cs, uint32_t nodeid, uint64_t incarnation);

/* ---- status (any thread) ---- */

/* A descriptor that is readable when what the two functions below give has changed (silent_ms
 * alone is no change), for poll(); sinew_corosync_members() takes that back. It belongs to cs. */
int sinew_corosync_get_fd(const struct sinew_corosync *cs);

struct sinew_corosync_status {
	size_t size;			/* sizeof, set by the caller */
	bool connected;			/* to the local corosync */
	bool in_group;			/* and a member of the group */
	bool quorate;			/* as the node was told */
	bool whole;			/* in the group, all processes in it have said who
					 * they are, and quorum was computed for its ring */
	uint64_t silent_ms;		/* corosync has not answered for so long; 0: it does */
	uint32_t ring_nodeid;		/* of the ring that the group stands on */
	uint64_t ring_seq;
	uint64_t losses;		/* how often corosync was lost */
};

/* -EINVAL: size. */
int sinew_corosync_status(struct sinew_corosync *cs, struct sinew_corosync_status *ret);

/* A node of the nodelist or of the group, the own one included. */
struct sinew_corosync_member {
	uint32_t nodeid;
	char name[64];			/* cut if longer; "" if it has none */
	bool listed;			/* in the nodelist */
	bool in_group;
	bool joined;			/* its HELLO has come: it counts */
	bool leaving;			/* it has said goodbye */
	bool failed;			/* its last incarnation failed, and no other has
					 * joined */
	uint64_t incarnation;		/* 0: not known */
	uint64_t fenced;		/* the last incarnation that was fenced; 0: none */
	bool silent;			/* in the group for seconds, without a HELLO */
	uint64_t since_ms;		/* CLOCK_REALTIME, ms since 1970: when its
					 * incarnation began, if it is joined; else when
					 * it became what it is, as far as we saw */
	unsigned n_addrs;
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];	/* as it says itself, else as in
							 * the nodelist; with the port */
};

/* Copies up to max entries, by nodeid; returns how many there are. */
int sinew_corosync_members(struct sinew_corosync *cs, struct sinew_corosync_member *entries,
			   int max);

#ifdef __cplusplus
}
#endif

#endif
