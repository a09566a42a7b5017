/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the encoding and decoding of single frames. Knows nothing of what a
 * frame means to a session.
 */
#include "wire.h"

#include <assert.h>
#include <errno.h>

const uint8_t *reader_take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	assert(!r->left || r->p);
	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

uint8_t reader_u8(struct reader *r)
{
	const uint8_t *p = reader_take(r, 1);

	return p ? *p : 0;
}

uint16_t reader_u16(struct reader *r)
{
	const uint8_t *p = reader_take(r, 2);

	return p ? get_le16(p) : 0;
}

uint32_t reader_u32(struct reader *r)
{
	const uint8_t *p = reader_take(r, 4);

	return p ? get_le32(p) : 0;
}

uint64_t reader_u64(struct reader *r)
{
	const uint8_t *p = reader_take(r, 8);

	return p ? get_le64(p) : 0;
}

uint8_t *writer_take(struct writer *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->full || n > w->left) {
		w->full = true;
		return NULL;
	}
	w->p += n;
	w->left -= n;
	return p;
}

void writer_u8(struct writer *w, uint8_t v)
{
	uint8_t *p = writer_take(w, 1);

	if (p)
		*p = v;
}

void writer_u16(struct writer *w, uint16_t v)
{
	uint8_t *p = writer_take(w, 2);

	if (p)
		put_le16(p, v);
}

void writer_u32(struct writer *w, uint32_t v)
{
	uint8_t *p = writer_take(w, 4);

	if (p)
		put_le32(p, v);
}

void writer_u64(struct writer *w, uint64_t v)
{
	uint8_t *p = writer_take(w, 8);

	if (p)
		put_le64(p, v);
}

void writer_zero(struct writer *w, size_t n)
{
	uint8_t *p = writer_take(w, n);

	if (p && n)
		memset(p, 0, n);
}

void writer_bytes(struct writer *w, const void *src, size_t n)
{
	uint8_t *p = writer_take(w, n);

	if (p && n)
		memcpy(p, src, n);
}

/* ---- the numbers of HELLO and REFUSE: their bits, and the name in both structs ---- */

#define HELLO_NUMBERS(F, w, h) \
	F(64, mine, w, h) F(64, yours, w, h) F(32, next, w, h) F(32, gen, w, h) \
	F(32, maxframe, w, h) F(64, features, w, h) F(64, required, w, h)
#define REFUSE_NUMBERS(F, w, r) \
	F(64, mine, w, r) F(64, yours, w, r) F(32, reason, w, r) F(32, next, w, r) \
	F(32, gen, w, r) F(32, wait_ms, w, r)
#define GET(bits, name, w, to) (to)->name = get_le ## bits((w)->name);
#define PUT(bits, name, w, from) put_le ## bits((w)->name, (from)->name);

/* ---- decoding ---- */

int frame_length(const uint8_t *p, size_t n)
{
	const struct wire_header *h = (const struct wire_header *)p;
	uint16_t length;

	if (n < WIRE_HEADER)
		return 0;
	length = get_le16(h->length);
	if (length < WIRE_HEADER)
		return -EBADMSG;
	if (get_le16(h->version + 2) != WIRE_VERSION_3_2 >> 16)
		return -EPROTONOSUPPORT;
	return length;
}

static int parse_inner(const uint8_t *p, size_t n, struct frame *f)
{
	const struct wire_opts *o = (const struct wire_opts *)p;
	const struct wire_header *in;

	if (n < WIRE_OPTS)
		return -EBADMSG;
	f->nextcmd = o->nextcmd;
	f->optlen = get_le16(o->optlen);
	if (n < WIRE_OPTS + WIRE_HEADER + (size_t)f->optlen)
		return -EBADMSG;
	f->opts = p + WIRE_OPTS;
	f->inner = f->opts + f->optlen;
	f->inner_len = (uint16_t)(n - WIRE_OPTS - f->optlen);
	assert(f->inner + f->inner_len == p + n);
	in = (const struct wire_header *)f->inner;
	if (get_le32(in->version) != f->version || get_le16(in->length) != f->inner_len ||
	    in->cmd != f->nextcmd || get_le32(in->nodeid) != f->nodeid)
		return -EBADMSG;
	return 0;
}

