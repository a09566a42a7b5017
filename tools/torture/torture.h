/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew torture". Not for other subcommands.
 *
 *	settings.c     command line              torture.c  the conductor: start, phases, end
 *	run_log.c      memory of all processes   injector.c kills by the kernel
 *	node_group.c   the nodes of a process    verdict.c  judging as it goes, what is printed
 *	incarnation.c  one node: its callbacks   checker.c  judges a session (checker.h)
 *	traffic.c      messages of a node        content.c  what is in them (content.h)
 *	caller.c       calls of a node           served.c   calls of its peers
 *	call_log.c     judges a call (call_log.h)
 */
#ifndef TOOLS_TORTURE_TORTURE_H
#define TOOLS_TORTURE_TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "lowcomms/sinew.h"
#include "tools/torture/call_log.h"
#include "tools/torture/checker.h"
#include "tools/torture/content.h"

/* ---- settings.c: the command line, and what follows from it ---- */

#define SETTINGS_NODES_MAX	64
#define SETTINGS_SIZE_MAX	(16u << 20)

enum settings_breaker { BREAKER_NONE, BREAKER_SELF, BREAKER_DESTROY, BREAKER_BEST };
enum settings_transport { TRANSPORT_TCP, TRANSPORT_SCTP, TRANSPORT_SCTP_USER };

struct settings {
	unsigned n_nodes;
	bool processes;
	uint32_t run_ms;	/* 0: until the kills are reached */
	uint64_t kills;		/* 0: until the time is over */
	enum settings_transport transport;
	enum settings_breaker breaker;
	uint32_t kill_ms;	/* between two kills in the whole run */
	uint32_t restart_ms;	/* 0: never */
	unsigned n_slow;	/* the last nodes are slow readers */
	size_t size;		/* of the longest message; 0 on the command line: what fits */
	uint64_t seed;
	uint16_t port;
	uint32_t linger_ms;	/* bound for all to be up again, and for all to close */
	enum sinew_level level;
	bool calls;		/* instead of messages */
	bool json;
	bool all_pairs;

	/* Follows from them and from the process. */
	char net[12];		/* "127.3.17": node N has N behind it */
	uint32_t queue_bytes;
	uint64_t node_memory;
	uint64_t n_descriptors;	/* that one process may need */
};

/* -1: go on; else an exit status, after help or an error was printed. */
int settings_parse(struct settings *s, int argc, char **argv);
/* Raises the soft limit of descriptors where it must. STATUS_OK, or says how many are missing. */
int settings_raise_descriptors(const struct settings *s);
/* The address of a node, with the port. */
void settings_address(const struct settings *s, uint32_t id, struct sockaddr_storage *ret_addr);
static inline bool settings_is_slow(const struct settings *s, uint32_t id)
{
	return id > s->n_nodes - s->n_slow;
}
extern const char *const settings_transports[];
extern const char *const settings_breakers[];	/* the names, but of BREAKER_BEST */

/*
 * ---- run_log.c: the memory that all processes of a run share: the records of all sessions, who
 * is alive, what was found wrong, and in which phase the run is. Each record has one writer; the
 * conductor alone frees them. ----
 */

#define RUN_LOG_PROBLEMS	100	/* told in words; the others are counted */
#define RUN_LOG_PROBLEM_MAX	240
#define RUN_LOG_NODES	(SETTINGS_NODES_MAX + 1)	/* by nodeid, 0 is nobody */
#define RUN_LOG_SESSIONS	6	/* of a pair that may wait to be checked */

enum run_log_phase {
	PHASE_RUN,
	PHASE_SETTLE,	/* no more faults, no more messages, until all are up */
	PHASE_CLOSE,	/* all close */
};

struct run_log_problem {
	_Atomic bool is_there;
	char text[RUN_LOG_PROBLEM_MAX];
};

struct run_log {
	unsigned n_nodes;
	_Atomic int phase;		/* enum run_log_phase */
	_Atomic unsigned n_problems;
	struct run_log_problem problems[RUN_LOG_PROBLEMS];
	_Atomic uint64_t incarnations[RUN_LOG_NODES];	/* of the nodes; 0: none */
	/* Of a node, about its sessions with a peer: one is open at most. */
	struct record records[RUN_LOG_NODES][RUN_LOG_NODES][RUN_LOG_SESSIONS];
	struct call_pair *calls;	/* by run_log_calls(); NULL: without calls */
};

/* NULL: no memory. */
struct run_log *run_log_new(unsigned n_nodes, bool with_calls);
void run_log_free(struct run_log *b);

static inline enum run_log_phase run_log_phase(const struct run_log *b)
{
	return (enum run_log_phase)atomic_load_explicit(&b->phase, memory_order_acquire);
}

/* The calls that node begins with peer. */
static inline struct call_pair *run_log_calls(const struct run_log *b, uint32_t node, uint32_t peer)
{
	return &b->calls[(node - 1) * b->n_nodes + peer - 1];
}

