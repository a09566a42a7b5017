/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/decode.h"

#include <string.h>

#define HEADER		16u
#define OPTS		24u
#define TLV_HEADER	4u
#define NAME		64u	/* size of a field that has a text and zeros behind it */

#define LENGTH_OF(a)	(sizeof(a) / sizeof((a)[0]))

enum {
	MSG = 1, RCOM, OPTS_CMD, ACK, FIN,
	DATA = 0x40, HELLO, FRAGMENT, REFUSE, LEAVING, PROBE, PROBE_REPLY, STATUS, CALL,
};

enum { TLV_FRAGMENT = 1, TLV_GROUP, TLV_LIMITS, TLV_PATH, TLV_CALLS = 6 };

static const struct kind {
	uint8_t cmd;
	const char *name;
	bool is_sequenced;	/* inside OPTS */
	size_t fixed;		/* bytes before the TLVs that the inner packet may have */
} kinds[] = {
	{ MSG, "MSG", true, 0 },
	{ RCOM, "RCOM", true, 0 },
	{ ACK, "ACK", false, 0 },
	{ FIN, "FIN", true, 0 },
	{ DATA, "DATA", true, 0 },
	{ HELLO, "HELLO", false, 128 },
	{ FRAGMENT, "FRAGMENT", true, 0 },
	{ REFUSE, "REFUSE", false, 0 },
	{ LEAVING, "LEAVING", false, 0 },
	{ PROBE, "PROBE", false, 88 },
	{ PROBE_REPLY, "PROBE_REPLY", false, 88 },
	{ STATUS, "STATUS", false, 0 },
	{ CALL, "CALL", true, 0 },
};

static const char *const msg_types[] = {
	"unknown", "REQUEST", "CONVERT", "UNLOCK", "CANCEL", "REQUEST_REPLY", "CONVERT_REPLY",
	"UNLOCK_REPLY", "CANCEL_REPLY", "GRANT", "BAST", "LOOKUP", "REMOVE", "LOOKUP_REPLY",
	"PURGE",
};

static const char *const rcom_types[] = {
	"unknown", "STATUS", "NAMES", "LOOKUP", "LOCK", "STATUS_REPLY", "NAMES_REPLY",
	"LOOKUP_REPLY", "LOCK_REPLY",
};

static const char *const reasons[] = {
	"unknown", "STALE", "FAILED", "CLOSED", "LEAVING", "CLUSTER", "VERSION", "FEATURE",
	"PROTOCOL", "IDENTITY", "CLAIMED",
};

/* A number, a reason or a text at a place of a packet of that command, or of a TLV of that type. */
struct field {
	unsigned of;
	const char *name;
	size_t at, size;
};

static const struct field packet_fields[] = {
	{ HELLO, "mine", 16, 8 },
	{ HELLO, "yours", 24, 8 },
	{ HELLO, "next", 32, 4 },
	{ HELLO, "gen", 36, 4 },
	{ HELLO, "flags", 40, 1 },
	{ HELLO, "vmin", 41, 1 },
	{ HELLO, "vmax", 42, 1 },
	{ HELLO, "maxframe", 44, 4 },
	{ HELLO, "features", 48, 8 },
	{ HELLO, "required", 56, 8 },
	{ HELLO, "cluster", 64, NAME },
	{ REFUSE, "mine", 16, 8 },
	{ REFUSE, "yours", 24, 8 },
	{ REFUSE, "reason", 32, 4 },
	{ REFUSE, "next", 36, 4 },
	{ REFUSE, "gen", 40, 4 },
	{ REFUSE, "wait_ms", 44, 4 },
	{ PROBE, "cookie", 16, 8 },
	{ PROBE, "cluster", 24, NAME },
	{ PROBE_REPLY, "cookie", 16, 8 },
	{ PROBE_REPLY, "cluster", 24, NAME },
	{ STATUS, "flags", 16, 4 },
};

static const struct field tlv_fields[] = {
	{ TLV_FRAGMENT, "total", 0, 4 },
	{ TLV_FRAGMENT, "offset", 4, 4 },
	{ TLV_LIMITS, "max_message", 0, 4 },
	{ TLV_LIMITS, "queue_bytes", 4, 4 },
	{ TLV_PATH, "path", 0, 4 },
	{ TLV_CALLS, "version", 0, 1 },
	{ TLV_CALLS, "slots", 2, 2 },
	{ TLV_CALLS, "window", 4, 4 },
	{ TLV_CALLS, "piece", 8, 4 },
};

/* ---- reading ---- */

/* A little-endian number of n bytes. */
static uint64_t number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static struct decoded_header header(const uint8_t *p)
{
	return (struct decoded_header) {
		.version = (uint32_t)number(p, 4),
		.u = (uint32_t)number(p + 4, 4),
		.nodeid = (uint32_t)number(p + 8, 4),
		.length = (size_t)number(p + 12, 2),
		.cmd = p[14],
	};
}

