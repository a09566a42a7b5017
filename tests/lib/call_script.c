/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how a script is played. The scripts themselves are in tests/lib/call_scripts.c. */
#include "tests/lib/call_script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/script_step.h"

const char *const script_actors[SCRIPT_ACTORS] = { "client", "server", "client2", "server2" };

/* ---- what a side sees ---- */

static void append(struct script_seen *s, const char *mark)
{
	size_t at = strlen(s->marks);

	snprintf(s->marks + at, sizeof s->marks - at, "%s%s", at ? "; " : "", mark);
}

/* A mark for those bytes; last: with what is last. */
static void append_data(struct script_seen *s, size_t len, bool last)
{
	char mark[40];

	snprintf(mark, sizeof mark, "DATA %zu%s", len, last ? " last" : "");
	append(s, mark);
	s->waiting -= len;
	s->last_waits = s->last_waits && !last;
}

static void flush(struct script_seen *s)
{
	if (s->waiting || s->last_waits)
		append_data(s, s->waiting, s->last_waits);
}

void script_flush(struct script_play *p)
{
	for (unsigned i = 0; i < SCRIPT_ACTORS; i++)
		flush(&p->seen[i]);
}

void script_mark(struct script_play *p, unsigned actor, const char *format, ...)
{
	char mark[80];
	va_list args;

	va_start(args, format);
	vsnprintf(mark, sizeof mark, format, args);
	va_end(args);
	append(&p->seen[actor], mark);
}

void script_data(struct script_play *p, unsigned actor, size_t len, bool last)
{
	struct script_seen *s = &p->seen[actor];

	s->waiting += len;
	s->last_waits = last;
	s->last |= last;
}

void script_replied(struct script_play *p, unsigned actor)
{
	flush(&p->seen[actor]);
	if (script_serves(actor))
		append(&p->seen[actor], "FINAL_ACK");
	p->seen[actor].ended = true;
}

void script_failed(struct script_play *p, unsigned actor, const char *mark, int value)
{
	struct script_seen *s = &p->seen[actor];

	s->waiting = 0;
	s->last_waits = false;
	if (value)
		script_mark(p, actor, "%s %d", mark, value);
	else
		append(s, mark);
	s->ended = true;
}

/* ---- steps ---- */

static bool fault(struct script_play *p, const struct script_step *step, const char *why)
{
	script_step_fault(step, p->script->name, why, p->fault, sizeof p->fault);
	return false;
}

static unsigned flags_of(const struct script_step *step)
{
	static const struct {
		const char *word;
		unsigned flag;
	} flags[] = {
		{ "more", SCRIPT_MORE }, { "upgrade", SCRIPT_UPGRADE }, { "again", SCRIPT_AGAIN },
		{ "briefly", SCRIPT_BRIEFLY }, { "elsewhere", SCRIPT_ELSEWHERE },
	};
	unsigned found = 0;

	for (unsigned i = 3; i < step->n_words; i++)
		for (unsigned j = 0; j < sizeof flags / sizeof flags[0]; j++)
			if (!strcmp(step->word[i], flags[j].word))
				found |= flags[j].flag;
	return found;
}

static bool has_come(const struct script_seen *s, const char *what)
{
	if (!strcmp(what, "last"))
		return s->last;
	if (!strcmp(what, "end"))
		return s->ended;
	return s->waiting >= strtoul(what, NULL, 10);
}

static bool get(struct script_play *p, const struct script_step *step)
{
	struct script_seen *s = &p->seen[step->actor];
	int64_t until = p->player->now_ms() + p->limit_ms;

	while (!has_come(s, step->word[2])) {
		if (s->ended || p->player->now_ms() > until) {
			append(s, "NOTHING");
			return false;
		}
		p->player->turn(p);
	}
	if (!strcmp(step->word[2], "last"))
		flush(s);
	else if (strtoul(step->word[2], NULL, 10))
		append_data(s, strtoul(step->word[2], NULL, 10), false);
	return true;
}

/* Sends all of it, in the parts that are accepted. */
static bool send_all(struct script_play *p, const struct script_step *step, size_t len,
		     unsigned flags)
{
	int64_t until = p->player->now_ms() + p->limit_ms;
	long n;

	do {
		n = p->player->send(p, step->actor, len, flags);
		if (n >= 0)
			len -= (size_t)n;
		else if (n != -EAGAIN)
			script_mark(p, step->actor, "REFUSED");
		if (p->player->now_ms() > until)
			return fault(p, step, "not taken");
		if (len)
			p->player->turn(p);
	} while (n == -EAGAIN || (n >= 0 && len));
	return true;
}

/* An error is what that side sees. */
static bool told(struct script_play *p, const struct script_step *step, int err)
{
	if (err)
		script_mark(p, step->actor, "REFUSED");
	return true;
}

static bool do_step(struct script_play *p, const struct script_step *step)
{
	const char *verb = step->word[1];
	long number = step->n_words > 2 ? strtol(step->word[2], NULL, 10) : 0;
	unsigned flags = flags_of(step);
	unsigned actor = step->actor;

	if (!strcmp(verb, "gets"))
		return get(p, step);
	if (!strcmp(verb, "sends"))
		return send_all(p, step, (size_t)number, flags);
	if (!strcmp(verb, "begins"))
		return told(p, step, p->player->begin(p, actor, (size_t)number, flags));
	if (!strcmp(verb, "aborts"))
		return told(p, step, p->player->abort(p, actor, (int)number));
	if (!strcmp(verb, "leaves"))
		return told(p, step, p->player->leave(p, actor));
	if (!strcmp(verb, "serves"))
		return told(p, step, p->player->serve(p));
	if (!strcmp(verb, "names"))
		script_mark(p, actor, "SERVICE %u", p->player->service(p, actor));
	else
		return fault(p, step, "no such step");
	return true;
}

bool script_play(struct script_play *p)
{
	const char *text = p->script->steps;

	while (*text) {
		struct script_step step;

		if (!script_step_cut(&step, &text, script_actors, SCRIPT_ACTORS))
			return fault(p, &step, "nobody does that");
		if (!do_step(p, &step))
			return false;
	}
	return true;
}
