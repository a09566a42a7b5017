/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the turn of calls that fail, and lists of them; knows nothing of what is tried. */
#include "tests/lib/failing_each.h"

#include "tests/lib/check.h"

#define FAILS_MAX	80u	/* of a kind that are tried */

const enum call failing_memory[] = { CALL_malloc, CALL_calloc, CALLS };

const enum call failing_descriptors[] = {
	CALL_epoll_create1, CALL_eventfd, CALL_socket, CALL_accept4, CALL_open, CALLS,
};

const enum call failing_sockets[] = {
	CALL_bind, CALL_listen, CALL_connect, CALL_getsockopt, CALL_sendmsg, CALL_epoll_ctl,
	CALL_epoll_wait, CALLS,
};

void failing_one(enum call call, failing_try *try)
{
	struct plan plan = { .call = call, .k = 1 };

	while (plan.k <= FAILS_MAX && try(&plan))
		plan.k++;
	CHECK(plan.k > 1);
}

void failing_each(const enum call *list, failing_try *try)
{
	for (unsigned i = 0; list[i] != CALLS; i++)
		failing_one(list[i], try);
}
