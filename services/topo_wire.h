/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of the topology server: requests, publications, events; one decoder and one encoder of
 * each. Pure as proto/: no socket, clock, thread, lock, allocation. Knows nothing of who may ask or
 * publish, nor what a server or a subscriber does with it.
 *
 * All is little endian and unaligned; padding is written as 0 and not read. A request:
 *
 *	0 size u16 = 64, 2 version u8 = 1, 3 flags u8, 4 type u32, 8 lower u32, 12 upper u32,
 *	16 node u32, 20 scope u8, 24 timeout_ms u32, 32 usr u64, 40 epoch u64, 48 index u64, -64
 *
 * A publication, as its program offers it:
 *
 *	0 size u16 = 64 + attr_len, 2 version u8 = 1, 4 type u32, 8 lower u32, 12 upper u32,
 *	16 scope u8, 20 attr_len u32, 64 attributes
 *
 * An event:
 *
 *	0 size u16, with the padding, 2 event u8, 3 flags u8, 4 type u32, 8 lower u32, 12 upper u32,
 *	16 node u32, 20 pub u32, 24 incarnation u64, 32 position u64, 40 usr u64, 48 scope u8,
 *	52 attr_len u32, 56 attributes, padded to 8
 *	SNAPSHOT, SNAPSHOT_END	24 epoch u64
 *	SNAPSHOT_END		8 n_skipped u64
 */
#ifndef SINEW_SERVICES_TOPO_WIRE_H
#define SINEW_SERVICES_TOPO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOPO_VERSION		1u
#define TOPO_REQUEST_LEN	64u
#define TOPO_OFFER_HEAD		64u
#define TOPO_EVENT_HEAD		56u
#define TOPO_ATTR_MAX		256u
#define TOPO_OFFER_MAX		(TOPO_OFFER_HEAD + TOPO_ATTR_MAX)
#define TOPO_EVENT_MAX		(TOPO_EVENT_HEAD + TOPO_ATTR_MAX)

#define TOPO_TYPE_ANY		UINT32_MAX	/* of a request, with the whole range */
#define TOPO_TIMEOUT_NONE	UINT32_MAX
#define TOPO_SKIPPED_UNKNOWN	UINT64_MAX

/* Types below TOPO_TYPE_FIRST are the library's. */
enum topo_type {
	TOPO_NODE = 0,		/* instance: nodeid; here its session is, or this node */
	TOPO_TOPOLOGY = 1,	/* reserved */
	TOPO_LINK = 2,		/* nodeid; the session has a link */
	TOPO_REACH = 3,		/* nodeid; the publisher has a session with it */
	TOPO_SERVICE = 4,	/* id; the publisher serves such calls */
	TOPO_OPTION = 5,	/* index of the option; its last change */
	TOPO_TYPE_FIRST = 64,
};

enum topo_scope {
	TOPO_SCOPE_ANY = 0,	/* of a request */
	TOPO_SCOPE_NODE = 1,
	TOPO_SCOPE_CLUSTER = 2,
};

/* Flags of a request. */
#define TOPO_REQ_EDGE		1u	/* the first and the last of a range count, there */
#define TOPO_REQ_STRICT		2u	/* no snapshot in place of events: OVERRUN ends it */
#define TOPO_REQ_RESUME		4u	/* from the position on */
#define TOPO_REQ_OWN		8u	/* only publications of the server's own node */
#define TOPO_REQ_FLAGS		(TOPO_REQ_EDGE | TOPO_REQ_STRICT | TOPO_REQ_RESUME | TOPO_REQ_OWN)

enum topo_what {
	TOPO_PUBLISHED = 1,
	TOPO_WITHDRAWN = 2,
	TOPO_TIMEOUT = 3,	/* the time is over, and the subscription */
	TOPO_SNAPSHOT = 4,	/* the whole state follows, as PUBLISHED, in place of events */
	TOPO_SNAPSHOT_END = 5,	/* that was all of it */
	TOPO_OVERRUN = 6,	/* events are lost, and the strict subscription is over */
};