int frame_parse(const uint8_t *p, size_t n, struct frame *f)
{
	const struct wire_header *h = (const struct wire_header *)p;

	if (n < WIRE_HEADER || get_le16(h->length) != n)
		return -EBADMSG;
	*f = (struct frame) {
		.version = get_le32(h->version),
		.u = get_le32(h->u),
		.nodeid = get_le32(h->nodeid),
		.length = (uint16_t)n,
		.cmd = h->cmd,
	};
	if (f->version != WIRE_VERSION_3_2 && f->version != WIRE_VERSION_3_1)
		return -EPROTONOSUPPORT;
	switch (f->cmd) {
	case WIRE_OPTS_CMD:
		return parse_inner(p, n, f);
	case WIRE_ACK:
		return n == WIRE_HEADER ? 0 : -EBADMSG;
	case WIRE_MSG:
	case WIRE_RCOM:
		return 0;
	default:
		return -EBADMSG;
	}
}

/* The value of the next TLV, or NULL: there is none (r->bad says if one was cut short). */
static const uint8_t *next_tlv(struct reader *r, uint16_t *ret_type, uint16_t *ret_len)
{
	if (!r->left)
		return NULL;
	*ret_type = reader_u16(r);
	*ret_len = reader_u16(r);
	return reader_take(r, *ret_len);
}

bool frame_tlvs_ok(const struct frame *f)
{
	struct reader r = { .p = f->opts, .left = f->optlen };
	uint16_t type, len;

	while (next_tlv(&r, &type, &len))
		;
	return !r.bad;
}

static bool native(const struct frame *f, size_t min_len)
{
	const struct wire_header *in = (const struct wire_header *)f->inner;

	return f->inner_len >= min_len && get_le32(in->u) == WIRE_NATIVE;
}

static bool copy_name(char *dst, const uint8_t *src, size_t n)
{
	if (!memchr(src, 0, n))
		return false;
	memcpy(dst, src, n);
	return true;
}

/* A later version keeps these fields, and may have more behind them. */
static int calls_tlv(const uint8_t *v, size_t len, struct service_grant *calls)
{
	if (len < WIRE_CALLS_TLV || v[0] < WIRE_CALLS_VERSION)
		return -EBADMSG;
	calls->slots = get_le16(v + 2);
	calls->window = get_le32(v + 4);
	calls->piece = get_le32(v + 8);
	return grant_is_valid(calls) ? 0 : -EBADMSG;
}

static int hello_tlvs(struct reader *r, struct hello *h)
{
	const uint8_t *v;
	uint16_t type, len;

	while ((v = next_tlv(r, &type, &len))) {
		if (type == WIRE_TLV_GROUP) {
			if (len >= WIRE_NAME_MAX || memchr(v, 0, len))
				return -EBADMSG;
			memcpy(h->group, v, len);
			h->group[len] = 0;
		} else if (type == WIRE_TLV_LIMITS) {
			if (len < 8)
				return -EBADMSG;
			h->max_message = get_le32(v);
			h->queue_bytes = get_le32(v + 4);
		} else if (type == WIRE_TLV_CALLS && calls_tlv(v, len, &h->calls)) {
			return -EBADMSG;
		}
	}
	return r->bad || !h->calls.slots != !(h->features & WIRE_FEATURE_CALLS) ? -EBADMSG : 0;
}

int frame_hello(const struct frame *f, struct hello *h)
{
	const struct wire_hello *w = (const struct wire_hello *)f->inner;
	struct reader r;

	if (!native(f, sizeof *w))
		return -EBADMSG;
	*h = (struct hello) { .flags = w->flags, .vmin = w->vmin, .vmax = w->vmax };
	HELLO_NUMBERS(GET, w, h)
	if (!h->mine || !copy_name(h->cluster, w->cluster, sizeof w->cluster))
		return -EBADMSG;
	r = (struct reader) { f->inner + sizeof *w, f->inner_len - sizeof *w, false };
	return hello_tlvs(&r, h);
}

