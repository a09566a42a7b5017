/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packets hit: counted, and told.
 * Knows nothing of how a connection is hit.
 */
#include "tools/break/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/break/break.h"
#include "tools/file.h"
#include "tools/json.h"
#include "tools/say.h"

#define SCHEMA		1
#define LINE_EVERY_NS	CLOCK_S
#define FILE_EVERY_NS	(250 * CLOCK_MS)

void report_init(struct report *r, const char *mode, const struct match_options *o,
		 const struct pace *p)
{
	*r = (struct report){ .mode = mode, .options = o, .pace = p };
	r->is_terminal = isatty(STDERR_FILENO);
	r->next_line_ns = p->began_ns + LINE_EVERY_NS;
}

/* ---- counting ---- */

static struct report_pair *pair_of(struct report *r, const struct filter_address *a,
				   const struct filter_address *b)
{
	unsigned i;

	for (i = 0; i < r->n_pairs; i++)
		if (!filter_compare_addresses(&r->pairs[i].addresses[0], a) &&
		    !filter_compare_addresses(&r->pairs[i].addresses[1], b))
			return &r->pairs[i];
	if (r->n_pairs == REPORT_PAIRS_MAX)
		return NULL;
	r->pairs[i] = (struct report_pair){ .addresses = { *a, *b } };
	r->n_pairs++;
	return &r->pairs[i];
}

void report_count(struct report *r, const struct diag_connection *c, bool killed)
{
	struct report_pair *pair = pair_of(r, &c->ends[0].address, &c->ends[1].address);

	r->sum.n_tried++;
	r->sum.n_kills += killed;
	if (!pair)
		return;
	pair->counts.n_tried++;
	pair->counts.n_kills += killed;
}

bool report_is_enough(const struct report *r)
{
	return r->options->count && r->sum.n_kills >= r->options->count;
}

/* ---- JSON ---- */

static double seconds_of(const struct report *r)
{
	return (double)(clock_now_ns() - r->pace->began_ns) / 1e9;
}

static void put_counts(struct json_object *to, const struct report_counts *c)
{
	json_put_number(to, "tried", c->n_tried);
	json_put_number(to, "kills", c->n_kills);
	json_put_number(to, "missed", c->n_tried - c->n_kills);
}

static struct json_object *document_of(const struct report *r, int status)
{
	struct json_object *o = json_document(SCHEMA), *pairs, *pair;
	char text[FILTER_ADDRESS_TEXT];
	unsigned i;

	json_put_string(o, "mode", r->mode);
	json_put_number(o, "status", (uint64_t)status);
	json_put_double(o, "seconds", seconds_of(r));
	json_put_number(o, "seed", r->options->seed);
	json_put_number(o, "rounds", r->pace->n_rounds);
	put_counts(o, &r->sum);
	json_put_number(o, "left_out", r->n_left_out);
	json_put_number(o, "segments", r->n_segments);
	pairs = json_put_array(o, "pairs");
	for (i = 0; i < r->n_pairs; i++) {
		pair = json_element(pairs);
		json_put_string(pair, "a", filter_print_address(&r->pairs[i].addresses[0], text));
		json_put_string(pair, "b", filter_print_address(&r->pairs[i].addresses[1], text));
		put_counts(pair, &r->pairs[i].counts);
	}
	return o;
}

static int write_file(const struct report *r, int status)
{
	struct json_object *document;
	const char *text;
	int rc;

	if (!r->options->stats)
		return 0;
	document = document_of(r, status);
	text = json_text(document);
	rc = text ? file_replace(r->options->stats, text) : -ENOMEM;
	json_free(document);
	if (!rc)
		return 0;
	say(SINEW_ERROR, "--stats: cannot write %s: %s", r->options->stats, strerror(-rc));
	return BREAK_USAGE;
}

/* ---- for people ---- */

static void print_sums(const struct report *r, FILE *to)
{
	fprintf(to, "%" PRIu64 " connections killed, %" PRIu64 " missed, in %" PRIu64 " rounds and "
		"%.1f s", r->sum.n_kills, r->sum.n_tried - r->sum.n_kills, r->pace->n_rounds,
		seconds_of(r));
}

static void print_table(const struct report *r)
{
	char text[FILTER_ADDRESS_TEXT];
	unsigned i;

	if (r->n_pairs)
		printf("%-24s %-24s %9s %9s %9s\n", "one end", "other end", "tried", "killed",
		       "missed");
	for (i = 0; i < r->n_pairs; i++) {
		const struct report_pair *p = &r->pairs[i];

		printf("%-24s ", filter_print_address(&p->addresses[0], text));
		printf("%-24s ", filter_print_address(&p->addresses[1], text));
		printf("%9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", p->counts.n_tried,
		       p->counts.n_kills, p->counts.n_tried - p->counts.n_kills);
	}
	print_sums(r, stdout);
	if (r->options->probability < 1)
		printf("; seed %" PRIu64, r->options->seed);
	printf("\n");
	if (r->n_left_out)
		printf("%" PRIu64 " more were not tried: a round has room for %d\n", r->n_left_out,
		       ORDERS_TARGETS_MAX);
}

