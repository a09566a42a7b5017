/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a control socket besides its connections: the node, and the rights of users. Knows
 * no request.
 *
 *	control_serve.c		the user's call: opens it all
 *	control_answer.c	one request, one answer
 *	control_status.c, control_peer.c, control_calls.c, control_config.c
 *				the answers
 *	control_request.c	requests
 *	control.c		rights
 *	control_name.c, control_client.c	the other side
 *
 * All of it runs on the thread of the server, but where it says "any thread".
 */
#ifndef SINEW_SERVICES_CONTROL_H
#define SINEW_SERVICES_CONTROL_H

#include "services/sinew-control.h"

struct server;

struct control {
	struct sinew_node *node;
	struct sinew_calls *calls;	/* referenced; NULL: none */
	struct server *server;		/* NULL: it has no topology */
	uint64_t began_ms;		/* since 1970 */
	uid_t own_uid;
	bool has_read_gid, anyone_reads, remote_status;
	gid_t read_gid;
	unsigned n_write_uids;
	uid_t write_uids[SINEW_CONTROL_WRITERS_MAX];
};

/* opt, as checked, or NULL. -EINVAL, -ENOMEM. Any thread. */
int control_new(struct sinew_node *node, const struct sinew_control_options *opt,
		struct control **ret);
void control_free(struct control *c);

/* The other end of a connection, as the kernel has proved it. */
struct control_who {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;	/* supplementary ones */
	unsigned n_groups;
};
/* SERVER_READS, SERVER_WRITES or both; 0: none. */
unsigned control_rights(const struct control *c, const struct control_who *who);
/* The same for the other end of that socket. */
unsigned control_rights_of(const struct control *c, int fd, uid_t uid, gid_t gid);

#endif
