/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls_pair.h"

#include "check.h"

#include <stdarg.h>
#include <stdlib.h>

struct calls_config pair_config(void)
{
	struct service_grant grant = { .slots = 4, .window = 100, .piece = 40 };

	return (struct calls_config){
		.ours = grant, .theirs = grant, .window_max = 100, .max_queued = 2,
		.n_bindings = 2, .n_creds = 2, .cred_max = CALL_CRED_MAX, .depth_max = 1,
	};
}

static void end_init(struct pair_end *e, const struct calls_config *cfg, struct pair_end *other)
{
	CHECK(calls_memory(cfg) <= sizeof e->mem);
	calls_init(&e->c, cfg, e->mem, 1);
	e->other = other;
	e->room = UINT32_MAX;
	e->consumes = true;
}

void pair_init(struct calls_pair *p, const struct calls_config *a, const struct calls_config *b)
{
	memset(p, 0, sizeof *p);
	end_init(&p->a, a, &p->b);
	end_init(&p->b, b, &p->a);
	p->now_ns = 1;
}

static void drop_frames(struct pair_end *e)
{
	for (unsigned i = 0; i < e->n_frames; i++)
		free(e->frames[i].body);
	e->n_frames = 0;
	free(e->held);
	e->held = NULL;
}

void pair_free(struct calls_pair *p)
{
	drop_frames(&p->a);
	drop_frames(&p->b);
}

__attribute__((format(printf, 2, 3)))
static void note(struct pair_end *e, const char *format, ...)
{
	va_list args;

	if (e->n_log && e->n_log + 2 < PAIR_LOG)
		e->n_log += (size_t)snprintf(e->log + e->n_log, PAIR_LOG - e->n_log, "; ");
	va_start(args, format);
	e->n_log += (size_t)vsnprintf(e->log + e->n_log, PAIR_LOG - e->n_log, format, args);
	va_end(args);
	CHECK(e->n_log < PAIR_LOG);
}

static const char *const reasons[] = {
	[CALL_END_BUSY] = "BUSY", [CALL_END_ABORTED] = "ABORTED",
	[CALL_END_NO_SERVICE] = "NO_SERVICE", [CALL_END_NO_OP] = "NO_OP",
	[CALL_END_CREDENTIAL] = "CREDENTIAL", [CALL_END_TOO_BIG] = "TOO_BIG",
	[CALL_END_CLOSING] = "CLOSING", [CALL_END_DEADLINE] = "DEADLINE",
	[CALLS_REPLIED] = "REPLIED", [CALLS_ABANDONED] = "ABANDONED",
	[CALLS_SESSION] = "SESSION", [CALLS_PROTOCOL] = "PROTOCOL",
	[CALLS_DEADLOCK] = "DEADLOCK",
};

static const char *const outcomes[] = {
	[CALLS_NOT_EXECUTED] = "NOT_EXECUTED", [CALLS_PARTIAL] = "PARTIAL",
	[CALLS_IN_DOUBT] = "IN_DOUBT", [CALLS_STARTED] = "STARTED", [CALLS_DONE] = "DONE",
};

static const char *const at[] = {
	[CALL_AT_UNKNOWN] = "UNKNOWN", [CALL_AT_WAITING] = "WAITING", [CALL_AT_SHOWN] = "SHOWN",
	[CALL_AT_ACCEPTED] = "ACCEPTED", [CALL_AT_REPLIED] = "REPLIED",
	[CALL_AT_STOPPING] = "STOPPING",
};

static void note_end(struct pair_end *e, const struct calls_event *ev)
{
	char code[40] = "", retry[40] = "";

	if (ev->code)
		snprintf(code, sizeof code, " %d", (int)ev->code);
	if (ev->retry_ms)
		snprintf(retry, sizeof retry, " retry %u", ev->retry_ms);
	note(e, "ENDED %s %s%s%s%s", reasons[ev->reason], outcomes[ev->outcome], code, retry,
	     ev->held ? " held" : "");
	if (!ev->held && ev->call == e->in)
		e->in = NULL;
}