/* Flags of an event. */
#define TOPO_EV_GROUP		1u	/* the next one belongs to the same change */
#define TOPO_EV_OF_SNAPSHOT	2u

struct topo_name {
	uint32_t type, lower, upper;	/* lower <= upper */
};

/* In the log of a server, in its life named epoch: behind the entries before index. */
struct topo_position {
	uint64_t epoch, index;
};

struct topo_request {
	uint8_t flags;		/* TOPO_REQ_ */
	uint8_t scope;		/* enum topo_scope */
	struct topo_name name;	/* all that overlaps */
	uint32_t node;		/* the publisher; 0: any */
	uint32_t timeout_ms;	/* 0: what is there now; TOPO_TIMEOUT_NONE */
	uint64_t usr;		/* the subscriber's, comes back in each event */
	struct topo_position from;	/* with RESUME */
};

struct topo_offer {
	struct topo_name name;
	uint8_t scope;		/* NODE or CLUSTER */
	uint16_t attr_len;
	const uint8_t *attr;	/* parsed: inside of the bytes */
};

struct topo_event {
	uint8_t what;		/* enum topo_what */
	uint8_t flags;		/* TOPO_EV_ */
	uint8_t scope;		/* PUBLISHED, WITHDRAWN, as all down to incarnation */
	uint16_t attr_len;
	struct topo_name name;
	uint32_t node, pub;
	uint64_t incarnation;	/* SNAPSHOT, SNAPSHOT_END: the epoch of all positions behind */
	uint64_t n_skipped;	/* SNAPSHOT_END: the events of this subscription in whose place
				 * snapshots came since the last whole one; or UNKNOWN: it is not
				 * whole, another one follows */
	uint64_t position;	/* index behind it; of a snapshot: behind what it shows */
	uint64_t usr;
	const uint8_t *attr;	/* parsed: inside of the bytes */
};

/*
 * Parses a request of len bytes.
 * Returns 0; -EBADMSG: not as many bytes as its size says, or another size than 64;
 * -EPROTONOSUPPORT: another version; -EINVAL: an unknown flag or scope, a range upside down, every
 * type but not all of the range.
 */
int topo_request_parse(const uint8_t *p, size_t len, struct topo_request *ret);
/* Writes TOPO_REQUEST_LEN bytes. */
void topo_request_put(uint8_t *p, const struct topo_request *r);

/* A publication of that name and scope, by that node, is one that r asks for; own_node is that of
 * the server that is asked. */
bool topo_request_takes(const struct topo_request *r, const struct topo_name *name, uint8_t scope,
			uint32_t node, uint32_t own_node);

/*
 * Parses what a program offers, len bytes.
 * Returns 0; -EBADMSG: not as many bytes as its sizes say; -EPROTONOSUPPORT: another version;
 * -EMSGSIZE: more attributes than TOPO_ATTR_MAX; -EINVAL: an unknown scope, a range upside down,
 * the type that stands for every type.
 */
int topo_offer_parse(const uint8_t *p, size_t len, struct topo_offer *ret);
/* Writes the head and the attributes. Returns the bytes, TOPO_OFFER_MAX at most. */
size_t topo_offer_put(uint8_t *p, const struct topo_offer *o);

/* Bytes of an event with so many of attributes. */
static inline size_t topo_event_size(size_t attr_len)
{
	return TOPO_EVENT_HEAD + ((attr_len + 7) & ~(size_t)7);
}

/*
 * Parses the first event in len bytes.
 * Returns how many bytes it has; -EAGAIN: more than are there, TOPO_EVENT_MAX at most; -EBADMSG:
 * an unknown event, sizes that contradict each other, a range upside down, an unknown scope.
 */
int topo_event_parse(const uint8_t *p, size_t len, struct topo_event *ret);
/* Returns the bytes that were written, topo_event_size(e->attr_len). */
size_t topo_event_put(uint8_t *p, const struct topo_event *e);

#endif
