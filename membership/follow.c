/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "membership/config.h"
#include "membership/instance.h"
#include "membership/ipc.h"
#include "membership/join.h"

#define MS		INSTANCE_MS
#define RETRY_NS	(250 * MS)	/* of connecting and joining */
#define NAMES_RETRY_NS	(1000 * MS)	/* of the configuration, without which nothing begins */
#define CHECK_NS	(1000 * MS)	/* between two questions whether corosync answers */
#define GOODBYE_NS	(1000 * MS)	/* it may take so long to come back */
#define WAIT_MAX_MS	60000

/* Owned by the thread alone. */
struct follow {
	struct sinew_corosync *c;
	enum instance_phase goal;	/* wanted at the beginning of this turn, when attached */
	bool is_freed;			/* the same */
	bool has_joined;		/* ipc_join() was taken by the corosync of c->ipc */
	bool is_settle_due;
	uint64_t leave_ns;		/* then without waiting; 0: no leave is wanted */
	uint64_t retry_ns;		/* of connecting or joining */
	uint64_t check_ns;
};

/* ---- what the view concludes; lock is held ---- */

static int ask_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation)
{
	return sinew_ask_fence(node, nodeid, incarnation, SINEW_FENCE_FAILED);
}

/* Logs the fate of an incarnation, and reports it to the node if there is one. */
static void tell_incarnation(struct sinew_corosync *c, const struct view_action *a)
{
	static const char *const failed[] = {
		[VIEW_LEAVE] = "failed: left without announcing it",
		[VIEW_PROCDOWN] = "failed: its program or corosync ended",
		[VIEW_NODEDOWN] = "failed: its node is unreachable",
		[VIEW_RENEWED] = "failed: started a new incarnation",
	};
	static const struct {
		const char *text;
		int (*tell)(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation);
	} events[] = {
		[VIEW_JOINED] = { "joined", sinew_peer_joined },
		[VIEW_LEAVING] = { "leaving", sinew_peer_leaving },
		[VIEW_LEFT] = { "left", sinew_peer_left },
		[VIEW_FAILED] = { NULL, sinew_peer_failed },
		[VIEW_FENCE] = { "needs fencing", ask_fence },
		[VIEW_FENCED] = { "fenced", sinew_peer_failed },
	};
	const bool is_end = a->what == VIEW_FAILED, is_fenced = a->what == VIEW_FENCED;
	/* Held back until it has been fenced, by us or another; but nobody has to be fenced for
	 * an incarnation that its own process gave up. */
	const bool holds = c->setup.hold_failed && a->cause != VIEW_RENEWED;

	instance_log(c, is_end || a->what == VIEW_FENCE ? SINEW_WARNING : SINEW_INFO,
		     "peer=%" PRIu32 " %s incarnation=%016" PRIx64, a->nodeid,
		     is_end ? failed[a->cause] : events[a->what].text, a->incarnation);
	if (c->node && !(is_end && holds) && !(is_fenced && !holds))
		events[a->what].tell(c->node, a->nodeid, a->incarnation);
}

static void tell_quorum(struct sinew_corosync *c, bool is_quorate)
{
	instance_log(c, is_quorate ? SINEW_INFO : SINEW_WARNING, "quorum %s",
		     is_quorate ? "gained" : "lost");
	if (c->node)
		sinew_quorum(c->node, is_quorate);
}

static void tell(struct sinew_corosync *c, const struct view_action *a)
{
	struct sinew_node *node = c->node;

	switch (a->what) {
	case VIEW_ADD:
		if (node)
			join_add(c->nodelist.config, node, a->nodeid, a->addrs, a->n_addrs);
		break;
	case VIEW_SET_ADDRS:
		/* None is known so far: that is no reason to forget what was. */
		if (node && a->n_addrs)
			sinew_peer_set_addrs(node, a->nodeid, a->addrs, a->n_addrs);
		break;
	case VIEW_REMOVE:
		instance_log(c, SINEW_INFO, "peer=%" PRIu32 " removed from the nodelist",
			     a->nodeid);
		if (node)
			sinew_peer_remove(node, a->nodeid);
		break;
	case VIEW_FENCE:
		if (node)
			tell_incarnation(c, a);
		break;
	case VIEW_JOINED:
	case VIEW_LEAVING:
	case VIEW_LEFT:
	case VIEW_FAILED:
	case VIEW_FENCED:
		tell_incarnation(c, a);
		break;
	case VIEW_QUORUM:
		tell_quorum(c, a->is_quorate);
		break;
	case VIEW_SELF_LOST:
		if (node)
			sinew_self_lost(node);
		else
			instance_wake(c);
		break;
	case VIEW_SEND:
		view_sent(&c->view, c->ipc && !ipc_send(c->ipc, a->bytes, a->len),
			  instance_now_ns());
		break;
	case VIEW_NOTE:
		instance_log(c, a->level, "peer=%" PRIu32 " %s", a->nodeid, a->text);
		break;
	}
}

