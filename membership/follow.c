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

/* ---- what the view concludes ---- */

static void op_add(void *arg, const struct view_node *node)
{
	struct sinew_corosync *c = arg;

	if (c->node)
		sinew_peer_add(c->node, node->nodeid, node->addrs, node->n_addrs);
}

static void op_set_addrs(void *arg, uint32_t nodeid, const struct sockaddr_storage *addrs,
			 unsigned n_addrs)
{
	struct sinew_corosync *c = arg;

	/* None is known so far: that is no reason to forget what was. */
	if (c->node && n_addrs)
		sinew_peer_set_addrs(c->node, nodeid, addrs, n_addrs);
}

static void op_remove(void *arg, uint32_t nodeid)
{
	struct sinew_corosync *c = arg;

	follow_log(c, SINEW_INFO, "peer=%" PRIu32 " removed from the nodelist", nodeid);
	if (c->node)
		sinew_peer_remove(c->node, nodeid);
}

/* Logs what has become of that life, and tells it to the node if there is one, and a way. */
static void pass_on(struct sinew_corosync *c, enum sinew_level level, uint32_t nodeid,
		    uint64_t incarnation, const char *what,
		    int (*tell)(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation))
{
	follow_log(c, level, "peer=%" PRIu32 " %s incarnation=%016" PRIx64, nodeid, what,
		   incarnation);
	if (c->node && tell)
		tell(c->node, nodeid, incarnation);
}

static void op_joined(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	pass_on(arg, SINEW_INFO, nodeid, incarnation, "joined", sinew_peer_joined);
}

static void op_leaving(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	pass_on(arg, SINEW_INFO, nodeid, incarnation, "leaving", sinew_peer_leaving);
}

static void op_left(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	pass_on(arg, SINEW_INFO, nodeid, incarnation, "left", sinew_peer_left);
}

static void op_failed(void *arg, uint32_t nodeid, uint64_t incarnation, enum view_cause cause)
{
	static const char *const what[] = {
		[VIEW_LEAVE] = "failed: left without announcing it",
		[VIEW_PROCDOWN] = "failed: its program or corosync ended",
		[VIEW_NODEDOWN] = "failed: its node is unreachable",
		[VIEW_RENEWED] = "failed: started a new incarnation",
	};
	struct sinew_corosync *c = arg;
	/* Nobody has to be fenced for a life that its own process gave up. */
	const bool is_told = !c->setup.hold_failed || cause == VIEW_RENEWED;

	pass_on(c, SINEW_WARNING, nodeid, incarnation, what[cause],
		is_told ? sinew_peer_failed : NULL);
}

static int ask_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation)
{
	return sinew_ask_fence(node, nodeid, incarnation, SINEW_FENCE_FAILED);
}

static void op_fence(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	struct sinew_corosync *c = arg;

	if (c->node)
		pass_on(c, SINEW_WARNING, nodeid, incarnation, "needs fencing", ask_fence);
}

/* Ours or another's: who waits for that goes on. */
static void op_fenced(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	struct sinew_corosync *c = arg;

	pass_on(c, SINEW_INFO, nodeid, incarnation, "fenced",
		c->setup.hold_failed ? sinew_peer_failed : NULL);
}

static void op_quorum(void *arg, bool is_quorate)
{
	struct sinew_corosync *c = arg;

	follow_log(c, is_quorate ? SINEW_INFO : SINEW_WARNING, "quorum %s",
		   is_quorate ? "gained" : "lost");
	if (c->node)
		sinew_quorum(c->node, is_quorate);
}

static void op_self_lost(void *arg)
{
	struct sinew_corosync *c = arg;

	if (c->node) {
		sinew_self_lost(c->node);
		return;
	}
	/* Who has no node to renew is somebody else all the same. */
	c->is_life_due = true;
	follow_wake(c);
}

static int op_send(void *arg, const void *bytes, size_t len)
{
	struct sinew_corosync *c = arg;

	return c->ipc ? ipc_send(c->ipc, bytes, len) : -EAGAIN;
}

static void op_note(void *arg, enum sinew_level level, uint32_t nodeid, const char *text)
{
	follow_log(arg, level, "peer=%" PRIu32 " %s", nodeid, text);
}

static const struct view_ops ops = {
	.add = op_add,
	.set_addrs = op_set_addrs,
	.remove = op_remove,
	.joined = op_joined,
	.leaving = op_leaving,
	.left = op_left,
	.failed = op_failed,
	.fence = op_fence,
	.fenced = op_fenced,
	.quorum = op_quorum,
	.self_lost = op_self_lost,
	.send = op_send,
	.note = op_note,
};

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
	if (c->has_view)
		view_lost(&c->view);
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
	view_init(&c->view, &ops, c, &own);
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
	if (c->is_life_due && follow_life(c, &c->renewed))
		c->is_life_due = false;
	if (c->renewed && c->has_view) {
		c->view.own.began_ms = follow_wall_ms();
		view_renewed(&c->view, c->renewed, now);
	}
	c->renewed = 0;
	for (i = 0; i < c->n_fenced && c->has_view; i++)
		view_fenced(&c->view, c->fenced[i].nodeid, c->fenced[i].incarnation, now);
	c->n_fenced = 0;
	if (c->wants_close && !c->is_closing && c->has_view) {
		c->is_closing = true;
		view_closing(&c->view, now);
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
	if (!rc && c->is_settle_due)
		view_settle(&c->view);
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
	if (c->has_view)
		view_tick(&c->view, follow_now_ns());
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
