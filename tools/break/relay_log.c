/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log of the acts, and the way back from such a file.
 * Knows nothing of how an act is done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/break/relay.h"
#include "tools/file.h"
#include "tools/json.h"
#include "tools/say.h"

#define SCHEMA		1
#define RECORDS_MIN	64
#define ACTS_MAX	(1 << 20)	/* of one log */
#define LINE_BYTES	16384		/* NUL included; more than the longest line */

/* ---- writing ---- */

void relay_log_head(struct relay_log *log, const struct relay_faults *faults)
{
	char options[RELAY_RULES_MAX * RELAY_RULE_TEXT_MAX] = "";
	const struct relay_rule *rule;
	size_t len = 0;
	unsigned i;

	for (i = 0; i < faults->n_rules && len < sizeof(options); i++) {
		rule = &faults->rules[i];
		len += (size_t)snprintf(options + len, sizeof(options) - len, "%s--%s %s",
					i ? " " : "", rule->every ? "every" : "at", rule->text);
	}
	log->head = json_document(SCHEMA);
	json_put_number(log->head, "seed", faults->seed);
	json_put_string(log->head, "options", options);
}

static int write_record(FILE *file, const struct relay_record *r)
{
	struct json_object *o = json_new();
	int rc;

	json_put_string(o, "dialler", RELAY_SIDE_NAME(r->place.dialler));
	json_put_number(o, "number", r->place.number);
	json_put_string(o, "direction", RELAY_SIDE_NAME(r->place.from));
	json_put_number(o, "offset", r->act.offset);
	json_put_string(o, "act", relay_kind_name(r->act.kind));
	if (r->act.bytes)
		json_put_number(o, "bytes", r->act.bytes);
	if (r->act.ms)
		json_put_number(o, "ms", r->act.ms);
	if (r->act.length)
		json_put_number(o, "length", r->act.length);
	if (r->act.both)
		json_put_bool(o, "both", true);
	rc = json_print(o, file);
	json_free(o);
	return rc;
}

static int failed(struct relay_log *log, int rc)
{
	if (rc && !log->error)
		say(SINEW_ERROR, "--log: cannot write %s: %s", log->name, strerror(-rc));
	if (rc)
		log->error = rc;
	return rc;
}

int relay_log_open(struct relay_log *log, const char *name)
{
	int rc;

	log->name = name;
	rc = file_create(name, &log->file);
	return failed(log, rc ? rc : json_print(log->head, log->file));
}

