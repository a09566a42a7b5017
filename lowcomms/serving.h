/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tells the service of a node, if it has one, of its sessions, of time and of the end, and its
 * companion of the end alone. Without them, and for sessions that do not take part, each function
 * does nothing. Knows no frame.
 */
#ifndef SINEW_LOWCOMMS_SERVING_H
#define SINEW_LOWCOMMS_SERVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/service.h"

struct companion_ops;
struct link;
struct rx;
struct service_ops;
struct sinew_message;
struct sinew_node;
struct sinew_session;

/* Without a note, a field belongs to the loop thread. */
struct serving {
	const struct companion_ops *companion_ops;	/* constant once peers are known */
	void *companion;		/* the same; NULL: none */
	const struct service_ops *ops;	/* constant once peers are known; NULL: none */
	void *user;			/* the same */
	const struct service_option *options;	/* written under the directory's lock, once; its */
	unsigned n_options;			/* options */
	uint64_t began[SERVICE_OPTIONS_MAX];	/* the same: the values that they began with */
	uint64_t values[SERVICE_OPTIONS_MAX];	/* in force */
	uint64_t deadline_ns;		/* of its next tick; CORE_NEVER: none */
	struct sinew_session *batch;	/* frames of it were handed over, and no batch() yet */
	struct sinew_session *corked;	/* whose senders do not tell of frames: it is answered */
	/* Inside of frame(): whose frames these are. */
	struct link *link;
	struct rx *rx;
	struct sinew_message *frame;
};

/* The loop thread, without a lock. */
void serving_up(struct sinew_session *h);
void serving_frame(struct sinew_session *h, const uint8_t *body, size_t len);
void serving_batch(struct sinew_session *h);
void serving_room(struct sinew_session *h);
void serving_finishing(struct sinew_session *h);
void serving_finished(struct sinew_session *h);
void serving_path(struct sinew_session *h);
/* Its budget is exceeded: inside of the function that keeps. */
void serving_paused(struct sinew_session *h);
/* Its handle is dead. */
void serving_down(struct sinew_session *h);
void serving_tick(struct sinew_node *n);
/* Asks for the time of the next tick. */
void serving_ask(struct sinew_node *n);
void serving_freed(struct sinew_node *n);
/* Of the companion: before all else that sinew_node_free() does, and behind it. */
void serving_stop(struct sinew_node *n, bool forked);
void serving_gone(struct sinew_node *n);

#endif
