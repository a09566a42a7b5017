/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how a script of topology is played. The scripts are in tests/lib/topo_scripts.c. */
#include "tests/lib/topo_script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/script_step.h"

#define TYPES_EACH	10u

const char *const topo_actors[TOPO_ACTORS + 1] = {
	"a", "b", "c", "d", "w", "x", "y", "z", "far",
};

/* ---- marks ---- */

static void __attribute__((format(printf, 2, 3)))
append(struct topo_seen *s, const char *format, ...)
{
	size_t at = strlen(s->marks);
	va_list args;

	if (at)
		at += (size_t)snprintf(s->marks + at, sizeof s->marks - at, "; ");
	if (at >= sizeof s->marks)
		return;
	va_start(args, format);
	vsnprintf(s->marks + at, sizeof s->marks - at, format, args);
	va_end(args);
}

struct words {
	char text[12];
};

static struct words words_of(uint32_t number)
{
	struct words w = { "max" };

	if (number != UINT32_MAX)
		snprintf(w.text, sizeof w.text, "%u", (unsigned)number);
	return w;
}

void topo_script_name_told(struct topo_play *p, unsigned actor, const char *verb, uint32_t lower,
			   uint32_t upper, unsigned publisher)
{
	const char *by = publisher < TOPO_PUBLISHERS ? topo_actors[publisher] : "?";
	struct topo_seen *s = &p->seen[actor];

	append(s, "%s %s..%s by %s", verb, words_of(lower).text, words_of(upper).text, by);
	s->n_events++;
}

void topo_script_node_told(struct topo_play *p, unsigned actor, const char *verb, bool is_far)
{
	append(&p->seen[actor], "%s %s", verb, is_far ? "far" : "near");
	p->seen[actor].n_events++;
}

void topo_script_told(struct topo_play *p, unsigned actor, const char *verb)
{
	append(&p->seen[actor], "%s", verb);
	p->seen[actor].n_events++;
}

/* ---- steps ---- */

static bool fault(struct topo_play *p, const struct script_step *step, const char *why)
{
	script_step_fault(step, topo_scripts[p->number].name, why, p->fault, sizeof p->fault);
	return false;
}

static uint32_t number_of(const char *word)
{
	return strcmp(word, "max") ? (uint32_t)strtoul(word, NULL, 10) : UINT32_MAX;
}

static bool name_of(const struct topo_play *p, const struct script_step *step,
		    struct topo_script_name *ret)
{
	const char *type = step->word[2];

	if (step->n_words < 5)
		return false;
	*ret = (struct topo_script_name) {
		.lower = number_of(step->word[3]), .upper = number_of(step->word[4]),
		.type = TOPO_SCRIPT_TYPES + TYPES_EACH * p->number + number_of(type),
	};
	if (!strcmp(type, "NODE"))
		ret->kind = TOPO_KIND_NODE;
	else if (!strcmp(type, "LINK"))
		ret->kind = TOPO_KIND_LINK;
	return true;
}

static bool get(struct topo_play *p, const struct script_step *step)
{
	struct topo_seen *s = &p->seen[step->actor];
	int64_t until = p->player->now_ms() + p->limit_ms;

	s->n_awaited += number_of(step->word[2]);
	while (s->n_events < s->n_awaited) {
		if (p->player->now_ms() > until) {
			append(s, "NOTHING");
			return false;
		}
		p->player->turn(p);
	}
	return true;
}

/* An error is a mark. */
static bool done(struct topo_play *p, const struct script_step *step, int err)
{
	if (err && step->actor == TOPO_ACTOR_FAR)
		return fault(p, step, strerror(-err));
	if (err)
		append(&p->seen[step->actor], "REFUSED");
	return true;
}

static int subscribe(struct topo_play *p, const struct script_step *step,
		     const struct topo_script_name *name)
{
	bool edge = !strcmp(step->word[5], "edge");
	int timeout_ms = step->n_words > 6 ? (int)number_of(step->word[6]) : -1;

	return p->player->subscribe(p, step->actor, name, edge, timeout_ms);
}

static bool do_publisher(struct topo_play *p, const struct script_step *step)
{
	const char *verb = step->word[1];
	struct topo_script_name name;
	bool own_node = step->n_words > 5;

	if (!strcmp(verb, "dies"))
		return done(p, step, p->player->die(p, step->actor));
	if (!name_of(p, step, &name))
		return fault(p, step, "no name is given");
	if (!strcmp(verb, "withdraws"))
		return done(p, step, p->player->withdraw(p, step->actor, &name, own_node));
	if (!strcmp(verb, "publishes"))
		return done(p, step, p->player->publish(p, step->actor, &name, own_node));
	return fault(p, step, "no publisher does that");
}

static bool do_subscription(struct topo_play *p, const struct script_step *step)
{
	const char *verb = step->word[1];
	struct topo_script_name name;

	if (!strcmp(verb, "gets") && step->n_words == 3)
		return get(p, step);
	if (!strcmp(verb, "cancels"))
		return done(p, step, p->player->cancel(p, step->actor));
	if (strcmp(verb, "subscribes") || step->n_words < 6 || !name_of(p, step, &name))
		return fault(p, step, "no subscription does that");
	return done(p, step, subscribe(p, step, &name));
}

static bool do_step(struct topo_play *p, const struct script_step *step)
{
	if (step->actor == TOPO_ACTOR_FAR)
		return done(p, step, p->player->far(p, !strcmp(step->word[1], "comes")));
	if (step->actor < TOPO_PUBLISHERS)
		return do_publisher(p, step);
	return do_subscription(p, step);
}

bool topo_script_play(struct topo_play *p)
{
	const char *text = topo_scripts[p->number].steps;

	while (*text) {
		struct script_step step;

		if (!script_step_cut(&step, &text, topo_actors, TOPO_ACTORS + 1))
			return fault(p, &step, "nobody does that");
		if (!do_step(p, &step))
			return false;
	}
	return true;
}
