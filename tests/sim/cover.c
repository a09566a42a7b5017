/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events that happened at least once over all seeds. A required cell that stays at
 * zero is a missing test. Knows no run.
 */
#include "sim.h"

#include "membership/view.h"
#include "services/calls.h"

static uint64_t *cells;

static const char *const names[COVER_N] = {
	[COVER_SEEDS] = "seeds",
	[COVER_MESSAGES] = "messages delivered",
	[COVER_LINKS] = "links accepted",
	[COVER_MEMBERSHIP] = "runs with membership",
	[COVER_STATIC] = "static runs",
	[COVER_DLM] = "dlm runs",
	[COVER_FRAG_CUT] = "fragment cut at a reconnect",
	[COVER_WRAP] = "sequence wrapped",
	[COVER_MID_FRAME] = "link died inside of a frame",
	[COVER_DUPLICATES] = "duplicates dropped",
	[COVER_FULL] = "ring full",
	[COVER_WRITABLE] = "writable told",
	[COVER_CANCELLED] = "slot cancelled",
	[COVER_COMMITTED] = "slot committed",
	[COVER_RX_PAUSED] = "link not read",
	[COVER_SHORT] = "SHORT read",
	[COVER_SCAN_ACK] = "ACK found by link_scan",
	[COVER_CHALLENGE] = "challenged",
	[COVER_HELD] = "HELLO held",
	[COVER_RENEW] = "renewed",
	[COVER_MISMATCH] = "dialled rarely, refused",
	[COVER_STALLS] = "stalled",
	[COVER_PROBE] = "probe",
	[COVER_FULL_PROBE] = "full-size probe",
	[COVER_LARGE_PROBE] = "full-size probe lost",
	[COVER_LARGE_DATA] = "large packets lost",
	[COVER_PATH_SWITCH] = "second path used",
	[COVER_FENCE_STALLED] = "fencing asked",
	[COVER_FATE_ACKED] = "fate: acked",
	[COVER_FATE_UNKNOWN] = "fate: unknown",
	[COVER_FATE_UNSENT] = "fate: unsent",
	[COVER_RESUMED_UNACKED] = "resumed with unacked",
	[COVER_HALF_CLOSE] = "half-closed",
	[COVER_ECHO] = "sent back",
	[COVER_SLOW_READER] = "slow reader",
	[COVER_RESTART] = "restarted",
	[COVER_MERGE] = "merged",
	[COVER_LEAVING_FIRST] = "leaving before FIN",
	[COVER_FIN_FIRST] = "FIN before leaving",
	[COVER_LATE_HELLO] = "HELLO held in the network",
	[COVER_FAULTS_SEEN] = "faults of a peer",
	[COVER_EMPTY] = "empty message",
	[COVER_BIG] = "message above 64 KiB",
	[COVER_LEAVING_FRAME] = "LEAVING read",
	[COVER_ORDERLY] = "orderly end",
	[COVER_ONE_WAY] = "one side cannot dial",
	[COVER_NO_QUORUM] = "quorum lost",
	[COVER_CALL] = "frame of a service",
	[COVER_CALL_REFUSED] = "frame of a service refused",
	[COVER_CALL_UNSENT] = "frame of a service unsent",
	[COVER_FIN_HELD] = "FIN held",
	[COVER_K_REPEAT] = "kernel repeated",
	[COVER_K_EOF] = "kernel saw EOF",
	[COVER_K_GAP] = "kernel: gap met by a reset",
	[COVER_K_DUP] = "kernel dropped a repeat",
	[COVER_K_BARE] = "kernel: bare packet",
	[COVER_K_FIN_ACTIVE] = "kernel finished first",
	[COVER_K_FIN_PASSIVE] = "kernel finished second",
	[COVER_K_31] = "kernel speaks 3.1",
	[COVER_K_TWO_LINKS] = "kernel: two connections",
	[COVER_K_RARE_ACK] = "kernel acks rarely",
	[COVER_K_LOWER] = "kernel re-acked a lower number",
	[COVER_K_ANSWERED] = "kernel: bare answer arrived",
	[COVER_K_ASKED_AGAIN] = "kernel: asked again on a new link",
	[COVER_K_REPLIED] = "kernel: bare answer written",
	[COVER_K_FULL] = "kernel: full small ring goes on",
	[COVER_K_RELEASED] = "kernel: release ended with our EOF",
	[COVER_K_FIN_AGAIN] = "kernel: FIN again behind our end",
	[COVER_K_SCTP] = "kernel: runs over SCTP",
	[COVER_K_OWN_END] = "kernel: SCTP, our end of a living link",
	[COVER_K_LATE] = "kernel: SCTP, number over 1 s late",
	[COVER_K_DROPPED] = "kernel: SCTP, packet dropped unwritten",
	[COVER_K_LOST] = "kernel: SCTP, fenced for a loss",
	[COVER_VIEW] = "runs with a view",
	[COVER_V_AGAIN] = "view: sending refused",
	[COVER_V_FROM_GONE] = "view: word of who is gone",
	[COVER_V_SPLIT] = "view: partition",
	[COVER_V_LISTED] = "view: listed again",
	[COVER_V_UNLISTED] = "view: removed",
	[COVER_V_ADDRS] = "view: addresses told",
	[COVER_V_MERGE] = "view: failed incarnation is back",
	[COVER_V_LEFT] = "view: left behind its goodbye",
	[COVER_V_EXPECTED] = "view: off the list, then gone",
	[COVER_V_FAILED + VIEW_LEAVE] = "view: left without goodbye",
	[COVER_V_FAILED + VIEW_PROCDOWN] = "view: process down",
	[COVER_V_FAILED + VIEW_NODEDOWN] = "view: node down",
	[COVER_V_FAILED + VIEW_RENEWED] = "view: renewed",
	[COVER_V_FENCE] = "view: fencing asked",
	[COVER_V_QUORUM] = "view: quorum",
	[COVER_V_NO_QUORUM] = "view: quorum lost",
	[COVER_V_LOST] = "view: own service lost",
	[COVER_V_BATCH] = "view: history at once",
	[COVER_V_RINGS] = "view: quorum of another ring",
	[COVER_V_FENCE_VOID] = "view: back before it was fenced",
	[COVER_A_BLIND] = "attacker: knows no incarnation",
	[COVER_A_ONE] = "attacker: says one incarnation",
	[COVER_A_BOTH] = "attacker: says both incarnations",
	[COVER_A_BARE] = "attacker: bare connect",
	[COVER_A_LISTENS] = "attacker: was dialled",
	[COVER_A_JUNK] = "attacker: junk",
	[COVER_A_HELLO] = "attacker: HELLO of a member",
	[COVER_A_UNKNOWN] = "attacker: HELLO of a new incarnation",
	[COVER_A_CHOICE] = "attacker: choice",
	[COVER_A_DATA] = "attacker: DATA",
	[COVER_A_FRAGMENT] = "attacker: FRAGMENT",
	[COVER_A_ACK] = "attacker: ACK",
	[COVER_A_FIN] = "attacker: FIN",
	[COVER_A_STATUS] = "attacker: STATUS or LEAVING",
	[COVER_A_PROBE] = "attacker: PROBE",
	[COVER_A_RANDOM] = "attacker: REFUSE of no reason",
	[COVER_A_TAKE] = "attacker: asks for the link",
	[COVER_A_IMPOSSIBLE] = "attacker: impossible position",
	[COVER_A_ANSWERED] = "attacker: was answered",
	[COVER_A_REFUSED] = "attacker: was refused",
	[COVER_A_TAKEN] = "attacker: its link was chosen",
	[COVER_A_HELD] = "attacker: beside who is there",
	[COVER_T_RUNS] = "runs with topology servers",
	[COVER_T_PUBLISHED] = "topology: published",
	[COVER_T_FULL] = "topology: a program has published all it may",
	[COVER_T_OTHERS] = "topology: withdrawal of another's",
	[COVER_T_GROUP] = "topology: a group left",
	[COVER_T_NO_MEMORY] = "topology: no memory",
	[COVER_T_SESSION] = "topology: session",
	[COVER_T_SESSION_END] = "topology: session over",
	[COVER_T_STREAM_CUT] = "topology: stream of a session cut",
	[COVER_T_PEER_RESUMED] = "topology: stream of a session resumed",
	[COVER_T_STOP] = "topology: server stopped",
	[COVER_T_NOT_TAKEN] = "topology: fill not taken",
	[COVER_T_RESUMED] = "topology: resumed",
	[COVER_T_RESUME_LOST] = "topology: resumed too late",
	[COVER_T_OTHER_EPOCH] = "topology: resumed in another epoch",
	[COVER_T_CUT_SNAPSHOT] = "topology: snapshot cut",
	[COVER_T_NOT_WHOLE] = "topology: snapshot not whole",
	[COVER_T_SKIPPED] = "topology: snapshot for events",
	[COVER_T_UNSEEN] = "topology: came and went unseen",
	[COVER_T_OVERRUN] = "topology: overrun",
	[COVER_T_TIMEOUT] = "topology: time over",
	[COVER_T_NODE_GONE] = "topology: NODE withdrawn",
	[COVER_T_COLLAPSED_GROUP] = "topology: collapsed group",
	[COVER_T_TOLD_GROUP] = "topology: group told",
	[COVER_T_JUDGED] = "topology: view judged",
	[COVER_CALLS] = "runs with calls",
	[COVER_C_NONE] = "calls: peer takes none",
	[COVER_C_BEGUN] = "calls: begun",
	[COVER_C_ENDLESS] = "calls: begun without end",
	[COVER_C_NESTED] = "calls: begun for another one",
	[COVER_C_LOOP] = "calls: too deep",
	[COVER_C_AGAIN] = "calls: no slot",
	[COVER_C_SLOT] = "calls: slot told",
	[COVER_C_NO_BINDING] = "calls: no binding",
	[COVER_C_ABORT] = "calls: aborted by the caller",
	[COVER_C_GIVEN_UP] = "calls: given up",
	[COVER_C_LET_GO] = "calls: let go",
	[COVER_C_SHOWN] = "calls: shown",
	[COVER_C_REFUSED] = "calls: refused",
	[COVER_C_REJECT] = "calls: aborted by the called",
	[COVER_C_UNANSWERED] = "calls: let go without answer",
	[COVER_C_HELD] = "calls: let go late",
	[COVER_C_EARLY] = "calls: early reply refused",
	[COVER_C_ACCEPTED] = "calls: ACCEPTED told",
	[COVER_C_ROOM] = "calls: ROOM told",
	[COVER_C_FINAL] = "calls: FINAL told",
	[COVER_C_BEHIND] = "calls: shown behind another one",
	[COVER_C_STATE] = "calls: STATE told",
	[COVER_C_FULL] = "calls: ring full",
	[COVER_C_AHEAD] = "calls: far ahead of the link",
	[COVER_C_FINISHING] = "calls: FIN waits",
	[COVER_C_STOP] = "calls: stopped",
	[COVER_C_TARGET] = "calls: number of slots changed",
	[COVER_C_FEWER] = "calls: slot taken of a lowered number",
	[COVER_C_WINDOW] = "calls: limits of windows changed",
	[COVER_C_WIDER] = "calls: window grown",
	[COVER_C_ASKED] = "calls: another one asks for an upgrade",
	[COVER_C_NEWER] = "calls: upgraded",
	[COVER_C_UPGRADED] = "calls: service in force known",
	[COVER_C_CRED] = "calls: credential verified",
	[COVER_C_UNCRED] = "calls: credential dropped",
	[COVER_C_SEALED] = "calls: piece sealed",
	[COVER_C_DISTRUST] = "calls: broken seal",
	[COVER_C_FIN_FIRST] = "calls: FIN before the first frame",
};

