/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages that a Linux kernel's lock manager puts into DLM 3.2 packets:
 * MSG (locks) and RCOM (recovery), from bytes into structs and back. Knows
 * nothing of locks, of recovery, or of how a packet travelled (bare or in OPTS).
 *
 * Decoded structs borrow from the packet: names, lock value blocks, slots and
 * lists of names point into it. Sources of the layouts: linux
 * fs/dlm/dlm_internal.h (struct dlm_message, dlm_rcom, rcom_config, rcom_slot,
 * rcom_lock), and the captures in tests/golden.
 */
#ifndef TOOLS_DUMP_DLM_H
#define TOOLS_DUMP_DLM_H

#include "proto/span.h"

#include <stdbool.h>

#define DLM_NAME_MAX		64u	/* of a resource */
#define DLM_MSG_BYTES		88u	/* with the header, before name or lvb */
#define DLM_RCOM_BYTES		48u	/* with the header, before the body */
#define DLM_NAMES_BODY		4024u	/* body of every NAMES_REPLY of a kernel */
#define DLM_LOCK_BODY		108u	/* RCOM LOCK without its lvb */
#define DLM_SLOT_BYTES		16u

enum dlm_msg_type {
	DLM_MSG_REQUEST = 1, DLM_MSG_CONVERT, DLM_MSG_UNLOCK, DLM_MSG_CANCEL,
	DLM_MSG_REQUEST_REPLY, DLM_MSG_CONVERT_REPLY, DLM_MSG_UNLOCK_REPLY,
	DLM_MSG_CANCEL_REPLY, DLM_MSG_GRANT, DLM_MSG_BAST, DLM_MSG_LOOKUP,
	DLM_MSG_REMOVE, DLM_MSG_LOOKUP_REPLY, DLM_MSG_PURGE,
};

enum dlm_rcom_type {
	DLM_RCOM_STATUS = 1, DLM_RCOM_NAMES, DLM_RCOM_LOOKUP, DLM_RCOM_LOCK,
	DLM_RCOM_STATUS_REPLY, DLM_RCOM_NAMES_REPLY, DLM_RCOM_LOOKUP_REPLY,
	DLM_RCOM_LOCK_REPLY,
};

enum dlm_mode {
	DLM_MODE_NONE = -1, DLM_MODE_NL, DLM_MODE_CR, DLM_MODE_CW, DLM_MODE_PR,
	DLM_MODE_PW, DLM_MODE_EX,
};

enum dlm_lock_status {
	DLM_LOCK_WAITING = 1, DLM_LOCK_GRANTED, DLM_LOCK_CONVERT,
};

/* Bits of dlm_rcom.result in a STATUS_REPLY that is not an error. */
enum dlm_status_bit {
	DLM_STATUS_NODES = 1, DLM_STATUS_NODES_ALL = 2, DLM_STATUS_DIR = 4,
	DLM_STATUS_DIR_ALL = 8, DLM_STATUS_LOCKS = 0x10, DLM_STATUS_LOCKS_ALL = 0x20,
	DLM_STATUS_DONE = 0x40, DLM_STATUS_DONE_ALL = 0x80,
};

/* Bits of exflags (LKF) and of flags. */
#define DLM_LKF_NOQUEUE		0x01u
#define DLM_LKF_CANCEL		0x02u
#define DLM_LKF_CONVERT		0x04u
#define DLM_LKF_VALBLK		0x08u
#define DLM_LKF_QUECVT		0x10u
#define DLM_LKF_IVVALBLK	0x20u
#define DLM_LKF_CONVDEADLK	0x40u
#define DLM_LKF_PERSISTENT	0x80u
#define DLM_FLAG_USER		0x00001u	/* a lock of a process; to be echoed */
#define DLM_FLAG_MASTER_COPY	0x10000u

#define DLM_RCOM_NEED_SLOTS	1u	/* flags of a STATUS */

/* The bytes behind the fields of a lock message. */
enum dlm_extra { DLM_EXTRA_NONE, DLM_EXTRA_NAME, DLM_EXTRA_LVB };

