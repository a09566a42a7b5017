/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Serial arithmetic on the 32-bit sequence numbers of the wire. The only
 * place where two sequence numbers are compared: a raw "<" is a bug, because
 * the numbers wrap.
 */
#ifndef SINEW_PROTO_SEQ_H
#define SINEW_PROTO_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* How far a lies ahead of b; negative when it lies behind. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool seq_before(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) > 0;
}

#endif
