/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lowcomms/node.h"
#include "lowcomms/service.h"
#include "proto/wire.h"
#include "services/control_link.h"
#include "services/follow.h"
#include "services/heap.h"
#include "services/offers.h"
#include "services/server.h"
#include "services/sized.h"

#define MESSAGES_A_TURN	64u
#define LOOKUP_MS	2000
#define LOOKUP_ROOM	64u		/* publications, at first */

/* ---- begin and end ---- */

/* In a child of fork() the connection is the parent's. */
static void drop_fd(struct sinew_topo *t)
{
	if (t->fd < 0)
		return;
	if (atomic_load(&node_generation) == t->generation)
		packet_end(t->fd, t->epoll);
	close(t->fd);
	t->fd = -1;
}

static void release(struct sinew_topo *t)
{
	assert(list_empty(&t->offers) && list_empty(&t->follows));
	assert(list_empty(&t->unsent));
	drop_fd(t);
	if (t->epoll >= 0)
		close(t->epoll);
	if (t->timer >= 0)
		close(t->timer);
	topo_hash_fini(&t->offers_by_id, &heap_memory);
	topo_hash_fini(&t->follows_by_id, &heap_memory);
	free(t->buf);
	free(t);
}

static int open_fds(struct sinew_topo *t)
{
	struct epoll_event ev = { .events = EPOLLIN };

	assert(t->fd < 0 && t->timer < 0);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll < 0)
		return -errno;
	if (t->is_local)
		return 0;
	t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (t->timer < 0)
		return -errno;
	ev.data.fd = t->timer;
	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->timer, &ev) ? -errno : 0;
}

/* Without a connection. */
static int topo_new(bool is_local, struct sinew_topo **ret)
{
	struct sinew_topo *t = calloc(1, sizeof *t);
	int err;

	if (!t)
		return -ENOMEM;
	t->generation = atomic_load(&node_generation);
	t->is_local = is_local;
	t->fd = t->epoll = t->timer = -1;
	list_init(&t->unsent);
	list_init(&t->offers);
	list_init(&t->follows);
	t->buf = malloc(CONTROL_MAX + 1);
	err = t->buf ? topo_hash_init(&t->offers_by_id, &heap_memory) : -ENOMEM;
	if (err) {
		free(t->buf);
		free(t);
		return err;
	}
	err = topo_hash_init(&t->follows_by_id, &heap_memory);
	if (err) {
		topo_hash_fini(&t->offers_by_id, &heap_memory);
		free(t->buf);
		free(t);
		return err;
	}
	err = open_fds(t);
	if (err) {
		release(t);
		return err;
	}
	*ret = t;
	return 0;
}

void sinew_topo_close(struct sinew_topo *t)
{
	if (!t)
		return;
	assert(!t->dispatches && !t->has_dead);
	offers_free(t);
	follows_free(t);
	release(t);
}

/* ---- the connection ---- */

static void arm(struct sinew_topo *t, uint64_t in_ns)
{
	const struct itimerspec when = {
		.it_value = { (time_t)(in_ns / 1000000000u), (long)(in_ns % 1000000000u) },
	};

	if (t->timer >= 0)
		timerfd_settime(t->timer, 0, &when, NULL);
}

static void disarm(struct sinew_topo *t)
{
	uint64_t n;

	if (read(t->timer, &n, sizeof n) < 0)
		assert(errno == EAGAIN);
}

/* Begins to connect, now or later. */
static void try_connect(struct sinew_topo *t)
{
	int err;

	assert(t->state == TOPO_LINK_AWAY && t->fd < 0);
	err = control_open(t->name, &t->fd);
	t->events = 0;
	if (!err) {
		t->state = TOPO_LINK_GREETS;
		err = post_watch(t);
	}
	if (err) {
		drop_fd(t);
		t->state = TOPO_LINK_AWAY;
		t->error = err;
		arm(t, TOPO_AGAIN_NS);
		return;
	}
	t->greet_ns = service_now() + TOPO_GREET_NS;
	arm(t, TOPO_GREET_NS);
}

