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

/* ---- what there is to tell of an ordered pair of nodes, or of all of them ---- */

struct row {
	struct pair pair;
	uint64_t calls[CALL_COUNTS], lost, mosts[CALL_MOSTS];
};

struct column {
	const char *key;	/* in the document; NULL: it is not there */
	size_t offset;		/* of an uint64_t of the row */
	int width;		/* in the table; 0: it is not there */
};

#define COLUMN(member)	offsetof(struct row, member)

static const struct column message_columns[] = {
	{ "sent", COLUMN(pair.sent), 10 },
	{ "delivered", COLUMN(pair.delivered), 10 },
	{ "lost", COLUMN(pair.lost), 5 },
	{ "duplicated", COLUMN(pair.duplicated), 11 },
	{ "reordered", COLUMN(pair.reordered), 10 },
	{ "corrupted", COLUMN(pair.corrupted), 10 },
	{ "kills", COLUMN(pair.kills), 7 },
	{ "kills_unacked", COLUMN(pair.hits), 7 },
	{ "resent", COLUMN(pair.resent), 9 },
	{ "dropped_duplicates", COLUMN(pair.repeated), 0 },
	{ "not_delivered_and_told", COLUMN(pair.told), 0 },
	{ "sessions", COLUMN(pair.sessions), 0 },
	{ "broken_promises", COLUMN(pair.broken), 0 },
	{ .width = 0 },
};

static const char message_heads[] =
	"pair            sent  delivered  lost  duplicated  reordered  corrupted   kills"
	" unacked    resent";

static const struct column call_columns[] = {
	{ "begun", COLUMN(calls[CALL_BEGUN]), 8 },
	{ "done", COLUMN(calls[CALL_DONE]), 8 },
	{ "busy", COLUMN(calls[CALL_BUSY]), 8 },
	{ "aborted", COLUMN(calls[CALL_ABORTED]), 8 },
	{ "in_doubt", COLUMN(calls[CALL_IN_DOUBT]), 8 },
	{ "not_executed", COLUMN(calls[CALL_NOT_EXECUTED]), 8 },
	{ "started", COLUMN(calls[CALL_STARTED]), 8 },
	{ "lost_with_caller", COLUMN(lost), 6 },
	{ "executed_twice", COLUMN(calls[CALL_TWICE]), 7 },
	{ "without_end", COLUMN(calls[CALL_ENDLESS]), 7 },
	{ "false_outcomes", COLUMN(calls[CALL_UNTRUE]), 7 },
	{ "slots_used_most", COLUMN(mosts[CALL_SLOTS_USED]), 0 },
	{ "oldest_ms_most", COLUMN(mosts[CALL_OLDEST_MS]), 0 },
	{ NULL, COLUMN(pair.kills), 7 },
	{ NULL, COLUMN(pair.hits), 7 },
	{ .width = 0 },
};

static const char call_heads[] =
	"                                                    in      not"
	"                   exec. without   false\n"
	"pair         begun     done     busy  aborted    doubt executed  started   lost"
	"   twice     end outcome   kills unacked";

static bool is_end(const struct column *c)
{
	return !c->key && !c->width;
}

static uint64_t value_of(const struct row *row, const struct column *c)
{
	return *(const uint64_t *)((const char *)row + c->offset);
}

static void add_calls(struct row *row, const struct run *r, uint32_t from, uint32_t to)
{
	const struct call_pair *p;

	if (!r->settings.calls)
		return;
	p = run_log_calls(r->run_log, from, to);
	call_log_add(row->calls, p);
	call_log_raise(row->mosts, p);
	row->lost = call_log_lost(row->calls);
}

static struct row row_of(const struct run *r, uint32_t from, uint32_t to)
{
	struct row row = { .pair = r->pairs[from][to] };

	add_calls(&row, r, from, to);
	return row;
}

static struct row sum_of(const struct run *r)
{
	struct row row = { .pair = r->total };
	uint32_t i, k;

	for (i = 1; i <= r->settings.n_nodes; i++)
		for (k = 1; k <= r->settings.n_nodes; k++)
			add_calls(&row, r, i, k);
	return row;
}

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

