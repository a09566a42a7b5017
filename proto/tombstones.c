/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the memory of ended incarnations; knows nothing of what is answered to them. */
#include "tombstones.h"

#include <assert.h>
#include <stddef.h>

void tombstones_init(struct tombstones *ts)
{
	*ts = (struct tombstones) { .n = 0 };
}

static unsigned held(const struct tombstones *ts)
{
	return ts->n < TOMBSTONES_MAX ? ts->n : TOMBSTONES_MAX;
}

void tombstones_bury(struct tombstones *ts, uint64_t incarnation, enum tomb_kind kind,
		     uint32_t next)
{
	struct tombstone *t = NULL;

	assert(incarnation && kind != TOMB_NONE);
	for (unsigned i = 0; i < held(ts); i++)
		if (ts->t[i].incarnation == incarnation)
			t = &ts->t[i];
	if (!t)
		t = &ts->t[ts->n++ % TOMBSTONES_MAX];
	*t = (struct tombstone) { incarnation, next, kind };
}

const struct tombstone *tombstones_find(const struct tombstones *ts, uint64_t incarnation)
{
	for (unsigned i = 0; i < held(ts); i++)
		if (ts->t[i].incarnation == incarnation)
			return &ts->t[i];
	return NULL;
}

const struct tombstone *tombstones_last(const struct tombstones *ts)
{
	return ts->n ? &ts->t[(ts->n - 1) % TOMBSTONES_MAX] : NULL;
}

unsigned tombstones_count(const struct tombstones *ts, enum tomb_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < held(ts); i++)
		count += ts->t[i].kind == kind;
	return count;
}
