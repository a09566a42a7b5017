/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judging as the run goes: sessions that are over, sums of all, progress; and the end of a run: the
 * verdict and its reasons, as a table or as a document. Knows nothing of nodes but their records.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/clock.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/say.h"
#include "tools/torture/torture.h"

#define SCHEMA		1
#define STATUS_WEAK	3	/* what another subcommand may use otherwise */
#define TABLE_NODES	8	/* of more only what is wrong is shown pair by pair */

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_WEAK };

static const struct {
	const char *name;
	int status;
} verdicts[] = {
	[VERDICT_PASSED] = { "PASSED", STATUS_OK },
	[VERDICT_FAILED] = { "FAILED", STATUS_UNDELIVERED },
	[VERDICT_WEAK] = { "WEAK", STATUS_WEAK },
};

/* ---- judging ---- */

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

/* Of all pairs. */
static void sum_calls(const struct run *r, uint64_t sum[CALL_COUNTS])
{
	const uint32_t n = r->settings.n_nodes;
	uint32_t i, k;

	memset(sum, 0, CALL_COUNTS * sizeof(*sum));
	for (i = 1; i <= n; i++)
		for (k = 1; k <= n; k++)
			call_log_add(sum, run_log_calls(r->run_log, i, k));
}

/* The aim of the run. */
static uint64_t achieved(const struct run *r)
{
	uint64_t sum[CALL_COUNTS];

	if (!r->settings.calls)
		return r->total.delivered;
	sum_calls(r, sum);
	return sum[CALL_DONE];
}

static const char *achievement(const struct run *r)
{
	return r->settings.calls ? "calls done" : "messages delivered";
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
		 "data  %" PRIu64 " restarts  %" PRIu64 " %s  %u problems%s",
		 (double)(r->now_ns - r->began_ns) / CLOCK_S, t->kills,
		 t->kills ? t->hits * 100 / t->kills : 0, r->n_restarts, achieved(r),
		 achievement(r), atomic_load(&r->run_log->n_problems),
		 phase_name(run_log_phase(r->run_log)));
	if (r->is_terminal)
		fprintf(stderr, "\r\033[K%s", line);
	else
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	r->has_line = r->is_terminal;
}

/* ---- the verdict ---- */

/* Too few kills hit unacknowledged data: messages fill queues, of most calls there is nothing but
 * an answer to come. */
static bool are_hits_few(const struct run *r)
{
	return r->total.hits * (r->settings.calls ? 10 : 2) < r->total.kills;
}

static bool is_weak(const struct run *r)
{
	const struct pair *t = &r->total;

	if (r->settings.breaker != BREAKER_NONE && !t->kills)
		return true;
	return are_hits_few(r) || (r->settings.kills && t->kills < r->settings.kills);
}

static bool are_calls_clean(const uint64_t counts[CALL_COUNTS])
{
	return !counts[CALL_TWICE] && !counts[CALL_ENDLESS] && !counts[CALL_UNTRUE];
}

/* Something was delivered or done, and nothing of that was wrong. */
static bool is_good(const struct run *r)
{
	uint64_t sum[CALL_COUNTS];

	if (!achieved(r) || !checker_is_clean(&r->total))
		return false;
	if (!r->settings.calls)
		return true;
	sum_calls(r, sum);
	return are_calls_clean(sum);
}

static enum verdict verdict_of(const struct run *r)
{
	if (!is_good(r) || atomic_load(&r->run_log->n_problems))
		return VERDICT_FAILED;
	return is_weak(r) ? VERDICT_WEAK : VERDICT_PASSED;
}

int verdict_status(const struct run *r)
{
	return verdicts[verdict_of(r)].status;
}

/* ---- for people ---- */

static void print_row(const char *name, const struct pair *p)
{
	printf("%-9s %10" PRIu64 " %10" PRIu64 " %5" PRIu64 " %11" PRIu64 " %10" PRIu64 " %10"
	       PRIu64 " %7" PRIu64 " %7" PRIu64 " %9" PRIu64 "\n", name, p->sent, p->delivered,
	       p->lost, p->duplicated, p->reordered, p->corrupted, p->kills, p->hits, p->resent);
}

static bool shows_all(const struct run *r)
{
	return r->settings.all_pairs || r->settings.n_nodes <= TABLE_NODES;
}

static void tell_left_out(const struct run *r)
{
	if (!shows_all(r))
		printf("(%u pairs; the table has those with a problem; --all-pairs prints all)\n",
		       r->settings.n_nodes * (r->settings.n_nodes - 1));
}

