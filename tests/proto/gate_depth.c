/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the work that test_gate_idle.sh counts instructions of, at one depth of the queue: DEPTH
 * messages lie unacknowledged in the ring of a session while COUNT more are sent, written and
 * acknowledged in batches. Everything below sinew_send() takes part, but sockets.
 *
 *	gate_depth DEPTH COUNT
 */
#include "tests/lib/core_fixture.h"

#define MESSAGE_BYTES 64
#define BATCH 64
#define RING_BYTES (128u << 20)

/* A batch is queued and written. */
static bool send_batch(struct wire *w)
{
	static const char text[MESSAGE_BYTES];
	struct session *s = fx->session[HIGH];

	for (unsigned i = 0; i < BATCH; i++) {
		struct span part = { (const uint8_t *)text, sizeof text };

		if (!session_send_plain(s, text, sizeof text) &&
		    session_send(s, &part, 1, sizeof text, NULL))
			return false;
	}
	session_schedule(s);
	settle();
	w->n_out = 0;
	return true;
}

/* The oldest batch is acknowledged. */
static void ack_batch(struct wire *w, uint32_t *acked)
{
	uint8_t frame[WIRE_HEADER];

	*acked += BATCH;
	feed(w, frame, wire_put_ack(frame, HIGH, *acked));
	w->n_out = 0;
}

int main(int argc, char **argv)
{
	unsigned long depth = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	uint32_t acked = 0xfffffffe;
	struct wire *high;
	bool ok = true;

	if (depth < BATCH || count < BATCH) {
		fprintf(stderr, "usage: gate_depth DEPTH COUNT\n");
		return 2;
	}
	fixture_ring = RING_BYTES;
	both_up(&high);
	for (unsigned long i = 0; ok && i < depth / BATCH; i++)
		ok = send_batch(high);
	for (unsigned long i = 0; ok && i < count / BATCH; i++) {
		ok = send_batch(high);
		ack_batch(high, &acked);
	}
	ok = ok && fx->session[HIGH]->ring.acked_number == count / BATCH * BATCH;
	printf("queued=%llu\n", (unsigned long long)ring_bytes_queued(&fx->session[HIGH]->ring));
	fixture_end();
	return !ok;
}
