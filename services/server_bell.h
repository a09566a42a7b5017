/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the loop thread tells the server that something has happened to a call: the call's bell is
 * rung, once for all that happens until the server looks. Nothing waits, nothing is allocated.
 * Knows no call.
 */
#ifndef SINEW_SERVICES_SERVER_BELL_H
#define SINEW_SERVICES_SERVER_BELL_H

#include <stdatomic.h>
#include <stdbool.h>

#define BELL_BEGUN	1u		/* the request is here */
#define BELL_DATA	2u
#define BELL_ROOM	4u
#define BELL_ENDED	8u		/* the last one */

enum bell_of { BELL_OF_MEMBER, BELL_OF_FEED };

struct bell {
	enum bell_of of;
	struct bell *next;		/* among those that were rung */
	_Atomic unsigned word;		/* BELL_ since it was taken, and whether it is rung */
};

struct bells {
	_Atomic(struct bell *) rung;	/* last first */
	int wake_fd;			/* an eventfd; not ours */
};

/* Any thread. From the moment of BELL_ENDED on the bell is the server's alone. */
void bell_ring(struct bells *all, struct bell *b, unsigned what);
/* Wakes the server alone. Any thread. */
void bells_wake(struct bells *all);

/* The server: all that were rung, by next, last first. */
struct bell *bells_take(struct bells *all);
/* Of one that was taken: all that has happened since. */
unsigned bell_answer(struct bell *b);

#endif
