/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program dlm_member, for its files: the pure part (dlm_space.h) between sessions of the public
 * library, commands on standard input and events on standard output.
 *
 *	dlm_member.c	begin, loop, end
 *	dlm_peers.c	peers, their sessions, packets to and from them
 *	dlm_command.c	lines of standard input
 *	dlm_events.c	lines of standard output
 */
#ifndef SINEW_TESTS_VM_DLM_MEMBER_H
#define SINEW_TESTS_VM_DLM_MEMBER_H

#include <stdarg.h>
#include <stdio.h>

#include "lowcomms/sinew.h"
#include "tests/vm/dlm_space.h"

#define PEERS_MAX	DLM_MEMBERS_MAX
#define SPACE_NAME_MAX	64
#define LOOPS_MAX	16
#define BACKLOG_MAX	(64u << 20)	/* bytes for a peer that its session does not take yet */

struct backlog {
	struct backlog *next;
	size_t len;
	uint8_t packet[];
};

struct peer {
	uint32_t nodeid;
	uint64_t incarnation;		/* 0: it is no member at present */
	struct sinew_session *session;	/* referenced; NULL: none is up */
	bool has_finished;		/* the peer sends no more */
	bool is_ending;			/* we send no more */
	bool waits;			/* a new membership begins when this session is down */
	struct backlog *first, **end;
	size_t backlog_bytes;
};

struct lockspace {
	char name[SPACE_NAME_MAX];
	struct dlm_space *space;	/* NULL: a free place, unless it is leaving */
	bool is_leaving;		/* the last one: until all sessions are down */
};

/* Conversions of one lock to and fro, without an event for each. */
struct loop {
	uint32_t id;			/* of the lock; 0: a free place */
	uint32_t left, n_bad, n;
	enum dlm_mode modes[2];
	bool is_ready;			/* the next conversion may begin */
	uint64_t begun_ms;
};

struct program {
	/* settings */
	uint32_t nodeid;
	const char *addr, *transport, *log_name;
	uint16_t port;
	uint32_t recover_ms, toss_ms;
	uint32_t stall_ms, queue_bytes;	/* 0: the library's default */
	enum sinew_policy_31 policy_31;

	struct sinew_node *node;
	FILE *log;
	uint64_t last_incarnation, random;
	uint64_t now_ms;
	struct peer peers[PEERS_MAX];
	unsigned n_peers;
	struct lockspace spaces[DLM_SPACES_MAX];
	struct loop loops[LOOPS_MAX];
	bool is_paused, is_closing, is_closed;
};

/* ---- dlm_peers.c ---- */

extern const struct sinew_callbacks peers_callbacks;

struct peer *peers_find(struct program *p, uint32_t nodeid);
int peers_add(struct program *p, uint32_t nodeid, const char *addr);
void peers_free(struct program *p);
/* After lockspaces have changed: peers that share one are members, others are released. */
void peers_follow(struct program *p);
/* Our last lockspace is gone: an end in order with everybody. */
void peers_finish(struct program *p);
bool peers_are_down(const struct program *p);
void peers_failed(struct program *p, struct peer *peer);
/* A dlm_host's send. */
void peers_send(void *arg, uint32_t nodeid, const uint8_t *packet, size_t len, bool bare);

/* ---- dlm_command.c ---- */

/* One line, without its end. */
void command_run(struct program *p, char *line);
/* The next step of the loops whose lock was converted. */
void loops_run(struct program *p);

/* ---- dlm_events.c ---- */

/* "{"schema":1,"event":"NAME"...}": the pairs are of a key and a text, and end with NULL. */
void say_event(const char *name, ...);
void say_error(uint32_t peer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A dlm_host's event. */
void say_space_event(void *arg, const struct dlm_event *event);
void say_session(const struct peer *peer, const char *state, const char *reason);
void say_link_up(const struct peer *peer);
void say_loop(const struct loop *loop, uint64_t now_ms);
void say_status(struct program *p);

#endif
