/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations that depend on the program at the other end: the native profile (native.c) for a
 * node of this library, the dlm profile (dlm_profile.c) for a Linux kernel. Nothing else in the
 * core asks which of them a peer has.
 */
#ifndef SINEW_PROTO_PROFILE_H
#define SINEW_PROTO_PROFILE_H

#include "core.h"

struct rx;

struct profile {
	bool hello;	/* speaks HELLO and REFUSE: can be asked, and told why a link ends */
	bool failover;	/* paths are probed and changed, a stuck link gets another beside it */
	bool prompt;	/* acknowledges soon, and keeps an idle link alive itself */
	bool plain;	/* a message of one frame may take the fast path, in both directions */

	/* Messages are whole DLM packets, which may go without a number, too. Whether that is
	 * one, of len bytes in n parts: 0 or -EINVAL; any thread. NULL: a message is any bytes. */
	int (*packet)(const struct session *s, const struct span *parts, int n, size_t len);
	/* Nothing is sent any more: begins our half of the termination. */
	void (*finish)(struct session *s);

	/* The connection that we dialled stands. */
	void (*connected)(struct link *l);
	/* A session was opened or can be: takes up links that are held. */
	void (*admit)(struct peer *p);
	/* The session is sent on no link: another one may take that over. NULL: none can. */
	void (*send_on_other)(struct peer *p);

	/* Judges the whole frame of n bytes at rx->p. RX_MORE: it is done with. */
	enum rx_result (*frame)(struct link *l, struct rx *rx, size_t n);

	/* The link that sends: a control frame is due; puts those due, data: as data follow. */
	bool (*control_due)(const struct link *l);
	void (*put_control)(struct link *l, bool data);
	/* Fits what the ring has for a write to what the peer reads: have bytes, perhaps none, mid
	 * of them the rest of a frame under way. Returns the length. NULL: it fits. */
	size_t (*gather)(struct link *l, struct span data[3], int *n, size_t have, size_t mid);
	/* n > 0 bytes of that were written. */
	void (*sent)(struct link *l, struct session *s, size_t n);

	/* A link of the session has ended or broken. True: it ends in order on this side as well.
	 * NULL: by a reset, always. */
	bool (*link_over)(struct link *l, bool eof);
	/* How long the link that sends may be without a frame of ours; CORE_NEVER: for ever. */
	uint64_t (*keepalive_ns)(const struct session *s);
	/* Nothing was read for so long. True: that needs no more, or was dealt with. */
	bool (*silent)(struct session *s, struct link *l, uint64_t silent_ns);
};

extern const struct profile profile_native, profile_dlm;

#endif
