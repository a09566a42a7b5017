/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of contestants. Knows nothing of how one works.
 */
#include "tests/bench/work/contestant.h"

#include <string.h>

static const struct contestant *const all[] = {
	&contestant_sinew,    &contestant_bare,	    &contestant_coalesced, &contestant_ring,
	&contestant_zmq_push, &contestant_zmq_pair, &contestant_nng_pair0, &contestant_nng_pair1,
};

const struct contestant *contestant_find(const char *name)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}
