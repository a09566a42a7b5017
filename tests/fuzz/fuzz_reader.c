/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: the bounds-checked writer and reader of wire.h. The input chooses
 * what is written into a block of a chosen size; what fitted must be read back, and
 * nothing beside it may be touched. Knows no frames but their TLVs.
 */
#define FUZZ_NAME "reader"
#include "proto/wire.h"

#include "tests/fuzz/input.h"

#define OPS_MAX	200u
#define ROOM_MAX 600u

enum op { U8, U16, U32, U64, ZERO, BYTES, TAKE, N_OPS };

struct done {
	enum op op;
	uint64_t v;
	const uint8_t *bytes;
	size_t n;
};

static size_t width(const struct done *d)
{
	switch (d->op) {
	case U8:	return 1;
	case U16:	return 2;
	case U32:	return 4;
	case U64:	return 8;
	case ZERO:
	case BYTES:
	case TAKE:
	case N_OPS:
		break;
	}
	return d->n;
}

static void put(struct writer *w, const struct done *d)
{
	uint8_t *p;

	switch (d->op) {
	case U8:	writer_u8(w, (uint8_t)d->v); break;
	case U16:	writer_u16(w, (uint16_t)d->v); break;
	case U32:	writer_u32(w, (uint32_t)d->v); break;
	case U64:	writer_u64(w, d->v); break;
	case ZERO:	writer_zero(w, d->n); break;
	case BYTES:	writer_bytes(w, d->bytes, d->n); break;
	case TAKE:
		p = writer_take(w, d->n);
		if (p && d->n)
			memset(p, (int)d->v, d->n);
		break;
	case N_OPS:
		break;
	}
}

static void check_block(struct reader *r, const struct done *d)
{
	const uint8_t *p = reader_take(r, d->n);

	MUST(p);
	for (size_t i = 0; i < d->n; i++)
		MUST(p[i] == (d->op == BYTES ? d->bytes[i] :
			      d->op == ZERO ? 0 : (uint8_t)d->v));
}

static void get(struct reader *r, const struct done *d)
{
	switch (d->op) {
	case U8:	MUST(reader_u8(r) == (uint8_t)d->v); break;
	case U16:	MUST(reader_u16(r) == (uint16_t)d->v); break;
	case U32:	MUST(reader_u32(r) == (uint32_t)d->v); break;
	case U64:	MUST(reader_u64(r) == d->v); break;
	case ZERO:
	case BYTES:
	case TAKE:	check_block(r, d); break;
	case N_OPS:	break;
	}
	MUST(!r->bad);
}

/* A length that may be anything, also far beyond what there is. */
static size_t length(struct input *in)
{
	uint8_t n = input_u8(in);

	return n < 250 ? n : n == 250 ? SIZE_MAX : n == 251 ? SIZE_MAX / 2 : input_u32(in);
}

static struct done next_op(struct input *in)
{
	struct done d = { .op = (enum op)input_below(in, N_OPS) };

	d.v = input_u64(in);
	if (d.op == BYTES)
		d.n = input_bytes(in, &d.bytes, input_u8(in));
	else if (d.op >= ZERO)
		d.n = length(in);
	return d;
}

static void write_then_read(struct input *in)
{
	size_t room = input_below(in, ROOM_MAX), at = 0, fitted = 0;
	struct done done[OPS_MAX];
	uint8_t *block = malloc(room ? room : 1);
	struct writer w = { block, room, false };
	struct reader r;
	bool full = false;

	MUST(block);
	for (unsigned i = 0; in->left && i < OPS_MAX; i++) {
		struct done d = next_op(in);
		size_t n = width(&d);

		full |= n > room - at;
		put(&w, &d);
		if (!full) {
			at += n;
			done[fitted++] = d;
		}
		MUST(w.full == full && w.p == block + at && w.left == room - at);
	}
	r = (struct reader) { block, at, false };
	for (size_t i = 0; i < fitted; i++)
		get(&r, &done[i]);
	MUST(r.left == 0 && !r.bad);
	MUST(!reader_take(&r, 1) && r.bad);
	MUST(!reader_u8(&r) && !reader_u16(&r) && !reader_u32(&r) && !reader_u64(&r));
	MUST(!reader_take(&r, 0) && r.bad);
	free(block);
}

/* Reads of any kind from any bytes: inside, or zero and bad for ever. */
static void read_anything(struct input *in)
{
	size_t n = input_u8(in);
	const uint8_t *bytes;
	struct reader r;
	uint8_t *copy;
	bool bad = false;

	n = input_bytes(in, &bytes, n);
	copy = input_copy(bytes, n);
	r = (struct reader) { copy, n, false };
	for (unsigned i = 0; in->left && i < OPS_MAX; i++) {
		struct done d = { .op = (enum op)input_below(in, N_OPS) };
		size_t left = r.left, want;
		const uint8_t *p = NULL;
		uint64_t v = 0;

		if (d.op >= ZERO)
			d.n = length(in);
		want = width(&d);
		bad |= want > left;
		switch (d.op) {
		case U8:	v = reader_u8(&r); break;
		case U16:	v = reader_u16(&r); break;
		case U32:	v = reader_u32(&r); break;
		case U64:	v = reader_u64(&r); break;
		case ZERO:
		case BYTES:
		case TAKE:	p = reader_take(&r, d.n); break;
		case N_OPS:	break;
		}
		MUST(r.bad == bad);
		MUST(r.left == (bad ? left : left - want));
		MUST(!bad || (!v && !p));
	}
	free(copy);
}

/* TLVs: whether they add up, and the one of a fragment. */
static void tlvs(struct input *in)
{
	uint32_t total = 7, offset = 9;
	size_t n = in->left < UINT16_MAX ? in->left : UINT16_MAX, at = 0, n_found = 0;
	uint8_t *copy = input_copy(in->p, n);
	struct frame f = { .opts = copy, .optlen = (uint16_t)n };
	bool fits = true, wrong = false;

	while (at < n && fits) {
		size_t len = n - at < 4 ? 0 : get_le16(copy + at + 2);

		fits = n - at >= 4 && len <= n - at - 4;
		if (fits && get_le16(copy + at) == WIRE_TLV_FRAGMENT) {
			wrong |= len < 8;
			n_found++;
		}
		at += 4 + len;
	}
	MUST(frame_tlvs_ok(&f) == fits);
	MUST((frame_fragment(&f, &total, &offset) == 0) == (fits && !wrong && n_found == 1));
	MUST((fits && !wrong && n_found == 1) || (total == 7 && offset == 9));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };

	switch (input_below(&in, 3)) {
	case 0:
		write_then_read(&in);
		break;
	case 1:
		read_anything(&in);
		break;
	default:
		tlvs(&in);
	}
	return 0;
}

#include "tests/fuzz/replay.h"
