/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew top". Not for other subcommands.
 *
 *	top.c  asks again and again    sample.c  counters become rates    print.c  shows them
 */
#ifndef TOOLS_TOP_TOP_H
#define TOOLS_TOP_TOP_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

#define TOP_SCHEMA	1	/* of requests, and of what is printed */
#define TOP_PEERS_MAX	1024
#define TOP_RTTS	600	/* round trips that are kept of a peer: at ten a second a minute */
#define TOP_SAMPLES	10	/* of round trips in an interval */

enum top_counter {
	TOP_SENT, TOP_DELIVERED, TOP_BYTES_SENT, TOP_BYTES_RECEIVED, TOP_CALLS, TOP_PEERS_CALLS,
	TOP_COUNTERS,
};

struct top_peer {
	uint32_t nodeid;
	char incarnation[20];
	char state[16];
	bool link_up;
	uint64_t seen;			/* number of the last answer that had it */
	uint64_t counters[TOP_COUNTERS];	/* at the end of the interval before */
	uint64_t now[TOP_COUNTERS];	/* in the last answer */
	double rates[TOP_COUNTERS];	/* a second, in the last interval */
	uint64_t queue_bytes, unacked, reconnects, rtt_us;
	uint32_t rtts[TOP_RTTS];	/* a ring */
	unsigned n_rtts, next_rtt;
	uint32_t rtt_p50_us, rtt_p99_us;
};

struct top {
	uint32_t nodeid;
	uint64_t n_answers;
	uint64_t time_ns, began_ns;	/* of the last answer, and of the interval */
	uint64_t loop_busy_ms, memory_bytes;
	double seconds;			/* that the interval had */
	struct top_peer *peers[TOP_PEERS_MAX];	/* by nodeid */
	unsigned n_peers;
};

/* Takes an answer in. -EPROTO: it is none. -ENOMEM. */
int top_sample(struct top *t, struct json_object *answer);
/* The interval is over: rates and quantiles are made, another one begins. */
void top_interval(struct top *t);
void top_free(struct top *t);

/* 0 or the negative errno of writing. redraws: over what was there. */
int top_print(const struct top *t, bool redraws);
int top_print_json(const struct top *t);

#endif
