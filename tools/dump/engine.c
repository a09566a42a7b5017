/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Puts the parts together: packets, streams, frames, words, positions, output.
 * Knows nothing of files that are read.
 */
#include "tools/dump/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/dump/framer.h"
#include "tools/dump/notes.h"
#include "tools/dump/stream.h"
#include "tools/dump/summary.h"

struct conn;

struct direction {
	struct conn *conn;
	unsigned dir;
	bool begun;			/* the framer has had its first bytes */
	struct framer framer;
	char text[PACKET_ADDR_TEXT];	/* what it comes from */
};

struct conn {
	struct engine *engine;
	struct stream_conn *stream;	/* NULL: of engine_bytes() */
	bool is_ours;			/* else it has yet to show that it carries frames */
	bool is_not_ours;
	bool from_start;		/* its first packet was captured */
	const char *protocol;
	struct track_conn track;
	struct direction dir[2];
	unsigned row;			/* of the summary */
};

struct engine {
	const struct engine_options *options;
	FILE *out;
	struct stream *stream;
	struct track *track;
	struct summary *summary;
	struct conn *bytes;		/* of engine_bytes() */
	struct engine_counts counts;
	uint64_t now_ns, begin_ns;
	int error;			/* sticky */
	struct described described;
};

/* ---- output ---- */

static void fail(struct engine *e, int error)
{
	if (!e->error)
		e->error = error;
}

static void print(struct engine *e, const struct record *r)
{
	const struct engine_options *o = e->options;
	int rc;

	if (o->json)
		rc = record_print_json(r, &o->style, e->out);
	else
		rc = record_print(r, &o->style, e->out);
	if (!rc && o->flush_lines && fflush(e->out))
		rc = -errno;
	if (rc)
		fail(e, rc);
}

static void tell(struct direction *d, struct record *r)
{
	struct conn *c = d->conn;
	struct engine *e = c->engine;

	if (e->error)
		return;
	r->has_time = c->stream && !e->options->untimed;
	r->time_ns = e->now_ns;
	r->begin_ns = e->begin_ns;
	r->connection = c->track.number;
	r->protocol = c->protocol;
	r->from = d->text;
	r->to = c->dir[!d->dir].text;
	r->from_node = track_node(e->track, &c->track, d->dir);
	r->to_node = track_node(e->track, &c->track, !d->dir);
	if (!filter_record(&e->options->filter, r))
		return;
	summary_count(e->summary, c->row, d->dir, r);
	if (!e->options->summary)
		print(e, r);
}

static void note(struct direction *d, const char *name, const char *why)
{
	struct record r = { .note = name, .why = why, .offset = d->framer.offset };

	tell(d, &r);
}

/* n of unit; 0: nobody knows. */
static void note_count(struct direction *d, const char *name, uint64_t n, const char *unit,
		       uint64_t offset)
{
	struct record r = {
		.note = name, .has_count = n != 0, .count = n, .unit = unit, .offset = offset,
	};

	tell(d, &r);
}

/* ---- frames ---- */

/* The connection is one of those that are told of. */
static void accept_conn(struct conn *c)
{
	struct engine *e = c->engine;
	int rc;

	c->is_ours = true;
	c->track.number = (unsigned)++e->counts.n_connections;
	rc = summary_open(e->summary, c->track.number, c->protocol, c->dir[0].text, c->dir[1].text,
			  &c->row);
	if (rc) {
		fail(e, rc);
		return;
	}
	if (c->stream)
		note(&c->dir[0], c->from_start ? NOTE_OPENED : NOTE_JOINED, NULL);
}

static void on_frame(void *arg, const struct framer_frame *f)
{
	struct direction *d = arg;
	struct conn *c = d->conn;
	struct described *words = &c->engine->described;
	struct record r = { .frame = words, .n = f->n, .hole = f->hole, .offset = f->offset };

	/* Only the very first bytes show whose connection it is. */
	if (!c->is_ours && f->offset)
		c->is_not_ours = true;
	if (c->is_not_ours || c->engine->error)
		return;
	if (!c->is_ours)
		accept_conn(c);
	if (c->engine->error)
		return;
	describe(f->p, f->n, f->length, words);
	track_frame(c->engine->track, &c->track, d->dir, words, f->p, f->n, f->hole != 0,
		    &r.marks);
	tell(d, &r);
}

static void on_lost(void *arg, const char *why, uint64_t offset)
{
	struct direction *d = arg;
	struct record r = { .note = NOTE_MALFORMED, .why = why, .offset = offset };

	if (d->conn->is_ours)
		tell(d, &r);
}

