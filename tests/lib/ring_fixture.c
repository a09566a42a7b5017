/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns one ring and its memory; knows nothing of what is right. */
#include "tests/lib/ring_fixture.h"

struct ring ring;
uint8_t memory[RING_MIN], bytes[RING_MIN + 1];

void fresh(void)
{
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	ring_init(&ring, memory, sizeof memory, NODEID, FIRST);
}

int send_n(size_t len)
{
	struct span part = { bytes, len };

	return ring_send(&ring, &part, len, FRAME, NULL);
}

size_t write_all(void)
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
