/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node in the main loop of libqb, as daemons of a cluster have one. All of it is inline: the
 * library does not need libqb, a program that includes this does (pkg-config libqb). Conventions
 * as in sinew.h; the thread that runs the loop is the node's loop thread.
 */
#ifndef SINEW_QB_H
#define SINEW_QB_H

#if defined(__has_include)
#if !__has_include(<qb/qbloop.h>)
#error "sinew-qb.h needs libqb: install libqb-dev (libqb-devel), compile with its pkg-config flags"
#endif
#endif

#include <errno.h>
#include <poll.h>
#include <qb/qbdefs.h>
#include <qb/qbloop.h>

#include "sinew.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sinew_qb;

/* The node has left the loop by itself. err: -ESHUTDOWN: it is closed, else the error of
 * sinew_dispatch(). On the loop's thread; node and qb may be released here. */
typedef void (*sinew_qb_ended_fn)(struct sinew_qb *qb, struct sinew_node *node, int err,
				  void *user);

/* The application's memory, zeroed, in place while it is attached. Not to be looked into. */
struct sinew_qb {
	struct sinew_node *node;	/* NULL: not attached */
	qb_loop_t *loop;
	int fd;
	bool inside;			/* its dispatch runs */
	sinew_qb_ended_fn ended;
	void *user;
};

/*
 * Puts the node into the loop, which dispatches it from now on, with medium priority, until it is
 * detached, or closed: then ended is called (NULL: nobody). Before the loop runs, or on its thread.
 * -EINVAL: a pointer is NULL, or own_thread. -EALREADY: qb is attached, or a callback of its node
 * runs. -EEXIST: the node is in that loop already. -ECHILD, other errors of qb_loop_poll_add().
 */
static inline int sinew_qb_attach(struct sinew_qb *qb, struct sinew_node *node, qb_loop_t *loop,
				  sinew_qb_ended_fn ended, void *user);
/* Takes it out, to be done before sinew_node_free(); ended does not come. Also from callbacks;
 * nothing is done if it is not attached. On the loop's thread, or when the loop does not run. */
static inline void sinew_qb_detach(struct sinew_qb *qb);

/* ---- inline ---- */

static inline void sinew_qb_detach(struct sinew_qb *qb)
{
	if (!qb || !qb->node)
		return;
	qb_loop_poll_del(qb->loop, qb->fd);
	qb->node = NULL;
}

/* A negative result tells the loop that the entry is gone: it would be taken up again else. */
static inline int32_t sinew_qb_ready(int32_t fd, int32_t revents, void *data)
{
	struct sinew_qb *qb = (struct sinew_qb *)data;
	struct sinew_node *node = qb->node;
	int err;

	(void)fd, (void)revents;
	qb->inside = true;
	err = sinew_dispatch(node, 0);
	qb->inside = false;
	if (!qb->node)
		return -1;
	if (err >= 0 || err == -EBUSY)
		return 0;
	/* Anything the child of fork() takes out would be the parent's. */
	if (err != -ECHILD)
		sinew_qb_detach(qb);
	qb->node = NULL;
	if (qb->ended)
		qb->ended(qb, node, err, qb->user);
	return -1;
}

static inline int sinew_qb_attach(struct sinew_qb *qb, struct sinew_node *node, qb_loop_t *loop,
				  sinew_qb_ended_fn ended, void *user)
{
	int fd, err;

	if (!qb || !node || !loop)
		return -EINVAL;
	if (qb->node || qb->inside)
		return -EALREADY;
	fd = sinew_get_fd(node);
	if (fd < 0)
		return fd;
	err = qb_loop_poll_add(loop, QB_LOOP_MED, fd, POLLIN, qb, sinew_qb_ready);
	if (err < 0)
		return err;
	qb->node = node;
	qb->loop = loop;
	qb->fd = fd;
	qb->ended = ended;
	qb->user = user;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
