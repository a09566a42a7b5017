/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log of the acts, and the way back from such a file.
 * Knows nothing of how an act is done.
 */
#include "tools/break/relay_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/file.h"
#include "tools/json.h"
#include "tools/say.h"

#define SCHEMA		1
#define RECORDS_MIN	64

/* ---- writing ---- */

/* The rules as they were given, in one text. */
static int describe(const struct relay_faults *faults, char *text, size_t size)
{
	const struct relay_rule *rule;
	size_t len = 0;
	unsigned i;

	text[0] = '\0';
	for (i = 0; i < faults->n_rules; i++) {
		rule = &faults->rules[i];
		len += (size_t)snprintf(text + len, size - len, "%s--%s %s", i ? " " : "",
					rule->every ? "every" : "at", rule->text);
		if (len >= size)
			return -EMSGSIZE;
	}
	return 0;
}

/* Takes the object. */
static int to_line(struct json_object *o, char line[RELAY_LOG_LINE_MAX])
{
	const char *text = json_text(o);
	int rc = text ? 0 : -ENOMEM;

	if (!rc && strlen(text) >= RELAY_LOG_LINE_MAX)
		rc = -EMSGSIZE;
	if (!rc)
		strcpy(line, text);
	json_free(o);
	return rc;
}

int relay_log_head(struct relay_log *log, const struct relay_faults *faults)
{
	char options[RELAY_LOG_LINE_MAX];
	struct json_object *o;
	int rc = describe(faults, options, sizeof(options));

	if (rc)
		return rc;
	o = json_document(SCHEMA);
	json_put_number(o, "seed", faults->seed);
	json_put_string(o, "options", options);
	return to_line(o, log->head);
}

static int act_line(const struct relay_record *r, char line[RELAY_LOG_LINE_MAX])
{
	struct json_object *o = json_new();

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
	return to_line(o, line);
}

/* The stream has its errors by errno, but not always. */
static int write_line(FILE *file, const char *line)
{
	errno = EIO;
	return fputs(line, file) < 0 || fputc('\n', file) < 0 || ferror(file) ? -errno : 0;
}

int relay_log_open(struct relay_log *log, const char *name)
{
	int rc = file_create(name, &log->file);

	if (rc)
		return rc;
	/* A run that is killed leaves all that it has done. */
	setvbuf(log->file, NULL, _IOLBF, BUFSIZ);
	log->error = write_line(log->file, log->head);
	return log->error;
}

static int keep(struct relay_log *log, const struct relay_record *record)
{
	struct relay_record *grown;
	size_t room = log->room ? log->room * 2 : RECORDS_MIN;

	if (log->n_records == log->room) {
		grown = realloc(log->records, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		log->records = grown;
		log->room = room;
	}
	log->records[log->n_records] = *record;
	log->records[log->n_records].order = log->n_records;
	log->n_records++;
	return 0;
}

bool relay_log_is_full(const struct relay_log *log)
{
	return log->n_records >= RELAY_ACTS_MAX;
}

void relay_log_act(struct relay_log *log, const struct relay_place *place,
		   const struct relay_act *act)
{
	struct relay_record record = { .place = *place, .act = *act };
	char line[RELAY_LOG_LINE_MAX];

	if (!log->file || log->error)
		return;
	log->error = keep(log, &record);
	if (!log->error)
		log->error = act_line(&record, line);
	if (!log->error)
		log->error = write_line(log->file, line);
}

/* ---- order ---- */

static int compare(const void *x, const void *y)
{
	return relay_record_compare(x, y);
}

static void sort(struct relay_record *records, size_t n)
{
	if (n)
		qsort(records, n, sizeof(*records), compare);
}

static int write_again(struct relay_log *log)
{
	char line[RELAY_LOG_LINE_MAX];
	size_t i;
	int rc;

	rewind(log->file);
	if (ftruncate(fileno(log->file), 0))
		return -errno;
	setvbuf(log->file, NULL, _IOFBF, BUFSIZ);
	rc = write_line(log->file, log->head);
	for (i = 0; i < log->n_records && !rc; i++) {
		rc = act_line(&log->records[i], line);
		if (!rc)
			rc = write_line(log->file, line);
	}
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
			sort(log->records, log->n_records);
			rc = write_again(log);
		}
		errno = EIO;
		if (fclose(log->file) && !rc)
			rc = -errno;
	}
	free(log->records);
	log->file = NULL;
	log->records = NULL;
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

