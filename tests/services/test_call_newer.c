/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of upgrades between two nodes: a service and its newer one, a peer without, one
 * that refuses the probe or never answers it, wrong pairs, and how long the result holds. Knows the
 * public headers only.
 */
#include "tests/lib/call_pair.h"

#define OLD		200u
#define NEWER		210u
#define OP_WORK		1u	/* answered by the id of the service */
#define OP_PROBE	2u	/* the same, for probes alone */
#define OP_LATE		3u	/* no answer before the call is given up */
#define HELD		8u

static struct call_pair pair;
static struct sinew_binding *binding;
static struct sinew_call *late[HELD];	/* calls that have no answer yet */
static unsigned n_late;

struct one {
	struct asked a;
	uint16_t id;		/* of the service that answered */
};

/* ---- the called side ---- */

static void answer(struct sinew_call *call)
{
	uint16_t id = sinew_call_service(call);
	struct iovec iov = { &id, sizeof id };

	CHECK_EQ(sinew_call_send(call, &iov, 1, 0), sizeof id);
	sinew_call_end(call);
}

static void serve(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	if (msg->event == SINEW_CALL_DATA && sinew_call_op(call) != OP_LATE)
		answer(call);
	else if (msg->event == SINEW_CALL_DATA)
		late[n_late++] = call;
	else if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

static void answer_late(void)
{
	while (n_late)
		answer(late[--n_late]);
}

static struct sinew_service service_like(void)
{
	static const uint32_t ops[] = { OP_WORK, OP_LATE }, probes[] = { OP_PROBE };

	return (struct sinew_service) {
		.size = sizeof(struct sinew_service), .fn = serve, .delivery = SINEW_CALL_WHOLE,
		.ops = ops, .n_ops = 2, .probe_ops = probes, .n_probe_ops = 1,
	};
}

static bool open_pair_with(const struct sinew_service *newer)
{
	struct sinew_service is = service_like();
	struct sinew_calls *calls;

	n_late = 0;
	if (!call_pair_open(&pair, NULL, NULL))
		return false;
	calls = pair.s[1].calls;
	return CHECK_EQ(sinew_service_bind(calls, OLD, &is, NULL), 0) &&
		(!newer || (CHECK_EQ(sinew_service_bind(calls, NEWER, newer, NULL), 0) &&
			    CHECK_EQ(sinew_service_upgradeable(calls, OLD, NEWER), 0))) &&
		CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, OLD, NULL,
					    &binding), 0);
}

static bool open_pair(void)
{
	struct sinew_service is = service_like();

	return open_pair_with(&is);
}

static void close_pair(void)
{
	sinew_binding_close(binding);
	call_pair_close(&pair);
}

/* ---- the caller ---- */

static int begin(struct one *o, uint32_t op, unsigned flags, uint32_t deadline_ms)
{
	struct sinew_call_options opt = {
		.size = sizeof opt, .fn = asked_event, .deadline_ms = deadline_ms,
	};
	struct iovec iov = { "request", 7 };

	*o = (struct one) { .a.reply = (uint8_t *)&o->id, .a.size = sizeof o->id };
	return sinew_call_begin(binding, op, &opt, &iov, 1, flags, &o->a, &o->a.call);
}

static void is_answered_by(struct one *o, uint16_t id)
{
	DRIVE_CALLS(&pair, o->a.ended);
	CHECK_EQ(o->a.reason, SINEW_END_REPLIED);
	CHECK_EQ(o->a.outcome, SINEW_CALL_DONE);
	CHECK_EQ(o->id, id);
}

static bool waits(const struct one *o)
{
	struct sinew_call_status st = { .size = sizeof st };

	return CHECK_EQ(sinew_call_status(o->a.call, &st), 0) && st.waiting;
}

/* A call that begins now is for that service. */
static void works_by(uint16_t id)
{
	struct one o;

	CHECK_EQ(begin(&o, OP_WORK, 0, 0), 0);
	is_answered_by(&o, id);
	CHECK_EQ(sinew_binding_service(binding), id);
}

/* ---- answers ---- */

static void a_probe_brings_all_calls_to_the_newer_service(void)
{
	struct one probe, others[3], before, again;

	CHECK_OR_RETURN(open_pair());
	CHECK_EQ(begin(&before, OP_WORK, 0, 0), 0);
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(begin(&others[i], OP_WORK, 0, 0), 0);
	CHECK_EQ(begin(&again, OP_PROBE, SINEW_CALL_UPGRADE, 0), -EALREADY);
	CHECK(waits(&others[0]) && waits(&others[2]) && !waits(&probe));
	CHECK_EQ(sinew_binding_service(binding), OLD);
	is_answered_by(&probe, NEWER);
	for (unsigned i = 0; i < 3; i++)
		is_answered_by(&others[i], NEWER);
	is_answered_by(&before, OLD);
	works_by(NEWER);
	CHECK_EQ(begin(&again, OP_WORK, SINEW_CALL_UPGRADE, 0), -EALREADY);
	close_pair();
}

