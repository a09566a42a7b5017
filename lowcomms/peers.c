/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/peers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/profile.h"

#include "lowcomms/actions.h"
#include "lowcomms/handle.h"
#include "lowcomms/leave.h"
#include "lowcomms/reach.h"
#include "lowcomms/sinew-test.h"

/* ---- queueing ---- */

static struct command *command_new(enum command_kind kind, uint32_t nodeid)
{
	struct command *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->kind = kind;
	c->nodeid = nodeid;
	return c;
}

/* From here on the command and what it leads to are the loop's, which may have freed them. */
static void command_put(struct sinew_node *n, struct command *c)
{
	lock_order_held(LOCK_DIRECTORY);
	assert(!c->next);
	inbox_command(&n->inbox, c);
	loop_wake(&n->loop);
}

/* The start of every call that leaves a command. */
static int command_begin(struct sinew_node *n, enum command_kind kind, uint32_t nodeid,
			 struct command **ret)
{
	if (!n)
		return -EINVAL;
	if (node_forked(n))
		return -ECHILD;
	*ret = command_new(kind, nodeid);
	return *ret ? 0 : -ENOMEM;
}

/* Hands the command over, or frees it after an error. Gives the directory's lock back. */
static int command_end(struct sinew_node *n, struct command *c, int err)
{
	lock_order_held(LOCK_DIRECTORY);
	if (!err)
		command_put(n, c);
	directory_unlock(&n->directory);
	if (err)
		free(c);
	return err;
}

/* Checks and completes the addresses of a peer. */
static int take_addrs(const struct sinew_node *n, const struct sockaddr_storage *addrs,
		      unsigned n_addrs, struct sockaddr_storage *ret)
{
	if ((!addrs && n_addrs) || n_addrs > SINEW_ADDRS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < n_addrs; i++) {
		ret[i] = addrs[i];
		addr_normalize(&ret[i]);
		if (!addr_len(&ret[i]) || addr_is_any(&ret[i]) || addr_lacks_scope(&ret[i]))
			return -EINVAL;
		if (!addr_port(&ret[i]))
			addr_set_port(&ret[i], n->opt.port);
	}
	return 0;
}

/* ---- the calls ---- */

/* Into the table and the queue in one step, so that both have the same order. */
static int publish_member(struct sinew_node *n, struct member *m, struct command *c)
{
	int err;

	assert(c->member == m && c->kind == COMMAND_ADD);
	directory_lock(&n->directory);
	err = directory_add(&n->directory, m, n->opt.max_peers);
	if (!err)
		command_put(n, c);
	directory_unlock(&n->directory);
	return err;
}

int sinew_peer_add(struct sinew_node *node, uint32_t nodeid, const struct sockaddr_storage *addrs,
		   unsigned n_addrs)
{
	struct sockaddr_storage taken[SINEW_ADDRS_MAX];
	struct command *c;
	struct member *m;
	int err;

	if (!node || !nodeid || nodeid > INT32_MAX || nodeid == node->opt.nodeid)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	err = take_addrs(node, addrs, n_addrs, taken);
	if (err)
		return err;
	if (atomic_load(&node->closing.asked))
		return -ESHUTDOWN;
	m = calloc(1, sizeof *m);
	c = command_new(COMMAND_ADD, nodeid);
	if (!m || !c) {
		err = -ENOMEM;
		goto fail;
	}
	c->spare = handle_new(node, nodeid);
	if (!c->spare) {
		/* On 32 bits a few dozen queues of the default size are all that there is. */
		log_line(&node->log, SINEW_ERROR, "peer=%u "
			 "not added: no memory or address space for its queue of "
			 "%zu KiB; set a smaller queue_bytes", (unsigned)nodeid,
			 node->ring_bytes / 1024);
		err = -ENOMEM;
		goto fail;
	}
	c->member = m;
	m->nodeid = nodeid;
	list_init(&m->table);
	list_init(&m->leaving);
	memcpy(m->addrs, taken, sizeof taken[0] * n_addrs);
	m->n_addrs = n_addrs;
	err = publish_member(node, m, c);
	if (!err)
		return 0;
fail:
	if (c)
		sinew_session_unref(c->spare);
	free(c);
	free(m);
	return err;
}

