/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lowcomms/service.h"
#include "lowcomms/thread.h"
#include "services/heap.h"
#include "services/owner.h"
#include "services/server_built.h"
#include "services/server_client.h"
#include "services/server_feed.h"
#include "services/server_listen.h"
#include "services/server_member.h"
#include "services/server_pubs.h"
#include "services/service.h"
#include "services/sized.h"

#define STACK_BYTES	(512u * 1024)
#define CELLS_A_TURN	CELLS_MAX
#define PULLS_A_TURN	1024u		/* subscribers that have something new */
#define OPTIONS_MIN	sizeof(size_t)

struct server *server_of(const struct sinew_node *node)
{
	return node ? service_companion(node) : NULL;
}

struct sinew_node *server_node(const struct server *s)
{
	return s->node;
}

/* ---- a turn ---- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t deadline(const struct server *s)
{
	uint64_t news_ns = topo_has_news(&s->topo.subs) ? s->due.news_ns : UINT64_MAX;

	assert(s->buf && s->epoll >= 0);
	return sooner(sooner(topo_deadline(&s->topo.subs), listener_deadline(s)),
		      sooner(s->due.members_ns, news_ns));
}

/* Milliseconds until then, rounded up. */
static int wait_ms(const struct server *s, bool more)
{
	uint64_t due = deadline(s), now = service_now();

	if (more || due <= now)
		return 0;
	if (due == UINT64_MAX || due - now > 60000000000u)
		return due == UINT64_MAX ? -1 : 60000;
	return (int)((due - now + 999999u) / 1000000u);
}

static void take_cells(struct server *s)
{
	struct cell_state now;
	const char *option;
	unsigned i;

	for (unsigned n = 0; n < CELLS_A_TURN && cells_next(s->cells, &i, &now); n++)
		built_cell(s, i, &now);
	for (unsigned n = 0; n < CELLS_OPTIONS && (option = cells_next_option(s->cells)); n++)
		built_option(s, option);
	if (atomic_exchange(&s->cells->renewed, false))
		built_renew(s);
	if (atomic_exchange(&s->services_changed, false))
		built_services(s);
	if (atomic_exchange(&s->cells->closing, false))
		feeds_end(s);
}

static void take_arrived(struct server *s)
{
	struct server_client *c = atomic_exchange(&s->arrived, NULL);

	while (c) {
		struct server_client *next = c->next;

		assert(c->is_local && list_empty(&c->all));
		if (client_begin(s, c)) {
			atomic_fetch_sub(&s->n_locals, 1);
			client_discard(c);
		}
		c = next;
	}
}

static void answer_bell(struct server *s, struct bell *b)
{
	bool more = false;

	assert(atomic_load(&b->word));
	switch (b->of) {
	case BELL_OF_MEMBER:
		more = member_answer(list_entry(b, struct server_member, bell));
		break;
	case BELL_OF_FEED:
		more = feed_answer(list_entry(b, struct server_feed, bell));
		break;
	}
	if (more)
		bell_ring(&s->bells, b, b->of == BELL_OF_FEED ? BELL_ROOM : BELL_DATA);
}

static void take_bells(struct server *s)
{
	struct bell *b = bells_take(&s->bells), *in_order = NULL;

	while (b) {
		struct bell *next = b->next;

		b->next = in_order;
		in_order = b;
		b = next;
	}
	while (in_order) {
		b = in_order;
		in_order = b->next;
		answer_bell(s, b);
	}
}

static void feed(struct server *s, struct server_taker *t)
{
	assert(!t->waits && topo_has(t->sub));
	if (t->kind == TAKER_CLIENT)
		client_feed(s, (struct server_sub *)(void *)t);
	else if (feed_send((struct server_feed *)(void *)t))
		bell_ring(&s->bells, &((struct server_feed *)(void *)t)->bell, BELL_ROOM);
}

/*
 * Those that have news. True: there are more. After many of them were told, the next ones wait for
 * a short pause, and what comes meanwhile goes to each in one message. A message costs the server,
 * its reader, and whoever runs on their processors far more than an event in it.
 */
static bool feed_takers(struct server *s, uint64_t now_ns)
{
	unsigned n_fed = 0;

	if (now_ns < s->due.news_ns)
		return false;
	for (unsigned n = 0; n < PULLS_A_TURN; n++) {
		struct topo_sub *sub = topo_pull(&s->topo.subs);
		struct server_taker *t = sub ? sub->user : NULL;

		if (!t) {
			s->due.news_ns = n_fed < SERVER_MANY ? 0 : now_ns + SERVER_PAUSE_NS;
			return false;
		}
		assert(t->sub == sub);
		if (t->waits || !topo_has(sub))
			continue;
		feed(s, t);
		n_fed++;
	}
	return true;
}

