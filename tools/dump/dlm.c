/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/dump/dlm.h"

#include "proto/wire.h"

#include <errno.h>

#define NAMES_END	0xffffu	/* big endian as the lengths; 0: more to ask for */
#define STATUS_BODY	16u
#define STATUS_REPLY_BODY	32u

enum dlm_extra dlm_msg_extra(uint32_t type)
{
	switch ((enum dlm_msg_type)type) {
	case DLM_MSG_REQUEST:
	case DLM_MSG_LOOKUP:
	case DLM_MSG_REMOVE:
		return DLM_EXTRA_NAME;
	case DLM_MSG_CONVERT:
	case DLM_MSG_UNLOCK:
	case DLM_MSG_REQUEST_REPLY:
	case DLM_MSG_CONVERT_REPLY:
	case DLM_MSG_GRANT:
		return DLM_EXTRA_LVB;
	case DLM_MSG_CANCEL:
	case DLM_MSG_UNLOCK_REPLY:
	case DLM_MSG_CANCEL_REPLY:
	case DLM_MSG_BAST:
	case DLM_MSG_LOOKUP_REPLY:
	case DLM_MSG_PURGE:
		return DLM_EXTRA_NONE;
	}
	return DLM_EXTRA_NONE;
}

static bool msg_type_known(uint32_t type)
{
	return type >= DLM_MSG_REQUEST && type <= DLM_MSG_PURGE;
}

static bool extra_fits(uint32_t type, size_t n)
{
	switch (dlm_msg_extra(type)) {
	case DLM_EXTRA_NONE:
		return n == 0;
	case DLM_EXTRA_NAME:
		return n >= 1 && n <= DLM_NAME_MAX;
	case DLM_EXTRA_LVB:
		return n <= WIRE_DLM_MAX - DLM_MSG_BYTES;
	}
	return false;
}

/* ---- decoding ---- */

/* The header of a packet of exactly n bytes and that command. */
static bool take_header(struct reader *r, size_t n, uint8_t cmd, uint32_t *version,
			uint32_t *lockspace, uint32_t *sender)
{
	const uint8_t *p = reader_take(r, WIRE_HEADER);

	if (!p || n > WIRE_DLM_MAX)
		return false;
	if (get_le16(p + offsetof(struct wire_header, length)) != n ||
	    p[offsetof(struct wire_header, cmd)] != cmd)
		return false;
	*version = get_le32(p + offsetof(struct wire_header, version));
	*lockspace = get_le32(p + offsetof(struct wire_header, u));
	*sender = get_le32(p + offsetof(struct wire_header, nodeid));
	return true;
}

static struct span take_rest(struct reader *r)
{
	size_t n = r->left;

	return (struct span) { reader_take(r, n), n };
}

int dlm_message_decode(const uint8_t *p, size_t n, struct dlm_message *ret)
{
	struct reader r = { .p = p, .left = n };
	struct dlm_message m;

	if (!take_header(&r, n, WIRE_MSG, &m.version, &m.lockspace, &m.sender) ||
	    n < DLM_MSG_BYTES)
		return -EBADMSG;
	m.type = reader_u32(&r);
	m.nodeid = (int32_t)reader_u32(&r);
	m.pid = reader_u32(&r);
	m.lkid = reader_u32(&r);
	m.remid = reader_u32(&r);
	m.parent_lkid = reader_u32(&r);
	m.parent_remid = reader_u32(&r);
	m.exflags = reader_u32(&r);
	m.sbflags = reader_u32(&r);
	m.flags = reader_u32(&r);
	m.lvbseq = reader_u32(&r);
	m.hash = reader_u32(&r);
	m.status = (int32_t)reader_u32(&r);
	m.grmode = (int32_t)reader_u32(&r);
	m.rqmode = (int32_t)reader_u32(&r);
	m.bastmode = (int32_t)reader_u32(&r);
	m.asts = (int32_t)reader_u32(&r);
	m.result = (int32_t)reader_u32(&r);
	m.extra = take_rest(&r);
	if (!msg_type_known(m.type))
		return -EPROTO;
	if (r.bad || !extra_fits(m.type, m.extra.n))
		return -EBADMSG;
	*ret = m;
	return 0;
}

static bool decode_status(struct reader *r, struct dlm_status *s)
{
	s->flags = reader_u32(r);
	reader_take(r, STATUS_BODY - 4);
	return !r->bad && r->left == 0;
}

static bool decode_status_reply(struct reader *r, struct dlm_status_reply *s)
{
	s->lvblen = reader_u32(r);
	s->lsflags = reader_u32(r);
	s->flags = reader_u32(r);
	s->our_slot = reader_u16(r);
	s->n_slots = reader_u16(r);
	s->generation = reader_u32(r);
	reader_take(r, 4 + 8);
	s->slots = take_rest(r);
	return !r->bad && s->slots.n == (size_t)s->n_slots * DLM_SLOT_BYTES;
}

