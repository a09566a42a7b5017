/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated world: every type that the parts of the simulator share. One
 * run is one seed; all of it lives in the one struct sim. Knows the core only
 * through proto/core.h.
 */
#ifndef SINEW_TESTS_SIM_H
#define SINEW_TESTS_SIM_H

#include "proto/core.h"
#include "proto/dlm_profile.h"
#include "proto/profile.h"
#include "proto/ring_out.h"
#include "proto/rx.h"
#include "proto/stuck.h"
#include "tools/random.h"

#include <stdio.h>

#define SIM_NODES	7
#define SIM_PATHS	3
#define SIM_INCS	96
#define SIM_CONNS	1024
#define SIM_SESSIONS	256
#define SIM_SEGS	32		/* segments under way in one direction */
#define SIM_FAULTS	96
#define SIM_MEMBER_Q	256
#define SIM_SLOTS	4		/* slots that one application holds open */
#define SIM_EVENTS	(1u << 15)
#define SIM_PIPE	(1024u * 1024)
#define SIM_MSG_MAX	(256u * 1024)
#define SIM_VIEW	(1ull << 32)	/* seeds with this bit: membership through a struct view */
#define SIM_CALLS	(1ull << 33)	/* ... with this one: calls beside the messages */
#define SIM_SCTP	(1ull << 34)	/* ... with this one: kernels, over SCTP */
#define SIM_TOPO	(1ull << 35)	/* ... with this one: topology servers alone (topo.h) */

#define USEC 1000ull
#define MSEC 1000000ull
#define SEC  1000000000ull

struct rng {
	uint64_t s;
};

static inline uint64_t rng_next(struct rng *r)
{
	return random_next(&r->s);
}

/* 0 .. n - 1 */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return n < UINT32_MAX ? ((rng_next(r) >> 32) * n) >> 32 : rng_next(r) % n;
}

static inline uint64_t rng_range(struct rng *r, uint64_t lo, uint64_t hi)
{
	return lo + rng_below(r, hi - lo + 1);
}

static inline bool rng_one_in(struct rng *r, unsigned n)
{
	return rng_below(r, n) == 0;
}

/* Between lo and hi, every magnitude alike. */
uint64_t rng_scale(struct rng *r, uint64_t lo, uint64_t hi);

enum ev_kind {
	EV_NONE, EV_SEG, EV_CONNECT, EV_ACCEPT, EV_PUMP, EV_READ, EV_CONN_LOST, EV_SEND, EV_KICK,
	EV_MEMBER, EV_FAULT, EV_START, EV_RESUME, EV_SLOT, EV_PROVIDE, EV_CHECK, EV_CLOSE,
	EV_KERNEL, EV_EXIT, EV_VIEW, EV_GROUP, EV_ATTACK, EV_LET_GO, EV_CALL, EV_CALLS,
};

struct event {
	uint64_t at_ns;
	uint32_t order;
	uint32_t b;
	uint16_t kind;
	uint16_t a;
	uint32_t gen;
};

/* ---- network ---- */

enum seg_kind { SEG_DATA, SEG_EOF, SEG_RST };

struct seg {
	uint64_t at_ns;
	uint32_t n;
	uint8_t kind;
};

#define PARSE_HOLD 400

/* Follows the frames of one direction as they are written. */
struct parse {
	uint32_t have, want, skip;	/* skip: bytes of the frame still to come */
	bool broken;
	bool sequenced;			/* the frame under way is */
	uint8_t hold[PARSE_HOLD];
};

enum end_state { END_CLOSED, END_OPEN, END_ORDERLY };

