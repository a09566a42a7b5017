/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many nodes in one loop: an epoll set of their descriptors.
 * Knows nothing of what is measured.
 */
#include "tests/bench/sinew/host.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/sinew/node.h"
#include "tools/clock.h"

#define EVENTS_MAX     64
#define TURN_MS	       1000
#define ALONE_MS       50 /* longest turn of a host with one node */
#define DESCRIPTORS_OF 8 /* of a node, without its links */
#define LINKS_OF       3 /* descriptors of a peer: a link, one that replaces it, one that drains */

/* ---- callbacks ---- */

static void on_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct hosted *h = user;

	(void)node;
	h->peers[sinew_session_nodeid(session)] = session;
	h->host->n_up++;
}

static void on_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		    const struct sinew_delivery *delivery, void *user)
{
	struct hosted *h = user;

	(void)node;
	(void)reason;
	(void)delivery;
	h->peers[sinew_session_nodeid(session)] = NULL;
	h->host->n_down++;
}

static void on_message(struct sinew_node *node, struct sinew_session *session,
		       const struct sinew_message *msg, void *user)
{
	struct hosted *h = user;
	struct host *host = h->host;
	uint32_t from = sinew_session_nodeid(session);
	uint64_t word = 0;

	(void)node;
	if (msg->len >= sizeof word)
		memcpy(&word, msg->data, sizeof word);
	if ((host->message_bytes && msg->len != host->message_bytes) ||
	    (word & CONTENT_NUMBER) != h->came[from])
		host->n_wrong++;
	h->came[from]++;
	host->n_came++;
	host->n_lasts += (word & CONTENT_LAST) != 0;
	/* One that finds no room is not sent back; numbers are the sender's. */
	if (host->echoes)
		sinew_send(session, msg->data, msg->len);
	if (host->on_message)
		host->on_message(h, session, host->arg);
}

/* ---- opening ---- */

static int raise_descriptors(const struct host_options *opt)
{
	rlim_t peers = opt->last - opt->first + 1;
	rlim_t need = (rlim_t)opt->n * (DESCRIPTORS_OF + peers * LINKS_OF) + 64;
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim))
		return -errno;
	if (lim.rlim_cur >= need)
		return 0;
	lim.rlim_cur = need;
	if (lim.rlim_max < need)
		lim.rlim_max = need; /* root may */
	return setrlimit(RLIMIT_NOFILE, &lim) ? -errno : 0;
}

static int open_node(struct host *host, struct hosted *h, const struct host_options *o)
{
	const struct sinew_callbacks cb = {
		.size = sizeof cb,
		.session_up = on_up,
		.message = on_message,
		.session_down = on_down,
	};
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = h };
	struct sinew_options opt;
	int err = node_options(&opt, o->net, h->id, o->port);

	h->host = host;
	h->peers = calloc(HOST_ID_MAX + 1, sizeof *h->peers);
	h->sent = calloc(HOST_ID_MAX + 1, sizeof *h->sent);
	h->came = calloc(HOST_ID_MAX + 1, sizeof *h->came);
	if (!h->peers || !h->sent || !h->came)
		return -ENOMEM;
	opt.max_peers = HOST_ID_MAX;
	opt.own_thread = o->own_thread;
	if (o->queue_bytes)
		opt.queue_bytes = (uint32_t)o->queue_bytes;
	if (o->tune)
		o->tune(&opt);
	if (!err)
		err = sinew_node_new(&opt, &cb, h, &h->node);
	if (err || o->own_thread || o->is_alone)
		return err;
	return epoll_ctl(host->epoll, EPOLL_CTL_ADD, sinew_get_fd(h->node), &event) ? -errno : 0;
}

int host_open(struct host *h, const struct host_options *opt)
{
	struct epoll_event released = { .events = EPOLLIN, .data.ptr = NULL };
	int err = raise_descriptors(opt);

	*h = (struct host){
		.n = opt->n,
		.is_alone = opt->is_alone,
		.message_bytes = opt->message_bytes,
	};
	h->nodes = calloc(opt->n, sizeof *h->nodes);
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!h->nodes || h->epoll < 0)
		return -ENOMEM;
	epoll_ctl(h->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &released);
	for (unsigned i = 0; i < opt->n && !err; i++) {
		h->nodes[i].id = opt->id + i;
		err = open_node(h, &h->nodes[i], opt);
	}
	return err;
}

int host_meet(struct host *h, const struct host_options *opt)
{
	for (unsigned i = 0; i < h->n; i++) {
		for (uint32_t id = opt->first; id <= opt->last; id++) {
			int err = 0;

			if (id == h->nodes[i].id)
				continue;
			err = node_knows(h->nodes[i].node, opt->net, id, opt->port);
			if (err)
				return err;
			h->n_added++;
		}
	}
	return 0;
}

void host_close(struct host *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		sinew_node_free(h->nodes[i].node);
		free(h->nodes[i].peers);
		free(h->nodes[i].sent);
		free(h->nodes[i].came);
	}
	free(h->nodes);
	close(h->epoll);
}

/* ---- driving ---- */

static int epoll_turn(struct host *h, int wait_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(h->epoll, events, EVENTS_MAX, wait_ms), err = 0;

	for (int i = 0; i < n && err >= 0; i++) {
		struct hosted *hosted = events[i].data.ptr;

		if (hosted) {
			err = sinew_dispatch(hosted->node, 0);
			continue;
		}
		h->is_released = true;
		epoll_ctl(h->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
	}
	return err < 0 ? err : 0;
}

int host_turn(struct host *h, int wait_ms)
{
	int n;

	if (!h->is_alone)
		return epoll_turn(h, wait_ms);
	n = sinew_dispatch(h->nodes[0].node, wait_ms < ALONE_MS ? wait_ms : ALONE_MS);
	/* A look for the end of it all, when there is no work. */
	return n ? (n < 0 ? n : 0) : epoll_turn(h, 0);
}

int host_until(struct host *h, bool (*done)(struct host *h))
{
	uint64_t limit = clock_now_ns() + HOST_WAIT_MS * CLOCK_MS;

	while (!done(h)) {
		int err = host_turn(h, TURN_MS);

		if (err)
			return err;
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
	return 0;
}

int host_until_released(struct host *h)
{
	while (!h->is_released) {
		int err = host_turn(h, TURN_MS);

		if (err)
			return err;
	}
	return 0;
}

bool host_is_up(struct host *h)
{
	return h->n_up >= h->n_added;
}

int host_send(struct hosted *h, uint32_t to, void *buf, size_t len, bool is_last)
{
	int err;

	if (!h->peers[to])
		return -ESTALE;
	content_put(buf, 0, h->sent[to], is_last);
	err = sinew_send(h->peers[to], buf, len);
	h->sent[to] += err == 0;
	return err;
}

uint64_t host_unacked(struct hosted *h, uint32_t peer)
{
	struct sinew_status st = { .size = sizeof st };

	if (!h->peers[peer] || sinew_session_status(h->peers[peer], &st))
		return 0;
	return st.unacked;
}
