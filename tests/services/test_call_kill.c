/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of a process that is killed with calls in each phase: waiting for a slot, half of
 * the request sent, a handler at work, half of the reply read, a settlement awaited. The outcomes
 * are compared with what the handlers wrote down in memory that outlives them. Knows the public
 * headers only.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/lib/call_pair.h"

#define WAITING		4u	/* calls behind the only slot for calls of depth 0 */
#define LONG		(1024u * 1024)

enum phase { PHASE_SLOT, PHASE_REQUEST, PHASE_HANDLER, PHASE_REPLY, PHASE_SETTLE, PHASES };

static struct test_node node;		/* of this process */
static struct side client;
static struct side *server;		/* of whichever process; shared */
static struct asked asked[WAITING + 1];
static uint8_t requests[WAITING + 1][LONG], reply[LONG];
static pid_t parent, child;
static uint32_t number;			/* of the next request, never given twice */

static bool open_node(unsigned id, struct side *s, uint32_t slots)
{
	struct sockaddr_storage own = host_of(parent, id), other = host_of(parent, 3 - id);
	struct sinew_calls_options opt;
	struct sinew_options o;

	memset(&node, 0, sizeof node);
	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.slots = slots;
	fast_options(&o, id, &own);
	return node_open(&node, &o) && side_open(s, &node, &opt) &&
		CHECK_EQ(sinew_peer_add(node.n, 3 - id, &other, 1), 0);
}

static void turn(void)
{
	CHECK(sinew_dispatch(node.n, 10) >= 0);
}

#define DRIVE_NODE(cond) TURN_UNTIL(turn(), cond, time_limit(PATIENCE_MS))

/* ---- the caller, in either process ---- */

static void begin(unsigned i, unsigned service, uint32_t op, size_t len, unsigned flags,
		  enum sinew_call_delivery delivery)
{
	struct sinew_call_options opt = {
		.size = sizeof opt, .delivery = delivery, .deadline_ms = SINEW_FOREVER,
	};

	memcpy(requests[i], &number, sizeof number);
	number++;
	asked[i] = (struct asked) {
		.request = requests[i], .len = len, .reply = reply, .size = sizeof reply,
		.keeps = true,
	};
	CHECK_EQ(ask(&client, service, op, &asked[i], &opt, flags), 0);
}

/* Begins calls, and returns when they are in that phase; how many there are. */
static unsigned enter(enum phase phase)
{
	struct sinew_calls_status st = { .size = sizeof st };
	unsigned told;

	switch (phase) {
	case PHASE_SLOT:
		for (unsigned i = 0; i <= WAITING; i++)
			begin(i, PAIR_WHOLE, OP_HOLD, 8, SINEW_CALL_WANT_ACCEPT, 0);
		DRIVE_NODE(asked[0].accepted);
		CHECK_EQ(sinew_calls_status(client.calls, node.all.session, &st), 0);
		CHECK_EQ(st.waiting, WAITING);
		return WAITING + 1;
	case PHASE_REQUEST:
		begin(0, PAIR_PIECES, OP_COUNT, 8, SINEW_CALL_WANT_ACCEPT | SINEW_CALL_MORE, 0);
		DRIVE_NODE(asked[0].accepted);
		return 1;
	case PHASE_HANDLER:
		begin(0, PAIR_WHOLE, OP_HOLD, 8, SINEW_CALL_WANT_ACCEPT, 0);
		DRIVE_NODE(asked[0].accepted);
		return 1;
	case PHASE_REPLY:
		/* None of it is consumed. */
		begin(0, PAIR_WHOLE, OP_ECHO, LONG, 0, SINEW_CALL_PACED);
		DRIVE_NODE(asked[0].got);
		CHECK(!asked[0].last);
		return 1;
	case PHASE_SETTLE:
		begin(0, PAIR_WHOLE, OP_HOLD, 8, SINEW_CALL_WANT_ACCEPT | SINEW_CALL_SETTLE, 0);
		DRIVE_NODE(asked[0].accepted);
		told = server->told;
		CHECK_EQ(sinew_call_abort(asked[0].call, 7), 0);
		DRIVE_NODE(server->told > told);
		CHECK(!asked[0].ended);
		return 1;
	case PHASES:
		return 0;
	}
	return 0;
}

