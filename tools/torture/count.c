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

/* Whether the other end may still begin to write about that session. */
static bool may_come(const struct run *r, const struct record *a)
{
	return record_get(&r->run_log->incarnations[a->peer]) == a->peer_incarnation;
}

static void checker_one(struct run *r, struct record *a, bool last)
{
	const struct checker checker = { .note = note, .arg = r };
	struct record *b = run_log_other_end(r->run_log, a);

	if (!last && (b ? record_state(b) != RECORD_OVER : may_come(r, a)))
		return;
	checker_session(&checker, a, b, &r->pairs[a->node][a->peer], &r->pairs[a->peer][a->node]);
	record_enter(a, RECORD_FREE);
	if (b)
		record_enter(b, RECORD_FREE);
}

void count_checker(struct run *r, bool last)
{
	struct record *a;
	unsigned i;

	for (i = 0; (a = run_log_record(r->run_log, i)); i++)
		if (record_state(a) == RECORD_OVER)
			checker_one(r, a, last);
}

/* ---- progress ---- */

static void watch_one(struct run *r, struct record *to)
{
	const struct record *from = run_log_present(r->run_log, to->peer, to->node);
	uint64_t taken = seqset_taken(&to->got);

	if (!from || record_get(&from->sent) <= taken || taken != to->moved.taken ||
	    !to->moved.at_ns)
		to->moved = (struct record_mark){ .at_ns = r->now_ns, .taken = taken };
	if (r->now_ns - to->moved.at_ns < r->settings.linger_ms * CLOCK_MS)
		return;
	to->moved.at_ns = r->now_ns;
	run_log_problem(r->run_log, "node %" PRIu32 " to %" PRIu32 ": %" PRIu64 " messages were "
			"sent, but since %" PRIu32 " ms none but the first %" PRIu64 " has come",
			to->peer, to->node, record_get(&from->sent), r->settings.linger_ms, taken);
}

void count_watch(struct run *r)
{
	struct record *to;
	unsigned i;

	for (i = 0; (to = run_log_record(r->run_log, i)); i++)
		if (record_state(to) == RECORD_OPEN)
			watch_one(r, to);
}

/* ---- sums ---- */

/* A session that was not checked yet. */
static void add_record(struct run *r, const struct record *a)
{
	uint64_t kills, hits;

	r->total.sent += record_get(&a->sent);
	r->total.delivered += seqset_taken(&a->got);
	if (a->node > a->peer)
		return;
	checker_links(a, run_log_other_end(r->run_log, a), &kills, &hits);
	r->total.kills += kills;
	r->total.hits += hits;
}

void count_total(struct run *r)
{
	struct record *a;
	uint32_t i, k;
	unsigned n;

	r->total = (struct pair){ .sent = 0 };
	for (i = 1; i <= r->settings.n_nodes; i++) {
		for (k = 1; k <= r->settings.n_nodes; k++) {
			struct pair p = r->pairs[i][k];

			/* Both directions have them. */
			if (i > k)
				p.kills = p.hits = p.sessions = 0;
			checker_add(&r->total, &p);
		}
	}
	for (n = 0; (a = run_log_record(r->run_log, n)); n++)
		if (record_state(a) != RECORD_FREE)
			add_record(r, a);
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
	const struct run_log_problem *p = &r->run_log->problems[r->n_told];

	for (; r->n_told < RUN_LOG_PROBLEMS && atomic_load(&p->is_there); r->n_told++, p++) {
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
