/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a link as data: link.def is the table. Decides; does nothing itself.
 */
#ifndef SINEW_PROTO_LINK_STATE_H
#define SINEW_PROTO_LINK_STATE_H

/* In this order: from READ on a HELLO was read, from UP on it carries a session, or has. */
enum link_state {
	LINK_NEW, LINK_CONNECTING, LINK_WAIT, LINK_PROBE, LINK_READ, LINK_ANSWERED, LINK_HELD,
	LINK_GUARDED, LINK_UP, LINK_RX_ONLY, LINK_LAST_ACK, LINK_GONE,
};
#define LINK_STATES 12

enum link_event {
	LINK_EV_DIAL, LINK_EV_ACCEPT, LINK_EV_CONNECTED, LINK_EV_PROBED, LINK_EV_HELLO,
	LINK_EV_ANSWER, LINK_EV_HOLD, LINK_EV_GUARD, LINK_EV_UP, LINK_EV_RX_ONLY,
	LINK_EV_LAST_ACK, LINK_EV_SHUT,
};
#define LINK_EVENTS 12

enum link_action {
	LINK_HELLO_TIME = 1, LINK_HELD_TIME = 2, LINK_NO_TIME = 4, LINK_DROP = 8, LINK_TELL = 16,
};

struct link_cell {
	enum link_state next;	/* LINK_NEW: this cannot happen */
	unsigned actions;
};

const struct link_cell *link_cell(enum link_state s, enum link_event e);
const char *link_state_name(enum link_state s);
const char *link_event_name(enum link_event e);

#endif