static void take_event(struct pair_end *e, const struct calls_event *ev)
{
	switch (ev->what) {
	case CALLS_EV_NEW:
		e->in = ev->call;
		if (e->newer && upgrade_is_wanted(ev->call))
			upgrade_to(ev->call, e->newer);
		note(e, "NEW %u/%u%s", ev->call->service, ev->call->op,
		     ev->call->behind ? " behind" : "");
		break;
	case CALLS_EV_SHOW:
		note(e, "SHOW %u", ev->call->op);
		break;
	case CALLS_EV_STATE:
		note(e, "STATE %s age %u received %u consumed %u", at[e->c.report.state],
		     e->c.report.age_ms, e->c.report.received, e->c.report.consumed);
		break;
	case CALLS_EV_AGAIN:
		note(e, "AGAIN");
		break;
	case CALLS_EV_ACCEPTED:
		note(e, "ACCEPTED");
		break;
	case CALLS_EV_DATA:
		note(e, "DATA %u%s", (unsigned)ev->data.n - ev->call->extra,
		     ev->last ? " last" : "");
		if (e->consumes)
			CHECK_EQ(call_consumed(ev->call, ev->data.n - ev->call->extra), 0);
		break;
	case CALLS_EV_ROOM:
		note(e, "ROOM");
		break;
	case CALLS_EV_FINAL:
		note(e, "FINAL");
		break;
	case CALLS_EV_ENDED:
		note_end(e, ev);
		break;
	case CALLS_EV_SLOT:
		note(e, "SLOT");
		break;
	case CALLS_EV_FAULT:
		note(e, "FAULT %s", ev->fault);
		break;
	case CALLS_EV_CRED:
		note(e, "CRED %u: kind %u, %u bytes, seal %u",
		     calls_cred_place(&e->c, ev->cred), ev->cred->kind, (unsigned)ev->data.n,
		     ev->cred->extra);
		break;
	case CALLS_EV_UNCRED:
		note(e, "UNCRED %u", calls_cred_place(&e->c, ev->cred));
		break;
	}
}

static void take_events(struct pair_end *e)
{
	struct calls_event ev;

	while (calls_event(&e->c, &ev))
		take_event(e, &ev);
}

void pair_flush(struct pair_end *e)
{
	struct calls_out out;

	take_events(e);
	while (e->room && calls_frame_out(&e->c, &out)) {
		struct pair_frame *f = &e->frames[e->n_frames++];

		CHECK(e->n_frames <= PAIR_FRAMES);
		f->len = out.n_head + out.data.n + (out.call ? out.call->extra : 0);
		f->body = calloc(1, f->len);
		memcpy(f->body, out.head, out.n_head);
		if (out.data.n)
			memcpy(f->body + out.n_head, out.data.p, out.data.n);
		e->position += f->len;
		e->room--;
		e->n_sent++;
		calls_frame_put(&e->c, &out, e->position);
		take_events(e);
	}
}

void pair_deliver(struct pair_end *e)
{
	struct pair_end *from = e->other;

	for (unsigned i = 0; i < from->n_frames; i++) {
		calls_frame(&e->c, from->frames[i].body, from->frames[i].len);
		take_events(e);
	}
	calls_batch_end(&e->c);
	take_events(e);
	drop_frames(from);
}

void pair_run(struct calls_pair *p)
{
	do {
		pair_flush(&p->a);
		pair_flush(&p->b);
		pair_deliver(&p->a);
		pair_deliver(&p->b);
		pair_flush(&p->a);
		pair_flush(&p->b);
	} while (p->a.n_frames || p->b.n_frames);
}

int pair_forge(struct pair_end *to, const struct call_frame *f)
{
	uint8_t body[CALL_HEAD_MAX + 1000] = { 0 };
	size_t n = call_put(body, f);
	int r;

	CHECK(f->n_data <= 1000);
	if (f->n_data && f->data)
		memcpy(body + n, f->data, f->n_data);
	if (f->kind == CALL_BEGIN || f->kind == CALL_PIECE || f->kind == CALL_REPLY ||
	    f->kind == CALL_CRED)
		n += f->n_data;
	r = calls_frame(&to->c, body, n);
	take_events(to);
	calls_batch_end(&to->c);
	take_events(to);
	return r;
}

void pair_pass(struct calls_pair *p, uint64_t ns)
{
	p->now_ns += ns;
	calls_now(&p->a.c, p->now_ns);
	calls_now(&p->b.c, p->now_ns);
	calls_tick(&p->a.c);
	calls_tick(&p->b.c);
}

const char *pair_log(struct pair_end *e)
{
	static char said[2][PAIR_LOG];
	static unsigned which;

	take_events(e);
	which ^= 1;
	memcpy(said[which], e->log, PAIR_LOG);
	e->n_log = 0;
	e->log[0] = '\0';
	return said[which];
}

struct calls_begin pair_begins(uint16_t binding, const char *request)
{
	return (struct calls_begin){
		.binding = binding, .op = 7, .total = CALL_TOTAL_UNKNOWN,
		.deadline_ns = CALLS_NEVER, .last = true,
		.data = { (const uint8_t *)request, strlen(request) },
	};
}

int pair_begin(struct pair_end *e, struct call *call, uint16_t binding, const char *request)
{
	struct calls_begin b = pair_begins(binding, request);

	return call_begin(&e->c, call, &b);
}