int frame_refuse(const struct frame *f, struct refuse *r)
{
	const struct wire_refuse *w = (const struct wire_refuse *)f->inner;

	if (!native(f, sizeof *w))
		return -EBADMSG;
	REFUSE_NUMBERS(GET, w, r)
	return 0;
}

int frame_status(const struct frame *f, uint32_t *ret_flags)
{
	const struct wire_status *w = (const struct wire_status *)f->inner;

	if (!native(f, sizeof *w))
		return -EBADMSG;
	*ret_flags = get_le32(w->flags);
	return 0;
}

static int probe_tlvs(struct reader *r, struct probe *q)
{
	const uint8_t *v;
	uint16_t type, len;

	while ((v = next_tlv(r, &type, &len))) {
		if (type != WIRE_TLV_PATH)
			continue;
		if (len < 4)
			return -EBADMSG;
		q->flags = get_le32(v);
	}
	return r->bad ? -EBADMSG : 0;
}

int frame_probe(const struct frame *f, struct probe *q)
{
	const struct wire_probe *w = (const struct wire_probe *)f->inner;
	struct reader r;

	if (!native(f, sizeof *w))
		return -EBADMSG;
	q->cookie = get_le64(w->cookie);
	q->flags = 0;
	if (!copy_name(q->cluster, w->cluster, sizeof w->cluster))
		return -EBADMSG;
	r = (struct reader) { f->inner + sizeof *w, f->inner_len - sizeof *w, false };
	return probe_tlvs(&r, q);
}

int frame_padded_probe(const uint8_t *p, struct frame *f, struct probe *q)
{
	const struct wire_opts *o = (const struct wire_opts *)p;
	const uint8_t *tlv = p + WIRE_OPTS + sizeof(struct wire_probe);
	size_t length = get_le16(o->h.length);

	/* Nothing but these may make the decoders look behind the head. */
	if (length < WIRE_PROBE_HEAD || length > WIRE_PROBE_MAX || o->h.cmd != WIRE_OPTS_CMD ||
	    o->nextcmd != WIRE_PROBE || get_le16(o->optlen) ||
	    get_le16(tlv) != WIRE_TLV_PADDING || get_le16(tlv + 2) != length - WIRE_PROBE_HEAD)
		return -EBADMSG;
	return frame_parse(p, length, f) || frame_probe(f, q) ? -EBADMSG : 0;
}

int frame_fragment(const struct frame *f, uint32_t *ret_total, uint32_t *ret_offset)
{
	struct reader r = { .p = f->opts, .left = f->optlen };
	uint32_t total = 0, offset = 0;
	const uint8_t *v;
	uint16_t type, len;
	int n = 0;

	while ((v = next_tlv(&r, &type, &len))) {
		if (type != WIRE_TLV_FRAGMENT)
			continue;
		if (len < 8)
			return -EBADMSG;
		total = get_le32(v);
		offset = get_le32(v + 4);
		n++;
	}
	if (r.bad || n != 1)
		return -EBADMSG;
	*ret_total = total;
	*ret_offset = offset;
	return 0;
}

/* ---- encoding ---- */

size_t wire_put_header(uint8_t *p, uint32_t version, uint32_t u, uint32_t nodeid,
		       size_t length, uint8_t cmd)
{
	assert(length <= UINT16_MAX);
	put_le32(p, version);
	put_le32(p + 4, u);
	put_le32(p + 8, nodeid);
	put_le16(p + 12, (uint16_t)length);
	p[14] = cmd;
	p[15] = 0;
	return WIRE_HEADER;
}

static void put_opts(uint8_t *p, uint32_t nodeid, uint32_t seq, size_t length,
		     uint8_t nextcmd, size_t optlen)
{
	wire_put_header(p, WIRE_VERSION_3_2, seq, nodeid, length, WIRE_OPTS_CMD);
	p[16] = nextcmd;
	p[17] = 0;
	put_le16(p + 18, (uint16_t)optlen);
	put_le32(p + 20, 0);
}