int report_progress(struct report *r)
{
	uint64_t now = clock_now_ns();

	if (r->is_terminal && now >= r->next_line_ns) {
		fprintf(stderr, "\r\033[K");
		print_sums(r, stderr);
		fflush(stderr);
		r->next_line_ns = now + LINE_EVERY_NS;
	}
	if (now < r->next_file_ns)
		return 0;
	r->next_file_ns = now + FILE_EVERY_NS;
	/* An output that cannot be replaced gets one document, at the end. */
	if (!r->options->stats || file_is_special(r->options->stats))
		return 0;
	return write_file(r, BREAK_OK);
}

uint64_t report_deadline(const struct report *r)
{
	return r->is_terminal ? r->next_line_ns : CLOCK_NEVER;
}

/* Standard output has got everything, or the status says that it has not. */
static int printed(int status, int rc)
{
	if (!rc && !ferror(stdout) && !fflush(stdout))
		return status;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(rc ? -rc : errno));
	return status ? status : BREAK_USAGE;
}

int report_finish(struct report *r, int error)
{
	struct json_object *document;
	int status = error, rc = 0;

	if (r->is_terminal)
		fprintf(stderr, "\r\033[K");
	if (!status && (!r->sum.n_kills || (r->options->count && !report_is_enough(r))))
		status = BREAK_NOTHING;
	if (r->options->json) {
		document = document_of(r, status);
		rc = json_print(document, stdout);
		json_free(document);
	} else {
		print_table(r);
	}
	status = printed(status, rc);
	rc = write_file(r, status);
	return status ? status : rc;
}

/* ---- without a run ---- */

int report_probe(const struct match_options *o, const char *mode)
{
	struct json_object *document;
	int rc;

	if (!o->json) {
		printf("permitted to %s connections\n", mode);
		return printed(BREAK_OK, 0);
	}
	document = json_document(SCHEMA);
	json_put_string(document, "mode", mode);
	json_put_bool(document, "allowed", true);
	rc = json_print(document, stdout);
	json_free(document);
	return printed(BREAK_OK, rc);
}

static const char *place_of(const struct diag_connection *c)
{
	if (c->sockets[0].is_there && c->sockets[1].is_there)
		return "both";
	if (!c->sockets[0].is_there && !c->sockets[1].is_there)
		return "none";
	return c->sockets[0].is_there ? "one" : "other";
}

static int list_as_json(const char *mode, const struct diag_connection *found, unsigned n,
			unsigned n_left_out)
{
	struct json_object *o = json_document(SCHEMA), *array, *element;
	char text[FILTER_END_TEXT];
	unsigned i;
	int rc;

	json_put_string(o, "mode", mode);
	json_put_bool(o, "dry_run", true);
	json_put_number(o, "left_out", n_left_out);
	array = json_put_array(o, "connections");
	for (i = 0; i < n; i++) {
		element = json_element(array);
		json_put_string(element, "a", filter_print_end(&found[i].ends[0], text));
		json_put_string(element, "b", filter_print_end(&found[i].ends[1], text));
		json_put_string(element, "here", place_of(&found[i]));
		json_put_number(element, "a_unacked", found[i].sockets[0].n_unacked);
		json_put_number(element, "b_unacked", found[i].sockets[1].n_unacked);
	}
	rc = json_print(o, stdout);
	json_free(o);
	return rc;
}

int report_list(const struct match_options *o, const char *mode,
		const struct diag_connection *found, unsigned n, unsigned n_left_out)
{
	char text[FILTER_END_TEXT];
	int status = n ? BREAK_OK : BREAK_NOTHING;
	unsigned i;

	if (o->json)
		return printed(status, list_as_json(mode, found, n, n_left_out));
	if (n)
		printf("%-32s %-32s %-6s %s\n", "one end", "other end", "here", "unacked");
	for (i = 0; i < n; i++) {
		printf("%-32s ", filter_print_end(&found[i].ends[0], text));
		printf("%-32s ", filter_print_end(&found[i].ends[1], text));
		printf("%-6s %" PRIu32 ", %" PRIu32 "\n", place_of(&found[i]),
		       found[i].sockets[0].n_unacked, found[i].sockets[1].n_unacked);
	}
	printf("%u connections would be hit%s\n", n, n_left_out ? ", and more" : "");
	return printed(status, 0);
}