/* Something that must not happen; the run fails by it. Any process. */
void run_log_problem(struct run_log *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* By the node. */
/* NULL: there is no room, which is told as a problem. */
struct record *run_log_open(struct run_log *b, uint32_t node, uint64_t incarnation, uint32_t peer,
			    uint64_t peer_incarnation);

/* By others. */

/* A node ended without a word. stale: so did its process. */
void run_log_crashed(struct run_log *b, uint32_t node, bool stale);
/* Each of the records, from 0; NULL: there are no more. */
struct record *run_log_record(struct run_log *b, unsigned i);
/* The open record of node about its session with peer, or NULL. */
struct record *run_log_present(struct run_log *b, uint32_t node, uint32_t peer);
/* The other end's record of the same session, in any state, or NULL. */
struct record *run_log_other_end(struct run_log *b, const struct record *r);
/* The remains of some more sessions of each pair find room. */
bool run_log_has_room(struct run_log *b);

/* Whether there is a node for which that holds, towards a peer; then both, if wanted. */
typedef bool run_log_test(struct run_log *b, uint32_t node, uint32_t peer);
bool run_log_find(struct run_log *b, run_log_test *holds, uint32_t *ret_node, uint32_t *ret_peer);
/* There is no session of their present incarnations. */
bool run_log_is_down(struct run_log *b, uint32_t node, uint32_t peer);
/* The sender waits for room in its queue. */
bool run_log_is_blocked(struct run_log *b, uint32_t node, uint32_t peer);

/* The open record of one of two nodes with a session, if there are some, with something under way
 * between them; own: that node, 0: any. random is used up. NULL: none was found in a few tries. */
struct record *run_log_aim(struct run_log *b, uint64_t *random, uint32_t own);

/*
 * ---- the nodes of one process: one thread drives them all, restarts them in the process, and has
 * the library break its own connections where that is wanted. An incarnation of a node writes down
 * what happens in the run log's records and checks nothing but single messages. ----
 */

#define INCARNATION_KEPT_MAX	1024	/* messages that a slow reader has at once */

enum incarnation_state {
	INCARNATION_NONE,
	INCARNATION_RUNNING,
	INCARNATION_FINISHING,		/* half-closed to all; closes when all have ended */
	INCARNATION_CLOSING,		/* sinew_close() was called */
	INCARNATION_OVER,		/* it closed */
};

/* Towards one peer. */
struct lane {
	struct sinew_session *session;	/* present session, referenced; NULL: none */
	struct record *record;
	bool told_fault, told_stall;	/* that the library blames the peer */
	uint64_t quiet_until_ns;
	struct sinew_binding *binding;	/* to begin calls by; NULL: none */
	unsigned n_calls;		/* of ours to it, that are open */
};

struct kept {
	struct sinew_kept *message;
	struct content content;
	uint64_t until_ns;
};

struct incarnation {
	const struct settings *settings;
	struct run_log *run_log;
	uint8_t *buffer;		/* of settings->size bytes; for one call at a time */
	uint32_t id;
	enum incarnation_state state;
	struct sinew_node *node;
	uint64_t random;
	struct lane lanes[RUN_LOG_NODES];	/* by nodeid */
	struct kept kept[INCARNATION_KEPT_MAX];	/* by a slow reader: a ring */
	unsigned kept_head, n_kept;
	struct sinew_calls *calls;	/* NULL: without */
	struct own_call *own_calls;	/* of caller.c */
	struct served_call *served_calls;	/* of served.c */
};

struct node_group {
	const struct settings *settings;
	struct run_log *run_log;
	struct incarnation *incarnations;
	unsigned n;
	uint8_t *buffer;
	uint64_t random;
	uint64_t next_kill_ns;
	uint64_t next_count_ns;
	bool is_ending;		/* all were told to end */
};

/* ---- incarnation.c ---- */

/* A new node. 0, or a negative errno, after it was said why. */
int incarnation_begin(struct incarnation *l);
/* The remains of one that closed. Of any other the sockets are reset, no one is told: it crashed,
 * and that is written down. */
void incarnation_free(struct incarnation *l);
/* Ends in order; half_close: each session for itself at first. */
void incarnation_end(struct incarnation *l, bool half_close);
/* Runs it; to be called when its descriptor is readable, and now and then. */
void incarnation_turn(struct incarnation *l);
/* Copies counters of the sessions to the records. */
void incarnation_count(struct incarnation *l);

/* ---- traffic.c ---- */

/* Sends some messages to some peers, at most *budget bytes. True: some were sent. */
bool traffic_send(struct incarnation *l, uint64_t now_ns, size_t *budget);
/* A message that came. */
void traffic_take(struct incarnation *l, struct lane *lane, const struct sinew_message *m);

/* Checks and gives back what was kept long enough; all: everything. */
void slow_release(struct incarnation *l, uint64_t now_ns, bool all);
/* When there is something to give back. */
uint64_t slow_deadline(const struct incarnation *l);

/* ---- caller.c: all of it does nothing without calls ---- */

#define CALLER_OPEN_MAX	32	/* calls of a node to one peer; half as many more for others */

/* The bytes of a call: content_fill() of content_length(). The reply is the same turned round. */
struct content caller_request(const struct settings *s, uint32_t from, uint32_t to,
			      uint64_t from_incarnation, uint64_t to_incarnation, uint64_t number);
struct content caller_reply(const struct content *request);
/* With which the called side aborts it. */
int32_t caller_abort_code(const struct content *request);

/* 0, or a negative errno. */
int caller_open(struct incarnation *l);
/* After sinew_node_free(): all calls must have ended. */
void caller_close(struct incarnation *l);
/* The session of the lane has come up, or is about to be forgotten. */
void caller_up(struct incarnation *l, struct lane *lane);
void caller_down(struct incarnation *l, struct lane *lane);
/* How many slots its calls use, and how old they are, goes into the log. */
void caller_count(const struct incarnation *l, const struct lane *lane);
/* Begins calls to all peers. True: some were. */
bool caller_begin_some(struct incarnation *l, uint64_t now_ns);
/* Gives up or answers those whose time has come. */
void caller_turn(struct incarnation *l, uint64_t now_ns);

/* Begins one for call, a peer's; served_nested_ended() follows. False: it cannot. */
bool caller_begin_nested(struct incarnation *l, uint32_t peer, struct served_call *parent,
			 struct sinew_call *call);
/* The parent ends before. */
void caller_forget_parent(struct incarnation *l, const struct served_call *parent);

/* ---- served.c ---- */

#define SERVED_SERVICE	100

/* 0, or a negative errno of sinew_service_bind(). */
int served_bind(struct incarnation *l);
void served_turn(struct incarnation *l, uint64_t now_ns);
void served_nested_ended(struct served_call *s);
void served_check_ended(struct incarnation *l);
void served_forget(struct incarnation *l);

/* ---- node_group.c ---- */

/* Nodes first_id .. first_id + n - 1; salt: of their randomness, different in each incarnation of a
 * process. 0, or a negative errno, after it was said why. */
int node_group_open(struct node_group *c, const struct settings *s, struct run_log *run_log,
		    uint32_t first_id, unsigned n, uint64_t salt);
void node_group_close(struct node_group *c);
/* A turn: sends and breaks while that is under way, waits, for more_fd too (-1: none), and runs the
 * nodes. It waits at most busy_ms where something was sent, else idle_ms. */
void node_group_turn(struct node_group *c, int busy_ms, int idle_ms, int more_fd);
/* The node ends, by a crash or in order, and comes back. False: it is ending already. */
bool node_group_restart(struct node_group *c, uint32_t id, bool crash);
/* All have closed, in PHASE_CLOSE. */
bool node_group_is_over(const struct node_group *c);

/* ---- a run as its conductor sees it ---- */

struct run {
	struct settings settings;
	struct run_log *run_log;
	struct injector *injector;		/* NULL: not by us */
	struct node_group node_group;		/* of this process; none with --processes */
	pid_t children[RUN_LOG_NODES];	/* by nodeid; 0: none */
	unsigned n_spawned;
	int signal_fd;
	unsigned n_signals;
	int last_signal;
	bool is_broken;			/* cannot go on: a process died */
	bool cannot_start;		/* a process could not begin, and has said why */
	bool is_terminal;		/* standard error */
	bool has_line;			/* an unfinished line of progress stands there */
	uint64_t random;
	uint64_t began_ns, now_ns, ended_ns;	/* ended: the faults */
	uint64_t phase_until_ns;
	uint64_t next_restart_ns, next_check_ns, next_line_ns;
	uint64_t n_restarts, n_crashes;
	uint64_t restarted_ns;		/* since then not all are up; 0: they are */
	uint64_t recovery_ns;		/* the longest time from restarts until all were up */
	unsigned n_told;		/* problems */
	struct pair pairs[RUN_LOG_NODES][RUN_LOG_NODES];	/* checked: from, to */
	struct pair total;		/* checked and open, each kill once */
};

/* ---- verdict.c, as the run goes ---- */

/* Judges the sessions that are over, and makes room; last: nobody writes any more. */
void count_checker(struct run *r, bool last);
/* A session in which nothing moves for the linger time is a problem. */
void count_watch(struct run *r);
/* Adds up the sessions already checked and those still open. */
void count_total(struct run *r);
/* Problems that were not told yet. */
void count_tell(struct run *r);
/* One line of progress. */
void count_line(struct run *r);
/* Finishes the line of progress, so that another can be printed. */
void count_end_line(struct run *r);

/* ---- injector.c ---- */

/* Has the kernel destroy connections: of BREAKER_DESTROY. STATUS_OK, or it says why not. */
int injector_open(struct injector **ret_injector, const struct settings *s,
		  struct run_log *run_log);
void injector_close(struct injector *k);
/* Destroys those that are due. */
void injector_step(struct injector *k, uint64_t now_ns);
/* When the next ones are due. */
uint64_t injector_deadline(const struct injector *k);

/* ---- verdict.c, at its end ---- */

/* The exit status. */
int verdict_status(const struct run *r);
/* The table and the sum, or the document. 0 or the negative errno of writing. */
int verdict_print(const struct run *r);

#endif
