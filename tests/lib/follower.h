/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A subscriber for tests: keeps what it was told, and counts what breaks the promise, as an event
 * of a publication that does not alternate. And the nodes that tests of the topology use. Knows the
 * public headers only.
 */
#ifndef SINEW_TESTS_LIB_FOLLOWER_H
#define SINEW_TESTS_LIB_FOLLOWER_H

#include "services/sinew-topo.h"
#include "tests/lib/cluster.h"

#define FOLLOWER_BUCKETS 1024u
#define FOLLOWER_LAST	16u		/* events that are remembered */

struct follower_row {
	struct follower_row *next;
	uint32_t type, lower, upper, node, pub;
	uint64_t incarnation;
	enum sinew_scope scope;
	size_t attr_len;
	char attr[SINEW_TOPO_ATTR_MAX + 1];
};

struct follower {
	struct sinew_topo *topo;
	struct sinew_subscription *sub;
	struct follower_row *rows[FOLLOWER_BUCKETS];
	unsigned n_rows;
	unsigned n_published, n_withdrawn, n_current, n_lost, n_timeouts, n_overruns, n_refused;
	unsigned n_collapsed, n_first;
	unsigned n_nameless;		/* nodes without NODE, until the end of the group */
	unsigned bad;			/* told what cannot be, or a NODE went before its rows */
	bool by_edge;			/* names alternate, not publications */
	int error;
	struct sinew_position position;
	struct follower_row last;	/* the publication of the last event */
	bool groups[FOLLOWER_LAST];	/* of withdrawals, the last one last */
	bool node_groups[FOLLOWER_LAST];	/* the same, when a NODE was withdrawn */
};

/* Every type, every scope, no limit of time. */
struct sinew_topo_filter everything(void);
struct sinew_topo_filter names_of(uint32_t type, uint32_t lower, uint32_t upper);

/* By that connection, which stays the caller's. */
bool follower_begin(struct follower *f, struct sinew_topo *topo,
		    const struct sinew_topo_filter *filter);
/* With what it remembers; the subscription is cancelled. */
void follower_end(struct follower *f);
/* Publications of that name, of that node, or 0: of any, that are there as far as it was told. */
unsigned follower_has(const struct follower *f, uint32_t type, uint32_t lower, uint32_t node);
/* Both were told the same. */
bool followers_agree(const struct follower *a, const struct follower *b);

/* ---- nodes ---- */

/* Each node of the cluster gets calls and a server; before its first turn. */
bool cluster_serve(struct cluster *c, struct sinew_calls *calls[],
		   const struct sinew_topo_options *opt);
/* A turn of the nodes and of each connection. */
void topo_turn(struct cluster *c, struct sinew_topo *const *topos, unsigned n);
#define DRIVE_TOPO(c, topos, n, cond) \
	TURN_UNTIL(topo_turn(c, topos, n), cond, time_limit(PATIENCE_MS))
/* Until cond, without nodes that need turns. */
#define DRIVE_ALONE(topos, n, cond) DRIVE_TOPO(NULL, topos, n, cond)

#endif
