/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A record as an object for programs.
 * Knows nothing of where it comes from.
 */
#include <errno.h>
#include <stdlib.h>

#include "lowcomms/sinew.h"
#include "tools/dump/record.h"
#include "tools/json.h"

static int print(struct json_object *o, FILE *to)
{
	const char *text = json_text(o);
	int rc = 0;

	errno = EIO;
	if (!text)
		rc = -ENOMEM;
	else if (fputs(text, to) < 0 || fputc('\n', to) < 0)
		rc = -errno;
	json_free(o);
	return rc;
}

static void put_items(struct json_object *to, const struct field *f)
{
	struct json_object *array = json_put_array(to, f->key);
	uint64_t i;

	for (i = 0; i < f->u; i++)
		json_add_string(array, f[1 + i].text);
}

static void put_field(struct json_object *to, const struct field *f)
{
	switch (f->kind) {
	case FIELD_NUMBER:
	case FIELD_HEX:
		json_put_number(to, f->key, f->u);
		break;
	case FIELD_SIGNED:
		json_put_signed(to, f->key, f->i);
		break;
	case FIELD_ID:
		json_put_incarnation(to, f->key, f->u);
		break;
	case FIELD_TEXT:
		json_put_string(to, f->key, f->text);
		break;
	case FIELD_LIST:
	case FIELD_FLAGS:
		put_items(to, f);
		break;
	}
}

static void put_marks(struct json_object *to, const struct record *r)
{
	struct json_object *marks = json_new();

	if (r->marks.restart)
		json_put_bool(marks, "restart", true);
	if (r->marks.again)
		json_put_bool(marks, "again", true);
	if (r->marks.gap)
		json_put_number(marks, "gap", r->marks.gap);
	if (r->marks.dup_ack)
		json_put_bool(marks, "dup_ack", true);
	if (r->hole)
		json_put_number(marks, "hole", r->hole);
	if (r->n < r->frame->length)
		json_put_number(marks, "partial", r->n);
	if (r->frame->malformed[0])
		json_put_string(marks, "malformed", r->frame->malformed);
	json_put(to, "marks", marks);
}

static int put_payload(struct json_object *to, const struct described *d, size_t max)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = d->n_payload < max ? d->n_payload : max, i;
	char *text = malloc(2 * n + 1);

	if (!text)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		text[2 * i] = digits[d->payload[i] >> 4];
		text[2 * i + 1] = digits[d->payload[i] & 15];
	}
	text[2 * n] = '\0';
	json_put_number(to, "payload_bytes", d->n_payload);
	json_put_string(to, "payload", text);
	free(text);
	return 0;
}

static void put_frame(struct json_object *o, const struct record *r)
{
	const struct described *d = r->frame;
	struct json_object *fields = json_new();
	unsigned i;

	json_put_number(o, "length", d->length);
	json_put_string(o, "kind", d->kind);
	json_put_string(o, "type", d->type);
	json_put_bool(o, "sequenced", d->is_sequenced);
	for (i = 0; i < d->fields.n; i++)
		if (d->fields.f[i].key)
			put_field(fields, &d->fields.f[i]);
	json_put(o, "fields", fields);
	if (d->fields.full)
		json_put_bool(o, "cut", true);
	put_marks(o, r);
}

static void put_note(struct json_object *o, const struct record *r)
{
	json_put_string(o, "note", r->note);
	if (r->has_count) {
		json_put_number(o, "count", r->count);
		json_put_string(o, "unit", r->unit);
	}
	if (r->why)
		json_put_string(o, "why", r->why);
}

int record_print_json(const struct record *r, const struct record_style *style, FILE *to)
{
	struct json_object *o = json_new();

	json_put_string(o, "record", r->frame ? "frame" : "note");
	if (r->has_time)
		json_put_number(o, "time_ns", r->time_ns);
	json_put_number(o, "offset", r->offset);
	json_put_number(o, "connection", r->connection);
	json_put_string(o, "protocol", r->protocol);
	json_put_string(o, "from", r->from);
	json_put_string(o, "to", r->to);
	json_put_number(o, "from_node", r->from_node);
	json_put_number(o, "to_node", r->to_node);
	if (r->frame)
		put_frame(o, r);
	else
		put_note(o, r);
	if (r->frame && style->n_payload && r->frame->n_payload &&
	    put_payload(o, r->frame, style->n_payload)) {
		json_free(o);
		return -ENOMEM;
	}
	return print(o, to);
}

int record_begin_json(FILE *to)
{
	struct json_object *o = json_document(RECORD_SCHEMA);

	json_put_string(o, "record", "begin");
	json_put_string(o, "command", "dump");
	json_put_string(o, "version", sinew_version());
	return print(o, to);
}