static void on_headless(void *arg, size_t n, uint64_t offset)
{
	struct direction *d = arg;

	if (d->conn->is_ours)
		note_count(d, NOTE_PARTIAL, n, "bytes", offset);
}

static void on_skipped(void *arg, uint64_t n, uint64_t offset)
{
	struct direction *d = arg;

	if (d->conn->is_ours)
		note_count(d, NOTE_SKIPPED, n, "bytes", offset);
}

static struct framer_events framer_events(struct direction *d)
{
	return (struct framer_events) {
		.frame = on_frame, .lost = on_lost, .headless = on_headless,
		.skipped = on_skipped, .arg = d,
	};
}

static void begin(struct direction *d)
{
	bool from_start = !d->conn->stream || d->conn->stream->dir[d->dir].from_start;

	if (d->begun)
		return;
	d->begun = true;
	/* Bytes not known to be ours are looked at with suspicion from the first one. */
	framer_init(&d->framer, from_start && d->conn->is_ours);
}

static void take_bytes(struct direction *d, const uint8_t *p, size_t n)
{
	struct framer_events events = framer_events(d);
	struct conn *c = d->conn;
	int rc;

	begin(d);
	rc = framer_bytes(&d->framer, p, n, &events);
	if (rc)
		fail(c->engine, rc);
	if (!c->is_ours && d->framer.n_skipped)
		c->is_not_ours = true;
	if (c->is_not_ours)
		stream_ignore(c->engine->stream, c->stream);
}

static void flush(struct direction *d)
{
	struct framer_events events = framer_events(d);

	if (d->begun && d->conn->is_ours)
		framer_flush(&d->framer, &events);
}

/* ---- connections ---- */

static struct conn *new_conn(struct engine *e, struct stream_conn *s)
{
	struct conn *c = calloc(1, sizeof(*c));
	unsigned dir;

	if (!c) {
		fail(e, -ENOMEM);
		return NULL;
	}
	c->engine = e;
	c->stream = s;
	c->protocol = !s ? "hex" : s->is_sctp ? "sctp" : "tcp";
	for (dir = 0; dir < 2; dir++) {
		c->dir[dir].conn = c;
		c->dir[dir].dir = dir;
		snprintf(c->dir[dir].text, sizeof(c->dir[dir].text), "-");
		if (!s)
			continue;
		c->track.end[dir].addr = s->addr[dir];
		packet_addr_text(&s->addr[dir], c->dir[dir].text);
	}
	return c;
}

static void free_conn(struct conn *c)
{
	if (!c)
		return;
	framer_free(&c->dir[0].framer);
	framer_free(&c->dir[1].framer);
	free(c);
}

static void on_opened(void *arg, struct stream_conn *s, bool from_start)
{
	struct engine *e = arg;
	struct conn *c = new_conn(e, s);

	s->user = c;
	if (!c)
		return;
	c->from_start = from_start;
	if (filter_port(&e->options->filter, s->addr[0].port, s->addr[1].port))
		accept_conn(c);
}

static void on_bytes(void *arg, struct stream_conn *s, unsigned dir, const uint8_t *p, size_t n)
{
	struct conn *c = s->user;

	(void)arg;
	if (c)
		take_bytes(&c->dir[dir], p, n);
}

static void on_hole(void *arg, struct stream_conn *s, unsigned dir, uint32_t n, bool in_chunks)
{
	struct conn *c = s->user;
	struct framer_events events;
	bool is_inside;

	if (!c)
		return;
	if (!c->is_ours) {
		c->is_not_ours = true;
		stream_ignore(((struct engine *)arg)->stream, s);
		return;
	}
	events = framer_events(&c->dir[dir]);
	begin(&c->dir[dir]);
	/* The frame says it itself if the hole is inside. */
	is_inside = framer_hole(&c->dir[dir].framer, in_chunks ? 0 : n, &events);
	if (is_inside)
		return;
	note_count(&c->dir[dir], NOTE_HOLE, n, in_chunks ? "chunks" : "bytes",
		   c->dir[dir].framer.offset);
}

static void on_again(void *arg, struct stream_conn *s, unsigned dir, uint32_t n)
{
	struct conn *c = s->user;

	(void)arg;
	if (c && c->is_ours)
		note_count(&c->dir[dir], s->is_sctp ? NOTE_SCTP_AGAIN : NOTE_TCP_AGAIN, n,
			   s->is_sctp ? "chunks" : "bytes", c->dir[dir].framer.offset);
}

