/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A core with two peers that are written out frame by frame: what goes in is
 * made by hand, what comes out is kept. Knows neither sockets nor schedules.
 */
#ifndef SINEW_TESTS_LIB_CORE_FIXTURE_H
#define SINEW_TESTS_LIB_CORE_FIXTURE_H

#include <stdlib.h>

#include "proto/core.h"
#include "proto/profile.h"
#include "proto/ring_out.h"
#include "proto/rx.h"
#include "proto/stuck.h"
#include "tests/lib/check.h"

#define SELF 2u
#define RING (256u * 1024)
#define FIRST 0xfffffffeu	/* number of the first frame each way: it wraps after two */

enum { LOW = 1, HIGH = 3 };	/* LOW decides over us, we decide over HIGH */

/* One end of a connection with what came out of it. */
struct wire {
	struct link link;
	bool gone;
	enum link_shut how;
	uint8_t out[1 << 19];	/* more than a ring holds */
	size_t n_out, read;
};

struct fixture {
	struct core core;
	struct peer peer[4];
	struct session *session[4];
	struct wire *dial[4];		/* newest dial to that peer */
	struct wire *probe[4];		/* newest probe of its paths, where probes get through */
	struct wire *wires[256];
	unsigned n_wires;
	unsigned up[4], down[4], finished[4], delivered[4], calls[4], writable[4], finishing[4];
	unsigned paths[4], link_ups[4], fences;
	struct wire *asked;	/* CORE_ASK: the last one */
	enum session_end end[4];
	char notes[4096];
	unsigned warnings;	/* notes of that level or above */
	uint8_t last[1 << 17];
	size_t last_len;
	bool renew, closed;
	bool no_dials, dials_hang;	/* our dials cannot begin; are never answered */
	bool probes;			/* probes get through */
	size_t room;			/* bytes that can be written */
	bool no_provide;			/* there is no memory for a session */
	bool waits_for_room;			/* no link is asked for what it has to write */
	void *memory[256];
	unsigned n_memory;
};

extern struct fixture *fx;
extern size_t fixture_ring;	/* bytes of the ring of a session */
extern struct service_grant fixture_takes, fixture_says;	/* calls: ours, the peers' */

struct session *new_session(void);
struct path_addr address_of(unsigned nodeid);
struct wire *new_wire(void);
void gather(struct wire *w);

void note(const struct note *n);

void act(const struct core_action *a);
void settle(void);
void pass(uint64_t ms);

/* Bytes arrive, in pieces of step. */
void feed_by(struct wire *w, const uint8_t *p, size_t n, size_t step);
void feed(struct wire *w, const uint8_t *p, size_t n);

/* The next frame that came out, parsed; false if there is none. */
bool next_frame(struct wire *w, struct frame *f);

/* The last position that was acknowledged on it since it was asked last; 0: none. */
uint32_t acked_on(struct wire *w);
uint32_t refused_for(struct wire *w);

/* ---- a peer by hand ---- */

uint64_t incarnation(unsigned nodeid);
struct hello hello_of(unsigned nodeid, uint64_t yours);
void feed_hello(struct wire *w, unsigned nodeid, const struct hello *h);
void feed_refuse(struct wire *w, unsigned nodeid, const struct refuse *r);
struct wire *incoming(unsigned from);

/* It lasts until the next one begins, or the program ends; earlier by fixture_end(). */
void fixture_begin(bool static_members);
void fixture_end(void);

extern uint32_t gen_of[4];

/* The choices that O would know for its session (R6). */
uint32_t latest_choice(unsigned id);

/* Full handshake on an incoming link; the position that the peer tells is next. */
struct wire *link_from(unsigned id, uint32_t next);

/* Both peers up; dials of ours are cut off by the links that win. */
struct wire *both_up(struct wire **ret_high);

/* A message of ours to that peer, whose session is up. */
void send_one(unsigned id);
size_t put_message(uint8_t *p, unsigned from, uint32_t seq, const char *text);

/* Another peer is unaffected. */
void unharmed(struct wire *w, unsigned id, uint32_t seq);

#endif