/*
 * The outcomes, a bit each, that the rules leave for each reason of the end of a call: first at the
 * caller, then at the called side. Neither side breaks rules here. CLOSING in the moment when the
 * reply waits for room is too rare to be asked for.
 */
static const uint8_t call_ends[COVER_CALL_ENDS / 6][2] = {
	[CALL_END_BUSY] = { 0x2, 0x2 },		[CALL_END_ABORTED] = { 0x32, 0x32 },
	[CALL_END_NO_SERVICE] = { 0x2, 0x2 },	[CALL_END_NO_OP] = { 0x2, 0x2 },
	[CALL_END_CREDENTIAL] = { 0x12, 0x12 },	[CALL_END_TOO_BIG] = { 0x2, 0x2 },
	[CALL_END_CLOSING] = { 0x1e, 0x12 },	[CALL_END_DEADLINE] = { 0x3e, 0x32 },
	[10] = { 0x20, 0x20 },			[11] = { 0x3e, 0x12 },
	[12] = { 0x1e, 0x32 },			[14] = { 0x1e, 0 },
};

static bool is_call_end(unsigned i)
{
	bool called = i >= COVER_CALLED_END;
	unsigned cell = i - (called ? COVER_CALLED_END : COVER_CALLER_END);

	return call_ends[cell / 6][called] >> cell % 6 & 1;
}

