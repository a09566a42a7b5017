/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that talks to corosync and feeds the node: it connects, joins the
 * group, lets the view conclude and tells the node; when corosync is lost it begins
 * anew. Knows nothing of corosync's calls; ipc.c does.
 */
#include "membership/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "membership/config.h"

#define MS		FOLLOW_MS
#define RETRY_NS	(250 * MS)	/* of connecting and joining */
#define NAMES_RETRY_NS	(1000 * MS)	/* of the configuration, without which nothing begins */
#define CHECK_NS	(1000 * MS)	/* between two questions whether corosync answers */
#define GOODBYE_NS	(1000 * MS)	/* it may take so long to come back */
#define WAIT_MAX_MS	60000

/* ---- what the view concludes; lock is held ---- */

static int ask_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation)
{
	return sinew_ask_fence(node, nodeid, incarnation, SINEW_FENCE_FAILED);
}

/* What has become of a life: logged, and told to the node if there is one. */
static void tell_life(struct sinew_corosync *c, const struct view_action *a)
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
	} lives[] = {
		[VIEW_JOINED] = { "joined", sinew_peer_joined },
		[VIEW_LEAVING] = { "leaving", sinew_peer_leaving },
		[VIEW_LEFT] = { "left", sinew_peer_left },
		[VIEW_FAILED] = { NULL, sinew_peer_failed },
		[VIEW_FENCE] = { "needs fencing", ask_fence },
		[VIEW_FENCED] = { "fenced", sinew_peer_failed },
	};
	const bool is_end = a->what == VIEW_FAILED, is_fenced = a->what == VIEW_FENCED;
	/* Held back until it has been fenced, by us or another; but nobody has to be fenced for
	 * a life that its own process gave up. */
	const bool holds = c->setup.hold_failed && a->cause != VIEW_RENEWED;

	follow_log(c, is_end || a->what == VIEW_FENCE ? SINEW_WARNING : SINEW_INFO,
		   "peer=%" PRIu32 " %s incarnation=%016" PRIx64, a->nodeid,
		   is_end ? failed[a->cause] : lives[a->what].text, a->incarnation);
	if (c->node && !(is_end && holds) && !(is_fenced && !holds))
		lives[a->what].tell(c->node, a->nodeid, a->incarnation);
}

static void tell_quorum(struct sinew_corosync *c, bool is_quorate)
{
	follow_log(c, is_quorate ? SINEW_INFO : SINEW_WARNING, "quorum %s",
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
			sinew_peer_add(node, a->nodeid, a->addrs, a->n_addrs);
		break;
	case VIEW_SET_ADDRS:
		/* None is known so far: that is no reason to forget what was. */
		if (node && a->n_addrs)
			sinew_peer_set_addrs(node, a->nodeid, a->addrs, a->n_addrs);
		break;
	case VIEW_REMOVE:
		follow_log(c, SINEW_INFO, "peer=%" PRIu32 " removed from the nodelist", a->nodeid);
		if (node)
			sinew_peer_remove(node, a->nodeid);
		break;
	case VIEW_FENCE:
		if (node)
			tell_life(c, a);
		break;
	case VIEW_JOINED:
	case VIEW_LEAVING:
	case VIEW_LEFT:
	case VIEW_FAILED:
	case VIEW_FENCED:
		tell_life(c, a);
		break;
	case VIEW_QUORUM:
		tell_quorum(c, a->is_quorate);
		break;
	case VIEW_SELF_LOST:
		if (node)
			sinew_self_lost(node);
		else
			follow_wake(c);
		break;
	case VIEW_SEND:
		view_sent(&c->view, c->ipc && !ipc_send(c->ipc, a->bytes, a->len),
			  follow_now_ns());
		break;
	case VIEW_NOTE:
		follow_log(c, a->level, "peer=%" PRIu32 " %s", a->nodeid, a->text);
		break;
	}
}

void follow_conclude(struct sinew_corosync *c)
{
	struct view_action a;

	while (view_poll(&c->view, &a))
		tell(c, &a);
}

/* ---- what corosync says; lock is held ---- */

static void on_group(void *arg, uint32_t own_pid, const struct view_process *now, unsigned n_now,
		     const struct view_gone *gone, unsigned n_gone)
{
	struct sinew_corosync *c = arg;
	unsigned i;

	for (i = 0; i < n_gone; i++)
		follow_log(c, SINEW_DEBUG, "peer=%" PRIu32 " left the process group",
			   gone[i].process.nodeid);
	view_group(&c->view, own_pid, now, n_now, gone, n_gone, follow_now_ns());
	follow_conclude(c);
	c->is_settle_due = true;
}

static void on_group_ring(void *arg, const struct view_ring *ring)
{
	struct sinew_corosync *c = arg;

	view_group_ring(&c->view, ring);
	c->is_settle_due = true;
}

