/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses of a peer as paths to dial: the next one, and which are alive.
 * Knows neither sockets nor sessions.
 */
#ifndef SINEW_PROTO_PATH_H
#define SINEW_PROTO_PATH_H

#include <stdbool.h>
#include <stdint.h>

#define PATHS_MAX 8		/* as corosync's links */

/* An address for comparison only: IPv6, or IPv4 mapped into it. */
struct path_addr {
	uint8_t ip[16];
	uint32_t scope;		/* interface of a link-local address, else 0: part of the address */
	uint16_t port;		/* host order; not compared for incoming links */
};

enum path_state { PATH_UNKNOWN, PATH_ALIVE, PATH_DEAD };

/* Whether large packets pass, which a small probe does not show. */
enum path_large {
	LARGE_UNKNOWN,		/* nothing speaks against it */
	LARGE_PASS,		/* a full probe was answered since it was in use */
	LARGE_DOUBT,		/* left in need, or a full probe was not answered */
	LARGE_LOST,		/* ... while small ones are */
};

struct path {
	struct path_addr addr;
	enum path_state state;
	uint64_t rtt_ns;	/* last probe or HELLO, 0 = unknown */
	uint64_t last_ok_ns;
	uint64_t alive_since_ns;
	uint64_t probe_at_ns;
	uint32_t fails;		/* in a row */
	enum path_large large;
	bool takes_full;	/* its last answer said that it takes full probes */
	bool peer_lost;		/* ... that large packets of the other side are lost */
	bool full_missing;	/* the last full probe was not answered */
	bool lost_said;
	uint64_t hold_ns;	/* doubles from failure to failure */
	uint64_t hold_until_ns;	/* no return before */
	uint64_t full_at_ns;	/* no full probe before */
};

/* How long a path that failed is held back: doubles between them. */
struct path_hold {
	uint64_t min_ns, max_ns;
};

struct paths {
	struct path p[PATHS_MAX];
	unsigned n;
	unsigned next;		/* where the next dial begins to look */
	bool was_used;		/* a link came up, for the last time on: */
	unsigned used;
	uint64_t used_since_ns;
};

/* The same address of a machine, whatever the ports. */
bool path_addr_same_host(const struct path_addr *a, const struct path_addr *b);
void paths_set(struct paths *ps, const struct path_addr *addrs, unsigned n);
/* The path to dial: from next the first one that is neither known dead nor in doubt, else one
 * that is not known dead, else next. */
unsigned paths_choose(const struct paths *ps);
void paths_ok(struct paths *ps, unsigned i, uint64_t now_ns, uint64_t rtt_ns);
/* The transport of a link on that path has measured it. */
void paths_measured(struct paths *ps, unsigned i, uint64_t rtt_ns);
/* A dial or link on it failed: the next choice begins behind it. */
void paths_failed(struct paths *ps, unsigned i);
/* The next choice begins behind it: it leads to somebody else. */
void paths_skip(struct paths *ps, unsigned i);
/* Index of the path with that address, any port; -1 if none. */
int paths_find(const struct paths *ps, const struct path_addr *addr);
/* Some path other than i was seen alive after since_ns. */
bool paths_other_alive(const struct paths *ps, unsigned i, uint64_t since_ns);

/*
 * Small packets may pass where large ones vanish (a wrong MTU): such a path answers probes, and
 * comes up, but carries no data. So one that was left in need is returned to only when a full
 * probe, longer than any packet, has been answered, and ever later when it fails again.
 */

/* A link is up on i; the path that was in use before it, if another, has failed, unless i is
 * the preferred one: then that was a return. */
void paths_up(struct paths *ps, unsigned i, uint64_t now_ns, const struct path_hold *hold);
/* Frames sent on path i are lost: other paths are dialled first. */
void paths_doubt(struct paths *ps, unsigned i);
/* Whether to send a full probe now. At most one in a second. */
bool paths_full_due(struct paths *ps, unsigned i, uint64_t now_ns);
/* It was answered, or was not in its time. */
void paths_full_ok(struct paths *ps, unsigned i);
void paths_full_lost(struct paths *ps, unsigned i, uint64_t now_ns, const struct path_hold *hold);
/* Whether i is fit for a return. */
bool paths_may_return(const struct paths *ps, unsigned i, uint64_t now_ns);

#endif
