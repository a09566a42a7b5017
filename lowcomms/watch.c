/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one observer of a node, a membership back-end: what it is told when.
 * Knows nothing of what it makes of that.
 */
#include <errno.h>
#include <string.h>

#include "lowcomms/node.h"

int sinew_watch(struct sinew_node *node, const struct sinew_watch *watch, void *arg)
{
	struct sinew_watch w = { 0 };
	int err = 0;

	if (!node || node->opt.membership == SINEW_MEMBERSHIP_STATIC)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	if (watch && (watch->size < sizeof watch->size || watch->size > sizeof w))
		return -EINVAL;
	if (watch)
		memcpy(&w, watch, watch->size);
	mutex_lock(&node->watch_lock, LOCK_WATCH);
	if (watch && node->watch.size)
		err = -EBUSY;
	else
		node->watch = w;
	if (!err)
		node->watch_arg = arg;
	mutex_unlock(&node->watch_lock, LOCK_WATCH);
	return err;
}

void watch_renewed(struct sinew_node *n, uint64_t incarnation)
{
	mutex_lock(&n->watch_lock, LOCK_WATCH);
	if (n->watch.renewed)
		n->watch.renewed(n->watch_arg, incarnation);
	mutex_unlock(&n->watch_lock, LOCK_WATCH);
}

void watch_closing(struct sinew_node *n)
{
	mutex_lock(&n->watch_lock, LOCK_WATCH);
	if (n->watch.closing)
		n->watch.closing(n->watch_arg);
	mutex_unlock(&n->watch_lock, LOCK_WATCH);
}

void watch_closed(struct sinew_node *n)
{
	mutex_lock(&n->watch_lock, LOCK_WATCH);
	if (n->watch.closed)
		n->watch.closed(n->watch_arg);
	mutex_unlock(&n->watch_lock, LOCK_WATCH);
}
