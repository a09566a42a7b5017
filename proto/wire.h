/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of DLM 3.2 and of the native frames: layouts, one bounds-checked
 * reader, one writer, an encoder and a decoder per frame. Knows nothing of
 * sessions, links or time.
 *
 * Everything is little endian and unaligned; frames follow each other without
 * padding. Sources: linux fs/dlm/dlm_internal.h (struct dlm_header, dlm_opts),
 * and the captures in tests/golden.
 */
#ifndef SINEW_PROTO_WIRE_H
#define SINEW_PROTO_WIRE_H

#include "grant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Every packet begins with these 16 bytes (struct dlm_header). */
struct wire_header {
	uint8_t version[4];	/* WIRE_VERSION_3_2 or WIRE_VERSION_3_1 */
	uint8_t u[4];		/* OPTS: seq; ACK: next seq expected; MSG and
				 * RCOM: lockspace; native inner: WIRE_NATIVE */
	uint8_t nodeid[4];	/* of the sender */
	uint8_t length[2];	/* whole packet, this header included */
	uint8_t cmd;		/* enum wire_cmd */
	uint8_t pad;
};

/* An OPTS packet (struct dlm_opts): the envelope of a sequenced packet, and
 * of our own unsequenced ones. The inner packet starts at 24 + optlen. */
struct wire_opts {
	struct wire_header h;
	uint8_t nextcmd;	/* cmd of the inner packet */
	uint8_t pad;
	uint8_t optlen[2];	/* bytes of TLVs before the inner packet */
	uint8_t pad2[4];
};

/* HELLO, inner packet; what its fields mean to a session: SESSION.md. */
struct wire_hello {
	struct wire_header h;
	uint8_t mine[8];	/* sender's incarnation, not 0 */
	uint8_t yours[8];	/* the one it believes to talk to, 0 = none */
	uint8_t next[4];	/* next seq expected; void unless yours is the reader's */
	uint8_t gen[4];
	uint8_t flags;		/* WIRE_HELLO_* */
	uint8_t vmin, vmax, pad;
	uint8_t maxframe[4];
	uint8_t features[8], required[8];
	uint8_t cluster[64];	/* NUL padded; TLVs follow up to h.length */
};

/* REFUSE, inner packet. */
struct wire_refuse {
	struct wire_header h;
	uint8_t mine[8], yours[8];
	uint8_t reason[4];	/* enum wire_reason */
	uint8_t next[4];	/* CLOSED: final expected number */
	uint8_t gen[4];		/* STALE: latest choice of the coordinator */
	uint8_t wait_ms[4];	/* until the next try, a hint */
};

/* STATUS, inner packet: the state of a living link, sent with keep-alives. */
struct wire_status {
	struct wire_header h;
	uint8_t flags[4];	/* WIRE_STATUS_* */
	uint8_t pad[4];
};

/* PROBE and PROBE_REPLY, inner packets: no session, answered by the library. */
struct wire_probe {
	struct wire_header h;
	uint8_t cookie[8];	/* copied into the reply */
	uint8_t cluster[64];	/* TLVs follow up to h.length */
};

#define WIRE_VERSION_3_1	0x00030001u
#define WIRE_VERSION_3_2	0x00030002u
#define WIRE_NATIVE		0x31574e53u	/* "SNW1" in u of a native inner packet */
#define WIRE_NATIVE_VERSION	1		/* vmin and vmax of HELLO today */

#define WIRE_FRAME_MAX		65535u
#define WIRE_HEADER		16u
#define WIRE_OPTS		24u
#define WIRE_FIN		40u		/* OPTS + header */
#define WIRE_MSG_OVERHEAD	40u		/* OPTS + header */
#define WIRE_FRAG_TLV		12u		/* type, length, total, offset */
#define WIRE_FRAG_OVERHEAD	(WIRE_MSG_OVERHEAD + WIRE_FRAG_TLV)
#define WIRE_HELLO_MAX		512u		/* read at most this before HELLO */
#define WIRE_PROBE_HEAD		116u		/* a padded PROBE up to its padding */
#define WIRE_PROBE_MAX		16384u		/* the longest, over any MTU */
#define WIRE_CONTROL_MAX	352u		/* longest control frame we write */
#define WIRE_NAME_MAX		64u		/* cluster and group, NUL included */
#define WIRE_DLM_MAX		4096u		/* longest packet of a kernel */

