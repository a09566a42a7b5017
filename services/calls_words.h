/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two frames of which nearly all calls consist: BEGIN with the whole request and without flags,
 * and REPLY with the whole reply. Their heads as 64-bit words, the same bytes that call_put()
 * writes: call_wire.h has the layout. Knows no other frame.
 */
#ifndef SINEW_SERVICES_CALLS_WORDS_H
#define SINEW_SERVICES_CALLS_WORDS_H

#include <assert.h>
#include <stdbool.h>

#include "call_wire.h"

#include "proto/wire.h"

#define CALL_BEGIN_HEAD		40u
#define CALL_REPLY_HEAD		24u
#define CALL_PLAIN_BEGIN	CALL_BEGIN
#define CALL_PLAIN_REPLY	(CALL_REPLY | CALL_CALLEE << 8)

/* The first word. kind: one of the two above. */
static inline uint64_t call_word(unsigned kind, uint16_t slot, uint32_t gen)
{
	assert(kind == CALL_PLAIN_BEGIN || kind == CALL_PLAIN_REPLY);
	return kind | (uint64_t)slot << 16 | (uint64_t)gen << 32;
}

/* The use of a slot that it names, as calls are named to users. */
static inline uint64_t call_word_id(uint64_t word)
{
	return word >> 16;
}

/* Whether the len bytes at body are that; the head of one that is too short is not read. */
static inline bool call_is_plain_begin(const uint8_t *body, size_t len)
{
	return len >= CALL_BEGIN_HEAD && get_le16(body) == CALL_PLAIN_BEGIN &&
		get_le16(body + 30) == CALL_SLOT_NONE;
}

static inline bool call_is_plain_reply(const uint8_t *body, size_t len)
{
	return len >= CALL_REPLY_HEAD && get_le16(body) == CALL_PLAIN_REPLY;
}

static inline void call_put_begin(uint8_t *p, uint64_t word, uint64_t total, uint32_t op,
				  uint32_t deadline_ms, uint16_t binding)
{
	assert((uint16_t)word == CALL_PLAIN_BEGIN);
	put_le64(p, word);
	put_le64(p + 8, total);
	put_le64(p + 16, op | (uint64_t)deadline_ms << 32);
	put_le64(p + 24, (uint64_t)binding << 32 | (uint64_t)CALL_SLOT_NONE << 48);
	put_le64(p + 32, 0);
}

static inline void call_put_reply(uint8_t *p, uint64_t word, uint64_t total, uint16_t service)
{
	assert((uint16_t)word == CALL_PLAIN_REPLY);
	put_le64(p, word);
	put_le64(p + 8, total);
	put_le64(p + 16, service);
}

#endif