/* Cells that the rules make unreachable, each with its reason. */
static bool optional(unsigned i)
{
	unsigned cell = i - COVER_FSM, state = cell / FSM_EVENTS, event = cell % FSM_EVENTS;

	if (i >= COVER_FSM && i < COVER_FSM + FSM_STATES * FSM_EVENTS) {
		const struct fsm_cell *f = fsm_cell((enum fsm_state)state, (enum fsm_event)event);

		if (f->actions & FSM_FAULT)
			return true;	/* only a peer that breaks the protocol */
		/* A closed session gets no events; closing is asked for once. */
		if (state == FSM_CLOSED && event != FSM_OPEN)
			return true;
		if (event == FSM_CLOSE && state != FSM_ESTABLISHED && state != FSM_CLOSE_WAIT)
			return true;
		return state == FSM_FIN_WAIT2 && event == FSM_FIN_ACKED;
	}
	if (i >= COVER_CALLER_END)
		return !is_call_end(i);
	if (i == COVER_REFUSE_TX || i == COVER_REFUSE_RX || i == COVER_END || i == COVER_A_REFUSE)
		return true;
	/* Only a dishonest peer earns them. */
	return i == COVER_FAULTS_SEEN;
}

const char *session_end_name(enum session_end e)
{
	switch (e) {
	case SESSION_ALIVE:		return "alive";
	case SESSION_CLOSED:		return "closed";
	case SESSION_LEFT:		return "left";
	case SESSION_FAILED:		return "failed";
	case SESSION_SUPERSEDED:	return "superseded";
	case SESSION_RENEWED:		return "renewed";
	case SESSION_LINGER:		return "linger";
	case SESSION_ABORTED:		return "aborted";
	case SESSION_REMOVED:		return "removed";
	case SESSION_REFUSED:		return "refused";
	}
	return "?";
}