static void tick(struct server *s, uint64_t now_ns)
{
	if (topo_deadline(&s->topo.subs) <= now_ns)
		topo_tick(&s->topo.subs, now_ns);
	listener_tick(s, now_ns);
	if (s->due.members_ns <= now_ns)
		members_tick(s, now_ns);
}

static void take_event(struct server *s, const struct epoll_event *ev)
{
	enum server_source *source = ev->data.ptr;
	struct server_client *c;
	uint64_t n;

	switch (*source) {
	case SOURCE_WAKE:
		if (read(s->wake_fd, &n, sizeof n) < 0)
			assert(errno == EAGAIN);
		break;
	case SOURCE_LISTENER:
		listener_event(s);
		break;
	case SOURCE_CLIENT:
		c = (struct server_client *)(void *)source;
		assert(c->fd >= 0 && !list_empty(&c->all));
		/* Events that were written to it may have found that it is gone. */
		if (!c->over)
			client_event(s, c, ev->events);
		if (c->over)
			client_end(s, c);
		break;
	}
}

static void *run(void *arg)
{
	struct server *s = arg;
	struct epoll_event events[SERVER_EVENTS];
	uint64_t now_ns;
	bool more = false;

	assert(s->node && list_empty(&s->clients));
	built_begin(s);
	while (!atomic_load(&s->stop)) {
		int n = epoll_wait(s->epoll, events, SERVER_EVENTS, wait_ms(s, more));

		for (int i = 0; i < n; i++)
			take_event(s, &events[i]);
		take_cells(s);
		take_arrived(s);
		take_bells(s);
		now_ns = service_now();
		tick(s, now_ns);
		more = feed_takers(s, now_ns);
	}
	return NULL;
}

/* ---- the end ---- */

static void close_fds(struct server *s)
{
	assert(s->epoll < 0 || s->epoll != s->wake_fd);
	listener_close(s);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	s->epoll = s->wake_fd = -1;
}

static void close_in_child(struct server *s)
{
	list_each(struct server_client, c, &s->clients, all)
		close(c->fd);
	close_fds(s);
}

/* All that functions of the loop refer to stays until server_gone(). */
static void server_stop(void *companion, bool forked)
{
	struct server *s = companion;

	if (forked) {
		close_in_child(s);
		return;
	}
	sinew_watch(s->node, NULL, s->cells);
	if (s->calls)
		service_watch(s->calls, NULL, NULL);
	atomic_store(&s->stop, true);
	bells_wake(&s->bells);
	pthread_join(s->thread, NULL);
	take_arrived(s);
	list_each(struct server_client, c, &s->clients, all)
		client_end(s, c);
	assert(list_empty(&s->clients) && !s->counts.n_sockets);
	assert(!atomic_load(&s->n_locals));
	listener_close(s);
}

static void server_free(struct server *s)
{
	assert(list_empty(&s->members) && list_empty(&s->feeds));
	topo_leave(&s->topo, &s->library);
	subs_fini(&s->subs);
	pubs_fini(s);
	topo_fini(&s->topo);
	close_fds(s);
	if (s->calls)
		owner_unref(s->calls);
	free(s->cells);
	free(s->peers);
	free(s->buf);
	free(s);
}

static void server_gone(void *companion)
{
	struct server *s = companion;

	assert(atomic_load(&s->stop));
	take_bells(s);
	built_end(s);
	assert(!s->counts.n_members);
	if (s->gate.freed)
		s->gate.freed(s->gate.arg);
	server_free(s);
}

static const struct companion_ops companion_ops = { .stop = server_stop, .freed = server_gone };

/* ---- the start ---- */

static void on_service(void *arg)
{
	struct server *s = arg;

	assert(s->calls);
	atomic_store(&s->services_changed, true);
	bells_wake(&s->bells);
}

static bool complete(struct sinew_topo_options *opt, const struct sinew_topo_options *given)
{
	*opt = (struct sinew_topo_options) { .size = sizeof *opt };
	if (given && !sized_take(opt, sizeof *opt, given, OPTIONS_MIN + 1))
		return false;
	opt->log_entries = opt->log_entries ? opt->log_entries : 65536;
	opt->max_publications = opt->max_publications ? opt->max_publications : 131072;
	opt->max_subscriptions = opt->max_subscriptions ? opt->max_subscriptions : 4096;
	return opt->log_entries >= 8 && opt->log_entries <= 1u << 24 &&
		opt->max_publications <= 1u << 24 && opt->max_subscriptions <= 1u << 20;
}

