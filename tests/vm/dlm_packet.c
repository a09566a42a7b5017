/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/dlm_packet.h"

#include <errno.h>
#include <string.h>

#define VERSION		0x00030002u
#define VERSION_OLD	0x00030001u
#define NAMES_END	0xffffu
#define SLOT_SIZE	16u

/* ---- layouts: little endian, in bytes, so that no machine pads or turns them ---- */

struct le16 { uint8_t b[2]; };
struct le32 { uint8_t b[4]; };
struct le64 { uint8_t b[8]; };

struct wire_header {
	struct le32 version, u, nodeid;
	struct le16 length;
	uint8_t cmd, pad;
};

struct wire_message {
	struct wire_header header;
	struct le32 type, nodeid, pid, lkid, remid, parent_lkid, parent_remid;
	struct le32 exflags, sbflags, flags, lvbseq, hash, status;
	struct le32 grmode, rqmode, bastmode, asts, result;
	uint8_t extra[];
};

struct wire_rcom {
	struct wire_header header;
	struct le32 type, result;
	struct le64 id, seq, seq_reply;
	uint8_t body[];
};

struct wire_status {
	struct le32 flags, unused1;
	struct le64 unused2;
};

struct wire_slot {
	struct le32 nodeid;
	struct le16 slot, unused1;
	struct le64 unused2;
};

struct wire_config {
	struct le32 lvblen, lsflags, flags;
	struct le16 our_slot, n_slots;
	struct le32 generation, unused1;
	struct le64 unused2;
	struct wire_slot slots[];
};

struct wire_lock {
	struct le32 pid, lkid, remid, parent_lkid, parent_remid, exflags, flags, lvbseq, result;
	uint8_t rqmode, grmode, status, asts;
	struct le16 wait_type, namelen;
	uint8_t name[DLM_NAME_MAX];
	uint8_t lvb[];
};

