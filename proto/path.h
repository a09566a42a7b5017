/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses of a peer as paths to dial: which one next, which one lives.
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

struct path {
	struct path_addr addr;
	_Atomic int state;	/* enum path_state */
	_Atomic uint64_t rtt_ns;	/* last probe or HELLO, 0 = unknown */
	_Atomic uint64_t last_ok_ns;
	uint64_t alive_since_ns;
	uint64_t probe_at_ns;
	uint32_t fails;		/* in a row */
};

struct paths {
	struct path p[PATHS_MAX];
	unsigned n;
	unsigned next;		/* where the next dial begins to look */
};

/* The same address of a machine, whatever the ports. */
bool path_addr_same_host(const struct path_addr *a, const struct path_addr *b);
void paths_set(struct paths *ps, const struct path_addr *addrs, unsigned n);
/* The path to dial: the first one from next that is not known dead, else next. */
unsigned paths_choose(const struct paths *ps);
void paths_ok(struct paths *ps, unsigned i, uint64_t now_ns, uint64_t rtt_ns);
/* A dial or link on it failed: the next choice begins behind it. */
void paths_failed(struct paths *ps, unsigned i);
/* Index of the path with that address, any port; -1 if none. */
int paths_find(const struct paths *ps, const struct path_addr *addr);
/* Some path other than i was seen alive after since_ns. */
bool paths_other_alive(const struct paths *ps, unsigned i, uint64_t since_ns);

#endif
