/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judging as the run goes: sessions that are over, sums of all, progress.
 * Knows nothing of nodes but their records.
 */
#include "tools/torture/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/clock.h"
#include "tools/say.h"

static void note(void *arg, const char *line)
{
	struct run *r = arg;

	run_log_problem(r->run_log, "%s", line);
}

static void give_back(struct record *r)
{
	if (r)
		atomic_store_explicit(&r->state, RECORD_FREE, memory_order_release);
}

/* Whether the other end may still begin to write about that session. */
static bool may_come(const struct run *r, const struct record *a)
{
	return record_get(&r->run_log->nodes[a->peer].incarnation) == a->peer_incarnation;
}

static void checker_one(struct run *r, struct record *a, bool last)
{
	const struct checker checker = { .note = note, .arg = r };
	struct record *b = run_log_other_end(r->run_log, a);

	if (!last && (b ? record_state(b) != RECORD_OVER : may_come(r, a)))
		return;
	checker_session(&checker, a, b, &r->pairs[a->node][a->peer], &r->pairs[a->peer][a->node]);
	give_back(a);
	give_back(b);
}

void count_checker(struct run *r, bool last)
{
	struct record *a;
	uint32_t id;
	unsigned i;

	for (id = 1; id <= r->settings.n_nodes; id++) {
		for (i = 0; i < r->run_log->n_records; i++) {
			a = run_log_record(r->run_log, id, i);
			if (record_state(a) == RECORD_OVER)
				checker_one(r, a, last);
		}
	}
}

/* ---- progress ---- */

static void watch_one(struct run *r, uint32_t node, uint32_t peer)
{
	struct watch *w = &r->watches[node][peer];
	const struct record *to = run_log_present(r->run_log, node, peer);
	const struct record *from = run_log_present(r->run_log, peer, node);
	uint64_t taken = to ? seqset_taken(&to->got) : 0;

	if (!to || !from || record_get(&from->sent) <= taken || taken != w->taken ||
	    to->incarnation != w->incarnation || to->peer_incarnation != w->peer_incarnation) {
		*w = (struct watch){ .taken = taken, .since_ns = r->now_ns };
		if (to) {
			w->incarnation = to->incarnation;
			w->peer_incarnation = to->peer_incarnation;
		}
		return;
	}
	if (r->now_ns - w->since_ns < r->settings.linger_ms * CLOCK_MS)
		return;
	w->since_ns = r->now_ns;
	run_log_problem(r->run_log, "node %" PRIu32 " to %" PRIu32 ": %" PRIu64 " messages were "
			"sent, but since %" PRIu32 " ms none but the first %" PRIu64 " has come",
			peer, node, record_get(&from->sent), r->settings.linger_ms, taken);
}

void count_watch(struct run *r)
{
	uint32_t i, k;

	for (i = 1; i <= r->settings.n_nodes; i++)
		for (k = 1; k <= r->settings.n_nodes; k++)
			if (i != k)
				watch_one(r, i, k);
}

/* ---- sums ---- */

/* A session that was not checked yet; most are found without a search. */
static void add_record(struct run *r, const struct record *a)
{
	struct record *b = run_log_present(r->run_log, a->peer, a->node);
	uint64_t kills, hits;

	r->total.sent += record_get(&a->sent);
	r->total.delivered += seqset_taken(&a->got);
	if (a->node > a->peer)
		return;
	if (!b || a->peer_incarnation != b->incarnation || b->peer_incarnation != a->incarnation)
		b = run_log_other_end(r->run_log, a);
	checker_links(a, b, &kills, &hits);
	r->total.kills += kills;
	r->total.hits += hits;
}

static void add_records(struct run *r, uint32_t id)
{
	struct record *a;
	unsigned i;

	for (i = 0; i < r->run_log->n_records; i++) {
		a = run_log_record(r->run_log, id, i);
		if (record_state(a) != RECORD_FREE)
			add_record(r, a);
	}
}

void count_total(struct run *r)
{
	uint32_t i, k;

	r->total = (struct pair){ .sent = 0 };
	for (i = 1; i <= r->settings.n_nodes; i++) {
		for (k = 1; k <= r->settings.n_nodes; k++) {
			struct pair p = r->pairs[i][k];

			if (i == k)
				continue;
			/* Both directions have them. */
			if (i > k)
				p.kills = p.hits = p.sessions = 0;
			checker_add(&r->total, &p);
		}
		add_records(r, i);
	}
}

/* ---- words ---- */

void count_end_line(struct run *r)
{
	if (r->has_line)
		fputc('\n', stderr);
	r->has_line = false;
}

void count_tell(struct run *r)
{
	unsigned i;

	for (i = 0; i < RUN_LOG_PROBLEMS; i++) {
		struct run_log_problem *p = &r->run_log->problems[i];

		if (!atomic_load(&p->is_there) || p->was_told)
			continue;
		p->was_told = true;
		count_end_line(r);
		say(SINEW_ERROR, "%s", p->text);
	}
}

static const char *phase_name(enum run_log_phase phase)
{
	switch (phase) {
	case PHASE_RUN:
		break;
	case PHASE_SETTLE:
		return "  no more faults; until all are up";
	case PHASE_CLOSE:
		return "  closing";
	}
	return "";
}

void count_line(struct run *r)
{
	const struct pair *t = &r->total;
	char line[300];

	count_total(r);
	snprintf(line, sizeof(line), "%5.1f s  %" PRIu64 " kills, %" PRIu64 "%% on unacknowledged "
		 "data  %" PRIu64 " restarts  %" PRIu64 " messages delivered  %u problems%s",
		 (double)(r->now_ns - r->began_ns) / CLOCK_S, t->kills,
		 t->kills ? t->hits * 100 / t->kills : 0, r->n_restarts, t->delivered,
		 atomic_load(&r->run_log->n_problems), phase_name(run_log_phase(r->run_log)));
	if (r->is_terminal)
		fprintf(stderr, "\r\033[K%s", line);
	else
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	r->has_line = r->is_terminal;
}
