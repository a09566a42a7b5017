/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Results of dials and links of a peer, for the log and for its status: the last error,
 * and lines about an unreachable address, once when it lasts, when the reason changes,
 * and when it is over. All on the loop thread. Ends and begins no connection.
 */
#ifndef SINEW_LOWCOMMS_REACH_H
#define SINEW_LOWCOMMS_REACH_H

#include "lowcomms/node.h"

/* So many dials that are answered by nobody (connect_ms) must fail until it is said. */
#define REACH_DIALS	5u
/* Dials that failed so far apart have nothing to do with each other. */
#define REACH_APART_NS	60000000000u
/* Incarnations that take each other's place within that time take turns. */
#define REACH_TURNS_NS	60000000000u

/* The last error of the peer, for its status. 0: none. */
void reach_error(struct member *m, int err);
/* Publishes the paths, the link and the last error of the peer for its status. */
void reach_show(struct member *m);
/* The transport has measured the path of that link, which is up. 0: it has not. */
void reach_measured(struct member *m, const struct link *l, uint64_t rtt_ns);
/* A session of the peer begins, before the observers know of it. */
void reach_begin(struct member *m);
/* Does the same as reach_show(), and notifies the observers when the session of the peer has lost
 * its link, or has regained one, or has one on another path. */
void reach_link(struct sinew_node *n, struct member *m);
/* A dial failed before there was a connection. from: where it was to leave, or NULL. */
void reach_no_dial(struct sinew_node *n, struct member *m, unsigned path, int err,
		   enum dial_step step, const struct sockaddr_storage *from);
/* A dialled link has ended that was not up: err is 0 (end of file) or -errno. */
void reach_failed(struct sinew_node *n, struct member *m, const struct link *l, int err);
/* The core has shut a link of the peer. */
void reach_shut(struct sinew_node *n, struct member *m, const struct link *l, bool was_up);
/* A link is up; something came on one that probes. */
void reach_up(struct sinew_node *n, struct member *m, const struct link *l);
void reach_probed(struct sinew_node *n, struct member *m, const struct link *l);
/* Its link uses all its addresses, of which that one works, or does not. */
void reach_path(struct sinew_node *n, struct member *m, const struct sockaddr_storage *addr,
		bool works);
/* The peer has these addresses now (core's block). */
void reach_addrs(struct sinew_node *n, struct member *m);
/* An incarnation of the peer is up, on its link; one has ended because another took its place. */
void reach_incarnation(struct sinew_node *n, struct member *m);
void reach_superseded(struct sinew_node *n, struct member *m);

#endif
