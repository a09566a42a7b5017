/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One address of one node, asked again and again over a PROBE link: a
 * connection that carries no session. Knows nothing of the command line.
 */
#ifndef TOOLS_PING_PATH_H
#define TOOLS_PING_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lowcomms/dialer.h"
#include "membership/static.h"
#include "proto/wire.h"
#include "tools/histogram.h"

#define PATH_TEXT_MAX	256	/* of what happened */

enum path_phase {
	PATH_IDLE,		/* no connection */
	PATH_CONNECTING,
	PATH_READY,		/* connected, nothing asked */
	PATH_ASKED,		/* a PROBE is under way */
	PATH_ASKED_PADDED,	/* a padded one: small packets pass */
};

enum path_event {
	PATH_NOTHING,
	PATH_ANSWERED,		/* .rtt_ns */
	PATH_FAILED,		/* .what says why; that PROBE is lost */
};

struct path {
	uint32_t nodeid, own_nodeid;
	unsigned ring;			/* index of the address */
	const char *cluster;
	struct sockaddr_storage to, from;	/* from.ss_family 0: any */

	enum path_phase phase;
	struct dialer *dialer;
	struct stream *stream;		/* NULL: none */
	unsigned events;		/* STREAM_*, that it has told, for path_ready() */
	bool is_cut;			/* it lives on, over other addresses of the node */
	uint64_t began_ns;		/* of this try: the dial, or the PROBE */
	uint64_t sent_ns;
	uint64_t cookie;
	uint8_t in[WIRE_HELLO_MAX];
	size_t n_in;
	uint8_t out[WIRE_CONTROL_MAX];
	size_t n_out, out_at, pad_left;
	uint32_t size;			/* of a PROBE; 0: a small one, then a full one */
	bool takes_padded;		/* the node says so, on this connection */
	uint64_t connected_ns;
	uint64_t padded;		/* sent on this connection */

	uint64_t asked, answered, connects;
	uint64_t full_asked, full_answered;
	uint64_t rtt_ns;		/* of the last answer */
	uint64_t full_ns;		/* of the full PROBE of the last try; 0: there was none */
	struct histogram rtt;
	char what[PATH_TEXT_MAX];	/* why the last one failed, and what to do */
};

/* An answer is waited for, or the connection. */
static inline bool path_is_under_way(const struct path *p)
{
	return p->phase != PATH_IDLE && p->phase != PATH_READY;
}

/* Begins a try: dials if there is no connection, else sends the first PROBE of it. */
enum path_event path_ask(struct path *p, uint64_t now_ns);
/* Its stream has told events. */
static inline bool path_has_events(const struct path *p)
{
	return p->events != 0;
}
enum path_event path_ready(struct path *p, uint64_t now_ns);
/* The answer did not come in time. The connection ends. */
enum path_event path_late(struct path *p, uint64_t after_ns);
void path_close(struct path *p);

/* ---- all of a run ---- */

struct paths {
	struct path *list;		/* stays where it is once one of them was asked */
	unsigned n;
	struct dialer dialer;
	struct source signals;
	bool is_signalled;
};

/* Appends a path for each address of a node, dialled from our own on the same ring. A status,
 * after it said what is wrong. */
int paths_add(struct paths *paths, const struct sinew_config *config, uint32_t own,
	      uint32_t nodeid);
/* Before the first one is asked, over the transport of the own node. A status, after it said what
 * is missing. */
int paths_open(struct paths *paths, const struct sinew_config *config, uint32_t own, int signal_fd);
/* Waits until a path has events, or until then. True: a signal came. */
bool paths_wait(struct paths *paths, uint64_t until_ns);
/* Ends all connections, and waits a second at most for those that end in order. */
void paths_close(struct paths *paths);

#endif
