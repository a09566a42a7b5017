/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the comparison of our calls with a real AF_RXRPC: the scripts of tests/lib/call_scripts.c,
 * played over two nodes, must show each side the marks that it was shown over the kernels of
 * tests/golden/rxrpc-*.txt. Each difference is listed below, with its reason. Knows the public
 * headers only.
 *
 * Two differences are general. A call of ours begins with NEW_CALL at the called side; a program
 * above AF_RXRPC has numbered its calls before they come, and gets no such mark. The mark of an
 * abort is ABORT at both sides: for a program, AF_RXRPC has no other mark for its own.
 */
#include "services/sinew-call.h"
#include "tests/lib/call_script.h"
#include "tests/lib/cluster.h"
#include "tests/lib/recorded.h"

#define BRIEF_MS	200
#define PIECE		16384u	/* what is offered at once */
#define SCRIPTS_MAX	64
#define NEW		"NEW_CALL"

static const struct recorded_difference differences[] = {
	{ "6.1", "nobody is ready", "client2", "NOTHING", "BUSY",
	  "a client of Linux ignores BUSY, and sends its request again until its time is over" },
	{ "6.12", "nobody is ready", "client2", "ABORT -5", "BUSY",
	  "it asks for its call before it sends the request again; the server, which has no such"
	  " call, takes that for an error of the protocol" },
	{ "6.12", "nobody is ready, the client asks again", "client2", "ABORT -5", "DATA 5 last",
	  "the same: the call is over before its request comes again" },
	{ "6.12", "nobody is ready, the client asks again", "server2", "NOTHING",
	  "DATA 50 last; FINAL_ACK", "the same" },
	{ NULL, "an upgrade with a pair", "client", "ABORT -5", "DATA 10 last; SERVICE 101",
	  "Linux as a server gives the connection its new service, but goes on to write the old one"
	  " into its packets, so that Linux as a client never hears of the new one; the next packet"
	  " of the client has the old one, is taken for a second upgrade, and ends the call" },
	{ NULL, "an upgrade with a pair", "server", "ABORT -3; NOTHING",
	  "DATA 2000 last; SERVICE 101; FINAL_ACK",
	  "the same: the client's abort has the old service and is refused as well, so that the"
	  " time of the call is over in the end" },
};

#define N_DIFFERENCES	(sizeof differences / sizeof differences[0])

struct ours {
	struct test_node t[2];
	struct sinew_calls *calls[2];
	struct sinew_binding *binding;
	struct sinew_call *call[SCRIPT_ACTORS];
	unsigned n_shown;
};

static struct ours ours;
static struct script_play play;
static uint8_t bytes[SCRIPT_LENGTH];
/* The marks of each side of each script. */
static char seen[SCRIPTS_MAX][SCRIPT_ACTORS][sizeof play.seen[0].marks];
static bool is_used[N_DIFFERENCES];

/* ---- marks ---- */

static unsigned actor_of(const struct sinew_call *call)
{
	unsigned actor = 0;

	while (actor < SCRIPT_ACTORS && ours.call[actor] != call)
		actor++;
	return actor;
}

static void ended(unsigned actor, const struct sinew_call_msg *m)
{
	switch (m->mark) {
	case SINEW_MARK_NONE:
		if (script_serves(actor))
			CHECK(play.seen[actor].ended);
		else
			script_replied(&play, actor);
		return;
	case SINEW_MARK_BUSY:
		script_failed(&play, actor, "BUSY", 0);
		return;
	case SINEW_MARK_REMOTE_ABORT:
	case SINEW_MARK_LOCAL_ABORT:
		script_failed(&play, actor, "ABORT", m->code);
		return;
	case SINEW_MARK_NET_ERROR:
		script_failed(&play, actor, "NET_ERROR", -m->error);
		return;
	case SINEW_MARK_LOCAL_ERROR:
		script_failed(&play, actor, "LOCAL_ERROR", -m->error);
		return;
	case SINEW_MARK_DATA:
	case SINEW_MARK_FINAL_ACK:
	case SINEW_MARK_NEW_CALL:
		break;
	}
	CHECK(!"a mark of an end");
}