/* Returns how many events were told. */
static unsigned lose(struct sinew_topo *t, int err)
{
	bool was_up = t->state == TOPO_LINK_UP;

	assert(t->fd >= 0 && err < 0);
	assert(t->state != TOPO_LINK_OVER);
	drop_fd(t);
	t->events = 0;
	t->error = err;
	t->counts.n_pending = 0;
	t->state = t->is_local ? TOPO_LINK_OVER : TOPO_LINK_AWAY;
	arm(t, TOPO_AGAIN_NS);
	if (!was_up)
		return 0;
	t->counts.n_losses++;
	return follows_lost(t, err);
}

static void greeted(struct sinew_topo *t)
{
	assert(t->fd >= 0 && t->state != TOPO_LINK_AWAY);
	t->error = 0;
	if (t->is_local)
		return;
	arm(t, 0);
	t->state = TOPO_LINK_UP;
	offers_again(t);
	follows_again(t);
}

/* Those that wait, as many as there is room for. */
static void send_waiting(struct sinew_topo *t)
{
	while (t->state == TOPO_LINK_UP && !list_empty(&t->unsent)) {
		struct topo_post *p = list_first(&t->unsent, struct topo_post, unsent);
		bool is_offer = post_find(&t->offers_by_id, p->id) == p;

		list_remove(&p->unsent);
		if ((is_offer ? offer_send(t, p) : follow_send(t, p)) != -EAGAIN)
			continue;
		list_push(&t->unsent, &p->unsent);
		break;
	}
	post_watch(t);
}

/* ---- dispatch ---- */

/* One message of the server. */
static unsigned take(struct sinew_topo *t, const struct control_head *head)
{
	const uint8_t *body = t->buf + CONTROL_HEAD;
	size_t len = head->size - CONTROL_HEAD;
	int err;

	assert(head->size >= CONTROL_HEAD && len <= CONTROL_BODY_MAX);
	switch (head->kind & ~CONTROL_ANSWER) {
	case CONTROL_HELLO:
		err = t->is_local || t->state == TOPO_LINK_GREETS ?
			control_greeted(head, body, &t->server) : -EPROTO;
		if (err)
			return lose(t, err);
		greeted(t);
		return 0;
	case CONTROL_EVENTS:
		return follow_events(t, head->id, body, len);
	case CONTROL_SUBSCRIBE:
	case CONTROL_CANCEL:
		return follow_answered(t, head);
	case CONTROL_PUBLISH:
	case CONTROL_WITHDRAW:
		offer_answered(t, head);
		return 0;
	}
	return 0;
}

static int take_next(struct sinew_topo *t, struct control_head *ret_head)
{
	assert(t->fd >= 0 && t->buf);
	return t->state == TOPO_LINK_GREETS ? control_take_hello(t->fd, t->buf, ret_head) :
		control_take(t->fd, t->buf, ret_head);
}

/* All that is there, without waiting, up to a bound. */
static unsigned work(struct sinew_topo *t)
{
	unsigned n_told = 0;

	for (unsigned n = 0; n < MESSAGES_A_TURN && t->fd >= 0; n++) {
		struct control_head head;
		int err = take_next(t, &head);

		if (err == -EAGAIN)
			break;
		n_told += err ? lose(t, err) : take(t, &head);
	}
	if (t->state == TOPO_LINK_GREETS && service_now() >= t->greet_ns)
		n_told += lose(t, -ETIMEDOUT);
	if (!list_empty(&t->unsent))
		send_waiting(t);
	return n_told;
}

/* Waits for what epoll tells; -EINTR, or 0. */
static int await_events(struct sinew_topo *t, int timeout_ms)
{
	struct epoll_event ev[2];
	int n;

	assert(t->epoll >= 0 && t->state != TOPO_LINK_OVER);
	n = epoll_wait(t->epoll, ev, 2, timeout_ms);

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++)
		if (ev[i].data.fd == t->timer)
			disarm(t);
	if (t->state == TOPO_LINK_AWAY && n)
		try_connect(t);
	return 0;
}

