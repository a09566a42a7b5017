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
#include "lowcomms/option_set.h"
#include "lowcomms/overview.h"
#include "lowcomms/reach.h"
#include "lowcomms/sinew-test.h"

/* ---- queueing ---- */

int command_begin(struct sinew_node *n, enum command_kind kind, uint32_t nodeid,
		  struct command **ret)
{
	struct command *c;

	if (!n)
		return -EINVAL;
	if (node_forked(n))
		return -ECHILD;
	c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->kind = kind;
	c->nodeid = nodeid;
	*ret = c;
	directory_lock(&n->directory);
	return 0;
}

int command_end(struct sinew_node *n, struct command *c, int err)
{
	lock_order_held(LOCK_DIRECTORY);
	assert(!c->next);
	if (!err) {
		inbox_command(&n->inbox, c);
		loop_wake(&n->loop);
	}
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

/* A member with its first session, in no table. */
static int member_new(struct sinew_node *n, uint32_t nodeid, const struct sockaddr_storage *addrs,
		      unsigned n_addrs, struct sinew_session **ret_spare, struct member **ret)
{
	struct member *m = calloc(1, sizeof *m);
	int err = m ? take_addrs(n, addrs, n_addrs, m->addrs) : -ENOMEM;

	if (!err && atomic_load(&n->closing.asked))
		err = -ESHUTDOWN;
	if (err)
		goto fail;
	*ret_spare = handle_new(n, nodeid);
	if (!*ret_spare) {
		/* On 32 bits a few dozen queues of the default size are all that there is. */
		log_line(&n->log, SINEW_ERROR, "peer=%u "
			 "not added: no memory or address space for its queue of "
			 "%zu KiB; set a smaller queue_bytes", (unsigned)nodeid,
			 n->ring_bytes / 1024);
		err = -ENOMEM;
		goto fail;
	}
	m->nodeid = nodeid;
	m->n_addrs = n_addrs;
	list_init(&m->table);
	list_init(&m->leaving);
	*ret = m;
	return 0;
fail:
	free(m);
	return err;
}

int sinew_peer_add(struct sinew_node *node, uint32_t nodeid, const struct sockaddr_storage *addrs,
		   unsigned n_addrs)
{
	struct sinew_session *spare;
	struct command *c;
	struct member *m;
	int err;

	if (!node || !nodeid || nodeid > INT32_MAX || nodeid == node->opt.nodeid)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	err = member_new(node, nodeid, addrs, n_addrs, &spare, &m);
	if (err)
		return err;
	err = command_begin(node, COMMAND_ADD, nodeid, &c);
	if (!err) {
		c->member = m;
		c->spare = spare;
		/* Into the table and the queue in one step, so that both have the same order. */
		err = command_end(node, c, directory_add(&node->directory, m,
						node->managed.asked.node.max_peers));
	}
	if (err) {
		sinew_session_unref(spare);
		free(m);
	}
	return err;
}

int sinew_peer_set_addrs(struct sinew_node *node, uint32_t nodeid,
			 const struct sockaddr_storage *addrs, unsigned n_addrs)
{
	struct command *c;
	struct member *m;
	int err = command_begin(node, COMMAND_ADDRS, nodeid, &c);

	if (err)
		return err;
	m = directory_find(&node->directory, nodeid);
	if (!m || m->closing)
		err = m ? -ESHUTDOWN : -ENOENT;
	else
		err = n_addrs ? take_addrs(node, addrs, n_addrs, c->addrs) : -EINVAL;
	if (!err) {
		c->n_addrs = n_addrs;
		m->asked = c;
	}
	return command_end(node, c, err);
}

int sinew_peer_set_dial(struct sinew_node *node, uint32_t nodeid, enum sinew_dial dial)
{
	const bool never = dial == SINEW_DIAL_NEVER;
	struct command *c;
	struct member *m;
	int err;

	if (!node || (!never && dial != SINEW_DIAL_ALWAYS) ||
	    node->opt.profile == SINEW_PROFILE_DLM)
		return -EINVAL;
	err = command_begin(node, COMMAND_DIAL, nodeid, &c);
	if (err)
		return err;
	c->yes = never;
	m = directory_find(&node->directory, nodeid);
	if (m)
		m->never_dial = never;
	return command_end(node, c, m ? 0 : -ENOENT);
}

int sinew_peer_remove(struct sinew_node *node, uint32_t nodeid)
{
	struct command *c;
	int err = command_begin(node, COMMAND_REMOVE, nodeid, &c);

	if (err)
		return err;
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
	m = directory_find(&node->directory, nodeid);
	if (m)
		directory_close(&node->directory, m);
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
	if (!node || node->opt.profile == SINEW_PROFILE_DLM)
		return -EINVAL;
	return tell_incarnation(node, COMMAND_LEAVING, nodeid, incarnation);
}

/* For the core it is what a peer says that leaves: nothing is waited for but its FIN. */
int sinew_peer_released(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation)
{
	if (!node || node->opt.profile != SINEW_PROFILE_DLM)
		return -EINVAL;
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
	int err = incarnation ? command_begin(node, COMMAND_FENCE, nodeid, &c) : -EINVAL;

	if (err)
		return err;
	c->incarnation = incarnation;
	c->fence = reason;
	return command_end(node, c, nodeid ? 0 : -ENOENT);
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

static const struct profile *node_profile(const struct sinew_node *n)
{
	return n->opt.profile == SINEW_PROFILE_DLM ? &profile_dlm : &profile_native;
}

static void run_add(struct sinew_node *n, struct command *c)
{
	struct member *m = c->member;
	struct member *former = directory_take_former(&n->directory, m->nodeid);
	struct path_addr addrs[SINEW_ADDRS_MAX];

	assert(!m->in_core && c->spare && !c->spare->member);
	for (unsigned i = 0; i < m->n_addrs; i++)
		addr_to_path(&m->addrs[i], &addrs[i]);
	peer_add(&n->core, &m->peer, m->nodeid, node_profile(n), addrs, m->n_addrs);
	if (former)
		peer_remember(&m->peer, &former->peer.tombstones);
	m->in_core = true;
	member_free(former);
	reach_addrs(n, m);
	peer_provide(&m->peer, &c->spare->session);
	c->spare = NULL;
	watch_peer(&n->managed.observers, m->nodeid);
}

static void run_addrs(struct sinew_node *n, const struct command *c, struct member *m)
{
	struct path_addr addrs[SINEW_ADDRS_MAX];

	assert(c->n_addrs && m->in_core);
	for (unsigned i = 0; i < c->n_addrs; i++)
		addr_to_path(&c->addrs[i], &addrs[i]);
	peer_addrs(&m->peer, addrs, c->n_addrs);
	directory_lock(&n->directory);
	memcpy(m->addrs, c->addrs, sizeof m->addrs);
	m->n_addrs = c->n_addrs;
	reach_show(m);
	directory_unlock(&n->directory);
	reach_addrs(n, m);
	watch_peer(&n->managed.observers, m->nodeid);
}

/* The command is freed. */
static void addrs_were_run(struct sinew_node *n, const struct command *c)
{
	struct member *m;

	assert(c->kind == COMMAND_ADDRS);
	directory_lock(&n->directory);
	m = directory_find(&n->directory, c->nodeid);
	if (m && m->asked == c)
		m->asked = NULL;
	directory_unlock(&n->directory);
}

static void run_quorum(struct sinew_node *n, bool quorate)
{
	bool is_other = n->core.quorate != quorate;

	core_quorum(&n->core, quorate);
	if (!is_other)
		return;
	overview_show(n);
	watch_quorum(&n->managed.observers, quorate);
}

/* Both sides may say so: then this line is all that tells why nothing happens. */
static void run_dial(struct sinew_node *n, struct peer *p, bool never)
{
	if (never && !p->never_dial)
		log_line(&n->log, SINEW_INFO, "peer=%u is never dialled from here, as configured: "
			 "there is a link when it dials this node", (unsigned)p->nodeid);
	peer_set_never_dial(p, never);
}

static void run_command(struct sinew_node *n, struct command *c)
{
	struct peer *p = c->nodeid ? peer_find(&n->core, c->nodeid) : NULL;

	assert(!n->handover.msg);
	assert(c->incarnation || c->kind < COMMAND_JOINED || c->kind > COMMAND_LEFT);
	if (p && p->session)
		handle_touch(n, handle_of(p->session));
	switch (c->kind) {
	case COMMAND_ADD:
		run_add(n, c);
		break;
	case COMMAND_ADDRS:
		if (p)
			run_addrs(n, c, container_of(p, struct member, peer));
		addrs_were_run(n, c);
		break;
	case COMMAND_REMOVE:
		member_remove(n, c->member);
		break;
	case COMMAND_JOINED:
		if (p)
			peer_added(p, c->incarnation);
		break;
	case COMMAND_LEAVING:
		if (p)
			peer_leaving(p, c->incarnation);
		break;
	case COMMAND_LEFT:
		if (p)
			peer_left(p, c->incarnation);
		break;
	case COMMAND_FAILED:
		if (p)
			peer_failed(p, c->incarnation);
		break;
	case COMMAND_FENCE:
		node_fence(n, c->nodeid, c->incarnation, c->fence);
		break;
	case COMMAND_QUORUM:
		run_quorum(n, c->yes);
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
	case COMMAND_DIAL:
		if (p)
			run_dial(n, p, c->yes);
		break;
	case COMMAND_OPTIONS:
		options_run(n, c->options);
		break;
	case COMMAND_NAME:
		if (p || c->nodeid == n->opt.nodeid)
			watch_peer(&n->managed.observers, c->nodeid);
		break;
	}
	/* Its consequences are told before the next one. */
	node_actions(n);
}

void commands_run(struct sinew_node *n, struct command *list)
{
	assert(loop_is_inside(&n->loop));
	while (list) {
		struct command *c = list;

		list = c->next;
		run_command(n, c);
		free(c->options);
		free(c);
	}
}