static void shown(struct sinew_call *call)
{
	unsigned actor = SCRIPT_SERVER + 2 * ours.n_shown++;

	if (!CHECK(actor < SCRIPT_ACTORS))
		return;
	ours.call[actor] = call;
	script_mark(&play, actor, NEW);
}

static bool intercept(struct sinew_call *call, const struct sinew_call_msg *m, void *user)
{
	unsigned actor = actor_of(call);

	(void)user;
	if (m->mark == SINEW_MARK_NEW_CALL)
		shown(call);
	if (m->mark == SINEW_MARK_DATA)
		script_data(&play, actor, m->len, m->last);
	if (m->mark == SINEW_MARK_FINAL_ACK)
		script_replied(&play, actor);
	if (m->event != SINEW_CALL_ENDED)
		return true;
	ended(actor, m);
	/* A handler is ready again when it has let go. */
	if (script_serves(actor)) {
		sinew_call_end(call);
		ours.call[actor] = NULL;
	}
	return true;
}

/* ---- what is done ---- */

static long send_more(struct script_play *p, unsigned actor, size_t len, unsigned flags)
{
	size_t now = len < PIECE ? len : PIECE;
	struct iovec iov = { bytes, now };

	(void)p;
	if (!ours.call[actor])
		return -ECONNABORTED;
	return sinew_call_send(ours.call[actor], &iov, 1,
			       flags & SCRIPT_MORE || now < len ? SINEW_CALL_MORE : 0);
}

static void turn(struct script_play *p)
{
	struct test_node *nodes[2] = { &ours.t[0], &ours.t[1] };

	(void)p;
	nodes_turn(nodes, 2, NULL, 0, 1);
}

static int open_binding(uint16_t service)
{
	sinew_binding_close(ours.binding);
	ours.binding = NULL;
	return sinew_binding_open(ours.calls[0], ours.t[0].all.session, service, NULL,
				  &ours.binding);
}

