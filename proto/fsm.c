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

const char *fsm_state_name(enum fsm_state s)
{
	switch (s) {
	case FSM_CLOSED:	return "CLOSED";
	case FSM_ESTABLISHED:	return "ESTABLISHED";
	case FSM_FIN_WAIT1:	return "FIN_WAIT1";
	case FSM_FIN_WAIT2:	return "FIN_WAIT2";
	case FSM_CLOSING:	return "CLOSING";
	case FSM_CLOSE_WAIT:	return "CLOSE_WAIT";
	case FSM_LAST_ACK:	return "LAST_ACK";
	}
	return "?";
}

const char *fsm_event_name(enum fsm_event e)
{
	switch (e) {
	case FSM_OPEN:		return "OPEN";
	case FSM_CLOSE:		return "CLOSE";
	case FSM_RCV_FIN:	return "RCV_FIN";
	case FSM_FIN_ACKED:	return "FIN_ACKED";
	case FSM_LEAVING:	return "LEAVING";
	case FSM_END:		return "END";
	}
	return "?";
}
