/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: the framer and every decoder of native frames. The input is a stream of frames, or
 * one packet of any length; the tests' own reader takes the same frames, and what a decoder takes
 * must come out of the encoder so that it is decoded to the same again. Knows nothing of sessions.
 */
#define FUZZ_NAME "framer"
#include "proto/span.h"
#include "proto/wire.h"

#include <errno.h>

#include "tests/fuzz/input.h"
#include "tests/lib/decode.h"

#define BUILT_MAX	4000u

static bool inside(const struct span *s, const uint8_t *p, size_t n)
{
	return s->n == 0 || (s->p >= p && s->n <= n && s->p - p <= (ptrdiff_t)(n - s->n));
}

/* ---- native ---- */

static struct frame parsed(const uint8_t *p, size_t n)
{
	struct frame f;

	MUST(frame_length(p, n) == (int)n);
	MUST(frame_parse(p, n, &f) == 0);
	return f;
}

static void hello(const struct frame *f)
{
	struct hello h, again;
	uint8_t out[WIRE_CONTROL_MAX];
	struct frame g;

	if (frame_hello(f, &h))
		return;
	MUST(h.mine && memchr(h.cluster, 0, sizeof h.cluster));
	MUST(memchr(h.group, 0, sizeof h.group));
	g = parsed(out, wire_put_hello(out, f->nodeid, &h));
	MUST(frame_hello(&g, &again) == 0 && g.nodeid == f->nodeid && g.nextcmd == WIRE_HELLO);
	MUST(h.mine == again.mine && h.yours == again.yours && h.next == again.next);
	MUST(h.gen == again.gen && h.flags == again.flags && h.vmin == again.vmin);
	MUST(h.vmax == again.vmax && h.maxframe == again.maxframe);
	MUST(h.features == again.features && h.required == again.required);
	MUST(h.max_message == again.max_message && h.queue_bytes == again.queue_bytes);
	MUST(!strcmp(h.cluster, again.cluster) && !strcmp(h.group, again.group));
}

static void refuse(const struct frame *f)
{
	struct refuse r, again;
	uint8_t out[WIRE_CONTROL_MAX];
	struct frame g;

	if (frame_refuse(f, &r))
		return;
	g = parsed(out, wire_put_refuse(out, f->nodeid, &r));
	MUST(frame_refuse(&g, &again) == 0);
	MUST(r.mine == again.mine && r.yours == again.yours && r.reason == again.reason);
	MUST(r.next == again.next && r.gen == again.gen && r.wait_ms == again.wait_ms);
	MUST(*wire_reason_name(r.reason));
}

static void status_and_probe(const struct frame *f)
{
	uint8_t out[WIRE_CONTROL_MAX];
	uint32_t flags, flags_again;
	struct probe q, q_again;
	struct frame g;

	if (!frame_status(f, &flags)) {
		g = parsed(out, wire_put_status(out, f->nodeid, flags));
		MUST(frame_status(&g, &flags_again) == 0 && flags == flags_again);
	}
	if (!frame_probe(f, &q)) {
		bool reply = f->nextcmd == WIRE_PROBE_REPLY;

		g = parsed(out, wire_put_probe(out, f->nodeid, &q, reply));
		MUST(frame_probe(&g, &q_again) == 0 && q.cookie == q_again.cookie);
		MUST(g.nextcmd == (reply ? WIRE_PROBE_REPLY : WIRE_PROBE));
		MUST(!strcmp(q.cluster, q_again.cluster));
	}
}

static void fragment(const struct frame *f)
{
	size_t body = f->inner_len - WIRE_HEADER;
	uint32_t total, offset, total_again, offset_again;
	uint8_t *out;
	struct frame g;
	size_t n;

	if (frame_fragment(f, &total, &offset))
		return;
	MUST(frame_tlvs_ok(f));
	out = malloc(WIRE_FRAG_OVERHEAD + body);
	MUST(out);
	if (WIRE_FRAG_OVERHEAD + body <= WIRE_FRAME_MAX) {
		n = wire_put_frag(out, f->nodeid, f->u, body, total, offset);
		memcpy(out + n, f->inner + WIRE_HEADER, body);
		g = parsed(out, n + body);
		MUST(frame_fragment(&g, &total_again, &offset_again) == 0);
		MUST(total == total_again && offset == offset_again && g.u == f->u);
	}
	free(out);
}