/* After each call of the view. */
static void conclude(struct sinew_corosync *c)
{
	struct view_action a;

	while (view_poll(&c->view, &a))
		tell(c, &a);
}

/* ---- what corosync says; lock is held ---- */

static void on_group(void *arg, uint32_t own_pid, const struct view_process *now, unsigned n_now,
		     const struct view_gone *gone, unsigned n_gone)
{
	struct follow *f = arg;
	struct sinew_corosync *c = f->c;

	for (unsigned i = 0; i < n_gone; i++)
		instance_log(c, SINEW_DEBUG, "peer=%" PRIu32 " left the process group",
			     gone[i].process.nodeid);
	view_group(&c->view, own_pid, now, n_now, gone, n_gone, instance_now_ns());
	conclude(c);
	f->is_settle_due = true;
}

static void on_group_ring(void *arg, const struct view_ring *ring)
{
	struct follow *f = arg;

	view_group_ring(&f->c->view, ring);
	f->is_settle_due = true;
}

static void on_quorum(void *arg, bool is_quorate, const struct view_ring *ring)
{
	struct follow *f = arg;
	struct sinew_corosync *c = f->c;

	instance_log(c, SINEW_DEBUG, "corosync reports quorum=%s for ring=%" PRIx32 ".%" PRIx64,
		     is_quorate ? "yes" : "no", ring->nodeid, ring->seq);
	view_quorum(&c->view, is_quorate, ring);
	f->is_settle_due = true;
}

static void on_message(void *arg, const struct view_process *from, const uint8_t *bytes,
		       size_t len)
{
	struct follow *f = arg;
	struct sinew_corosync *c = f->c;

	view_message(&c->view, from, bytes, len);
	conclude(c);
}

static void on_config(void *arg)
{
	struct follow *f = arg;

	f->c->nodelist.is_due = true;
}

static const struct ipc_events events = {
	.group = on_group,
	.group_ring = on_group_ring,
	.quorum = on_quorum,
	.message = on_message,
	.config = on_config,
};

/* ---- connecting ---- */

static void disconnect(struct follow *f)
{
	struct sinew_corosync *c = f->c;

	INSTANCE_CALL(c, ipc_close(c->ipc));
	c->ipc = NULL;
	f->has_joined = false;
	f->retry_ns = instance_now_ns() + RETRY_NS;
	if (!c->first)
		nodelist_drop(c);
}

static void try_connect(struct follow *f)
{
	struct sinew_corosync *c = f->c;
	char text[256] = "";
	int rc;

	f->retry_ns = instance_now_ns() + RETRY_NS;
	INSTANCE_CALL(c, rc = ipc_open(&events, f, &c->ipc, text, sizeof(text)));
	if (rc) {
		instance_say_error(c, rc, rc == -ENOMEM ? "out of memory" : text);
		return;
	}
	if (c->first)
		instance_log(c, SINEW_INFO, "reconnected to corosync");
	if (nodelist_read(c) && !c->first)
		disconnect(f);
}

/* Into the group, as soon as there is a node with an incarnation of its own. */
static void try_join(struct follow *f)
{
	struct sinew_corosync *c = f->c;
	int rc;

	if (f->has_joined || c->phase != PHASE_ATTACHED || c->view.is_renewing)
		return;
	INSTANCE_CALL(c, rc = ipc_join(c->ipc, c->group));
	f->has_joined = !rc;
	if (rc)
		f->retry_ns = instance_now_ns() + RETRY_NS;
}

