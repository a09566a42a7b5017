/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames for the ring. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_TX_H
#define SINEW_SERVICES_CALLS_TX_H

#include "calls.h"

struct calls_out {
	uint8_t head[CALL_HEAD_MAX];
	size_t n_head;
	struct span data;	/* behind it; a piece of a credential may be sealed */
	bool bulk;		/* a piece: not when there is much ahead of the socket */
	bool secret;		/* a credential: it is wiped where it lies when nobody needs it */
	struct call *call;	/* whose data these are, or NULL */
	/* For calls_frame_put(). */
	struct call_slot *slot;
	uint8_t what;
	uint16_t binding;	/* or credential */
};

/* There is a frame for the ring. */
static inline bool calls_frame_waits(const struct calls *c)
{
	if (c->rules_due)
		return true;
	return (!list_empty(&c->ready) || !list_empty(&c->dirty) || c->n_binds || c->target_due) &&
		calls_may_send(c);
}

/* Where there is one; for calls_frame_out() alone. */
void calls_frame_make(struct calls *c, struct calls_out *ret);

/* The next frame, in this order: credentials and bindings, states of calls (later ones take the
 * place of earlier ones), pieces, one of each call in turn. Changes nothing until
 * calls_frame_put(). False: none. */
static inline bool calls_frame_out(struct calls *c, struct calls_out *ret)
{
	if (!calls_frame_waits(c))
		return false;
	calls_frame_make(c, ret);
	return true;
}

/* The frame of the last calls_frame_out() is in the ring, up to the position end; no other function
 * came in between. */
void calls_frame_put(struct calls *c, const struct calls_out *out, uint64_t end);

/* The frame that ends all calls of a session, as after broken rules; its length. */
size_t calls_put_rules(uint8_t head[CALL_HEAD_MAX]);

#endif
