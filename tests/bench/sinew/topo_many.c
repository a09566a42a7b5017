/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The jobs of many publications, subscribers and nodes: their memory, how long a new subscriber
 * waits for the state, and the tables of a whole cluster. Knows nothing of how that is judged.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/server.h"
#include "services/server_listen.h"
#include "services/sinew-call.h"
#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/topo_host.h"
#include "tests/bench/sinew/usage.h"
#include "tools/clock.h"

#define NAME_BYTES	64
#define PAUSE_NS	100000 /* of the publisher, while it looks how long it is held up */

/* ---- a publisher in a process of its own, so that its memory is not ours ---- */

struct publisher {
	pid_t pid;
	int to[2], from[2];
	char name[NAME_BYTES];
};

static bool comes(int fd, char *ret, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1 && read(fd, ret, 1) == 1;
}

/* Publishes and withdraws one, until told to stop: the longest time that one took. */
static int look_for_hold_up(struct sinew_topo *topo, int stop_fd, double *ret_ns)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t longest = 0, id;
	int err = 0;
	char word;

	while (!err && !comes(stop_fd, &word, 0)) {
		uint64_t began = clock_now_ns(), ns;

		err = topo_put(topo, TOPO_TYPE_IDLE, 1, &id);
		ns = clock_now_ns() - began;
		longest = ns > longest ? ns : longest;
		if (!err)
			err = topo_take(topo, id);
		if (!err)
			err = topo_settle(topo);
		nanosleep(&pause, NULL);
	}
	*ret_ns = (double)longest;
	return err;
}

static int publish(struct publisher *p, uint64_t n)
{
	struct sinew_topo *topo;
	double ns = 0;
	uint64_t id;
	char word;
	int err = comes(p->to[0], &word, TOPO_WAIT_MS) ? sinew_topo_connect(p->name, &topo) :
							 -ETIMEDOUT;

	for (uint64_t i = 0; i < n && !err; i++)
		err = topo_put(topo, TOPO_TYPE, (uint32_t)i, &id);
	if (!err)
		err = topo_settle(topo);
	if (!err && write(p->from[1], "d", 1) != 1)
		err = -errno;
	if (!err)
		err = look_for_hold_up(topo, p->to[0], &ns);
	if (!err && write(p->from[1], &ns, sizeof ns) != sizeof ns)
		err = -errno;
	if (err)
		trouble("no publications from another process", err);
	sinew_topo_close(topo);
	return err;
}

/* Before this process has threads. */
static int publisher_start(struct publisher *p, const struct settings *s)
{
	snprintf(p->name, sizeof p->name, "sinew/bench/%s/%u", s->end.net, s->end.port);
	if (pipe(p->to) || pipe(p->from))
		return -errno;
	p->pid = fork();
	if (p->pid < 0)
		return -errno;
	if (!p->pid)
		_exit(publish(p, s->count) ? 1 : 0);
	return 0;
}

static int publisher_go(const struct publisher *p)
{
	char word;

	if (write(p->to[1], "g", 1) != 1)
		return -errno;
	return comes(p->from[0], &word, 3 * TOPO_WAIT_MS) ? 0 : -ETIMEDOUT;
}

static int publisher_end(struct publisher *p, double *ret_ns)
{
	bool is_whole = write(p->to[1], "q", 1) == 1 &&
		read(p->from[0], ret_ns, sizeof *ret_ns) == sizeof *ret_ns;

	waitpid(p->pid, NULL, 0);
	return is_whole ? 0 : -EPIPE;
}

/* ---- memory of publications, and the state for a new subscriber ---- */

static unsigned anybody(void *arg, int fd, const struct ucred *who)
{
	(void)arg;
	(void)fd;
	(void)who;
	return SERVER_READS | SERVER_WRITES;
}

static int listen_at(struct host *h, const char *name)
{
	const struct server_gate gate = { .may = anybody };

	return server_listen(server_of(h->nodes[0].node), name, &gate);
}