static void print_pairs(const struct run *r)
{
	bool all = shows_all(r);
	char name[32];
	uint32_t i, k;

	for (i = 1; i <= r->settings.n_nodes; i++) {
		for (k = 1; k <= r->settings.n_nodes; k++) {
			if (i == k || (!all && checker_is_clean(&r->pairs[i][k])))
				continue;
			snprintf(name, sizeof(name), "%" PRIu32 " -> %" PRIu32, i, k);
			print_row(name, &r->pairs[i][k]);
		}
	}
	tell_left_out(r);
}

static void print_message_table(const struct run *r)
{
	printf("%-9s %10s %10s %5s %11s %10s %10s %7s %7s %9s\n", "pair", "sent", "delivered",
	       "lost", "duplicated", "reordered", "corrupted", "kills", "unacked", "resent");
	print_pairs(r);
	print_row("sum", &r->total);
	if (r->total.told)
		printf("\n%" PRIu64 " messages were not delivered because a node's incarnation "
		       "ended; their senders know.\n", r->total.told);
}

static void print_call_row(const char *name, const uint64_t counts[CALL_COUNTS],
			   const struct pair *p)
{
	unsigned i;

	printf("%-9s", name);
	for (i = CALL_BEGUN; i <= CALL_STARTED; i++)
		printf(" %8" PRIu64, counts[i]);
	printf(" %6" PRIu64, call_log_lost(counts));
	for (i = CALL_TWICE; i <= CALL_UNTRUE; i++)
		printf(" %7" PRIu64, counts[i]);
	printf(" %7" PRIu64 " %7" PRIu64 "\n", p->kills, p->hits);
}

static void print_call_pairs(const struct run *r)
{
	const uint32_t n = r->settings.n_nodes;
	bool all = shows_all(r);
	char name[32];
	uint32_t i, k;

	for (i = 1; i <= n; i++) {
		for (k = 1; k <= n; k++) {
			uint64_t counts[CALL_COUNTS] = { 0 };

			call_log_add(counts, run_log_calls(r->run_log, i, k));
			if (i == k || (!all && are_calls_clean(counts)))
				continue;
			snprintf(name, sizeof(name), "%" PRIu32 " -> %" PRIu32, i, k);
			print_call_row(name, counts, &r->pairs[i][k]);
		}
	}
	tell_left_out(r);
}

static void print_call_table(const struct run *r)
{
	uint64_t sum[CALL_COUNTS];

	printf("%-9s %8s %8s %8s %8s %8s %8s %8s %6s %7s %7s %7s %7s %7s\n", "", "", "", "", "",
	       "in", "not", "", "", "exec.", "without", "false", "", "");
	printf("%-9s %8s %8s %8s %8s %8s %8s %8s %6s %7s %7s %7s %7s %7s\n", "pair", "begun",
	       "done", "busy", "aborted", "doubt", "executed", "started", "lost", "twice", "end",
	       "outcome", "kills", "unacked");
	print_call_pairs(r);
	sum_calls(r, sum);
	print_call_row("sum", sum, &r->total);
	if (call_log_lost(sum))
		printf("\n%" PRIu64 " calls were lost with their callers, who were killed before "
		       "they were told an outcome.\n", call_log_lost(sum));
}

static void print_reasons(const struct run *r)
{
	const struct pair *t = &r->total;
	unsigned n_problems = atomic_load(&r->run_log->n_problems);

	printf("\n%s: %" PRIu64 " %s over %" PRIu64 " killed connections and %" PRIu64
	       " restarts in %.1f s", verdicts[verdict_of(r)].name, achieved(r), achievement(r),
	       t->kills, r->n_restarts, (double)(r->ended_ns - r->began_ns) / CLOCK_S);
	if (!achieved(r))
		printf("; nothing was %s", r->settings.calls ? "done" : "delivered");
	if (n_problems)
		printf("; %u problems, on standard error%s", n_problems,
		       n_problems > RUN_LOG_PROBLEMS ? " the first of them" : "");
	if (achieved(r) && !is_good(r))
		printf("; not all zeros");
	if (are_hits_few(r))
		printf("; only %" PRIu64 " of the kills hit unacknowledged data, fewer than %s",
		       t->hits, r->settings.calls ? "a tenth" : "half");
	if (r->settings.breaker != BREAKER_NONE && !t->kills)
		printf("; no connection was killed");
	if (t->kills < r->settings.kills)
		printf("; %" PRIu64 " kills were wanted", r->settings.kills);
	printf(".\n");
}

static void print_text(const struct run *r)
{
	if (r->settings.calls)
		print_call_table(r);
	else
		print_message_table(r);
	printf("\nKills are links that were up at both ends; a pair has each in both directions, "
	       "the sum once.\n");
	if (r->recovery_ns)
		printf("Because of restarts not all were up for %.1f s at the longest.\n",
		       (double)r->recovery_ns / CLOCK_S);
	print_reasons(r);
}