_Static_assert(sizeof(struct wire_header) == 16, "dlm_header");
_Static_assert(offsetof(struct wire_header, u) == 4, "h_u");
_Static_assert(offsetof(struct wire_header, nodeid) == 8, "h_nodeid");
_Static_assert(offsetof(struct wire_header, length) == 12, "h_length");
_Static_assert(offsetof(struct wire_header, cmd) == 14, "h_cmd");
_Static_assert(sizeof(struct wire_opts) == 24, "dlm_opts");
_Static_assert(offsetof(struct wire_opts, nextcmd) == 16, "o_nextcmd");
_Static_assert(offsetof(struct wire_opts, optlen) == 18, "o_optlen");
_Static_assert(sizeof(struct wire_hello) == 128, "HELLO");
_Static_assert(offsetof(struct wire_hello, mine) == 16, "mine");
_Static_assert(offsetof(struct wire_hello, yours) == 24, "yours");
_Static_assert(offsetof(struct wire_hello, next) == 32, "next");
_Static_assert(offsetof(struct wire_hello, gen) == 36, "gen");
_Static_assert(offsetof(struct wire_hello, flags) == 40, "flags");
_Static_assert(offsetof(struct wire_hello, maxframe) == 44, "maxframe");
_Static_assert(offsetof(struct wire_hello, features) == 48, "features");
_Static_assert(offsetof(struct wire_hello, cluster) == 64, "cluster");
_Static_assert(sizeof(struct wire_refuse) == 48, "REFUSE");
_Static_assert(offsetof(struct wire_refuse, reason) == 32, "reason");
_Static_assert(offsetof(struct wire_refuse, wait_ms) == 44, "wait_ms");
_Static_assert(sizeof(struct wire_status) == 24, "STATUS");
_Static_assert(sizeof(struct wire_probe) == 88, "PROBE");

enum wire_cmd {
	WIRE_MSG = 1,		/* DLM lock message */
	WIRE_RCOM = 2,		/* DLM recovery message */
	WIRE_OPTS_CMD = 3,
	WIRE_ACK = 4,
	WIRE_FIN_CMD = 5,	/* only inside OPTS */
	/* Native, only as the inner command of OPTS. */
	WIRE_DATA = 0x40,	/* sequenced: a whole application message */
	WIRE_HELLO = 0x41,
	WIRE_FRAGMENT = 0x42,	/* sequenced: with a fragment TLV */
	WIRE_REFUSE = 0x43,
	WIRE_LEAVING = 0x44,
	WIRE_PROBE = 0x45,
	WIRE_PROBE_REPLY = 0x46,
	WIRE_STATUS = 0x47,
	WIRE_CALL = 0x48,	/* sequenced: a frame of a service, no application message */
};

/* Reasons of a REFUSE. IDENTITY: that nodeid is not at that address, or is us; CLAIMED: another
 * living program claims it. */
/* X(name, number, cause), the cause for people, where the name alone does not tell. */
#define WIRE_REASONS(X) \
	X(STALE, 1, "") X(FAILED, 2, "") X(CLOSED, 3, "") X(LEAVING, 4, "") \
	X(CLUSTER, 5, " (another cluster_name or group)") \
	X(VERSION, 6, " (no common version of the protocol)") \
	X(FEATURE, 7, " (a required feature is missing)") X(PROTOCOL, 8, "") \
	X(IDENTITY, 9, " (the configurations differ in a nodeid or an address)") \
	X(CLAIMED, 10, " (two programs with one nodeid)")