static int open_fds(struct server *s)
{
	static const enum server_source wake = SOURCE_WAKE;
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = (void *)(uintptr_t)&wake };

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return -errno;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake_fd < 0)
		return -errno;
	s->bells.wake_fd = s->wake_fd;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake_fd, &ev) ? -errno : 0;
}

static int open_core(struct server *s)
{
	struct topo_config cfg = {
		.limits = {
			.log_entries = s->opt.log_entries,
			.max_publications = s->opt.max_publications,
			.max_subscriptions = s->opt.max_subscriptions + FEEDS_MAX,
		},
		.memory = heap_memory, .own_node = s->nodeid, .own_incarnation = s->incarnation,
		.first_pub = 1,
	};
	int err = node_random(&s->epoch, sizeof s->epoch);

	/* 0 is the epoch of a subscriber that was never told anything. */
	cfg.epoch = s->epoch |= 1;
	if (err)
		return err;
	err = topo_init(&s->topo, &cfg);
	if (err)
		return err;
	err = pubs_init(s);
	if (err)
		goto no_pubs;
	err = subs_init(&s->subs);
	if (err)
		goto no_subs;
	topo_owner_init(&s->library, &s->topo, TOPO_LIBRARY, s->opt.max_publications);
	return 0;
no_subs:
	pubs_fini(s);
no_pubs:
	topo_fini(&s->topo);
	return err;
}

static void discard(struct server *s)
{
	close_fds(s);
	free(s->cells);
	free(s->peers);
	free(s->buf);
	free(s);
}

static int server_new(struct sinew_node *node, const struct sinew_topo_options *opt,
		      struct server **ret)
{
	struct server *s = calloc(1, sizeof *s);
	int err;

	if (!s)
		return -ENOMEM;
	s->node = node;
	s->opt = *opt;
	s->nodeid = sinew_node_id(node);
	s->incarnation = sinew_incarnation(node);
	s->uid = geteuid();
	s->epoll = s->wake_fd = -1;
	s->due.members_ns = UINT64_MAX;
	list_init(&s->clients);
	list_init(&s->members);
	list_init(&s->feeds);
	listener_init(s);
	s->cells = calloc(1, sizeof *s->cells);
	s->peers = calloc(CELLS_MAX, sizeof *s->peers);
	s->buf = malloc(CONTROL_MAX + 1);
	err = s->cells && s->peers && s->buf ? open_fds(s) : -ENOMEM;
	if (!err)
		err = open_core(s);
	if (err) {
		discard(s);
		return err;
	}
	cells_init(s->cells, &s->bells);
	*ret = s;
	return 0;
}

/* Shows it to other threads, and starts its own: in the order in which it can be undone. */
static int launch(struct server *s)
{
	int err = service_accompany(s->node, &companion_ops, s);

	assert(err || server_of(s->node) == s);
	if (err)
		return err;
	err = sinew_watch(s->node, &cells_watch, s->cells);
	if (!err)
		err = thread_start(STACK_BYTES, run, s, &s->thread);
	if (!err && s->calls) {
		service_watch(s->calls, on_service, s);
		on_service(s);
		err = feeds_offer(s);
		if (err)
			server_stop(s, false);
	}
	if (err) {
		sinew_watch(s->node, NULL, s->cells);
		service_accompany(s->node, NULL, NULL);
	}
	return err == -ENOSPC ? -EBUSY : err;
}

int sinew_topo_start(struct sinew_node *node, struct sinew_calls *calls,
		     const struct sinew_topo_options *options)
{
	struct sinew_topo_options opt;
	struct server *s;
	int err;

	if (!node || (calls && calls->node != node) || !complete(&opt, options))
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	if (server_of(node))
		return -EALREADY;
	err = server_new(node, &opt, &s);
	if (err)
		return err;
	s->calls = calls ? owner_ref(calls) : NULL;
	err = launch(s);
	if (err)
		server_free(s);
	return err;
}

int server_connect(struct server *s, int *ret_fd)
{
	const struct ucred self = { getpid(), s->uid, getegid() };
	struct server_client *c, *first;
	int fds[2], err;

	if (atomic_fetch_add(&s->n_locals, 1) >= SERVER_LOCALS) {
		atomic_fetch_sub(&s->n_locals, 1);
		return -EUSERS;
	}
	err = packet_pair(fds);
	c = err ? NULL : client_new(fds[1], &self);
	if (!c) {
		if (!err) {
			close(fds[0]);
			close(fds[1]);
		}
		atomic_fetch_sub(&s->n_locals, 1);
		return err ? err : -ENOMEM;
	}
	c->is_local = true;
	first = atomic_load(&s->arrived);
	do
		c->next = first;
	while (!atomic_compare_exchange_weak(&s->arrived, &first, c));
	bells_wake(&s->bells);
	*ret_fd = fds[0];
	return 0;
}
