/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The termination state machine as data: fsm.def is the table. Decides; does
 * nothing itself.
 */
#ifndef SINEW_PROTO_FSM_H
#define SINEW_PROTO_FSM_H

#define FSM_STATE_NAMES(X) \
	X(CLOSED) X(ESTABLISHED) X(FIN_WAIT1) X(FIN_WAIT2) X(CLOSING) X(CLOSE_WAIT) X(LAST_ACK)
#define FSM_STATES 7

#define FSM_EVENT_NAMES(X) \
	X(OPEN) X(CLOSE) X(RCV_FIN) X(FIN_ACKED) X(LEAVING) X(END)
#define FSM_EVENTS 6

#define FSM_ENUM(name) FSM_ ## name,
enum fsm_state { FSM_STATE_NAMES(FSM_ENUM) };
enum fsm_event { FSM_EVENT_NAMES(FSM_ENUM) };

enum fsm_action {
	FSM_QUEUE_FIN = 1, FSM_FINISHED = 2, FSM_ACK_NOW = 4, FSM_NOTE = 8, FSM_CLEAN = 16,
	FSM_SHUT = 32, FSM_KEEP = 64, FSM_REPORT = 128, FSM_FAULT = 256,
};

struct fsm_cell {
	enum fsm_state next;
	unsigned actions;
};

const struct fsm_cell *fsm_cell(enum fsm_state s, enum fsm_event e);
const char *fsm_state_name(enum fsm_state s);
const char *fsm_event_name(enum fsm_event e);

#endif
