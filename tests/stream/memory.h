/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams in memory, within one thread: without a descriptor, with a deadline, proved by a key.
 * A stream that is not TCP, for tests of those who use streams.
 */
#ifndef SINEW_TESTS_STREAM_MEMORY_H
#define SINEW_TESTS_STREAM_MEMORY_H

#include "lowcomms/stream.h"

#define MEMORY_DIAL_NS	50000000u	/* until a dial that nobody answers has failed */

extern const struct transport transport_memory;

/* Dials to that address are answered by nobody; NULL: by those that listen. */
void memory_silence(const struct sockaddr_storage *addr);

#endif
