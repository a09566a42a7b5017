/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table's memory image; knows nothing of sessions. */
#include "fsm.h"

#include <assert.h>

#define FSM(state, event, next, actions) \
	[FSM_ ## state][FSM_ ## event] = { FSM_ ## next, actions },

static const struct fsm_cell table[FSM_STATES][FSM_EVENTS] = {
#include "fsm.def"
};

#undef FSM
#define FSM(state, event, next, actions) + 1
_Static_assert(0
#include "fsm.def"
	== FSM_STATES * FSM_EVENTS, "every cell is decided once");

const struct fsm_cell *fsm_cell(enum fsm_state s, enum fsm_event e)
{
	assert(s < FSM_STATES && e < FSM_EVENTS);
	return &table[s][e];
}

#define TEXT(name) #name,

const char *fsm_state_name(enum fsm_state s)
{
	static const char *const names[FSM_STATES] = { FSM_STATE_NAMES(TEXT) };

	return s < FSM_STATES ? names[s] : "?";
}

const char *fsm_event_name(enum fsm_event e)
{
	static const char *const names[FSM_EVENTS] = { FSM_EVENT_NAMES(TEXT) };

	return e < FSM_EVENTS ? names[e] : "?";
}
