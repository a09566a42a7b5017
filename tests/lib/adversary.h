/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An enemy that speaks the protocol by hand: dials from any address of loopback, says HELLO as
 * whoever it wants to be, writes what it likes, ends as it likes. Knows no node of the library,
 * nor what carries its bytes; a test that drives a node meanwhile sets dialled_wait_fd.
 */
#ifndef SINEW_TESTS_LIB_ADVERSARY_H
#define SINEW_TESTS_LIB_ADVERSARY_H

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/wire.h"
#include "tests/lib/await.h"
#include "tests/lib/dialled.h"

#define ADVERSARY_IN_MAX	4096u

struct adversary {
	struct dialled conn;
	uint32_t nodeid;	/* that it claims */
	uint64_t mine, yours;	/* its incarnation; the one that it was told */
	uint32_t next;		/* number of its next frame, as it was told */
	uint32_t expected;	/* that it says in HELLO */
	uint32_t queue;		/* that it claims to have */
	uint32_t gen;		/* number of the last choice that it knows of */
	const char *cluster;
	size_t have;
	uint8_t in[ADVERSARY_IN_MAX];
};

void adversary_init(struct adversary *f, uint32_t nodeid, uint64_t incarnation,
		    const char *cluster);
void adversary_close(struct adversary *f);

/* Ends with a reset. */
void adversary_reset(struct adversary *f);

/* Vanishes without a word, as a machine that lost its power. False: may not, or cannot. */
bool adversary_vanish(struct adversary *f);
bool adversary_dial(struct adversary *f, const struct sockaddr_storage *from,
		    const struct sockaddr_storage *to);
/* The same enemy, who has no connection. */
struct adversary adversary_again(const struct adversary *f);

/* All of it, or false: the other end has gone, or does not read for a second. */
bool adversary_put(struct adversary *f, const void *data, size_t n);

/* ---- what it says ---- */

struct hello adversary_hello_of(const struct adversary *f, uint64_t yours);
bool adversary_hello(struct adversary *f, uint64_t yours);

/* ---- what it hears ---- */

/* The next frame: 1; 0: none within that time; -1: the connection has ended. The frame's
 * pointers hold until the next call. */
int adversary_frame(struct adversary *f, struct frame *ret, size_t *used, int64_t ms);

/* Whether the other end has ended the connection, read or not what came before. */
bool adversary_ended(struct adversary *f);

/* Waits for a HELLO or a REFUSE: 1, 2; else as adversary_frame(). */
int adversary_answer(struct adversary *f, struct hello *h, struct refuse *r, int64_t ms);

/* Asks once who is there, so that it knows whom to name. The link waits for more. */
bool adversary_ask(struct adversary *f, int64_t ms);

/* The whole handshake on a fresh connection to a node of a lower nodeid: the link is up. False
 * also if there was a choice since the last one that it knows of: it knows now, and may dial. */
bool adversary_up(struct adversary *f, int64_t ms);

#endif
