/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options and the address of a socket of NNG, for all of its contestants. Knows nothing of its
 * protocol, and nothing of what is measured.
 */
#ifndef BENCH_NNG_SHARED_H
#define BENCH_NNG_SHARED_H

#include <nng/nng.h>

#include "tests/bench/work/contestant.h"

extern const struct contestant nng_calls;

/* A negative errno for an error of theirs, after it was said; 0 for 0. */
int error_of(int err);
/* Sets and attaches it. 0, or an error of theirs. */
int socket_prepare(nng_socket socket, const struct end_options *opt);

#endif
