/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The termination state machine as data: fsm.def is the table. Decides; does
 * nothing itself.
 */
#ifndef SINEW_PROTO_FSM_H
#define SINEW_PROTO_FSM_H

enum fsm_state {
	FSM_CLOSED, FSM_ESTABLISHED, FSM_FIN_WAIT1, FSM_FIN_WAIT2,
	FSM_CLOSING, FSM_CLOSE_WAIT, FSM_LAST_ACK,
};
#define FSM_STATES 7

enum fsm_event {
	FSM_OPEN, FSM_CLOSE, FSM_RCV_FIN, FSM_FIN_ACKED, FSM_LEAVING, FSM_END,
};
#define FSM_EVENTS 6

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
