/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The world of a life: its nodes, their connections over a network with a latency of 1 ms, what
 * is under way on them, and the lines of the trace about it. Knows no action of a core.
 */
#ifndef SINEW_TESTS_LIB_LIFE_NET_H
#define SINEW_TESTS_LIB_LIFE_NET_H

#include "proto/core.h"
#include "proto/dlm_profile.h"
#include "proto/profile.h"
#include "proto/ring_out.h"
#include "proto/rx.h"
#include "proto/stuck.h"
#include "tests/lib/life_trace.h"

#define LIFE_RING (256u * 1024)
#define LIFE_LINKS 64u
#define LIFE_EVENTS 512u
#define LIFE_MEMORY 64u
#define MS_NS UINT64_C(1000000)

enum who { A, B, C, LIFE_NODES };

struct life_node {
	char letter;
	uint32_t nodeid;
	unsigned runs;		/* incarnations so far */
	bool alive;
	bool by_hand;		/* a kernel: the story writes its packets */
	bool cannot_dial;	/* its dials cannot begin ... */
	bool said_so;		/* ... which the trace says once */
	bool muted;		/* what it sends does not arrive for now */
	bool slow;		/* it does not read */
	uint8_t address;	/* its address, where that is not the one of its nodeid */
	size_t room;		/* bytes that it can still write */
	size_t alter_at;	/* byte of its HELLOs that is ... */
	uint8_t alter_to;	/* ... replaced by this; alter_at 0: none is */
	unsigned sent;		/* messages */
	struct core core;
	struct peer peer;
	struct session *session;	/* up */
};

/* One end of a connection, and what it has written and not read. */
struct life_end {
	struct link link;
	struct life_conn *conn;
	unsigned side;		/* 0 has dialled */
	struct life_node *node;
	bool begun, open, draining;
	const char *ended;
	enum link_state shown;
	uint8_t half[1 << 18];	/* written of a frame that is not complete */
	size_t n_half;
	uint8_t in[1 << 19];
	size_t n_in, scanned;
	uint64_t heard_ns, waits_ns;	/* of the other kernel */
};

struct life_conn {
	unsigned number, path;
	bool lost;		/* nothing that is sent on it arrives */
	struct life_end end[2];
};

enum happens { SYN, SYN_ACK, NOBODY, BYTES, EOF_, RST };

struct life_event {
	uint64_t at_ns, order;
	enum happens what;
	struct life_conn *conn;
	unsigned to;		/* the end */
	uint8_t *bytes;
	size_t n;
	char names[160];	/* frames that end in the bytes */
};

struct life {
	const char *name;
	uint64_t now_ns, order;
	struct core_config cfg;	/* of nodes that start */
	unsigned n_paths;
	bool path_down[2];
	struct life_node node[LIFE_NODES];
	struct life_conn *conns[LIFE_LINKS];
	unsigned n_conns;
	struct life_event events[LIFE_EVENTS];
	unsigned n_events;
	void *memory[LIFE_MEMORY];
	unsigned n_memory;
	struct trace trace;
};

extern struct life *life;

/* ---- the trace ---- */

/* The story cannot go on: something that it names is not there, or there is too much of it. */
void give_up(const char *why);

/* "    5.000 A:1  ": conn may be NULL. */
void trace_when(const struct life_node *n, const struct life_conn *c);

#define SAY(n, c, ...) \
	do { \
		trace_when((n), (c)); \
		trace_add(&life->trace, __VA_ARGS__); \
		trace_add(&life->trace, "\n"); \
	} while (0)

struct life_end *end_of(struct link *l);

/* The states of links that have changed. */
void say_states(void);

/* ---- memory ---- */

struct session *life_session(const struct life_node *n);

/* ---- the network ---- */

struct path_addr life_address(unsigned host, unsigned path);
/* It arrives at that end after the latency. */
struct life_event *happens(enum happens what, struct life_conn *c, unsigned to);
struct life_event take_event(unsigned i);

bool black_hole(const struct life_conn *c);

/* Index of the next event that passes; n_events: there is none. */
unsigned next_event(void);

/* ---- writing ---- */

void write_bytes(struct life_end *e, const uint8_t *p, size_t n);
void transmit(struct life_end *e);

#endif
