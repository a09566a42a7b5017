/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of calls: kinds, flags and limits, one decoder, one encoder. Pure as proto/: no
 * socket, clock, thread, lock, allocation. Knows nothing of slots, windows or sessions, and judges
 * no value: whether a slot exists or a depth is allowed is for the core of calls.
 *
 * A CALL is the body of a sequenced frame (next-command 0x48). Its bytes are little endian and
 * unaligned; padding is written as 0 and not read. A head and, behind some, data:
 *
 *	 0 kind u8, 1 flags u8, 2 slot u16, 4 gen u32
 *	BEGIN	 8 total u64, 16 op u32, 20 deadline_ms u32, 24 after_gen u32, 28 binding u16,
 *		30 after_slot u16, 32 depth u8, padding, 40 data
 *	PIECE	 8 data
 *	REPLY	 8 total u64, 16 service u16, padding, 24 data
 *	ACCEPT	 8 service u16, padding, -16
 *	CREDIT	 8 consumed u32, 12 window u32, -16
 *	ABORT	 8 code u32, padding, -16
 *	END	 8 code u32, 12 service u16, 14 reason u8, 15 seen u8, 16 retry_ms u32, padding, -24
 *	BIND	 8 binding u16, 10 service u16, 12 cred u16, padding, -16; UNBIND, UNCRED alike
 *	CRED	 8 cred u16, 10 cred_kind u16, 12 length u16, 14 extra u16, 16 data
 *	SLOTS	 8 target u16, padding, -16
 *	QUERY	-8
 *	STATE	 8 state u8, padding, 12 age_ms u32, 16 received u32, 20 consumed u32, -24
 *
 * A later version may add flags, which are ignored here, and bytes behind a frame that has no data
 * ("-N" is its least length), which are skipped. It may not add kinds: these need a version of
 * their own, agreed upon in HELLO.
 */
#ifndef SINEW_SERVICES_CALL_WIRE_H
#define SINEW_SERVICES_CALL_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/grant.h"

#define CALL_HEAD		8u	/* bytes that each kind begins with */
#define CALL_HEAD_MAX		40u	/* the most bytes before data */
#define CALL_PIECE_MAX		GRANT_PIECE_MAX	/* data in one frame; of a credential 4096 */
#define CALL_CRED_MAX		4096u
#define CALL_CRED_EXTRA_MAX		128u	/* bytes that the seal adds to a piece */
#define CALL_DEPTH_MAX		7u	/* of a call that was begun for another one, and so on */

#define CALL_TOTAL_UNKNOWN	UINT64_MAX
#define CALL_DEADLINE_NONE	UINT32_MAX
#define CALL_SLOT_NONE		UINT16_MAX	/* after_slot: after no call; slot of ABORT: all */

enum call_kind {
	CALL_BEGIN = 1,		/* a request, with its first piece */
	CALL_PIECE = 2,		/* more of the request; with CALLEE, of the reply */
	CALL_REPLY = 3,		/* the first piece of the reply */
	CALL_ACCEPT = 4,	/* the application has taken the call */
	CALL_CREDIT = 5,	/* what was consumed, and the window behind it */
	CALL_ABORT = 6,		/* by the caller; of CALL_SLOT_NONE: rules are broken, all calls
				 * of both directions are over, and no more is read */
	CALL_END = 7,		/* by the called side */
	CALL_BIND = 8,		/* a number for service and credential */
	CALL_UNBIND = 9,
	CALL_UNCRED = 10,
	CALL_CRED = 11,		/* a number for a credential */
	CALL_SLOTS = 12,	/* how many slots the sender grants from now on */
	CALL_QUERY = 13,	/* what became of the call? */
	CALL_STATE = 14,	/* the answer */
};