static void message(const struct frame *f, const uint8_t *p)
{
	uint8_t head[WIRE_MSG_OVERHEAD];
	struct frame g;

	if (wire_msg_length(p, f->nodeid, f->u) != f->length || f->length < WIRE_MSG_OVERHEAD)
		return;
	MUST(f->cmd == WIRE_OPTS_CMD && f->nextcmd == WIRE_DATA && f->optlen == 0);
	wire_put_msg(head, f->nodeid, f->u, f->length - WIRE_MSG_OVERHEAD);
	MUST(memcmp(head, p, sizeof head) == 0);
	MUST(frame_parse(p, f->length, &g) == 0 && g.inner_len == f->length - WIRE_OPTS);
}

/* ---- frames ---- */

static void opts(const struct frame *f, const uint8_t *p)
{
	struct span inner = { f->inner, f->inner_len }, tlvs = { f->opts, f->optlen };

	MUST(inside(&inner, p, f->length) && inside(&tlvs, p, f->length));
	MUST(f->inner_len >= WIRE_HEADER);
	MUST(WIRE_OPTS + f->optlen + f->inner_len == f->length);
	frame_tlvs_ok(f);
	hello(f);
	refuse(f);
	status_and_probe(f);
	fragment(f);
	message(f, p);
}

/* Two readers, one of which is the tests' own, take the same. */
static void same(const struct frame *f, const struct decoded *d)
{
	MUST(f->version == d->outer.version && f->u == d->outer.u);
	MUST(f->nodeid == d->outer.nodeid && f->cmd == d->outer.cmd);
	MUST((f->cmd == WIRE_OPTS_CMD) == d->in_opts);
	if (!d->in_opts)
		return;
	MUST(f->nextcmd == d->inner.cmd && f->inner_len == d->inner.length);
	MUST(f->optlen == d->optlen && f->opts == d->tlvs && f->inner == d->packet);
}

static void frame(const uint8_t *p, size_t n)
{
	uint8_t *copy = input_copy(p, n);
	struct decoded d;
	struct frame f;
	bool taken = frame_parse(copy, n, &f) == 0;

	MUST(taken == decode(copy, n, &d));
	if (taken) {
		MUST(f.length == n && *wire_cmd_name(f.cmd));
		same(&f, &d);
		if (f.cmd == WIRE_OPTS_CMD)
			opts(&f, copy);
		else if (f.cmd == WIRE_ACK)
			MUST(n == WIRE_HEADER);
	}
	free(copy);
}

/* As a link reads them: whole frames one behind the other, the last may be cut. */
static void stream(const uint8_t *p, size_t n)
{
	while (n) {
		size_t header = n < WIRE_HEADER ? n : WIRE_HEADER;
		uint8_t *copy = input_copy(p, header);
		int length = frame_length(copy, header);

		free(copy);
		MUST(length == 0 || length == -EBADMSG || length == -EPROTONOSUPPORT ||
		     (length >= (int)WIRE_HEADER && length <= (int)WIRE_FRAME_MAX));
		MUST(length != 0 || n < WIRE_HEADER);
		if (length <= 0 || (size_t)length > n)
			break;
		frame(p, (size_t)length);
		p += length;
		n -= (size_t)length;
	}
}

/* A native frame whose lengths and headers are right, whatever is in it. */
static void built(struct input *in)
{
	static const uint8_t cmds[] = {
		WIRE_HELLO, WIRE_REFUSE, WIRE_STATUS, WIRE_PROBE, WIRE_PROBE_REPLY,
		WIRE_FRAGMENT, WIRE_DATA, WIRE_FIN_CMD, WIRE_LEAVING, WIRE_MSG, WIRE_RCOM,
	};
	uint8_t cmd = cmds[input_below(in, sizeof cmds)], *p, *inner;
	const uint8_t *tlvs, *body;
	size_t n_tlvs = input_bytes(in, &tlvs, input_u8(in));
	size_t n_body = input_bytes(in, &body, BUILT_MAX), n = WIRE_OPTS + n_tlvs;

	p = malloc(n + WIRE_HEADER + n_body);
	MUST(p);
	wire_put_opts(p, 5, 7, cmd, n_tlvs + WIRE_HEADER + n_body);
	put_le16(p + offsetof(struct wire_opts, optlen), (uint16_t)n_tlvs);
	if (n_tlvs)
		memcpy(p + WIRE_OPTS, tlvs, n_tlvs);
	inner = p + n;
	wire_put_header(inner, WIRE_VERSION_3_2, WIRE_NATIVE, 5, WIRE_HEADER + n_body, cmd);
	if (n_body)
		memcpy(inner + WIRE_HEADER, body, n_body);
	frame(p, n + WIRE_HEADER + n_body);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };

	switch (input_u8(&in) % 3) {
	case 0:
		stream(in.p, in.left);
		break;
	case 1:
		frame(in.p, in.left);
		break;
	default:
		built(&in);
	}
	return 0;
}

#include "tests/fuzz/replay.h"
