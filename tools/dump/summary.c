/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table with two lines a connection.
 * Knows nothing of how frames are found.
 */
#include "tools/dump/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/dump/notes.h"
#include "tools/json.h"

#define ROWS_MIN	16u

static const char *const kinds[SUMMARY_KINDS] = {
	"HELLO", "DATA", "FRAGMENT", "ACK", "FIN", "STATUS", "LEAVING", "REFUSE", "PROBE",
	"PROBE_REPLY", "MSG", "RCOM", "other",
};

struct summary {
	struct summary_row *rows;
	unsigned n_rows, room;
	uint64_t n_others;	/* connections of the last row */
};

int summary_new(struct summary **ret)
{
	struct summary *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}

void summary_free(struct summary *s)
{
	if (!s)
		return;
	free(s->rows);
	free(s);
}

static int grow(struct summary *s)
{
	unsigned room = s->room ? 2 * s->room : ROWS_MIN;
	struct summary_row *rows = realloc(s->rows, room * sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	s->rows = rows;
	s->room = room;
	return 0;
}

int summary_open(struct summary *s, unsigned connection, const char *protocol, const char *from,
		 const char *to, unsigned *ret_row)
{
	struct summary_row *row;
	int rc = 0;

	if (s->n_rows > SUMMARY_CONNECTIONS_MAX) {
		s->n_others++;
		*ret_row = SUMMARY_CONNECTIONS_MAX;
		return 0;
	}
	if (s->n_rows == s->room)
		rc = grow(s);
	if (rc)
		return rc;
	*ret_row = s->n_rows++;
	row = &s->rows[*ret_row];
	memset(row, 0, sizeof(*row));
	row->protocol = protocol;
	if (*ret_row == SUMMARY_CONNECTIONS_MAX) {
		from = to = "others";
		s->n_others = 1;
	} else {
		row->connection = connection;
	}
	snprintf(row->dir[0].text, sizeof(row->dir[0].text), "%s", from);
	snprintf(row->dir[1].text, sizeof(row->dir[1].text), "%s", to);
	return 0;
}

static void count_frame(struct summary_dir *d, const struct record *r)
{
	unsigned kind = 0;

	while (kind < SUMMARY_KINDS - 1 && strcmp(kinds[kind], r->frame->kind))
		kind++;
	d->n_frames++;
	d->n_bytes += r->frame->length;
	d->n_kind[kind]++;
	d->n_again += r->marks.again;
	d->n_gaps += r->marks.gap;
	d->n_dup_acks += r->marks.dup_ack;
	d->n_holes += r->hole != 0;
	d->n_malformed += r->frame->malformed[0] != '\0';
	d->nodeid = r->from_node;
}

void summary_count(struct summary *s, unsigned row, unsigned dir, const struct record *r)
{
	struct summary_dir *d = &s->rows[row].dir[dir];

	if (r->frame) {
		count_frame(d, r);
		return;
	}
	d->n_tcp_again += !strcmp(r->note, NOTE_TCP_AGAIN) || !strcmp(r->note, NOTE_SCTP_AGAIN);
	d->n_holes += !strcmp(r->note, NOTE_HOLE);
	d->n_malformed += !strcmp(r->note, NOTE_MALFORMED);
}

/* ---- for people ---- */

static void print_dir(const struct summary_row *row, unsigned dir, int width, FILE *to)
{
	const struct summary_dir *d = &row->dir[dir];
	const char *between = "";
	unsigned i;

	fprintf(to, "c%-5u %-*s -> %-*s %6" PRIu32 " %9" PRIu64 " %12" PRIu64 " %8" PRIu64
		" %6" PRIu64 " %8" PRIu64 " %6" PRIu64 " %9" PRIu64 " %9" PRIu64 "  ",
		row->connection, width, d->text, width, row->dir[!dir].text, d->nodeid,
		d->n_frames, d->n_bytes, d->n_again, d->n_gaps, d->n_dup_acks, d->n_holes,
		d->n_tcp_again, d->n_malformed);
	for (i = 0; i < SUMMARY_KINDS; i++) {
		if (!d->n_kind[i])
			continue;
		fprintf(to, "%s%s %" PRIu64, between, kinds[i], d->n_kind[i]);
		between = ", ";
	}
	fputs(*between ? "\n" : "-\n", to);
}

static int written(FILE *to)
{
	errno = EIO;
	return fflush(to) || ferror(to) ? -errno : 0;
}

int summary_print(const struct summary *s, FILE *to)
{
	int width = 4;
	unsigned i, dir;

	for (i = 0; i < s->n_rows; i++)
		for (dir = 0; dir < 2; dir++)
			if ((int)strlen(s->rows[i].dir[dir].text) > width)
				width = (int)strlen(s->rows[i].dir[dir].text);
	fprintf(to, "%-6s %-*s    %-*s %6s %9s %12s %8s %6s %8s %6s %9s %9s  %s\n", "conn", width,
		"from", width, "to", "node", "frames", "bytes", "again", "gaps", "dup-acks",
		"holes", "tcp-again", "malformed", "kinds");
	for (i = 0; i < s->n_rows; i++)
		for (dir = 0; dir < 2; dir++)
			print_dir(&s->rows[i], dir, width, to);
	if (s->n_others)
		fprintf(to, "c0 is the sum of %" PRIu64 " connections after the first %u\n",
			s->n_others, SUMMARY_CONNECTIONS_MAX);
	return written(to);
}

/* ---- for programs ---- */

static int print_json_dir(const struct summary_row *row, unsigned dir, FILE *to)
{
	const struct summary_dir *d = &row->dir[dir];
	struct json_object *o = json_new(), *by_kind = json_new();
	const char *text;
	unsigned i;

	json_put_string(o, "record", "summary");
	json_put_number(o, "connection", row->connection);
	json_put_string(o, "protocol", row->protocol);
	json_put_string(o, "from", d->text);
	json_put_string(o, "to", row->dir[!dir].text);
	json_put_number(o, "from_node", d->nodeid);
	json_put_number(o, "to_node", row->dir[!dir].nodeid);
	json_put_number(o, "frames", d->n_frames);
	json_put_number(o, "bytes", d->n_bytes);
	json_put_number(o, "again", d->n_again);
	json_put_number(o, "gaps", d->n_gaps);
	json_put_number(o, "dup_acks", d->n_dup_acks);
	json_put_number(o, "holes", d->n_holes);
	json_put_number(o, "tcp_again", d->n_tcp_again);
	json_put_number(o, "malformed", d->n_malformed);
	for (i = 0; i < SUMMARY_KINDS; i++)
		if (d->n_kind[i])
			json_put_number(by_kind, kinds[i], d->n_kind[i]);
	json_put(o, "kinds", by_kind);
	text = json_text(o);
	if (text)
		fprintf(to, "%s\n", text);
	json_free(o);
	return text ? 0 : -ENOMEM;
}

int summary_print_json(const struct summary *s, FILE *to)
{
	unsigned i, dir;
	int rc = 0;

	for (i = 0; !rc && i < s->n_rows; i++)
		for (dir = 0; !rc && dir < 2; dir++)
			rc = print_json_dir(&s->rows[i], dir, to);
	return rc ? rc : written(to);
}