/* The aim of the run. */
static uint64_t achieved(const struct run *r)
{
	return r->settings.calls ? sum_of(r).calls[CALL_DONE] : r->total.delivered;
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

/* Nothing of it is wrong. */
static bool is_clean(const struct row *row)
{
	return checker_is_clean(&row->pair) && !row->calls[CALL_TWICE] &&
	       !row->calls[CALL_ENDLESS] && !row->calls[CALL_UNTRUE];
}

/* Something was delivered or done, and nothing of that was wrong. */
static bool is_good(const struct run *r)
{
	const struct row sum = sum_of(r);

	return achieved(r) && is_clean(&sum);
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

static void print_row(const struct run *r, const char *name, const struct row *row)
{
	const struct column *c = r->settings.calls ? call_columns : message_columns;

	printf("%-9s", name);
	for (; !is_end(c); c++)
		if (c->width)
			printf(" %*" PRIu64, c->width, value_of(row, c));
	putchar('\n');
}

static void print_pairs(const struct run *r)
{
	bool all = r->settings.all_pairs || r->settings.n_nodes <= TABLE_NODES;
	char name[32];
	struct row row;
	uint32_t i, k;

	for (i = 1; i <= r->settings.n_nodes; i++) {
		for (k = 1; k <= r->settings.n_nodes; k++) {
			row = row_of(r, i, k);
			if (i == k || (!all && is_clean(&row)))
				continue;
			snprintf(name, sizeof(name), "%" PRIu32 " -> %" PRIu32, i, k);
			print_row(r, name, &row);
		}
	}
	if (!all)
		printf("(%u pairs; the table has those with a problem; --all-pairs prints all)\n",
		       r->settings.n_nodes * (r->settings.n_nodes - 1));
}

static void print_table(const struct run *r)
{
	const struct row sum = sum_of(r);

	puts(r->settings.calls ? call_heads : message_heads);
	print_pairs(r);
	print_row(r, "sum", &sum);
	if (!r->settings.calls && sum.pair.told)
		printf("\n%" PRIu64 " messages were not delivered because a node's incarnation "
		       "ended; their senders know.\n", sum.pair.told);
	if (sum.lost)
		printf("\n%" PRIu64 " calls were lost with their callers, who were killed before "
		       "they were told an outcome.\n", sum.lost);
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
	print_table(r);
	printf("\nKills are links that were up at both ends; a pair has each in both directions, "
	       "the sum once.\n");
	if (r->recovery_ns)
		printf("Because of restarts not all were up for %.1f s at the longest.\n",
		       (double)r->recovery_ns / CLOCK_S);
	print_reasons(r);
}

/* ---- for programs ---- */

static void put_columns(struct json_object *o, const struct column *c, const struct row *row)
{
	for (; !is_end(c); c++)
		if (c->key)
			json_put_number(o, c->key, value_of(row, c));
}

static void put_row(struct json_object *o, const struct run *r, const struct row *row)
{
	struct json_object *calls;

	put_columns(o, message_columns, row);
	if (!r->settings.calls)
		return;
	calls = json_new();
	put_columns(calls, call_columns, row);
	json_put(o, "calls", calls);
}

static void put_rows(struct json_object *o, const struct run *r)
{
	struct json_object *sum = json_new(), *pairs, *pair;
	struct row row = sum_of(r);
	uint32_t i, k;

	put_row(sum, r, &row);
	json_put(o, "sum", sum);
	pairs = json_put_array(o, "pairs");
	for (i = 1; i <= r->settings.n_nodes; i++) {
		for (k = 1; k <= r->settings.n_nodes; k++) {
			if (i == k)
				continue;
			pair = json_element(pairs);
			json_put_number(pair, "from", i);
			json_put_number(pair, "to", k);
			row = row_of(r, i, k);
			put_row(pair, r, &row);
		}
	}
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
	struct json_object *o = json_document(SCHEMA);

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
	put_rows(o, r);
	return o;
}

int verdict_print(const struct run *r)
{
	if (!r->settings.json)
		print_text(r);
	return json_end(r->settings.json ? document_of(r) : NULL);
}
