/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a link, one end of a connection: control frames, writing, timers. Knows nothing of
 * the meaning of frames.
 */
#ifndef SINEW_PROTO_LINK_H
#define SINEW_PROTO_LINK_H

#include "link_state.h"
#include "list.h"
#include "path.h"
#include "session.h"
#include "span.h"
#include "wire.h"

struct core;
struct peer;

#define LINK_CTL_MAX 1024u	/* control frames that wait on one link */

enum link_use {
	LINK_FOR_SESSION,
	LINK_BESIDE,		/* the same, dialled while another link was up (R4, R7) */
	LINK_FOR_PROBES,	/* dialled for them */
};

/* Requests for the caller that core_poll() is to give out. */
enum link_wants { LINK_WANTS_TX = 1, LINK_WANTS_ASK = 2 };

enum link_shut {
	LINK_RESET,		/* abortive: RST, nothing more is sent */
	LINK_ORDERLY,		/* write what link_gather() still has, shut, wait for EOF */
};

/* Why the core has ended a link, where that was a failure. */
enum link_why {
	LINK_WHY_NONE,		/* in order, replaced, no longer needed */
	LINK_WHY_CONNECT,	/* the attempt took too long */
	LINK_WHY_HELLO,		/* no HELLO, or not admitted, within its time */
	LINK_WHY_PROBE,		/* no answer to a probe */
	LINK_WHY_SILENT,	/* up, and nothing came */
	LINK_WHY_STUCK,		/* up, and what came did not go on: a message, the numbers */
	LINK_WHY_VIOLATION,
	LINK_WHY_REFUSED,	/* by us or by the peer, as refusal (enum wire_reason) says */
};

/* Of a link in LINK_PROBE, or on its way there; probe.c has the rules. */
struct link_probe {
	uint64_t cookie, sent_ns;
	uint32_t answered, padded_read;
	uint32_t nodeid;	/* accepted: of the PROBE whose padding comes: */
	uint32_t skip;		/* bytes of it still to be thrown away */
	uint32_t pad_left;	/* dialled: padding to be written behind the control frames */
	bool full;		/* the PROBE under way is padded */
	bool takes_full;	/* the other end knows such */
};

/* Content of our last HELLO on a link. */
struct link_told {
	uint64_t whom;		/* incarnation that it named; 0 = none */
	uint32_t next;		/* position */
	bool leaving;		/* we close: it says so, or a LEAVING behind it */
};

/* One connection's end. Embedded in the caller's connection object. */
struct link {
	struct core *core;
	struct peer *peer;	/* NULL until known */
	struct session *session;	/* only in LINK_UP and LINK_RX_ONLY */
	struct list all;	/* links of the core, the newest first */
	struct list of_peer;	/* links of the peer, the newest first; in none while it is NULL */
	struct list pending;
	unsigned wants;		/* enum link_wants */
	enum link_state state;	/* link_event() alone changes it */
	enum link_shut how;	/* LINK_GONE */
	enum link_why why;	/* the same */
	uint32_t refusal;
	enum link_use use;
	bool dialled;		/* by us */
	bool named;		/* a HELLO on it named our incarnation */
	bool heard;		/* a frame was read since it is up */
	bool progress;		/* data moved since it is up, in any direction */
	bool stuck;		/* the transport is: nothing of ours arrives */
	bool behind;		/* dlm profile: a number before what was read is missing */
	bool said_end;		/* dlm profile: LINK_RX_ONLY that is not written any more */
	unsigned path;		/* index, of a dialled one and once known */
	unsigned n_hellos;
	uint64_t incarnation;		/* the peer's, once a HELLO was read */
	struct link_told told;
	uint32_t challenged;	/* number of the session (peer.epoch) that stood when we
				 * challenged, +1; 0 = never */
	struct path_addr from;	/* address of the other end */
	struct hello held;	/* in LINK_HELD and LINK_GUARDED */
	uint64_t deadline_ns;	/* of the state; CORE_NEVER if none */
	uint64_t last_rx_ns, last_tx_ns, opened_ns, hello_sent_ns;
	uint64_t asked_ns;	/* when the transport was last asked about */
	uint64_t waits_ns;	/* since when it waits for the other kernel; 0: it does not */
	struct link_probe probe;
	size_t stripped;	/* dlm profile, 3.1: bytes of OPTS that the last gather left out */
	size_t gathered_mid;	/* bytes of a frame under way that the last gather put first */
	size_t ctl_len, ctl_off;	/* control frames still to be written */
	uint8_t ctl[LINK_CTL_MAX];
};