static const struct kind *kind_of(uint8_t cmd)
{
	for (size_t i = 0; i < LENGTH_OF(kinds); i++)
		if (kinds[i].cmd == cmd)
			return &kinds[i];
	return NULL;
}

static const char *one_of(const char *const *names, size_t n, uint64_t i)
{
	return names[i < n ? i : 0];
}

static const char *type_of(const struct decoded *d)
{
	uint64_t type;

	if ((d->inner.cmd != MSG && d->inner.cmd != RCOM) || d->inner.length < HEADER + 4)
		return "";
	type = number(d->packet + HEADER, 4);
	if (d->inner.cmd == MSG)
		return one_of(msg_types, LENGTH_OF(msg_types), type);
	return one_of(rcom_types, LENGTH_OF(rcom_types), type);
}

/* The inner packet repeats what the envelope says of it. */
static bool open_envelope(const uint8_t *p, size_t n, struct decoded *d)
{
	if (n < OPTS)
		return false;
	d->in_opts = true;
	d->tlvs = p + OPTS;
	d->optlen = (size_t)number(p + 18, 2);
	if (n < OPTS + d->optlen + HEADER)
		return false;
	d->packet = d->tlvs + d->optlen;
	d->inner = header(d->packet);
	return d->inner.version == d->outer.version && d->inner.nodeid == d->outer.nodeid &&
	       d->inner.length == n - OPTS - d->optlen && d->inner.cmd == p[16];
}

bool decode(const uint8_t *p, size_t n, struct decoded *ret)
{
	struct decoded d = { .packet = p };
	const struct kind *kind;

	if (n < HEADER)
		return false;
	d.outer = d.inner = header(p);
	if (d.outer.length != n || (d.outer.version != 0x30001 && d.outer.version != 0x30002))
		return false;
	switch (d.outer.cmd) {
	case OPTS_CMD:
		if (!open_envelope(p, n, &d))
			return false;
		break;
	case ACK:
		if (n != HEADER)
			return false;
		break;
	case MSG:
	case RCOM:
		break;
	default:
		return false;
	}
	kind = kind_of(d.inner.cmd);
	d.kind = kind ? kind->name : "unknown";
	d.is_sequenced = d.in_opts && kind && kind->is_sequenced;
	d.type = type_of(&d);
	*ret = d;
	return true;
}

/* ---- printing ---- */

static void print_field(FILE *out, const struct field *f, const uint8_t *p)
{
	uint64_t v;

	fprintf(out, " %s=", f->name);
	if (f->size == NAME) {
		fprintf(out, "%.*s", (int)NAME, (const char *)p);
		return;
	}
	v = number(p, f->size);
	if (!strcmp(f->name, "reason"))
		fputs(one_of(reasons, LENGTH_OF(reasons), v), out);
	else
		fprintf(out, f->size == 8 ? "%llx" : "%llu", (unsigned long long)v);
}

/* Those of n bytes at p. */
static void print_fields(FILE *out, const struct field *fields, size_t n_fields, unsigned of,
			 const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n_fields; i++)
		if (fields[i].of == of && fields[i].at + fields[i].size <= n)
			print_field(out, &fields[i], p + fields[i].at);
}

static void print_tlvs(FILE *out, const uint8_t *p, size_t n)
{
	while (n >= TLV_HEADER) {
		unsigned type = (unsigned)number(p, 2);
		size_t length = (size_t)number(p + 2, 2);

		p += TLV_HEADER;
		n -= TLV_HEADER;
		if (length > n)
			return;
		if (type == TLV_GROUP)
			fprintf(out, " group=%.*s", (int)length, (const char *)p);
		print_fields(out, tlv_fields, LENGTH_OF(tlv_fields), type, p, length);
		p += length;
		n -= length;
	}
}

void decode_print(FILE *out, const struct decoded *d)
{
	const struct kind *kind = kind_of(d->inner.cmd);

	fprintf(out, "%s node=%u", d->kind, d->outer.nodeid);
	if (d->is_sequenced)
		fprintf(out, " seq=%u", d->outer.u);
	if (d->inner.cmd == ACK && !d->in_opts)
		fprintf(out, " next=%u", d->outer.u);
	if (*d->type)
		fprintf(out, " ls=%x %s", d->inner.u, d->type);
	if (d->inner.cmd == DATA || d->inner.cmd == FRAGMENT || d->inner.cmd == CALL)
		fprintf(out, " body=%zu", d->inner.length - HEADER);
	print_fields(out, packet_fields, LENGTH_OF(packet_fields), d->inner.cmd, d->packet,
		     d->inner.length);
	print_tlvs(out, d->tlvs, d->optlen);
	if (kind && kind->fixed && kind->fixed < d->inner.length)
		print_tlvs(out, d->packet + kind->fixed, d->inner.length - kind->fixed);
}
