/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_bell.h"

#include <assert.h>
#include <stdint.h>
#include <unistd.h>

#define RUNG	16u

void bells_wake(struct bells *all)
{
	const uint64_t one = 1;
	/* An eventfd that is full is readable. */
	ssize_t n = write(all->wake_fd, &one, sizeof one);

	(void)n;
}

void bell_ring(struct bells *all, struct bell *b, unsigned what)
{
	struct bell *first;

	assert(what && !(what & RUNG));
	if (atomic_fetch_or(&b->word, what | RUNG) & RUNG)
		return;
	/* Nobody takes it before it is in the list, so that it is there until then. */
	first = atomic_load(&all->rung);
	do
		b->next = first;
	while (!atomic_compare_exchange_weak(&all->rung, &first, b));
	if (!first)
		bells_wake(all);
}

struct bell *bells_take(struct bells *all)
{
	return atomic_load(&all->rung) ? atomic_exchange(&all->rung, NULL) : NULL;
}

unsigned bell_answer(struct bell *b)
{
	unsigned word = atomic_exchange(&b->word, 0);

	assert(word & RUNG);
	return word & ~RUNG;
}