static int refuse_much(const struct reader *r, const char *what, int max)
{
	say(SINEW_ERROR, "%s:%u: found more than %d %s", r->name, r->line, max, what);
	return -EINVAL;
}

static int take_head(struct reader *r, struct json_object *o, const char *text)
{
	uint64_t schema;

	if (!json_get_number(o, "schema", &schema) || schema != SCHEMA ||
	    !json_get_number(o, "seed", &r->faults->seed))
		return refuse(r, "the first line of a log of \"sinew break relay\": schema 1 and "
			      "a seed");
	strcpy(r->log->head, text);
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

/* Members that an act may lack. */
static bool get_parameters(struct json_object *o, struct relay_act *act)
{
	return (!json_has(o, "bytes") || json_get_number(o, "bytes", &act->bytes)) &&
	       (!json_has(o, "ms") || json_get_number(o, "ms", &act->ms)) &&
	       (!json_has(o, "length") || json_get_number(o, "length", &act->length)) &&
	       (!json_has(o, "both") || json_get_bool(o, "both", &act->both));
}

static int take_act(struct reader *r, struct json_object *o)
{
	struct relay_record record = { 0 };
	const char *kind = json_get_string(o, "act");
	uint64_t number;

	if (!get_side(o, "dialler", &record.place.dialler) ||
	    !get_side(o, "direction", &record.place.from))
		return refuse(r, "\"a\" or \"b\" as \"dialler\" and as \"direction\"");
	if (!json_get_number(o, "number", &number) || number < 1 || number > RELAY_NUMBER_MAX)
		return refuse(r, "the \"number\" of a connection, from 1");
	record.place.number = (uint32_t)number;
	if (!kind || !relay_kind_find(kind, &record.act.kind) ||
	    !json_get_number(o, "offset", &record.act.offset) ||
	    !get_parameters(o, &record.act) || !relay_act_is_right(&record.act))
		return refuse(r, "an \"act\" with its \"offset\" and what else belongs to it");
	if (relay_log_is_full(r->log))
		return refuse_much(r, "acts", RELAY_ACTS_MAX);
	return keep(r->log, &record);
}

static int take_line(struct reader *r, char *text)
{
	struct json_object *o;
	char *end = strchr(text, '\n');
	int rc;

	if (end)
		*end = '\0';
	else if (strlen(text) + 1 == RELAY_LOG_LINE_MAX)
		return refuse_much(r, "bytes in a line", RELAY_LOG_LINE_MAX - 2);
	o = json_parse(text);
	if (!o)
		rc = refuse(r, "an object of JSON on one line");
	else if (r->line == 1)
		rc = take_head(r, o, text);
	else
		rc = take_act(r, o);
	json_free(o);
	return rc;
}

static int read_lines(struct reader *r, FILE *file)
{
	char line[RELAY_LOG_LINE_MAX];
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
	return r->log->head[0] ? 0 : refuse(r, "the first line of a log");
}

int relay_log_read(const char *name, struct relay_log *log, struct relay_faults *faults)
{
	struct relay_log read = { 0 };
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
	sort(read.records, read.n_records);
	/* An empty list, too, says that there are no rules. */
	if (!rc && !read.records)
		read.records = calloc(1, sizeof(*read.records));
	if (!rc && !read.records)
		rc = -ENOMEM;
	if (rc == -ENOMEM)
		say(SINEW_ERROR, "%s: out of memory", name);
	if (rc) {
		free(read.records);
		return rc;
	}
	strcpy(log->head, read.head);
	faults->records = read.records;
	faults->n_records = read.n_records;
	return 0;
}