/* One end of a connection, with the pipe that leads to it. */
struct end {
	struct link link;
	enum end_state state;
	bool taken;		/* connected or accepted, and the core knows */
	bool fin_sent, rst_told, paused, want_pump, want_read, eof_read;
	uint8_t late;		/* the end has come, but was not taken or not all read: seg_kind */
	bool rogue;		/* driven by the simulator */
	uint8_t adversary;		/* the attacker's: its link + 1 */
	bool named;		/* the attacker said the present incarnation of the other end */
	bool heard;		/* a frame behind the choice was read */
	bool is_numbered;	/* the choice of it was looked at */
	uint8_t silent_on;	/* read a HELLO that must wait, because of this node ... */
	uint64_t silent_ns;	/* ... since then; 0: none */
	bool has_told;		/* wrote a frame with the incarnation of its node */
	bool was_up;
	bool narrow;		/* the armed cut is a hole, not a reset */
	uint8_t node;
	uint8_t hole;		/* what leads here vanishes, 1 and 3: but for RST, 2: all of it */
	uint8_t *buf;		/* rd <= seen <= arr <= wr */
	uint32_t rd, seen, arr, wr;
	uint32_t cap;
	size_t scan_off;
	int64_t bytes_left;	/* until the armed reset; negative = none */
	uint64_t last_ns;	/* arrival of the newest segment */
	uint64_t hold_ns;	/* nothing arrives before */
	uint64_t opened_ns;
	uint64_t arr_ns;	/* when data last arrived here */
	struct seg segs[SIM_SEGS];
	uint32_t seg_head, n_segs;
	struct parse tx;	/* of what this end writes */
	uint64_t kfree;		/* kernel model's own */
	bool releases;		/* a kernel waits here for the other's EOF */
};

struct conn {
	struct end end[2];	/* 0 dialled */
	uint32_t gen;
	bool used, probe, stranger;
	bool cut;		/* broken by a fault, or about to be */
	uint8_t path;
	uint16_t idx;
	uint64_t lat_lo, lat_hi;
	uint8_t inc[2];	/* of the nodes at its ends when it was opened */
};

/* ---- incarnations and streams ---- */

struct inc {
	uint64_t incarnation;
	uint8_t node;
	bool alive;
	bool leaving;
	bool gone;		/* left or failed was said */
	bool declared;		/* anybody had a reason to call it failed */
	bool claimed;		/* another program used its number */
};

enum rec_state { REC_DONE, REC_OPEN, REC_CANCELLED };

struct rec {
	uint32_t len, off;
	uint8_t state;
	bool seen;		/* of a 3.1 peer: arrived */
	uint8_t echo;		/* 1 please send it back, 2 it is */
};

#define ASK_MAX		112u	/* the longest bare packet */
#define ASK_WINDOW	64u	/* of bare packets under way */

/* The stream from one incarnation to another. */
struct stream {
	bool used;
	bool opened_tx, opened_rx;	/* a session for it was up at that end */
	bool ended_tx, ended_rx;
	bool tx_final;			/* nothing more can be queued */
	bool fin_wire;
	bool finished;			/* receiver was told */
	bool may_lose;			/* a connection of the two met an error */
	uint8_t from, to;
	uint32_t n_rec, cap_rec;
	struct rec *rec;
	uint32_t next_rec;		/* at the receiver */
	uint64_t delivered;
	uint64_t n_final;		/* messages before our FIN */
	uint64_t unsent_from;		/* numbers above never arrive */
	uint32_t n_frames, cap_frames;
	uint32_t *ended;		/* messages ended by frames 0 .. i */
	uint64_t ended_ns;		/* at the receiver */
	uint32_t n_bare;		/* bare packets that were said */
	uint32_t asked;			/* id of a question without an answer; 0: none */
	uint32_t bare_seen[ASK_WINDOW];	/* numbers + 1 of those that arrived */
	uint32_t n_calls, next_call;	/* frames of a service: sent, received */
	uint32_t calls_unsent_from;	/* those from here on never arrive */
	uint32_t cap_calls;
	uint64_t *call_end;		/* in the sender's ring */
};

struct sess {
	struct session s;
	bool used, up, finishing, finished, down, blocked, paused, kick;
	uint8_t node, peer;
	uint16_t idx;
	uint32_t gen;
	uint8_t *mem, *bare;
	uint32_t size;
	struct stream *tx, *rx;
	bool has_gen;
	uint32_t gen_before;	/* number of the last choice */
	bool call_refused;	/* a frame of the service was: room is due */
	uint64_t part_end;	/* ring position: of the part before the present one */
	bool let_go;		/* the FIN is not held */
	bool call_path;		/* the service was told of a link */
	struct dialog *calls;	/* NULL: it takes none */
	bool has_batch;		/* of frames of calls */
	struct { bool used; unsigned slot; uint32_t rec, len; uint8_t *data; } slot[SIM_SLOTS];
};

