/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core of one node: configuration, peers, links, time. Bytes, membership
 * and time go in; bytes, deliveries, actions and a deadline come out. It owns no memory
 * (peer, session and link blocks are lent), opens nothing, reads no clock.
 *
 * R1 to R24 in the comments of the core are the rules of SESSION.md.
 *
 * How the caller drives it, all from one thread (the loop thread):
 *
 *	core_now(core, now)              once a turn, before anything else
 *	link_*(), core_*(), peer_*()     what happened
 *	while (core_poll(core, &act))    what to do about it, until empty
 *	core_deadline(core)              when to call core_tick() at the latest
 *
 * Only the producer functions of session.h run on other threads.
 */
#ifndef SINEW_PROTO_CORE_H
#define SINEW_PROTO_CORE_H

#include "list.h"
#include "path.h"
#include "session.h"
#include "span.h"
#include "tombs.h"
#include "wire.h"

#define CORE_NOTES 64
#define LINK_CTL_MAX 1024u	/* control frames that wait on one link */
#define CORE_NEVER UINT64_MAX
#define CORE_PEER_HASH 256

enum core_profile { CORE_NATIVE, CORE_DLM };
enum core_policy_31 { CORE_31_WARN, CORE_31_ALLOW, CORE_31_REFUSE };

struct core_config {
	uint32_t nodeid;		/* not 0 */
	uint64_t incarnation;		/* random, not 0 */
	uint64_t seed;			/* for the jitter of timers */
	uint64_t secret[2];		/* true randomness: who knows it can answer our probes */
	char cluster[WIRE_NAME_MAX];
	char group[WIRE_NAME_MAX];
	bool static_members;		/* lives are learned from HELLO (R20) */
	bool auto_close;		/* the peer's FIN is answered by ours */
	bool quorum_stops;		/* without quorum no data are sent */
	enum core_policy_31 policy_31;	/* dlm profile: a peer that speaks 3.1 */
	uint32_t first_seq;		/* 0 on the wire; near the wrap in tests */
	uint32_t max_frame;		/* at most WIRE_FRAME_MAX */
	uint32_t max_message;		/* what we take */
	uint32_t queue_bytes;		/* size of a ring, told to peers */
	uint32_t ack_frames;		/* acknowledge after so many frames ... */
	uint32_t ack_bytes;		/* ... or bytes */
	uint32_t fault_limit;		/* protocol violations of a life until fencing is asked */
	uint32_t stall_limit;		/* stalls in a row until fencing is asked */
	uint64_t connect_ns;		/* a dial */
	uint64_t redial_ns;		/* the same, beside a stuck link or soon after a loss */
	uint64_t redial_for_ns;		/* how long after */
	uint64_t hello_ns;		/* each wait for a HELLO */
	uint64_t held_ns;		/* a HELLO waiting for membership */
	uint64_t backoff_min_ns, backoff_max_ns;
	uint64_t refused_ns;		/* between dials to a peer whose configuration differs */
	uint64_t comeback_ns;		/* static: a life that lost its link may come back, before
					 * another one takes its place */
	uint64_t decider_wait_ns;	/* head start for the other side's dial */
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

/* ---- links ---- */

enum link_state {
	LINK_CONNECTING,	/* dialled, not yet connected */
	LINK_WAIT,		/* a HELLO is due */
	LINK_HELD,		/* a HELLO waits for membership; nothing is read */
	LINK_UP,		/* carries the session (dlm: or only receives) */
	LINK_PROBE,		/* carries probes, no session */
	LINK_GONE,
};

enum link_shut {
	LINK_RESET,		/* abortive: RST, nothing more is sent */
	LINK_ORDERLY,		/* write what link_gather() still has, shut, wait for EOF */
};

/* Why the core has ended a link, where that was a failure. */
enum link_why {
	LINK_WHY_NONE,		/* in order, replaced, no longer needed */
	LINK_WHY_CONNECT,	/* the attempt took too long */
	LINK_WHY_HELLO,		/* no HELLO, or not admitted, within its time */
	LINK_WHY_PROBE,		/* no answer to a probe */
	LINK_WHY_SILENT,	/* up, and nothing came */
	LINK_WHY_STUCK,		/* up, and what came did not go on: a message, the numbers */
	LINK_WHY_VIOLATION,
	LINK_WHY_REFUSED,	/* by us or by the peer, as refusal (enum wire_reason) says */
};

struct core;

/* One connection's end. Embedded in the caller's connection object. */
struct link {
	struct core *core;
	struct peer *peer;	/* NULL until known */
	struct session *session;	/* only while LINK_UP */
	struct list all;	/* links of the core, the newest first */
	struct list of_peer;	/* links of the peer, the newest first; in none while it is NULL */
	struct list pending;
	bool tx_pending;
	enum link_state state;
	enum link_shut how;	/* LINK_GONE */
	enum link_why why;	/* the same */
	uint32_t refusal;
	bool kept;		/* carried a session that is CLOSED: the peer shuts it (R24) */
	bool dialled;		/* by us */
	bool probe;		/* dialled for probing */
	bool read_hello, answered, progress;
	bool named;		/* a HELLO on it named our incarnation */
	bool heard;		/* a frame was read since it is up */
	bool guarded;		/* held because the session of that peer is fresh (R3, R20) */
	bool beside;		/* dialled while another link was up (R4, R7) */
	bool stuck;		/* the transport is: nothing of ours arrives */
	bool ask_raised;
	bool told_leaving;	/* HELLO or LEAVING on it said that we close */
	bool rx_only;		/* dlm profile: not the link that we send on */
	bool stripped;		/* dlm profile, 3.1: the last gather left OPTS out */
	unsigned path;		/* index, of a dialled one and once known */
	unsigned n_hellos;
	uint64_t life;		/* the peer's, once a HELLO was read */
	uint32_t told_next;	/* position in the last HELLO that we sent here */
	uint32_t challenged;	/* number of the session (peer.epoch) that stood when we
				 * challenged, +1; 0 = never */
	struct path_addr from;	/* address of the other end */
	struct hello held;	/* while LINK_HELD */
	uint64_t held_since_ns;
	uint64_t deadline_ns;	/* of a sub-state; CORE_NEVER if none */
	uint64_t last_rx_ns, last_tx_ns, opened_ns, hello_sent_ns;
	uint64_t asked_ns;	/* when the transport was last asked about */
	uint64_t waits_ns;	/* since when it waits for the other kernel; 0: it does not */
	uint64_t probe_cookie, probe_sent_ns;
	uint32_t probes_answered, padded_read;
	uint32_t probe_nodeid;	/* accepted: of the PROBE whose padding comes: */
	uint32_t skip;		/* bytes of it still to be thrown away */
	uint32_t pad_left;	/* dialled: padding to be written behind the control frames */
	bool probe_full;	/* the PROBE under way is padded */
	bool takes_full;	/* the other end knows such */
	size_t gathered_mid;	/* bytes of a frame under way that the last gather put first */
	size_t ctl_len, ctl_off;	/* control frames still to be written */
	uint8_t ctl[LINK_CTL_MAX];
};

enum rx_result {
	RX_MORE,		/* nothing whole left: read on */
	RX_MSG,			/* rx->msg is a message: hand it over, call again */
	RX_AGAIN,		/* poll the actions, then call again; at once or later */
	RX_PAUSED,		/* do not read; call again after an action or release */
	RX_BUFFER,		/* lend rx->need bytes by link_lend(), call again */
	RX_GONE,		/* the link is shut: drop the rest, poll the actions */
};

struct rx {
	const uint8_t *p, *end;	/* in: bytes read; p moves over what was consumed */
	const uint8_t *msg;	/* RX_MSG: leads into [p, end) or the lent buffer */
	size_t msg_len;
	bool lent;		/* RX_MSG: msg is the lent buffer, the caller's again */
	bool bare;		/* dlm profile: a packet without OPTS */
	uint32_t need;		/* RX_BUFFER; also bytes that the frame at p needs (RX_MORE) */
	struct session *session;
};

/*
 * A connection attempt that CORE_DIAL or CORE_PROBE asked for begins; the
 * block is lent until CORE_SHUT was polled or link_dead() was called.
 */
void link_dial(struct core *core, struct link *l, struct peer *p, unsigned path, bool probe);
/* The attempt cannot even begin (no descriptor, no such device). */
void link_no_dial(struct core *core, struct peer *p, unsigned path, bool probe);
void link_connected(struct link *l);
/* An incoming connection from that address (native). */
void link_accept(struct core *core, struct link *l, const struct path_addr *from);
/* The same from an address that belongs to a peer of the dlm profile. */
void link_accept_dlm(struct core *core, struct link *l, struct peer *p,
		     const struct path_addr *from);
/*
 * The answer to CORE_ASK. waits: the transport has sent what the other kernel has not
 * acknowledged (what a zero window holds back was not sent). silent_ns: since that kernel
 * was last heard of.
 */
void link_transport(struct link *l, bool waits, uint64_t silent_ns);
/* The attempt was answered: nobody listens there (ECONNREFUSED). As link_dead(). */
void link_refused(struct link *l);
/* The connection has ended. eof: in order (FIN), else by an error. */
void link_dead(struct link *l, bool eof);

/*
 * Consume what was read. To be called again until RX_MORE, RX_PAUSED or
 * RX_GONE; a message must be handed over before the next call.
 */
enum rx_result link_rx(struct link *l, struct rx *rx);
/*
 * After RX_MSG, instead of link_rx() and where it would find the same: the body of the next
 * message if it is plain, *ret_len bytes, or NULL: ask link_rx(). Moves rx->p.
 */
static inline const uint8_t *link_rx_plain(struct link *l, struct rx *rx, size_t *ret_len);
/* Lends rx->need bytes. False if the link no longer wants them: still the caller's. */
bool link_lend(struct link *l, uint8_t *buf);
/* The buffer that a session held for a message under way when it ended; NULL if none. */
uint8_t *session_take_buffer(struct session *s);
/* The read batch is over: decides about an ACK. */
void link_rx_done(struct link *l);
/* While RX_PAUSED: look for ACKs in what is not consumed, so that two full rings cannot
 * block each other. *off: where to go on next time, from 0. */
void link_scan(struct link *l, const uint8_t *p, size_t n, size_t *off);

/*
 * What to write now in at most 5 spans; returns the sum: at most max bytes of data, or
 * the rest of a frame under way, and the control frames that are due. The bytes
 * stay valid until link_sent(). Also for a link that is shut LINK_ORDERLY.
 */
size_t link_gather(struct link *l, struct span out[5], int *ret_n, size_t max);
void link_sent(struct link *l, size_t n);
/* True if link_gather() would give something. */
bool link_wants_tx(struct link *l);

/* ---- peers ---- */

struct peer {
	struct core *core;
	struct list all;	/* peers of the core */
	struct list links;	/* that are known to be of this peer */
	struct list pending;
	struct peer *hash_next;
	bool dial_raised, dial_polled, lend_raised, fence_raised;
	bool dial_beside;	/* the dial that is raised does not end because a link is up */
	uint32_t probe_raised;	/* bit per path */
	uint32_t probing;	/* bit per path */
	uint32_t nodeid;
	enum core_profile profile;
	struct session *session;	/* NULL or alive */
	struct session *spare;	/* lent for the next life */
	struct link *up;	/* the link that the session sends on */
	uint64_t lost_ns;	/* when there was one for the last time */
	struct paths paths;
	struct tombs tombs;
	uint64_t member;	/* life that membership has added, 0 = none */
	bool member_leaving;
	uint32_t epoch;		/* sessions opened so far */
	uint64_t dial_at_ns;
	uint64_t backoff_ns;
	unsigned dial_path;
	uint32_t mismatch;	/* enum wire_reason: refused for its configuration, 0 = not */
	unsigned stale_in_row;	/* dials refused as STALE since the last link */
	bool asks;		/* an unknown life said that we failed: dial to hear it */
	uint64_t violation_ns;	/* when a violation on its link was answered last */
	uint64_t rival_life;	/* static: another life that showed itself ... */
	uint64_t rival_ns;	/* ... at first then, while the session's was alive */
	uint64_t owes_until_ns;	/* our last ACK may be lost: stay for a redial ... */
	uint64_t owes_life;	/* ... of that life */
	unsigned owes_refused;	/* dials since that nobody listened to */
	uint64_t told_life;	/* said STALE, and there is no session with it yet: */
	uint32_t told_gen;	/* its latest choice */
	int fence_reason;	/* enum fence_reason */
	uint64_t fence_life;
	uint64_t refused;	/* HELLOs of this nodeid refused */
};

enum fence_reason { FENCE_STALLED = 1, FENCE_PROTOCOL = 2 };

/* Block and spare session are lent until peer_remove()'s CORE_PEER_DOWN and core_destroy. */
void peer_add(struct core *core, struct peer *p, uint32_t nodeid, enum core_profile profile,
	      const struct path_addr *addrs, unsigned n_addrs);
/* After peer_add() of one that was removed before: what it was knows which lives are over. */
void peer_remember(struct peer *p, const struct tombs *tombs);
void peer_addrs(struct peer *p, const struct path_addr *addrs, unsigned n_addrs);
/* Ends its session (SESSION_REMOVED) and forgets it; the block is the caller's
 * again after the next core_poll() loop. */
void peer_remove(struct peer *p);
struct peer *peer_find(struct core *core, uint32_t nodeid);
/* Answer to CORE_LEND, and once after peer_add(). */
void peer_lend(struct peer *p, struct session *s);

/* Membership (not static): idempotent, any order (R14, R16-R18). */
void peer_added(struct peer *p, uint64_t incarnation);
void peer_leaving(struct peer *p, uint64_t incarnation);
void peer_left(struct peer *p, uint64_t incarnation);
/* Also under static membership: the application knows that a life is dead (fenced).
 * incarnation 0: the present one. */
void peer_failed(struct peer *p, uint64_t incarnation);

/* dlm profile, loop thread: queue a packet that travels without OPTS, between
 * whole frames. -EAGAIN: no room or no link now. -EMSGSIZE: over 512 bytes; send it wrapped. */
int peer_send_bare(struct peer *p, const void *packet, size_t len);

/* Half-close: FIN behind all that is queued, and behind open slots. Idempotent. */
void session_finish(struct session *s);
/* Give the session up now (SESSION_ABORTED); its life is failed for us. */
void session_abort(struct session *s);
/* Over or back under its receive budget. */
void session_pause(struct session *s, bool paused);
/* A sender on another thread may have queued, or a slot was given back. */
void session_kick(struct session *s);
/* The link to write on at once, where session_kick() would ask for that alone; NULL: call it. */
struct link *session_only_sends(const struct session *s);

/* ---- core ---- */

enum core_what {
	CORE_NOTE,		/* something to log */
	CORE_DIAL,		/* connect to act.peer over path act.path */
	CORE_PROBE,		/* the same for a probe link */
	CORE_TX,		/* act.link has something to write */
	CORE_ASK,		/* link_transport(act.link, ...) */
	CORE_SHUT,		/* end act.link as act.how says; the core has forgotten it */
	CORE_LEND,		/* act.peer needs a spare session */
	CORE_PEER_UP,		/* act.session: first link */
	CORE_FINISHED,		/* act.session: all that the peer sent was delivered */
	CORE_WRITABLE,		/* act.session: a refused sender may try again */
	CORE_PEER_DOWN,		/* act.session ended (act.session->end); the block is the
				 * caller's. Not for the application if it was never up. */
	CORE_FENCE,		/* act.peer, act.life, act.reason: asks for fencing */
	CORE_RENEW,		/* this life was declared failed: core_renew() with a new one */
	CORE_CLOSED,		/* after core_close(): nothing is left to wait for */
};

enum note_level { NOTE_ERROR, NOTE_WARNING, NOTE_INFO, NOTE_DEBUG };

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
	uint64_t life;
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
	bool renew_raised, closed_raised, closed_said;
	struct list peers;
	struct peer *by_nodeid[CORE_PEER_HASH];
	unsigned n_peers;
	struct list links;
	struct list sessions_pending, links_pending, peers_pending;
	struct note scratch;	/* taken while the notes are full */
	struct note notes[CORE_NOTES];
	unsigned note_head, n_notes;
	uint64_t notes_dropped;
	/* Counters of what has no session. */
	uint64_t refused, faults, probes_answered;
};