static void on_quorum(void *arg, bool is_quorate, const struct view_ring *ring)
{
	struct sinew_corosync *c = arg;

	follow_log(c, SINEW_DEBUG, "corosync reports quorum=%s for ring=%" PRIx32 ".%" PRIx64,
		   is_quorate ? "yes" : "no", ring->nodeid, ring->seq);
	view_quorum(&c->view, is_quorate, ring);
	c->is_settle_due = true;
}

static void on_message(void *arg, const struct view_process *from, const uint8_t *bytes,
		       size_t len)
{
	struct sinew_corosync *c = arg;

	view_message(&c->view, from, bytes, len);
	follow_conclude(c);
}

static void on_config(void *arg)
{
	struct sinew_corosync *c = arg;

	c->is_config_due = true;
}

static const struct ipc_events events = {
	.group = on_group,
	.group_ring = on_group_ring,
	.quorum = on_quorum,
	.message = on_message,
	.config = on_config,
};

/* ---- connecting ---- */

void follow_say_error(struct sinew_corosync *c, int error, const char *text)
{
	follow_lock(c);
	if (strcmp(c->text, text))
		follow_log(c, SINEW_WARNING, "%s; retrying", text);
	c->error = error;
	snprintf(c->text, sizeof(c->text), "%s", text);
	follow_unlock(c);
}

static void disconnect(struct sinew_corosync *c)
{
	calling(c);
	ipc_close(c->ipc);
	called(c);
	c->ipc = NULL;
	c->has_joined = false;
	c->retry_ns = follow_now_ns() + RETRY_NS;
	if (!c->first)
		nodelist_drop(c);
}

static void try_connect(struct sinew_corosync *c)
{
	char text[256] = "";
	int rc;

	c->retry_ns = follow_now_ns() + RETRY_NS;
	calling(c);
	rc = ipc_open(&events, c, &c->ipc, text, sizeof(text));
	called(c);
	if (rc) {
		follow_say_error(c, rc, rc == -ENOMEM ? "out of memory" : text);
		return;
	}
	if (c->first)
		follow_log(c, SINEW_INFO, "reconnected to corosync");
	if (nodelist_read(c) && !c->first)
		disconnect(c);
}

/* Into the group, as soon as there is a node with an incarnation of its own. */
static void try_join(struct sinew_corosync *c)
{
	int rc;

	if (c->has_joined || !c->has_view || c->view.is_renewing || c->is_closing || c->has_left)
		return;
	calling(c);
	rc = ipc_join(c->ipc, c->group);
	called(c);
	c->has_joined = !rc;
	if (rc)
		c->retry_ns = follow_now_ns() + RETRY_NS;
}

static void lost(struct sinew_corosync *c)
{
	follow_log(c, SINEW_ERROR, "corosync connection lost, all peers are down until it is back");
	follow_lock(c);
	c->status.losses++;
	if (c->has_view) {
		view_lost(&c->view);
		follow_conclude(c);
	}
	follow_unlock(c);
	/* That takes corosync's library a while; its descriptors stay readable until then. */
	disconnect(c);
}

/* ---- the node's own life; lock is held ---- */

static void begin_view(struct sinew_corosync *c)
{
	struct greeting own = { .type = GREETING_HELLO, .nodeid = c->nodeid };
	char err[CONFIG_ERROR_MAX];
	struct sinew_options opt;

	if (c->setup.observe)
		own.type = GREETING_OBSERVER;
	own.began_ms = follow_wall_ms();
	if (c->node)
		own.incarnation = sinew_incarnation(c->node);
	else if (!follow_life(c, &own.incarnation))
		return;
	sinew_options_init(&opt, sizeof(opt));
	if (c->node && !sinew_config_options(c->first, c->nodeid, &opt, err, sizeof(err))) {
		own.n_addrs = opt.n_addrs;
		memcpy(own.addrs, opt.addrs, sizeof(own.addrs));
	}
	view_init(&c->view, &own);
	c->has_view = true;
	if (c->node)
		sinew_quorum(c->node, false);
	nodelist_tell(c);
}

static void take_words(struct sinew_corosync *c)
{
	const uint64_t now = follow_now_ns();
	unsigned i;

	if (c->is_ready && !c->has_view && (c->node || c->setup.observe))
		begin_view(c);
	/* Who has no node to renew is somebody else all the same. */
	if (c->has_view && c->view.is_renewing && !c->node && !c->renewed)
		follow_life(c, &c->renewed);
	if (c->renewed && c->has_view) {
		c->view.own.began_ms = follow_wall_ms();
		view_renewed(&c->view, c->renewed, now);
		follow_conclude(c);
	}
	c->renewed = 0;
	for (i = 0; i < c->n_fenced && c->has_view; i++) {
		view_fenced(&c->view, c->fenced[i].nodeid, c->fenced[i].incarnation, now);
		follow_conclude(c);
	}
	c->n_fenced = 0;
	if (c->wants_close && !c->is_closing && c->has_view) {
		c->is_closing = true;
		view_closing(&c->view, now);
		follow_conclude(c);
	}
}