static const char *end_name(enum stream_end how)
{
	switch (how) {
	case STREAM_FINISHED:
		return NOTE_FINISHED;
	case STREAM_RESET:
		return NOTE_RESET;
	case STREAM_REPLACED:
		return NOTE_REPLACED;
	case STREAM_FORGOTTEN:
		return NOTE_FORGOTTEN;
	case STREAM_OVER:
		return NULL;
	}
	return NULL;
}

static void on_ended(void *arg, struct stream_conn *s, unsigned dir, enum stream_end how)
{
	struct engine *e = arg;
	struct conn *c = s->user;

	if (!c)
		return;
	flush(&c->dir[dir]);
	if (how != STREAM_FINISHED)
		flush(&c->dir[!dir]);
	if (c->is_ours && end_name(how))
		note(&c->dir[dir], end_name(how), NULL);
	if (how == STREAM_FORGOTTEN && c->is_ours)
		e->counts.n_forgotten++;
	if (how == STREAM_FINISHED || how == STREAM_RESET)
		return;
	s->user = NULL;
	free_conn(c);
}

/* ---- the engine ---- */

int engine_new(const struct engine_options *options, FILE *out, struct engine **ret)
{
	struct engine *e = calloc(1, sizeof(*e));
	struct stream_events events = {
		.opened = on_opened, .bytes = on_bytes, .hole = on_hole, .again = on_again,
		.ended = on_ended, .arg = e,
	};
	int rc;

	if (!e)
		return -ENOMEM;
	e->options = options;
	e->out = out;
	rc = stream_new(&events, &e->stream);
	if (!rc)
		rc = track_new(&e->track);
	if (!rc)
		rc = summary_new(&e->summary);
	if (!rc && options->json)
		rc = record_begin_json(out);
	if (rc) {
		engine_free(e);
		return rc;
	}
	*ret = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	/* The connections' own parts go with their last event; nothing is printed any more. */
	fail(e, -ECANCELED);
	if (e->stream)
		stream_end(e->stream);
	stream_free(e->stream);
	free_conn(e->bytes);
	track_free(e->track);
	summary_free(e->summary);
	free(e);
}

const struct engine_counts *engine_counts(const struct engine *e)
{
	return &e->counts;
}

static void count_fragment(struct engine *e, const struct packet *p)
{
	if (!e->counts.n_fragments++) {
		e->counts.fragment_from = p->from;
		e->counts.fragment_to = p->to;
	}
}

static void take_packet(struct engine *e, const struct packet *p)
{
	const struct filter *f = &e->options->filter;
	int rc;

	if (!f->all_ports && !filter_port(f, p->from.port, p->to.port))
		return;
	rc = stream_packet(e->stream, e->now_ns, p);
	if (rc)
		fail(e, rc);
}

int engine_packet(struct engine *e, enum packet_link link, uint64_t time_ns, const uint8_t *p,
		  size_t caplen, size_t len)
{
	struct packet packet;

	if (e->error)
		return e->error;
	if (!e->counts.n_packets++)
		e->begin_ns = time_ns;
	e->now_ns = time_ns;
	packet_parse(link, p, caplen, len, &packet);
	switch (packet.kind) {
	case PACKET_TCP:
	case PACKET_SCTP:
		take_packet(e, &packet);
		break;
	case PACKET_FRAGMENT:
		count_fragment(e, &packet);
		break;
	case PACKET_OTHER:
		break;
	case PACKET_CUT:
		e->counts.n_cut++;
		break;
	case PACKET_BAD:
		e->counts.n_bad++;
		break;
	}
	return e->error;
}

int engine_bytes(struct engine *e, const uint8_t *p, size_t n)
{
	if (!e->error && !e->bytes) {
		e->bytes = new_conn(e, NULL);
		if (e->bytes)
			accept_conn(e->bytes);
	}
	if (!e->error)
		take_bytes(&e->bytes->dir[0], p, n);
	return e->error;
}

int engine_end(struct engine *e)
{
	const struct engine_options *o = e->options;
	int rc = 0;

	stream_end(e->stream);
	if (e->bytes)
		flush(&e->bytes->dir[0]);
	e->counts.n_sessions_forgotten = track_forgotten(e->track);
	if (!e->error && o->summary)
		rc = o->json ? summary_print_json(e->summary, e->out) :
			summary_print(e->summary, e->out);
	if (!rc && !e->error && fflush(e->out))
		rc = -errno;
	if (rc)
		fail(e, rc);
	return e->error;
}