enum rx_result {
	RX_MORE,		/* nothing whole left: read on */
	RX_MSG,			/* rx->msg is a message: hand it over, call again */
	RX_CALL,		/* rx->msg is the body of a CALL: the same */
	RX_AGAIN,		/* poll the actions, then call again; at once or later */
	RX_PAUSED,		/* do not read; call again after an action or release */
	RX_BUFFER,		/* provide rx->need bytes by link_provide(), call again */
	RX_GONE,		/* the link is shut: drop the rest, poll the actions */
};

/*
 * A connection attempt that CORE_DIAL or CORE_PROBE asked for begins; the
 * block is provided until CORE_SHUT was polled or link_dead() was called.
 */
void link_dial(struct core *core, struct link *l, struct peer *p, unsigned path, bool probe);
/* The attempt cannot even begin (no descriptor, no such device). */
void link_no_dial(struct core *core, struct peer *p, unsigned path, bool probe);
/* An incoming connection from that address (native). */
void link_accept(struct core *core, struct link *l, const struct path_addr *from);
/* The attempt was answered: nobody listens there (ECONNREFUSED). As link_dead(). */
void link_refused(struct link *l);
/* The connection has ended. eof: in order (FIN), else by an error. Where l->how is LINK_ORDERLY
 * then, the caller ends its side in order as well, else by a reset. */
void link_dead(struct link *l, bool eof);

/*
 * The bytes to write now in at most 5 spans; returns the sum: at most max bytes of data, or
 * the rest of a frame under way, and the control frames that are due. The bytes
 * stay valid until link_sent(). Also for a link that is shut LINK_ORDERLY.
 */
size_t link_gather(struct link *l, struct span out[5], int *ret_n, size_t max);
void link_sent(struct link *l, size_t n);
/* True if link_gather() would give something. */
bool link_wants_tx(struct link *l);

/* A HELLO of its peer was read on it. */
static inline bool link_read_hello(const struct link *l)
{
	return l->state >= LINK_READ && l->state < LINK_GONE;
}

/* A HELLO waits, or a frame for one that another link may bring; nothing is read. */
static inline bool link_is_held(const struct link *l)
{
	return l->state == LINK_HELD || l->state == LINK_GUARDED || l->behind;
}

/* It carries a session, or did to its end. */
static inline bool link_is_up(const struct link *l)
{
	return l->state >= LINK_UP && l->state < LINK_GONE;
}

/* ---- for the other files of the core ---- */

void link_init(struct core *core, struct link *l);
/* One step of the table of link.def with its actions. */
void link_event(struct link *l, enum link_event ev);
void link_shut(struct link *l, enum link_shut how);
/* It broke or ran out of time: accounts for the failure, then shuts it. */
void link_lost(struct link *l, bool eof);
/* Timers (timers.def). */
void link_state_tick(struct link *l);
void link_last_ack_tick(struct link *l);
/* Room for a control frame of at most n bytes, or NULL. */
uint8_t *link_ctl(struct link *l, size_t n);
void link_ctl_done(struct link *l, size_t n);
void link_mark_tx(struct link *l);
void link_put_ack(struct link *l);
/* REFUSE as the last bytes, then an orderly end (a reset when a frame is half written). */
void link_refuse(struct link *l, enum wire_reason reason, uint32_t next, uint32_t gen);
void link_deadline(struct link *l, uint64_t in_ns);
/* Shuts every other link known to lead to l's peer (R5). */
void link_shut_others(struct link *l);
enum rx_result link_fault(struct link *l, const char *detail);
/* Whether its faults count against that session's incarnation: both ends' were named on it. */
bool link_vouches(const struct link *l, const struct session *s);
/* It is known now whose link it is; NULL: the peer is removed. */
void link_belongs_to(struct link *l, struct peer *p);

#endif
