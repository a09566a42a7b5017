/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cores as a caller drives them, for fuzz targets: what a run consists of, and the memory
 * that is provided to a core. Knows not what is done with it: world_act.h carries out what a
 * core asks for, world_run.h gives it bytes, messages and time.
 */
#ifndef SINEW_TESTS_FUZZ_WORLD_H
#define SINEW_TESTS_FUZZ_WORLD_H

#include "proto/core.h"
#include "proto/dlm_profile.h"
#include "proto/profile.h"
#include "proto/ring_out.h"
#include "proto/rx.h"
#include "proto/seq.h"
#include "proto/stuck.h"

#include "tests/fuzz/input.h"

#include <errno.h>

#define NODES_MAX	2u
#define PEERS_MAX	5u	/* of one node */
#define ENDS_MAX	96u	/* connections' ends in one run */
#define SESSIONS_MAX	64u	/* in one run */
#define SLOTS_HELD	4u
#define SAID_MAX	512u	/* messages of one session */
#define SAID_LONGEST	20000u
#define PENDING_MAX	(1u << 20)	/* bytes under way on one connection */
#define POLLS_MAX	100000u	/* actions without an end are a busy loop */
#define PUMPS_MAX	10000u
#define MS(n)		((uint64_t)(n) * 1000000u)

struct end;
struct node;

/* The core's part of an end. Freed as soon as the core has forgotten it. */
struct end_link {
	struct link link;
	struct end *end;
};

/* One end of a connection, at a node. */
struct end {
	struct end_link *el;	/* NULL: this node has no such connection any more */
	unsigned use;		/* counts the connections that had this place */
	struct node *node;
	struct peer *peer;	/* dialled, or dlm: else NULL */
	struct end *other;	/* NULL: the target plays the other side */
	uint8_t *in;		/* arrived or under way, not consumed */
	size_t n_in, visible;	/* bytes; of them in what the node has read */
	size_t scanned;
	bool connecting, dialled;
	bool eof, reset;	/* behind all that is under way */
	bool tame;		/* the other side is a core of this world as well */
	bool breaks_off;	/* provided memory is not used at once */
	size_t out_max;		/* bytes that may be written at a time, 0 = no limit */
	uint8_t frame[WIRE_FRAME_MAX];	/* being written */
	size_t n_frame;
};

/* A message of the application: accepted, or room for it that is still open. */
struct said {
	enum { SAID_OPEN, SAID_DONE, SAID_VOID } state;
	size_t len;
};

/* All that one session has seen, beside the core's own opinion. */
struct inc {
	struct session *s;
	void *ring;
	uint8_t bare[BARE_MEMORY];
	struct node *node;
	struct peer *peer;
	uint64_t ours, theirs;	/* incarnations */
	bool opened, up, down;
	uint32_t expected;	/* next sequence number */
	uint32_t sent_end;	/* behind the last frame that was written whole */
	uint64_t n_got;		/* messages delivered */
	uint64_t n_sent;	/* accepted */
	bool finished, fin_seen;
	struct said said[SAID_MAX];
	unsigned n_said;
	unsigned n_heard;	/* of what the other side has said, void ones as well */
	struct slot {
		unsigned slot, said;
		uint8_t *data;
	} slots[SLOTS_HELD];
	unsigned n_slots;
};

struct node {
	struct core core;
	struct peer peer[PEERS_MAX];
	struct path_addr addr[PEERS_MAX][2];
	unsigned n_peers;
	struct inc inc[SESSIONS_MAX];
	unsigned n_incs;
	uint32_t nodeid;
	bool stingy;		/* no memory and no descriptors now */
	bool slow_dials;	/* a dial waits for the target */
	bool closed, fenced[PEERS_MAX], renew_asked;
};

/* Decided by each target. */
struct world_hooks {
	void (*dial)(struct end *e);	/* a new dial, still connecting */
	void (*message)(struct inc *l, const uint8_t *p, size_t n);	/* may be NULL */
	void (*down)(struct inc *l);	/* may be NULL */
};

static struct world {
	struct node node[NODES_MAX];
	unsigned n_nodes;
	struct end end[ENDS_MAX];
	void *ring[NODES_MAX * SESSIONS_MAX];	/* kept from run to run */
	unsigned n_rings;
	const struct world_hooks *hooks;
	uint64_t now_ns;
} world;

/* ---- memory ---- */

static inline unsigned world_index(const struct node *n, const struct peer *p)
{
	return (unsigned)(p - n->peer);
}

static inline struct inc *world_inc(struct node *n, const struct session *s)
{
	for (unsigned i = n->n_incs; i-- > 0;)
		if (n->inc[i].s == s && !n->inc[i].down)
			return &n->inc[i];
	MUST(!"a session that was never provided");
	return NULL;
}

/* Blocks of their own, so that their ends are guarded. */
static void *world_ring(void)
{
	void **ring = &world.ring[world.n_rings++];

	if (!*ring)
		*ring = aligned_alloc(64, RING_MIN);
	MUST(*ring);
	return *ring;
}

static void world_provide(struct node *n, struct peer *p)
{
	struct inc *l = &n->inc[n->n_incs];

	if (p->spare || n->stingy || n->n_incs == SESSIONS_MAX)
		return;
	memset(l, 0, offsetof(struct inc, said));
	l->n_said = l->n_heard = l->n_slots = 0;
	l->node = n;
	l->peer = p;
	l->ring = world_ring();
	l->s = aligned_alloc(64, sizeof *l->s);
	MUST(l->s);
	session_provide(l->s, l->ring, RING_MIN, n->nodeid, n->core.cfg.first_seq);
	bare_provide(&l->s->bare, l->bare);
	l->expected = l->sent_end = n->core.cfg.first_seq;
	n->n_incs++;
	peer_provide(p, l->s);
}

static struct end *world_end(struct node *n)
{
	struct end *e = world.end;

	while (e < &world.end[ENDS_MAX] && e->el)
		e++;
	if (e == &world.end[ENDS_MAX])
		return NULL;
	e->in = NULL;
	e->n_in = e->visible = e->scanned = e->out_max = e->n_frame = 0;
	e->connecting = e->dialled = e->eof = e->reset = e->tame = e->breaks_off = false;
	e->peer = NULL;
	e->other = NULL;
	e->use++;
	e->node = n;
	e->el = malloc(sizeof *e->el);
	MUST(e->el);
	e->el->end = e;
	return e;
}

static inline struct end *world_end_of(struct link *l)
{
	return ((struct end_link *)(void *)((char *)l - offsetof(struct end_link, link)))->end;
}

static inline bool world_open(const struct end *e)
{
	return e->el != NULL;
}

/* Still the connection that it was then. */
static inline bool world_same(const struct end *e, unsigned use)
{
	return e->el && e->use == use;
}

/* The node's end is no more; what is on its way to it is lost. */
static void world_forget(struct end *e)
{
	free(e->el);
	free(e->in);
	e->el = NULL;
	e->in = NULL;
	e->n_in = e->visible = 0;
}

#endif