#define CALL_MORE		1u	/* data follow in another frame */
#define CALL_UPGRADE		2u
#define CALL_NOWAIT		4u
#define CALL_WANT_ACCEPT	8u
#define CALL_WANT_FINAL		16u	/* REPLY, PIECE: asks for a CREDIT with it, the last one */
#define CALL_ENDLESS		32u	/* BEGIN: a subscription; who closes ends it at once */
#define CALL_CALLEE		128u	/* from the called side, about a call of the receiver */
#define CALL_FLAGS		(CALL_MORE | CALL_UPGRADE | CALL_NOWAIT | CALL_WANT_ACCEPT | \
				 CALL_WANT_FINAL | CALL_ENDLESS | CALL_CALLEE)

/* Why the called side ended a call. */
enum call_reason {
	CALL_END_BUSY = 1,
	CALL_END_ABORTED = 2,
	CALL_END_NO_SERVICE = 3,
	CALL_END_NO_OP = 4,
	CALL_END_CREDENTIAL = 5,
	CALL_END_TOO_BIG = 6,
	CALL_END_CLOSING = 7,
	CALL_END_DEADLINE = 8,
	CALL_END_CONFIRM = 9,	/* answers ABORT */
};

/* How far a call that ended came in the application of the called side. */
enum call_seen {
	CALL_SEEN_NEVER = 0,
	CALL_SEEN_SHOWN = 1,
	CALL_SEEN_FINISHED = 2,
};

/* How far a call is, in STATE. */
enum call_at {
	CALL_AT_UNKNOWN = 0,	/* the called side has no such call, or no more */
	CALL_AT_WAITING = 1,	/* not shown to its application yet */
	CALL_AT_SHOWN = 2,
	CALL_AT_ACCEPTED = 3,	/* ... and said so, or answers */
	CALL_AT_REPLIED = 4,	/* it has given all of the reply */
	CALL_AT_STOPPING = 5,	/* ended there, but not let go */
};

/* One frame; a kind has the fields that the list above names, the others mean nothing. */
struct call_frame {
	uint8_t kind;		/* enum call_kind */
	uint8_t flags;		/* CALL_MORE and so on; never one that is unknown here */
	uint16_t slot;
	uint32_t gen;
	uint64_t total;		/* bytes of the request or reply, or CALL_TOTAL_UNKNOWN */
	uint32_t op;
	uint32_t deadline_ms;	/* from arrival on, or CALL_DEADLINE_NONE */
	uint32_t after_gen;
	uint16_t after_slot;	/* or CALL_SLOT_NONE */
	uint16_t binding;
	uint16_t service;
	uint16_t cred, cred_kind;
	uint16_t extra;		/* bytes that the seal adds to each piece */
	uint16_t target;
	uint8_t depth;
	uint8_t reason;		/* enum call_reason, or a later one */
	uint8_t seen;		/* enum call_seen, or a later one */
	uint8_t state;		/* enum call_at, or a later one */
	uint32_t code;
	uint32_t retry_ms;
	uint32_t consumed;	/* bytes of the call's direction, modulo 2^32 */
	uint32_t received;
	uint32_t window;
	uint32_t age_ms;
	const uint8_t *data;	/* BEGIN, PIECE, REPLY, CRED: inside of the parsed bytes */
	uint32_t n_data;
};

/*
 * Parses the body of a CALL frame, len bytes (at most 65535). Nothing is copied: ret->data leads
 * into the body; NULL and 0 for a kind without data. Fields that the kind does not have stay as
 * they were.
 * Returns 0, or -EBADMSG: an unknown kind, fewer bytes than the kind has, a credential longer than
 * its frame, BEGIN, ABORT or QUERY with CALLEE, or REPLY, ACCEPT, END or STATE without.
 */
int call_parse(const uint8_t *body, size_t len, struct call_frame *ret);

/*
 * Writes what comes before the data: f->kind with its fields, flags, slot and gen. CALLEE is the
 * caller's to set, as in call_parse(). f->data is not read; f->n_data only in CRED.
 * Returns the number of bytes, CALL_HEAD_MAX at most.
 */
size_t call_put(uint8_t *p, const struct call_frame *f);

#endif
