/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames for a peer that is played by a fuzzer's input: a byte of zero gives what an honest
 * peer would send now, any other something near it; then single bytes are changed. Knows
 * the present state of the core that it writes to, and nothing of when.
 */
#ifndef SINEW_TESTS_FUZZ_HOSTILE_H
#define SINEW_TESTS_FUZZ_HOSTILE_H

#include "tests/fuzz/world_run.h"

#define HOSTILE_FRAME_MAX	(WIRE_FRAG_OVERHEAD + 4096u)

enum hostile_kind {
	HOSTILE_HELLO, HOSTILE_DATA, HOSTILE_ACK, HOSTILE_FRAGMENT, HOSTILE_FIN, HOSTILE_STATUS,
	HOSTILE_LEAVING, HOSTILE_REFUSE, HOSTILE_PROBE, HOSTILE_DLM, HOSTILE_BARE, HOSTILE_TLV,
	HOSTILE_RAW, HOSTILE_KINDS,
};

struct hostile {
	struct end *e;
	struct peer *p;		/* who it pretends to be */
	struct session *s;	/* of the present incarnation, or NULL */
	uint32_t nodeid;
	uint64_t inc, core_inc;
	uint8_t frame[HOSTILE_FRAME_MAX];
};

/* 0 exactly for 0; small steps both ways; now and then far away. */
static inline uint32_t hostile_delta(struct input *in)
{
	uint8_t b = input_u8(in);

	if (b < 0x40)
		return b;
	if (b < 0x80)
		return (uint32_t)-(int32_t)(b - 0x3f);
	return b < 0xf0 ? 0 : input_u32(in);
}

static size_t hostile_hello(struct hostile *h, struct input *in)
{
	const struct core *core = &h->e->node->core;
	uint8_t odd = input_u8(in), twist = odd ? input_u8(in) : 0;
	bool decides = h->nodeid < core->cfg.nodeid;
	struct hello m = {
		.mine = odd & 1 ? h->inc + twist % 4 : h->inc,
		.yours = odd & 2 ? (twist & 8 ? 0u : h->core_inc + 1) : h->core_inc,
		.next = (h->s ? h->s->ring.acked_seq : core->cfg.first_seq) + hostile_delta(in),
		.gen = (h->s ? h->s->gen + decides : decides) + hostile_delta(in),
		.flags = decides ? WIRE_HELLO_CHOSEN : 0,
		.vmin = 1, .vmax = 1, .maxframe = WIRE_FRAME_MAX,
		.max_message = 1 << 20, .queue_bytes = 1 << 18,
	};

	memcpy(m.cluster, core->cfg.cluster, sizeof m.cluster);
	memcpy(m.group, core->cfg.group, sizeof m.group);
	if (odd & 4)
		m.flags = twist & 3;
	if (odd & 8)
		m.maxframe = twist * 16u;
	if (odd & 16)
		m.max_message = twist;
	if (odd & 32)
		m.queue_bytes = twist;
	if (odd & 64)
		m.required = twist & 1;
	if (odd & 128)
		m.mine = twist & 16 ? core->cfg.incarnation : 1u + twist % 8u;
	if (twist == 255)
		m.cluster[0] ^= 1;
	if (!m.mine)
		m.mine = 1;
	return wire_put_hello(h->frame, h->nodeid, &m);
}

static uint32_t hostile_seq(struct hostile *h, struct input *in)
{
	return (h->s ? h->s->expected : h->e->node->core.cfg.first_seq) + hostile_delta(in);
}

static size_t hostile_data(struct hostile *h, struct input *in)
{
	uint32_t seq = hostile_seq(h, in);
	size_t n = input_u8(in);

	n = n < 250 ? n : (n - 249) * 600;
	memset(h->frame + WIRE_MSG_OVERHEAD, 'd', n);
	return wire_put_msg(h->frame, h->nodeid, seq, n) + n;
}

static size_t hostile_fragment(struct hostile *h, struct input *in)
{
	const struct frag *under_way = h->s ? &h->s->frag : NULL;
	uint32_t seq = hostile_seq(h, in);
	uint32_t total, offset = hostile_delta(in), left;
	size_t n = 1 + input_u8(in);

	total = under_way && under_way->total ? under_way->total : 600;
	total += hostile_delta(in);
	left = total - (under_way ? under_way->got : 0);
	offset += under_way ? under_way->got : 0;
	if (n > left && n < 200)
		n = left;	/* an honest last one */
	if (n > 4096)
		n = 1;
	memset(h->frame + WIRE_FRAG_OVERHEAD, 'f', n);
	return wire_put_frag(h->frame, h->nodeid, seq, n, total, offset) + n;
}

static size_t hostile_ack(struct hostile *h, struct input *in)
{
	uint32_t next = h->e->node->core.cfg.first_seq;

	if (h->s)
		next = world_inc(h->e->node, h->s)->sent_end;
	return wire_put_ack(h->frame, h->nodeid, next + hostile_delta(in));
}

static size_t hostile_refuse(struct hostile *h, struct input *in)
{
	struct refuse r = { .reason = input_u8(in) % 12, .wait_ms = 10 };
	uint8_t odd = input_u8(in);

	r.mine = h->inc + (odd & 1);
	r.yours = h->core_inc + (odd >> 1 & 1);
	r.gen = (h->s ? h->s->told + 1 : 1) + hostile_delta(in);
	if (h->s)
		r.next = world_inc(h->e->node, h->s)->sent_end;
	r.next += hostile_delta(in);
	return wire_put_refuse(h->frame, h->nodeid, &r);
}