/* Length of the name at the front of a list, or a negative number at its end. */
static int front_name(struct span list, uint16_t *ret_mark)
{
	uint16_t n;

	if (list.n < 2)
		return -EBADMSG;
	n = (uint16_t)(list.p[0] << 8 | list.p[1]);
	*ret_mark = n;
	if (n == NAMES_END || n == 0)
		return -ENOENT;
	if (n > DLM_NAME_MAX || n > list.n - 2)
		return -EBADMSG;
	return n;
}

/* Every name must fit, and the list must have an end within the body. */
static bool decode_names_reply(struct reader *r, struct dlm_names_reply *s)
{
	struct span rest = take_rest(r);
	uint16_t mark = 0;
	int n;

	s->list.p = rest.p;
	s->body = (uint16_t)rest.n;
	while ((n = front_name(rest, &mark)) > 0) {
		rest.p += 2 + n;
		rest.n -= 2 + (size_t)n;
	}
	if (n == -EBADMSG)
		return false;
	s->list.n = (size_t)(rest.p - s->list.p);
	s->last = mark == NAMES_END;
	return true;
}

static bool decode_lock(struct reader *r, bool reply, struct dlm_rcom_lock *l)
{
	const uint8_t *name;

	l->pid = reader_u32(r);
	l->lkid = reader_u32(r);
	l->remid = reader_u32(r);
	l->parent_lkid = reader_u32(r);
	l->parent_remid = reader_u32(r);
	l->exflags = reader_u32(r);
	l->flags = reader_u32(r);
	l->lvbseq = reader_u32(r);
	l->result = (int32_t)reader_u32(r);
	l->rqmode = (int8_t)reader_u8(r);
	l->grmode = (int8_t)reader_u8(r);
	l->status = (int8_t)reader_u8(r);
	l->asts = (int8_t)reader_u8(r);
	l->wait_type = reader_u16(r);
	l->namelen = reader_u16(r);
	name = reader_take(r, sizeof l->name);
	if (!name || l->namelen > sizeof l->name)
		return false;
	memcpy(l->name, name, sizeof l->name);
	l->lvb = take_rest(r);
	return !reply || l->lvb.n == 0;
}

static bool decode_body(struct reader *r, struct dlm_rcom *m)
{
	switch ((enum dlm_rcom_type)m->type) {
	case DLM_RCOM_STATUS:
		return decode_status(r, &m->status);
	case DLM_RCOM_STATUS_REPLY:
		return decode_status_reply(r, &m->status_reply);
	case DLM_RCOM_NAMES:
	case DLM_RCOM_LOOKUP:
		m->name = take_rest(r);
		return m->name.n <= DLM_NAME_MAX &&
		       (m->type == DLM_RCOM_NAMES || m->name.n > 0);
	case DLM_RCOM_NAMES_REPLY:
		return decode_names_reply(r, &m->names_reply);
	case DLM_RCOM_LOOKUP_REPLY:
		return r->left == 0;
	case DLM_RCOM_LOCK:
	case DLM_RCOM_LOCK_REPLY:
		return decode_lock(r, m->type == DLM_RCOM_LOCK_REPLY, &m->lock);
	}
	return false;
}

static bool rcom_type_known(uint32_t type)
{
	return type >= DLM_RCOM_STATUS && type <= DLM_RCOM_LOCK_REPLY;
}

int dlm_rcom_decode(const uint8_t *p, size_t n, struct dlm_rcom *ret)
{
	struct reader r = { .p = p, .left = n };
	struct dlm_rcom m;

	memset(&m, 0, sizeof m);
	if (!take_header(&r, n, WIRE_RCOM, &m.version, &m.lockspace, &m.sender) ||
	    n < DLM_RCOM_BYTES)
		return -EBADMSG;
	m.type = reader_u32(&r);
	m.result = (int32_t)reader_u32(&r);
	m.id = reader_u64(&r);
	m.seq = reader_u64(&r);
	m.seq_reply = reader_u64(&r);
	if (!rcom_type_known(m.type))
		return -EPROTO;
	if (!decode_body(&r, &m))
		return -EBADMSG;
	*ret = m;
	return 0;
}

/* ---- encoding ---- */

static int finish(struct writer *w, uint8_t *p, uint32_t version, uint32_t lockspace,
		  uint32_t sender, uint8_t cmd)
{
	size_t n = (size_t)(w->p - p);

	if (w->full)
		return -EMSGSIZE;
	wire_put_header(p, version, lockspace, sender, n, cmd);
	return (int)n;
}

