/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Associations of the SCTP stack of this process: each is a socket in it, on a pair of addresses.
 * All under the lock of the stack. Knows no listener and no library.
 */
#ifndef SINEW_LOWCOMMS_SCTP_ASSOC_H
#define SINEW_LOWCOMMS_SCTP_ASSOC_H

#include "lowcomms/sctp_wire.h"

struct sctp_assoc {
	struct sctp_item item;
	struct sctp_socket *so;
	struct sctp_pair *pair;
	struct stream *stream;	/* NULL: it waits to be accepted, or lingers */
	struct list listed;	/* of the wire, or of the listener */
	struct sctp_dial dial;	/* in a list if it was dialled */
	bool dialling, finished;
	bool brings;		/* it is read, and the last read gave bytes */
	int events;		/* of the socket, as it was looked at or is taken for granted */
	int err;		/* it has failed */
	uint64_t until_ns;	/* it lingers */
};

/* Takes the socket over, whatever happens. NULL: no memory. */
struct sctp_assoc *sctp_assoc_new(struct sctp_pair *p, struct sctp_socket *so);
/* It will be connected to that port. */
void sctp_assoc_dials(struct sctp_assoc *a, uint16_t to);
/* Frees it. In order only what has ended at both sides: anything else is an ABORT. */
void sctp_assoc_end(struct sctp_assoc *a, bool in_order);
/* Bytes; 0: the end; or -errno. */
int sctp_assoc_read(struct sctp_assoc *a, void *buf, size_t n);
/* Looks at the events of the socket: after each call that may change them. The stack gives news of
 * any other change. */
void sctp_assoc_look(struct sctp_assoc *a);
/* Why it failed; 0: it has not. events: what the stack says of the socket now. */
int sctp_assoc_failed(struct sctp_assoc *a, int events);
/* No more from us. One that is over already has nothing to end. */
void sctp_assoc_finish(struct sctp_assoc *a);

#endif
