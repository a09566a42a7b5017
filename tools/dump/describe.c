/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names and fields of the envelope and of the native frames.
 * Knows nothing of other frames, and of a kernel's messages only where they begin.
 */
#include "tools/dump/describe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/wire.h"
#include "tools/dump/kernel.h"

void describe_malformed(struct described *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(d->malformed, sizeof(d->malformed), fmt, args);
	va_end(args);
}

/* ---- names of bits and types ---- */

static const char *hello_flag_name(uint32_t bit)
{
	switch (bit) {
	case WIRE_HELLO_CHOSEN:
		return "CHOSEN";
	case WIRE_HELLO_LEAVING:
		return "LEAVING";
	}
	return NULL;
}

static const char *status_flag_name(uint32_t bit)
{
	switch (bit) {
	case WIRE_STATUS_RX_PAUSED:
		return "RX_PAUSED";
	case WIRE_STATUS_SHORT:
		return "SHORT";
	}
	return NULL;
}

static const char *path_flag_name(uint32_t bit)
{
	switch (bit) {
	case WIRE_PATH_PADDED:
		return "PADDED";
	case WIRE_PATH_LOST:
		return "LOST";
	}
	return NULL;
}

static const char *tlv_name(uint16_t type)
{
	switch ((enum wire_tlv)type) {
	case WIRE_TLV_FRAGMENT:
		return "FRAGMENT";
	case WIRE_TLV_GROUP:
		return "GROUP";
	case WIRE_TLV_LIMITS:
		return "LIMITS";
	case WIRE_TLV_PATH:
		return "PATH";
	case WIRE_TLV_PADDING:
		return "PADDING";
	}
	return NULL;
}

/* ---- TLVs ---- */

/* Whether the fields of the frame already say what the TLV says. */
static bool is_told(uint16_t type, bool in_opts, uint8_t cmd)
{
	if (in_opts)
		return type == WIRE_TLV_FRAGMENT && cmd == WIRE_FRAGMENT;
	return type == WIRE_TLV_GROUP || type == WIRE_TLV_LIMITS;
}

/* Names those that no field tells, by type and length. */
static void say_tlvs(struct described *d, struct reader r, bool in_opts, uint8_t cmd)
{
	unsigned n = 0;

	while (r.left && !r.bad) {
		uint16_t type = reader_u16(&r);
		uint16_t len = reader_u16(&r);

		if (!reader_take(&r, len) || is_told(type, in_opts, cmd))
			continue;
		if (!n)
			fields_list(&d->fields, in_opts ? "tlvs" : "hello_tlvs");
		if (n == DESCRIBE_TLVS_MAX)
			fields_item(&d->fields, "more");
		if (n++ >= DESCRIBE_TLVS_MAX)
			continue;
		if (tlv_name(type))
			fields_item(&d->fields, "%s:%u bytes", tlv_name(type), len);
		else
			fields_item(&d->fields, "%u:%u bytes", type, len);
	}
}

/* ---- native frames; whole ones, but DATA and FRAGMENT ---- */

static void say_hello(struct described *d, const struct frame *f)
{
	struct fields *to = &d->fields;
	struct hello h;

	if (frame_hello(f, &h)) {
		describe_malformed(d, "HELLO: a field, a name or a TLV does not fit");
		return;
	}
	d->is_hello = true;
	d->mine = h.mine;
	d->yours = h.yours;
	d->next = h.next;
	fields_id(to, "mine", h.mine);
	fields_id(to, "yours", h.yours);
	fields_number(to, "next", h.next);
	fields_number(to, "gen", h.gen);
	fields_flags(to, "flags", h.flags, hello_flag_name);
	fields_bytes(to, "cluster", (const uint8_t *)h.cluster, strlen(h.cluster));
	fields_bytes(to, "group", (const uint8_t *)h.group, strlen(h.group));
	fields_number(to, "vmin", h.vmin);
	fields_number(to, "vmax", h.vmax);
	fields_number(to, "maxframe", h.maxframe);
	fields_hex(to, "features", h.features);
	fields_hex(to, "required", h.required);
	fields_number(to, "max_message", h.max_message);
	fields_number(to, "queue_bytes", h.queue_bytes);
	say_tlvs(d, (struct reader) { f->inner + sizeof(struct wire_hello),
				      f->inner_len - sizeof(struct wire_hello), false }, false, 0);
}

