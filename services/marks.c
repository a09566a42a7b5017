/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/marks.h"

#include <assert.h>
#include <errno.h>

#include "services/calls.h"

enum sinew_call_mark mark_of(enum sinew_call_event event)
{
	switch (event) {
	case SINEW_CALL_NEW:		return SINEW_MARK_NEW_CALL;
	case SINEW_CALL_DATA:		return SINEW_MARK_DATA;
	case SINEW_CALL_FINAL_ACK:	return SINEW_MARK_FINAL_ACK;
	case SINEW_CALL_ACCEPTED:
	case SINEW_CALL_ROOM:
	case SINEW_CALL_STATE:
	case SINEW_CALL_ENDED:		return SINEW_MARK_NONE;
	}
	return SINEW_MARK_NONE;
}

enum sinew_call_reason mark_reason(uint8_t reason)
{
	switch (reason) {
	case CALLS_REPLIED:		return SINEW_END_REPLIED;
	case CALLS_ABANDONED:		return SINEW_END_GIVEN_UP;
	case CALLS_SESSION:		return SINEW_END_SESSION;
	case CALLS_PROTOCOL:		return SINEW_END_PROTOCOL;
	case CALLS_DEADLOCK:		return SINEW_END_DEADLOCK;
	case CALL_END_BUSY:		return SINEW_END_BUSY;
	case CALL_END_ABORTED:		return SINEW_END_ABORTED;
	case CALL_END_NO_SERVICE:	return SINEW_END_NO_SERVICE;
	case CALL_END_NO_OP:		return SINEW_END_NO_OP;
	case CALL_END_TOO_BIG:		return SINEW_END_TOO_BIG;
	case CALL_END_CLOSING:		return SINEW_END_CLOSING;
	case CALL_END_DEADLINE:		return SINEW_END_DEADLINE;
	case CALL_END_CREDENTIAL:	return SINEW_END_CREDENTIAL;
	}
	return SINEW_END_NO_SERVICE;	/* refused for a reason that is not known here */
}

static void set(struct sinew_call_msg *msg, enum sinew_call_mark mark, int error)
{
	msg->mark = mark;
	msg->error = error;
}

/* A refusal, as the abort with which RxRPC says the same: by the side that is called. */
static void set_refusal(struct sinew_call_msg *msg, bool incoming, int32_t code)
{
	msg->code = code;
	set(msg, incoming ? SINEW_MARK_LOCAL_ABORT : SINEW_MARK_REMOTE_ABORT, -ECONNABORTED);
}

void mark_end(struct sinew_call_msg *msg, bool incoming)
{
	assert(msg->event == SINEW_CALL_ENDED && msg->reason);
	switch (msg->reason) {
	case SINEW_END_REPLIED:
		return;
	case SINEW_END_BUSY:
		set(msg, SINEW_MARK_BUSY, -EBUSY);
		return;
	case SINEW_END_ABORTED:
		set(msg, SINEW_MARK_REMOTE_ABORT, -ECONNABORTED);
		return;
	case SINEW_END_GIVEN_UP:
		set(msg, SINEW_MARK_LOCAL_ABORT, -ECONNABORTED);
		return;
	case SINEW_END_NO_SERVICE:
		set_refusal(msg, incoming, SINEW_RX_INVALID_OPERATION);
		return;
	case SINEW_END_NO_OP:
		set_refusal(msg, incoming, SINEW_RXGEN_OPCODE);
		return;
	case SINEW_END_TOO_BIG:
		set_refusal(msg, incoming, SINEW_RXGEN_SS_UNMARSHAL);
		return;
	case SINEW_END_CLOSING:
		set(msg, SINEW_MARK_LOCAL_ERROR, -ESHUTDOWN);
		return;
	case SINEW_END_DEADLINE:
		/* The caller's timer aborts it; ours may only be the first to know. */
		set_refusal(msg, !incoming, SINEW_RX_CALL_TIMEOUT);
		msg->error = -ETIME;
		return;
	case SINEW_END_SESSION:
		set(msg, SINEW_MARK_NET_ERROR, -ESTALE);
		return;
	case SINEW_END_PROTOCOL:
		set(msg, SINEW_MARK_LOCAL_ERROR, -EPROTO);
		return;
	case SINEW_END_CREDENTIAL:
		set_refusal(msg, incoming, msg->code);
		return;
	case SINEW_END_DEADLOCK:
		set(msg, SINEW_MARK_LOCAL_ERROR, -EDEADLK);
		return;
	}
}
