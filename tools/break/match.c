/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Those modes that hit whole connections: their command line, rounds, what is done instead of
 * them, and the results: a table or JSON, meanwhile a line on a terminal and a file.
 * Knows nothing of how a connection is hit.
 */
#include "tools/break/match.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/file.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/random.h"
#include "tools/say.h"

#define EVERY_MS	1000		/* when there is an end, but no period */
#define LISTEN_MS	1000
#define EVERY_MAX_MS	3600000
#define COUNT_MAX	UINT64_C(1000000000000)
#define SCHEMA		1
#define LINE_EVERY_NS	CLOCK_S
#define FILE_EVERY_NS	(250 * CLOCK_MS)

/* ---- command line ---- */

static const char *take_probability(void *probability, const char *text)
{
	char *end;
	double p = strtod(text, &end);

	if (*text < '0' || *text > '9' || *end || !(p > 0) || !(p <= 1))
		return "a probability above 0, at most 1";
	*(double *)probability = p;
	return NULL;
}

static const struct option_row rows[] = {
#define N_LISTENING	3	/* rows for modes that listen only */
	OPTION_TEXT("interface", struct match_options, interface, "IF",
		    "include forwarded connections seen on that interface, of a\n"
		    "router, or on a bridge itself (br0)"),
	OPTION_SECONDS("listen", struct match_options, listen_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to listen to them before the first round (1)"),
	OPTION_HELP(NULL, "\n"),
	OPTION_HELP(NULL, "Selection of connections (at least one of these; repeatable):"),
	OPTION_PART("address", struct match_options, filter, filter_take_address, "A[/BITS]",
		    "with one end in that network"),
	OPTION_PART("between", struct match_options, filter, filter_take_pair, "A,B",
		    "with one end in A and one in B (A/BITS,B/BITS)"),
	OPTION_PART("port", struct match_options, filter.ports, filter_take_port, "P",
		    "with that port at one of the ends"),
	OPTION_HELP(NULL, "\nWhen:"),
	OPTION_MS("every", struct match_options, every_ms, 1, EVERY_MAX_MS,
		  "one round every MS milliseconds (default: 1000 with --for or\n"
		  "--count, else a single round)"),
	OPTION_SECONDS("for", struct match_options, for_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "end after S seconds"),
	OPTION_NUMBER("count", struct match_options, count, 1, COUNT_MAX, "N",
		      "end after N kills"),
	OPTION_PART("random", struct match_options, probability, take_probability, "P",
		    "hit each connection of a round with that probability (1)"),
	OPTION_NUMBER("seed", struct match_options, seed, 0, UINT64_MAX, "N",
		      "seed of these draws; printed at the end"),
	OPTION_HELP(NULL, "\n"),
	OPTION_TEXT("netns", struct match_options, netns, "NAME",
		    "network namespace, by name or path (/proc/PID/ns/net)"),
	OPTION_FLAG("probe", struct match_options, probe,
		    "only report whether the kernel permits it"),
	OPTION_FLAG_LETTER("dry-run", 'n', struct match_options, dry_run,
			   "only list the matching connections"),
	OPTION_FLAG("json", struct match_options, json, "print the result as JSON"),
	OPTION_TEXT("stats", struct match_options, stats, "FILE",
		    "keep the current result in FILE, as JSON"),
	OPTION_END,
};

static int parse(struct match_options *o, const struct match_method *method, int argc, char **argv)
{
	const struct option_table table = {
		.name = method->name,
		.usage = method->usage,
		.end = method->status,
		.rows = method->listens ? rows : rows + N_LISTENING,
	};
	int rc;

	*o = (struct match_options){
		.probability = 1,
		.listen_ms = LISTEN_MS,
		.seed = random_seed() >> 11,	/* JSON readers keep integers up to 2^53 */
	};
	rc = options_parse(&table, o, argc, argv);
	if (rc >= 0)
		return rc;
	if (filter_is_empty(&o->filter) && !o->probe) {
		say(SINEW_ERROR, "--address, --between or --port is missing: without one every "
		    "connection would be hit; see \"%s --help\"", method->name);
		return BREAK_USAGE;
	}
	if (!o->every_ms && (o->for_ms || o->count))
		o->every_ms = EVERY_MS;
	return -1;
}

/* ---- counting ---- */

static struct match_pair *pair_of(struct match *m, const struct diag_connection *c)
{
	const struct filter_address *a = &c->ends[0].address, *b = &c->ends[1].address;
	unsigned i;

	for (i = 0; i < m->n_pairs; i++)
		if (!filter_compare_addresses(&m->pairs[i].addresses[0], a) &&
		    !filter_compare_addresses(&m->pairs[i].addresses[1], b))
			return &m->pairs[i];
	if (m->n_pairs == MATCH_PAIRS_MAX)
		return NULL;
	m->n_pairs++;
	m->pairs[i] = (struct match_pair){ .addresses = { *a, *b } };
	return &m->pairs[i];
}

void match_count(struct match *m, const struct diag_connection *c, bool killed)
{
	struct match_pair *pair = pair_of(m, c);

	m->sum.n_tried++;
	m->sum.n_kills += killed;
	if (!pair)
		return;
	pair->counts.n_tried++;
	pair->counts.n_kills += killed;
}

bool match_is_enough(const struct match *m)
{
	return m->options.count && m->sum.n_kills >= m->options.count;
}

bool match_chance(struct match *m)
{
	/* The upper 53 bits as a number from 0 to 1. */
	return (double)(random_next(&m->draw) >> 11) / 9007199254740992.0 < m->options.probability;
}

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
	int rc;

	if (!m->options.stats)
		return 0;
	rc = json_replace(document_of(m, status), m->options.stats);
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

static int report_progress(struct match *m)
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

static uint64_t report_deadline(const struct match *m)
{
	return m->is_terminal ? m->next_line_ns : CLOCK_NEVER;
}

/* Links over SCTP are no connections of TCP. */
static void hint_at_carrier(const struct match *m)
{
	uint16_t port;
	const char *carrier = diag_carrier(&m->options.filter.ports, &port);

	if (carrier)
		say(SINEW_WARNING, "no connection of TCP was found, but a socket of %s has port "
		    "%u: %s reaches no link over SCTP; \"sinew break block\" stops its packets, "
		    "\"sinew cat --break-every\" resets the links of its own node", carrier, port,
		    m->method->name);
}

static int report_finish(struct match *m, int error)
{
	int status = error, rc;

	if (m->is_terminal)
		fprintf(stderr, "\r\033[K");
	if (!status && (!m->sum.n_kills || (m->options.count && !match_is_enough(m))))
		status = BREAK_NOTHING;
	if (!error && !m->sum.n_tried)
		hint_at_carrier(m);
	if (!m->options.json)
		print_table(m);
	status = break_print(m->options.json ? document_of(m, status) : NULL, status);
	rc = write_file(m, status);
	return status ? status : rc;
}

/* ---- without a run ---- */

static int report_probe(const struct match *m)
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

static int report_list(const struct match *m)
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

/* ---- rounds ---- */

static int find(struct match *m)
{
	unsigned n_left_out = 0;
	int rc;

	rc = diag_collect(m->diag, &m->options.filter, m->found, MATCH_FOUND_MAX, &m->n_found,
			  &n_left_out);
	m->n_left_out += n_left_out;
	return rc || !m->method->add ? rc : m->method->add(m);
}

static int play_round(struct match *m)
{
	int rc = find(m);

	return rc ? rc : m->method->play(m);
}

static int play_rounds(struct match *m)
{
	int rc;

	for (;;) {
		rc = report_progress(m);
		if (rc || match_is_enough(m))
			return rc;
		switch (pace_wait(&m->pace, m->seen_fd, report_deadline(m))) {
		case PACE_ROUND:
			rc = play_round(m);
			break;
		case PACE_READABLE:
			rc = m->method->see(m);
			break;
		case PACE_TIME:
			break;
		case PACE_OVER:
			return 0;
		}
		if (rc)
			return rc;
	}
}

/* ---- the command ---- */

/* Says why, if that is not yet said: an error that is an exit status. The exit status. */
static int refused(const struct match *m, int error)
{
	const struct match_method *method = m->method;

	if (error >= 0)
		return error;
	if (error == -EPERM || error == -EACCES)
		say(SINEW_ERROR, "%s is not permitted: %s; requires root (%s); "
		    BREAK_WITHOUT_ROOT, method->act, strerror(-error), method->capability);
	else if (error == -EOPNOTSUPP && method->unsupported)
		say(SINEW_ERROR, "%s", method->unsupported);
	else if (error == -ENETDOWN)
		say(SINEW_ERROR, "there is no loopback to try it on in this namespace: "
		    "\"ip link set lo up\" brings it up");
	else if (error == -ENODEV && m->options.interface)
		say(SINEW_ERROR, "--interface: there is no \"%.40s\" in this namespace; "
		    "\"ip link\" lists those that there are", m->options.interface);
	else
		say(SINEW_ERROR, "%s: %s", method->failed, strerror(-error));
	return error == -ENODEV ? BREAK_USAGE : BREAK_REFUSED;
}

static int open_all(struct match *m)
{
	int rc = diag_open(&m->diag);

	if (!rc)
		rc = pace_open(&m->pace, m->options.every_ms, m->options.for_ms);
	m->draw = m->options.seed;
	m->is_terminal = isatty(STDERR_FILENO);
	m->next_line_ns = m->pace.began_ns + CLOCK_S;
	if (rc)
		return rc;
	m->own = calloc(1, m->method->own_size);
	if (!m->own)
		return -ENOMEM;
	return m->method->open ? m->method->open(m) : 0;
}

/* Does the whole of it to a connection of our own. */
static int probe(struct match *m)
{
	struct self self;
	int rc;

	rc = self_open(&self, &m->options.filter);
	if (!rc)
		rc = open_all(m);
	if (!rc) {
		pace_wait(&m->pace, -1, CLOCK_NEVER);
		rc = play_round(m);
	}
	if (!rc && self_error(&self) != m->method->own_error) {
		say(SINEW_ERROR, "%s", m->method->unharmed);
		rc = BREAK_REFUSED;
	}
	self_close(&self);
	return rc ? refused(m, rc) : report_probe(m);
}

static int do_as_ordered(struct match *m)
{
	int rc;

	rc = netns_enter(m->options.netns);
	if (rc)
		return rc;
	if (m->options.probe)
		return probe(m);
	rc = open_all(m);
	if (rc)
		return refused(m, rc);
	if (!m->options.dry_run)
		return report_finish(m, refused(m, play_rounds(m)));
	rc = find(m);
	return rc ? refused(m, rc) : report_list(m);
}

int match_main(const struct match_method *method, int argc, char **argv)
{
	struct match *m = calloc(1, sizeof(*m));
	int rc;

	if (!m) {
		say(SINEW_ERROR, "out of memory");
		return BREAK_REFUSED;
	}
	m->method = method;
	m->seen_fd = m->pace.signal_fd = -1;
	rc = parse(&m->options, method, argc, argv);
	if (rc < 0)
		rc = do_as_ordered(m);
	if (m->own && method->close)
		method->close(m);
	free(m->own);
	pace_close(&m->pace);
	diag_close(m->diag);
	free(m);
	return rc;
}
