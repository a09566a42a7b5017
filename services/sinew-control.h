/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: the control socket of a node, by which programs of the same machine read its status,
 * read and change its options, and are told of the topology (sinew-topo.h). Conventions and threads
 * as in sinew.h.
 *
 * Requests and answers are JSON, one object each, with a member "schema", 1 at present. Requests
 * with a member that is not known are refused; answers may grow. Schemas of all answers are
 * installed beside the command; sinew-control(7) describes them.
 *
 * The socket is of AF_UNIX and SOCK_SEQPACKET, with an abstract name. The kernel proves who is at
 * its other end: no request says so. Root and the user of the program may read and change
 * everything, further users as the options say, all others nothing.
 */
#ifndef SINEW_CONTROL_H
#define SINEW_CONTROL_H

#include "sinew-call.h"

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SINEW_CONTROL_NAME_MAX		104	/* bytes of a name, NUL included */
#define SINEW_CONTROL_REQUEST_MAX	65520	/* bytes of a request */
#define SINEW_CONTROL_ANSWER_MAX	(64u << 20)	/* bytes of an answer that are taken */
#define SINEW_CONTROL_WRITERS_MAX	16

/* Zero it, set size, then what is needed. */
struct sinew_control_options {
	size_t size;		/* sizeof(struct sinew_control_options); forgotten: -EINVAL */
	const char *name;	/* of the socket; NULL: sinew_control_name() of the node */
	struct sinew_calls *calls;	/* those of the node, which the status describes, and which
				 * carry the topology between nodes; NULL: none */
	bool has_read_gid;	/* that group, too, may read, also as a supplementary one */
	gid_t read_gid;
	bool anyone_reads;	/* every user of this machine may read */
	const uid_t *write_uids;	/* these users, too, may read, change options and publish;
				 * copied */
	unsigned n_write_uids;	/* at most SINEW_CONTROL_WRITERS_MAX */
	bool remote_status;	/* peers get the status, too, by calls; nobody changes anything
				 * from afar */
};

/*
 * Opens the control socket of the node. Starts its topology server as sinew_topo_start() does,
 * unless that was done before. A thread of the library answers, also while the application blocks
 * the loop. Until sinew_node_free(). Before the first sinew_dispatch(), with own_thread before the
 * first sinew_peer_add(). opt NULL: all defaults. any thread.
 * -EINVAL: an option out of range, or calls of another node. -EADDRINUSE: another program has that
 * name. -EEXIST: the node has a control socket. -EBUSY: too late. -ENOSYS: the library was built
 * without json-c. -ENOMEM, -EMFILE, -ENFILE, -EAGAIN (no thread), -ECHILD.
 */
int sinew_control_serve(struct sinew_node *node, const struct sinew_control_options *opt);

/*
 * The usual name of the socket of a node: "sinew/CLUSTER/GROUP/NODEID", where cluster and group
 * have '_' in place of '/' and of what is not printable, and only as many bytes as fit. any thread.
 * Returns its length. -EINVAL: no text, or nodeid 0. -ENOSPC: size is less than
 * SINEW_CONTROL_NAME_MAX.
 */
int sinew_control_name(const char *cluster, const char *group, uint32_t nodeid, char *buf,
		       size_t size);

/*
 * Asks the node with the socket of that name, and waits at most timeout_ms for all of the answer
 * (negative: no limit). Before anything is sent it is made sure that root or the user of this
 * process has that socket: anybody may take an abstract name. *ret_answer is text that belongs to
 * the caller: sinew_control_free(). A request that was refused has an answer as well, with a member
 * "error". any thread.
 * -ECONNREFUSED: no program has that name. -EPERM: the socket belongs to another user. -EACCES:
 * this user may not read. -EUSERS: this user has as many connections as it may. -EMSGSIZE: the
 * request is too long. -ETIMEDOUT. -ECONNRESET: the program went meanwhile. -EPROTO: what came is
 * no answer. -EINVAL: name or request. -ENOMEM, other errors of socket calls.
 */
int sinew_control_ask(const char *name, const char *request, int timeout_ms, char **ret_answer);
/* NULL is ignored. any thread. */
void sinew_control_free(char *answer);

#ifdef __cplusplus
}
#endif

#endif