static void without_a_newer_service_the_old_one_answers(void)
{
	struct one probe, other;

	CHECK_OR_RETURN(open_pair_with(NULL));
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), 0);
	CHECK_EQ(begin(&other, OP_WORK, 0, 0), 0);
	is_answered_by(&probe, OLD);
	is_answered_by(&other, OLD);
	CHECK_EQ(begin(&probe, OP_WORK, SINEW_CALL_UPGRADE, 0), -EALREADY);
	close_pair();
}

static void a_caller_knows_the_service_of_its_call(void)
{
	struct one probe, other;

	CHECK_OR_RETURN(open_pair());
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), 0);
	CHECK_EQ(begin(&other, OP_WORK, 0, 0), 0);
	probe.a.keeps = other.a.keeps = true;
	CHECK_EQ(sinew_call_service(probe.a.call), OLD);
	is_answered_by(&probe, NEWER);
	is_answered_by(&other, NEWER);
	CHECK_EQ(sinew_call_service(probe.a.call), NEWER);
	CHECK_EQ(sinew_call_service(other.a.call), NEWER);
	sinew_call_end(probe.a.call);
	sinew_call_end(other.a.call);
	close_pair();
}

/* An application that cannot do harm by it. */
static void an_op_for_probes_needs_the_flag(void)
{
	struct one o;

	CHECK_OR_RETURN(open_pair());
	CHECK_EQ(begin(&o, OP_PROBE, 0, 0), 0);
	DRIVE_CALLS(&pair, o.a.ended);
	CHECK_EQ(o.a.reason, SINEW_END_NO_OP);
	CHECK_EQ(o.a.outcome, SINEW_CALL_NOT_EXECUTED);
	close_pair();
}

/* ---- no answer ---- */

/* The probe has ended: another one is called by the old service, and asking again helps. */
static void nothing_is_known(struct one *other)
{
	struct one probe;

	is_answered_by(other, OLD);
	works_by(OLD);
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), 0);
	is_answered_by(&probe, NEWER);
	works_by(NEWER);
}

static void a_probe_that_is_refused_decides_nothing(void)
{
	struct sinew_service is = service_like();
	struct one probe, other;

	is.max_request = 3;
	CHECK_OR_RETURN(open_pair_with(&is));
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), 0);
	CHECK_EQ(begin(&other, OP_WORK, 0, 0), 0);
	DRIVE_CALLS(&pair, probe.a.ended);
	CHECK_EQ(probe.a.reason, SINEW_END_TOO_BIG);
	CHECK_EQ(probe.a.outcome, SINEW_CALL_NOT_EXECUTED);
	is_answered_by(&other, OLD);
	works_by(OLD);
	close_pair();
}

/* The newer service is full, and lets others wait. */
static void a_probe_that_is_not_answered_ends_by_its_deadline(void)
{
	struct sinew_service is = service_like();
	struct sinew_binding *direct;
	struct sinew_call_options opt = { .size = sizeof opt };
	struct one probe, other;
	struct sinew_call *call;

	is.max_calls = 1;
	is.full = SINEW_FULL_WAIT;
	CHECK_OR_RETURN(open_pair_with(&is));
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, NEWER, NULL,
				    &direct), 0);
	CHECK_EQ(sinew_call_begin(direct, OP_LATE, &opt, NULL, 0, 0, NULL, &call), 0);
	DRIVE_CALLS(&pair, n_late == 1);
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 50), 0);
	CHECK_EQ(begin(&other, OP_WORK, 0, 0), 0);
	CHECK(waits(&other));
	DRIVE_CALLS(&pair, probe.a.ended);
	CHECK_EQ(probe.a.reason, SINEW_END_DEADLINE);
	answer_late();
	nothing_is_known(&other);
	sinew_call_end(call);
	sinew_binding_close(direct);
	close_pair();
}

static void a_probe_may_be_given_up(void)
{
	struct one probe, other;

	CHECK_OR_RETURN(open_pair());
	CHECK_EQ(begin(&probe, OP_LATE, SINEW_CALL_UPGRADE, 0), 0);
	CHECK_EQ(begin(&other, OP_WORK, 0, 0), 0);
	sinew_call_end(probe.a.call);
	nothing_is_known(&other);
	close_pair();
}