size_t wire_put_opts(uint8_t *p, uint32_t nodeid, uint32_t seq, uint8_t nextcmd,
		     size_t inner_len)
{
	put_opts(p, nodeid, seq, WIRE_OPTS + inner_len, nextcmd, 0);
	return WIRE_OPTS;
}

/* An OPTS with an inner native packet of inner_len bytes, header filled in. */
static size_t put_native(uint8_t *p, uint32_t nodeid, uint32_t seq, uint8_t cmd,
			 size_t inner_len)
{
	wire_put_opts(p, nodeid, seq, cmd, inner_len);
	wire_put_header(p + WIRE_OPTS, WIRE_VERSION_3_2, WIRE_NATIVE, nodeid, inner_len, cmd);
	return WIRE_OPTS + inner_len;
}

size_t wire_put_ack(uint8_t *p, uint32_t nodeid, uint32_t next)
{
	return wire_put_header(p, WIRE_VERSION_3_2, next, nodeid, WIRE_HEADER, WIRE_ACK);
}

size_t wire_put_fin(uint8_t *p, uint32_t nodeid, uint32_t seq)
{
	wire_put_opts(p, nodeid, seq, WIRE_FIN_CMD, WIRE_HEADER);
	wire_put_header(p + WIRE_OPTS, WIRE_VERSION_3_2, 0, nodeid, WIRE_HEADER, WIRE_FIN_CMD);
	return WIRE_FIN;
}

size_t wire_put_frag(uint8_t *p, uint32_t nodeid, uint32_t seq, size_t body_len,
		     uint32_t total, uint32_t offset)
{
	uint8_t *tlv = p + WIRE_OPTS, *inner = tlv + WIRE_FRAG_TLV;

	assert(body_len <= WIRE_FRAME_MAX - WIRE_FRAG_OVERHEAD);
	put_opts(p, nodeid, seq, WIRE_FRAG_OVERHEAD + body_len, WIRE_FRAGMENT, WIRE_FRAG_TLV);
	put_le16(tlv, WIRE_TLV_FRAGMENT);
	put_le16(tlv + 2, 8);
	put_le32(tlv + 4, total);
	put_le32(tlv + 8, offset);
	wire_put_header(inner, WIRE_VERSION_3_2, WIRE_NATIVE, nodeid,
			WIRE_HEADER + body_len, WIRE_FRAGMENT);
	return WIRE_FRAG_OVERHEAD;
}

/* Length of a name, which need not be terminated in its field. */
static size_t name_len(const char *name)
{
	const char *end = memchr(name, 0, WIRE_NAME_MAX - 1);

	return end ? (size_t)(end - name) : WIRE_NAME_MAX - 1;
}

static void put_calls_tlv(struct writer *out, const struct service_grant *calls)
{
	assert(grant_is_valid(calls));
	writer_u16(out, WIRE_TLV_CALLS);
	writer_u16(out, WIRE_CALLS_TLV);
	writer_u8(out, WIRE_CALLS_VERSION);
	writer_u8(out, 0);
	writer_u16(out, calls->slots);
	writer_u32(out, calls->window);
	writer_u32(out, calls->piece);
}

size_t wire_put_hello(uint8_t *p, uint32_t nodeid, const struct hello *h)
{
	struct wire_hello *w = (struct wire_hello *)(p + WIRE_OPTS);
	struct writer out = { p + WIRE_OPTS + sizeof *w,
			      WIRE_CONTROL_MAX - WIRE_OPTS - sizeof *w, false };
	size_t group = name_len(h->group);

	memset(w, 0, sizeof *w);
	HELLO_NUMBERS(PUT, w, h)
	w->flags = h->flags;
	w->vmin = h->vmin;
	w->vmax = h->vmax;
	memcpy(w->cluster, h->cluster, name_len(h->cluster));
	writer_u16(&out, WIRE_TLV_GROUP);
	writer_u16(&out, (uint16_t)group);
	writer_bytes(&out, h->group, group);
	writer_u16(&out, WIRE_TLV_LIMITS);
	writer_u16(&out, 8);
	writer_u32(&out, h->max_message);
	writer_u32(&out, h->queue_bytes);
	if (h->calls.slots)
		put_calls_tlv(&out, &h->calls);
	assert(!out.full && h->mine && !h->calls.slots == !(h->features & WIRE_FEATURE_CALLS));
	return put_native(p, nodeid, 0, WIRE_HELLO, (size_t)(out.p - (uint8_t *)w));
}

