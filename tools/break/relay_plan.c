/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The actions of the relay, and which of them comes at which byte of which direction of which
 * connection. Knows no clock and no socket.
 */
#include "tools/break/relay_plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "membership/config.h"
#include "tools/random.h"

#define WORD_MAX	32	/* bytes of a number or name in a rule, NUL included */

/* The purpose that a number is drawn for, so that no two share one. */
enum purpose { DRAW_DISTANCE = 1, DRAW_LENGTH, DRAW_PIECE };

/* Which parameters a kind has, in the order of the command line. */
struct form {
	const char *name;
	uint64_t bytes_max;	/* 0: it has none */
	bool ms, length, both;
};

static const struct form forms[RELAY_N_KINDS] = {
	[RELAY_RESET] = { .name = "reset" },
	[RELAY_FIN] = { .name = "fin" },
	[RELAY_HOLE] = { .name = "hole" },
	[RELAY_STALL] = { .name = "stall", .ms = true, .both = true },
	[RELAY_DELAY] = { .name = "delay", .ms = true, .length = true },
	[RELAY_THROTTLE] = { .name = "throttle", .bytes_max = RELAY_RATE_MAX, .length = true },
	[RELAY_SPLIT] = { .name = "split", .bytes_max = RELAY_PIECE_MAX, .length = true },
	[RELAY_JOIN] = { .name = "join", .bytes_max = RELAY_PIECE_MAX, .ms = true, .length = true },
};

const char *relay_kind_name(enum relay_kind kind)
{
	return forms[kind].name;
}

bool relay_kind_find(const char *name, enum relay_kind *ret_kind)
{
	unsigned i;

	for (i = 0; i < RELAY_N_KINDS; i++) {
		if (strcmp(name, forms[i].name))
			continue;
		*ret_kind = (enum relay_kind)i;
		return true;
	}
	return false;
}

static bool within(uint64_t n, bool wanted, uint64_t max)
{
	return wanted ? n >= 1 && n <= max : !n;
}

bool relay_act_is_right(const struct relay_act *act)
{
	const struct form *f = &forms[act->kind];

	return act->offset <= RELAY_OFFSET_MAX &&
	       within(act->bytes, f->bytes_max > 0, f->bytes_max) &&
	       within(act->ms, f->ms, RELAY_MS_MAX) &&
	       (!act->length || (f->length && act->length <= RELAY_OFFSET_MAX)) &&
	       (!act->both || f->both);
}

/* ---- acts and rules as text ---- */

/* Takes what is before the next separator; *text is NULL behind the last. */
static bool take(const char **text, const char *separator, char word[WORD_MAX])
{
	size_t len;

	if (!*text)
		return false;
	len = strcspn(*text, separator);
	if (len >= WORD_MAX)
		return false;
	memcpy(word, *text, len);
	word[len] = '\0';
	*text = (*text)[len] ? *text + len + 1 : NULL;
	return true;
}

static bool take_number(const char **text, int suffixes, uint64_t max, uint64_t *ret_number)
{
	char word[WORD_MAX];

	return take(text, ",", word) && !config_number(word, suffixes, 1, max, ret_number);
}

bool relay_act_parse(const char *text, struct relay_act *ret_act)
{
	struct relay_act act = { 0 };
	char name[WORD_MAX];
	const struct form *f;

	if (!take(&text, "=", name) || !relay_kind_find(name, &act.kind))
		return false;
	f = &forms[act.kind];
	if (f->bytes_max && !take_number(&text, 1, f->bytes_max, &act.bytes))
		return false;
	if (f->ms && !take_number(&text, 0, RELAY_MS_MAX, &act.ms))
		return false;
	if (text && f->length && !take_number(&text, 1, RELAY_OFFSET_MAX, &act.length))
		return false;
	act.both = text && f->both && !strcmp(text, "both");
	if (text && !act.both)
		return false;
	*ret_act = act;
	return true;
}

const char *relay_act_text(const struct relay_act *act, char buf[RELAY_ACT_TEXT_MAX])
{
	char bytes[40] = "", ms[40] = "", length[40] = "";

	if (act->bytes)
		snprintf(bytes, sizeof(bytes), " %" PRIu64 " bytes", act->bytes);
	if (act->ms)
		snprintf(ms, sizeof(ms), " %" PRIu64 " ms", act->ms);
	if (act->length)
		snprintf(length, sizeof(length), " for %" PRIu64 " bytes", act->length);
	snprintf(buf, RELAY_ACT_TEXT_MAX, "%s%s%s%s%s", forms[act->kind].name, bytes, ms, length,
		 act->both ? ", both directions" : "");
	return buf;
}

static bool parse_sides(const char *word, const char *both, bool sides[RELAY_SIDES])
{
	sides[RELAY_A] = !strcmp(word, "a") || !strcmp(word, both);
	sides[RELAY_B] = !strcmp(word, "b") || !strcmp(word, both);
	return sides[RELAY_A] || sides[RELAY_B];
}

/* "all", "a", "b", "3", "a3" or "b3" */
static bool parse_connection(const char *word, struct relay_rule *rule)
{
	bool named = *word == 'a' || *word == 'b';
	uint64_t number;

	if (parse_sides(word, "all", rule->diallers))
		return true;
	if (config_number(word + named, 0, 1, RELAY_NUMBER_MAX, &number))
		return false;
	rule->diallers[RELAY_A] = *word != 'b';
	rule->diallers[RELAY_B] = *word != 'a';
	rule->number = (uint32_t)number;
	return true;
}