int sinew_peer_set_addrs(struct sinew_node *node, uint32_t nodeid,
			 const struct sockaddr_storage *addrs, unsigned n_addrs)
{
	struct command *c;
	int err;

	err = command_begin(node, COMMAND_ADDRS, nodeid, &c);
	if (err)
		return err;
	err = n_addrs ? take_addrs(node, addrs, n_addrs, c->addrs) : -EINVAL;
	c->n_addrs = n_addrs;
	directory_lock(&node->directory);
	if (!err && !directory_find(&node->directory, nodeid))
		err = -ENOENT;
	return command_end(node, c, err);
}

int sinew_peer_remove(struct sinew_node *node, uint32_t nodeid)
{
	struct command *c;
	int err = command_begin(node, COMMAND_REMOVE, nodeid, &c);

	if (err)
		return err;
	directory_lock(&node->directory);
	c->member = directory_take(&node->directory, nodeid);
	return command_end(node, c, c->member ? 0 : -ENOENT);
}

int sinew_peer_close(struct sinew_node *node, uint32_t nodeid, int linger_ms)
{
	struct command *c;
	struct member *m;
	int err;

	if (linger_ms < 0)
		return -EINVAL;
	err = command_begin(node, COMMAND_CLOSE, nodeid, &c);
	if (err)
		return err;
	c->linger_ns = (uint64_t)linger_ms * 1000000u;
	directory_lock(&node->directory);
	m = directory_find(&node->directory, nodeid);
	if (m)
		m->closing = true;
	if (m && m->handle)
		handle_finish(m->handle);
	return command_end(node, c, m ? 0 : -ENOENT);
}

/* A command about a nodeid that must be known; 0 is nobody in particular. */
static int tell(struct sinew_node *n, enum command_kind kind, uint32_t nodeid,
		uint64_t incarnation, bool yes)
{
	struct command *c;
	int err = command_begin(n, kind, nodeid, &c);

	if (err)
		return err;
	c->incarnation = incarnation;
	c->yes = yes;
	directory_lock(&n->directory);
	return command_end(n, c, nodeid && !directory_find(&n->directory, nodeid) ? -ENOENT : 0);
}

static int tell_incarnation(struct sinew_node *n, enum command_kind kind, uint32_t nodeid,
			    uint64_t incarnation)
{
	if (!n || !incarnation || n->opt.membership == SINEW_MEMBERSHIP_STATIC)
		return -EINVAL;
	return nodeid ? tell(n, kind, nodeid, incarnation, false) : -ENOENT;
}

int sinew_peer_joined(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation)
{
	return tell_incarnation(node, COMMAND_JOINED, nodeid, incarnation);
}

int sinew_peer_leaving(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation)
{
	return tell_incarnation(node, COMMAND_LEAVING, nodeid, incarnation);
}

int sinew_peer_left(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation)
{
	return tell_incarnation(node, COMMAND_LEFT, nodeid, incarnation);
}

int sinew_peer_failed(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation)
{
	return nodeid ? tell(node, COMMAND_FAILED, nodeid, incarnation, false) : -ENOENT;
}

int sinew_ask_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
		    enum sinew_fence_reason reason)
{
	struct command *c;

	if (!node || !incarnation)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	c = nodeid ? command_new(COMMAND_FENCE, nodeid) : NULL;
	if (!c)
		return nodeid ? -ENOMEM : -ENOENT;
	c->incarnation = incarnation;
	c->fence = reason;
	directory_lock(&node->directory);
	command_put(node, c);
	directory_unlock(&node->directory);
	return 0;
}

int sinew_quorum(struct sinew_node *node, bool quorate)
{
	return tell(node, COMMAND_QUORUM, 0, 0, quorate);
}

int sinew_self_lost(struct sinew_node *node)
{
	return tell(node, COMMAND_SELF_LOST, 0, 0, false);
}