/* ---- for programs ---- */

static void put_pair(struct json_object *o, const struct pair *p)
{
	json_put_number(o, "sent", p->sent);
	json_put_number(o, "delivered", p->delivered);
	json_put_number(o, "lost", p->lost);
	json_put_number(o, "duplicated", p->duplicated);
	json_put_number(o, "reordered", p->reordered);
	json_put_number(o, "corrupted", p->corrupted);
	json_put_number(o, "kills", p->kills);
	json_put_number(o, "kills_unacked", p->hits);
	json_put_number(o, "resent", p->resent);
	json_put_number(o, "dropped_duplicates", p->repeated);
	json_put_number(o, "not_delivered_and_told", p->told);
	json_put_number(o, "sessions", p->sessions);
	json_put_number(o, "broken_promises", p->broken);
}

static void put_calls(struct json_object *o, const uint64_t counts[CALL_COUNTS],
		      const uint64_t mosts[CALL_MOSTS])
{
	struct json_object *calls = json_new();
	unsigned i;

	for (i = 0; i < CALL_COUNTS; i++)
		json_put_number(calls, call_count_names[i], counts[i]);
	json_put_number(calls, "lost_with_caller", call_log_lost(counts));
	for (i = 0; i < CALL_MOSTS; i++)
		json_put_number(calls, call_most_names[i], mosts[i]);
	json_put(o, "calls", calls);
}

static void put_calls_of(struct json_object *o, const struct run *r, uint32_t from, uint32_t to)
{
	uint64_t counts[CALL_COUNTS] = { 0 }, mosts[CALL_MOSTS] = { 0 };
	const struct call_pair *p;

	if (!r->settings.calls)
		return;
	p = run_log_calls(r->run_log, from, to);
	call_log_add(counts, p);
	call_log_raise(mosts, p);
	put_calls(o, counts, mosts);
}

static void put_sum(struct json_object *o, const struct run *r)
{
	struct json_object *sum = json_new();
	uint64_t counts[CALL_COUNTS], mosts[CALL_MOSTS] = { 0 };
	const uint32_t n = r->settings.n_nodes;
	uint32_t i;

	put_pair(sum, &r->total);
	if (r->settings.calls) {
		sum_calls(r, counts);
		for (i = 0; i < n * n; i++)
			call_log_raise(mosts, run_log_calls(r->run_log, i / n + 1, i % n + 1));
		put_calls(sum, counts, mosts);
	}
	json_put(o, "sum", sum);
}

static void put_problems(struct json_object *o, const struct run *r)
{
	struct json_object *problems = json_put_array(o, "problems");
	unsigned i;

	for (i = 0; i < RUN_LOG_PROBLEMS; i++)
		if (atomic_load(&r->run_log->problems[i].is_there))
			json_put_string(json_element(problems), "text",
				r->run_log->problems[i].text);
}

static struct json_object *document_of(const struct run *r)
{
	const struct settings *s = &r->settings;
	struct json_object *o = json_document(SCHEMA), *pairs;
	uint32_t i, k;

	json_put_string(o, "verdict", verdicts[verdict_of(r)].name);
	json_put_number(o, "status", (uint64_t)verdict_status(r));
	json_put_string(o, "version", sinew_version());
	json_put_number(o, "seed", s->seed);
	json_put_number(o, "nodes", s->n_nodes);
	json_put_bool(o, "processes", s->processes);
	json_put_string(o, "transport", settings_transports[s->transport]);
	json_put_string(o, "breaker", settings_breakers[s->breaker]);
	json_put_number(o, "slow", s->n_slow);
	json_put_number(o, "size", s->size);
	json_put_bool(o, "calls", s->calls);
	json_put_double(o, "seconds", (double)(r->ended_ns - r->began_ns) / CLOCK_S);
	json_put_number(o, "restarts", r->n_restarts);
	json_put_number(o, "crashes", r->n_crashes);
	json_put_number(o, "longest_not_all_up_ms", r->recovery_ns / CLOCK_MS);
	json_put_number(o, "n_problems", atomic_load(&r->run_log->n_problems));
	put_problems(o, r);
	put_sum(o, r);
	pairs = json_put_array(o, "pairs");
	for (i = 1; i <= s->n_nodes; i++) {
		for (k = 1; k <= s->n_nodes; k++) {
			struct json_object *e;

			if (i == k)
				continue;
			e = json_element(pairs);
			json_put_number(e, "from", i);
			json_put_number(e, "to", k);
			put_pair(e, &r->pairs[i][k]);
			put_calls_of(e, r, i, k);
		}
	}
	return o;
}

int verdict_print(const struct run *r)
{
	if (!r->settings.json)
		print_text(r);
	return json_end(r->settings.json ? document_of(r) : NULL);
}