bool relay_rule_every(const char *text, struct relay_rule *ret_rule)
{
	struct relay_rule rule = { .text = text, .diallers = { true, true } };
	char word[WORD_MAX];

	if (!take(&text, ":", word))
		return false;
	if (!parse_sides(word, "both", rule.from))
		rule.from[RELAY_A] = rule.from[RELAY_B] = true;
	else if (!take(&text, ":", word))
		return false;
	if (config_number(word, 1, 1, RELAY_EVERY_MAX, &rule.every) ||
	    !relay_act_parse(text, &rule.act))
		return false;
	*ret_rule = rule;
	return true;
}

bool relay_rule_at(const char *text, struct relay_rule *ret_rule)
{
	struct relay_rule rule = { .text = text };
	char connection[WORD_MAX], from[WORD_MAX], at[WORD_MAX];
	uint64_t offset;

	if (!take(&text, ":", connection) || !parse_connection(connection, &rule) ||
	    !take(&text, ":", from) || !parse_sides(from, "both", rule.from) ||
	    !take(&text, ":", at) || config_number(at, 1, 0, RELAY_OFFSET_MAX, &offset) ||
	    !relay_act_parse(text, &rule.act))
		return false;
	rule.act.offset = offset;
	*ret_rule = rule;
	return true;
}

/* ---- order ---- */

static int compare(uint64_t x, uint64_t y)
{
	return (x > y) - (x < y);
}

static int place_compare(const struct relay_place *x, const struct relay_place *y)
{
	int by = compare(x->number, y->number);

	if (!by)
		by = compare(x->dialler, y->dialler);
	if (!by)
		by = compare(x->from, y->from);
	return by;
}

int relay_record_compare(const struct relay_record *x, const struct relay_record *y)
{
	int by = place_compare(&x->place, &y->place);

	if (!by)
		by = compare(x->act.offset, y->act.offset);
	if (!by)
		by = compare(x->order, y->order);
	return by;
}

/* ---- drawing ---- */

/* From 1 to max, by what it is for and nothing else. */
static uint64_t draw(const struct relay_plan *p, enum purpose purpose, uint64_t which, uint64_t k,
		     uint64_t max)
{
	uint64_t x = random_mix(p->faults->seed + RANDOM_STEP);

	x = random_mix(x + RANDOM_STEP * (p->place.number * UINT64_C(4) +
					  (unsigned)p->place.dialler * 2 +
					  (unsigned)p->place.from));
	x = random_mix(x + RANDOM_STEP * (unsigned)purpose);
	x = random_mix(x + RANDOM_STEP * which);
	x = random_mix(x + RANDOM_STEP * k);
	return 1 + x % max;
}

uint64_t relay_plan_piece(const struct relay_plan *p, uint64_t start, uint64_t k, uint64_t max)
{
	return draw(p, DRAW_PIECE, start, k, max);
}

static bool applies(const struct relay_rule *rule, const struct relay_place *place)
{
	return rule->diallers[place->dialler] && rule->from[place->from] &&
	       (!rule->number || rule->number == place->number);
}

/* The next offset of a rule that draws: from one to almost twice its distance further. */
static void draw_offset(struct relay_plan *p, unsigned i)
{
	uint64_t every = p->faults->rules[i].every;

	p->offsets[i] += draw(p, DRAW_DISTANCE, i, p->n_drawn[i], 2 * every - 1);
	if (p->offsets[i] > RELAY_OFFSET_MAX)
		p->offsets[i] = UINT64_MAX;
}

/* The first of all; of two at the same byte the one that was named first. */
static void find_next(struct relay_plan *p)
{
	const struct relay_rule *rule;
	unsigned i, first = 0;

	for (i = 1; i < p->faults->n_rules; i++)
		if (p->offsets[i] < p->offsets[first])
			first = i;
	p->has_next = p->faults->n_rules > 0 && p->offsets[first] != UINT64_MAX;
	if (!p->has_next)
		return;
	rule = &p->faults->rules[first];
	p->rule = first;
	p->next = rule->act;
	p->next.offset = p->offsets[first];
	if (rule->every && forms[rule->act.kind].length && !rule->act.length)
		p->next.length = draw(p, DRAW_LENGTH, first, p->n_drawn[first], rule->every);
}

static void take_record(struct relay_plan *p)
{
	const struct relay_record *r = &p->faults->records[p->record];

	p->has_next = p->record < p->faults->n_records &&
		      !place_compare(&r->place, &p->place);
	if (p->has_next)
		p->next = r->act;
}

/* The first record that is not before the place. */
static size_t first_record(const struct relay_faults *faults, const struct relay_place *place)
{
	size_t low = 0, high = faults->n_records, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (place_compare(&faults->records[middle].place, place) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void relay_plan_init(struct relay_plan *p, const struct relay_faults *faults,
		     const struct relay_place *place)
{
	unsigned i;

	memset(p, 0, sizeof(*p));
	p->faults = faults;
	p->place = *place;
	if (faults->records) {
		p->record = first_record(faults, place);
		take_record(p);
		return;
	}
	for (i = 0; i < faults->n_rules; i++) {
		if (!applies(&faults->rules[i], place))
			p->offsets[i] = UINT64_MAX;
		else if (faults->rules[i].every)
			draw_offset(p, i);
		else
			p->offsets[i] = faults->rules[i].act.offset;
	}
	find_next(p);
}

void relay_plan_advance(struct relay_plan *p)
{
	assert(p->has_next);
	if (p->faults->records) {
		p->record++;
		take_record(p);
		return;
	}
	p->n_drawn[p->rule]++;
	if (p->faults->rules[p->rule].every)
		draw_offset(p, p->rule);
	else
		p->offsets[p->rule] = UINT64_MAX;
	find_next(p);
}