static const char *const call_reasons[] = {
	[CALL_END_BUSY] = "BUSY", [CALL_END_ABORTED] = "ABORTED",
	[CALL_END_NO_SERVICE] = "NO_SERVICE", [CALL_END_NO_OP] = "NO_OP",
	[CALL_END_CREDENTIAL] = "CREDENTIAL", [CALL_END_TOO_BIG] = "TOO_BIG",
	[CALL_END_CLOSING] = "CLOSING", [CALL_END_DEADLINE] = "DEADLINE",
	[CALL_END_CONFIRM] = "CONFIRM", [10] = "REPLIED", [11] = "ABANDONED", [12] = "SESSION",
	[13] = "PROTOCOL", [14] = "DEADLOCK",
};

static const char *const call_outcomes[] = {
	[CALLS_NOT_EXECUTED] = "NOT_EXECUTED", [CALLS_PARTIAL] = "PARTIAL",
	[CALLS_IN_DOUBT] = "IN_DOUBT", [CALLS_STARTED] = "STARTED", [CALLS_DONE] = "DONE",
};

unsigned cover_call_end(unsigned reason, unsigned outcome)
{
	return (reason >= CALLS_REPLIED ? reason - CALLS_REPLIED + 10 : reason) * 6 + outcome;
}

static void name_of_end(unsigned i, const char *side, char *to, size_t n)
{
	const char *reason = call_reasons[i / 6], *outcome = call_outcomes[i % 6];

	snprintf(to, n, "%s: %s %s", side, reason ? reason : "?", outcome ? outcome : "?");
}

