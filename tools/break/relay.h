/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew break relay". Not for other modes.
 *
 *	relay.c            start, loop, end       relay_arguments.c  command line, the two nodes
 *	relay_connection.c what passes            relay_listen.c     dials, in and on
 *	relay_plan.c       which act is where     relay_log.c        the log, and back
 */
#ifndef TOOLS_BREAK_RELAY_H
#define TOOLS_BREAK_RELAY_H

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "tools/break/relay_plan.h"

struct json_object;

/* ---- relay_arguments.c ---- */

#define RELAY_SEED_NONE	UINT64_MAX	/* --seed is not given */

struct relay_node {
	struct sockaddr_storage at;		/* where it listens */
	struct sockaddr_storage stand_in;	/* as what the other one sees it; port 0: as at */
	uint32_t id;				/* 0: not given */
};

struct relay_arguments {
	struct relay_node nodes[RELAY_SIDES];
	bool has_stand_ins;			/* by --stand-ins */
	const char *config;			/* or NULL */
	const char *write_configs;		/* or NULL */
	struct relay_faults faults;		/* rules, and the seed or RELAY_SEED_NONE */
	const char *log, *replay;		/* or NULL */
	uint32_t for_ms;			/* 0: no end */
	uint64_t resets;			/* 0: no end */
	bool json, verbose;
};

/* -1: go on; else an exit status, after help or an error was printed. */
int relay_arguments_parse(struct relay_arguments *args, int argc, char **argv);

/* ---- relay_log.c: a line of JSON for the run, and one for each act, sorted at the end ---- */

struct relay_log {
	const char *name;
	FILE *file;		/* NULL: there is none */
	struct json_object *head;	/* its first line */
	struct relay_record *records;	/* what was done, in the order of doing */
	size_t n_records, room;
	int error;		/* the first one, negative errno; nothing more is written then */
};

/* The first line for these rules. */
void relay_log_head(struct relay_log *log, const struct relay_faults *faults);
/* Empties the file and writes the first line. Negative errno after it said why. */
int relay_log_open(struct relay_log *log, const char *name);
/* Also when there is no file. The first error is said. */
void relay_log_act(struct relay_log *log, const struct relay_place *place,
		   const struct relay_act *act);
/* Sorts what a file has, closes it. Not 0: the log is not whole. */
int relay_log_close(struct relay_log *log);
bool relay_log_is_full(const struct relay_log *log);

/*
 * Reads a log: seed and records of faults, the first line to log. The records are
 * to be released by free(). Negative errno after it said why.
 */
int relay_log_read(const char *name, struct relay_log *log, struct relay_faults *faults);

/* ---- relay_connection.c ---- */

#define RELAY_BUFFER	(256 * 1024)	/* bytes that wait here; then nothing more is read */
#define RELAY_CHUNKS	512		/* reads that wait here */

/* The time of one turn of the loop, and when the next one is due. */
struct relay_turn {
	uint64_t now_ns;
	uint64_t wake_ns;	/* lowered by who has to act before */
	bool calm;		/* the faults are over */
	/* Told of each act just before it is done. */
	void (*acted)(void *user, const struct relay_place *place, const struct relay_act *act);
	void *user;
};

/* The result of one read. */
struct relay_chunk {
	uint64_t end;		/* offset behind its last byte */
	uint64_t read_ns;
};

/* A kind that lasts. */
struct relay_shape {
	struct relay_act act;
	uint64_t end;		/* offset at which it ends, UINT64_MAX: never; 0: not in force */
};

struct relay_end {
	int fd;
	bool gone;		/* it is of no more use */
};

/* One direction. */
struct relay_pipe {
	struct relay_plan plan;
	struct relay_end *from, *to;
	uint8_t *buf;
	size_t off, len;
	uint64_t n_read, n_passed;
	struct relay_chunk chunks[RELAY_CHUNKS];	/* a ring */
	unsigned first_chunk, n_chunks;

	struct relay_shape shapes[RELAY_N_KINDS];
	uint64_t paid_until_ns;		/* throttle: what passed has used the time until then */
	uint64_t joined_end;		/* join: so far may pass now */
	uint64_t piece_end, n_pieces;	/* split: where the present piece ends */
	bool has_split;			/* the last write was such a piece */
	uint64_t stalled_until_ns;

	uint64_t eof_ns;	/* when eof came */
	bool eof;		/* nothing more comes: an orderly end, or broken */
	bool broken;		/* by an error of the sender's side */
	bool shut;		/* the reader was told the end */
	bool sink;		/* what comes is thrown away */
	bool hole;		/* and even the end is not told */
	bool blocked;		/* the reader's socket takes no more now */
};

struct relay_connection {
	bool open;
	struct relay_end ends[RELAY_SIDES];
	struct relay_pipe pipes[RELAY_SIDES];	/* by whose bytes */
	struct pollfd *polls;			/* one of each side; fd -1: nothing */
};

/* Takes both descriptors, also when it fails: -ENOMEM. */
int relay_connection_open(struct relay_connection *c, const struct relay_faults *faults,
			  enum relay_side dialler, uint32_t number, const int fd[RELAY_SIDES]);
/* Passes what may pass, does the acts that are due; perhaps the connection ends. */
void relay_connection_turn(struct relay_connection *c, struct relay_turn *t);
/* With reset: RST to both sides. */
void relay_connection_end(struct relay_connection *c, bool reset);

/* Closes a descriptor so that the other end gets a RST; -1 is ignored. */
void relay_reset_fd(int fd);

/*
 * ---- relay_listen.c: where the dials of one side come in, and the dial on to the other one; one
 * at a time, so that connections are numbered in the order in which they came. While nobody listens
 * there, nobody listens here. ----
 */

struct relay_listener {
	enum relay_side side;		/* who dials here */
	struct sockaddr_storage at;	/* the other side's stand-in */
	struct sockaddr_storage only;	/* who may: the address of this side; no port */
	struct sockaddr_storage to;	/* the other side */
	struct sockaddr_storage from;	/* the stand-in of this side; no port */
	int fd;				/* -1: not open */
	int in, out;			/* the dial under way; -1: there is none */
	struct pollfd *polls;		/* of the listener and of the dial; fd -1: nothing */
	uint64_t until_ns;		/* when it fails, or when it may be tried again */
	bool away;			/* the other side refuses: it is tried until it does not */
	bool told_error;		/* and then that the listener cannot come back */
	uint32_t n_connections;		/* that stood on both sides */
	uint64_t n_strangers, n_failed;	/* refused: from elsewhere; because the dial on failed */
	uint64_t n_full;		/* because there were too many */
};

/* Negative errno after it said why. */
int relay_listener_open(struct relay_listener *l);
/* Accepts, dials on. True: both stand, ret_fd has them by side and is the caller's. */
bool relay_listener_turn(struct relay_listener *l, struct relay_turn *t, bool is_full,
			 int ret_fd[RELAY_SIDES]);
void relay_listener_close(struct relay_listener *l);

#endif
