/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table's memory image; knows nothing of links. */
#include "link_state.h"

#include <assert.h>

#define LINK(state, event, next, actions) \
	[LINK_ ## state][LINK_EV_ ## event] = { LINK_ ## next, actions },

static const struct link_cell table[LINK_STATES][LINK_EVENTS] = {
#include "link.def"
};

const struct link_cell *link_cell(enum link_state s, enum link_event e)
{
	assert(s < LINK_STATES && e < LINK_EVENTS);
	return &table[s][e];
}

#define TEXT(name) #name,

const char *link_state_name(enum link_state s)
{
	static const char *const names[LINK_STATES] = { LINK_STATE_NAMES(TEXT) };

	return s < LINK_STATES ? names[s] : "?";
}

const char *link_event_name(enum link_event e)
{
	static const char *const names[LINK_EVENTS] = { LINK_EVENT_NAMES(TEXT) };

	return e < LINK_EVENTS ? names[e] : "?";
}
