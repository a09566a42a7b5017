/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated topology servers: every type that their parts share. A run is one seed; all of it
 * is in the one struct topo_world. Knows the core only through services/topo.h, topo_view.h and
 * topo_peer.h; sessions are invented here, no message goes over a network.
 */
#ifndef SINEW_TESTS_SIM_TOPO_H
#define SINEW_TESTS_SIM_TOPO_H

#include "sim.h"

#include "services/topo.h"
#include "services/topo_peer.h"
#include "services/topo_view.h"

#define TOPO_NODES	4
#define TOPO_OWNERS	3		/* local programs of a node that publish */
#define TOPO_CLIENTS	8
#define TOPO_HISTORY	8192		/* entries of a server in one life */
#define TOPO_PUBS	4096
#define TOPO_STREAM	1500		/* bytes under way */
#define TOPO_NAMES	128		/* names that may be told to one client */

/* An entry of a server's log, as it was when it was made. */
struct topo_entry {
	struct topo_id id;
	struct topo_name name;
	uint8_t scope;
	bool withdrawn;
	bool known;		/* it was seen: it did not leave the log at once */
};

/* A publication of a node; those of the library are not here. */
struct topo_pub {
	struct topo_id id;
	struct topo_name name;
	uint8_t scope, attr[3], attr_len;
	uint8_t owner;
	bool live;
};

/* From a server to one subscriber: a client, or another server. */
struct topo_stream {
	struct topo_sub *sub;	/* at the server; NULL: it has closed it */
	uint8_t buf[TOPO_STREAM];
	size_t n, cap;
	uint8_t part[TOPO_EVENT_MAX];	/* of an event, at the reader */
	size_t n_part;
	bool ready;		/* the server has named it */
	bool open;		/* at the reader */
};

struct topo_session {
	struct topo_peer peer;		/* that node, at this one */
	struct topo_stream in;		/* from its server */
	uint32_t reach;			/* our publication */
	bool up;
};

struct topo_program {
	struct topo_owner owner;
	bool open;
};

struct topo_server {
	struct topo topo;
	struct topo_owner library;
	struct topo_program program[TOPO_OWNERS];
	struct topo_session session[TOPO_NODES];
	struct topo_entry history[TOPO_HISTORY];
	uint64_t first;		/* index of the first entry */
	uint64_t n_history;
	uint64_t incarnation;
	uint32_t idx;
	bool alive, all_known;
};

struct topo_client {
	struct topo_view view;
	struct topo_stream in;
	struct topo_request request;
	uint64_t epoch, pos;	/* told by the server, and taken from it, up to there */
	uint64_t begun_ns;	/* of the connection */
	uint64_t limit;		/* log of the server when the time was over */
	uint64_t skipped;	/* events in whose place the last whole snapshot came */
	uint64_t unseen, collapsed;	/* as the view is to count them */
	uint64_t changes;	/* told as collapsed since the last whole snapshot */
	struct topo_id told[TOPO_NAMES];	/* with EDGE: name as node, type as incarnation */
	struct topo_id shown[TOPO_NAMES];	/* snapshot under way */
	struct topo_id group;	/* the next event is of that node */
	uint32_t n_told, n_shown;
	uint32_t home;		/* the server */
	bool used, whole, compared, over, in_group;
	bool conn_whole;	/* the server has told it a whole state, or goes on with one */
	bool uncounted;		/* entries are not known */
	bool ended_whole;	/* the event was the end of a whole snapshot */
};

struct topo_world {
	struct topo_server server[TOPO_NODES];
	struct topo_client client[TOPO_CLIENTS];
	struct topo_pub pub[TOPO_PUBS];
	struct rng rng;
	uint64_t next_life;
	uint64_t n_blocks;	/* of memory */
	uint32_t n_pubs, n_nodes, log_entries;
	unsigned fails;		/* one allocation of so many; 0: none */
};

extern struct topo_world tw;

bool topo_run(void);	/* sim.seed; false: sim.why */

/* ---- servers ---- */
struct topo_memory topo_world_memory(void);
void topo_server_start(struct topo_server *s);
void topo_server_stop(struct topo_server *s);
void topo_server_publish(struct topo_server *s);
void topo_server_withdraw(struct topo_server *s);
void topo_server_leave(struct topo_server *s);
void topo_session_begin(struct topo_server *a, struct topo_server *b);
void topo_session_end(struct topo_server *a, struct topo_server *b);	/* as a sees it */
void topo_session_ask(struct topo_server *a, struct topo_server *b);
void topo_session_read(struct topo_server *a, struct topo_server *b);
void topo_session_cut(struct topo_server *a, struct topo_server *b);
/* a has a session with b as it lives now. */
bool topo_session_with(const struct topo_server *a, const struct topo_server *b);
/* The log has grown: remembers the new entries. */
void topo_server_remember(struct topo_server *s);
/* Whether the server's table is what it is to be at a quiet point. */
void topo_server_judge(const struct topo_server *s);

/* ---- streams ---- */
bool topo_stream_open(struct topo_stream *st, struct topo_server *s,
		      const struct topo_request *r);
/* At both ends; the server has not gone, or sub is NULL. */
void topo_stream_close(struct topo_stream *st, struct topo_server *s);
/* At the server; the reader has yet to see it. */
void topo_stream_shut(struct topo_stream *st, struct topo_server *s);
/* As much as it takes; false: nothing. */
bool topo_stream_pump(struct topo_stream *st, struct topo_server *s);
/* The next event at the reader, of some of the bytes; false: not yet. */
bool topo_stream_read(struct topo_stream *st, struct topo_event *ret);

/* ---- clients ---- */
void topo_client_begin(struct topo_client *c);
void topo_client_end(struct topo_client *c);
void topo_client_connect(struct topo_client *c);
void topo_client_lost(struct topo_client *c);
bool topo_client_read(struct topo_client *c);
void topo_client_judge(const struct topo_client *c);
/* Time limits that are over. */
void topo_client_limit(struct topo_client *c);

/* ---- history ---- */
/* Entries in [from, to) that r takes; false: not all of them are known. */
bool topo_history_count(const struct topo_server *s, const struct topo_request *r, uint64_t from,
			uint64_t to, uint64_t *ret_n);
/* Identities that r takes before entry `to`; false: not known. */
bool topo_history_state(const struct topo_server *s, const struct topo_request *r, uint64_t to,
			struct topo_id *ret, uint32_t *ret_n);
const struct topo_entry *topo_history_entry(const struct topo_server *s, uint64_t i);

static inline bool topo_same_id(const struct topo_id *a, const struct topo_id *b)
{
	return a->node == b->node && a->pub == b->pub && a->incarnation == b->incarnation;
}

/* In the list of n; n: it is not. */
static inline uint32_t topo_find_id(const struct topo_id *list, uint32_t n,
				    const struct topo_id *id)
{
	uint32_t i = 0;

	while (i < n && !topo_same_id(&list[i], id))
		i++;
	return i;
}

#endif
