/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The questions of lock managers to each other, in bare packets: builds them and their answers,
 * and judges those that arrive. A question counts as open until its answer is heard; asked again,
 * it has a new id. Knows no session and no kernel.
 */
#include "sim.h"

#include <string.h>

enum { ASK_STATUS = 1, ASK_REPLY = 5 };
enum { OFF_TYPE = 16, OFF_ID = 24, OFF_NUMBER = 32, OFF_BODY = 48 };

static size_t length_of(uint32_t type)
{
	return type == ASK_STATUS ? 64 : ASK_MAX;
}

static size_t put(uint8_t *to, struct stream *tx, uint32_t version, uint32_t type, uint32_t id)
{
	size_t n = length_of(type);
	uint32_t number = tx->n_bare++;

	wire_put_header(to, version, 7, sim.node[sim.inc[tx->from].node].nodeid, n, WIRE_RCOM);
	memset(to + WIRE_HEADER, 0, OFF_BODY - WIRE_HEADER);
	put_le32(to + OFF_TYPE, type);
	put_le32(to + OFF_ID, id);
	put_le32(to + OFF_NUMBER, number);
	memcpy(to + OFF_BODY, workload_pattern + number % 1024, n - OFF_BODY);
	return n;
}

size_t ask_put(uint8_t *to, struct stream *tx, uint32_t version)
{
	tx->asked = tx->n_bare + 1;
	return put(to, tx, version, ASK_STATUS, tx->asked);
}

size_t ask_put_answer(uint8_t *to, struct stream *tx, uint32_t version, uint32_t id)
{
	return put(to, tx, version, ASK_REPLY, id);
}

/* Each packet comes whole, and at most once. */
static bool is_as_sent(struct stream *rx, const uint8_t *p, size_t n)
{
	uint32_t type, number;

	if (n < OFF_BODY)
		return false;
	type = get_le32(p + OFF_TYPE);
	number = get_le32(p + OFF_NUMBER);
	if ((type != ASK_STATUS && type != ASK_REPLY) || n != length_of(type) ||
	    number >= rx->n_bare || memcmp(p + OFF_BODY, workload_pattern + number % 1024,
					   n - OFF_BODY) ||
	    rx->bare_seen[number % ASK_WINDOW] == number + 1)
		return false;
	rx->bare_seen[number % ASK_WINDOW] = number + 1;
	return true;
}

uint32_t ask_heard(struct stream *rx, struct stream *tx, const uint8_t *p, size_t n)
{
	uint32_t id;

	if (!is_as_sent(rx, p, n)) {
		sim_fail("a bare packet from incarnation %u to %u is not what was sent, or comes "
			 "again", rx->from, rx->to);
		return 0;
	}
	id = get_le32(p + OFF_ID);
	if (get_le32(p + OFF_TYPE) == ASK_STATUS)
		return id;
	if (tx->asked == id) {
		tx->asked = 0;
		cover(COVER_K_ANSWERED);
	}
	return 0;
}
