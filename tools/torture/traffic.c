/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sending and checking messages.
 * Knows nothing of how sessions begin and end.
 */
#include "tools/torture/incarnation.h"

#include <errno.h>
#include <inttypes.h>

#include "tools/clock.h"

#define BURST_MAX	8	/* messages to one peer at once */
#define QUIET_NS	(20 * CLOCK_MS)	/* now and then a peer gets nothing for so long */
#define PIECES		3	/* of one message, by sinew_sendv() */

static struct content content_to(const struct incarnation *l, const struct lane *lane,
				 uint64_t number)
{
	return (struct content){
		.seed = l->settings->seed,
		.from = l->id,
		.to = lane->record->peer,
		.from_incarnation = lane->record->incarnation,
		.to_incarnation = lane->record->peer_incarnation,
		.number = number,
		.max = l->settings->size,
	};
}

static struct content content_from(const struct incarnation *l, const struct lane *lane,
				   uint64_t number)
{
	return (struct content){
		.seed = l->settings->seed,
		.from = lane->record->peer,
		.to = l->id,
		.from_incarnation = lane->record->peer_incarnation,
		.to_incarnation = lane->record->incarnation,
		.number = number,
		.max = l->settings->size,
	};
}

/* ---- sending ---- */

static int send_pieces(struct incarnation *l, struct lane *lane, size_t len, uint64_t *ret_number)
{
	struct iovec iov[PIECES];
	size_t at = 0, cut = len / PIECES;
	int i;

	for (i = 0; i < PIECES; i++) {
		iov[i].iov_base = l->buffer + at;
		iov[i].iov_len = i == PIECES - 1 ? len - at : cut;
		at += cut;
	}
	return sinew_sendv(lane->session, iov, PIECES, ret_number);
}

static int send_in_place(struct lane *lane, const struct content *c, size_t len,
			 uint64_t *ret_number)
{
	struct sinew_slot slot;
	int rc;

	rc = sinew_reserve(lane->session, len, &slot);
	if (rc)
		return rc;
	content_fill(c, slot.data, len);
	return sinew_commit(&slot, len, ret_number);
}

/* By each of the calls, as the message wants. */
static int send_one(struct incarnation *l, struct lane *lane, const struct content *c, size_t len,
		    uint64_t *ret_number)
{
	unsigned kind = content_mix(c->number ^ c->seed) & 7;

	if (kind == 0 && len <= sinew_slot_max(lane->session))
		return send_in_place(lane, c, len, ret_number);
	content_fill(c, l->buffer, len);
	if (kind == 1)
		return send_pieces(l, lane, len, ret_number);
	return sinew_send_numbered(lane->session, l->buffer, len, ret_number);
}

/* Bytes that were sent, 0 for an empty one, or a negative errno. */
static int64_t send_next(struct incarnation *l, struct lane *lane)
{
	struct record *r = lane->record;
	struct content c = content_to(l, lane, record_get(&r->sent) + 1);
	size_t len = content_length(&c);
	uint64_t number = 0;
	int rc;

	/* It may be delivered before the call returns. */
	record_set(&r->tried, c.number);
	rc = send_one(l, lane, &c, len, &number);
	if (rc) {
		record_set(&r->tried, c.number - 1);
		return rc;
	}
	record_set(&r->sent, c.number);
	if (number != c.number)
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
				" was given the number %" PRIu64, l->id, r->peer, c.number, number);
	return (int64_t)len;
}

/* True: some were sent. */
static bool send_burst(struct incarnation *l, struct lane *lane, unsigned n, size_t *budget)
{
	bool any = false;
	int64_t rc = 0;

	while (n-- && *budget && rc >= 0) {
		rc = send_next(l, lane);
		if (rc < 0)
			break;
		any = true;
		*budget -= (size_t)rc < *budget ? (size_t)rc : *budget;
	}
	if (rc == -EAGAIN)
		atomic_store(&lane->record->is_blocked, true);
	/* -ESTALE, -ESHUTDOWN: session_down is on its way. */
	else if (rc < 0 && rc != -ESTALE && rc != -ESHUTDOWN)
		run_log_problem(l->run_log, "node %" PRIu32 " cannot send to node %" PRIu32 ": %s",
				l->id, lane->record->peer, sinew_error_name((int)rc));
	return any;
}

bool traffic_send(struct incarnation *l, uint64_t now_ns, size_t *budget)
{
	unsigned i, n = l->settings->n_nodes;
	bool any = false;
	uint64_t random;

	if (l->state != INCARNATION_RUNNING)
		return false;
	for (i = 0; i < n && *budget; i++) {
		struct lane *lane = &l->lanes[1 + (l->first_lane + i) % n];

		if (!lane->session || !lane->record ||
		    atomic_load(&lane->record->is_blocked) || now_ns < lane->quiet_until_ns)
			continue;
		random = run_log_random(&l->random);
		if (random % 16 == 0)
			lane->quiet_until_ns = now_ns + (random >> 8) % QUIET_NS;
		any |= send_burst(l, lane, 1 + (random >> 4) % BURST_MAX, budget);
	}
	l->first_lane = (l->first_lane + (i ? i : 1)) % n;
	return any;
}

/* ---- checking ---- */

static void tell_arrival(struct incarnation *l, const struct content *due, uint64_t number,
			 enum seqset_arrival arrival)
{
	switch (arrival) {
	case SEQSET_IN_ORDER:
		break;
	case SEQSET_AHEAD:
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
				" was due, %" PRIu64 " came", due->from, due->to,
				due->number, number);
		break;
	case SEQSET_DUPLICATED:
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
				" came again, %" PRIu64 " was due", due->from, due->to, number,
				due->number);
		break;
	case SEQSET_REORDERED:
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
				" came late, %" PRIu64 " was due", due->from, due->to, number,
				due->number);
		break;
	}
}

static void take_other(struct incarnation *l, struct lane *lane, const struct content *due,
		       const struct sinew_message *m)
{
	struct seqset *got = &lane->record->got;
	uint64_t number = 0;

	switch (content_identify(due, m->data, m->len, &number)) {
	case CONTENT_GOOD:
		tell_arrival(l, due, number, seqset_take(got, number));
		break;
	case CONTENT_STRAY:
		seqset_take_stray(got);
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": received a message "
				"of another incarnation or pair in place of %" PRIu64, due->from,
				due->to, due->number);
		break;
	case CONTENT_WRONG:
		seqset_take_corrupted(got);
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": received %zu bytes "
				"that were not sent, in place of message %" PRIu64 " of %zu bytes",
				due->from, due->to, m->len, due->number, content_length(due));
		break;
	}
}

void traffic_take(struct incarnation *l, struct lane *lane, const struct sinew_message *m)
{
	struct content due = content_from(l, lane, seqset_next(&lane->record->got));

	if (!content_is(&due, m->data, m->len)) {
		take_other(l, lane, &due, m);
		return;
	}
	seqset_take(&lane->record->got, due.number);
	if (m->number != due.number)
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
				" was handed over as number %" PRIu64, due.from, due.to, due.number,
				m->number);
	slow_keep(l, lane->session, m, &due, clock_now_ns());
}