#define WIRE_REASON_ENUM(name, number, cause) WIRE_REFUSE_ ## name = number,
enum wire_reason { WIRE_REASONS(WIRE_REASON_ENUM) };

#define WIRE_HELLO_CHOSEN	1u	/* from the coordinator only */
#define WIRE_HELLO_LEAVING	2u

#define WIRE_STATUS_RX_PAUSED	1u	/* sender of this does not read data now */
#define WIRE_STATUS_SHORT	2u	/* its queue is short of room: ACK at once */

#define WIRE_PATH_PADDED	1u	/* sender of this reply takes padded PROBEs */
#define WIRE_PATH_LOST		2u	/* large packets of its own are lost on this path */

#define WIRE_FEATURE_SECURITY	1ull	/* reserved: "security required" */
#define WIRE_FEATURE_CALLS	2ull	/* with the TLV: takes CALL frames */
#define WIRE_CALLS_VERSION	1u
#define WIRE_CALLS_TLV		12u	/* bytes of its value, at least */

/* TLVs: type u16, length u16 of the value, value. Unknown types are skipped. */
enum wire_tlv {
	WIRE_TLV_FRAGMENT = 1,	/* total u32, offset u32 */
	WIRE_TLV_GROUP = 2,	/* name, no NUL, at most 63 bytes */
	WIRE_TLV_LIMITS = 3,	/* max_message u32, queue_bytes u32 */
	WIRE_TLV_PATH = 4,	/* behind PROBE_REPLY: flags u32 */
	WIRE_TLV_PADDING = 5,	/* behind PROBE: any bytes, up to the end of the frame */
	WIRE_TLV_CALLS = 6,	/* version u8, pad u8, slots u16, window u32, piece u32 */
};

/* ---- reader and writer: fail closed, nothing beyond the given bytes ---- */

struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;		/* asked for more than there was; sticky */
};

struct writer {
	uint8_t *p;
	size_t left;
	bool full;		/* did not fit; sticky */
};

/* The host's bytes of a little-endian number: itself nearly everywhere. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WIRE_LE(bits, v) (v)
#else
#define WIRE_LE(bits, v) __builtin_bswap ## bits(v)
#endif

static inline uint16_t get_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return WIRE_LE(16, v);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return WIRE_LE(32, v);
}

static inline uint64_t get_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return WIRE_LE(64, v);
}

static inline void put_le16(uint8_t *p, uint16_t v)
{
	v = WIRE_LE(16, v);
	memcpy(p, &v, sizeof v);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	v = WIRE_LE(32, v);
	memcpy(p, &v, sizeof v);
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
	v = WIRE_LE(64, v);
	memcpy(p, &v, sizeof v);
}

/* The next n bytes, or NULL (and bad) when there are fewer. */
const uint8_t *reader_take(struct reader *r, size_t n);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);

uint8_t *writer_take(struct writer *w, size_t n);
void writer_u8(struct writer *w, uint8_t v);
void writer_u16(struct writer *w, uint16_t v);
void writer_u32(struct writer *w, uint32_t v);
void writer_u64(struct writer *w, uint64_t v);
void writer_zero(struct writer *w, size_t n);
void writer_bytes(struct writer *w, const void *p, size_t n);

/* ---- frames ---- */

/* One parsed packet; pointers lead into the parsed bytes. */
struct frame {
	uint32_t version;
	uint32_t u;
	uint32_t nodeid;
	uint16_t length;
	uint8_t cmd;
	uint8_t nextcmd;	/* OPTS only, else 0 */
	uint16_t optlen;	/* OPTS only */
	uint16_t inner_len;	/* OPTS: header of the inner packet included */
	const uint8_t *opts;	/* OPTS: its TLVs */
	const uint8_t *inner;	/* OPTS: the inner packet */
};

