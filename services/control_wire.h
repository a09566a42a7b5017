/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages between a node's server and programs: their heads, in little endian. A request has an id
 * of the client's choice, which all answers to it carry. Publications and subscriptions are named
 * by the ids of the requests that made them; a second one of an id that is in use is refused with
 * -EEXIST. A subscription is over with its last event (TIMEOUT, OVERRUN), and needs no CANCEL then.
 * Knows no transport, and no body but the fixed ones.
 *
 *	 0 size u32	of the whole message
 *	 4 kind u8	5 flags u8	6 pad
 *	 8 id u32
 *	12 status i32	of answers: 0, or a negative errno
 *	16 body
 *
 * A client begins with HELLO and gets HELLO; anything else in its place ends the connection, and so
 * does a message that breaks these rules, after an answer that says so.
 */
#ifndef SINEW_SERVICES_CONTROL_WIRE_H
#define SINEW_SERVICES_CONTROL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_VERSION		1u
#define CONTROL_HEAD		16u
#define CONTROL_MAX		65536u	/* a message */
#define CONTROL_BODY_MAX	(CONTROL_MAX - CONTROL_HEAD)
#define CONTROL_HELLO_ASK	4u	/* body: version u32 */
#define CONTROL_HELLO_ANSWER	24u	/* version u32, nodeid u32, incarnation u64, epoch u64 */
#define CONTROL_NAMED		4u	/* CANCEL, WITHDRAW: id u32 of the request that began it */
#define CONTROL_PUB		4u	/* PUBLISHED: pub u32 */
#define CONTROL_NEWEST		8u	/* EVENTS: index u64 of the log's end, then the events */

/* Answers have the bit CONTROL_ANSWER, and the kind of what was asked. */
#define CONTROL_ANSWER		0x80u
enum control_kind {
	CONTROL_HELLO = 1,
	CONTROL_ASK,		/* body: JSON; the answer comes in pieces */
	CONTROL_SUBSCRIBE,	/* body: struct topo_request */
	CONTROL_CANCEL,
	CONTROL_PUBLISH,	/* body: a publication */
	CONTROL_WITHDRAW,
	CONTROL_EVENTS,		/* as an answer alone: of the subscription id */
};

/* Flags. */
#define CONTROL_MORE		1u	/* of an answer: a piece of it, and not the last */
#define CONTROL_QUIET		2u	/* of PUBLISH, WITHDRAW: an answer only if it fails */

struct control_head {
	uint32_t size, id;
	uint8_t kind, flags;
	int32_t status;
};

struct control_hello {
	uint32_t version, nodeid;
	uint64_t incarnation, epoch;
};

void control_put_head(uint8_t *p, const struct control_head *head);
/* Of a message of n bytes. False: it has not the size that it says, or is none. */
bool control_get_head(const uint8_t *p, size_t n, struct control_head *ret_head);

void control_put_hello(uint8_t p[CONTROL_HELLO_ANSWER], const struct control_hello *hello);
void control_get_hello(const uint8_t p[CONTROL_HELLO_ANSWER], struct control_hello *ret_hello);

#endif