/* ---- nodes ---- */

enum member_event { MEMBER_ADDED, MEMBER_LEAVING, MEMBER_LEFT, MEMBER_FAILED };

struct member_item {
	uint64_t at_ns;
	uint8_t event, inc;
	bool dropped;
};

/* The application's side of one peer. */
struct chan {
	struct sess *sess;
	uint32_t budget;	/* messages it still wants to send */
	uint32_t period_us;
	uint8_t bulk;
	bool echo;		/* its messages come back */
	bool keeps;		/* does not read on while it has something to send back */
	bool retry;		/* refused: the same message again */
	bool removed, was_removed;
	struct rec again;
	uint64_t pause_until_ns;
	uint32_t echo_out;	/* bytes that have not come back */
	uint32_t n_back;	/* to be sent back */
	uint32_t back[64];
	uint64_t back_bytes;
	uint32_t calls_left;	/* that it still wants to begin */
	uint64_t calls_period_ns;
	uint64_t heard_ns, quiet_ns;	/* of that node, on its link; when there was a pause */
};

struct kernel;

struct node {
	struct core core;
	struct peer peers[SIM_NODES];
	struct chan chan[SIM_NODES];
	struct tombstones former[SIM_NODES];	/* of peers that were removed */
	bool present;		/* takes part in this run */
	bool running, closing, closed, can_dial, in_turn;
	uint8_t idx, inc;
	uint8_t copy_of;	/* impostor: index of the real one + 1 */
	uint32_t nodeid;
	unsigned n_paths;
	uint32_t gen;
	uint64_t stun_until_ns, refuse_until_ns, hang_until_ns, nofd_until_ns, no_dial_ns;
	uint64_t restart_at_ns;
	uint64_t last_tick_ns;
	unsigned same_ticks;
	uint32_t queue_bytes;
	bool takes_calls;
	struct service_grant grant;
	bool has_newer;			/* service, for callers that ask */
	struct member_item mq[SIM_MEMBER_Q];
	unsigned mq_head, mq_n;
	uint64_t mq_last_ns;
	struct kernel *kernel;
	uint64_t calls_due_ns;	/* dialog_deadline(); 0: to be looked up */
};

enum fault_kind {
	FAULT_RESET, FAULT_RESET_BYTES, FAULT_EOF, FAULT_HOLE_ONE, FAULT_HOLE_BOTH, FAULT_PATH_DOWN,
	FAULT_REFUSE, FAULT_HANG, FAULT_NOFD, FAULT_HOLD, FAULT_STUN, FAULT_PAUSE, FAULT_ARM,
	FAULT_RESTART, FAULT_FALSE_FAIL, FAULT_PARTITION, FAULT_ABORT, FAULT_FINISH, FAULT_CLOSE,
	FAULT_ROGUE, FAULT_IMPOSTOR, FAULT_REMOVE, FAULT_QUORUM, FAULT_LINGER, FAULT_FORGE,
	FAULT_STRANGER, FAULT_CUT_LAST, FAULT_NARROW, FAULT_SPLIT, FAULT_DAEMON, FAULT_LATE,
	FAULT_UNLIST, FAULT_MOVE, FAULT_VOTES, FAULT_QUIT, FAULT_TIMEOUT, FAULT_KINDS,
};

struct fault {
	uint64_t at_ns;
	uint8_t kind, a, b, path;
	uint32_t arg;
	uint64_t span_ns;
};

/* Whether somebody sits at a member's address: in one of four seeds, or as one is told. */
enum attack { ATTACK_AUTO, ATTACK_ALWAYS, ATTACK_NEVER };

enum phase { PHASE_FAULTS, PHASE_HEAL, PHASE_SLOW, PHASE_LARGE, PHASE_CLOSE, PHASE_OVER };

