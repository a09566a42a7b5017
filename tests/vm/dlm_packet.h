/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packets of a kernel's lock manager, version 3.2: messages about locks (MSG) and about
 * recovery (RCOM), between bytes and structs. Input from a peer is checked here, once: what is
 * decoded has lengths, types, modes and names that are possible. Knows no lockspace and keeps
 * nothing.
 */
#ifndef SINEW_TESTS_VM_DLM_PACKET_H
#define SINEW_TESTS_VM_DLM_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DLM_PACKET_MAX	4096
#define DLM_NAME_MAX	64	/* of a resource, without a NUL */
#define DLM_LVB		32	/* value block, of libdlm's lockspaces */
#define DLM_NAMES	4024	/* body of NAMES_REPLY */
#define DLM_SLOTS_MAX	128	/* of a STATUS_REPLY */

enum dlm_cmd { DLM_MSG = 1, DLM_RCOM };

enum dlm_type {
	DLM_NO_TYPE,
	DLM_REQUEST, DLM_CONVERT, DLM_UNLOCK, DLM_CANCEL,
	DLM_REQUEST_REPLY, DLM_CONVERT_REPLY, DLM_UNLOCK_REPLY, DLM_CANCEL_REPLY,
	DLM_GRANT, DLM_BAST, DLM_LOOKUP, DLM_REMOVE, DLM_LOOKUP_REPLY, DLM_PURGE,
	DLM_N_TYPES,
};

enum dlm_rcom_type {
	DLM_RCOM_NONE,
	DLM_RCOM_STATUS, DLM_RCOM_NAMES, DLM_RCOM_LOOKUP, DLM_RCOM_LOCK,
	DLM_RCOM_STATUS_REPLY, DLM_RCOM_NAMES_REPLY, DLM_RCOM_LOOKUP_REPLY,
	DLM_RCOM_LOCK_REPLY,
	DLM_RCOM_N_TYPES,
};

enum dlm_mode { DLM_IV = -1, DLM_NL, DLM_CR, DLM_CW, DLM_PR, DLM_PW, DLM_EX };

/* The queue on which a lock is. */
enum dlm_status { DLM_NOT_QUEUED, DLM_WAITING, DLM_GRANTED, DLM_CONVERTING };

/* exflags: the caller's wishes. */
#define DLM_NOQUEUE	0x00001u
#define DLM_DO_CANCEL	0x00002u
#define DLM_DO_CONVERT	0x00004u
#define DLM_VALBLK	0x00008u
#define DLM_QUECVT	0x00010u
#define DLM_IVVALBLK	0x00020u
#define DLM_CONVDEADLK	0x00040u
#define DLM_NODLCKWT	0x00100u
#define DLM_EXPEDITE	0x00400u
#define DLM_NOQUEUEBAST	0x00800u
#define DLM_HEADQUE	0x01000u
#define DLM_NOORDER	0x02000u
#define DLM_ALTPR	0x08000u
#define DLM_ALTCW	0x10000u
#define DLM_FORCEUNLOCK	0x20000u

/* sbflags: what the caller is told beside the result. */
#define DLM_DEMOTED	1u	/* the granted mode was lowered to NL */
#define DLM_VALNOTVALID	2u	/* the value block may be old */
#define DLM_ALTMODE	4u	/* another mode than the one asked for */

/* flags: these bits belong to the owner of the lock, and each message to it has to bring them. */
#define DLM_FLAGS_ECHOED	0xffffu

/* asts: what the owner wants to be told. */
#define DLM_WANTS_BAST	1u
#define DLM_WANTS_CAST	2u

/* Results on the wire: numbers of x86, whatever the machine, and two of the lock manager. */
#define DLM_ESRCH	3
#define DLM_EAGAIN	11
#define DLM_ENOMEM	12
#define DLM_EEXIST	17
#define DLM_EINVAL	22
#define DLM_EDEADLK	35
#define DLM_EBADR	53
#define DLM_EINPROGRESS	115
#define DLM_ENOENT	2
#define DLM_ECANCEL	0x10001
#define DLM_EUNLOCK	0x10002

/* Bits of a member's progress, in the result of STATUS_REPLY. */
#define DLM_AT_NODES	0x01u
#define DLM_AT_DIR	0x04u
#define DLM_AT_LOCKS	0x10u
#define DLM_AT_DONE	0x40u
#define DLM_AT_ALL(bit)	((bit) << 1)	/* all members are there; said by the lowest nodeid */

