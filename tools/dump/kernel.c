/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fields and names of MSG (locks) and RCOM (recovery).
 * Knows nothing of how they travelled.
 */
#include "tools/dump/kernel.h"

#include <errno.h>

#include "proto/wire.h"
#include "tools/dump/dlm.h"

#define RESULT_CANCELLED	(-0x10001)
#define RESULT_UNLOCKED		(-0x10002)

static const char *flag_name(uint32_t bit)
{
	switch (bit) {
	case DLM_FLAG_USER:
		return "USER";
	case DLM_FLAG_MASTER_COPY:
		return "MASTER_COPY";
	}
	return NULL;
}

static const char *need_name(uint32_t bit)
{
	return bit == DLM_RCOM_NEED_SLOTS ? "NEED_SLOTS" : NULL;
}

static const char *want_name(uint32_t bit)
{
	switch (bit) {
	case 1:
		return "BLOCKING";
	case 2:
		return "COMPLETION";
	}
	return NULL;
}

/* The numbers are those of the wire, which are Linux's on x86. */
static const char *result_name(int32_t result)
{
	switch (result) {
	case -2:
		return "ENOENT";
	case -3:
		return "ESRCH";
	case -11:
		return "EAGAIN";
	case -16:
		return "EBUSY";
	case -22:
		return "EINVAL";
	case -35:
		return "EDEADLK";
	case -53:
		return "EBADR";
	case -77:
		return "EBADFD";
	case -110:
		return "ETIMEDOUT";
	case -115:
		return "EINPROGRESS";
	case RESULT_CANCELLED:
		return "CANCELLED";
	case RESULT_UNLOCKED:
		return "UNLOCKED";
	}
	return NULL;
}

static void say_result(struct fields *f, int32_t result)
{
	fields_signed(f, "result", result);
	if (result_name(result))
		fields_text(f, "error", result_name(result));
}

/* Fields that are 0 in most messages are told only when they are not. */
static void say_unless_0(struct fields *f, const char *key, uint32_t n)
{
	if (n)
		fields_hex(f, key, n);
}

static void say_lock_ids(struct fields *f, uint32_t lkid, uint32_t remid, uint32_t parent_lkid,
			 uint32_t parent_remid)
{
	fields_hex(f, "lkid", lkid);
	fields_hex(f, "remid", remid);
	say_unless_0(f, "parent_lkid", parent_lkid);
	say_unless_0(f, "parent_remid", parent_remid);
}

static void say_modes(struct fields *f, int status, int grmode, int rqmode)
{
	if (status)
		fields_text(f, "status", dlm_lock_status_name(status));
	fields_text(f, "grmode", dlm_mode_name(grmode));
	fields_text(f, "rqmode", dlm_mode_name(rqmode));
}

static void refuse(struct described *d, int error, uint32_t type)
{
	if (error == -EPROTO)
		describe_malformed(d, "%s of unknown type %u", d->kind, type);
	else
		describe_malformed(d, "%s %s: a length or a list does not fit", d->kind, d->type);
}

void kernel_type(struct described *d, const uint8_t *p, size_t n, bool is_msg)
{
	if (n < WIRE_HEADER + 4)
		return;
	d->type = is_msg ? dlm_msg_type_name(get_le32(p + WIRE_HEADER)) :
		dlm_rcom_type_name(get_le32(p + WIRE_HEADER));
}

/* ---- locks ---- */

static void say_extra(struct described *d, const struct dlm_message *m)
{
	switch (dlm_msg_extra(m->type)) {
	case DLM_EXTRA_NONE:
		break;
	case DLM_EXTRA_NAME:
		fields_bytes(&d->fields, "name", m->extra.p, m->extra.n);
		break;
	case DLM_EXTRA_LVB:
		fields_number(&d->fields, "lvb", m->extra.n);
		d->payload = m->extra.p;
		d->n_payload = m->extra.n;
		break;
	}
}