/* A pair whose large packets are lost on one path. */
struct large {
	bool active;
	uint8_t a, b, path;
	uint8_t ways;		/* 1: those of a, 2: those of b */
	unsigned stuck;		/* links with a session that met it */
	uint64_t from_ns, span_ns, turn_ns;
	uint64_t arrived, stalled_ns;
};

/* Upper limits of what a seed draws: how a failing seed is made smaller. */
struct limits {
	uint32_t nodes, messages, faults;
	uint64_t mask;		/* kinds of faults left out; bit 63: the dlm profile */
	enum attack attacker;
};

struct sim {
	uint64_t seed, now_ns, start_ns;
	uint64_t digest;	/* of all that the nodes did (digest.c) */
	struct limits limits;
	bool trace, failed, membership, dlm;
	bool served;		/* services stand beside applications */
	bool view;		/* membership comes through group.c and viewer.c */
	bool calls;		/* applications begin calls (calls.h) */
	bool sctp;		/* no error of a connection makes a kernel repeat */
	bool numbers_taken;	/* the attacker may take links, and what they are numbered with */
	char why[400];
	struct rng plan, net, app, group, adversary, service, changes;
	uint32_t n_exchanges, calls_ahead;	/* bytes of pieces ahead of the link */
	uint16_t calls_bindings, calls_creds;
	bool calls_resized;	/* their windows change */
	enum phase phase;
	uint64_t phase_ns, phase_limit_ns, faults_end_ns;
	struct core_config cfg;
	unsigned n_nodes, n_slots;	/* n_slots counts impostors too */
	unsigned n_paths;
	struct node node[SIM_NODES];
	unsigned n_incs;
	struct inc inc[SIM_INCS];
	uint8_t *declared;		/* [by incarnation][incarnation] */
	struct stream *streams;		/* [from][to] */
	struct conn *conns;
	unsigned n_conns;	/* those behind were never used */
	struct sess *sess;
	struct event *heap;
	unsigned n_heap;
	uint32_t order;
	struct fault fault[SIM_FAULTS];
	unsigned n_faults;
	bool path_down[SIM_NODES][SIM_NODES][SIM_PATHS];
	int64_t arm[SIM_NODES][SIM_NODES];	/* reset the next link after so many bytes */
	uint64_t narrow_until_ns[SIM_NODES][SIM_NODES];
	uint8_t forge[SIM_NODES][SIM_NODES];	/* the next dial is answered by this REFUSE */
	bool closed_pair[SIM_NODES][SIM_NODES];	/* once ended cleanly */
	uint64_t lat_lo, lat_hi;
	uint32_t pipe_min, pipe_cap;
	unsigned eager;			/* 1 in n reads and writes are cut short; 0 = none */
	bool held_dials;
	uint64_t n_events, n_dials, n_links, n_sent, n_delivered, n_link_faults;
	bool hard_fault;		/* somebody was stunned, held or cut off silently */
	bool any_linger, dishonest;
	uint64_t slow_until_ns, slow_links;
	struct sess *slow;
	struct large large;
	uint64_t dial_window_ns, dial_window_n;
};

extern struct sim sim;

/* Counts what the types above name. */
#include "tests/sim/cover.h"
#include "tests/sim/dialog.h"

/* ---- world.c, turn.c ---- */

void sim_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void sim_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define TRACE(...) do { if (sim.trace) sim_trace(__VA_ARGS__); } while (0)

void sim_setup(void);
bool sim_run(uint64_t seed, const struct limits *lim, bool trace);
void sim_at(uint64_t at_ns, enum ev_kind kind, unsigned a, uint32_t b, uint32_t gen);
void world_turn(struct node *n);		/* actions, until there are none */
void world_enter(struct node *n);
void world_start(struct node *n);
void world_crash(struct node *n, bool silent);
void world_start_at(struct node *n, uint64_t at_ns);
void world_renew(struct node *n);
void world_peer_add(struct node *n, unsigned j);
struct node *world_node(uint32_t nodeid);
void world_give_back(struct sess *x);
struct sess *world_provide(struct node *n, unsigned j);
bool world_pair_stuck(unsigned a, unsigned b);
bool world_pair_talks(const struct node *a, const struct node *b);