static size_t hostile_probe(struct hostile *h, struct input *in)
{
	struct probe q = { .cookie = h->e->el->link.probe.cookie + hostile_delta(in) };
	uint8_t odd = input_u8(in);

	memcpy(q.cluster, h->e->node->core.cfg.cluster, sizeof q.cluster);
	if (odd > 250)
		q.cluster[0] ^= 1;
	return wire_put_probe(h->frame, h->nodeid, &q, h->e->el->link.dialled ^ (odd & 1));
}

/* A packet of the lock manager, in its envelope or (3.1, or recovery) without. */
static size_t hostile_dlm(struct hostile *h, struct input *in, bool bare)
{
	uint32_t seq = hostile_seq(h, in);
	uint8_t odd = input_u8(in);
	size_t n = WIRE_HEADER + odd % 100, at = bare ? 0 : WIRE_OPTS;
	uint32_t version = odd >= 200 ? WIRE_VERSION_3_1 : WIRE_VERSION_3_2;
	uint8_t cmd = odd & 1 ? WIRE_RCOM : WIRE_MSG;

	if (!bare)
		wire_put_opts(h->frame, h->nodeid, seq, cmd, n);
	put_le32(h->frame, version);
	memset(h->frame + at, 'l', n);
	wire_put_header(h->frame + at, version, 77, h->nodeid, n, cmd);
	return at + n;
}

/* DATA with TLVs of the input's own between its headers. */
static size_t hostile_tlv(struct hostile *h, struct input *in)
{
	uint32_t seq = hostile_seq(h, in);
	const uint8_t *tlvs;
	size_t n = input_bytes(in, &tlvs, input_u8(in) % 64), body = 20;
	uint8_t *inner = h->frame + WIRE_OPTS + n;
	uint8_t cmd = input_u8(in) & 1 ? WIRE_FRAGMENT : WIRE_DATA;

	wire_put_opts(h->frame, h->nodeid, seq, cmd, n + WIRE_HEADER + body);
	put_le16(h->frame + 18, (uint16_t)n);
	if (n)
		memcpy(h->frame + WIRE_OPTS, tlvs, n);
	wire_put_header(inner, WIRE_VERSION_3_2, WIRE_NATIVE, h->nodeid, WIRE_HEADER + body, cmd);
	memset(inner + WIRE_HEADER, 't', body);
	return WIRE_OPTS + n + WIRE_HEADER + body;
}

static size_t hostile_raw(struct hostile *h, struct input *in)
{
	const uint8_t *bytes;
	size_t n = input_bytes(in, &bytes, input_u8(in));

	if (n)
		memcpy(h->frame, bytes, n);
	return n;
}

static size_t hostile_frame(struct hostile *h, struct input *in, enum hostile_kind kind)
{
	switch (kind) {
	case HOSTILE_HELLO:	return hostile_hello(h, in);
	case HOSTILE_DATA:	return hostile_data(h, in);
	case HOSTILE_ACK:	return hostile_ack(h, in);
	case HOSTILE_FRAGMENT:	return hostile_fragment(h, in);
	case HOSTILE_FIN:	return wire_put_fin(h->frame, h->nodeid, hostile_seq(h, in));
	case HOSTILE_STATUS:	return wire_put_status(h->frame, h->nodeid, input_u8(in));
	case HOSTILE_LEAVING:	return wire_put_leaving(h->frame, h->nodeid);
	case HOSTILE_REFUSE:	return hostile_refuse(h, in);
	case HOSTILE_PROBE:	return hostile_probe(h, in);
	case HOSTILE_DLM:	return hostile_dlm(h, in, false);
	case HOSTILE_BARE:	return hostile_dlm(h, in, true);
	case HOSTILE_TLV:	return hostile_tlv(h, in);
	case HOSTILE_RAW:	return hostile_raw(h, in);
	case HOSTILE_KINDS:	break;
	}
	return 0;
}

/* Changes a byte, or cuts the frame short. */
static size_t hostile_mutate(struct hostile *h, size_t n, struct input *in)
{
	uint8_t how = input_u8(in);

	if (how < 0xe0 || !n)
		return n;
	if (how >= 0xfc)
		return input_u16(in) % n;
	for (unsigned i = 0; i <= (how & 3u); i++) {
		size_t at = input_u8(in) % (n < 200 ? n : 200);

		h->frame[at] ^= input_u8(in);
	}
	return n;
}

/* Writes one frame to an end; it is under way, nothing is read. */
static void hostile_write(struct end *e, struct peer *p, uint64_t inc, struct input *in,
			  enum hostile_kind kind)
{
	static struct hostile h;
	size_t n;

	h.e = e;
	h.p = p;
	h.s = p->session;
	h.nodeid = p->nodeid;
	h.inc = h.s && p->profile == &profile_native ? h.s->incarnation : inc;
	h.core_inc = e->node->core.cfg.incarnation;
	n = hostile_frame(&h, in, kind);
	n = hostile_mutate(&h, n, in);
	if (e->n_in + n <= PENDING_MAX / 4)
		world_arrive(e, h.frame, n);
}

#endif
