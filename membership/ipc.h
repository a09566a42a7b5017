/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connections to the local corosync: its process group (CPG), its quorum, its
 * configuration (cmap). ipc.c is the one file that includes corosync.
 * Knows nothing of the meaning of events.
 *
 * Functions marked "blocks" do so without a bound while corosync hangs: they
 * belong on a thread of their own. One thread at a time; it wants IPC_STACK bytes.
 */
#ifndef MEMBERSHIP_IPC_H
#define MEMBERSHIP_IPC_H

#include "membership/view.h"

#define IPC_FDS		3
#define IPC_STACK	(4u << 20)	/* libcpg and libquorum put a MiB on it */
#define IPC_TEXT_MAX	(1u << 20)	/* of ipc_config() */

struct ipc;

/* Called from ipc_dispatch(), in the order in which each connection has them. */
struct ipc_events {
	void (*group)(void *arg, uint32_t own_pid, const struct view_process *now, unsigned n_now,
		      const struct view_gone *gone, unsigned n_gone);
	void (*group_ring)(void *arg, const struct view_ring *ring);
	void (*quorum)(void *arg, bool is_quorate, const struct view_ring *ring);
	void (*message)(void *arg, const struct view_process *from, const uint8_t *bytes,
			size_t len);
	/* Nodes, addresses or options may be others: ipc_config() has them. */
	void (*config)(void *arg);
};

/* blocks. -ENOTCONN: no corosync runs here, or it does not let us in (its uidgid);
 * *ret_text then says which service refused and why. -ENOMEM. */
int ipc_open(const struct ipc_events *events, void *arg, struct ipc **ret_ipc, char *ret_text,
	     size_t text_size);
/* blocks. NULL is ignored. */
void ipc_close(struct ipc *ipc);

/*
 * blocks. The configuration that corosync has now, as text in the syntax of corosync.conf: totem {
 * cluster_name, ip_version }, nodelist { }, sinew { }. To be freed. *ret_local: the own nodeid.
 * -ENOTCONN. -ENOMEM. -EFBIG: longer than IPC_TEXT_MAX. -EINVAL: a value that such a
 * file cannot have.
 */
int ipc_config(struct ipc *ipc, char **ret_text, uint32_t *ret_local);

/* blocks. Wants to be a member of that group; events->group says when we are.
 * -EAGAIN: not now, try again later. -ENOTCONN. -EINVAL: the name is too long. */
int ipc_join(struct ipc *ipc, const char *group);
/* blocks. */
int ipc_leave(struct ipc *ipc);
/* blocks. Whether corosync answers at all: 0, or -ENOTCONN. */
int ipc_check(struct ipc *ipc);
/* blocks. Whether there is quorum now. Returns as ipc_check(), or -EAGAIN. */
int ipc_quorate(struct ipc *ipc, bool *ret_is_quorate);

/* To wait on for reading; the descriptors stay the same. */
void ipc_fds(const struct ipc *ipc, int fds[IPC_FDS]);
/* All that has come; does not block. -ENOTCONN: corosync is gone. */
int ipc_dispatch(struct ipc *ipc);
/* To all of the group, ourselves too; does not block. -EAGAIN, -ENOTCONN. */
int ipc_send(struct ipc *ipc, const void *bytes, size_t len);

#endif
