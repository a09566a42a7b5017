/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tombstones of one nodeid: its incarnations with which a session existed and
 * has ended (R19). They answer every later HELLO of such an incarnation. Bounded:
 * the oldest makes room.
 */
#ifndef SINEW_PROTO_TOMBS_H
#define SINEW_PROTO_TOMBS_H

#include <stdint.h>

#define TOMBS_MAX 64

enum tomb_kind { TOMB_NONE, TOMB_FAILED, TOMB_CLOSED };

struct tomb {
	uint64_t incarnation;
	uint32_t next;		/* CLOSED: final expected number */
	enum tomb_kind kind;
};

struct tombs {
	struct tomb t[TOMBS_MAX];
	uint32_t n;		/* ever buried */
};

void tombs_init(struct tombs *ts);
/* Replaces an older entry of the same life. */
void tombs_bury(struct tombs *ts, uint64_t incarnation, enum tomb_kind kind, uint32_t next);
/* NULL if that life has no tombstone. */
const struct tomb *tombs_find(const struct tombs *ts, uint64_t incarnation);
/* Number of tombstones of a kind. */
unsigned tombs_count(const struct tombs *ts, enum tomb_kind kind);

#endif
