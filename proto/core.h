/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core of one node: configuration, peers, links, time. Bytes, membership
 * and time go in; bytes, deliveries, actions and a deadline come out. It owns no memory
 * (peer, session and link blocks are provided), opens nothing, reads no clock.
 *
 * R1 to R26 in the comments of the core are the rules of SESSION.md.
 *
 * The caller drives it from one thread (the loop thread):
 *
 *	core_now(core, now)              once per iteration, before anything else
 *	link_*(), core_*(), peer_*()     events
 *	while (core_poll(core, &act))    actions for the caller, until empty
 *	core_deadline(core)              latest time of the next core_tick()
 *
 * Calls go down: an entry acts at once or marks (mark.h), and the consequences are settled in
 * one place (settle.h).
 *
 * Only the producer functions of session.h run on other threads.
 *
 *	core.c     configuration, time (timers.def), actions
 *	settle.c   consequences of the marks, in one order
 *	mark.c     notes, times, the lists of pending objects
 *	member.c   what the caller knows of peers: configuration, membership
 *	peer.c     dials, paths, TIME_WAIT
 *	session.c  the incarnation of a session: send, termination, delivery report
 *	link.c     the life of a link (link.def): control frames, writing, timers
 *	stuck.c    links whose transport carries nothing any more
 *	probe.c    probes of paths that are not in use
 *	rx.c       reading a link
 *	hello.c    the handshake: R1-R9, R14, R19-R24
 *	refused.c  what the peer's REFUSE means
 *	profile.h  what depends on the program at the other end: native.c, dlm_profile.c and
 *		   dlm_loss.c
 *	check.c    what must hold between two calls, where tests are built
 */
#ifndef SINEW_PROTO_CORE_H
#define SINEW_PROTO_CORE_H

#include "link.h"
#include "list.h"
#include "mark.h"
#include "member.h"
#include "peer.h"
#include "wire.h"

#define CORE_NOTES 64
#define CORE_NEVER UINT64_MAX
#define CORE_PEER_HASH 256

enum core_policy_31 { CORE_31_WARN, CORE_31_ALLOW, CORE_31_REFUSE };

struct core_config {
	uint32_t nodeid;		/* not 0 */
	uint64_t incarnation;		/* random, not 0 */
	uint64_t seed;			/* for the jitter of timers */
	uint64_t secret[2];		/* true randomness: who knows it can answer our probes */
	char cluster[WIRE_NAME_MAX];
	char group[WIRE_NAME_MAX];
	bool static_members;		/* incarnations are learned from HELLO (R20) */
	bool auto_close;		/* the peer's FIN is answered by ours */
	bool quorum_stops;		/* without quorum no data are sent */
	bool multihomed;		/* a link itself uses all paths: none is probed, or left for
					 * another one */
	enum core_policy_31 policy_31;	/* dlm profile: a peer that speaks 3.1 */
	bool reset_repeats;		/* dlm profile: the end of a link by an error makes a kernel
					 * repeat what is unacknowledged, as over TCP; else nothing
					 * does, as over SCTP */
	uint32_t first_seq;		/* 0 on the wire; near the wrap in tests */
	uint32_t max_frame;		/* at most WIRE_FRAME_MAX */
	uint32_t max_message;		/* what we take */
	uint32_t queue_bytes;		/* size of a ring, told to peers */
	struct service_grant calls;	/* slots 0: none are taken, and HELLO has none */
	uint32_t ack_frames;		/* acknowledge after so many frames ... */
	uint32_t ack_bytes;		/* ... or bytes */
	uint32_t fault_limit;		/* violations of an incarnation until fencing is asked */
	uint32_t stall_limit;		/* stalls in a row until fencing is asked */
	uint64_t connect_ns;		/* a dial */
	uint64_t redial_ns;		/* the same, beside a stuck link or soon after a loss */
	uint64_t redial_for_ns;		/* how long after */
	uint64_t hello_ns;		/* each wait for a HELLO */
	uint64_t held_ns;		/* a HELLO waiting for membership */
	uint64_t backoff_min_ns, backoff_max_ns;
	uint64_t refused_ns;		/* between dials to a peer whose configuration differs */
	uint64_t comeback_ns;		/* static: a node that lost its link may come back, before
					 * another one takes its place */
	uint64_t coordinator_wait_ns;	/* head start for the other side's dial */
	uint64_t keepalive_ns;		/* idle link */
	uint64_t keepalive_multi_ns;	/* the same when a peer has several paths */
	uint64_t stall_ns;
	uint64_t path_dead_ns;		/* silence until another live path is taken */
	uint64_t probe_ns;		/* paths that are not in use */
	uint64_t prefer_ns;		/* first path alive so long: move back to it */
	uint64_t hold_max_ns;		/* one that failed again and again: this at the latest */
	uint64_t ack_ns;
	uint64_t frag_ns;		/* a long message that does not grow */
	uint64_t time_wait_ns;		/* after a broken last ACK */
};

/* Fills in every default; the caller sets nodeid, incarnation, seed, secret, names. */
void core_config_default(struct core_config *c);

