/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Topology servers for the measures of them, and subscribers in a thread of their own.
 * Knows nothing of what is measured.
 */
#ifndef BENCH_TOPO_HOST_H
#define BENCH_TOPO_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "services/sinew-topo.h"
#include "tests/bench/sinew/host.h"
#include "tests/bench/work/work.h"

#define TOPO_TYPE	100u /* of what is published */
#define TOPO_TYPE_IDLE	101u /* of what nobody publishes */
#define TOPO_WAIT_MS	20000

/* n nodes that their library drives and that do not know each other, and their servers. */
int topo_host_open(struct host *h, const struct settings *s, unsigned n);

/* Programs that read all they are told. */
struct readers {
	struct sinew_topo **topos;
	unsigned n;
	int epoll;
	pthread_t thread;
	bool is_running;
	_Atomic bool stop;
	_Atomic uint64_t n_events;
	unsigned n_current; /* have been told what is there */
	int err; /* of one that went wrong; after readers_stop() */
};

/* n of them, each with a subscription to that type, at the node, or at the socket of that name if
 * node is NULL. They know what is there when it returns. 0, or a negative errno. */
int readers_open(struct readers *r, struct sinew_node *node, const char *name, unsigned n,
		 uint32_t type);
/* From now on a thread reads. */
int readers_start(struct readers *r);
void readers_close(struct readers *r);

/* Waits until a publisher's requests are all answered. */
int topo_settle(struct sinew_topo *topo);
/* As sinew_topo_publish() of {type, n, n}, and waits while the server is behind. */
int topo_put(struct sinew_topo *topo, uint32_t type, uint32_t n, uint64_t *ret_id);
/* As sinew_topo_withdraw(), the same. */
int topo_take(struct sinew_topo *topo, uint64_t id);

/* The rate in the middle of n windows, which it sorts; 0 of none. */
double topo_median(double *rates, uint64_t n);

#endif
