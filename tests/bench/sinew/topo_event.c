/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The jobs of how long an event takes: of a publication to a subscriber, beside a bare exchange
 * over a socket of the same kind; of a session to subscribers here and at another node.
 * Knows nothing of how that is judged.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/sinew-call.h"
#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/topo_host.h"
#include "tools/clock.h"
#include "tools/histogram.h"

#define WARM_PART	8
#define REQUEST_BYTES	80u /* of a publication, with its header */
#define EVENT_BYTES	72u
#define TURN_MS		1
#define MEMBERS		3u

struct seen {
	uint64_t n_published, n_withdrawn, n_current;
};

static void see(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct seen *seen = user;

	(void)sub;
	seen->n_published += msg->event == SINEW_TOPO_PUBLISHED;
	seen->n_withdrawn += msg->event == SINEW_TOPO_WITHDRAWN;
	seen->n_current += msg->event == SINEW_TOPO_CURRENT;
}

static int wait_for(struct sinew_topo *topo, const uint64_t *counter, uint64_t n)
{
	uint64_t limit = clock_now_ns() + TOPO_WAIT_MS * CLOCK_MS;

	while (*counter < n) {
		int err = sinew_topo_dispatch(topo, TOPO_WAIT_MS);

		if (err < 0)
			return err;
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
	return 0;
}

static int subscribe(struct sinew_topo *topo, uint32_t type, uint32_t lower, uint32_t node,
		     struct seen *seen)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof filter,
		.type = type,
		.lower = lower,
		.upper = lower,
		.node = node,
		.timeout_ms = -1,
	};

	return sinew_topo_subscribe(topo, &filter, see, seen, NULL);
}

/* ---- of a publication ---- */

static int one_event(struct sinew_topo *from, struct sinew_topo *to, struct seen *seen,
		     struct histogram *h)
{
	uint64_t n = seen->n_published, id, began = clock_now_ns();
	int err = topo_put(from, TOPO_TYPE, 1, &id);

	if (!err)
		err = wait_for(to, &seen->n_published, n + 1);
	if (h)
		histogram_add(h, clock_now_ns() - began);
	n = seen->n_withdrawn;
	if (!err)
		err = topo_take(from, id);
	if (!err)
		err = wait_for(to, &seen->n_withdrawn, n + 1);
	return err ? err : topo_settle(from);
}

int job_topo_event(const struct settings *s)
{
	struct histogram *h = calloc(1, sizeof *h);
	struct sinew_topo *from = NULL, *to = NULL;
	struct seen seen = { 0 };
	struct host host;
	int err = h ? topo_host_open(&host, s, 1) : -ENOMEM;

	if (!err)
		err = sinew_topo_open(host.nodes[0].node, &from);
	if (!err)
		err = sinew_topo_open(host.nodes[0].node, &to);
	if (!err)
		err = subscribe(to, TOPO_TYPE, 1, 0, &seen);
	if (!err)
		err = wait_for(to, &seen.n_current, 1);
	for (uint64_t i = 0; i < s->count + s->count / WARM_PART && !err; i++)
		err = one_event(from, to, &seen, i < s->count / WARM_PART ? NULL : h);
	if (err)
		return trouble("events did not come", err);
	result_histogram(h);
	sinew_topo_close(from);
	sinew_topo_close(to);
	host_close(&host);
	free(h);
	return 0;
}

/* ---- a bare exchange ---- */

static int wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, TOPO_WAIT_MS) == 1 ? 0 : -ETIMEDOUT;
}