static void name(unsigned i, char *to, size_t n)
{
	static const char *const faults[FAULT_KINDS] = {
		"reset",
		"reset at a byte",
		"eof",
		"hole one way",
		"hole both ways",
		"path down",
		"refused",
		"hanging dials",
		"no descriptors",
		"late",
		"stun",
		"pause",
		"reset the next",
		"restart",
		"false failure",
		"partition",
		"abort",
		"finish",
		"close",
		"rogue",
		"impostor",
		"remove",
		"quorum",
		"linger",
		"forged REFUSE",
		"stranger",
		"cut last ACK",
		"narrow path",
		"group split",
		"service lost",
		"history late",
		"off the nodelist",
		"addresses changed",
		"votes",
		"quit",
		"retransmission timeout",
	};

	if (i >= COVER_CALLED_END)
		name_of_end(i - COVER_CALLED_END, "called", to, n);
	else if (i >= COVER_CALLER_END)
		name_of_end(i - COVER_CALLER_END, "caller", to, n);
	else if (names[i])
		snprintf(to, n, "%s", names[i]);
	else if (i > COVER_A_REFUSE && i <= COVER_A_REFUSE + WIRE_REFUSE_CLAIMED)
		snprintf(to, n, "attacker: REFUSE %s", wire_reason_name(i - COVER_A_REFUSE));
	else if (i >= COVER_FSM)
		snprintf(to, n, "fsm %s %s",
			 fsm_state_name((enum fsm_state)((i - COVER_FSM) / FSM_EVENTS)),
			 fsm_event_name((enum fsm_event)((i - COVER_FSM) % FSM_EVENTS)));
	else if (i >= COVER_FAULT)
		snprintf(to, n, "fault: %s", faults[i - COVER_FAULT]);
	else if (i >= COVER_REFUSE_RX)
		snprintf(to, n, "REFUSE read: %s", wire_reason_name(i - COVER_REFUSE_RX));
	else if (i >= COVER_REFUSE_TX)
		snprintf(to, n, "REFUSE written: %s", wire_reason_name(i - COVER_REFUSE_TX));
	else
		snprintf(to, n, "end: %s", session_end_name((enum session_end)(i - COVER_END)));
}

void cover_map(uint64_t *c)
{
	cells = c;
}

void cover_add(unsigned cell, uint64_t n)
{
	__atomic_fetch_add(&cells[cell], n, __ATOMIC_RELAXED);
}

void cover(unsigned cell)
{
	cover_add(cell, 1);
}

unsigned cover_print(FILE *f, bool dlm_too)
{
	unsigned zeros = 0;
	char text[64];

	for (unsigned i = 0; i < COVER_N; i++) {
		bool zero = !cells[i] && !optional(i);

		if (!dlm_too && ((i >= COVER_K_REPEAT && i < COVER_A_BLIND) || i == COVER_DLM))
			continue;
		if (optional(i) && !cells[i])
			continue;
		name(i, text, sizeof text);
		fprintf(f, "# %-34s %12llu%s\n", text, (unsigned long long)cells[i],
			zero ? "   MISSING" : "");
		zeros += zero;
	}
	return zeros;
}
