/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection between a program and a server: whole messages, and who is there. Nothing waits.
 * Knows no meaning of a body.
 */
#ifndef SINEW_SERVICES_CONTROL_LINK_H
#define SINEW_SERVICES_CONTROL_LINK_H

#include "services/control_wire.h"

/*
 * A client's: connects, looks whose server that is, and says HELLO. *ret_fd is the caller's.
 * -EPERM: neither root nor our user has it; nothing was sent. -ECONNREFUSED: nobody has the name.
 * -EAGAIN: its backlog is full. -EINVAL, -ENAMETOOLONG, -EMFILE, -ENFILE, -ENOMEM, -EPIPE.
 */
int control_open(const char *name, int *ret_fd);
/* The server's answer to it, a message: 0, or why it refuses: -EACCES, -EUSERS; -EPROTO: it is no
 * such answer, or of another version. */
int control_greeted(const struct control_head *head, const uint8_t *body,
		    struct control_hello *ret_hello);

/* One message. -EAGAIN: no room. -EMSGSIZE: longer than CONTROL_MAX. Else the connection is
 * gone. */
int control_send(int fd, const struct control_head *head, const void *body, size_t len);
/* The next one, in buf of CONTROL_MAX + 1 bytes, its body behind CONTROL_HEAD of them. -EAGAIN:
 * none. -EMSGSIZE: a longer one, gone. -EBADMSG: broken. Else the connection is gone. */
int control_take(int fd, uint8_t *buf, struct control_head *ret_head);
/* The same of the first one that a client gets: a server that refuses us may shut the connection
 * before it has read our HELLO, and that is told before its answer. */
int control_take_hello(int fd, uint8_t *buf, struct control_head *ret_head);

#endif