static int grow(struct relay_log *log)
{
	size_t room = log->room ? log->room * 2 : RECORDS_MIN;
	struct relay_record *grown = realloc(log->records, room * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	log->records = grown;
	log->room = room;
	return 0;
}

static int keep(struct relay_log *log, const struct relay_record *record)
{
	int rc = log->n_records == log->room ? grow(log) : 0;

	if (rc)
		return rc;
	log->records[log->n_records] = *record;
	log->records[log->n_records].order = log->n_records;
	log->n_records++;
	return 0;
}

bool relay_log_is_full(const struct relay_log *log)
{
	return log->n_records >= ACTS_MAX;
}

void relay_log_act(struct relay_log *log, const struct relay_place *place,
		   const struct relay_act *act)
{
	struct relay_record record = { .place = *place, .act = *act };
	int rc;

	if (!log->file || log->error)
		return;
	rc = keep(log, &record);
	failed(log, rc ? rc : write_record(log->file, &record));
}

/* ---- order ---- */

static int compare(const void *x, const void *y)
{
	return relay_record_compare(x, y);
}

static void sort(struct relay_log *log)
{
	if (log->n_records)
		qsort(log->records, log->n_records, sizeof(*log->records), compare);
}

static int write_again(struct relay_log *log)
{
	size_t i;
	int rc;

	rewind(log->file);
	if (ftruncate(fileno(log->file), 0))
		return -errno;
	rc = json_print(log->head, log->file);
	for (i = 0; i < log->n_records && !rc; i++)
		rc = write_record(log->file, &log->records[i]);
	return rc;
}

/* A pipe or a device has what it has. */
static bool is_regular(FILE *file)
{
	struct stat st;

	return !fstat(fileno(file), &st) && S_ISREG(st.st_mode);
}

int relay_log_close(struct relay_log *log)
{
	int rc = log->error;

	if (log->file) {
		if (!rc && is_regular(log->file)) {
			sort(log);
			rc = write_again(log);
		}
		errno = EIO;
		if (fclose(log->file) && !rc)
			rc = -errno;
		failed(log, rc);
	}
	json_free(log->head);
	free(log->records);
	*log = (struct relay_log){ .file = NULL };
	return rc;
}

/* ---- reading ---- */

struct reader {
	const char *name;
	unsigned line;
	struct relay_log *log;
	struct relay_faults *faults;
};

static int refuse(const struct reader *r, const char *expected)
{
	say(SINEW_ERROR, "%s:%u: found something else, expected %s", r->name, r->line, expected);
	return -EINVAL;
}

/* Keeps the object. */
static int take_head(struct reader *r, struct json_object *o)
{
	uint64_t schema;

	r->log->head = o;
	if (!json_get_number(o, "schema", &schema) || schema != SCHEMA ||
	    !json_get_number(o, "seed", &r->faults->seed))
		return refuse(r, "the first line of a log of \"sinew break relay\": schema 1 and "
			      "a seed");
	return 0;
}

static bool get_side(struct json_object *o, const char *key, enum relay_side *ret_side)
{
	const char *text = json_get_string(o, key);

	if (!text || (strcmp(text, "a") && strcmp(text, "b")))
		return false;
	*ret_side = *text == 'a' ? RELAY_A : RELAY_B;
	return true;
}

/* A member that an act may lack. */
static bool get_parameter(struct json_object *o, const char *key, uint64_t *ret_number)
{
	return !json_has(o, key) || json_get_number(o, key, ret_number);
}

static int take_act(struct reader *r, struct json_object *o)
{
	struct relay_record record = { 0 };
	struct relay_act *act = &record.act;
	const char *kind = json_get_string(o, "act");
	uint64_t number;

	if (!get_side(o, "dialler", &record.place.dialler) ||
	    !get_side(o, "direction", &record.place.from))
		return refuse(r, "\"a\" or \"b\" as \"dialler\" and as \"direction\"");
	if (!json_get_number(o, "number", &number) || number < 1 || number > RELAY_NUMBER_MAX)
		return refuse(r, "the \"number\" of a connection, from 1");
	record.place.number = (uint32_t)number;
	if (!kind || !relay_kind_find(kind, &act->kind) ||
	    !json_get_number(o, "offset", &act->offset) ||
	    !get_parameter(o, "bytes", &act->bytes) || !get_parameter(o, "ms", &act->ms) ||
	    !get_parameter(o, "length", &act->length) ||
	    (json_has(o, "both") && !json_get_bool(o, "both", &act->both)) ||
	    !relay_act_is_right(act))
		return refuse(r, "an \"act\" with its \"offset\" and what else belongs to it");
	if (relay_log_is_full(r->log))
		return refuse(r, "at most 1048576 acts");
	return keep(r->log, &record);
}

static int take_line(struct reader *r, const char *text)
{
	struct json_object *o;
	int rc;

	if (strlen(text) + 1 == LINE_BYTES && !strchr(text, '\n'))
		return refuse(r, "shorter lines");
	o = json_parse(text);
	if (!o)
		return refuse(r, "an object of JSON on one line");
	if (r->line == 1)
		return take_head(r, o);
	rc = take_act(r, o);
	json_free(o);
	return rc;
}

static int read_lines(struct reader *r, FILE *file)
{
	char line[LINE_BYTES];
	int rc = 0;

	while (!rc && fgets(line, sizeof(line), file)) {
		r->line++;
		rc = take_line(r, line);
	}
	if (rc)
		return rc;
	if (ferror(file)) {
		say(SINEW_ERROR, "%s: cannot read: %s", r->name, strerror(errno));
		return -EIO;
	}
	r->line += !r->line;
	return r->log->head ? 0 : refuse(r, "the first line of a log");
}

int relay_log_read(const char *name, struct relay_log *log, struct relay_faults *faults)
{
	struct relay_log read = { .file = NULL };
	struct reader r = { .name = name, .log = &read, .faults = faults };
	FILE *file = fopen(name, "re");
	int rc;

	if (!file) {
		rc = -errno;
		say(SINEW_ERROR, "%s: cannot read: %s", name, strerror(-rc));
		return rc;
	}
	rc = read_lines(&r, file);
	fclose(file);
	/* An empty list, too, says that there are no rules. */
	if (!rc && !read.records)
		rc = grow(&read);
	if (rc == -ENOMEM)
		say(SINEW_ERROR, "%s: out of memory", name);
	if (rc) {
		relay_log_close(&read);
		return rc;
	}
	sort(&read);
	log->head = read.head;
	faults->records = read.records;
	faults->n_records = read.n_records;
	return 0;
}