/* ---- the loop ---- */

static void sleep_until_work(struct sinew_corosync *c)
{
	struct pollfd p[IPC_FDS + 2] = { { .fd = c->wake_fd, .events = POLLIN } };
	uint64_t until = c->has_view ? view_deadline(&c->view) : VIEW_NEVER, now, count;
	int fds[IPC_FDS] = { -1, -1, -1 }, i, ms;

	if (c->ipc)
		ipc_fds(c->ipc, fds);
	for (i = 0; i < IPC_FDS; i++)
		p[i + 1] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	p[i + 1] = (struct pollfd){ .fd = nodelist_fd(c), .events = POLLIN };
	if (nodelist_deadline(c) < until)
		until = nodelist_deadline(c);
	if ((!c->ipc || !c->has_joined) && c->retry_ns < until)
		until = c->retry_ns;
	if (c->ipc && c->check_ns < until)
		until = c->check_ns;
	if (c->leave_ns && !c->has_left && c->leave_ns < until)
		until = c->leave_ns;
	now = follow_now_ns();
	if (until <= now)
		return;
	ms = until - now > WAIT_MAX_MS * MS ? WAIT_MAX_MS : (int)((until - now + MS - 1) / MS);
	poll(p, IPC_FDS + 2, ms);
	if (p[0].revents && read(c->wake_fd, &count, sizeof(count)) < 0)
		return;
}

/* Everything that has come is read before anything is concluded from it. */
static int dispatch(struct sinew_corosync *c)
{
	int rc;

	follow_lock(c);
	rc = c->has_view ? ipc_dispatch(c->ipc) : 0;
	if (!rc && c->is_settle_due) {
		view_settle(&c->view);
		follow_conclude(c);
	}
	c->is_settle_due = false;
	/* Who was told something finds it in the status. */
	follow_publish(c);
	follow_unlock(c);
	return rc;
}

/* It may hang without a word: that is asked for, and seen by who looks at the status. */
static int check(struct sinew_corosync *c)
{
	int rc;

	if (follow_now_ns() < c->check_ns)
		return 0;
	calling(c);
	rc = ipc_check(c->ipc);
	called(c);
	c->check_ns = follow_now_ns() + CHECK_NS;
	return rc;
}

static void turn(struct sinew_corosync *c)
{
	if (!c->ipc && follow_now_ns() >= c->retry_ns)
		try_connect(c);
	follow_lock(c);
	take_words(c);
	follow_unlock(c);
	if (c->ipc && (dispatch(c) || check(c)))
		lost(c);
	if (c->ipc && c->is_config_due)
		nodelist_read(c);
	if (nodelist_tick(c)) {
		disconnect(c);
		c->retry_ns = follow_now_ns() + NAMES_RETRY_NS;
	}
	if (c->ipc && follow_now_ns() >= c->retry_ns)
		try_join(c);
	follow_lock(c);
	if (c->has_view) {
		view_tick(&c->view, follow_now_ns());
		follow_conclude(c);
	}
	follow_publish(c);
	follow_unlock(c);
}

/*
 * Behind the handshakes: the others hear that nothing more will come. Corosync may take a leave
 * before what was sent to the group; so the goodbye has to come back first.
 */
static void try_leave(struct sinew_corosync *c)
{
	const uint64_t now = follow_now_ns();
	bool wants;

	follow_lock(c);
	wants = c->wants_leave || atomic_load(&c->wants_stop);
	/* Both words may have come since the last turn: the goodbye goes first. */
	wants = wants && (!c->wants_close || !c->has_view || c->is_closing);
	follow_unlock(c);
	if (!wants || c->has_left)
		return;
	if (!c->leave_ns)
		c->leave_ns = now + GOODBYE_NS;
	if (c->ipc && c->has_joined && c->is_closing && !c->view.is_goodbye_out &&
	    now < c->leave_ns)
		return;
	c->has_left = true;
	if (!c->ipc || !c->has_joined)
		return;
	calling(c);
	ipc_leave(c->ipc);
	called(c);
}

void *follow_run(void *arg)
{
	struct sinew_corosync *c = arg;

	for (;;) {
		turn(c);
		try_leave(c);
		if (c->has_left && atomic_load(&c->wants_stop))
			break;
		sleep_until_work(c);
	}
	disconnect(c);
	nodelist_drop(c);
	follow_lock(c);
	c->has_ended = true;
	c->status.connected = false;
	c->status.in_group = false;
	pthread_cond_broadcast(&c->changed);
	follow_unlock(c);
	follow_unref(c);
	return NULL;
}