/*
 * The framer: length of the frame that begins at p.
 * Returns the length, 0 if fewer than WIRE_HEADER bytes are there, -EBADMSG if the
 * length cannot be (below a header), -EPROTONOSUPPORT if the version's major is not 3.
 * The frame may extend beyond n: the caller waits for the rest.
 */
int frame_length(const uint8_t *p, size_t n);

/*
 * Parses one whole frame of n == frame_length() bytes. Checks outer and inner
 * lengths and the inner command against each other, and optlen.
 * Returns 0, -EBADMSG (lengths, optlen, unknown outer command, inner packet
 * does not fit or contradicts), -EPROTONOSUPPORT (version neither 3.1 nor 3.2).
 */
int frame_parse(const uint8_t *p, size_t n, struct frame *ret);

struct hello {
	uint64_t mine, yours;
	uint32_t next, gen;
	uint8_t flags, vmin, vmax;
	uint32_t maxframe;
	uint64_t features, required;
	uint32_t max_message;	/* 0 = not said */
	uint32_t queue_bytes;	/* 0 = not said */
	struct service_grant calls;	/* slots 0: none, and no WIRE_FEATURE_CALLS */
	char cluster[WIRE_NAME_MAX];
	char group[WIRE_NAME_MAX];
};

struct refuse {
	uint64_t mine, yours;
	uint32_t reason, next, gen, wait_ms;
};

struct probe {
	uint64_t cookie;
	char cluster[WIRE_NAME_MAX];
	uint32_t flags;		/* WIRE_PATH_*; 0 = not said */
};

/* Decoders of a frame whose nextcmd is theirs. 0, or -EBADMSG when fields or
 * TLVs do not fit, a name is not terminated, or the inner u is not native. */
int frame_hello(const struct frame *f, struct hello *ret);
int frame_refuse(const struct frame *f, struct refuse *ret);
int frame_status(const struct frame *f, uint32_t *ret_flags);
int frame_probe(const struct frame *f, struct probe *ret);
/* The same of a padded one, of which the first WIRE_PROBE_HEAD bytes are at p. *ret_f leads
 * nowhere behind them. */
int frame_padded_probe(const uint8_t *p, struct frame *ret_f, struct probe *ret);
/* The fragment TLV of a FRAGMENT frame. -EBADMSG when missing or twice. */
int frame_fragment(const struct frame *f, uint32_t *ret_total, uint32_t *ret_offset);
/* True if the TLVs of an OPTS add up to optlen. */
bool frame_tlvs_ok(const struct frame *f);

/* Encoders. Each returns the number of bytes written to p: a constant, or at most
 * WIRE_CONTROL_MAX (HELLO). */
size_t wire_put_header(uint8_t *p, uint32_t version, uint32_t u, uint32_t nodeid,
		       size_t length, uint8_t cmd);
size_t wire_put_ack(uint8_t *p, uint32_t nodeid, uint32_t next);		/* 16 */
size_t wire_put_fin(uint8_t *p, uint32_t nodeid, uint32_t seq);			/* 40 */
size_t wire_put_hello(uint8_t *p, uint32_t nodeid, const struct hello *h);
size_t wire_put_refuse(uint8_t *p, uint32_t nodeid, const struct refuse *r);	/* 72 */
size_t wire_put_leaving(uint8_t *p, uint32_t nodeid);				/* 40 */
size_t wire_put_status(uint8_t *p, uint32_t nodeid, uint32_t flags);		/* 48 */
size_t wire_put_probe(uint8_t *p, uint32_t nodeid, const struct probe *q,
		      bool reply);				/* 112; 120 with flags */
/* A PROBE of WIRE_PROBE_HEAD to WIRE_PROBE_MAX bytes without its padding, which is to follow:
 * size - WIRE_PROBE_HEAD bytes. */
size_t wire_put_padded_probe(uint8_t *p, uint32_t nodeid, const struct probe *q,
			     size_t size);			/* WIRE_PROBE_HEAD */
