/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other end of a control socket by hand, for tests of the server: whole messages, right or
 * wrong ones. And a node that serves one. Knows no client of the library.
 */
#ifndef SINEW_TESTS_LIB_CONTROL_PEER_H
#define SINEW_TESTS_LIB_CONTROL_PEER_H

#include "services/control_link.h"
#include "services/server_listen.h"
#include "services/topo_wire.h"
#include "tests/lib/follower.h"

/* A name for the control socket of node id, that this process alone uses. */
const char *control_peer_name(unsigned id);
/* An open node with own_thread, server and control socket, whose gate lets everybody do
 * everything. answer may be NULL. */
bool control_node_open(struct test_node *t, unsigned id, const struct sinew_topo_options *opt,
		       int (*answer)(void *arg, const char *request, size_t len,
				     const struct ucred *who, unsigned rights, uint32_t peer,
				     char **ret_text));

/* Such a node 1, and two programs: one in its process, whose follower is told of everything, and
 * one at the control socket. */
bool control_node_begin(struct test_node *t, struct sinew_topo *topos[2], struct follower *all);
void control_node_end(struct test_node *t, struct sinew_topo *topos[2], struct follower *all);

/* Connected, nothing said. -1: refused. */
int control_peer_connect(const char *name);
/* Connected and greeted; -1, and a failed check: it was not. */
int control_peer_open(const char *name);
/* The next answer in buf of CONTROL_MAX + 1 bytes, waits for it: 0, or a negative errno. */
int control_peer_take(int fd, uint8_t *buf, struct control_head *ret);
int control_peer_send(int fd, unsigned kind, uint32_t id, const void *body, size_t len);
/* The server has shut it. */
bool control_peer_is_shut(int fd);

#endif