static void nobody_asks_a_peer_without_calls(void)
{
	struct sinew_binding *b;

	memset(&pair, 0, sizeof pair);
	CHECK_OR_RETURN(pair_open(pair.t, NULL) && side_open(&pair.s[0], &pair.t[0], NULL));
	DRIVE_CALLS(&pair, pair.t[0].all.session && pair.t[1].all.session);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, OLD, NULL,
				    &b), -EOPNOTSUPP);
	node_free(&pair.t[0]);
	node_free(&pair.t[1]);
	sinew_calls_free(pair.s[0].calls);
}

/* ---- those that wait ---- */

static void who_may_not_wait_is_told_when_to_come(void)
{
	struct one probe, other;

	CHECK_OR_RETURN(open_pair());
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), 0);
	CHECK_EQ(begin(&other, OP_WORK, SINEW_CALL_NOWAIT, 0), -EAGAIN);
	DRIVE_CALLS(&pair, pair.s[0].rooms);
	CHECK_EQ(begin(&other, OP_WORK, SINEW_CALL_NOWAIT, 0), 0);
	is_answered_by(&other, NEWER);
	is_answered_by(&probe, NEWER);
	close_pair();
}

/* The probe's handler is asked only when nothing waits any more: the other node does not run. */
static void those_that_wait_have_their_own_ends(void)
{
	struct test_node *alone = &pair.t[0];
	struct one probe, timed, aborted, given_back, last;

	CHECK_OR_RETURN(open_pair());
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), 0);
	CHECK_EQ(begin(&timed, OP_WORK, 0, 20), 0);
	CHECK_EQ(begin(&aborted, OP_WORK, 0, 0), 0);
	CHECK_EQ(begin(&given_back, OP_WORK, 0, 0), 0);
	CHECK_EQ(begin(&last, OP_WORK, 0, 0), 0);
	CHECK_EQ(sinew_call_abort(aborted.a.call, 4), 0);
	sinew_call_end(given_back.a.call);
	TURN_UNTIL(nodes_turn(&alone, 1, NULL, 0, 1), timed.a.ended && aborted.a.ended,
		   time_limit(PATIENCE_MS));
	CHECK_EQ(timed.a.reason, SINEW_END_DEADLINE);
	CHECK_EQ(timed.a.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(aborted.a.reason, SINEW_END_GIVEN_UP);
	CHECK_EQ(aborted.a.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(sinew_calls_drain(pair.s[0].calls, -1), 0);
	is_answered_by(&probe, NEWER);
	is_answered_by(&last, NEWER);
	close_pair();
}

static void a_session_that_dies_ends_all_and_forgets(void)
{
	struct one probe, other;

	CHECK_OR_RETURN(open_pair());
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), 0);
	is_answered_by(&probe, NEWER);
	sinew_binding_close(binding);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, OLD, NULL,
				    &binding), 0);
	CHECK_EQ(sinew_binding_service(binding), NEWER);
	works_by(NEWER);
	CHECK_EQ(sinew_session_abort(pair.t[0].all.session), 0);
	DRIVE_CALLS(&pair, pair.t[0].all.ups == 2 && pair.t[1].all.ups == 2);
	CHECK_EQ(begin(&probe, OP_PROBE, SINEW_CALL_UPGRADE, 0), -ESTALE);
	sinew_binding_close(binding);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, OLD, NULL,
				    &binding), 0);
	CHECK_EQ(sinew_binding_service(binding), OLD);
	works_by(OLD);
	CHECK_EQ(begin(&probe, OP_LATE, SINEW_CALL_UPGRADE, 0), 0);
	CHECK_EQ(begin(&other, OP_WORK, 0, 0), 0);
	CHECK_EQ(sinew_session_abort(pair.t[0].all.session), 0);
	DRIVE_CALLS(&pair, probe.a.ended && other.a.ended);
	CHECK_EQ(other.a.reason, SINEW_END_SESSION);
	CHECK_EQ(other.a.outcome, SINEW_CALL_NOT_EXECUTED);
	answer_late();
	close_pair();
}

static void calls_are_freed_while_some_wait(void)
{
	struct one probe, other;

	CHECK_OR_RETURN(open_pair());
	CHECK_EQ(begin(&probe, OP_LATE, SINEW_CALL_UPGRADE, 0), 0);
	CHECK_EQ(begin(&other, OP_WORK, 0, 0), 0);
	sinew_calls_free(pair.s[0].calls);
	DRIVE_CALLS(&pair, !sinew_calls_open(pair.s[1].calls));
	CHECK_EQ(probe.a.ended + other.a.ended, 0);
	sinew_call_end(probe.a.call);
	sinew_call_end(other.a.call);
	sinew_binding_close(binding);
	for (unsigned i = 0; i < 2; i++)
		node_free(&pair.t[i]);
	side_unbinds(&pair.s[0]);
	side_unbinds(&pair.s[1]);
	sinew_calls_free(pair.s[1].calls);
}

