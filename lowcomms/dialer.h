/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams of no node, dialled from the addresses of one, which may run meanwhile, here or
 * elsewhere: the transport of its options, with a loop of their own. All on one thread. Knows
 * nothing of what is said on them.
 */
#ifndef SINEW_LOWCOMMS_DIALER_H
#define SINEW_LOWCOMMS_DIALER_H

#include "lowcomms/sinew.h"
#include "lowcomms/stream.h"

/* An address that dials leave from, where the transport makes packets itself. */
struct dialer_source {
	struct stream_listener listener;	/* lets nobody in */
	struct sockaddr_storage addr;		/* port 0 */
};

/* Stays where it is while it is open. */
struct dialer {
	const struct transport *transport;	/* NULL: it is not open */
	struct loop loop;
	struct streams streams;
	struct dialer_source sources[SINEW_ADDRS_MAX];
	unsigned n_sources;
};

/* 0; -EPROTONOSUPPORT: *ret_hint says which thing the transport lacks here, and what to do; or
 * another -errno of the loop, with no hint (NULL). */
int dialer_open(struct dialer *d, const struct sinew_options *opt, const char **ret_hint);
/* Its streams have ended: those that did in order get up to a second until the other side has
 * answered that. Nothing where it is not open. */
void dialer_close(struct dialer *d);

/* As the dial of a transport, from any port of that address; NULL: from any address. */
int dialer_dial(struct dialer *d, const struct sockaddr_storage *from,
		const struct sockaddr_storage *to, struct stream **ret_stream,
		enum dial_step *ret_step);
/* A host that does not expect our address leaves all packets from it without an answer. */
bool dialer_strangers_hear_nothing(const struct dialer *d);

/* dialer_turn() tells s when its descriptor, which the caller owns, is readable. 0 or -errno. */
int dialer_watch(struct dialer *d, struct source *s);
/* One iteration of the loop: waits for events and tells the owners of their streams. It returns at
 * until_ns (CLOCK_MONOTONIC) at the latest, and may return earlier. UINT64_MAX: no limit. */
void dialer_turn(struct dialer *d, uint64_t until_ns);

#endif
