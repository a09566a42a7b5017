/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew bench": its state, and the messages that its two sides send to
 * each other. Knows nothing of how a message travels.
 */
#ifndef TOOLS_BENCH_BENCH_H
#define TOOLS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/clock.h"
#include "tools/cluster.h"
#include "tools/command.h"
#include "tools/histogram.h"

#define BENCH_STREAMS  4
#define BENCH_SIZE_MAX (1u << 20)

struct bench_arguments {
	struct cluster_arguments cluster;
	uint32_t to; /* 0: serves */
	bool serves, json;
	uint32_t seconds_ms; /* of each measure */
	uint32_t wait_ms; /* until the other is up */
};

/* ---- messages ---- */

enum bench_kind {
	BENCH_DATA = 1, /* of a stream */
	BENCH_END, /* the last of a stream; answered by BENCH_COUNT */
	BENCH_COUNT, /* struct bench_count */
	BENCH_PING, /* comes back as BENCH_PONG */
	BENCH_PONG,
};

/* Each message begins so, most significant byte first; the rest is not looked at. */
struct bench_head {
	uint32_t kind; /* BENCH_MAGIC and the kind */
	uint32_t stream; /* number of the stream; 0 for PING */
	uint64_t number; /* in that stream, from 0 */
};

/* The result of a stream, most significant byte first. */
struct bench_count {
	struct bench_head h;
	uint64_t messages, bytes, ns; /* after the first; from it to the last */
	uint64_t wrong; /* not of the number or length that was due */
};

_Static_assert(sizeof(struct bench_head) == 16 && sizeof(struct bench_count) == 48, "no gap");

#define BENCH_MAGIC 0x53420000u

/* ---- state ---- */

/* The serving side's state of a stream of one peer. */
struct bench_incoming {
	uint32_t stream;
	uint64_t next, messages, bytes, wrong, first_ns;
	size_t len;
};

/* A measured stream. */
struct bench_stream {
	const char *name;
	size_t bytes; /* of a message */
	bool is_done, is_skipped;
	double messages_s, bytes_s;
	uint64_t wrong;
};

struct bench {
	struct bench_arguments args;
	struct cluster cluster;
	struct sinew_node *node;
	struct sinew_session *session; /* the one that is measured; NULL: not up */
	int signal_fd;
	int signal; /* that came, or 0 */
	bool was_up, was_measured, is_closed, is_writable;
	enum sinew_down reason;
	enum command_status status;
	uint64_t signal_look_ns; /* when signals were looked at last */
	uint64_t began_ns;
	/* Received from the other side. */
	uint32_t counted; /* stream of the last BENCH_COUNT */
	struct bench_count count;
	uint64_t pongs, wrong_pongs;
	/* Results. */
	struct bench_stream streams[BENCH_STREAMS];
	struct histogram round_trip;
	_Alignas(struct bench_head) uint8_t message[]; /* BENCH_SIZE_MAX bytes to be sent */
};

/* bench.c: one turn of the node, at most wait_ms. False: it is over, by a signal or an error. */
bool bench_turn(struct bench *b, int wait_ms);
/* A line on standard error that says what is going on. */
void bench_progress(const struct bench *b, const char *what);

/* peers.c: a message at the serving side. */
void bench_serve(struct bench *b, struct sinew_session *session, const struct sinew_message *msg);
/* A message at the measuring side; and all measures, one after the other. */
void bench_take(struct bench *b, const struct sinew_message *msg);
void bench_measure(struct bench *b);

#endif