static void lost(struct follow *f)
{
	struct sinew_corosync *c = f->c;

	instance_log(c, SINEW_ERROR,
		     "corosync connection lost, all peers are down until it is back");
	instance_lock(c);
	c->published.status.losses++;
	if (instance_has_view(c)) {
		view_lost(&c->view);
		conclude(c);
	}
	instance_unlock(c);
	/* That takes corosync's library a while; its descriptors stay readable until then. */
	disconnect(f);
}

/* ---- the node's own incarnation; lock is held ---- */

static void tell_nodes(struct sinew_corosync *c)
{
	nodelist_tell(c);
	conclude(c);
	if (c->node)
		join_set_names(c->nodelist.config, c->node);
}

/* An incarnation, where there is no node. False, after it said why: there is no randomness, and no
 * other will do. */
static bool draw_incarnation(struct sinew_corosync *c, uint64_t *ret_incarnation)
{
	uint64_t incarnation;
	ssize_t n;

	do
		n = getrandom(&incarnation, sizeof(incarnation), 0);
	while (n < 0 && errno == EINTR);
	if (n == sizeof(incarnation)) {
		*ret_incarnation = incarnation | 1;
		return true;
	}
	instance_log(c, SINEW_ERROR, "no random number for a new incarnation: %s; retrying",
		     n < 0 ? strerror(errno) : "too few bytes");
	return false;
}

static void begin_view(struct sinew_corosync *c)
{
	struct greeting own = { .type = GREETING_HELLO, .nodeid = c->nodeid };

	if (c->setup.observe)
		own.type = GREETING_OBSERVER;
	own.began_ms = instance_wall_ms();
	if (c->node)
		own.incarnation = sinew_incarnation(c->node);
	else if (!draw_incarnation(c, &own.incarnation))
		return;
	if (c->node)
		own.n_addrs = sinew_config_addrs(c->first, c->nodeid, own.addrs);
	view_init(&c->view, &own);
	c->phase = PHASE_ATTACHED;
	if (c->node)
		sinew_quorum(c->node, false);
	tell_nodes(c);
}

static void take_words(struct follow *f)
{
	struct sinew_corosync *c = f->c;
	const uint64_t now = instance_now_ns();

	f->is_freed = c->is_freed;
	f->goal = c->group[0] ? c->wanted : PHASE_OPEN;
	if (f->goal >= PHASE_ATTACHED && c->phase < PHASE_ATTACHED && (c->node || c->setup.observe))
		begin_view(c);
	/* Without a node to renew it is another one all the same. */
	if (instance_has_view(c) && c->view.is_renewing && !c->node && !c->renewed)
		draw_incarnation(c, &c->renewed);
	if (c->renewed && instance_has_view(c)) {
		c->view.own.began_ms = instance_wall_ms();
		view_renewed(&c->view, c->renewed, now);
		conclude(c);
	}
	c->renewed = 0;
	for (unsigned i = 0; i < c->n_fenced && instance_has_view(c); i++) {
		view_fenced(&c->view, c->fenced[i].nodeid, c->fenced[i].incarnation, now);
		conclude(c);
	}
	c->n_fenced = 0;
	if (f->goal >= PHASE_CLOSING && c->phase == PHASE_ATTACHED) {
		c->phase = PHASE_CLOSING;
		view_closing(&c->view, now);
		conclude(c);
	}
}

/* ---- the loop ---- */