size_t wire_put_refuse(uint8_t *p, uint32_t nodeid, const struct refuse *r)
{
	struct wire_refuse *w = (struct wire_refuse *)(p + WIRE_OPTS);

	REFUSE_NUMBERS(PUT, w, r)
	return put_native(p, nodeid, 0, WIRE_REFUSE, sizeof *w);
}

size_t wire_put_leaving(uint8_t *p, uint32_t nodeid)
{
	return put_native(p, nodeid, 0, WIRE_LEAVING, WIRE_HEADER);
}

size_t wire_put_status(uint8_t *p, uint32_t nodeid, uint32_t flags)
{
	struct wire_status *w = (struct wire_status *)(p + WIRE_OPTS);

	put_le32(w->flags, flags);
	put_le32(w->pad, 0);
	return put_native(p, nodeid, 0, WIRE_STATUS, sizeof *w);
}

size_t wire_put_probe(uint8_t *p, uint32_t nodeid, const struct probe *q, bool reply)
{
	struct wire_probe *w = (struct wire_probe *)(p + WIRE_OPTS);

	uint8_t *tlv = p + WIRE_OPTS + sizeof *w;
	size_t n = 0;

	memset(w, 0, sizeof *w);
	put_le64(w->cookie, q->cookie);
	memcpy(w->cluster, q->cluster, name_len(q->cluster));
	if (q->flags) {
		put_le16(tlv, WIRE_TLV_PATH);
		put_le16(tlv + 2, 4);
		put_le32(tlv + 4, q->flags);
		n = 8;
	}
	return put_native(p, nodeid, 0, reply ? WIRE_PROBE_REPLY : WIRE_PROBE, sizeof *w + n);
}

size_t wire_put_padded_probe(uint8_t *p, uint32_t nodeid, const struct probe *q, size_t size)
{
	uint8_t *tlv = p + WIRE_OPTS + sizeof(struct wire_probe);

	wire_put_probe(p, nodeid, q, false);
	put_native(p, nodeid, 0, WIRE_PROBE, size - WIRE_OPTS);
	put_le16(tlv, WIRE_TLV_PADDING);
	put_le16(tlv + 2, (uint16_t)(size - WIRE_PROBE_HEAD));
	return WIRE_PROBE_HEAD;
}

/* ---- names ---- */

const char *wire_cmd_name(uint8_t cmd)
{
	switch ((enum wire_cmd)cmd) {
	case WIRE_MSG:		return "MSG";
	case WIRE_RCOM:		return "RCOM";
	case WIRE_OPTS_CMD:	return "OPTS";
	case WIRE_ACK:		return "ACK";
	case WIRE_FIN_CMD:	return "FIN";
	case WIRE_DATA:		return "DATA";
	case WIRE_HELLO:	return "HELLO";
	case WIRE_FRAGMENT:	return "FRAGMENT";
	case WIRE_REFUSE:	return "REFUSE";
	case WIRE_LEAVING:	return "LEAVING";
	case WIRE_PROBE:	return "PROBE";
	case WIRE_PROBE_REPLY:	return "PROBE_REPLY";
	case WIRE_STATUS:	return "STATUS";
	case WIRE_CALL:		return "CALL";
	}
	return "unknown";
}

#define REASON_WORDS(name, number, cause) [number] = { #name, #name cause },

static const struct {
	const char *name, *text;
} reasons[] = { WIRE_REASONS(REASON_WORDS) };

static bool is_reason(uint32_t reason)
{
	return reason && reason < sizeof reasons / sizeof reasons[0];
}

const char *wire_reason_name(uint32_t reason)
{
	return is_reason(reason) ? reasons[reason].name : "unknown";
}

const char *wire_reason_text(uint32_t reason)
{
	return is_reason(reason) ? reasons[reason].text : "unknown";
}
