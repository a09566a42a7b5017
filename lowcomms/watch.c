/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/watch.h"

#include <assert.h>
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
	lock_take(&node->observer.lock, LOCK_WATCH);
	if (watch && node->observer.watch.size)
		err = -EBUSY;
	else
		node->observer.watch = w;
	if (!err)
		node->observer.arg = arg;
	lock_give(&node->observer.lock, LOCK_WATCH);
	return err;
}

void watch_renewed(struct observer *o, uint64_t incarnation)
{
	assert(incarnation);
	lock_take(&o->lock, LOCK_WATCH);
	if (o->watch.renewed)
		o->watch.renewed(o->arg, incarnation);
	lock_give(&o->lock, LOCK_WATCH);
}

void watch_closing(struct observer *o)
{
	lock_take(&o->lock, LOCK_WATCH);
	if (o->watch.closing)
		o->watch.closing(o->arg);
	lock_give(&o->lock, LOCK_WATCH);
}

void watch_closed(struct observer *o)
{
	lock_take(&o->lock, LOCK_WATCH);
	if (o->watch.closed)
		o->watch.closed(o->arg);
	lock_give(&o->lock, LOCK_WATCH);
}
