/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/lock_order.h"

#if defined SINEW_CHECK && !defined NDEBUG

#include <assert.h>

static _Thread_local unsigned held;	/* a bit for each rank */

void lock_order_take(enum lock_rank rank)
{
	enum lock_rank first = rank < LOCK_FIRST_LEAF ? rank : LOCK_FIRST_LEAF;

	assert(!(held >> first));
	held |= 1u << rank;
}

void lock_order_give(enum lock_rank rank)
{
	lock_order_held(rank);
	held &= ~(1u << rank);
}

void lock_order_held(enum lock_rank rank)
{
	assert(held & 1u << rank);
}

void lock_order_none(void)
{
	assert(!held);
}

#endif
