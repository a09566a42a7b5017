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
/* *ret_fd: the other end of a connection of the program itself, the caller's. Any thread. -EUSERS:
 * there are too many. -EMFILE, -ENFILE, -ENOMEM. */
int server_connect(struct server *s, int *ret_fd);

/* The rights of a program. */
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
	void (*freed)(void *arg);	/* the server has gone; may be NULL */
	void *arg;
};

#endif
