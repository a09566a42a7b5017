/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests of the contract of streams: a loop with both ends of its streams in it, and
 * ends that send a pattern and check it. Knows no transport.
 */
#ifndef SINEW_TESTS_STREAM_ENDS_H
#define SINEW_TESTS_STREAM_ENDS_H

#include "lowcomms/stream.h"

#define STILL_NS	20000000000u	/* a wait without a byte or an event */
#define WAIT_NS		200000000000u	/* any wait, on a slow machine */
#define ENDS_MAX	160

/* One end of a stream. */
struct end {
	struct stream *s;	/* NULL: it has been closed or reset */
	unsigned told;		/* all events so far */
	unsigned n_told;
	int err;		/* what a read or a write gave */
	bool ended;		/* the end was read */
	uint64_t sent, to_send;	/* bytes */
	uint64_t got;
	bool wrong;		/* a byte that was not sent there */
	bool paused;		/* does not read */
	bool quiet;		/* wants to hear of nothing, and does nothing */
	bool finishes;		/* behind what is to be sent */
	bool finished;
	size_t read_max;	/* bytes a read, and one read a turn; 0: all that is there */
};

/* A transport, and addresses that it can be tested with. */
struct carrier {
	const struct transport *transport;
	enum stream_proof proof;
	sa_family_t family;	/* AF_INET6; else IPv4, or what it knows */
	struct stream_packets packets;
	bool times_out;		/* by itself, in a test's time */
	bool refuses_nothing;	/* a host where nobody listens is silent */
	/* An address that nobody uses. */
	bool (*address)(struct sockaddr_storage *ret_addr);
	/* Dials there, or to the address that it puts there, are answered by nobody, until
	 * silence(NULL). */
	bool (*silence)(struct sockaddr_storage *addr);
};

struct world {
	const struct carrier *carrier;
	struct loop loop;
	struct streams streams;
	struct stream_listener listener;
	struct sockaddr_storage addr;	/* of the listener */
	struct end ends[ENDS_MAX];	/* dialled ones at even places, accepted ones behind them */
	unsigned n_accepted, n_listener_told;
	bool takes;			/* accepts what is told */
};

bool world_open(struct world *w, const struct carrier *carrier);
void world_close(struct world *w);
/* One turn of the loop, which may be empty. */
void world_turn(struct world *w);
/* The first part of a turn, as stream_hear(). */
void world_hear(struct world *w);
/* Turns until it is true of that end, or of all that exist (NULL). */
typedef bool (*end_test)(const struct end *e);
bool world_until(struct world *w, const struct end *e, end_test test);

/* Dials w->addr, as the end at that even place; NULL: at once refused, *ret_err says why. */
struct end *end_dial(struct world *w, unsigned place, const struct sockaddr_storage *to,
		     int *ret_err);
/* A pair that is connected: the dialled end; the other is the next one. */
struct end *pair_open(struct world *w, unsigned place);
/* So many more bytes are to be sent. */
void end_send(struct end *e, uint64_t n);
void end_finish(struct end *e);
void end_pause(struct end *e, bool on);
void end_quiet(struct end *e);
void end_reset(struct end *e);
void end_close(struct end *e);

#endif
