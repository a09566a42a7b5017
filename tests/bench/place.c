/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Binding of processes to processors, of those that we may use ourselves.
 * Knows nothing of what they do.
 */
#include "tests/bench/place.h"

#include <sched.h>

const char *place_name(enum place place)
{
	switch (place) {
	case PLACE_FREE:
		return "free";
	case PLACE_SPLIT:
		return "split";
	case PLACE_ONE:
		return "one";
	}
	return "";
}

/* The index-th processor of ours, counted round and round. */
static int processor(const cpu_set_t *ours, unsigned index)
{
	unsigned n = (unsigned)CPU_COUNT(ours), i = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, ours) && i++ == index % n)
			return cpu;
	return 0;
}

bool place_is_here(enum place place)
{
	cpu_set_t ours;

	if (sched_getaffinity(0, sizeof ours, &ours))
		return place == PLACE_FREE;
	return place != PLACE_SPLIT || CPU_COUNT(&ours) > 1;
}

void place_take(enum place place, unsigned index)
{
	cpu_set_t ours, one;

	if (place == PLACE_FREE || sched_getaffinity(0, sizeof ours, &ours))
		return;
	CPU_ZERO(&one);
	CPU_SET(processor(&ours, place == PLACE_ONE ? 0 : index), &one);
	sched_setaffinity(0, sizeof one, &one);
}
