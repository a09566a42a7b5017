/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/watch.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/node.h"

/* ---- who observes; lock ---- */

static struct observer *find(struct observers *o, const void *arg)
{
	lock_order_held(LOCK_WATCH);
	assert(o->n <= SINEW_WATCHES_MAX);
	for (struct observer *w = o->all; w < o->all + o->n; w++)
		if (w->arg == arg)
			return w;
	return NULL;
}

static int add(struct observers *o, const struct sinew_watch *watch, void *arg)
{
	if (find(o, arg))
		return -EBUSY;
	if (o->n == SINEW_WATCHES_MAX)
		return -ENOSPC;
	o->all[o->n++] = (struct observer) { .watch = *watch, .arg = arg };
	return 0;
}

/* The others keep their order. */
static void drop(struct observers *o, const void *arg)
{
	struct observer *w = find(o, arg);

	if (!w)
		return;
	o->n--;
	memmove(w, w + 1, (size_t)(o->all + o->n - w) * sizeof *w);
}

int sinew_watch(struct sinew_node *node, const struct sinew_watch *watch, void *arg)
{
	struct sinew_watch w = { 0 };
	int err = 0;

	if (!node)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	if (watch && (watch->size < sizeof watch->size || watch->size > sizeof w))
		return -EINVAL;
	if (watch)
		memcpy(&w, watch, watch->size);
	lock_take(&node->managed.observers.lock, LOCK_WATCH);
	if (watch)
		err = add(&node->managed.observers, &w, arg);
	else
		drop(&node->managed.observers, arg);
	lock_give(&node->managed.observers.lock, LOCK_WATCH);
	return err;
}

/* ---- telling ---- */

/* For each of them that has the function: calls it with its arg, and these. */
#define TELL(o, function, ...) \
	do { \
		lock_take(&(o)->lock, LOCK_WATCH); \
		for (struct observer *w = (o)->all; w < (o)->all + (o)->n; w++) \
			if (w->watch.function) \
				w->watch.function(__VA_ARGS__); \
		lock_give(&(o)->lock, LOCK_WATCH); \
	} while (0)

void watch_renewed(struct observers *o, uint64_t incarnation)
{
	assert(incarnation);
	TELL(o, renewed, w->arg, incarnation);
}

void watch_closing(struct observers *o)
{
	TELL(o, closing, w->arg);
}

void watch_closed(struct observers *o)
{
	TELL(o, closed, w->arg);
}

void watch_session_up(struct observers *o, uint32_t nodeid, uint64_t incarnation)
{
	assert(nodeid && incarnation);
	TELL(o, session_up, w->arg, nodeid, incarnation);
}

void watch_session_down(struct observers *o, uint32_t nodeid, uint64_t incarnation,
			enum sinew_down reason)
{
	assert(nodeid && incarnation && reason);
	TELL(o, session_down, w->arg, nodeid, incarnation, reason);
}

void watch_link(struct observers *o, uint32_t nodeid, uint64_t incarnation, bool up)
{
	assert(nodeid && incarnation);
	TELL(o, link, w->arg, nodeid, incarnation, up);
}

void watch_peer(struct observers *o, uint32_t nodeid)
{
	assert(nodeid);
	TELL(o, peer, w->arg, nodeid);
}

void watch_quorum(struct observers *o, bool quorate)
{
	TELL(o, quorum, w->arg, quorate);
}

void watch_option(struct observers *o, const char *name)
{
	assert(name && *name);
	TELL(o, option, w->arg, name);
}
