/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers that a receiver got; judges a session that is over by what its two ends wrote down.
 * Pure: knows no node, no content and no clock.
 */
#include "tools/torture/checker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTE_MAX	200

/* ---- numbers ---- */

static void set_taken(struct seqset *l, uint64_t number)
{
	atomic_store_explicit(&l->taken, number, memory_order_relaxed);
}

static void drop_gap(struct seqset *l, unsigned i)
{
	l->n_gaps--;
	memmove(&l->gaps[i], &l->gaps[i + 1], (l->n_gaps - i) * sizeof(l->gaps[0]));
}

static void add_gap(struct seqset *l, uint64_t first, uint64_t last)
{
	if (first > last)
		return;
	if (l->n_gaps == SEQSET_GAPS)
		drop_gap(l, 0);
	l->gaps[l->n_gaps++] = (struct seqset_gap){ first, last };
}

/* False: it was not missing. */
static bool fill_gap(struct seqset *l, uint64_t number)
{
	struct seqset_gap gap;
	unsigned i;

	for (i = 0; i < l->n_gaps; i++) {
		gap = l->gaps[i];
		if (number < gap.first || number > gap.last)
			continue;
		drop_gap(l, i);
		add_gap(l, gap.first, number - 1);
		add_gap(l, number + 1, gap.last);
		return true;
	}
	return false;
}

enum seqset_arrival seqset_take(struct seqset *l, uint64_t number)
{
	uint64_t next = seqset_next(l);

	if (number == next) {
		set_taken(l, number);
		return SEQSET_IN_ORDER;
	}
	if (number > next) {
		l->lost += number - next;
		add_gap(l, next, number - 1);
		set_taken(l, number);
		return SEQSET_AHEAD;
	}
	if (fill_gap(l, number)) {
		l->lost--;
		l->reordered++;
		return SEQSET_REORDERED;
	}
	l->duplicated++;
	return SEQSET_DUPLICATED;
}

void seqset_take_corrupted(struct seqset *l)
{
	l->corrupted++;
	set_taken(l, seqset_next(l));
}

void seqset_take_stray(struct seqset *l)
{
	l->corrupted++;
}

/* ---- sessions ---- */

/* The fate of the messages of one direction, as the sender knows it. */
struct promise {
	uint64_t acked;		/* at least so many were delivered */
	uint64_t unknown;	/* and at most so many */
};

static __attribute__((format(printf, 4, 5)))
void broken(const struct checker *j, const struct record *tx, struct pair *sum,
	    const char *fmt, ...)
{
	char line[NOTE_MAX];
	va_list args;
	int n;

	n = snprintf(line, sizeof(line), "node %" PRIu32 " to %" PRIu32 ": ", tx->node, tx->peer);
	va_start(args, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, args);
	va_end(args);
	sum->broken++;
	if (j->note)
		j->note(j->arg, line);
}

static bool is_closed(const struct record *r)
{
	return r && !r->crashed && r->reason == SINEW_DOWN_CLOSED;
}

static struct promise promise_of(const struct record *tx)
{
	if (tx->crashed)
		return (struct promise){ record_get(&tx->acked), record_get(&tx->tried) };
	return (struct promise){ tx->delivery.acked, tx->delivery.in_doubt };
}

static void check_delivery(const struct checker *j, const struct record *tx, struct pair *sum)
{
	const struct sinew_delivery *f = &tx->delivery;
	uint64_t sent = record_get(&tx->sent);

	if (tx->crashed)
		return;
	if (f->unsent != sent || f->acked > f->in_doubt || f->in_doubt > f->unsent)
		broken(j, tx, sum, "the delivery report (acked %" PRIu64 ", in doubt %" PRIu64
		       ", unsent %" PRIu64 ") does not fit %" PRIu64 " sent messages",
		       f->acked, f->in_doubt, f->unsent, sent);
	else if (f->acked < record_get(&tx->acked))
		broken(j, tx, sum, "%" PRIu64 " were acknowledged, but the delivery report says %"
		       PRIu64, record_get(&tx->acked), f->acked);
	else if (is_closed(tx) && f->acked != sent)
		broken(j, tx, sum, "closed in order, with %" PRIu64 " of %" PRIu64
		       " messages acknowledged", f->acked, sent);
}

/* Losses outside of the promise; holes below are in the seqset. */
static void check_promise(const struct checker *j, const struct record *tx, uint64_t taken,
			  struct pair *sum)
{
	struct promise p = promise_of(tx);