/* The outcome, by what is written down. */
static void judge(enum phase phase, unsigned i, uint32_t n)
{
	const struct asked *a = &asked[i];
	unsigned ran = server->executed[n];

	CHECK(a->ended == 1 && !a->wrong && ran <= 1);
	CHECK_EQ(a->reason, phase == PHASE_SETTLE ? SINEW_END_GIVEN_UP : SINEW_END_SESSION);
	CHECK_EQ(a->outcome, phase == PHASE_SLOT && i ? SINEW_CALL_NOT_EXECUTED :
		 SINEW_CALL_STARTED);
	CHECK_EQ(ran, phase != PHASE_REQUEST && (phase != PHASE_SLOT || !i));
}

/* ---- processes ---- */

static void in_child(void (*run)(unsigned arg), unsigned arg)
{
	child = fork();
	if (child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(arg);
	_exit(1);
}

static void kill_child(void)
{
	int status = 0;

	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
}

static void serve_for_ever(unsigned slots)
{
	memset(server->held, 0, sizeof server->held);
	if (open_node(2, server, slots))
		for (;;)
			turn();
}

static void call_for_ever(unsigned phase)
{
	if (!open_node(1, &client, 128))
		return;
	while (!node.all.session)
		turn();
	if (!side_binds(&client, node.all.session))
		return;
	enter(phase);
	atomic_fetch_add(&server->answered, 1000);	/* it is in that phase */
	for (;;)
		turn();
}

/* ---- the called side is killed ---- */

static void called_side_dies_in(enum phase phase)
{
	uint32_t first = number;
	unsigned n;

	in_child(serve_for_ever, phase == PHASE_SLOT ? 16 : 128);
	CHECK_OR_RETURN(open_node(1, &client, 128));
	DRIVE_NODE(node.all.session);
	CHECK_OR_RETURN(side_binds(&client, node.all.session));
	n = enter(phase);
	kill_child();
	in_child(serve_for_ever, 128);
	DRIVE_NODE(!sinew_calls_open(client.calls) && node.all.ups == 2);
	for (unsigned i = 0; i < n; i++) {
		judge(phase, i, first + i);
		sinew_call_end(asked[i].call);
	}
	/* The next one answers. */
	side_unbinds(&client);
	CHECK_OR_RETURN(side_binds(&client, node.all.session));
	begin(0, PAIR_WHOLE, OP_ECHO, 8, 0, 0);
	DRIVE_NODE(asked[0].ended);
	CHECK_EQ(asked[0].outcome, SINEW_CALL_DONE);
	CHECK_EQ(server->executed[number - 1], 1);
	sinew_call_end(asked[0].call);
	node_free(&node);
	side_unbinds(&client);
	sinew_calls_free(client.calls);
	kill_child();
}

static void the_called_side_is_killed_in_each_phase(void)
{
	for (unsigned phase = 0; phase < PHASES; phase++)
		called_side_dies_in(phase);
}

/* ---- the caller is killed ---- */

static void caller_dies_in(enum phase phase)
{
	struct sinew_calls_status st = { .size = sizeof st };
	unsigned held;

	server->shown = server->answered = server->told = 0;
	CHECK_OR_RETURN(open_node(2, server, phase == PHASE_SLOT ? 16 : 128));
	in_child(call_for_ever, phase);
	DRIVE_NODE(server->answered >= 1000);
	CHECK_EQ(server->shown, 1);
	CHECK_EQ(sinew_calls_status(server->calls, node.all.session, &st), 0);
	CHECK_EQ(st.peers_used, 1);
	CHECK_EQ(st.peers_held, phase == PHASE_SETTLE);
	kill_child();
	in_child(call_for_ever, PHASES);
	DRIVE_NODE(node.all.ups == 2 && !sinew_calls_open(server->calls));
	/* Each handler was told once; none of those that waited was shown. */
	CHECK_EQ(server->told, 1);
	CHECK_EQ(server->shown, 1);
	held = side_holds(server);
	CHECK_EQ(held, phase != PHASE_REQUEST && phase != PHASE_REPLY);
	pair_answer(server, HELD_MAX);
	CHECK_EQ(side_holds(server), 0);
	CHECK_EQ(sinew_calls_status(server->calls, node.all.session, &st), 0);
	CHECK_EQ(st.peers_used, 0);
	node_free(&node);
	sinew_calls_free(server->calls);
	kill_child();
}

static void the_caller_is_killed_in_each_phase(void)
{
	for (unsigned phase = 0; phase < PHASES; phase++)
		caller_dies_in(phase);
}

int main(void)
{
	parent = getpid();
	server = mmap(NULL, sizeof *server, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (!CHECK(server != MAP_FAILED))
		return check_done();
	RUN(the_called_side_is_killed_in_each_phase);
	RUN(the_caller_is_killed_in_each_phase);
	return check_done();
}