static int begin(struct script_play *p, unsigned actor, size_t len, unsigned flags)
{
	struct sinew_call_options opt = {
		.size = sizeof opt,
		.deadline_ms = flags & SCRIPT_BRIEFLY ? BRIEF_MS : 0,
	};
	size_t first = len < PIECE ? len : PIECE;
	struct iovec iov = { bytes, first };
	bool more = flags & SCRIPT_MORE || first < len;
	int err = open_binding(flags & SCRIPT_ELSEWHERE ? SCRIPT_NOBODY : SCRIPT_SERVICE);

	if (!err)
		err = sinew_call_begin(ours.binding, 1, &opt, &iov, 1,
				       (more ? SINEW_CALL_MORE : 0) |
				       (flags & SCRIPT_AGAIN ? SINEW_CALL_RETRY : 0) |
				       (flags & SCRIPT_UPGRADE ? SINEW_CALL_UPGRADE : 0),
				       NULL, &ours.call[actor]);
	for (len -= first; !err && len;) {
		long n = send_more(p, actor, len, flags);

		turn(p);
		if (n < 0 && n != -EAGAIN)
			return 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return err;
}

static int abort_call(struct script_play *p, unsigned actor, int code)
{
	(void)p;
	return ours.call[actor] ? sinew_call_abort(ours.call[actor], code) : -EALREADY;
}

/* All calls of that side go; its node stays. */
static int leave(struct script_play *p, unsigned actor)
{
	unsigned side = script_serves(actor);

	(void)p;
	for (unsigned i = side; i < SCRIPT_ACTORS; i += 2) {
		sinew_call_end(ours.call[i]);
		ours.call[i] = NULL;
	}
	sinew_calls_free(ours.calls[side]);
	ours.calls[side] = NULL;
	return 0;
}

/* A service of ours is ready again when its handler has let go. */
static int serve(struct script_play *p)
{
	(void)p;
	return 0;
}

static unsigned service_of(struct script_play *p, unsigned actor)
{
	(void)p;
	return ours.call[actor] ? sinew_call_service(ours.call[actor]) : 0;
}

static const struct script_player player = {
	.begin = begin, .send = send_more, .abort = abort_call, .leave = leave, .serve = serve,
	.service = service_of, .turn = turn, .now_ms = now_ms,
};

/* ---- the nodes of a script ---- */

static bool open_nodes(const struct call_script *script)
{
	struct sinew_service is = {
		.size = sizeof is, .delivery = SINEW_CALL_PIECES, .max_calls = script->handlers,
		.flags = SINEW_SERVICE_WANT_FINAL,
	};

	memset(&ours, 0, sizeof ours);
	if (!pair_open(ours.t, NULL))
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (!CHECK_EQ(sinew_calls_new(ours.t[i].n, NULL, &ours.calls[i]), 0) ||
		    !CHECK_EQ(sinew_calls_intercept(ours.calls[i], intercept, NULL), 0))
			return false;
	CHECK_EQ(sinew_service_bind(ours.calls[1], SCRIPT_SERVICE, &is, NULL), 0);
	if (script->paired) {
		CHECK_EQ(sinew_service_bind(ours.calls[1], SCRIPT_UPGRADED, &is, NULL), 0);
		CHECK_EQ(sinew_service_upgradeable(ours.calls[1], SCRIPT_SERVICE, SCRIPT_UPGRADED),
			 0);
	}
	DRIVE_PAIR(ours.t, ours.t[0].all.session && ours.t[1].all.session);
	return ours.t[0].all.session && ours.t[1].all.session;
}

static void close_nodes(void)
{
	for (unsigned i = 0; i < 2; i++)
		node_free(&ours.t[i]);
	sinew_binding_close(ours.binding);
	for (unsigned i = 0; i < SCRIPT_ACTORS; i++)
		sinew_call_end(ours.call[i]);
	for (unsigned i = 0; i < 2; i++)
		sinew_calls_free(ours.calls[i]);
}

/* A message each way, behind all that is under way. */
static void settle(void)
{
	for (unsigned i = 0; i < 4; i++) {
		struct test_node *to = &ours.t[1 - i % 2];
		uint64_t before = to->all.messages;

		CHECK_EQ(sinew_send(ours.t[i % 2].all.session, "x", 1), 0);
		DRIVE_PAIR(ours.t, to->all.messages > before);
	}
}

static void play_ours(unsigned number)
{
	play = (struct script_play) {
		.script = &call_scripts[number], .player = &player,
		.limit_ms = time_limit(PATIENCE_MS),
	};
	CHECK_OR_RETURN(open_nodes(play.script));
	script_play(&play);
	CHECK_STR(play.fault, "");
	settle();
	script_flush(&play);
	for (unsigned i = 0; i < SCRIPT_ACTORS; i++)
		memcpy(seen[number][i], play.seen[i].marks, sizeof seen[number][i]);
	close_nodes();
}

static void the_scripts_are_played(void)
{
	CHECK_OR_RETURN(n_call_scripts <= SCRIPTS_MAX);
	for (unsigned i = 0; i < n_call_scripts; i++)
		play_ours(i);
}

/* ---- the comparison ---- */

/* Ours, without the mark that no program above AF_RXRPC gets. */
static const char *without_new(unsigned number, unsigned actor)
{
	const char *marks = seen[number][actor];

	if (!script_serves(actor) || !*marks)
		return marks;
	CHECK(!strncmp(marks, NEW, strlen(NEW)));
	marks += strlen(NEW);
	return *marks ? marks + strlen("; ") : marks;
}

static const char *name_of(unsigned number)
{
	return call_scripts[number].name;
}

static const struct recorded *recorded(void)
{
	static struct recorded r = {
		.kind = "rxrpc", .differences = differences, .is_used = is_used,
		.n_differences = N_DIFFERENCES, .actors = script_actors, .n_actors = SCRIPT_ACTORS,
		.script = name_of, .ours = without_new,
	};

	r.n_scripts = n_call_scripts;
	return &r;
}

static void each_side_sees_what_linux_6_1_shows(void)
{
	recorded_compare(recorded(), "6.1");
}

static void each_side_sees_what_linux_6_12_shows(void)
{
	recorded_compare(recorded(), "6.12");
}

static void each_listed_difference_is_there(void)
{
	recorded_check_differences(recorded());
}

int main(void)
{
	RUN(the_scripts_are_played);
	RUN(each_side_sees_what_linux_6_1_shows);
	RUN(each_side_sees_what_linux_6_12_shows);
	RUN(each_listed_difference_is_there);
	return check_done();
}