static inline bool core_at_rest(const struct core *core)
{
	return !core->n_notes && list_empty(&core->sessions_pending) &&
		list_empty(&core->links_pending) && list_empty(&core->peers_pending) &&
		!core->renew_raised && !core->closing;
}

/*
 * What carries nearly all traffic: a whole message, the expected one, with nothing in its way.
 * What it changes beside the numbers is counted when the long way is taken next.
 */
static inline const uint8_t *link_rx_plain(struct link *l, struct rx *rx, size_t *ret_len)
{
	struct session *s = l->session;
	const uint8_t *p = rx->p;
	uint64_t left = (uint64_t)(rx->end - p), n;

	if (!s || left < WIRE_MSG_OVERHEAD || !list_empty(&l->core->sessions_pending))
		return NULL;
	n = wire_msg_length(p, s->nodeid, s->expected);
	/* Too short for its headers is far above every limit. */
	if (n > left || n - WIRE_MSG_OVERHEAD >= s->plain_rx)
		return NULL;
	s->expected++;
	s->plain_bytes += n;
	count(&s->n.delivered, 1);
	rx->p = p + n;
	*ret_len = n - WIRE_MSG_OVERHEAD;
	return p + WIRE_MSG_OVERHEAD;
}

void core_init(struct core *core, const struct core_config *cfg, uint64_t now_ns);
void core_now(struct core *core, uint64_t now_ns);	/* never backwards */
/* The next thing to do; false when there is none. Order: notes, sessions, links, peers. */
bool core_poll(struct core *core, struct core_action *ret);
bool core_pending(const struct core *core);
/* True: core_poll() would find nothing. False: it may. */
static inline bool core_at_rest(const struct core *core);
uint64_t core_deadline(const struct core *core);
void core_tick(struct core *core);
void core_quorum(struct core *core, bool quorate);
/* Close: FIN on every session, LEAVING said, CORE_CLOSED when all is over. */
void core_close(struct core *core);
/* A link that was shut LINK_ORDERLY has ended in order on the other side as well:
 * the peer with that nodeid and life (struct link) has read everything. */
void core_drained(struct core *core, uint32_t nodeid, uint64_t life);
/* The linger time is over: all sessions end (SESSION_LINGER), all links are shut. */
void core_linger_over(struct core *core);
/* New life (R22): sessions end (SESSION_RENEWED), tombstones are forgotten. */
void core_renew(struct core *core, uint64_t incarnation);

const char *link_state_name(enum link_state s);
const char *session_end_name(enum session_end e);

#endif