enum core_what {
	CORE_NOTE,		/* something to log */
	CORE_DIAL,		/* connect to act.peer over path act.path */
	CORE_PROBE,		/* the same for a probe link */
	CORE_TX,		/* act.link has something to write */
	CORE_ASK,		/* link_transport(act.link, ...) */
	CORE_SHUT,		/* end act.link as act.how says; the core has forgotten it */
	CORE_PROVIDE,		/* act.peer needs a spare session */
	/* Those from here on may run a callback of the application. */
	CORE_PEER_UP,		/* act.session: first link */
	CORE_FINISHED,		/* act.session: all that the peer sent was delivered */
	CORE_WRITABLE,		/* act.session: a refused sender may try again */
	CORE_PEER_DOWN,		/* act.session ended (act.session->end); the block is the
				 * caller's. Not for the application if it was never up. */
	CORE_FENCE,		/* act.peer, act.incarnation, act.reason: asks for fencing */
	CORE_RENEW,		/* our incarnation was declared failed: core_renew() */
	CORE_CLOSED,		/* after core_close(): nothing is left to wait for */
	CORE_LINK_UP,		/* act.session, dlm profile: sent on a new link */
	/* Of sessions that take calls. */
	CORE_FINISHING,		/* act.session: our FIN is due, and waits for session_hold_fin() */
	CORE_PATH,		/* act.session: a link has come, or gone (act.peer->up) */
};

struct note {
	enum note_level level;
	const char *text;	/* literal, key=value pairs aside; never NULL */
	uint32_t nodeid;	/* of the peer, 0 = unknown */
	struct path_addr addr;	/* of the link's other end, all zero = none */
	struct path_addr other;	/* a second address that the text speaks of */
	const char *a_name, *b_name;	/* NULL = no value */
	uint64_t a, b;
	const char *detail;	/* literal or NULL */
	bool fsm;		/* a transition: the next three hold */
	enum fsm_state from, to;
	enum fsm_event event;
};

struct core_action {
	enum core_what what;
	struct peer *peer;
	struct session *session;
	struct link *link;
	unsigned path;
	enum link_shut how;
	uint64_t incarnation;
	int reason;
	struct note note;
};

struct core {
	struct core_config cfg;
	uint64_t now_ns;
	uint64_t deadline_ns;	/* lower bound of all timers */
	uint64_t rng;
	uint64_t n_cookies;
	bool closing;
	bool quorate;
	bool renew_pending, closed_said;
	bool marked;		/* core_settle() has something to do */
	struct list peers;
	struct peer *by_nodeid[CORE_PEER_HASH];
	unsigned n_peers;
	struct list links;
	struct list sessions_pending, links_pending, peers_pending;
	struct note scratch;	/* of what does not fit in notes[]; never polled */
	struct note notes[CORE_NOTES];
	unsigned note_head, n_notes;
	/* Counters of what has no session. */
	uint64_t refused, faults, probes_answered;
};

/* True: core_poll() would find something, notes and what core_close() waits for aside. */
static inline bool core_pending(const struct core *core)
{
	return !list_empty(&core->sessions_pending) || !list_empty(&core->links_pending) ||
		!list_empty(&core->peers_pending) || core->renew_pending;
}

/* True: core_poll() would find nothing. False: it may. */
static inline bool core_at_rest(const struct core *core)
{
	return !core->n_notes && !core_pending(core) && !core->closing;
}

void core_init(struct core *core, const struct core_config *cfg, uint64_t now_ns);
/*
 * Other times, limits and policies from now on: of cfg fault_limit, stall_limit, ack_frames,
 * auto_close, policy_31, quorum_stops and the times of options. A wait that began with a longer
 * time ends after the new one; a dial or a HELLO under way keeps the time it was given.
 */
void core_tune(struct core *core, const struct core_config *cfg);
void core_now(struct core *core, uint64_t now_ns);	/* never backwards */
/* The next thing to do; false when there is none. Order: notes, sessions, links, peers. */
bool core_poll(struct core *core, struct core_action *ret);
uint64_t core_deadline(const struct core *core);
void core_tick(struct core *core);
/* A dial that was asked for stands. */
void link_connected(struct link *l);
void core_quorum(struct core *core, bool quorate);
/* Close: FIN on every session, LEAVING said, CORE_CLOSED when all is over. */
void core_close(struct core *core);
/* From when on a removal takes nothing from the peer: no session is left, and our last ACK was
 * seen, or was waited for long enough. CORE_NEVER: what ends next will tell. Changes nothing. */
uint64_t core_peer_over_at(const struct peer *p);
/* The linger time is over: all sessions end (SESSION_LINGER), all links are shut. */
void core_linger_over(struct core *core);
/* New incarnation (R22): sessions end (SESSION_RENEWED), tombstones are forgotten. */
void core_renew(struct core *core, uint64_t incarnation);

/* ---- for the other files of the core ---- */

static inline bool core_decides(const struct core *core, const struct peer *p)
{
	return core->cfg.nodeid < p->nodeid;
}
static inline bool core_may_send(const struct core *core)
{
	return core->quorate || !core->cfg.quorum_stops;
}

#endif
