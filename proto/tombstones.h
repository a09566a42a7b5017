/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tombstones of one nodeid: its incarnations with which a session existed and
 * has ended (R19). They answer every later HELLO of such an incarnation. Bounded:
 * the oldest makes room.
 */
#ifndef SINEW_PROTO_TOMBS_H
#define SINEW_PROTO_TOMBS_H

#include <stdint.h>

#define TOMBSTONES_MAX 64

enum tomb_kind {
	TOMB_NONE, TOMB_FAILED, TOMB_CLOSED,
	TOMB_LEAVING,		/* it closes, and has no session with us (R23) */
};

struct tombstone {
	uint64_t incarnation;
	uint32_t next;		/* CLOSED: final expected number */
	enum tomb_kind kind;
};

struct tombstones {
	struct tombstone t[TOMBSTONES_MAX];
	uint32_t n;		/* ever buried */
};

void tombstones_init(struct tombstones *ts);
/* Replaces an older entry of the same incarnation. */
void tombstones_bury(struct tombstones *ts, uint64_t incarnation, enum tomb_kind kind,
		     uint32_t next);
/* NULL if that incarnation has no tombstone. */
const struct tombstone *tombstones_find(const struct tombstones *ts, uint64_t incarnation);
/* The newest one; NULL: there is none. */
const struct tombstone *tombstones_last(const struct tombstones *ts);
/* Number of tombstones of a kind. */
unsigned tombstones_count(const struct tombstones *ts, enum tomb_kind kind);

#endif