struct dlm_message {
	uint32_t version, lockspace, sender;	/* of the packet's header */
	uint32_t type;		/* enum dlm_msg_type */
	int32_t nodeid;		/* of the owner or master, -1 in LOOKUP */
	uint32_t pid;
	uint32_t lkid, remid;	/* the sender's and the receiver's id of the lock */
	uint32_t parent_lkid, parent_remid;
	uint32_t exflags, sbflags, flags;
	uint32_t lvbseq;
	uint32_t hash;		/* of the name */
	int32_t status;		/* enum dlm_lock_status */
	int32_t grmode, rqmode, bastmode;	/* enum dlm_mode */
	int32_t asts;		/* bits: 1 blocking, 2 completion wanted */
	int32_t result;
	struct span extra;	/* name or lock value block, by type; may be empty */
};

struct dlm_slot {
	uint32_t nodeid;
	uint16_t slot;
};

struct dlm_status {
	uint32_t flags;		/* DLM_RCOM_NEED_SLOTS */
};

struct dlm_status_reply {
	uint32_t lvblen, lsflags, flags;
	uint16_t our_slot;
	uint16_t n_slots;
	uint32_t generation;
	struct span slots;	/* n_slots * DLM_SLOT_BYTES; see dlm_slot_get() */
};

struct dlm_names_reply {
	struct span list;	/* without its end; see dlm_names_next() */
	bool last;		/* no more names after these, else ask again */
	uint16_t body;		/* bytes on the wire, zero filled */
};

struct dlm_rcom_lock {
	uint32_t pid, lkid, remid, parent_lkid, parent_remid;
	uint32_t exflags, flags, lvbseq;
	int32_t result;
	int8_t rqmode, grmode;	/* enum dlm_mode */
	int8_t status;		/* enum dlm_lock_status */
	int8_t asts;
	uint16_t wait_type, namelen;
	uint8_t name[DLM_NAME_MAX];	/* the whole field; namelen of it count */
	struct span lvb;	/* LOCK only; may be empty */
};

struct dlm_rcom {
	uint32_t version, lockspace, sender;	/* of the packet's header */
	uint32_t type;		/* enum dlm_rcom_type */
	int32_t result;
	uint64_t id;		/* copied into the reply */
	uint64_t seq;		/* the sender's recovery number */
	uint64_t seq_reply;	/* the request's seq, 0 in requests */
	union {
		struct dlm_status status;
		struct dlm_status_reply status_reply;
		struct span name;	/* NAMES: last name received; LOOKUP */
		struct dlm_names_reply names_reply;
		struct dlm_rcom_lock lock;	/* LOCK and LOCK_REPLY */
	};
};

/*
 * One whole packet (its header included) of n bytes, bare or the inner one of
 * an OPTS. The result borrows from p. *ret is untouched on failure.
 * -EBADMSG: the header is not one of that kind, a length does not fit the packet.
 * -EPROTO: a type that DLM 3.2 does not have.
 */
int dlm_message_decode(const uint8_t *p, size_t n, struct dlm_message *ret);
int dlm_rcom_decode(const uint8_t *p, size_t n, struct dlm_rcom *ret);

/*
 * Writes the packet to p. Returns its length.
 * -EMSGSIZE: longer than room or than a packet may be; -EINVAL: a type that
 * does not exist, or lengths that dlm_*_decode() would not take back.
 */
int dlm_message_encode(const struct dlm_message *m, uint8_t *p, size_t room);
int dlm_rcom_encode(const struct dlm_rcom *r, uint8_t *p, size_t room);

enum dlm_extra dlm_msg_extra(uint32_t type);

/* Slot i < n_slots. */
struct dlm_slot dlm_slot_get(const struct dlm_status_reply *s, unsigned i);
void dlm_slot_put(uint8_t p[DLM_SLOT_BYTES], struct dlm_slot slot);

/* Takes the first name off a list: true and *ret, false at the end. */
bool dlm_names_next(struct span *list, struct span *ret);
/* Adds a name at *used; false if it does not fit into room bytes with an end. */
bool dlm_names_add(uint8_t *list, size_t room, size_t *used, struct span name);

/* "REQUEST", "STATUS_REPLY", "EX", "GRANTED", ...; "unknown", never NULL. */
const char *dlm_msg_type_name(uint32_t type);
const char *dlm_rcom_type_name(uint32_t type);
const char *dlm_mode_name(int mode);
const char *dlm_lock_status_name(int status);
/* Name of one bit; NULL if it has none. */
const char *dlm_status_bit_name(uint32_t bit);
const char *dlm_lkf_name(uint32_t bit);

#endif
