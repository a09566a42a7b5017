/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public names of events, outcomes, reasons, states. Knows nothing of how they come about. */
#include "services/sinew-call.h"

const char *sinew_call_event_name(enum sinew_call_event event)
{
	switch (event) {
	case SINEW_CALL_NEW:		return "NEW";
	case SINEW_CALL_DATA:		return "DATA";
	case SINEW_CALL_ACCEPTED:	return "ACCEPTED";
	case SINEW_CALL_ROOM:		return "ROOM";
	case SINEW_CALL_ENDED:		return "ENDED";
	case SINEW_CALL_FINAL_ACK:	return "FINAL_ACK";
	case SINEW_CALL_STATE:		return "STATE";
	}
	return "unknown";
}

const char *sinew_call_outcome_name(enum sinew_call_outcome outcome)
{
	switch (outcome) {
	case SINEW_CALL_NOT_EXECUTED:	return "NOT_EXECUTED";
	case SINEW_CALL_PARTIAL:	return "PARTIAL";
	case SINEW_CALL_IN_DOUBT:	return "IN_DOUBT";
	case SINEW_CALL_STARTED:	return "STARTED";
	case SINEW_CALL_DONE:		return "DONE";
	}
	return "unknown";
}

const char *sinew_call_reason_name(enum sinew_call_reason reason)
{
	switch (reason) {
	case SINEW_END_REPLIED:		return "REPLIED";
	case SINEW_END_BUSY:		return "BUSY";
	case SINEW_END_ABORTED:		return "ABORTED";
	case SINEW_END_GIVEN_UP:	return "GIVEN_UP";
	case SINEW_END_NO_SERVICE:	return "NO_SERVICE";
	case SINEW_END_NO_OP:		return "NO_OP";
	case SINEW_END_TOO_BIG:		return "TOO_BIG";
	case SINEW_END_CLOSING:		return "CLOSING";
	case SINEW_END_DEADLINE:	return "DEADLINE";
	case SINEW_END_SESSION:		return "SESSION";
	case SINEW_END_PROTOCOL:	return "PROTOCOL";
	case SINEW_END_CREDENTIAL:	return "CREDENTIAL";
	case SINEW_END_DEADLOCK:	return "DEADLOCK";
	}
	return "unknown";
}

const char *sinew_call_at_name(enum sinew_call_at at)
{
	switch (at) {
	case SINEW_CALL_AT_UNKNOWN:	return "UNKNOWN";
	case SINEW_CALL_AT_WAITING:	return "WAITING";
	case SINEW_CALL_AT_SHOWN:	return "SHOWN";
	case SINEW_CALL_AT_ACCEPTED:	return "ACCEPTED";
	case SINEW_CALL_AT_REPLIED:	return "REPLIED";
	case SINEW_CALL_AT_STOPPING:	return "STOPPING";
	}
	return "unknown";
}