/*
 * The headers of a whole message, and of a CALL, are five 64-bit words, what nearly all traffic
 * begins with: wire_put_whole() writes and wire_whole_length() compares them. Two of them depend
 * on the length and differ by a constant.
 */
#define WIRE_MSG_OUTER	((uint64_t)WIRE_OPTS_CMD << 48)
#define WIRE_MSG_INNER(cmd) \
	(((uint64_t)(cmd) << 48) - WIRE_MSG_OUTER - ((uint64_t)WIRE_OPTS << 32))
#define WIRE_MSG_NATIVE	(WIRE_VERSION_3_2 | (uint64_t)WIRE_NATIVE << 32)

/* Whether the WIRE_HEADER bytes at p are an ACK of that sender, and nothing else. */
static inline bool wire_is_ack(const uint8_t *p, uint32_t nodeid)
{
	return get_le32(p) == WIRE_VERSION_3_2 &&
		get_le64(p + 8) ==
		(nodeid | (uint64_t)WIRE_HEADER << 32 | (uint64_t)WIRE_ACK << 48);
}

/* The headers before a body of body_len bytes: WIRE_MSG_OVERHEAD bytes. */
static inline __attribute__((always_inline)) size_t wire_put_whole(uint8_t *p, uint32_t nodeid,
								   uint32_t seq, size_t body_len,
								   enum wire_cmd cmd)
{
	uint64_t outer = ((uint64_t)body_len + WIRE_MSG_OVERHEAD) << 32 | nodeid | WIRE_MSG_OUTER;

	put_le64(p, WIRE_VERSION_3_2 | (uint64_t)seq << 32);
	put_le64(p + 8, outer);
	put_le64(p + 16, cmd);
	put_le64(p + 24, WIRE_MSG_NATIVE);
	put_le64(p + 32, outer + WIRE_MSG_INNER(cmd));
	return WIRE_MSG_OVERHEAD;
}

static inline size_t wire_put_msg(uint8_t *p, uint32_t nodeid, uint32_t seq, size_t body_len)
{
	return wire_put_whole(p, nodeid, seq, body_len, WIRE_DATA);
}

/*
 * The length of the frame whose headers are the WIRE_MSG_OVERHEAD bytes at p, if they are
 * exactly those of a frame of that kind, sender and number; else 0. It may be less than
 * the headers, or more than there is: the caller looks.
 */
static inline __attribute__((always_inline)) uint64_t wire_whole_length(const uint8_t *p,
									uint32_t nodeid,
									uint32_t seq,
									enum wire_cmd cmd)
{
	uint64_t outer = get_le64(p + 8), length = outer - nodeid - WIRE_MSG_OUTER;

	if ((uint32_t)length || get_le64(p + 32) != outer + WIRE_MSG_INNER(cmd) ||
	    get_le64(p) != (WIRE_VERSION_3_2 | (uint64_t)seq << 32) ||
	    get_le64(p + 16) != cmd || get_le64(p + 24) != WIRE_MSG_NATIVE)
		return 0;
	return length >> 32;
}

static inline uint64_t wire_msg_length(const uint8_t *p, uint32_t nodeid, uint32_t seq)
{
	return wire_whole_length(p, nodeid, seq, WIRE_DATA);
}

/* The same for a fragment: WIRE_FRAG_OVERHEAD bytes. */
size_t wire_put_frag(uint8_t *p, uint32_t nodeid, uint32_t seq, size_t body_len,
		     uint32_t total, uint32_t offset);
/* Only the OPTS header before a whole DLM packet of inner_len bytes (24). */
size_t wire_put_opts(uint8_t *p, uint32_t nodeid, uint32_t seq, uint8_t nextcmd,
		     size_t inner_len);

/* "HELLO", "REFUSE", ...; never NULL. */
const char *wire_cmd_name(uint8_t cmd);
const char *wire_reason_name(uint32_t reason);
/* The name, and the cause where the name alone does not tell; never NULL. */
const char *wire_reason_text(uint32_t reason);

#endif
