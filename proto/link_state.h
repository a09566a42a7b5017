/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a link as data: link.def is the table. Decides; does nothing itself.
 */
#ifndef SINEW_PROTO_LINK_STATE_H
#define SINEW_PROTO_LINK_STATE_H

/* In this order: from READ on a HELLO was read, from UP on it carries a session, or has. */
#define LINK_STATE_NAMES(X) \
	X(NEW) X(CONNECTING) X(WAIT) X(PROBE) X(READ) X(ANSWERED) X(HELD) X(GUARDED) X(UP) \
	X(RX_ONLY) X(LAST_ACK) X(GONE)
#define LINK_STATES 12

#define LINK_EVENT_NAMES(X) \
	X(DIAL) X(ACCEPT) X(CONNECTED) X(PROBED) X(HELLO) X(ANSWER) X(HOLD) X(GUARD) X(UP) \
	X(RX_ONLY) X(LAST_ACK) X(SHUT)
#define LINK_EVENTS 12

#define LINK_ENUM(name) LINK_ ## name,
#define LINK_EV_ENUM(name) LINK_EV_ ## name,
enum link_state { LINK_STATE_NAMES(LINK_ENUM) };
enum link_event { LINK_EVENT_NAMES(LINK_EV_ENUM) };

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