int job_topo_memory(const struct settings *s)
{
	uint64_t began = 0;
	struct publisher p;
	struct readers reader;
	struct host host;
	double before = 0, ns = 0;
	int err = publisher_start(&p, s);

	if (!err)
		err = topo_host_open(&host, s, 1);
	if (!err)
		err = listen_at(&host, p.name);
	if (!err) {
		before = usage_resident_bytes();
		err = publisher_go(&p);
	}
	if (!err) {
		result("publication_bytes", (usage_resident_bytes() - before) / (double)s->count);
		began = clock_now_ns();
		err = readers_open(&reader, host.nodes[0].node, NULL, 1, TOPO_TYPE);
	}
	if (!err) {
		result("snapshot_ms", (double)(clock_now_ns() - began) / CLOCK_MS);
		err = publisher_end(&p, &ns);
	}
	if (err || atomic_load(&reader.n_events) != s->count)
		return trouble("publications are missing", err);
	result("held_up_ns", ns);
	readers_close(&reader);
	host_close(&host);
	return 0;
}

/* ---- memory of subscribers ---- */

int job_topo_idle(const struct settings *s)
{
	struct readers first, readers;
	struct host host;
	double before;
	int err = topo_host_open(&host, s, 1);

	/* Memory that the first one needs is there before it counts. */
	if (!err)
		err = readers_open(&first, host.nodes[0].node, NULL, 1, TOPO_TYPE_IDLE);
	before = usage_resident_bytes();
	if (!err)
		err = readers_open(&readers, host.nodes[0].node, NULL, (unsigned)s->nodes,
				   TOPO_TYPE_IDLE);
	if (err)
		return trouble("no idle subscribers", err);
	result("subscriber_bytes", (usage_resident_bytes() - before) / (double)s->nodes);
	readers_close(&readers);
	readers_close(&first);
	host_close(&host);
	return 0;
}

/* ---- a whole cluster ---- */

struct table {
	struct sinew_topo *topo;
	struct sinew_calls *calls;
	uint64_t n_rows;
};

static void count_row(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct table *t = user;

	(void)sub;
	t->n_rows += msg->event == SINEW_TOPO_PUBLISHED;
	t->n_rows -= msg->event == SINEW_TOPO_WITHDRAWN;
}

static int table_open(struct table *t, struct sinew_node *node, uint64_t n)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof filter,
		.type = TOPO_TYPE,
		.upper = UINT32_MAX,
		.timeout_ms = -1,
	};
	uint64_t id;
	int err = sinew_calls_new(node, NULL, &t->calls);

	if (!err)
		err = sinew_topo_start(node, t->calls, NULL);
	if (!err)
		err = sinew_topo_open(node, &t->topo);
	if (!err)
		err = sinew_topo_subscribe(t->topo, &filter, count_row, t, NULL);
	for (uint64_t i = 0; i < n && !err; i++)
		err = topo_put(t->topo, TOPO_TYPE, (uint32_t)i, &id);
	return err;
}

/* All nodes are driven until each has the names of all. */
static int fill_tables(struct host *h, struct table *tables, uint64_t n_rows)
{
	uint64_t limit = clock_now_ns() + 2 * TOPO_WAIT_MS * CLOCK_MS;
	unsigned n_full = 0;

	while (n_full < h->n) {
		int err = host_turn(h, 1);

		n_full = 0;
		for (unsigned i = 0; i < h->n && err >= 0; i++) {
			err = sinew_topo_dispatch(tables[i].topo, 0);
			n_full += tables[i].n_rows == n_rows;
		}
		if (err < 0)
			return err;
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
	return 0;
}

/* count names at each of the nodes. */
int job_topo_mesh(const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = (unsigned)s->nodes,
		.first = 1,
		.last = (uint32_t)s->nodes,
	};
	struct table *tables = calloc(s->nodes, sizeof *tables);
	uint64_t began = 0;
	struct host host;
	int err = tables ? host_open(&host, &opt) : -ENOMEM;

	for (unsigned i = 0; i < opt.n && !err; i++)
		err = table_open(&tables[i], host.nodes[i].node, s->count);
	if (!err) {
		began = clock_now_ns();
		err = host_meet(&host, &opt);
	}
	if (!err)
		err = fill_tables(&host, tables, s->nodes * s->count);
	if (err)
		return trouble("tables are not complete", err);
	result("full_ms", (double)(clock_now_ns() - began) / CLOCK_MS);
	for (unsigned i = 0; i < opt.n; i++) {
		sinew_topo_close(tables[i].topo);
		sinew_calls_free(tables[i].calls);
	}
	host_close(&host);
	free(tables);
	return 0;
}
