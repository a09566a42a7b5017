/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the memory of ended lives; knows nothing of what is answered to them. */
#include "tombs.h"

#include <assert.h>
#include <stddef.h>

void tombs_init(struct tombs *ts)
{
	*ts = (struct tombs) { .n = 0 };
}

static unsigned held(const struct tombs *ts)
{
	return ts->n < TOMBS_MAX ? ts->n : TOMBS_MAX;
}

void tombs_bury(struct tombs *ts, uint64_t incarnation, enum tomb_kind kind, uint32_t next)
{
	struct tomb *t = NULL;

	assert(incarnation && kind != TOMB_NONE);
	for (unsigned i = 0; i < held(ts); i++)
		if (ts->t[i].incarnation == incarnation)
			t = &ts->t[i];
	if (!t)
		t = &ts->t[ts->n++ % TOMBS_MAX];
	*t = (struct tomb) { incarnation, next, kind };
}

const struct tomb *tombs_find(const struct tombs *ts, uint64_t incarnation)
{
	for (unsigned i = 0; i < held(ts); i++)
		if (ts->t[i].incarnation == incarnation)
			return &ts->t[i];
	return NULL;
}

unsigned tombs_count(const struct tombs *ts, enum tomb_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < held(ts); i++)
		count += ts->t[i].kind == kind;
	return count;
}
