/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session with a peer, as the topology has it: its publications, which come by an endless call
 * to it, whose window holds the peer back while we are slow, and its NODE. A call that ends is
 * begun again while the session lasts. Knows nothing of what we publish.
 */
#ifndef SINEW_SERVICES_SERVER_MEMBER_H
#define SINEW_SERVICES_SERVER_MEMBER_H

#include "services/server_base.h"
#include "services/topo_peer.h"

#define MEMBER_SERVICE	1u		/* of calls: the topology */
#define MEMBER_SUBSCRIBE 1u		/* ops of it */
#define MEMBER_STATUS	2u
#define MEMBER_AGAIN_MS	250u		/* first pause before a call is begun again; doubled */
#define MEMBER_AGAIN_MAX_MS	8000u

struct server_member {
	struct bell bell;
	struct list all;
	struct server *s;
	struct sinew_call *call;	/* NULL: none */
	struct topo_peer from;		/* while the session is there */
	uint64_t incarnation;
	uint64_t again_ns;		/* when to call; UINT64_MAX: never, or one is there */
	uint32_t nodeid;
	uint32_t pause_ms;
	uint32_t n_rest;
	bool over;			/* the session is: the call's end is awaited */
	bool useless;			/* the call is, its end is awaited: nothing is read */
	bool full;			/* it publishes too much */
	bool blind;			/* no memory for what it publishes, nor for its NODE */
	_Atomic uint32_t reason;	/* enum sinew_call_reason */
	uint8_t rest[TOPO_EVENT_MAX];	/* the begin of an event */
};

/* A session has begun; attr: of its NODE. NULL: no memory. */
struct server_member *member_begin(struct server *s, uint32_t nodeid, uint64_t incarnation,
				   const char *attr);
/* Its NODE has those attributes. */
void member_describe(struct server_member *m, const char *attr);
/* It is over: all that it published is withdrawn, its NODE last. m is not ours any more. */
void member_end(struct server_member *m);
/* Its bell was rung. True: more of it is there. */
bool member_answer(struct server_member *m);
/* At or after due.members_ns: those whose time has come call again. */
void members_tick(struct server *s, uint64_t now_ns);
/* The node is gone: so is m. */
void member_discard(struct server_member *m);

#endif
