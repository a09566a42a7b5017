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

const char *link_state_name(enum link_state s)
{
	switch (s) {
	case LINK_NEW:		return "NEW";
	case LINK_CONNECTING:	return "CONNECTING";
	case LINK_WAIT:		return "WAIT";
	case LINK_PROBE:	return "PROBE";
	case LINK_READ:		return "READ";
	case LINK_ANSWERED:	return "ANSWERED";
	case LINK_HELD:		return "HELD";
	case LINK_GUARDED:	return "GUARDED";
	case LINK_UP:		return "UP";
	case LINK_RX_ONLY:	return "RX_ONLY";
	case LINK_LAST_ACK:	return "LAST_ACK";
	case LINK_GONE:		return "GONE";
	}
	return "?";
}

const char *link_event_name(enum link_event e)
{
	switch (e) {
	case LINK_EV_DIAL:	return "DIAL";
	case LINK_EV_ACCEPT:	return "ACCEPT";
	case LINK_EV_CONNECTED:	return "CONNECTED";
	case LINK_EV_PROBED:	return "PROBED";
	case LINK_EV_HELLO:	return "HELLO";
	case LINK_EV_ANSWER:	return "ANSWER";
	case LINK_EV_HOLD:	return "HOLD";
	case LINK_EV_GUARD:	return "GUARD";
	case LINK_EV_UP:	return "UP";
	case LINK_EV_RX_ONLY:	return "RX_ONLY";
	case LINK_EV_LAST_ACK:	return "LAST_ACK";
	case LINK_EV_SHUT:	return "SHUT";
	}
	return "?";
}
