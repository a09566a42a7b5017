/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: what is told of a call, a part of sinew-call.h, which includes it: events, outcomes,
 * reasons, codes and marks. Conventions, threads and words as there.
 */
#ifndef SINEW_CALL_EVENT_H
#define SINEW_CALL_EVENT_H

#include "sinew.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SINEW_TOTAL_UNKNOWN	UINT64_MAX	/* as the length of a request or reply */

struct sinew_call;	/* at either side */

enum sinew_call_event {
	SINEW_CALL_NEW = 1,	/* the peer has begun it; its first data come next */
	SINEW_CALL_DATA,	/* of the request or of the reply */
	SINEW_CALL_ACCEPTED,	/* the application of the peer has it: STARTED at least */
	SINEW_CALL_ROOM,	/* after sinew_call_send() gave -EAGAIN or took less */
	SINEW_CALL_ENDED,	/* the last event */
	SINEW_CALL_FINAL_ACK,	/* the caller has consumed all of the reply, see WANT_FINAL */
	SINEW_CALL_STATE,	/* the answer to sinew_call_query() */
};

enum sinew_call_outcome {
	SINEW_CALL_NOT_EXECUTED = 1, SINEW_CALL_PARTIAL, SINEW_CALL_IN_DOUBT,
	SINEW_CALL_STARTED, SINEW_CALL_DONE,
};

/* Why a call ended. */
enum sinew_call_reason {
	SINEW_END_REPLIED = 1,	/* in order: the reply is complete */
	SINEW_END_BUSY,		/* the service has as many calls as it takes */
	SINEW_END_ABORTED,	/* the other side aborted it, with code */
	SINEW_END_GIVEN_UP,	/* this side aborted it, with code */
	SINEW_END_NO_SERVICE,	/* the peer has no service of that id */
	SINEW_END_NO_OP,	/* its service has no such op */
	SINEW_END_TOO_BIG,	/* the request is longer than its service takes */
	SINEW_END_CLOSING,	/* one side drains its calls or closes */
	SINEW_END_DEADLINE,
	SINEW_END_SESSION,	/* the session is over */
	SINEW_END_PROTOCOL,	/* a side broke the rules of calls: all calls of the session end */
	SINEW_END_CREDENTIAL,	/* the called side refused the credential, or wants one; or a piece
				 * could not be sealed or opened, at either side */
	SINEW_END_DEADLOCK,	/* begun in a callback, and nothing is read in its session until
				 * callbacks release messages that were kept: see
				 * sinew_call_begin() */
};

/* How far a call is, as its called side says. */
enum sinew_call_at {
	SINEW_CALL_AT_UNKNOWN,	/* it has no such call, or no more: its end is on its way */
	SINEW_CALL_AT_WAITING,	/* its application does not have it yet */
	SINEW_CALL_AT_SHOWN,	/* it has, */
	SINEW_CALL_AT_ACCEPTED,	/* ... and that was said, or it answers */
	SINEW_CALL_AT_REPLIED,	/* it has given the whole reply, which is on its way */
	SINEW_CALL_AT_STOPPING,	/* it was told to stop, and has not let go of it */
};

/* Codes of aborts. An application's own are from 0 to INT32_MAX; these are the numbers that RxRPC
 * and rxgen have for the same. */
enum sinew_call_code {
	SINEW_RX_CALL_DEAD = -1, SINEW_RX_INVALID_OPERATION = -2, SINEW_RX_CALL_TIMEOUT = -3,
	SINEW_RX_EOF = -4, SINEW_RX_PROTOCOL_ERROR = -5, SINEW_RX_USER_ABORT = -6,
	SINEW_RX_ADDRINUSE = -7, SINEW_RX_DEBUGI_BADTYPE = -8,
	SINEW_RXGEN_CC_MARSHAL = -450, SINEW_RXGEN_CC_UNMARSHAL = -451,
	SINEW_RXGEN_SS_MARSHAL = -452, SINEW_RXGEN_SS_UNMARSHAL = -453,
	SINEW_RXGEN_DECODE = -454, SINEW_RXGEN_OPCODE = -455,
	SINEW_RXGEN_SS_XDRFREE = -456, SINEW_RXGEN_CC_XDRFREE = -457,
	SINEW_CALL_DISTRUSTED = -1000,	/* with SINEW_END_CREDENTIAL */
};

/* The words of RxRPC for the same events, in its order. */
enum sinew_call_mark {
	SINEW_MARK_NONE,	/* nothing: ACCEPTED, ROOM, and ENDED of a call that was answered */
	SINEW_MARK_DATA,
	SINEW_MARK_FINAL_ACK,	/* the caller has consumed the whole reply */
	SINEW_MARK_BUSY,
	SINEW_MARK_REMOTE_ABORT,	/* with the code: what the other side said, or what RxRPC
					 * says for a refusal that has none */
	SINEW_MARK_LOCAL_ABORT,	/* with the code of this side, and at its deadline */
	SINEW_MARK_NET_ERROR,	/* the session is over: error is -ESTALE */
	SINEW_MARK_LOCAL_ERROR,	/* error is -ESHUTDOWN, -EPROTO or -EDEADLK */
	SINEW_MARK_NEW_CALL,
};

/* "DATA", "IN_DOUBT", "DEADLINE", ...; never NULL. any thread. */
const char *sinew_call_event_name(enum sinew_call_event event);
const char *sinew_call_outcome_name(enum sinew_call_outcome outcome);
const char *sinew_call_reason_name(enum sinew_call_reason reason);
const char *sinew_call_at_name(enum sinew_call_at at);

struct sinew_call_report {
	enum sinew_call_at at;
	uint64_t age_ms;	/* since it has arrived there */
	uint32_t received;	/* bytes of the request, modulo 2^32 */
	uint32_t consumed;	/* of them */
};

/* An event, valid until the function that gets it returns. */
struct sinew_call_msg {
	enum sinew_call_event event;
	const void *data;	/* DATA: NULL with SINEW_CALL_PULL */
	size_t len;		/* DATA: 0 is legal, for an empty request or reply */
	bool last;		/* DATA: the request, or the reply, is complete */
	uint64_t total;		/* NEW: announced length of the request, or SINEW_TOTAL_UNKNOWN */
	enum sinew_call_reason reason;	/* ENDED */
	enum sinew_call_outcome outcome;	/* ENDED */
	int32_t code;		/* ENDED with an abort as mark, or with reason CREDENTIAL */
	uint32_t retry_ms;	/* ENDED with reason BUSY: hint when to try again, 0: none */
	enum sinew_call_mark mark;
	int error;		/* ENDED: 0 when answered; -ECONNABORTED by an abort, -EBUSY,
				 * -ESTALE, -ETIME, -ESHUTDOWN, -EPROTO, -EDEADLK */
	struct sinew_call *call;	/* whose event it is; NULL in a message of
					 * sinew_call_msg_ref() */
	void *user;			/* of the call; the same */
	const struct sinew_call_report *report;	/* STATE */
	bool extra;		/* NEW: it was taken as one of max_alloc of its service */
};

/* user: of sinew_call_begin(), or of sinew_service_bind(), until sinew_call_set_user(). loop; it
 * may call everything but sinew_calls_free(). */
typedef void (*sinew_call_fn)(struct sinew_call *call, const struct sinew_call_msg *msg,
			      void *user);

#ifdef __cplusplus
}
#endif

#endif
