/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what the control socket says of calls: of a session what sinew_calls_status()
 * does, of services how many calls they have. Knows no socket.
 */
#include <stdlib.h>
#include <string.h>

#include "services/control_answer.h"
#include "services/json.h"
#include "services/server.h"
#include "tests/lib/answer.h"
#include "tests/lib/call_pair.h"

static struct call_pair pair;
static struct control *control[2];
static uint8_t request[8], reply[8];

static bool open_all(void)
{
	if (!call_pair_open(&pair, NULL, NULL))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		const struct sinew_control_options opt = {
			.size = sizeof opt, .calls = pair.s[i].calls,
		};

		if (!CHECK_EQ(control_new(pair.t[i].n, &opt, &control[i]), 0))
			return false;
	}
	return true;
}

static void close_all(void)
{
	control_free(control[0]);
	control_free(control[1]);
	call_pair_close(&pair);
}

static struct json_object *answer(unsigned i, const char *what)
{
	static const struct ucred root = { .pid = 77 };
	struct json_object *o = NULL;
	char asks[64], *text = NULL;

	snprintf(asks, sizeof asks, "{\"schema\":1,\"ask\":\"%s\"}", what);
	if (CHECK_EQ(control_answer(control[i], asks, strlen(asks), &root, SERVER_READS, 0, &text),
		     0))
		o = json_parse(text);
	free(text);
	CHECK(o != NULL);
	return o;
}

static struct sinew_calls_status status(unsigned i)
{
	struct sinew_calls_status st = { .size = sizeof st };

	CHECK_EQ(sinew_calls_status(pair.s[i].calls, pair.t[i].all.session, &st), 0);
	return st;
}

/* ---- calls of both sides ---- */

static struct asked held[3];

static void begin(unsigned i, unsigned service, uint32_t op, struct asked *a)
{
	*a = (struct asked) {
		.request = request, .len = sizeof request, .reply = reply, .size = sizeof reply,
	};
	CHECK_EQ(ask(&pair.s[i], service, op, a, NULL, 0), 0);
}

/* One that is held, at each side one more than at the other; others that ended in each way. */
static void call(void)
{
	struct asked done[3], failed[2], nobody, busy;

	begin(0, PAIR_NARROW, OP_HOLD, &held[0]);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1 && held[0].accepted);
	begin(0, PAIR_PIECES, OP_HOLD, &held[1]);
	begin(1, PAIR_PIECES, OP_HOLD, &held[2]);
	begin(0, PAIR_NARROW, OP_ECHO, &busy);
	begin(0, PAIR_NARROW, OP_NONE, &nobody);
	for (unsigned i = 0; i < 3; i++)
		begin(0, PAIR_WHOLE, OP_ECHO, &done[i]);
	for (unsigned i = 0; i < 2; i++)
		begin(0, PAIR_WHOLE, OP_FAIL, &failed[i]);
	DRIVE_CALLS(&pair, busy.ended && nobody.ended && done[0].ended && done[1].ended &&
		    done[2].ended && failed[0].ended && failed[1].ended);
	DRIVE_CALLS(&pair, call_pair_open_calls(&pair) == 6 && side_holds(&pair.s[0]) == 1 &&
		    side_holds(&pair.s[1]) == 2 && held[2].accepted);
}

static void answer_all(void)
{
	pair_answer(&pair.s[0], HELD_MAX);
	pair_answer(&pair.s[1], HELD_MAX);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
}

#define SAME(o, key, value) CHECK_EQ(answer_number(o, key), value)

static void check_session(struct json_object *o, const struct sinew_calls_status *st)
{
	SAME(o, "begun", st->begun);
	SAME(o, "done", st->done);
	SAME(o, "started", st->started);
	SAME(o, "in_doubt", st->in_doubt);
	SAME(o, "partial", st->partial);
	SAME(o, "not_executed", st->not_executed);
	SAME(o, "busy", st->busy);
	SAME(o, "aborted", st->aborted);
	SAME(o, "open", st->open);
	SAME(o, "waiting", st->waiting);
	SAME(o, "slots_granted", st->slots_granted);
	SAME(o, "slots_used", st->slots_used);
	SAME(o, "peers_begun", st->peers_begun);
	SAME(o, "peers_refused", st->peers_refused);
	SAME(o, "peers_open", st->peers_open);
	SAME(o, "peers_held", st->peers_held);
	SAME(o, "peers_granted", st->peers_granted);
	SAME(o, "peers_used", st->peers_used);
	SAME(o, "late", st->late);
	CHECK_EQ(answer_is(o, "broken"), st->broken);
}

static void check_oldest(struct json_object *o, const struct sinew_calls_status *st)
{
	CHECK_EQ(answer_is(o, "incoming"), st->oldest_incoming);
	CHECK_EQ(answer_is(o, "waiting"), st->oldest_waiting);
	CHECK_EQ(answer_is(o, "ended"), st->oldest_ended);
	SAME(o, "service", st->oldest_service);
	SAME(o, "op", st->oldest_op);
	SAME(o, "id", st->oldest_id);
	CHECK(answer_number(o, "age_ms") >= st->oldest_age_ms &&
	      answer_number(o, "age_ms") < PATIENCE_MS);
}

static void calls_of_a_session_are_told(void)
{
	struct sinew_calls_status st;
	struct json_object *o, *k;

	CHECK_OR_RETURN(open_all());
	call();
	for (unsigned i = 0; i < 2; i++) {
		st = status(i);
		CHECK(st.open == 2 - i && st.peers_open == 1 + i && st.has_oldest);
		CHECK(i || (st.busy == 1 && st.aborted == 2 && st.done == 3));
		o = answer(i, "status");
		k = json_get(json_at(json_get(o, "peers"), 0), "calls");
		check_session(k, &st);
		check_oldest(json_get(k, "oldest"), &st);
		json_free(o);
		o = answer(i, "top");
		k = json_at(json_get(o, "peers"), 0);
		SAME(k, "calls_begun", st.begun);
		SAME(k, "calls_ended", st.begun - st.open);
		SAME(k, "peers_begun", st.peers_begun);
		json_free(o);
	}
	answer_all();
	o = answer(0, "status");
	k = json_get(json_at(json_get(o, "peers"), 0), "calls");
	CHECK(!json_get(k, "oldest") && json_has(k, "oldest"));
	json_free(o);
	close_all();
}

static void services_are_told(void)
{
	struct json_object *o, *all;
	unsigned n_found = 0;

	CHECK_OR_RETURN(open_all());
	CHECK_EQ(sinew_service_upgradeable(pair.s[1].calls, PAIR_NARROW, PAIR_WHOLE), 0);
	call();
	o = answer(1, "status");
	all = json_get(o, "services");
	CHECK_EQ(json_count(all), 5);
	for (size_t i = 0; i < json_count(all); i++) {
		struct json_object *one = json_at(all, i);
		uint64_t id = answer_number(one, "service");
		bool narrow = id == PAIR_NARROW;

		SAME(one, "calls", narrow || id == PAIR_PIECES);
		SAME(one, "max_calls", narrow || id == PAIR_PATIENT);
		SAME(one, "newer", narrow ? PAIR_WHOLE : 0);
		CHECK(!answer_number(one, "extra") && !answer_number(one, "waiting") &&
		      !answer_number(one, "charges"));
		n_found += id >= PAIR_WHOLE && id <= PAIR_PULL;
	}
	CHECK_EQ(n_found, 5);
	json_free(o);
	answer_all();
	close_all();
}

int main(void)
{
	RUN(calls_of_a_session_are_told);
	RUN(services_are_told);
	return check_done();
}
