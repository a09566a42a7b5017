/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that is connected to the server: its requests, its subscriptions, the answers and
 * events for it. An answer that does not go yet stops its requests, and nothing else. Knows nothing
 * of how it came.
 */
#ifndef SINEW_SERVICES_SERVER_CLIENT_H
#define SINEW_SERVICES_SERVER_CLIENT_H

#include "services/server_base.h"

/* The answer that does not go yet. */
struct server_answer {
	struct control_head head;
	uint8_t body[CONTROL_HELLO_ANSWER];
	size_t len;			/* of the body, or of the text */
	bool due;
	char *text;			/* in place of the body: goes in pieces; malloc() */
	size_t at;			/* so much of it has gone */
};

struct server_client {
	enum server_source source;	/* first */
	int fd;
	struct ucred who;
	uint32_t rights;		/* SERVER_ bits */
	bool is_local;			/* a thread of this program */
	bool greeted;
	bool over;			/* to be closed */
	uint32_t events;		/* that epoll looks for */
	uint64_t hello_ns;		/* until when it must have said HELLO */
	struct list all, silent;
	struct server_client *next;	/* among those that arrive */
	struct server_publisher by;
	struct list subs, blocked;
	uint32_t n_subs;
	struct server_answer answer;
};

/* Of a socket, which is the server's from now on; NULL: no memory, and it is not. Any thread. */
struct server_client *client_new(int fd, const struct ucred *who);
/* client_new() alone, undone, with its socket. Any thread. */
void client_discard(struct server_client *c);

/* The server's thread from here on. It is looked after. 0 or a negative errno: it is not. */
int client_begin(struct server *s, struct server_client *c);
/* It was in epoll's hands; over: it is to be closed by client_end(). */
void client_event(struct server *s, struct server_client *c, uint32_t events);
/* With all that it has published and subscribed. */
void client_end(struct server *s, struct server_client *c);
/* Refuses it: the answer to its HELLO, if there is room; then it is over. */
void client_refuse(struct server_client *c, int err);
/* Sends events of a subscription that has some, at most SERVER_WRITES_A_TURN messages; the others
 * wait as if there were no room. The subscription ends with its last event. */
void client_feed(struct server *s, struct server_sub *sub);

#endif