#define LIES_AT(type, member, offset) \
	_Static_assert(offsetof(struct type, member) == (offset), #type "." #member)
#define HAS_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size) && _Alignof(struct type) == 1, #type)

HAS_SIZE(wire_header, 16);
LIES_AT(wire_header, u, 4);
LIES_AT(wire_header, nodeid, 8);
LIES_AT(wire_header, length, 12);
LIES_AT(wire_header, cmd, 14);
HAS_SIZE(wire_message, 88);
LIES_AT(wire_message, type, 16);
LIES_AT(wire_message, nodeid, 20);
LIES_AT(wire_message, pid, 24);
LIES_AT(wire_message, lkid, 28);
LIES_AT(wire_message, remid, 32);
LIES_AT(wire_message, exflags, 44);
LIES_AT(wire_message, sbflags, 48);
LIES_AT(wire_message, flags, 52);
LIES_AT(wire_message, lvbseq, 56);
LIES_AT(wire_message, hash, 60);
LIES_AT(wire_message, status, 64);
LIES_AT(wire_message, grmode, 68);
LIES_AT(wire_message, rqmode, 72);
LIES_AT(wire_message, bastmode, 76);
LIES_AT(wire_message, asts, 80);
LIES_AT(wire_message, result, 84);
HAS_SIZE(wire_rcom, 48);
LIES_AT(wire_rcom, type, 16);
LIES_AT(wire_rcom, result, 20);
LIES_AT(wire_rcom, id, 24);
LIES_AT(wire_rcom, seq, 32);
LIES_AT(wire_rcom, seq_reply, 40);
HAS_SIZE(wire_status, 16);
HAS_SIZE(wire_slot, SLOT_SIZE);
LIES_AT(wire_slot, slot, 4);
HAS_SIZE(wire_config, 32);
LIES_AT(wire_config, our_slot, 12);
LIES_AT(wire_config, n_slots, 14);
LIES_AT(wire_config, generation, 16);
HAS_SIZE(wire_lock, 108);
LIES_AT(wire_lock, result, 32);
LIES_AT(wire_lock, rqmode, 36);
LIES_AT(wire_lock, asts, 39);
LIES_AT(wire_lock, wait_type, 40);
LIES_AT(wire_lock, namelen, 42);
LIES_AT(wire_lock, name, 44);
_Static_assert(sizeof(struct wire_rcom) + DLM_NAMES <= DLM_PACKET_MAX, "a list of names fits");
_Static_assert(sizeof(struct wire_rcom) + sizeof(struct wire_config) +
	       DLM_SLOTS_MAX * sizeof(struct wire_slot) <= DLM_PACKET_MAX, "slots fit");

/* ---- numbers ---- */

static uint64_t get(const uint8_t *b, unsigned n)
{
	uint64_t x = 0;

	while (n--)
		x = x << 8 | b[n];
	return x;
}

static void put(uint8_t *b, unsigned n, uint64_t x)
{
	unsigned i;

	for (i = 0; i < n; i++, x >>= 8)
		b[i] = (uint8_t)x;
}

static uint16_t get16(struct le16 x)
{
	return (uint16_t)get(x.b, 2);
}

static uint32_t get32(struct le32 x)
{
	return (uint32_t)get(x.b, 4);
}

static int32_t get_signed(struct le32 x)
{
	uint32_t n = get32(x);

	return n > INT32_MAX ? -(int32_t)(UINT32_MAX - n) - 1 : (int32_t)n;
}

static uint64_t get64(struct le64 x)
{
	return get(x.b, 8);
}

static struct le16 le16(uint32_t n)
{
	struct le16 x;

	put(x.b, 2, n);
	return x;
}

static struct le32 le32(uint32_t n)
{
	struct le32 x;

	put(x.b, 4, n);
	return x;
}

static struct le64 le64(uint64_t n)
{
	struct le64 x;

	put(x.b, 8, n);
	return x;
}

static int bad(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EBADMSG;
}

/* ---- header ---- */

int dlm_header_decode(const void *p, size_t len, struct dlm_header *ret, const char **ret_why)
{
	const struct wire_header *w = p;

	if (len < sizeof(*w) || len > DLM_PACKET_MAX || get16(w->length) != len)
		return bad(ret_why, "its length is not the one in its header");
	ret->version = get32(w->version);
	if (ret->version != VERSION && ret->version != VERSION_OLD)
		return bad(ret_why, "its version is neither 3.2 nor 3.1");
	if (w->cmd != DLM_MSG && w->cmd != DLM_RCOM)
		return bad(ret_why, "it is neither MSG nor RCOM");
	ret->space = get32(w->u);
	ret->nodeid = get32(w->nodeid);
	ret->length = len;
	ret->cmd = (enum dlm_cmd)w->cmd;
	return 0;
}

static struct wire_header header(uint32_t space, uint32_t nodeid, size_t len, enum dlm_cmd cmd)
{
	return (struct wire_header){
		.version = le32(VERSION), .u = le32(space), .nodeid = le32(nodeid),
		.length = le16((uint32_t)len), .cmd = (uint8_t)cmd,
	};
}

/* ---- MSG ---- */

static bool mode_is_good(int32_t mode)
{
	return mode >= DLM_IV && mode <= DLM_EX;
}

static bool has_name(enum dlm_type type)
{
	return type == DLM_REQUEST || type == DLM_LOOKUP || type == DLM_REMOVE;
}

static bool has_lvb(enum dlm_type type)
{
	return type == DLM_CONVERT || type == DLM_UNLOCK || type == DLM_REQUEST_REPLY ||
		type == DLM_CONVERT_REPLY || type == DLM_GRANT;
}

static int take_extra(struct dlm_message *m, const uint8_t *extra, size_t n, const char **ret_why)
{
	m->name = NULL;
	m->name_len = 0;
	m->lvb = NULL;
	if (has_name(m->type)) {
		if (!n || n > DLM_NAME_MAX)
			return bad(ret_why, "the name of the resource is empty or too long");
		m->name = extra;
		m->name_len = n;
	} else if (has_lvb(m->type) && n) {
		if (n != DLM_LVB)
			return bad(ret_why, "its value block does not have 32 bytes");
		m->lvb = extra;
	}
	return 0;
}

int dlm_message_decode(const void *p, size_t len, struct dlm_message *ret, const char **ret_why)
{
	const struct wire_message *w = p;
	struct dlm_header h;
	int rc = dlm_header_decode(p, len, &h, ret_why);

	if (rc)
		return rc;
	if (h.cmd != DLM_MSG || len < sizeof(*w))
		return bad(ret_why, "it is shorter than a message");
	if (get32(w->type) == DLM_NO_TYPE || get32(w->type) >= DLM_N_TYPES)
		return bad(ret_why, "the type of the message is unknown");
	if (!mode_is_good(get_signed(w->grmode)) || !mode_is_good(get_signed(w->rqmode)) ||
	    !mode_is_good(get_signed(w->bastmode)))
		return bad(ret_why, "one of its modes is none");
	if (get32(w->status) > DLM_CONVERTING)
		return bad(ret_why, "its status is none");
	*ret = (struct dlm_message){
		.space = h.space, .sender = h.nodeid, .type = (enum dlm_type)get32(w->type),
		.nodeid = get32(w->nodeid), .pid = get32(w->pid),
		.lkid = get32(w->lkid), .remid = get32(w->remid),
		.exflags = get32(w->exflags), .sbflags = get32(w->sbflags),
		.flags = get32(w->flags), .lvbseq = get32(w->lvbseq), .hash = get32(w->hash),
		.status = (enum dlm_status)get32(w->status),
		.grmode = (enum dlm_mode)get_signed(w->grmode),
		.rqmode = (enum dlm_mode)get_signed(w->rqmode),
		.bastmode = (enum dlm_mode)get_signed(w->bastmode),
		.asts = get32(w->asts), .result = get_signed(w->result),
	};
	return take_extra(ret, w->extra, len - sizeof(*w), ret_why);
}

size_t dlm_message_encode(uint8_t *p, const struct dlm_message *m)
{
	struct wire_message *w = (struct wire_message *)p;
	size_t len = sizeof(*w);

	if (m->name_len) {
		memcpy(w->extra, m->name, m->name_len);
		len += m->name_len;
	}
	if (m->lvb) {
		memcpy(w->extra, m->lvb, DLM_LVB);
		len += DLM_LVB;
	}
	*w = (struct wire_message){
		.header = header(m->space, m->sender, len, DLM_MSG),
		.type = le32(m->type), .nodeid = le32(m->nodeid), .pid = le32(m->pid),
		.lkid = le32(m->lkid), .remid = le32(m->remid),
		.exflags = le32(m->exflags), .sbflags = le32(m->sbflags),
		.flags = le32(m->flags), .lvbseq = le32(m->lvbseq), .hash = le32(m->hash),
		.status = le32(m->status), .grmode = le32((uint32_t)m->grmode),
		.rqmode = le32((uint32_t)m->rqmode), .bastmode = le32((uint32_t)m->bastmode),
		.asts = le32(m->asts), .result = le32((uint32_t)m->result),
	};
	return len;
}

/* ---- RCOM ---- */

/* The sizes that the body of each type may have. */
static const struct {
	size_t least, most;
} bodies[DLM_RCOM_N_TYPES] = {
	[DLM_RCOM_STATUS] = { sizeof(struct wire_status), DLM_PACKET_MAX },
	[DLM_RCOM_NAMES] = { 0, DLM_NAME_MAX },
	[DLM_RCOM_LOOKUP] = { 1, DLM_NAME_MAX },
	[DLM_RCOM_LOCK] = { sizeof(struct wire_lock), sizeof(struct wire_lock) + DLM_LVB },
	[DLM_RCOM_STATUS_REPLY] = { sizeof(struct wire_config), DLM_PACKET_MAX },
	[DLM_RCOM_NAMES_REPLY] = { sizeof(struct le16), DLM_PACKET_MAX },
	[DLM_RCOM_LOOKUP_REPLY] = { 0, DLM_PACKET_MAX },
	[DLM_RCOM_LOCK_REPLY] = { sizeof(struct wire_lock), DLM_PACKET_MAX },
};

int dlm_rcom_decode(const void *p, size_t len, struct dlm_rcom *ret, const char **ret_why)
{
	const struct wire_rcom *w = p;
	struct dlm_header h;
	uint32_t type;
	size_t n;
	int rc = dlm_header_decode(p, len, &h, ret_why);

	if (rc)
		return rc;
	if (h.cmd != DLM_RCOM || len < sizeof(*w))
		return bad(ret_why, "it is shorter than a message of recovery");
	type = get32(w->type);
	if (type == DLM_RCOM_NONE || type >= DLM_RCOM_N_TYPES)
		return bad(ret_why, "the type of the message of recovery is unknown");
	n = len - sizeof(*w);
	if (n < bodies[type].least || n > bodies[type].most)
		return bad(ret_why, "its length does not fit its type");
	*ret = (struct dlm_rcom){
		.space = h.space, .sender = h.nodeid, .type = (enum dlm_rcom_type)type,
		.result = get_signed(w->result), .id = get64(w->id), .seq = get64(w->seq),
		.seq_reply = get64(w->seq_reply), .body = w->body, .body_len = n,
	};
	return 0;
}

size_t dlm_rcom_encode(uint8_t *p, const struct dlm_rcom *rcom)
{
	struct wire_rcom *w = (struct wire_rcom *)p;
	size_t len = sizeof(*w) + rcom->body_len;

	if (rcom->body_len)
		memcpy(w->body, rcom->body, rcom->body_len);
	*w = (struct wire_rcom){
		.header = header(rcom->space, rcom->sender, len, DLM_RCOM),
		.type = le32(rcom->type), .result = le32((uint32_t)rcom->result),
		.id = le64(rcom->id), .seq = le64(rcom->seq), .seq_reply = le64(rcom->seq_reply),
	};
	return len;
}

uint32_t dlm_status_flags(const struct dlm_rcom *rcom)
{
	return get32(((const struct wire_status *)rcom->body)->flags);
}

size_t dlm_status_body(uint8_t *body, uint32_t flags)
{
	*(struct wire_status *)body = (struct wire_status){ .flags = le32(flags) };
	return sizeof(struct wire_status);
}

int dlm_config_decode(const struct dlm_rcom *rcom, struct dlm_config *ret, const char **ret_why)
{
	const struct wire_config *w = (const struct wire_config *)rcom->body;
	unsigned i;

	ret->lvblen = get32(w->lvblen);
	ret->lsflags = get32(w->lsflags);
	ret->our_slot = get16(w->our_slot);
	ret->n_slots = get16(w->n_slots);
	ret->generation = get32(w->generation);
	if (ret->n_slots > DLM_SLOTS_MAX ||
	    rcom->body_len < sizeof(*w) + ret->n_slots * sizeof(w->slots[0]))
		return bad(ret_why, "it does not have the slots that it counts");
	for (i = 0; i < ret->n_slots; i++) {
		ret->slots[i].nodeid = get32(w->slots[i].nodeid);
		ret->slots[i].slot = get16(w->slots[i].slot);
	}
	return 0;
}

size_t dlm_config_body(uint8_t *body, const struct dlm_config *config)
{
	struct wire_config *w = (struct wire_config *)body;
	unsigned i;

	*w = (struct wire_config){
		.lvblen = le32(config->lvblen), .lsflags = le32(config->lsflags),
		.our_slot = le16(config->our_slot), .n_slots = le16(config->n_slots),
		.generation = le32(config->generation),
	};
	for (i = 0; i < config->n_slots; i++)
		w->slots[i] = (struct wire_slot){
			.nodeid = le32(config->slots[i].nodeid),
			.slot = le16(config->slots[i].slot),
		};
	return sizeof(*w) + config->n_slots * sizeof(w->slots[0]);
}

static int32_t signed_byte(uint8_t b)
{
	return b < 0x80 ? b : (int32_t)b - 0x100;
}

int dlm_relock_decode(const struct dlm_rcom *rcom, struct dlm_relock *ret, const char **ret_why)
{
	const struct wire_lock *w = (const struct wire_lock *)rcom->body;
	size_t n_lvb = rcom->body_len - sizeof(*w);
	uint16_t name_len = get16(w->namelen);

	if (!name_len || name_len > DLM_NAME_MAX)
		return bad(ret_why, "the name of the resource is empty or too long");
	if (!mode_is_good(signed_byte(w->rqmode)) || !mode_is_good(signed_byte(w->grmode)))
		return bad(ret_why, "one of its modes is none");
	if (w->status > DLM_CONVERTING)
		return bad(ret_why, "its status is none");
	*ret = (struct dlm_relock){
		.pid = get32(w->pid), .lkid = get32(w->lkid), .remid = get32(w->remid),
		.exflags = get32(w->exflags), .flags = get32(w->flags),
		.lvbseq = get32(w->lvbseq), .result = get_signed(w->result),
		.rqmode = (enum dlm_mode)signed_byte(w->rqmode),
		.grmode = (enum dlm_mode)signed_byte(w->grmode),
		.status = (enum dlm_status)w->status, .asts = w->asts,
		.waits_for = get16(w->wait_type) < DLM_N_TYPES ?
			(enum dlm_type)get16(w->wait_type) : DLM_NO_TYPE,
		.name_len = name_len,
		.lvb = rcom->type == DLM_RCOM_LOCK && n_lvb == DLM_LVB ? w->lvb : NULL,
	};
	memcpy(ret->name, w->name, name_len);
	return 0;
}

size_t dlm_relock_body(uint8_t *body, const struct dlm_relock *lock)
{
	struct wire_lock *w = (struct wire_lock *)body;
	size_t len = sizeof(*w);

	*w = (struct wire_lock){
		.pid = le32(lock->pid), .lkid = le32(lock->lkid), .remid = le32(lock->remid),
		.exflags = le32(lock->exflags), .flags = le32(lock->flags),
		.lvbseq = le32(lock->lvbseq), .result = le32((uint32_t)lock->result),
		.rqmode = (uint8_t)lock->rqmode, .grmode = (uint8_t)lock->grmode,
		.status = (uint8_t)lock->status, .asts = (uint8_t)lock->asts,
		.wait_type = le16(lock->waits_for), .namelen = le16((uint32_t)lock->name_len),
	};
	memcpy(w->name, lock->name, lock->name_len);
	if (lock->lvb) {
		memcpy(w->lvb, lock->lvb, DLM_LVB);
		len += DLM_LVB;
	}
	return len;
}

/* ---- names: the only numbers in the other byte order ---- */

static unsigned big16(const uint8_t *b)
{
	return (unsigned)b[0] << 8 | b[1];
}

int dlm_names_next(const struct dlm_rcom *rcom, struct dlm_names *names, const char **ret_why)
{
	size_t left = rcom->body_len - names->at;
	unsigned len;

	if (left < 2)
		return bad(ret_why, "its list of names has no end");
	len = big16(rcom->body + names->at);
	names->is_last = len == NAMES_END;
	if (names->is_last || !len)
		return 0;
	if (len > DLM_NAME_MAX || len > left - 2)
		return bad(ret_why, "a name in its list is too long");
	names->name = rcom->body + names->at + 2;
	names->len = len;
	names->at += 2 + len;
	return 1;
}

bool dlm_names_add(uint8_t *body, size_t *at, const uint8_t *name, size_t len)
{
	if (*at + 2 + len + 2 > DLM_NAMES)
		return false;
	body[*at] = (uint8_t)(len >> 8);
	body[*at + 1] = (uint8_t)len;
	memcpy(body + *at + 2, name, len);
	*at += 2 + len;
	return true;
}

void dlm_names_end(uint8_t *body, size_t at, bool is_last)
{
	memset(body + at, is_last ? 0xff : 0, 2);
	memset(body + at + 2, 0, DLM_NAMES - at - 2);
}

/* ---- for people ---- */

const char *dlm_mode_name(enum dlm_mode mode)
{
	static const char *const names[] = { "IV", "NL", "CR", "CW", "PR", "PW", "EX" };

	return names[mode - DLM_IV];
}

const char *dlm_type_name(enum dlm_type type)
{
	static const char *const names[DLM_N_TYPES] = {
		"nothing", "REQUEST", "CONVERT", "UNLOCK", "CANCEL", "REQUEST_REPLY",
		"CONVERT_REPLY", "UNLOCK_REPLY", "CANCEL_REPLY", "GRANT", "BAST", "LOOKUP",
		"REMOVE", "LOOKUP_REPLY", "PURGE",
	};

	return names[type];
}

const char *dlm_rcom_name(enum dlm_rcom_type type)
{
	static const char *const names[DLM_RCOM_N_TYPES] = {
		"nothing", "STATUS", "NAMES", "LOOKUP", "LOCK", "STATUS_REPLY", "NAMES_REPLY",
		"LOOKUP_REPLY", "LOCK_REPLY",
	};

	return names[type];
}
