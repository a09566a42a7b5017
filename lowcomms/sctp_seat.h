/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seats at the SCTP stack of this process, which its nodes share: one lock around each call of it,
 * its clock, and news for the loop of whoever they concern. The loop that has entered it drives it
 * for all. Knows no packet, no stream and no library.
 */
#ifndef SINEW_LOWCOMMS_SCTP_SEAT_H
#define SINEW_LOWCOMMS_SCTP_SEAT_H

#include <stdint.h>

#include "lowcomms/sctp_stack.h"
#include "lowcomms/stream.h"

#define SCTP_TICK_NS	10000000u	/* of its timers, while there are sockets in it */

/* The part of one loop. */
struct sctp_seat {
	struct streams *streams;	/* NULL: it is free */
	unsigned n_sockets;		/* in the stack, listeners aside: it needs ticks */
	struct list marked;		/* struct sctp_item, under the lock */
	struct source wake;		/* an eventfd: another loop has marked some */
};

/* One that the stack may have news of; the first field of its owner. */
struct sctp_item {
	struct sctp_seat *seat;
	struct list marked;
	/* Under the lock, on the thread of its seat. */
	void (*news)(struct sctp_item *item);
};

/* Under the lock. 0 or -errno; the loop is that of ss. */
int sctp_seat_open(struct sctp_seat *seat, struct streams *ss);
void sctp_seat_close(struct sctp_seat *seat);

/* The stack is there, and sends by that function of sctp_stack_start(). -ECHILD: a parent process
 * has it, and a child cannot have it without exec(). */
int sctp_begin(int (*output)(void *addr, void *buf, size_t n, uint8_t tos, uint8_t df));

/* For lists of all seats, without a call of the stack. */
void sctp_lock(void);
void sctp_unlock(void);

/* Around each call of the stack. The end tells what is new to the items of that seat. */
void sctp_enter(struct sctp_seat *seat);
void sctp_leave(struct sctp_seat *seat);
/* Between them: timers that are due run. */
void sctp_tick(uint64_t now_ns);

/* Between them: news of that socket are those of the item, or of none any more. */
void sctp_watch(struct sctp_socket *so, struct sctp_item *item);
void sctp_unwatch(struct sctp_socket *so, struct sctp_item *item);

#endif