void kernel_message(struct described *d, const uint8_t *p, size_t n)
{
	struct fields *f = &d->fields;
	struct dlm_message m;
	int rc;

	kernel_type(d, p, n, true);
	rc = dlm_message_decode(p, n, &m);
	if (rc) {
		refuse(d, rc, n >= WIRE_HEADER + 4 ? get_le32(p + WIRE_HEADER) : 0);
		return;
	}
	fields_hex(f, "ls", m.lockspace);
	fields_signed(f, "m_nodeid", m.nodeid);
	fields_hex(f, "pid", m.pid);
	say_lock_ids(f, m.lkid, m.remid, m.parent_lkid, m.parent_remid);
	fields_flags(f, "exflags", m.exflags, dlm_lkf_name);
	say_unless_0(f, "sbflags", m.sbflags);
	fields_flags(f, "flags", m.flags, flag_name);
	say_unless_0(f, "lvbseq", m.lvbseq);
	say_unless_0(f, "hash", m.hash);
	say_modes(f, m.status, m.grmode, m.rqmode);
	fields_text(f, "bastmode", dlm_mode_name(m.bastmode));
	fields_flags(f, "asts", (uint32_t)m.asts, want_name);
	say_result(f, m.result);
	say_extra(d, &m);
}

/* ---- recovery ---- */

static void say_status_reply(struct fields *f, const struct dlm_rcom *r)
{
	const struct dlm_status_reply *s = &r->status_reply;
	unsigned i;

	fields_number(f, "lvblen", s->lvblen);
	fields_hex(f, "lsflags", s->lsflags);
	fields_number(f, "rf_flags", s->flags);
	fields_number(f, "our_slot", s->our_slot);
	fields_number(f, "gen", s->generation);
	fields_list(f, "slots");
	for (i = 0; i < s->n_slots; i++)
		fields_item(f, "%u:node%u", dlm_slot_get(s, i).slot, dlm_slot_get(s, i).nodeid);
}

static void say_names(struct fields *f, const struct dlm_names_reply *s)
{
	struct span list = s->list, name;

	fields_list(f, "names");
	while (dlm_names_next(&list, &name))
		fields_item_bytes(f, name.p, name.n);
	fields_text(f, "end", s->last ? "LAST" : "MORE");
}

static void say_lock(struct described *d, const struct dlm_rcom_lock *l)
{
	struct fields *f = &d->fields;

	fields_hex(f, "pid", l->pid);
	say_lock_ids(f, l->lkid, l->remid, l->parent_lkid, l->parent_remid);
	fields_flags(f, "exflags", l->exflags, dlm_lkf_name);
	fields_flags(f, "flags", l->flags, flag_name);
	fields_hex(f, "lvbseq", l->lvbseq);
	say_modes(f, l->status, l->grmode, l->rqmode);
	fields_flags(f, "asts", (uint8_t)l->asts, want_name);
	fields_number(f, "wait_type", l->wait_type);
	fields_signed(f, "lock_result", l->result);
	fields_bytes(f, "name", l->name, l->namelen);
	fields_number(f, "lvb", l->lvb.n);
	d->payload = l->lvb.p;
	d->n_payload = l->lvb.n;
}

static void say_body(struct described *d, const struct dlm_rcom *r)
{
	struct fields *f = &d->fields;

	switch ((enum dlm_rcom_type)r->type) {
	case DLM_RCOM_STATUS:
		fields_flags(f, "flags", r->status.flags, need_name);
		break;
	case DLM_RCOM_STATUS_REPLY:
		say_status_reply(f, r);
		break;
	case DLM_RCOM_NAMES:
	case DLM_RCOM_LOOKUP:
		fields_bytes(f, "name", r->name.p, r->name.n);
		break;
	case DLM_RCOM_NAMES_REPLY:
		say_names(f, &r->names_reply);
		break;
	case DLM_RCOM_LOOKUP_REPLY:
		break;
	case DLM_RCOM_LOCK:
	case DLM_RCOM_LOCK_REPLY:
		say_lock(d, &r->lock);
		break;
	}
}

void kernel_rcom(struct described *d, const uint8_t *p, size_t n)
{
	struct fields *f = &d->fields;
	struct dlm_rcom r;
	int rc;

	kernel_type(d, p, n, false);
	rc = dlm_rcom_decode(p, n, &r);
	if (rc) {
		refuse(d, rc, n >= WIRE_HEADER + 4 ? get_le32(p + WIRE_HEADER) : 0);
		return;
	}
	fields_hex(f, "ls", r.lockspace);
	if (r.type == DLM_RCOM_STATUS_REPLY && r.result >= 0)
		fields_flags(f, "state", (uint32_t)r.result, dlm_status_bit_name);
	else if (r.type == DLM_RCOM_LOOKUP_REPLY && r.result >= 0)
		fields_number(f, "master", (uint32_t)r.result);
	else
		say_result(f, r.result);
	fields_id(f, "id", r.id);
	fields_id(f, "rseq", r.seq);
	fields_id(f, "rseq_reply", r.seq_reply);
	say_body(d, &r);
}