/* ---- pairs ---- */

static char line[512];

static void keep_line(void *user, enum sinew_level level, const char *text)
{
	(void)user;
	(void)level;
	snprintf(line, sizeof line, "%s", text);
}

static void with_log(struct sinew_options *o)
{
	o->log = keep_line;
}

static void lacks(const struct sinew_service *old, const struct sinew_service *newer,
		  const char *what)
{
	static uint16_t id = 1000;
	struct sinew_calls *calls = pair.s[1].calls;

	id = (uint16_t)(id + 2);
	CHECK_EQ(sinew_service_bind(calls, id, old, NULL), 0);
	CHECK_EQ(sinew_service_bind(calls, id + 1, newer, NULL), 0);
	line[0] = '\0';
	CHECK_EQ(sinew_service_upgradeable(calls, id, id + 1), what ? -ENOTSUP : 0);
	CHECK(what ? strstr(line, what) != NULL : !line[0]);
}

static void a_newer_service_has_all_ops(void)
{
	static const uint32_t more[] = { OP_LATE, 7, OP_WORK };
	struct sinew_service old = service_like(), all = service_like(), newer;

	CHECK_OR_RETURN(call_pair_open(&pair, with_log, NULL));
	all.ops = NULL;
	newer = old;
	newer.ops = more;
	newer.n_ops = 3;
	lacks(&old, &newer, NULL);
	lacks(&newer, &old, "has op 7,");
	lacks(&old, &all, NULL);
	lacks(&all, &old, "has all ops,");
	/* For probes alone it was, or will be. */
	newer.probe_ops = NULL;
	newer.n_probe_ops = 0;
	lacks(&old, &newer, "has op 2,");
	lacks(&newer, &old, "has op 7,");
	newer.probe_ops = more + 1;
	newer.n_probe_ops = 1;
	all.probe_ops = NULL;
	lacks(&all, &old, "has op 2,");
	call_pair_close(&pair);
}

static void wrong_pairs_are_refused(void)
{
	struct sinew_service is = service_like();
	struct sinew_calls *calls;

	CHECK_OR_RETURN(open_pair());
	calls = pair.s[1].calls;
	for (unsigned i = 1; i < 4; i++)
		CHECK_EQ(sinew_service_bind(calls, (uint16_t)(NEWER + i), &is, NULL), 0);
	CHECK_EQ(sinew_service_upgradeable(NULL, OLD, NEWER), -EINVAL);
	CHECK_EQ(sinew_service_upgradeable(calls, OLD, OLD), -EINVAL);
	CHECK_EQ(sinew_service_upgradeable(calls, OLD, 999), -ENOENT);
	CHECK_EQ(sinew_service_upgradeable(calls, 999, OLD), -ENOENT);
	CHECK_EQ(sinew_service_upgradeable(calls, OLD, NEWER), -EEXIST);
	CHECK_EQ(sinew_service_upgradeable(calls, OLD, NEWER + 1), -EEXIST);
	CHECK_EQ(sinew_service_upgradeable(calls, NEWER, NEWER + 1), -EEXIST);
	CHECK_EQ(sinew_service_upgradeable(calls, NEWER + 1, OLD), -EEXIST);
	CHECK_EQ(sinew_service_upgradeable(calls, NEWER + 1, NEWER), -EEXIST);
	CHECK_EQ(sinew_service_upgradeable(calls, NEWER + 1, NEWER + 2), 0);
	is.n_probe_ops = 1025;
	CHECK_EQ(sinew_service_bind(calls, 300, &is, NULL), -EINVAL);
	CHECK_EQ(sinew_binding_service(NULL), 0);
	close_pair();
}

int main(void)
{
	RUN(a_probe_brings_all_calls_to_the_newer_service);
	RUN(without_a_newer_service_the_old_one_answers);
	RUN(a_caller_knows_the_service_of_its_call);
	RUN(an_op_for_probes_needs_the_flag);
	RUN(a_probe_that_is_refused_decides_nothing);
	RUN(a_probe_that_is_not_answered_ends_by_its_deadline);
	RUN(a_probe_may_be_given_up);
	RUN(nobody_asks_a_peer_without_calls);
	RUN(who_may_not_wait_is_told_when_to_come);
	RUN(those_that_wait_have_their_own_ends);
	RUN(a_session_that_dies_ends_all_and_forgets);
	RUN(calls_are_freed_while_some_wait);
	RUN(a_newer_service_has_all_ops);
	RUN(wrong_pairs_are_refused);
	return check_done();
}
