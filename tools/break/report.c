/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The results of a run.
 * Knows nothing of how a connection is hit.
 */
#include "tools/break/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/break/break.h"
#include "tools/file.h"
#include "tools/json.h"
#include "tools/say.h"

#define SCHEMA		1
#define LINE_EVERY_NS	CLOCK_S
#define FILE_EVERY_NS	(250 * CLOCK_MS)

/* ---- JSON ---- */

static double seconds_of(const struct match *m)
{
	return (double)(clock_now_ns() - m->pace.began_ns) / 1e9;
}

static void put_counts(struct json_object *to, const struct match_counts *c)
{
	json_put_number(to, "tried", c->n_tried);
	json_put_number(to, "kills", c->n_kills);
	json_put_number(to, "missed", c->n_tried - c->n_kills);
}

static struct json_object *document_of(const struct match *m, int status)
{
	struct json_object *o = json_document(SCHEMA), *pairs, *pair;
	char text[FILTER_ADDRESS_TEXT];
	unsigned i;

	json_put_string(o, "mode", m->method->mode);
	json_put_number(o, "status", (uint64_t)status);
	json_put_double(o, "seconds", seconds_of(m));
	json_put_number(o, "seed", m->options.seed);
	json_put_number(o, "rounds", m->pace.n_rounds);
	put_counts(o, &m->sum);
	json_put_number(o, "left_out", m->n_left_out);
	json_put_number(o, "segments", m->n_segments);
	pairs = json_put_array(o, "pairs");
	for (i = 0; i < m->n_pairs; i++) {
		pair = json_element(pairs);
		json_put_string(pair, "a", filter_print_address(&m->pairs[i].addresses[0], text));
		json_put_string(pair, "b", filter_print_address(&m->pairs[i].addresses[1], text));
		put_counts(pair, &m->pairs[i].counts);
	}
	return o;
}

static int write_file(const struct match *m, int status)
{
	struct json_object *document;
	const char *text;
	int rc;

	if (!m->options.stats)
		return 0;
	document = document_of(m, status);
	text = json_text(document);
	rc = text ? file_replace(m->options.stats, text) : -ENOMEM;
	json_free(document);
	if (!rc)
		return 0;
	say(SINEW_ERROR, "--stats: cannot write %s: %s", m->options.stats, strerror(-rc));
	return BREAK_USAGE;
}

/* ---- for people ---- */

static void print_sums(const struct match *m, FILE *to)
{
	fprintf(to, "%" PRIu64 " connections killed, %" PRIu64 " missed, in %" PRIu64 " rounds and "
		"%.1f s", m->sum.n_kills, m->sum.n_tried - m->sum.n_kills, m->pace.n_rounds,
		seconds_of(m));
}

static void print_table(const struct match *m)
{
	char text[FILTER_ADDRESS_TEXT];
	unsigned i;

	if (m->n_pairs)
		printf("%-24s %-24s %9s %9s %9s\n", "one end", "other end", "tried", "killed",
		       "missed");
	for (i = 0; i < m->n_pairs; i++) {
		const struct match_pair *p = &m->pairs[i];

		printf("%-24s ", filter_print_address(&p->addresses[0], text));
		printf("%-24s ", filter_print_address(&p->addresses[1], text));
		printf("%9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", p->counts.n_tried,
		       p->counts.n_kills, p->counts.n_tried - p->counts.n_kills);
	}
	print_sums(m, stdout);
	if (m->options.probability < 1)
		printf("; seed %" PRIu64, m->options.seed);
	printf("\n");
	if (m->n_left_out)
		printf("%" PRIu64 " more were not tried: a round has room for %d\n", m->n_left_out,
		       MATCH_FOUND_MAX);
}

int report_progress(struct match *m)
{
	uint64_t now = clock_now_ns();

	if (m->is_terminal && now >= m->next_line_ns) {
		fprintf(stderr, "\r\033[K");
		print_sums(m, stderr);
		fflush(stderr);
		m->next_line_ns = now + LINE_EVERY_NS;
	}
	if (now < m->next_file_ns)
		return 0;
	m->next_file_ns = now + FILE_EVERY_NS;
	/* An output that cannot be replaced gets one document, at the end. */
	if (!m->options.stats || file_is_special(m->options.stats))
		return 0;
	return write_file(m, BREAK_OK);
}

uint64_t report_deadline(const struct match *m)
{
	return m->is_terminal ? m->next_line_ns : CLOCK_NEVER;
}

int report_finish(struct match *m, int error)
{
	int status = error, rc;

	if (m->is_terminal)
		fprintf(stderr, "\r\033[K");
	if (!status && (!m->sum.n_kills || (m->options.count && !match_is_enough(m))))
		status = BREAK_NOTHING;
	if (!m->options.json)
		print_table(m);
	status = break_print(m->options.json ? document_of(m, status) : NULL, status);
	rc = write_file(m, status);
	return status ? status : rc;
}

/* ---- without a run ---- */

int report_probe(const struct match *m)
{
	struct json_object *document;

	if (!m->options.json) {
		printf("permitted to %s connections\n", m->method->mode);
		return break_print(NULL, BREAK_OK);
	}
	document = json_document(SCHEMA);
	json_put_string(document, "mode", m->method->mode);
	json_put_bool(document, "allowed", true);
	return break_print(document, BREAK_OK);
}

static const char *place_of(const struct diag_connection *c)
{
	static const char *const places[] = { "none", "one", "other", "both" };

	return places[c->sockets[0].is_there + 2 * c->sockets[1].is_there];
}

static struct json_object *list_of(const struct match *m)
{
	struct json_object *o = json_document(SCHEMA), *array, *element;
	char text[FILTER_END_TEXT];
	unsigned i;

	json_put_string(o, "mode", m->method->mode);
	json_put_bool(o, "dry_run", true);
	json_put_number(o, "left_out", m->n_left_out);
	array = json_put_array(o, "connections");
	for (i = 0; i < m->n_found; i++) {
		const struct diag_connection *c = &m->found[i];

		element = json_element(array);
		json_put_string(element, "a", filter_print_end(&c->ends[0], text));
		json_put_string(element, "b", filter_print_end(&c->ends[1], text));
		json_put_string(element, "here", place_of(c));
		json_put_number(element, "a_unacked", c->sockets[0].n_unacked);
		json_put_number(element, "b_unacked", c->sockets[1].n_unacked);
	}
	return o;
}

int report_list(const struct match *m)
{
	int status = m->n_found ? BREAK_OK : BREAK_NOTHING;
	char text[FILTER_END_TEXT];
	unsigned i;

	if (m->options.json)
		return break_print(list_of(m), status);
	if (m->n_found)
		printf("%-32s %-32s %-6s %s\n", "one end", "other end", "here", "unacked");
	for (i = 0; i < m->n_found; i++) {
		const struct diag_connection *c = &m->found[i];

		printf("%-32s ", filter_print_end(&c->ends[0], text));
		printf("%-32s ", filter_print_end(&c->ends[1], text));
		printf("%-6s %" PRIu32 ", %" PRIu32 "\n", place_of(c), c->sockets[0].n_unacked,
		       c->sockets[1].n_unacked);
	}
	printf("%u connections would be hit%s\n", m->n_found, m->n_left_out ? ", and more" : "");
	return break_print(NULL, status);
}
