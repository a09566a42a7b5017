/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The doings of the application with calls that last: begin, send, accept. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_BEGIN_H
#define SINEW_SERVICES_CALLS_BEGIN_H

#include "calls.h"

struct calls_begin {
	uint16_t binding;
	uint8_t depth;		/* one more than that of the call that it is begun for, else 0 */
	bool nowait;		/* -EAGAIN instead of waiting for a slot */
	bool settle;		/* ENDED after deadline or abort waits for the peer's word */
	bool retry;		/* BUSY does not end it: after a pause, at least as long as the
				 * peer says, it is begun again, unless its deadline is before
				 * that; its request is offered anew upon AGAIN */
	bool want_accept;
	bool endless;		/* calls_finish() of either side ends it */
	bool upgrade;		/* it asks which service the binding has: calls_upgrade.h */
	uint32_t op;
	uint64_t total;		/* of the request, or CALL_TOTAL_UNKNOWN */
	uint64_t deadline_ns;	/* or CALLS_NEVER */
	struct span data;	/* as in call_send() */
	bool last;
	const struct call_ref *after;	/* a call of the peer, to whose application this one is
					 * shown when that has ended there; NULL: none */
	void *user;
};

/*
 * Begins a call in memory of the user's that is in no use.
 * -EAGAIN: no slot is free, and nowait is set or cfg.max_queued wait already; SLOT follows.
 * -ELOOP: too deep. -ESHUTDOWN: one side finishes. -ESTALE: the session is over. -EPROTO: rules
 * were broken. -EMSGSIZE: more data than the total. -EINVAL: last data, and less than the total;
 * upgrade together with after.
 * -EALREADY: upgrade, and the service is known, or another call asks.
 */
int call_begin(struct calls *c, struct call *call, const struct calls_begin *b);

/*
 * Offers data, of the request or the reply: they stay the user's and unchanged until
 * calls_frame_put() has taken them (call_unsent()), or the call has ended or was let go. None with
 * last ends the request or reply.
 * -EAGAIN: some of what was offered before is not taken. -EBUSY: a reply, but the request is not
 * complete and consumed. -EPIPE: the last data were offered before. -ECONNABORTED: the call has
 * ended. -EMSGSIZE, -EINVAL: as call_begin().
 */
int call_send(struct call *call, const void *data, size_t n, bool last);
/* The announced length of a reply, before its first data. */
void call_set_total(struct call *call, uint64_t total);
/* The called side wants FINAL: the caller has consumed all. Before the last data are offered;
 * ENDED waits for it. */
void call_want_final(struct call *call);
/* The application has it: STARTED, if nothing more is known. The caller is told at once if it wants
 * that, else after CALLS_ACCEPT_NS. -EALREADY: it had, or the call has ended. */
int call_accept(struct call *call);
/* The same, and the caller is told at once. -EALREADY: it was told or answered, or it has ended. */
int call_accept_now(struct call *call);

#endif
