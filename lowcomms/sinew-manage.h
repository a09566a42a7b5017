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
	 * have: the functions below say how it is now. */
	void (*peer)(void *arg, uint32_t nodeid);
	/* sinew_quorum() took effect, and changed it. A node begins with quorum. */
	void (*quorum)(void *arg, bool quorate);
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
/* Copies up to max addresses of a peer or of the own node, with their ports, most preferred first;
 * returns how many there are. any thread. -ENOENT: unknown. -EINVAL: no place for them. -ECHILD. */
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

#ifdef __cplusplus
}
#endif

#endif
