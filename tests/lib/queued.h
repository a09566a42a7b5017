/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A look at the memory of the queue of a session, for tests that know its public header. */
#ifndef SINEW_TESTS_LIB_QUEUED_H
#define SINEW_TESTS_LIB_QUEUED_H

#include <stdbool.h>
#include <stddef.h>

struct sinew_session;

/* Those bytes lie somewhere in it, whether they wait for something or not. */
bool queue_has(const struct sinew_session *h, const void *bytes, size_t n);

#endif
