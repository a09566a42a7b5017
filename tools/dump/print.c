/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A record as a line for people.
 * Knows nothing of where it comes from.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "tools/dump/record.h"

#define S_NS		UINT64_C(1000000000)
#define ROW_BYTES	16u	/* of a payload in a line */

struct line {
	char text[RECORD_LINE_MAX + 32];
	size_t n;
	bool full;
};

__attribute__((format(printf, 2, 3)))
static void put(struct line *l, const char *fmt, ...)
{
	size_t room = RECORD_LINE_MAX - l->n;
	va_list args;
	int n;

	if (l->full)
		return;
	va_start(args, fmt);
	n = vsnprintf(l->text + l->n, room, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		l->full = true;
	else
		l->n += (size_t)n;
}

/* ---- fields ---- */

/* A text that could be taken for something else stands in quotes. */
static void put_text(struct line *l, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.:/+-\\";

	put(l, *text && !text[strspn(text, plain)] ? "%s" : "\"%s\"", text);
}

static void put_list(struct line *l, const struct field *f)
{
	bool is_flags = f->kind == FIELD_FLAGS;
	uint64_t i;

	put(l, "%s", is_flags ? "" : "[");
	for (i = 0; i < f->u; i++) {
		put(l, "%s", !i ? "" : is_flags ? "|" : ", ");
		put_text(l, f[1 + i].text);
	}
	put(l, "%s", is_flags ? "" : "]");
}

static void put_field(struct line *l, const struct field *f)
{
	put(l, " %s=", f->key);
	switch (f->kind) {
	case FIELD_NUMBER:
		put(l, "%" PRIu64, f->u);
		break;
	case FIELD_SIGNED:
		put(l, "%" PRId64, f->i);
		break;
	case FIELD_HEX:
		put(l, "%" PRIx64, f->u);
		break;
	case FIELD_ID:
		if (f->u)
			put(l, "%016" PRIx64, f->u);
		else
			put(l, "none");
		break;
	case FIELD_TEXT:
		put_text(l, f->text);
		break;
	case FIELD_LIST:
	case FIELD_FLAGS:
		put_list(l, f);
		break;
	}
}

/* ---- marks ---- */

static void put_marks(struct line *l, const struct record *r)
{
	const struct described *d = r->frame;

	if (r->marks.restart)
		put(l, " [restart]");
	if (r->marks.again)
		put(l, " [again]");
	if (r->marks.gap)
		put(l, " [gap %" PRIu32 "]", r->marks.gap);
	if (r->marks.dup_ack)
		put(l, " [dup-ack]");
	if (r->hole)
		put(l, " [hole %" PRIu64 " bytes]", r->hole);
	if (r->n < d->length)
		put(l, " [partial %zu of %zu bytes]", r->n, d->length);
	if (d->malformed[0])
		put(l, " [malformed: %s]", d->malformed);
}

/* ---- the line ---- */

static void put_time(struct line *l, const struct record *r, bool utc)
{
	int64_t since = (int64_t)(r->time_ns - r->begin_ns);
	time_t s = (time_t)(r->time_ns / S_NS);
	char text[40];
	struct tm tm;

	if (!r->has_time) {
		put(l, "@%-9" PRIu64, r->offset);
	} else if (utc && gmtime_r(&s, &tm) &&
		   strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm)) {
		put(l, "%s.%06u", text, (unsigned)(r->time_ns % S_NS / 1000));
	} else {
		uint64_t us = (uint64_t)(since < 0 ? -since : since) / 1000;

		put(l, "%s%" PRIu64 ".%06u", since < 0 ? "-" : "", us / 1000000,
		    (unsigned)(us % 1000000));
	}
}

static void put_frame(struct line *l, const struct record *r)
{
	const struct described *d = r->frame;
	uint64_t i;

	put(l, "node=%" PRIu32 " %s", d->nodeid, d->kind);
	if (d->type[0])
		put(l, " %s", d->type);
	for (i = 0; i < d->fields.n; i++)
		if (d->fields.f[i].key)
			put_field(l, &d->fields.f[i]);
	if (d->fields.full)
		put(l, " ...");
	put_marks(l, r);
}

static void put_note(struct line *l, const struct record *r)
{
	put(l, "-- %s", r->note);
	if (r->has_count)
		put(l, " %" PRIu64 " %s", r->count, r->unit);
	else if (r->unit)
		put(l, " of unknown size");
	if (r->why)
		put(l, ": %s", r->why);
}

static int write_line(struct line *l, FILE *to)
{
	if (l->full)
		l->n = strlen(l->text);
	l->n += (size_t)sprintf(l->text + l->n, l->full ? " ... (cut)\n" : "\n");
	errno = EIO;
	return fwrite(l->text, 1, l->n, to) == l->n ? 0 : -errno;
}

static int print_payload(const struct described *d, size_t max, struct line *l, FILE *to)
{
	size_t n = d->n_payload < max ? d->n_payload : max, off, i;
	int rc = 0;

	for (off = 0; !rc && off < n; off += ROW_BYTES) {
		size_t row = n - off < ROW_BYTES ? n - off : ROW_BYTES;

		l->n = 0;
		l->full = false;
		put(l, "    %04zx ", off);
		for (i = 0; i < ROW_BYTES; i++)
			if (i < row)
				put(l, " %02x", d->payload[off + i]);
			else
				put(l, "   ");
		put(l, "  ");
		for (i = 0; i < row; i++) {
			uint8_t c = d->payload[off + i];

			put(l, "%c", c >= 0x20 && c < 0x7f ? c : '.');
		}
		rc = write_line(l, to);
	}
	if (!rc && n < d->n_payload) {
		l->n = 0;
		put(l, "    ... %zu bytes more", d->n_payload - n);
		rc = write_line(l, to);
	}
	return rc;
}

int record_print(const struct record *r, const struct record_style *style, FILE *to)
{
	struct line l;
	int rc;

	l.n = 0;
	l.full = false;
	put_time(&l, r, style->utc);
	put(&l, " c%u %s -> %s ", r->connection, r->from, r->to);
	if (r->frame)
		put_frame(&l, r);
	else
		put_note(&l, r);
	rc = write_line(&l, to);
	if (!rc && r->frame && style->n_payload && r->frame->n_payload)
		rc = print_payload(r->frame, style->n_payload, &l, to);
	return rc;
}
