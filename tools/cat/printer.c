/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Received messages on their way to the output.
 * Knows nothing of sessions beyond the handle of a message.
 */
#include "tools/cat/cat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

#define PREFIX_MAX	16	/* "2147483647+\t" and a NUL */
#define PIECE_MAX	(64 << 10)	/* bytes of a payload that are looked at together */

/* The next part of a message. */
enum step {
	STEP_HEAD,		/* the number of the node, in front of each line */
	STEP_BODY,		/* its payload, up to a newline or to what is to be escaped */
	STEP_NEWLINE,		/* at its end */
	STEP_OVER,
};

struct printer_kept {
	struct printer_kept *next;
	struct sinew_kept *kept;	/* NULL: copied behind this struct */
	size_t len;
	uint32_t nodeid;
	enum step step;
	size_t at;		/* bytes of the payload that are out */
	size_t done;		/* bytes of the present piece that are out */
	char copy[];
};

/* A piece of output, and how much of the payload it is. */
struct piece {
	const char *data;
	size_t len, taken;
	enum step next;
	char text[PREFIX_MAX];
};

void printer_init(struct printer *p, struct output *out, bool raw, bool is_terminal)
{
	*p = (struct printer){ .out = out, .raw = raw, .is_terminal = is_terminal && !raw };
	p->last = &p->first;
}

static void drop_first(struct printer *p)
{
	struct printer_kept *k = p->first;

	p->first = k->next;
	if (!p->first)
		p->last = &p->first;
	if (!k->kept)
		p->copied -= k->len;
	sinew_release(k->kept);
	free(k);
	p->n_waiting--;
}

uint64_t printer_clear(struct printer *p)
{
	uint64_t n = p->n_waiting;

	while (p->first)
		drop_first(p);
	return n;
}

/* Over the memory of the node a copy is made: a message is not lost for that. */
static int keep(struct printer *p, struct sinew_session *session, const struct sinew_message *msg)
{
	struct sinew_kept *kept = NULL;
	struct printer_kept *k;

	if (sinew_keep(session, msg, &kept))
		kept = NULL;
	k = malloc(sizeof(*k) + (kept ? 0 : msg->len));
	if (!k) {
		sinew_release(kept);
		return -ENOMEM;
	}
	*k = (struct printer_kept){
		.kept = kept,
		.len = msg->len,
		.nodeid = sinew_session_nodeid(session),
		.step = p->raw ? STEP_BODY : STEP_HEAD,
	};
	if (!kept && msg->len)
		memcpy(k->copy, msg->data, msg->len);
	if (!kept)
		p->copied += msg->len;
	*p->last = k;
	p->last = &k->next;
	p->n_waiting++;
	return 0;
}

/* ---- pieces ---- */

static unsigned write_head(char text[PREFIX_MAX], uint32_t nodeid, bool is_continued)
{
	return (unsigned)snprintf(text, PREFIX_MAX, "%" PRIu32 "%s\t", nodeid,
				  is_continued ? "+" : "");
}

/* Up to the newline, which is part of it: another line follows, be it empty. */
static void line_of(struct piece *piece, const char *rest, size_t len)
{
	const char *newline = memchr(rest, '\n', len);

	piece->data = rest;
	piece->len = piece->taken = newline ? (size_t)(newline - rest) + 1 : len;
	piece->next = newline ? STEP_HEAD : STEP_BODY;
}

/* The same for a terminal: what it does not just show is escaped. */
static void shown_of(struct piece *piece, const char *rest, size_t len)
{
	size_t plain = text_plain(rest, len);

	if (!plain && (*rest == '\n' || *rest == '\t')) {
		line_of(piece, rest, 1);
		return;
	}
	piece->data = rest;
	piece->len = piece->taken = plain;
	piece->next = STEP_BODY;
	if (plain)
		return;
	text_escape(*rest, piece->text);
	piece->data = piece->text;
	piece->len = TEXT_ESCAPE;
	piece->taken = 1;
}

static void body_of(const struct printer *p, const struct printer_kept *k, struct piece *piece)
{
	const char *data = k->kept ? sinew_kept_data(k->kept) : k->copy;
	size_t left = k->len - k->at;

	/* For a terminal it is not cut: that could be inside a character. */
	if (left > PIECE_MAX && !p->is_terminal)
		left = PIECE_MAX;
	piece->data = data + k->at;
	piece->len = piece->taken = left;
	if (!left)
		piece->next = p->raw ? STEP_OVER : STEP_NEWLINE;
	else if (p->is_terminal)
		shown_of(piece, piece->data, left);
	else if (!p->raw)
		line_of(piece, piece->data, left);
	else
		piece->next = STEP_BODY;
}

static void piece_of(const struct printer *p, const struct printer_kept *k, struct piece *piece)
{
	piece->taken = 0;
	switch (k->step) {
	case STEP_HEAD:
		piece->data = piece->text;
		piece->len = write_head(piece->text, k->nodeid, k->at > 0);
		piece->next = STEP_BODY;
		return;
	case STEP_BODY:
		body_of(p, k, piece);
		return;
	case STEP_NEWLINE:
		piece->data = "\n";
		piece->len = 1;
		piece->next = STEP_OVER;
		return;
	case STEP_OVER:
		piece->len = 0;
		return;
	}
}

/* False: no room for all. */
static bool put_kept(struct printer *p, struct printer_kept *k)
{
	struct piece piece;

	while (k->step != STEP_OVER) {
		piece_of(p, k, &piece);
		k->done += output_put(p->out, piece.data + k->done, piece.len - k->done);
		if (k->done < piece.len)
			return false;
		k->at += piece.taken;
		k->step = piece.next;
		k->done = 0;
	}
	return true;
}

/* ---- messages ---- */

/* It is one line, and goes out as it came. */
static bool is_plain(const struct printer *p, const struct sinew_message *msg)
{
	return p->raw || (!p->is_terminal && (!msg->len || !memchr(msg->data, '\n', msg->len)));
}

int printer_message(struct printer *p, struct sinew_session *session,
		    const struct sinew_message *msg)
{
	char head[PREFIX_MAX];
	unsigned len = 0;
	int rc;

	if (!p->raw)
		len = write_head(head, sinew_session_nodeid(session), false);
	if (!p->first && is_plain(p, msg) &&
	    output_put_whole(p->out, head, len, msg->data, msg->len, "\n", p->raw ? 0 : 1))
		return 0;
	rc = keep(p, session, msg);
	if (!rc)
		printer_pump(p);
	return rc;
}

void printer_pump(struct printer *p)
{
	while (p->first && put_kept(p, p->first))
		drop_first(p);
}

bool printer_is_full(const struct printer *p)
{
	return p->copied > PRINTER_COPIED_MAX;
}