/* flags of STATUS: the reply is to have the slots. */
#define DLM_NEED_SLOTS	1u

struct dlm_header {
	uint32_t version;
	uint32_t space;		/* the lockspace's global id */
	uint32_t nodeid;	/* sender */
	size_t length;
	enum dlm_cmd cmd;
};

/* MSG. Pointers refer to the packet, and are valid as long as it is. */
struct dlm_message {
	uint32_t space, sender;
	enum dlm_type type;
	uint32_t nodeid;	/* master or owner; UINT32_MAX in LOOKUP */
	uint32_t pid;
	uint32_t lkid, remid;	/* the sender's number of the lock, and the receiver's */
	uint32_t exflags, sbflags, flags, lvbseq, hash;
	enum dlm_status status;
	enum dlm_mode grmode, rqmode, bastmode;
	uint32_t asts;
	int32_t result;
	const uint8_t *name;	/* REQUEST, LOOKUP, REMOVE */
	size_t name_len;
	const uint8_t *lvb;	/* DLM_LVB bytes, or NULL */
};

/* RCOM, without its body. */
struct dlm_rcom {
	uint32_t space, sender;
	enum dlm_rcom_type type;
	int32_t result;
	uint64_t id, seq, seq_reply;
	const uint8_t *body;
	size_t body_len;
};

struct dlm_slot {
	uint32_t nodeid;
	uint16_t slot;
};

/* The body of STATUS_REPLY. */
struct dlm_config {
	uint32_t lvblen, lsflags;
	uint16_t our_slot, n_slots;
	uint32_t generation;
	struct dlm_slot slots[DLM_SLOTS_MAX];
};

/* The body of LOCK and LOCK_REPLY. */
struct dlm_relock {
	uint32_t pid, lkid, remid, exflags, flags, lvbseq;
	int32_t result;
	enum dlm_mode rqmode, grmode;
	enum dlm_status status;
	uint32_t asts;
	enum dlm_type waits_for;	/* REQUEST or CONVERT without a reply yet */
	uint8_t name[DLM_NAME_MAX];
	size_t name_len;
	const uint8_t *lvb;		/* LOCK: DLM_LVB bytes, or NULL */
};

/* All that encode give the length of the packet; p has room for DLM_PACKET_MAX bytes. All that
 * decode give 0, or -EBADMSG, and then *ret_... is undefined and *ret_why says what is wrong. */
int dlm_header_decode(const void *p, size_t len, struct dlm_header *ret, const char **ret_why);
int dlm_message_decode(const void *p, size_t len, struct dlm_message *ret, const char **ret_why);
size_t dlm_message_encode(uint8_t *p, const struct dlm_message *m);

int dlm_rcom_decode(const void *p, size_t len, struct dlm_rcom *ret, const char **ret_why);
/* With the body that rcom points to. */
size_t dlm_rcom_encode(uint8_t *p, const struct dlm_rcom *rcom);

/* Bodies, of an RCOM that was decoded. */
uint32_t dlm_status_flags(const struct dlm_rcom *rcom);
int dlm_config_decode(const struct dlm_rcom *rcom, struct dlm_config *ret, const char **ret_why);
int dlm_relock_decode(const struct dlm_rcom *rcom, struct dlm_relock *ret, const char **ret_why);
/* Bodies to be sent; they give their length. */
size_t dlm_status_body(uint8_t *body, uint32_t flags);
size_t dlm_config_body(uint8_t *body, const struct dlm_config *config);
size_t dlm_relock_body(uint8_t *body, const struct dlm_relock *lock);

/* The names of NAMES_REPLY, one after the other; zero to begin. */
struct dlm_names {
	const uint8_t *name;
	size_t len;
	size_t at;
	bool is_last;	/* after the end: no more names to ask for */
};
/* 1: a name; 0: the end; -EBADMSG. */
int dlm_names_next(const struct dlm_rcom *rcom, struct dlm_names *names, const char **ret_why);
/* Adds a name to a body of DLM_NAMES bytes behind *at; false: it does not fit with an end. */
bool dlm_names_add(uint8_t *body, size_t *at, const uint8_t *name, size_t len);
void dlm_names_end(uint8_t *body, size_t at, bool is_last);

const char *dlm_mode_name(enum dlm_mode mode);
const char *dlm_type_name(enum dlm_type type);
const char *dlm_rcom_name(enum dlm_rcom_type type);

#endif
