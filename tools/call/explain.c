/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words about a call that is not done: what happened, to whom, why, and what to do next.
 * Knows nothing of how it was made.
 */
#include "tools/call/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/say.h"

#define WHAT_MAX	192
#define WHY_MAX		320

/* "the call of service 100, op 2, at node 3 (name)" */
static const char *name_call(const struct endpoint *e, char *buf)
{
	const struct call_arguments *args = e->args;
	const char *name = sinew_config_name(e->cluster.config, args->to);

	snprintf(buf, WHAT_MAX, "the call of service %" PRIu64 ", op %" PRIu64 ", at node %" PRIu32
		 "%s%s%s", args->service, args->op, args->to, *name ? " (" : "", name,
		 *name ? ")" : "");
	return buf;
}

static const char *outcome_text(enum sinew_call_outcome outcome)
{
	switch (outcome) {
	case SINEW_CALL_NOT_EXECUTED:
		return "it was not executed: begin it again, there or elsewhere, without fear";
	case SINEW_CALL_PARTIAL:
		return "the end of the request has not left this node: a service that acts on "
		       "whole requests has not acted";
	case SINEW_CALL_IN_DOUBT:
		return "it was executed once or not at all: find out which before beginning it "
		       "again";
	case SINEW_CALL_STARTED:
		return "the service has begun it, and whether it finished is unknown: find out "
		       "before beginning it again";
	case SINEW_CALL_DONE:
		return "it was executed to its end, but the reply is not complete here";
	}
	return "unknown outcome";
}

void explain_refusal(const struct endpoint *e, int error)
{
	const char *why = sinew_error_name(error);
	char what[WHAT_MAX];

	if (error == -EOPNOTSUPP)
		why = "that node does not offer calls: its program is of a version without them, "
		      "or serves none";
	else if (error == -ESHUTDOWN)
		why = "that node is leaving";
	else if (error == -EPROTO)
		why = "a node has broken the rules of calls in this session; the logs of both say "
		      "more";
	say(SINEW_ERROR, "%s was not begun: %s; %s", name_call(e, what), why,
	    outcome_text(SINEW_CALL_NOT_EXECUTED));
}

void explain_not_up(const struct endpoint *e, const char *since)
{
	char what[WHAT_MAX], why[WHY_MAX] = "";

	sinew_last_refusal(e->node, e->args->to, why, sizeof(why));
	say(SINEW_ERROR, "%s was not begun: that node %s%s%s; %s", name_call(e, what), since,
	    *why ? ": " : "", why, outcome_text(SINEW_CALL_NOT_EXECUTED));
}

static const char *credential_text(const struct endpoint *e, const struct sinew_call_msg *end)
{
	if (!e->args->cred)
		return "was refused: the service takes no call without a credential; show one by "
		       "--cred and --secrets";
	if (end->outcome == SINEW_CALL_NOT_EXECUTED)
		return "was refused: that node does not take the credential of --cred; is the "
		       "secret of the name in --secrets the same there? Its log says more";
	return "was cut off: data were not sealed by the secret of --cred; was somebody else "
	       "at work on the way?";
}

static const char *reason_text(const struct endpoint *e, const struct sinew_call_msg *end,
			       char *buf)
{
	switch (end->reason) {
	case SINEW_END_REPLIED:
		return "was answered";
	case SINEW_END_BUSY:
		if (!end->retry_ms)
			return "was refused: the service is busy with as many calls as it takes";
		snprintf(buf, WHY_MAX, "was refused: the service is busy with as many calls as it "
			 "takes (it says: try again in %" PRIu32 " ms)", end->retry_ms);
		return buf;
	case SINEW_END_ABORTED:
		snprintf(buf, WHY_MAX, "was aborted by the service with code %" PRId32, end->code);
		return buf;
	case SINEW_END_GIVEN_UP:
		return "was given up here";
	case SINEW_END_NO_SERVICE:
		return "was refused: that node has no such service; is its program running, and "
		       "--service right?";
	case SINEW_END_NO_OP:
		return "was refused: the service has no such operation; is --op right?";
	case SINEW_END_TOO_BIG:
		return "was refused: the request is longer than the service takes";
	case SINEW_END_CLOSING:
		return "was refused or cut off: a node is closing";
	case SINEW_END_DEADLINE:
		snprintf(buf, WHY_MAX, "did not end within %" PRIu32 " ms (--deadline)",
			 e->args->deadline_ms);
		return buf;
	case SINEW_END_SESSION:
		return "was cut off: the session ended, because a node failed, left or was "
		       "restarted";
	case SINEW_END_PROTOCOL:
		return "was cut off: a node has broken the rules of calls; the logs of both say "
		       "more";
	case SINEW_END_CREDENTIAL:
		return credential_text(e, end);
	case SINEW_END_DEADLOCK:
		return "was given up: messages of that node were kept, so that no reply was read";
	}
	return "ended for an unknown reason";
}

void explain_end(const struct endpoint *e, const struct sinew_call_msg *end)
{
	char what[WHAT_MAX], why[WHY_MAX];

	if (end->reason == SINEW_END_REPLIED)
		return;
	say(SINEW_ERROR, "%s %s; %s", name_call(e, what), reason_text(e, end, why),
	    end->reason == SINEW_END_ABORTED ? "the service knows what the code means" :
	    outcome_text(end->outcome));
}

int explain_status(const struct sinew_call_msg *end)
{
	if (end->reason == SINEW_END_ABORTED)
		return CALL_ABORTED;
	switch (end->outcome) {
	case SINEW_CALL_NOT_EXECUTED:
	case SINEW_CALL_PARTIAL:
		return CALL_NOT_EXECUTED;
	case SINEW_CALL_IN_DOUBT:
		return CALL_IN_DOUBT;
	case SINEW_CALL_STARTED:
		return CALL_STARTED;
	case SINEW_CALL_DONE:
		break;
	}
	return end->reason == SINEW_END_REPLIED ? STATUS_OK : CALL_STARTED;
}
