/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the world of a life and what is under way in it; knows no action of a core. */
#include "tests/lib/life_net.h"

#include <stdlib.h>

#define LATENCY_NS MS_NS

struct life *life;

/* ---- the trace ---- */

void give_up(const char *why)
{
	trace_compare(&life->trace, life->name, false);
	printf("not ok - %s: %s\n", life->name, why);
	exit(1);
}

void trace_when(const struct life_node *n, const struct life_conn *c)
{
	uint64_t us = life->now_ns / 1000;

	trace_add(&life->trace, "%8u.%03u ", (unsigned)(us / 1000), (unsigned)(us % 1000));
	if (c)
		trace_add(&life->trace, "%c:%-3u ", n->letter, c->number);
	else
		trace_add(&life->trace, "%c     ", n->letter);
}

struct life_end *end_of(struct link *l)
{
	return (struct life_end *)(void *)((char *)l - offsetof(struct life_end, link));
}

void say_states(void)
{
	static const char *const why[] = {
		[LINK_WHY_NONE] = "", [LINK_WHY_CONNECT] = ", not connected in time",
		[LINK_WHY_HELLO] = ", no HELLO in time", [LINK_WHY_PROBE] = ", no answer",
		[LINK_WHY_SILENT] = ", silent", [LINK_WHY_STUCK] = ", stuck",
		[LINK_WHY_VIOLATION] = ", violation", [LINK_WHY_REFUSED] = ", refused ",
	};

	for (unsigned i = 0; i < 2 * life->n_conns; i++) {
		struct life_conn *c = life->conns[i / 2];
		struct life_end *e = &c->end[i % 2];

		if (!e->begun || e->shown == e->link.state ||
		    (e->link.state == LINK_GONE && !e->ended))
			continue;
		e->shown = e->link.state;
		if (e->shown != LINK_GONE)
			SAY(e->node, c, "is %s", link_state_name(e->shown));
		else
			SAY(e->node, c, "is GONE: %s%s%s", e->ended,
			    why[e->link.why], e->link.why == LINK_WHY_REFUSED ?
			    reason_word(e->link.refusal) : "");
	}
}

/* ---- memory ---- */

static void *life_provide(size_t n)
{
	uint8_t *p = calloc(1, n + 63);

	if (!p || life->n_memory == LIFE_MEMORY)
		give_up("too many sessions");
	life->memory[life->n_memory++] = p;
	return p + (-(uintptr_t)p & 63);
}

struct session *life_session(const struct life_node *n)
{
	struct session *s = life_provide(sizeof *s);

	session_provide(s, life_provide(LIFE_RING), LIFE_RING, n->nodeid, LIFE_FIRST);
	return s;
}

/* ---- the network ---- */

struct path_addr life_address(unsigned host, unsigned path)
{
	return (struct path_addr) { .ip = { [14] = (uint8_t)path, [15] = (uint8_t)host },
		.port = 1 };
}

struct life_event *happens(enum happens what, struct life_conn *c, unsigned to)
{
	struct life_event *e;

	if (life->n_events == LIFE_EVENTS)
		give_up("too many events at once");
	e = &life->events[life->n_events++];
	*e = (struct life_event) { .at_ns = life->now_ns + LATENCY_NS, .order = life->order++,
		.what = what, .conn = c, .to = to };
	return e;
}

struct life_event take_event(unsigned i)
{
	struct life_event e = life->events[i];

	life->n_events--;
	memmove(life->events + i, life->events + i + 1, (life->n_events - i) * sizeof e);
	return e;
}

bool black_hole(const struct life_conn *c)
{
	return c->lost || life->path_down[c->path];
}

static bool passes(const struct life_event *e)
{
	return !e->conn->end[!e->to].node->muted && !black_hole(e->conn);
}

unsigned next_event(void)
{
	unsigned best = life->n_events;

	for (unsigned i = 0; i < life->n_events; i++) {
		const struct life_event *e = &life->events[i], *b = &life->events[best];

		if (passes(e) && (best == life->n_events || e->at_ns < b->at_ns ||
				  (e->at_ns == b->at_ns && e->order < b->order)))
			best = i;
	}
	return best;
}

/* ---- writing ---- */

/* n bytes are written: each frame that is complete with them. */
static void say_written(struct life_end *e, struct life_event *ev)
{
	size_t done = 0, bytes;
	struct trace *t = &life->trace;

	CHECK(e->n_half + ev->n <= sizeof e->half);
	memcpy(e->half + e->n_half, ev->bytes, ev->n);
	e->n_half += ev->n;
	while ((bytes = frame_bytes(e->half + done, e->n_half - done)) &&
	       bytes <= e->n_half - done) {
		size_t used = strlen(ev->names);
		int begin, words;

		trace_when(e->node, e->conn);
		trace_add(t, "> ");
		begin = (int)t->n;
		say_frame(t, e->half + done, bytes);
		words = (int)strcspn(t->text + begin, "\":=");
		while (words && strchr(" abcdefghijklmnopqrstuvwxyz", t->text[begin + words - 1]))
			words--;
		snprintf(ev->names + used, sizeof ev->names - used, "%s%.*s", used ? ", " : "",
			 words, t->text + begin);
		trace_add(t, "\n");
		done += bytes;
	}
	memmove(e->half, e->half + done, e->n_half - done);
	e->n_half -= done;
	if (e->n_half) {
		SAY(e->node, e->conn, "> %zu of %zu bytes of a frame", e->n_half,
		    frame_bytes(e->half, e->n_half));
		snprintf(ev->names + strlen(ev->names), sizeof ev->names - strlen(ev->names),
			 "half a frame");
	}
}

static void alter_hello(const struct life_node *n, uint8_t *p, size_t bytes)
{
	if (n->alter_at && bytes > n->alter_at && p[14] == WIRE_OPTS_CMD && p[16] == WIRE_HELLO)
		p[n->alter_at] = n->alter_to;
}

void write_bytes(struct life_end *e, const uint8_t *p, size_t n)
{
	struct life_event *ev = happens(BYTES, e->conn, !e->side);

	ev->bytes = malloc(n);
	ev->n = n;
	memcpy(ev->bytes, p, n);
	alter_hello(e->node, ev->bytes, n);
	say_written(e, ev);
	if (black_hole(e->conn) && !e->waits_ns)
		e->waits_ns = life->now_ns;
}

void transmit(struct life_end *e)
{
	static uint8_t out[1 << 17];
	struct span spans[5];
	int n;

	while (e->node->room && link_gather(&e->link, spans, &n, 1 << 16)) {
		size_t sum = 0;

		for (int i = 0; i < n && e->node->room; i++) {
			size_t part = spans[i].n < e->node->room ? spans[i].n : e->node->room;

			memcpy(out + sum, spans[i].p, part);
			sum += part;
			e->node->room -= part;
		}
		link_sent(&e->link, sum);
		write_bytes(e, out, sum);
	}
}
