/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of a node: one thread that owns the topology of the node and answers programs and
 * members. Sessions, publishers and subscribers reach it by descriptors and atomic words, and wait
 * for it in no case. Its limits are below, and in server_base.h, which lists its files. Knows no
 * JSON: a gate answers what is asked in it.
 */
#ifndef SINEW_SERVICES_SERVER_H
#define SINEW_SERVICES_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "services/sinew-topo.h"

struct server;

/* NULL: sinew_topo_start() was not called. Any thread. */
struct server *server_of(const struct sinew_node *node);
struct sinew_node *server_node(const struct server *s);

/* What a program may do. */
#define SERVER_READS	1u	/* ask, subscribe */
#define SERVER_WRITES	2u	/* publish; a gate decides itself what it changes for whom */

/* The judge of the control socket's clients, and the one who answers them. Its functions run on the
 * server's thread; they may call the functions here, and those of sinew.h for any thread. */
struct server_gate {
	/* SERVER_ bits, when it has connected; 0: it is refused with -EACCES. fd: its socket, for
	 * SO_PEERGROUPS. */
	unsigned (*may)(void *arg, int fd, const struct ucred *who);
	/* *ret_text: by malloc(), of any length; it is freed by the server. rights: those that
	 * may() gave. who NULL: a member asks, the node peer. 0 or a negative errno, which goes in
	 * place of a text. */
	int (*answer)(void *arg, const char *request, size_t len, const struct ucred *who,
		      unsigned rights, uint32_t peer, char **ret_text);
	bool answers_members;	/* at all; else they get SINEW_RX_INVALID_OPERATION */
	void (*freed)(void *arg);	/* the server has gone; may be NULL */
	void *arg;
};

/*
 * Opens the control socket, once, before the first dispatch. gate is copied, and referred to until
 * its freed() has run, also where this fails but with -EEXIST.
 * -EADDRINUSE: another program has that name. -EEXIST: there is one. -ENAMETOOLONG, -EINVAL,
 * -EMFILE, -ENFILE, -ENOMEM.
 */
int server_listen(struct server *s, const char *name, const struct server_gate *gate);

/* ---- status, on the server's thread ---- */

struct server_status {
	const char *name;	/* of the socket; NULL: none */
	uint64_t epoch, index;	/* of the log's end */
	uint32_t n_publications, max_publications;
	uint32_t n_subscriptions, max_subscriptions;
	uint32_t log_entries;
	uint64_t bytes;		/* of table and log */
	uint32_t n_connections;	/* of the socket, and of the program itself */
	uint32_t n_silent;	/* of them have not said HELLO */
	uint64_t n_refused;	/* connections */
	uint64_t n_requests;
	uint64_t n_excess;	/* publications of members beyond their bound, not taken */
};
void server_status(struct server *s, struct server_status *ret);

/* One subscriber. */
struct server_subscriber {
	uint32_t node;		/* a member; 0: a program of this machine: */
	pid_t pid;
	uid_t uid;
	uint32_t type, lower, upper;
	uint64_t lag;		/* changes of the log that it has not been given */
	uint64_t n_collapsed;	/* times that it was given the state in their place */
	bool waits;		/* it takes no more at present */
};
/* Each of them, up to max; returns how many there are. */
unsigned server_subscribers(struct server *s, struct server_subscriber *ret, unsigned max);

#endif