static void sleep_until_work(struct follow *f)
{
	struct sinew_corosync *c = f->c;
	struct pollfd p[IPC_FDS + 2] = { { .fd = c->wake_fd, .events = POLLIN } };
	uint64_t until = instance_has_view(c) ? view_deadline(&c->view) : VIEW_NEVER, now, count;
	int fds[IPC_FDS] = { -1, -1, -1 }, i, ms;

	if (c->ipc)
		ipc_fds(c->ipc, fds);
	for (i = 0; i < IPC_FDS; i++)
		p[i + 1] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	p[i + 1] = (struct pollfd){ .fd = nodelist_fd(c), .events = POLLIN };
	if (nodelist_deadline(c) < until)
		until = nodelist_deadline(c);
	if (!f->has_joined && f->retry_ns < until)
		until = f->retry_ns;
	if (c->ipc && f->check_ns < until)
		until = f->check_ns;
	if (f->leave_ns && c->phase < PHASE_LEFT && f->leave_ns < until)
		until = f->leave_ns;
	now = instance_now_ns();
	if (until <= now)
		return;
	ms = until - now > WAIT_MAX_MS * MS ? WAIT_MAX_MS : (int)((until - now + MS - 1) / MS);
	poll(p, IPC_FDS + 2, ms);
	if (p[0].revents && read(c->wake_fd, &count, sizeof(count)) < 0)
		return;
}

static void publish_all(struct sinew_corosync *c)
{
	publish(&c->published, &c->view, c->nodelist.config, c->ipc, instance_wall_ms());
}

/* Everything that has come is read before anything is concluded from it. */
static int dispatch(struct follow *f)
{
	struct sinew_corosync *c = f->c;
	int rc;

	instance_lock(c);
	rc = instance_has_view(c) ? ipc_dispatch(c->ipc) : 0;
	if (!rc && f->is_settle_due) {
		view_settle(&c->view);
		conclude(c);
	}
	f->is_settle_due = false;
	/* A change that was told is found in the status. */
	publish_all(c);
	instance_unlock(c);
	return rc;
}

/* It may hang without a word: that is asked for, and seen by who looks at the status. */
static int check(struct follow *f)
{
	struct sinew_corosync *c = f->c;
	int rc;

	if (instance_now_ns() < f->check_ns)
		return 0;
	INSTANCE_CALL(c, rc = ipc_check(c->ipc));
	f->check_ns = instance_now_ns() + CHECK_NS;
	return rc;
}

static void turn(struct follow *f)
{
	struct sinew_corosync *c = f->c;
	int rc;

	if (!c->ipc && instance_now_ns() >= f->retry_ns)
		try_connect(f);
	instance_lock(c);
	take_words(f);
	instance_unlock(c);
	if (c->ipc && (dispatch(f) || check(f)))
		lost(f);
	if (c->ipc && c->nodelist.is_due)
		nodelist_read(c);
	rc = nodelist_tick(c);
	if (rc < 0) {
		disconnect(f);
		f->retry_ns = instance_now_ns() + NAMES_RETRY_NS;
	}
	if (c->ipc && instance_now_ns() >= f->retry_ns)
		try_join(f);
	instance_lock(c);
	if (instance_has_view(c)) {
		if (rc > 0)
			tell_nodes(c);
		view_tick(&c->view, instance_now_ns());
		conclude(c);
	}
	publish_all(c);
	instance_unlock(c);
}

/*
 * Behind the handshakes: the others hear that nothing more will come. Corosync may take a leave
 * before what was sent to the group; so the goodbye has to come back first.
 */
static void try_leave(struct follow *f)
{
	struct sinew_corosync *c = f->c;
	const uint64_t now = instance_now_ns();

	if (c->phase >= PHASE_LEFT || (f->goal < PHASE_LEAVING && !f->is_freed))
		return;
	if (!f->leave_ns)
		f->leave_ns = now + GOODBYE_NS;
	if (f->has_joined && c->phase == PHASE_CLOSING && !c->view.is_goodbye_out &&
	    now < f->leave_ns)
		return;
	instance_lock(c);
	c->phase = PHASE_LEFT;
	instance_unlock(c);
	if (f->has_joined)
		INSTANCE_CALL(c, ipc_leave(c->ipc));
}

void *follow_run(void *arg)
{
	struct sinew_corosync *c = arg;
	struct follow follow = { .c = c }, *f = &follow;

	do {
		sleep_until_work(f);
		turn(f);
		try_leave(f);
	} while (c->phase != PHASE_LEFT || !f->is_freed);
	disconnect(f);
	nodelist_drop(c);
	instance_lock(c);
	c->phase = PHASE_ENDED;
	c->published.status.connected = false;
	c->published.status.in_group = false;
	pthread_cond_broadcast(&c->changed);
	instance_unlock(c);
	instance_unref(c);
	return NULL;
}