/* ---- digest.c ---- */

#define DIGEST_SEEDS	700u	/* recorded: from 1 on */
#define DIGEST_VIEWS	300u	/* ... and from SIM_VIEW on */
#define DIGEST_CALLS	120u	/* ... and from SIM_CALLS on */

void digest_write(const struct conn *c, unsigned side, const void *p, size_t n);
void digest_tick(const struct node *n);
void digest_action(const struct node *n, const struct core_action *a);
void digest_status(void);
bool digest_record(void);
int digest_compare(void);

/* ---- plan.c ---- */

void plan_draw(void);

/* ---- faults.c ---- */

void fault_run(const struct fault *f);
void fault_heal(void);

/* ---- rogue.c ---- */

void rogue_dial(const struct fault *f);

/* ---- attacker.c ---- */

void attacker_draw(void);
void attacker_event(void);
void attacker_closing(void);
void attacker_readable(struct conn *c, unsigned side);
void attacker_gone(struct conn *c, unsigned side);
bool attacker_listens(const struct node *n);
void attacker_accept(struct conn *c);
bool attacker_named(const struct end *e);

/* ---- phases.c ---- */

void phase_check(void);

/* ---- large.c ---- */

bool large_begin(void);
bool large_turn(void);
void large_frame(struct conn *c, unsigned side, uint32_t length);

/* ---- member.c ---- */

void member_say(struct node *to, enum member_event ev, unsigned inc, uint64_t min_delay_ns);
void member_say_all(enum member_event ev, unsigned inc);
void member_joined(struct node *n);
void member_renewed(struct node *n);
void member_deliver(struct node *n);

/* ---- group.c, viewer.c; more in group.h ---- */

void group_begin(void);
void group_gone(struct node *n, bool machine);
void group_event(uint32_t what);
void group_fault(const struct fault *f);
void group_heal(void);
void viewer_start(struct node *n);
void viewer_turn(struct node *n);
void viewer_renewed(struct node *n);
void viewer_close(struct node *n);
void viewer_leave(struct node *n);
bool viewer_quiet(const struct node *n);

/* ---- net.c, loop.c ---- */

void net_reset_all(void);
void net_at(uint64_t at_ns, enum ev_kind kind, struct conn *c, unsigned side);
uint64_t net_latency(struct conn *c);
void net_dead(struct conn *c, unsigned side, bool eof);
void net_dial(struct node *n, unsigned j, unsigned path, bool probe);
void net_event(const struct event *e);
void net_pump(struct conn *c, unsigned side);
void net_ask(struct link *l);
void net_shut(struct conn *c, unsigned side, enum link_shut how);
void net_reset(struct conn *c);
uint32_t net_unread(const struct end *e);
void net_eof(struct conn *c);
void net_read(struct conn *c, unsigned side);
void net_was_read(struct conn *c, unsigned side);
void net_node_gone(struct node *n, bool silent);
void net_unaccepted(struct node *n);
void net_write(struct conn *c, unsigned side, const uint8_t *p, size_t n);
void net_close_end(struct conn *c, unsigned side);
size_t net_room(struct conn *c, unsigned side);
struct conn *net_open(unsigned from, unsigned to, unsigned path);
/* Connections between two nodes, also those that one end or both have dropped. */
unsigned net_links(unsigned a, unsigned b);
struct conn *net_pick(unsigned a, unsigned b, struct rng *r);
struct conn *net_conn(struct link *l, unsigned *ret_side);
void net_send_seg(struct conn *c, unsigned to_side, enum seg_kind kind, uint32_t n);
struct path_addr net_addr(unsigned nodeidx, unsigned path);

/* ---- workload.c ---- */

extern uint8_t *workload_pattern;
void workload_setup(void);
void workload_send(struct node *n, unsigned j);
void workload_up(struct sess *x);
void workload_message(struct sess *x, const struct rec *r);
void workload_writable(struct sess *x);
void workload_ask(struct sess *x);		/* of a kernel; again, if it did already */
void workload_answer(struct sess *x, uint32_t id);
void workload_link_up(struct sess *x);
void workload_down(struct sess *x);
void workload_slot(struct sess *x, unsigned i);
void workload_resume(struct node *n, unsigned j);
void workload_finish(struct sess *x);
bool workload_quiet(unsigned *ret_a, unsigned *ret_b);
void workload_push(struct node *n, unsigned j, uint32_t len);
void workload_kick(struct sess *x);
void workload_queued(struct sess *x);		/* the loop hears of it soon */

