/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SCTP stack of this process, libusrsctp, and sockets in it: the only file that calls that
 * library. The stack has no thread that does our work, and no socket of the system: packets, time
 * and changes pass through here. Each call is made between sctp_enter() and sctp_leave() of
 * sctp_seat.h. Knows no loop, no address of a network, no pair and no stream.
 */
#ifndef SINEW_LOWCOMMS_SCTP_STACK_H
#define SINEW_LOWCOMMS_SCTP_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SCTP_RTO_MIN_MS	100
#define SCTP_RTO_MAX_MS	1000

/* A listener, or one end of an association. An address of the stack, which is any pointer that it
 * was told of, is the other end of both. */
struct sctp_socket;

/* Events of a socket. */
enum {
	SCTP_READABLE	= 1,	/* bytes, the end, or an error */
	SCTP_WRITABLE	= 2,
	SCTP_BROKEN	= 4,	/* sctp_stack_error() says why */
};

/*
 * Before all else, once: it is never finished, for that is not safe while anything of it is left.
 * Both functions are called in any call of the stack, for any socket, and call nothing of it.
 * output sends a packet of n bytes to the host of addr; its result is not looked at. changed is
 * given what sctp_stack_watch() was: its socket may be readable, writable or broken. Where
 * crc32c_is_fast() the stack leaves checksums to whoever sends and reads packets.
 */
void sctp_stack_start(int (*output)(void *addr, void *buf, size_t n, uint8_t tos, uint8_t df),
		      void (*changed)(void *arg));
/* So much time has passed: a walk through all timers. */
void sctp_stack_pass(uint32_t elapsed_ms);
/* For as long as the process runs. */
void sctp_stack_add_address(void *addr);
/* A packet that the host of addr has sent. */
void sctp_stack_input(void *addr, const uint8_t *packet, size_t n);

/* mtu: bytes of a packet, without a header of SCTP. A listener, or NULL. */
struct sctp_socket *sctp_stack_listen(void *addr, uint16_t port, uint32_t mtu);
/* The next association; NULL: none. Its port is that of the other end. */
struct sctp_socket *sctp_stack_accept(struct sctp_socket *listener, uint16_t *ret_port);
/* One to connect, with a port that the stack chooses; 0 or -errno. */
int sctp_stack_open(void *addr, uint32_t mtu, struct sctp_socket **ret_so);
/* 0: it will be writable and established, or broken; or -errno. */
int sctp_stack_connect(struct sctp_socket *so, void *addr, uint16_t port);
/* Its own port; 0: none. */
uint16_t sctp_stack_port(struct sctp_socket *so);

/* Changes of that socket are told with this; NULL: no more. */
void sctp_stack_watch(struct sctp_socket *so, void *arg);
/* Those that hold now. A call for that socket may change them, and tells nobody. */
int sctp_stack_events(struct sctp_socket *so);
/* Why it is broken, which the stack says once; 0: it is not. */
int sctp_stack_error(struct sctp_socket *so);
/* Whether its association is established; if so, packets that are not yet acknowledged. */
bool sctp_stack_is_established(struct sctp_socket *so, uint32_t *ret_unacked);

/* Bytes of one record; 0: the end; or -errno. -EAGAIN: nothing there. */
int sctp_stack_read(struct sctp_socket *so, void *buf, size_t n);
/* A record: n, or -errno. -EAGAIN: no room. -EPIPE: it has ended, and a read says how. */
ssize_t sctp_stack_write(struct sctp_socket *so, const uint8_t *record, size_t n);
/* No more from us. */
void sctp_stack_finish(struct sctp_socket *so);
/* In order what has ended at both sides, or is a listener: anything else is an ABORT. */
void sctp_stack_close(struct sctp_socket *so, bool in_order);

#endif