static int ms_left(uint64_t until_ns)
{
	uint64_t now = service_now();

	if (until_ns == UINT64_MAX)
		return -1;
	return until_ns <= now ? 0 : (int)((until_ns - now + 999999u) / 1000000u);
}

static uint64_t until(int timeout_ms)
{
	return timeout_ms < 0 ? UINT64_MAX : service_now() + (uint64_t)timeout_ms * 1000000u;
}

int sinew_topo_dispatch(struct sinew_topo *t, int timeout_ms)
{
	uint64_t until_ns;
	unsigned n_told;
	int err = 0, left;

	if (!t || t->dispatches)
		return -EINVAL;
	if (atomic_load(&node_generation) != t->generation)
		return -ECHILD;
	if (t->state == TOPO_LINK_OVER)
		return -ESHUTDOWN;
	until_ns = until(timeout_ms);
	t->dispatches = true;
	do {
		n_told = work(t);
		if (n_told || t->state == TOPO_LINK_OVER)
			break;
		left = ms_left(until_ns);
		/* While it is up, epoll only wakes: nothing but the socket has work. */
		if (!left && t->state == TOPO_LINK_UP)
			break;
		err = await_events(t, left);
		if (!err && !left) {
			n_told = work(t);
			break;
		}
	} while (!err);
	t->dispatches = false;
	follows_bury(t);
	return n_told ? (int)n_told : err;
}

int sinew_topo_get_fd(const struct sinew_topo *t)
{
	return t ? t->epoll : -EINVAL;
}

/* ---- open ---- */

int sinew_topo_open(struct sinew_node *node, struct sinew_topo **ret_topo)
{
	const struct control_head hello = { .kind = CONTROL_HELLO };
	uint8_t version[CONTROL_HELLO_ASK];
	struct sinew_topo *t;
	struct server *s;
	int err;

	if (!node || !ret_topo)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	s = server_of(node);
	if (!s)
		return -ENOENT;
	err = topo_new(true, &t);
	if (err)
		return err;
	err = server_connect(s, &t->fd);
	if (err) {
		release(t);
		return err;
	}
	t->state = TOPO_LINK_UP;
	t->server.nodeid = sinew_node_id(node);
	put_le32(version, CONTROL_VERSION);
	err = control_send(t->fd, &hello, version, sizeof version);
	if (!err)
		err = post_watch(t);
	if (err) {
		release(t);
		return err;
	}
	*ret_topo = t;
	return 0;
}

/* The first connection: its failure is the user's. */
static int connect_first(struct sinew_topo *t)
{
	uint64_t until_ns = service_now() + TOPO_GREET_NS;
	int err = 0;

	assert(!t->is_local && t->state == TOPO_LINK_AWAY);
	try_connect(t);
	while (t->state != TOPO_LINK_UP && (!err || err == -EINTR)) {
		if (t->state == TOPO_LINK_AWAY && t->error != -EAGAIN)
			return t->error;
		if (service_now() >= until_ns)
			return -ETIMEDOUT;
		err = await_events(t, ms_left(until_ns));
		work(t);
	}
	return err == -EINTR ? 0 : err;
}

int sinew_topo_connect(const char *name, struct sinew_topo **ret_topo)
{
	struct sinew_topo *t;
	int err;

	if (!name || !ret_topo)
		return -EINVAL;
	if (strlen(name) >= sizeof t->name)
		return -ENAMETOOLONG;
	err = node_watch_forks();
	if (err)
		return err;
	err = topo_new(false, &t);
	if (err)
		return err;
	memcpy(t->name, name, strlen(name) + 1);
	err = connect_first(t);
	if (err) {
		release(t);
		return err;
	}
	*ret_topo = t;
	return 0;
}

/* ---- lookup ---- */