int sinew_break(struct sinew_node *node, uint32_t nodeid)
{
	return tell(node, COMMAND_BREAK, nodeid, 0, false);
}

/* ---- on the loop ---- */

static void run_add(struct sinew_node *n, struct command *c)
{
	struct member *m = c->member;
	struct member *former = directory_take_former(&n->directory, m->nodeid);
	struct path_addr addrs[SINEW_ADDRS_MAX];

	assert(!m->in_core && c->spare && !c->spare->member);
	for (unsigned i = 0; i < m->n_addrs; i++)
		addr_to_path(&m->addrs[i], &addrs[i]);
	directory_lock(&n->directory);
	peer_add(&n->core, &m->peer, m->nodeid, &profile_native, addrs, m->n_addrs);
	if (former)
		peer_remember(&m->peer, &former->peer.tombstones);
	m->in_core = true;
	directory_unlock(&n->directory);
	free(former);
	reach_addrs(n, m);
	peer_lend(&m->peer, &c->spare->session);
	c->spare = NULL;
}

static void run_addrs(struct sinew_node *n, const struct command *c, struct member *m)
{
	struct path_addr addrs[SINEW_ADDRS_MAX];

	assert(c->n_addrs && m->in_core);
	for (unsigned i = 0; i < c->n_addrs; i++)
		addr_to_path(&c->addrs[i], &addrs[i]);
	directory_lock(&n->directory);
	memcpy(m->addrs, c->addrs, sizeof m->addrs);
	m->n_addrs = c->n_addrs;
	peer_addrs(&m->peer, addrs, c->n_addrs);
	directory_unlock(&n->directory);
	reach_addrs(n, m);
}

static void run_incarnation(struct peer *p, const struct command *c)
{
	assert(c->incarnation || c->kind == COMMAND_FAILED);
	switch (c->kind) {
	case COMMAND_JOINED:
		peer_added(p, c->incarnation);
		break;
	case COMMAND_LEAVING:
		peer_leaving(p, c->incarnation);
		break;
	case COMMAND_LEFT:
		peer_left(p, c->incarnation);
		break;
	case COMMAND_FAILED:
		peer_failed(p, c->incarnation);
		break;
	case COMMAND_ADD:
	case COMMAND_ADDRS:
	case COMMAND_REMOVE:
	case COMMAND_FENCE:
	case COMMAND_QUORUM:
	case COMMAND_SELF_LOST:
	case COMMAND_BREAK:
	case COMMAND_CLOSE:
		break;
	}
}

static void run_command(struct sinew_node *n, struct command *c)
{
	struct peer *p = c->nodeid ? peer_find(&n->core, c->nodeid) : NULL;

	assert(!n->handover.msg);
	switch (c->kind) {
	case COMMAND_ADD:
		run_add(n, c);
		break;
	case COMMAND_ADDRS:
		if (p)
			run_addrs(n, c, container_of(p, struct member, peer));
		break;
	case COMMAND_REMOVE:
		member_remove(n, c->member);
		break;
	case COMMAND_JOINED:
	case COMMAND_LEAVING:
	case COMMAND_LEFT:
	case COMMAND_FAILED:
		if (p)
			run_incarnation(p, c);
		break;
	case COMMAND_FENCE:
		node_calls_back(n);
		if (n->cb.fence_asked)
			n->cb.fence_asked(n, c->nodeid, c->incarnation, c->fence, n->user);
		break;
	case COMMAND_QUORUM:
		core_quorum(&n->core, c->yes);
		break;
	case COMMAND_SELF_LOST:
		node_renew(n);
		break;
	case COMMAND_BREAK:
		if (p || !c->nodeid)
			conns_break(n, p);
		break;
	case COMMAND_CLOSE:
		if (p)
			leave_begin(n, container_of(p, struct member, peer), c->linger_ns);
		break;
	}
	/* Its consequences are told before the next one. */
	node_actions(n, false);
}

void commands_run(struct sinew_node *n, struct command *list)
{
	while (list) {
		struct command *c = list;

		list = c->next;
		run_command(n, c);
		free(c);
	}
}