static void say_refuse(struct described *d, const struct frame *f)
{
	struct fields *to = &d->fields;
	struct refuse r;

	if (frame_refuse(f, &r)) {
		describe_malformed(d, "REFUSE: %u bytes, or not native", f->inner_len);
		return;
	}
	d->type = wire_reason_name(r.reason);
	fields_number(to, "reason", r.reason);
	fields_id(to, "mine", r.mine);
	fields_id(to, "yours", r.yours);
	fields_number(to, "next", r.next);
	fields_number(to, "gen", r.gen);
	fields_number(to, "wait_ms", r.wait_ms);
}

static void say_status(struct described *d, const struct frame *f)
{
	uint32_t flags;

	if (frame_status(f, &flags))
		describe_malformed(d, "STATUS: %u bytes, or not native", f->inner_len);
	else
		fields_flags(&d->fields, "flags", flags, status_flag_name);
}

static void say_probe(struct described *d, const struct frame *f)
{
	struct probe q;

	if (frame_probe(f, &q)) {
		describe_malformed(d, "%s: a field or the name does not fit", d->kind);
		return;
	}
	fields_id(&d->fields, "cookie", q.cookie);
	fields_bytes(&d->fields, "cluster", (const uint8_t *)q.cluster, strlen(q.cluster));
	if (q.flags)
		fields_flags(&d->fields, "flags", q.flags, path_flag_name);
}

static bool is_native(const struct frame *f)
{
	return get_le32(f->inner + offsetof(struct wire_header, u)) == WIRE_NATIVE;
}

/* n: bytes of the inner packet that are there. */
static void say_data(struct described *d, const struct frame *f, size_t n)
{
	uint32_t total, offset;

	fields_number(&d->fields, "len", f->inner_len - WIRE_HEADER);
	d->payload = f->inner + WIRE_HEADER;
	d->n_payload = n - WIRE_HEADER;
	if (!is_native(f))
		describe_malformed(d, "%s: the inner header is not native", d->kind);
	if (f->nextcmd != WIRE_FRAGMENT)
		return;
	if (frame_fragment(f, &total, &offset)) {
		describe_malformed(d, "FRAGMENT without its TLV, or with two");
		return;
	}
	fields_number(&d->fields, "total", total);
	fields_number(&d->fields, "offset", offset);
}

static void say_leaving(struct described *d, const struct frame *f)
{
	if (!is_native(f))
		describe_malformed(d, "LEAVING: the inner header is not native");
}

/* ---- the envelope ---- */

static void say_unknown(struct described *d, const struct frame *f, size_t n)
{
	fields_number(&d->fields, "command", f->nextcmd);
	fields_number(&d->fields, "len", f->inner_len - WIRE_HEADER);
	d->payload = f->inner + WIRE_HEADER;
	d->n_payload = n - WIRE_HEADER;
}

static bool is_sequenced(uint8_t nextcmd)
{
	return nextcmd == WIRE_DATA || nextcmd == WIRE_FRAGMENT || nextcmd == WIRE_FIN_CMD ||
	       nextcmd == WIRE_MSG || nextcmd == WIRE_RCOM;
}

/* n bytes of the inner packet are there; the fields of an incomplete one are not told. */
static void say_inner(struct described *d, const struct frame *f, size_t n)
{
	bool whole = n == f->inner_len;

	switch ((enum wire_cmd)f->nextcmd) {
	case WIRE_DATA:
	case WIRE_FRAGMENT:
		say_data(d, f, n);
		return;
	case WIRE_HELLO:
		if (whole)
			say_hello(d, f);
		return;
	case WIRE_REFUSE:
		if (whole)
			say_refuse(d, f);
		return;
	case WIRE_STATUS:
		if (whole)
			say_status(d, f);
		return;
	case WIRE_PROBE:
	case WIRE_PROBE_REPLY:
		if (whole)
			say_probe(d, f);
		return;
	case WIRE_LEAVING:
		say_leaving(d, f);
		return;
	case WIRE_MSG:
		if (whole)
			kernel_message(d, f->inner, n);
		else
			kernel_type(d, f->inner, n, true);
		return;
	case WIRE_RCOM:
		if (whole)
			kernel_rcom(d, f->inner, n);
		else
			kernel_type(d, f->inner, n, false);
		return;
	case WIRE_FIN_CMD:
		return;
	case WIRE_OPTS_CMD:
	case WIRE_ACK:
		break;
	}
	say_unknown(d, f, n);
}

