/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The actions of the relay on the bytes of one direction: names and parameters.
 * Knows nothing of when it is done, nor of sockets.
 */
#include "tools/break/relay_act.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "membership/config.h"

#define VALUE_MAX	32	/* bytes of one parameter, NUL included */

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

bool relay_kind_lasts(enum relay_kind kind)
{
	return forms[kind].length;
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

/* Takes what is before the next comma; *text is NULL behind the last. */
static bool take(const char **text, char value[VALUE_MAX])
{
	size_t len;

	if (!*text)
		return false;
	len = strcspn(*text, ",");
	if (len >= VALUE_MAX)
		return false;
	memcpy(value, *text, len);
	value[len] = '\0';
	*text = (*text)[len] ? *text + len + 1 : NULL;
	return true;
}

static bool take_number(const char **text, int suffixes, uint64_t max, uint64_t *ret_number)
{
	char value[VALUE_MAX];

	return take(text, value) && !config_number(value, suffixes, 1, max, ret_number);
}

static bool take_both(const char **text)
{
	char value[VALUE_MAX];

	return take(text, value) && !strcmp(value, "both");
}

bool relay_act_parse(const char *text, struct relay_act *ret_act)
{
	struct relay_act act = { 0 };
	char name[VALUE_MAX];
	const struct form *f;
	size_t len = strcspn(text, "=");

	if (len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	if (!relay_kind_find(name, &act.kind))
		return false;
	f = &forms[act.kind];
	text = text[len] ? text + len + 1 : NULL;
	if (f->bytes_max && !take_number(&text, 1, f->bytes_max, &act.bytes))
		return false;
	if (f->ms && !take_number(&text, 0, RELAY_MS_MAX, &act.ms))
		return false;
	if (text && f->length && !take_number(&text, 1, RELAY_OFFSET_MAX, &act.length))
		return false;
	if (text && f->both) {
		if (!take_both(&text))
			return false;
		act.both = true;
	}
	if (text)
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