static struct writer begin(uint8_t *p, size_t room)
{
	struct writer w = { p, room < WIRE_DLM_MAX ? room : WIRE_DLM_MAX, false };

	writer_take(&w, WIRE_HEADER);
	return w;
}

int dlm_message_encode(const struct dlm_message *m, uint8_t *p, size_t room)
{
	struct writer w = begin(p, room);

	if (!msg_type_known(m->type) || !extra_fits(m->type, m->extra.n))
		return -EINVAL;
	writer_u32(&w, m->type);
	writer_u32(&w, (uint32_t)m->nodeid);
	writer_u32(&w, m->pid);
	writer_u32(&w, m->lkid);
	writer_u32(&w, m->remid);
	writer_u32(&w, m->parent_lkid);
	writer_u32(&w, m->parent_remid);
	writer_u32(&w, m->exflags);
	writer_u32(&w, m->sbflags);
	writer_u32(&w, m->flags);
	writer_u32(&w, m->lvbseq);
	writer_u32(&w, m->hash);
	writer_u32(&w, (uint32_t)m->status);
	writer_u32(&w, (uint32_t)m->grmode);
	writer_u32(&w, (uint32_t)m->rqmode);
	writer_u32(&w, (uint32_t)m->bastmode);
	writer_u32(&w, (uint32_t)m->asts);
	writer_u32(&w, (uint32_t)m->result);
	writer_bytes(&w, m->extra.p, m->extra.n);
	return finish(&w, p, m->version, m->lockspace, m->sender, WIRE_MSG);
}

static void encode_status_reply(struct writer *w, const struct dlm_status_reply *s)
{
	writer_u32(w, s->lvblen);
	writer_u32(w, s->lsflags);
	writer_u32(w, s->flags);
	writer_u16(w, s->our_slot);
	writer_u16(w, s->n_slots);
	writer_u32(w, s->generation);
	writer_zero(w, 4 + 8);
	writer_bytes(w, s->slots.p, s->slots.n);
}

static void encode_names_reply(struct writer *w, const struct dlm_names_reply *s)
{
	uint16_t mark = s->last ? NAMES_END : 0;

	writer_bytes(w, s->list.p, s->list.n);
	writer_u16(w, mark);
	writer_zero(w, s->body - s->list.n - 2);
}

static void encode_lock(struct writer *w, const struct dlm_rcom_lock *l)
{
	writer_u32(w, l->pid);
	writer_u32(w, l->lkid);
	writer_u32(w, l->remid);
	writer_u32(w, l->parent_lkid);
	writer_u32(w, l->parent_remid);
	writer_u32(w, l->exflags);
	writer_u32(w, l->flags);
	writer_u32(w, l->lvbseq);
	writer_u32(w, (uint32_t)l->result);
	writer_u8(w, (uint8_t)l->rqmode);
	writer_u8(w, (uint8_t)l->grmode);
	writer_u8(w, (uint8_t)l->status);
	writer_u8(w, (uint8_t)l->asts);
	writer_u16(w, l->wait_type);
	writer_u16(w, l->namelen);
	writer_bytes(w, l->name, sizeof l->name);
	writer_bytes(w, l->lvb.p, l->lvb.n);
}

static int encode_body(struct writer *w, const struct dlm_rcom *r)
{
	switch ((enum dlm_rcom_type)r->type) {
	case DLM_RCOM_STATUS:
		writer_u32(w, r->status.flags);
		writer_zero(w, STATUS_BODY - 4);
		return 0;
	case DLM_RCOM_STATUS_REPLY:
		if (r->status_reply.slots.n != (size_t)r->status_reply.n_slots * DLM_SLOT_BYTES)
			return -EINVAL;
		encode_status_reply(w, &r->status_reply);
		return 0;
	case DLM_RCOM_NAMES:
	case DLM_RCOM_LOOKUP:
		if (r->name.n > DLM_NAME_MAX || (r->type == DLM_RCOM_LOOKUP && !r->name.n))
			return -EINVAL;
		writer_bytes(w, r->name.p, r->name.n);
		return 0;
	case DLM_RCOM_NAMES_REPLY:
		if (r->names_reply.list.n + 2 > r->names_reply.body)
			return -EINVAL;
		encode_names_reply(w, &r->names_reply);
		return 0;
	case DLM_RCOM_LOOKUP_REPLY:
		return 0;
	case DLM_RCOM_LOCK:
	case DLM_RCOM_LOCK_REPLY:
		if (r->lock.namelen > DLM_NAME_MAX ||
		    (r->type == DLM_RCOM_LOCK_REPLY && r->lock.lvb.n))
			return -EINVAL;
		encode_lock(w, &r->lock);
		return 0;
	}
	return -EINVAL;
}