static void *answer(void *arg)
{
	int fd = *(int *)arg;
	char buf[REQUEST_BYTES];

	while (!wait_readable(fd) && recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0 &&
	       send(fd, buf, EVENT_BYTES, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

int job_topo_exchange(const struct settings *s)
{
	struct histogram *h = calloc(1, sizeof *h);
	char buf[REQUEST_BYTES] = { 0 };
	pthread_t thread;
	int fds[2], err;

	if (!h || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return trouble("no sockets", -errno);
	err = -pthread_create(&thread, NULL, answer, &fds[1]);
	for (uint64_t i = 0; i < s->count + s->count / WARM_PART && !err; i++) {
		uint64_t began = clock_now_ns();

		if (send(fds[0], buf, REQUEST_BYTES, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			err = -errno;
		else
			err = wait_readable(fds[0]);
		if (!err && recv(fds[0], buf, sizeof buf, MSG_DONTWAIT) != EVENT_BYTES)
			err = -EPROTO;
		if (i >= s->count / WARM_PART)
			histogram_add(h, clock_now_ns() - began);
	}
	if (err)
		return trouble("the exchange went wrong", err);
	result_histogram(h);
	close(fds[0]);
	pthread_join(thread, NULL);
	close(fds[1]);
	free(h);
	return 0;
}

/* ---- of a session ---- */

/* Node 1 has a session with node 2. Programs at nodes 1 and 3 are told. */
struct members {
	struct host host;
	struct sinew_calls *calls[MEMBERS];
	struct sinew_topo *topos[2];
	struct seen seen[2];
	struct histogram *times[2];
};

static int members_open(struct members *m, const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = MEMBERS,
		.first = 1,
		.last = MEMBERS,
	};
	int err = host_open(&m->host, &opt);

	for (unsigned i = 0; i < MEMBERS && !err; i++) {
		struct sinew_node *node = m->host.nodes[i].node;

		err = sinew_calls_new(node, NULL, &m->calls[i]);
		if (!err)
			err = sinew_topo_start(node, m->calls[i], NULL);
	}
	for (unsigned i = 0; i < 2 && !err; i++) {
		m->times[i] = calloc(1, sizeof *m->times[i]);
		err = m->times[i] ? sinew_topo_open(m->host.nodes[2 * i].node, &m->topos[i]) :
				    -ENOMEM;
		if (!err)
			err = subscribe(m->topos[i], i ? SINEW_TOPO_REACH : SINEW_TOPO_NODE, 2,
					i ? 1 : 0, &m->seen[i]);
	}
	return err ? err : host_meet(&m->host, &opt);
}

/* Drives all until both were told, and notes how long that took since began; 0: nothing is noted,
 * and the loop goes on until the session is there or gone, too. */
static int drive(struct members *m, bool up, uint64_t n, uint64_t *began)
{
	uint64_t limit = clock_now_ns() + TOPO_WAIT_MS * CLOCK_MS;
	bool is_told[2] = { false };

	while (!is_told[0] || !is_told[1] || !*began) {
		int err = host_turn(&m->host, TURN_MS);

		if (!*began && !m->host.nodes[0].peers[2] != up)
			*began = clock_now_ns();
		for (unsigned i = 0; i < 2 && err >= 0; i++) {
			const struct seen *seen = &m->seen[i];

			err = sinew_topo_dispatch(m->topos[i], 0);
			if (is_told[i] || (up ? seen->n_published : seen->n_withdrawn) < n)
				continue;
			is_told[i] = true;
			histogram_add(m->times[i], *began ? clock_now_ns() - *began : 0);
		}
		if (err < 0)
			return err;
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
	return 0;
}

static int give_up_and_meet_again(struct members *m, uint64_t n)
{
	uint64_t down = 0, up = 0;
	int err = sinew_session_abort(m->host.nodes[0].peers[2]);

	if (!err)
		err = drive(m, false, n, &down);
	return err ? err : drive(m, true, n + 1, &up);
}

int job_topo_member(const struct settings *s)
{
	struct members *m = calloc(1, sizeof *m);
	uint64_t up = 0;
	int err = m ? members_open(m, s) : -ENOMEM;

	if (!err)
		err = drive(m, true, 1, &up);
	if (!err)
		err = host_until(&m->host, host_is_up);
	for (uint64_t n = 1; n <= s->count && !err; n++)
		err = give_up_and_meet_again(m, n);
	if (err)
		return trouble("sessions were not told", err);
	result("local_ns", (double)histogram_quantile(m->times[0], 990));
	result("remote_ns", (double)histogram_quantile(m->times[1], 990));
	for (unsigned i = 0; i < 2; i++) {
		sinew_topo_close(m->topos[i]);
		free(m->times[i]);
	}
	for (unsigned i = 0; i < MEMBERS; i++)
		sinew_calls_free(m->calls[i]);
	host_close(&m->host);
	free(m);
	return 0;
}