	if (taken < p.acked) {
		sum->lost += p.acked - taken;
		broken(j, tx, sum, "%" PRIu64 " messages were acknowledged, %" PRIu64
		       " were delivered", p.acked, taken);
	}
	/* A program that trusts the report sends them again. */
	if (taken > p.unknown) {
		sum->duplicated += taken - p.unknown;
		broken(j, tx, sum, "%" PRIu64 " messages were delivered, at most %" PRIu64
		       " can have been as the sender knows", taken, p.unknown);
	}
}

static void checker_direction(const struct checker *j, const struct record *tx,
			      const struct record *rx, struct pair *sum)
{
	uint64_t sent = record_get(&tx->sent);
	uint64_t taken = rx ? seqset_taken(&rx->got) : 0;
	uint64_t delivered = rx ? seqset_delivered(&rx->got) : 0;
	uint64_t lost = sum->lost;

	/* A sender that is killed in the middle of a send may not have counted it. */
	if (tx->crashed && sent < taken && taken <= record_get(&tx->tried))
		sent = taken;
	sum->sent += sent;
	sum->resent += tx->resent;
	sum->delivered += delivered;
	if (rx) {
		sum->repeated += rx->repeated;
		sum->lost += rx->got.lost;
		sum->duplicated += rx->got.duplicated;
		sum->reordered += rx->got.reordered;
		sum->corrupted += rx->got.corrupted;
	}
	check_delivery(j, tx, sum);
	check_promise(j, tx, taken, sum);
	if (is_closed(tx) && is_closed(rx) && taken != sent)
		broken(j, tx, sum, "both ends closed in order, with %" PRIu64 " of %" PRIu64
		       " messages delivered", taken, sent);
	lost = sum->lost - lost;
	if (sent > delivered + lost)
		sum->told += sent - delivered - lost;
}

/* An end that nothing excuses. */
static void check_end(const struct checker *j, const struct record *r, const struct record *other,
		      struct pair *sum)
{
	if (j->ends_are_free || !other || other->crashed || r->crashed ||
	    r->reason == SINEW_DOWN_CLOSED)
		return;
	broken(j, r, sum, "the session ended as %s, though neither node crashed (acked %" PRIu64
	       " of %" PRIu64 ")", sinew_down_name(r->reason), r->delivery.acked,
	       record_get(&r->sent));
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void checker_links(const struct record *a, const struct record *b, uint64_t *ret_kills,
		   uint64_t *ret_hits)
{
	uint64_t kills, hits, more, beyond;
	const struct record *low, *high;

	*ret_kills = *ret_hits = 0;
	if (!a || !b)
		return;
	low = a->node < b->node ? a : b;
	high = a->node < b->node ? b : a;
	kills = record_get(&high->reconnects);
	hits = min(record_get(&high->resumed), kills);
	if (!low->stale) {
		kills = min(kills, record_get(&low->reconnects));
		hits = min(hits, kills);
		beyond = record_get(&low->reconnects) - kills;
		more = record_get(&low->resumed);
		more = more > beyond ? min(more - beyond, kills) : 0;
		hits = hits > more ? hits : more;
	}
	*ret_kills = kills;
	*ret_hits = hits;
}

void checker_session(const struct checker *j, const struct record *a, const struct record *b,
		     struct pair *a_to_b, struct pair *b_to_a)
{
	uint64_t kills, hits;

	checker_direction(j, a, b, a_to_b);
	check_end(j, a, b, a_to_b);
	if (b) {
		checker_direction(j, b, a, b_to_a);
		check_end(j, b, a, b_to_a);
	} else if (seqset_taken(&a->got)) {
		/* Delivered by somebody who says that he sent nothing. */
		b_to_a->duplicated += seqset_taken(&a->got);
		broken(j, a, b_to_a, "%" PRIu64 " messages received in a session that the peer "
		       "never had", seqset_taken(&a->got));
	}
	checker_links(a, b, &kills, &hits);
	a_to_b->kills += kills;
	b_to_a->kills += kills;
	a_to_b->hits += hits;
	b_to_a->hits += hits;
	a_to_b->sessions++;
	b_to_a->sessions++;
}

bool checker_is_clean(const struct pair *p)
{
	return !p->lost && !p->duplicated && !p->reordered && !p->corrupted && !p->broken;
}

void checker_add(struct pair *sum, const struct pair *p)
{
	sum->sent += p->sent;
	sum->delivered += p->delivered;
	sum->lost += p->lost;
	sum->duplicated += p->duplicated;
	sum->reordered += p->reordered;
	sum->corrupted += p->corrupted;
	sum->told += p->told;
	sum->resent += p->resent;
	sum->repeated += p->repeated;
	sum->kills += p->kills;
	sum->hits += p->hits;
	sum->sessions += p->sessions;
	sum->broken += p->broken;
}