static void say_opts(struct described *d, const struct frame *f, size_t n)
{
	size_t inner_at = WIRE_OPTS + (size_t)f->optlen;

	d->kind = wire_cmd_name(f->nextcmd);
	if (f->nextcmd >= WIRE_DATA)
		d->profile = DESCRIBE_NATIVE;
	else if (f->nextcmd == WIRE_MSG || f->nextcmd == WIRE_RCOM)
		d->profile = DESCRIBE_KERNEL;
	d->is_sequenced = is_sequenced(f->nextcmd);
	d->seq = f->u;
	if (d->is_sequenced)
		fields_number(&d->fields, "seq", d->seq);
	say_inner(d, f, n - inner_at);
	if (!frame_tlvs_ok(f))
		describe_malformed(d, "the TLVs do not add up to optlen %u", f->optlen);
	say_tlvs(d, (struct reader) { f->opts, f->optlen, false }, true, f->nextcmd);
}

/* ---- what cannot be parsed ---- */

static void explain(struct described *d, const uint8_t *p, size_t n)
{
	uint32_t version = get_le32(p);
	uint8_t cmd = p[offsetof(struct wire_header, cmd)];
	size_t optlen;

	d->kind = wire_cmd_name(cmd);
	if (version != WIRE_VERSION_3_2 && version != WIRE_VERSION_3_1) {
		describe_malformed(d, "version %u.%u", version >> 16, version & 0xffff);
	} else if (cmd == WIRE_ACK) {
		describe_malformed(d, "ACK of %zu bytes", n);
	} else if (cmd != WIRE_OPTS_CMD) {
		describe_malformed(d, "command %u outside of OPTS", cmd);
	} else if (n < WIRE_OPTS + WIRE_HEADER) {
		describe_malformed(d, "OPTS of %zu bytes", n);
	} else {
		optlen = get_le16(p + offsetof(struct wire_opts, optlen));
		d->kind = wire_cmd_name(p[offsetof(struct wire_opts, nextcmd)]);
		if (n < WIRE_OPTS + WIRE_HEADER + optlen)
			describe_malformed(d, "optlen %zu in %zu bytes", optlen, n);
		else
			describe_malformed(d, "the inner header contradicts the envelope");
	}
}

/* Whether all that frame_parse() looks at is there. */
static bool headers_are_there(const uint8_t *p, size_t n, size_t length)
{
	size_t need;

	if (n == length || p[offsetof(struct wire_header, cmd)] != WIRE_OPTS_CMD)
		return true;
	if (n < WIRE_OPTS)
		return false;
	need = WIRE_OPTS + get_le16(p + offsetof(struct wire_opts, optlen)) + WIRE_HEADER;
	return n >= need || length < need;
}

static void say_bare(struct described *d, const struct frame *f, const uint8_t *p, size_t n)
{
	bool is_msg = f->cmd == WIRE_MSG;

	if (f->cmd == WIRE_ACK) {
		d->is_ack = true;
		d->seq = f->u;
		fields_number(&d->fields, "next", f->u);
		return;
	}
	d->profile = DESCRIBE_KERNEL;
	if (n < f->length)
		kernel_type(d, p, n, is_msg);
	else if (is_msg)
		kernel_message(d, p, n);
	else
		kernel_rcom(d, p, n);
}

void describe(const uint8_t *p, size_t n, size_t length, struct described *ret)
{
	struct frame f;

	ret->kind = wire_cmd_name(p[offsetof(struct wire_header, cmd)]);
	ret->type = "";
	ret->profile = DESCRIBE_EITHER;
	ret->nodeid = get_le32(p + offsetof(struct wire_header, nodeid));
	ret->is_sequenced = ret->is_ack = ret->is_hello = false;
	ret->seq = 0;
	ret->mine = ret->yours = 0;
	ret->next = 0;
	ret->malformed[0] = '\0';
	ret->length = length;
	ret->payload = NULL;
	ret->n_payload = 0;
	fields_clear(&ret->fields);
	if (!headers_are_there(p, n, length))
		return;
	if (frame_parse(p, length, &f)) {
		explain(ret, p, length);
		ret->payload = p + WIRE_HEADER;
		ret->n_payload = n - WIRE_HEADER;
		return;
	}
	if (f.version == WIRE_VERSION_3_1)
		fields_text(&ret->fields, "version", "3.1");
	if (f.cmd == WIRE_OPTS_CMD)
		say_opts(ret, &f, n);
	else
		say_bare(ret, &f, p, n);
}