/* ---- oracle.c, watch.c ---- */

struct stream *oracle_stream(unsigned from, unsigned to);
struct rec *oracle_record(struct stream *st);
unsigned oracle_inc(uint64_t incarnation);
void oracle_up(struct sess *x);
void oracle_message(struct sess *x, const uint8_t *p, size_t n);
void oracle_finished(struct sess *x);
void oracle_down(struct sess *x);
void oracle_final(struct stream *st);
void oracle_wire(struct conn *c, unsigned side, const uint8_t *p, size_t n);
void oracle_read(struct conn *c, unsigned side, const uint8_t *p, const uint8_t *end);
void oracle_link_gone(struct conn *c, unsigned side);
void oracle_renew(struct node *n);
void oracle_frame(struct stream *st, bool ends_message);
bool oracle_unseen(struct stream *st, uint32_t index);
bool oracle_dlm(const struct sess *x);
void oracle_bare(struct sess *x, const uint8_t *p, size_t n);
void oracle_shut(const struct conn *c, unsigned side, const struct core_action *a);
void oracle_fence(struct node *n, struct peer *p, int reason);
void oracle_broken(const struct conn *c);
bool oracle_done(struct sess *x);
void oracle_deadlines(void);
void oracle_note(const struct node *n, const struct note *t);
const char *oracle_disagree(const struct node *a, const struct node *b);

/* ---- secret.c ---- */

void secret_read(struct conn *c, unsigned side, const struct frame *f);
void secret_written(struct conn *c, unsigned side, const struct frame *f);
void secret_lost(struct node *n, unsigned j);
void secret_before(const struct node *n);
void secret_after(const struct node *n, struct conn *c, unsigned side);
void secret_up(struct conn *c, unsigned side);

/* ---- ask.c ---- */

/* A question, and the answer to that of id: their lengths, at most ASK_MAX. */
size_t ask_put(uint8_t *to, struct stream *tx, uint32_t version);
size_t ask_put_answer(uint8_t *to, struct stream *tx, uint32_t version, uint32_t id);
/* A bare packet has arrived: the id of a question that needs an answer, or 0. tx leads back. */
uint32_t ask_heard(struct stream *rx, struct stream *tx, const uint8_t *p, size_t n);

/* ---- served.c ---- */

void served_draw(void);
struct service_grant served_grant(const struct node *n);
void served_up(struct sess *x);
void served_send(struct sess *x, unsigned burst);
void served_sometimes(struct sess *x);
void served_room(struct sess *x);
void served_came(struct sess *x, const uint8_t *p, size_t n);
void served_finishing(struct sess *x);
void served_let_go(struct sess *x);
void served_path(struct sess *x);
void served_told(const struct node *n);
void served_down(struct sess *x);
bool served_done(const struct sess *x);

/* ---- kernel_peer.c, kernel_node.c ---- */

void kernel_plan(void);
void kernel_start(struct node *n);
void kernel_event(struct node *n, uint32_t what, uint32_t gen);
void kernel_taken(struct conn *c, unsigned side);
void kernel_readable(struct conn *c, unsigned side);
void kernel_dead(struct conn *c, unsigned side, bool eof);
void kernel_no_dial(struct node *n, unsigned j);
/* Somebody asked for it: its machine is switched off. */
void kernel_fenced(struct node *n);
void kernel_member(struct node *n, enum member_event ev, unsigned inc);
void kernel_tell(struct node *n, enum member_event ev, unsigned inc, uint64_t at_ns);
bool kernel_quiet(struct node *n);
bool kernel_is_closed(unsigned kernel, unsigned peer);
/* It waited there for our end, which came: as EOF, or not. */
void kernel_released(struct conn *c, unsigned side, bool eof);

#endif