int dlm_rcom_encode(const struct dlm_rcom *r, uint8_t *p, size_t room)
{
	struct writer w = begin(p, room);

	writer_u32(&w, r->type);
	writer_u32(&w, (uint32_t)r->result);
	writer_u64(&w, r->id);
	writer_u64(&w, r->seq);
	writer_u64(&w, r->seq_reply);
	if (encode_body(&w, r) < 0)
		return -EINVAL;
	return finish(&w, p, r->version, r->lockspace, r->sender, WIRE_RCOM);
}

/* ---- parts ---- */

struct dlm_slot dlm_slot_get(const struct dlm_status_reply *s, unsigned i)
{
	const uint8_t *p = s->slots.p + (size_t)i * DLM_SLOT_BYTES;

	return (struct dlm_slot) { get_le32(p), get_le16(p + 4) };
}

void dlm_slot_put(uint8_t p[DLM_SLOT_BYTES], struct dlm_slot slot)
{
	memset(p, 0, DLM_SLOT_BYTES);
	put_le32(p, slot.nodeid);
	put_le16(p + 4, slot.slot);
}

bool dlm_names_next(struct span *list, struct span *ret)
{
	uint16_t mark;
	int n = front_name(*list, &mark);

	if (n <= 0)
		return false;
	*ret = (struct span) { list->p + 2, (size_t)n };
	list->p += 2 + n;
	list->n -= 2 + (size_t)n;
	return true;
}

bool dlm_names_add(uint8_t *list, size_t room, size_t *used, struct span name)
{
	uint8_t *p = list + *used;

	if (name.n == 0 || name.n > DLM_NAME_MAX || *used + 2 + name.n + 2 > room)
		return false;
	p[0] = (uint8_t)(name.n >> 8);
	p[1] = (uint8_t)name.n;
	memcpy(p + 2, name.p, name.n);
	*used += 2 + name.n;
	return true;
}

/* ---- names ---- */

static const char *name_of(const char *const *names, size_t n, uint32_t i)
{
	return i < n && names[i] ? names[i] : "unknown";
}

#define NAME_OF(table, i) name_of((table), sizeof(table) / sizeof((table)[0]), (i))

const char *dlm_msg_type_name(uint32_t type)
{
	static const char *const names[] = {
		NULL, "REQUEST", "CONVERT", "UNLOCK", "CANCEL", "REQUEST_REPLY",
		"CONVERT_REPLY", "UNLOCK_REPLY", "CANCEL_REPLY", "GRANT", "BAST",
		"LOOKUP", "REMOVE", "LOOKUP_REPLY", "PURGE",
	};

	return NAME_OF(names, type);
}

const char *dlm_rcom_type_name(uint32_t type)
{
	static const char *const names[] = {
		NULL, "STATUS", "NAMES", "LOOKUP", "LOCK", "STATUS_REPLY",
		"NAMES_REPLY", "LOOKUP_REPLY", "LOCK_REPLY",
	};

	return NAME_OF(names, type);
}

const char *dlm_mode_name(int mode)
{
	static const char *const names[] = { "IV", "NL", "CR", "CW", "PR", "PW", "EX" };

	return NAME_OF(names, (uint32_t)mode + 1);
}

const char *dlm_lock_status_name(int status)
{
	static const char *const names[] = { NULL, "WAITING", "GRANTED", "CONVERT" };

	return NAME_OF(names, (uint32_t)status);
}

static const char *bit_name(const char *const *names, size_t n, uint32_t bit)
{
	for (size_t i = 0; i < n; i++)
		if (bit == 1u << i)
			return names[i];
	return NULL;
}

const char *dlm_status_bit_name(uint32_t bit)
{
	static const char *const names[] = {
		"NODES", "NODES_ALL", "DIR", "DIR_ALL", "LOCKS", "LOCKS_ALL", "DONE",
		"DONE_ALL",
	};

	return bit_name(names, sizeof names / sizeof names[0], bit);
}

const char *dlm_lkf_name(uint32_t bit)
{
	static const char *const names[] = {
		"NOQUEUE", "CANCEL", "CONVERT", "VALBLK", "QUECVT", "IVVALBLK",
		"CONVDEADLK", "PERSISTENT", "NODLCKWT", "NODLCKBLK", "EXPEDITE",
		"NOQUEUEBAST", "HEADQUE", "NOORDER", "ORPHAN", "ALTPR", "ALTCW",
		"FORCEUNLOCK", "TIMEOUT",
	};

	return bit_name(names, sizeof names / sizeof names[0], bit);
}
