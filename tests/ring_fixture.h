/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fixture of tests of one send ring: its memory, a message of any length, and a link that
 * writes all that is unsent.
 */
#ifndef SINEW_TESTS_RING_FIXTURE_H
#define SINEW_TESTS_RING_FIXTURE_H

#include "proto/ring_out.h"
#include "proto/wire.h"
#include "tests/check.h"

#define NODEID	3u
#define FIRST	0xfffffffeu	/* the numbers wrap after two frames */
#define FRAME	WIRE_FRAME_MAX

static struct ring ring;
static uint8_t memory[RING_MIN], bytes[RING_MIN + 1];

static inline void fresh(void)
{
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	ring_init(&ring, memory, sizeof memory, NODEID, FIRST);
}

static inline int send_n(size_t len)
{
	struct span part = { bytes, len };

	return ring_send(&ring, &part, len, FRAME, NULL);
}

/* Everything that is unsent goes out; how many bytes that was. */
static inline size_t write_all(void)
{
	struct span out[3];
	size_t sum, all = 0;
	int n;

	while ((sum = ring_unsent(&ring, out, &n, SIZE_MAX)) > 0) {
		ring_sent(&ring, sum);
		all += sum;
	}
	return all;
}

#endif
