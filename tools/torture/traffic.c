/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sending, checking and keeping messages. A slow reader keeps some and gives them back late, so
 * that its peers are paused and their queues fill. A kept message must not have changed meanwhile.
 * Knows nothing of how sessions begin and end.
 */
#include "tools/torture/torture.h"

#include <errno.h>
#include <inttypes.h>

#include "tools/clock.h"
#include "tools/random.h"

#define BURST_MAX	8	/* messages to one peer at once */
#define QUIET_NS	(20 * CLOCK_MS)	/* now and then a peer gets nothing for so long */
#define PIECES		3	/* of one message, by sinew_sendv() */
#define SLOW_MIN_NS	(10 * CLOCK_MS)
#define SLOW_MAX_NS	(150 * CLOCK_MS)

/* The message of that number to the peer, or else from it. */
static struct content content_of(const struct incarnation *l, const struct lane *lane, bool to_peer,
				 uint64_t number)
{
	const struct record *r = lane->record;

	return (struct content){
		.seed = l->settings->seed,
		.from = to_peer ? r->node : r->peer,
		.to = to_peer ? r->peer : r->node,
		.from_incarnation = to_peer ? r->incarnation : r->peer_incarnation,
		.to_incarnation = to_peer ? r->peer_incarnation : r->incarnation,
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
	unsigned kind = random_mix(c->number ^ c->seed) & 7;

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
	struct content c = content_of(l, lane, true, record_get(&r->sent) + 1);
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
	const unsigned n = l->settings->n_nodes;
	uint64_t random = random_next(&l->random);
	unsigned i, first = random % n;
	bool any = false;

	if (l->state != INCARNATION_RUNNING)
		return false;
	for (i = 0; i < n && *budget; i++) {
		struct lane *lane = &l->lanes[1 + (first + i) % n];

		if (!lane->session || !lane->record ||
		    atomic_load(&lane->record->is_blocked) || now_ns < lane->quiet_until_ns)
			continue;
		random = random_next(&l->random);
		if (random % 16 == 0)
			lane->quiet_until_ns = now_ns + (random >> 8) % QUIET_NS;
		any |= send_burst(l, lane, 1 + (random >> 4) % BURST_MAX, budget);
	}
	return any;
}

/* ---- slow readers ---- */

static void keep(struct incarnation *l, struct sinew_session *session,
		 const struct sinew_message *m, const struct content *content, uint64_t now_ns)
{
	struct kept *k;
	int rc;

	if (!settings_is_slow(l->settings, l->id) || l->n_kept == INCARNATION_KEPT_MAX ||
	    run_log_phase(l->run_log) != PHASE_RUN)
		return;
	k = &l->kept[(l->kept_head + l->n_kept) % INCARNATION_KEPT_MAX];
	rc = sinew_keep(session, m, &k->message);
	if (rc == -ENOMEM)
		return;
	if (rc) {
		run_log_problem(l->run_log, "node %" PRIu32 ": cannot keep a message: %s", l->id,
				sinew_error_name(rc));
		return;
	}
	k->content = *content;
	k->until_ns = now_ns + SLOW_MIN_NS +
		random_next(&l->random) % (SLOW_MAX_NS - SLOW_MIN_NS);
	l->n_kept++;
}

static void release_oldest(struct incarnation *l)
{
	struct kept *k = &l->kept[l->kept_head];

	if (!content_is(&k->content, sinew_kept_data(k->message), sinew_kept_len(k->message)))
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
				" changed while it was kept", k->content.from, k->content.to,
				k->content.number);
	sinew_release(k->message);
	l->kept_head = (l->kept_head + 1) % INCARNATION_KEPT_MAX;
	l->n_kept--;
}

void slow_release(struct incarnation *l, uint64_t now_ns, bool all)
{
	while (l->n_kept && (all || l->kept[l->kept_head].until_ns <= now_ns))
		release_oldest(l);
}

uint64_t slow_deadline(const struct incarnation *l)
{
	return l->n_kept ? l->kept[l->kept_head].until_ns : CLOCK_NEVER;
}

/* ---- checking ---- */

static void take_late_or_early(struct incarnation *l, struct seqset *got, const struct content *due,
			       uint64_t number)
{
	static const char *const how[] = {
		[SEQSET_IN_ORDER] = "in order", [SEQSET_AHEAD] = "early",
		[SEQSET_DUPLICATED] = "again", [SEQSET_REORDERED] = "late",
	};

	run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
			" came %s, %" PRIu64 " was due", due->from, due->to, number,
			how[seqset_take(got, number)], due->number);
}

static void take_other(struct incarnation *l, struct lane *lane, const struct content *due,
		       const struct sinew_message *m)
{
	struct seqset *got = &lane->record->got;
	uint64_t number = 0;

	switch (content_identify(due, m->data, m->len, &number)) {
	case CONTENT_GOOD:
		take_late_or_early(l, got, due, number);
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
	struct content due = content_of(l, lane, false, seqset_next(&lane->record->got));

	if (!content_is(&due, m->data, m->len)) {
		take_other(l, lane, &due, m);
		return;
	}
	seqset_take(&lane->record->got, due.number);
	if (m->number != due.number)
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
				" was handed over as number %" PRIu64, due.from, due.to, due.number,
				m->number);
	keep(l, lane->session, m, &due, clock_now_ns());
}
