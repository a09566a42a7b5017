/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the layout of CALL frames. Knows nothing of what one means to a call.
 */
#include "call_wire.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/wire.h"

/* The fields of each kind: their bits, where they are, and their name in struct call_frame. */
#define BEGIN_FIELDS(F) \
	F(64, 8, total) F(32, 16, op) F(32, 20, deadline_ms) F(32, 24, after_gen) \
	F(16, 28, binding) F(16, 30, after_slot) F(8, 32, depth)
#define PIECE_FIELDS(F)
#define REPLY_FIELDS(F)		F(64, 8, total) F(16, 16, service)
#define ACCEPT_FIELDS(F)	F(16, 8, service)
#define CREDIT_FIELDS(F)	F(32, 8, consumed) F(32, 12, window)
#define ABORT_FIELDS(F)		F(32, 8, code)
#define END_FIELDS(F) \
	F(32, 8, code) F(16, 12, service) F(8, 14, reason) F(8, 15, seen) F(32, 16, retry_ms)
#define BINDING_FIELDS(F)	F(16, 8, binding) F(16, 10, service) F(16, 12, cred)
#define CRED_FIELDS(F) \
	F(16, 8, cred) F(16, 10, cred_kind) F(16, 12, n_data) F(16, 14, extra)
#define SLOTS_FIELDS(F)		F(16, 8, target)
#define QUERY_FIELDS(F)
#define STATE_FIELDS(F) \
	F(8, 8, state) F(32, 12, age_ms) F(32, 16, received) F(32, 20, consumed)

/* Which side sends it: CALLEE agrees. */
enum side { EITHER, CALLER, CALLED };

/* The length of the head, 0 if there is no such kind; whether data follow. */
static const struct shape {
	uint8_t head;
	bool has_data;
	enum side from;
} shapes[] = {
	[CALL_BEGIN] = { 40, true, CALLER },
	[CALL_PIECE] = { CALL_HEAD, true, EITHER },
	[CALL_REPLY] = { 24, true, CALLED },
	[CALL_ACCEPT] = { 16, false, CALLED },
	[CALL_CREDIT] = { 16, false, EITHER },
	[CALL_ABORT] = { 16, false, CALLER },
	[CALL_END] = { 24, false, CALLED },
	[CALL_BIND] = { 16, false, EITHER },
	[CALL_UNBIND] = { 16, false, EITHER },
	[CALL_UNCRED] = { 16, false, EITHER },
	[CALL_CRED] = { 16, true, EITHER },
	[CALL_SLOTS] = { 16, false, EITHER },
	[CALL_QUERY] = { CALL_HEAD, false, CALLER },
	[CALL_STATE] = { 24, false, CALLED },
};

_Static_assert(sizeof shapes / sizeof *shapes == CALL_STATE + 1, "each kind has a shape");
_Static_assert(WIRE_MSG_OVERHEAD + CALL_HEAD_MAX + CALL_PIECE_MAX <= WIRE_FRAME_MAX, "PIECE");

static bool side_agrees(const struct shape *s, uint8_t flags)
{
	return s->from == EITHER || (s->from == CALLED) == ((flags & CALL_CALLEE) != 0);
}

static inline uint8_t get_le8(const uint8_t *p)
{
	return *p;
}

static inline void put_le8(uint8_t *p, uint8_t v)
{
	*p = v;
}

#define GET(bits, at, name) f->name = get_le ## bits(p + (at));
#define PUT(bits, at, name) put_le ## bits(p + (at), f->name);

static void get_fields(const uint8_t *p, struct call_frame *f)
{
	switch ((enum call_kind)f->kind) {
	case CALL_BEGIN:	BEGIN_FIELDS(GET) break;
	case CALL_PIECE:	PIECE_FIELDS(GET) break;
	case CALL_REPLY:	REPLY_FIELDS(GET) break;
	case CALL_ACCEPT:	ACCEPT_FIELDS(GET) break;
	case CALL_CREDIT:	CREDIT_FIELDS(GET) break;
	case CALL_ABORT:	ABORT_FIELDS(GET) break;
	case CALL_END:		END_FIELDS(GET) break;
	case CALL_BIND:
	case CALL_UNBIND:
	case CALL_UNCRED:	BINDING_FIELDS(GET) break;
	case CALL_CRED:		CRED_FIELDS(GET) break;
	case CALL_SLOTS:	SLOTS_FIELDS(GET) break;
	case CALL_QUERY:	QUERY_FIELDS(GET) break;
	case CALL_STATE:	STATE_FIELDS(GET) break;
	}
}

static void put_fields(uint8_t *p, const struct call_frame *f)
{
	switch ((enum call_kind)f->kind) {
	case CALL_BEGIN:	BEGIN_FIELDS(PUT) break;
	case CALL_PIECE:	PIECE_FIELDS(PUT) break;
	case CALL_REPLY:	REPLY_FIELDS(PUT) break;
	case CALL_ACCEPT:	ACCEPT_FIELDS(PUT) break;
	case CALL_CREDIT:	CREDIT_FIELDS(PUT) break;
	case CALL_ABORT:	ABORT_FIELDS(PUT) break;
	case CALL_END:		END_FIELDS(PUT) break;
	case CALL_BIND:
	case CALL_UNBIND:
	case CALL_UNCRED:	BINDING_FIELDS(PUT) break;
	case CALL_CRED:		CRED_FIELDS(PUT) break;
	case CALL_SLOTS:	SLOTS_FIELDS(PUT) break;
	case CALL_QUERY:	QUERY_FIELDS(PUT) break;
	case CALL_STATE:	STATE_FIELDS(PUT) break;
	}
}

static uint32_t cred_length(const uint8_t *p)
{
	struct call_frame f = { .kind = CALL_CRED };

	get_fields(p, &f);
	return f.n_data;
}

int call_parse(const uint8_t *body, size_t len, struct call_frame *ret)
{
	const struct shape *s;
	size_t rest;

	assert(len <= WIRE_FRAME_MAX);
	if (len < CALL_HEAD || body[0] > CALL_STATE)
		return -EBADMSG;
	s = &shapes[body[0]];
	if (!s->head || len < s->head || !side_agrees(s, body[1]))
		return -EBADMSG;
	rest = len - s->head;
	/* CRED says the length of its data. */
	if (body[0] == CALL_CRED && cred_length(body) > rest)
		return -EBADMSG;
	ret->kind = body[0];
	ret->flags = body[1] & CALL_FLAGS;
	ret->slot = get_le16(body + 2);
	ret->gen = get_le32(body + 4);
	ret->data = s->has_data ? body + s->head : NULL;
	ret->n_data = s->has_data ? (uint32_t)rest : 0;
	get_fields(body, ret);
	return 0;
}

size_t call_put(uint8_t *p, const struct call_frame *f)
{
	const struct shape *s = &shapes[f->kind];

	assert(f->kind <= CALL_STATE && s->head && s->head <= CALL_HEAD_MAX);
	assert(!(f->flags & ~CALL_FLAGS) && side_agrees(s, f->flags));
	/* Padding lies in these words alone. */
	if (s->head > CALL_HEAD) {
		put_le64(p + CALL_HEAD, 0);
		put_le64(p + s->head - 8, 0);
	}
	p[0] = f->kind;
	p[1] = f->flags;
	put_le16(p + 2, f->slot);
	put_le32(p + 4, f->gen);
	put_fields(p, f);
	return s->head;
}