struct lookup {
	uint32_t *nodes;		/* of each publication; malloc() */
	size_t n, room;
	bool done;
	int err;
};

static void add_node(struct lookup *l, uint32_t node)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : LOOKUP_ROOM;
		uint32_t *more = malloc(room * sizeof *more);

		if (!more) {
			l->err = -ENOMEM;
			return;
		}
		if (l->n)
			memcpy(more, l->nodes, l->n * sizeof *more);
		free(l->nodes);
		l->nodes = more;
		l->room = room;
	}
	assert(l->n < l->room);
	l->nodes[l->n++] = node;
}

/* A publication went while the answer came, and the server began it anew. */
static void remove_node(struct lookup *l, uint32_t node)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->nodes[i] == node) {
			l->nodes[i] = l->nodes[--l->n];
			return;
		}
}

static void looked_up(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct lookup *l = user;

	assert(!l->done);
	(void)sub;
	if (msg->event == SINEW_TOPO_TIMEOUT || msg->event == SINEW_TOPO_REFUSED)
		l->done = true;
	l->err = msg->error ? msg->error : l->err;
	if (msg->event == SINEW_TOPO_PUBLISHED)
		add_node(l, msg->publication->node);
	else if (msg->event == SINEW_TOPO_WITHDRAWN)
		remove_node(l, msg->publication->node);
}

static int compare_nodes(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Up to max of them, each once. Returns how many there are. */
static int give_nodes(const struct lookup *l, uint32_t *nodes, unsigned max)
{
	unsigned n = 0;

	if (l->n)
		qsort(l->nodes, l->n, sizeof *l->nodes, compare_nodes);
	for (size_t i = 0; i < l->n; i++) {
		if (i && l->nodes[i] == l->nodes[i - 1])
			continue;
		if (n < max)
			nodes[n] = l->nodes[i];
		n++;
	}
	assert(n <= l->n);
	return (int)n;
}

int sinew_topo_lookup(struct sinew_topo *t, uint32_t type, uint32_t instance, uint32_t *nodes,
		      unsigned max)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof filter, .type = type, .lower = instance, .upper = instance,
	};
	struct lookup l = { .n = 0 };
	uint64_t until_ns = until(LOOKUP_MS);
	struct sinew_subscription *sub;
	int err;

	if (!t || (!nodes && max) || t->dispatches || max > INT32_MAX || type == SINEW_TOPO_ANY)
		return -EINVAL;
	err = sinew_topo_subscribe(t, &filter, looked_up, &l, &sub);
	if (err)
		return err;
	while (!l.done && (err >= 0 || err == -EINTR) && ms_left(until_ns))
		err = sinew_topo_dispatch(t, ms_left(until_ns));
	err = err == -EINTR ? 0 : err;
	sinew_topo_cancel(sub);
	if (err >= 0)
		err = !l.done ? -ETIMEDOUT : l.err ? l.err : give_nodes(&l, nodes, max);
	free(l.nodes);
	return err;
}

int sinew_topo_status(const struct sinew_topo *t, struct sinew_topo_status *ret)
{
	struct sinew_topo_status st = { .size = sizeof st };

	if (!t || !ret || ret->size < sizeof ret->size)
		return -EINVAL;
	st.connected = t->state == TOPO_LINK_UP;
	st.nodeid = t->server.nodeid;
	st.incarnation = t->server.incarnation;
	st.epoch = t->server.epoch;
	st.n_publications = t->counts.n_offers > 0 ? (uint32_t)t->counts.n_offers : 0;
	st.n_subscriptions = t->counts.n_follows;
	st.n_pending = t->counts.n_pending;
	st.n_refused = t->counts.n_refused;
	st.refusal = t->counts.refusal;
	st.n_events = t->counts.n_events;
	st.n_collapsed = t->counts.n_collapsed;
	st.n_losses = t->counts.n_losses;
	sized_give(ret, &st, sizeof st);
	return 0;
}
