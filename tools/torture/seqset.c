/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers that a receiver has got from one session.
 * Pure: knows neither contents nor nodes.
 */
#include "tools/torture/seqset.h"

#include <stdbool.h>
#include <string.h>

static void set_taken(struct seqset *l, uint64_t number)
{
	atomic_store_explicit(&l->taken, number, memory_order_relaxed);
}

static void drop_gap(struct seqset *l, unsigned i)
{
	l->n_gaps--;
	memmove(&l->gaps[i], &l->gaps[i + 1], (l->n_gaps - i) * sizeof(l->gaps[0]));
}

static void add_gap(struct seqset *l, uint64_t first, uint64_t last)
{
	if (first > last)
		return;
	if (l->n_gaps == SEQSET_GAPS)
		drop_gap(l, 0);
	l->gaps[l->n_gaps++] = (struct seqset_gap){ first, last };
}

/* False: it was not missing. */
static bool fill_gap(struct seqset *l, uint64_t number)
{
	struct seqset_gap gap;
	unsigned i;

	for (i = 0; i < l->n_gaps; i++) {
		gap = l->gaps[i];
		if (number < gap.first || number > gap.last)
			continue;
		drop_gap(l, i);
		add_gap(l, gap.first, number - 1);
		add_gap(l, number + 1, gap.last);
		return true;
	}
	return false;
}

enum seqset_arrival seqset_take(struct seqset *l, uint64_t number)
{
	uint64_t next = seqset_next(l);

	if (number == next) {
		set_taken(l, number);
		return SEQSET_IN_ORDER;
	}
	if (number > next) {
		l->lost += number - next;
		add_gap(l, next, number - 1);
		set_taken(l, number);
		return SEQSET_AHEAD;
	}
	if (fill_gap(l, number)) {
		l->lost--;
		l->reordered++;
		return SEQSET_REORDERED;
	}
	l->duplicated++;
	return SEQSET_DUPLICATED;
}

void seqset_take_corrupted(struct seqset *l)
{
	l->corrupted++;
	set_taken(l, seqset_next(l));
}

void seqset_take_stray(struct seqset *l)
{
	l->corrupted++;
}
