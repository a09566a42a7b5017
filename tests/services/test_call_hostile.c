/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A member that plays foul with calls, against a node of the public API: it breaks each kind of
 * rule, begins and aborts in a storm, never consumes or consumes by single bytes, never answers.
 * Only its own calls are harmed: messages of its session and all calls of others go on.
 * Each rule of the core is test_call_rules.c's.
 */
#include "lowcomms/service.h"
#include "services/call_wire.h"
#include "tests/lib/call_pair.h"

#define SLOTS	16u
#define WINDOW	16384u
#define STORM	10000u
#define TOY	77u	/* a kind of credential */

enum { HONEST = 1, FOUL, FRIEND };

static struct cluster *c;
static struct side honest, friendly;
static uint8_t request[PAIR_MAX], reply[PAIR_MAX];

/* The foul member: what it was sent, and what it sends back. */
static struct foul {
	struct sinew_session *h;
	unsigned n_kind[CALL_STATE + 1];
	unsigned n_confirmed;
	struct call_frame last;		/* without its data */
	uint32_t credit_step;		/* consumes so many bytes at a time; 0: none */
	uint64_t replied;		/* bytes of a reply */
	uint32_t consumed;		/* of them, as told */
	bool complete;
	uint32_t gen[SLOTS];		/* of its last call there */
	bool in_use[SLOTS];
	unsigned refused;		/* frames that found no room */
} foul;

/* ---- the foul member ---- */

static int forge(const struct call_frame *f)
{
	static uint8_t body[CALL_HEAD_MAX + CALL_PIECE_MAX];
	size_t n = call_put(body, f);
	struct span part = { body, n + f->n_data };

	if (f->n_data)
		memcpy(body + n, f->data, f->n_data);
	return service_put(foul.h, &part, 1, part.n, SERVICE_SHORT, NULL, NULL);
}

static void up(void *user, struct sinew_session *h, const struct service_grant *theirs)
{
	(void)theirs;
	if (sinew_session_nodeid(h) != HONEST)
		return;
	foul.h = h;
	service_set_data(h, user);
	forge(&(struct call_frame){ .kind = CALL_BIND, .binding = 0, .service = PAIR_WHOLE });
	forge(&(struct call_frame){ .kind = CALL_BIND, .binding = 1, .service = PAIR_PIECES });
}

static void frame(void *user, struct sinew_session *h, const uint8_t *body, size_t len)
{
	struct call_frame f;

	(void)user;
	if (h != foul.h || !CHECK_EQ(call_parse(body, len, &f), 0))
		return;
	foul.n_kind[f.kind]++;
	foul.last = f;
	if (f.kind == CALL_END && f.flags & CALL_CALLEE) {
		foul.in_use[f.slot] = false;
		foul.n_confirmed += f.reason == CALL_END_CONFIRM;
	}
	if (f.kind == CALL_REPLY || (f.kind == CALL_PIECE && f.flags & CALL_CALLEE)) {
		foul.replied += f.n_data;
		foul.complete = !(f.flags & CALL_MORE);
	}
}

static void batch(void *user, struct sinew_session *h)
{
	(void)user, (void)h;
}

static void finishing(void *user, struct sinew_session *h)
{
	(void)user;
	service_let_go(h);
}

static void down(void *user, struct sinew_session *h, uint64_t acked, uint64_t high)
{
	(void)user, (void)acked, (void)high;
	if (h == foul.h)
		foul.h = NULL;
}

static uint64_t never(void *user)
{
	(void)user;
	return UINT64_MAX;
}

static const struct service_ops foul_ops = {
	.up = up, .frame = frame, .batch = batch, .finishing = finishing, .down = down,
	.deadline = never,
};

/* ---- the three ---- */

static bool all_bound(void)
{
	return side_binds(&honest, c->t[HONEST].seen[FOUL].session) &&
		side_binds(&friendly, c->t[FRIEND].seen[HONEST].session);
}

static unsigned n_said;

static void note(void *user, enum sinew_level level, const char *line)
{
	n_said += !strncmp(line, "peer=2 calls of this session end: ", 34);
	cluster_log(user, level, line);
}

static void listen_to(struct sinew_options *o)
{
	cluster_log_to(o, SINEW_INFO, note);
}

static bool begin_three(void)
{
	static const struct service_grant grant = {
		.slots = SLOTS, .window = WINDOW, .piece = CALL_PIECE_MAX,
	};
	struct sinew_calls_options opt;

	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.slots = SLOTS;
	memset(&foul, 0, sizeof foul);
	memset(&honest, 0, sizeof honest);
	memset(&friendly, 0, sizeof friendly);
	n_said = 0;
	c = cluster_new(3, listen_to);
	if (!CHECK_EQ(service_attach(c->t[FOUL].n, &grant, &foul_ops, &foul), 0) ||
	    !side_open(&honest, &c->t[HONEST], &opt) ||
	    !side_open(&friendly, &c->t[FRIEND], &opt))
		return false;
	for (unsigned i = HONEST; i <= FRIEND; i++)
		c->t[i].on_message = numbers_in_order;
	DRIVE(c, cluster_all_up(c));
	return CHECK(foul.h != NULL) && all_bound();
}

static void give_back(struct side *s)
{
	side_unbinds(s);
	sinew_calls_free(s->calls);
}

static void end_three(void)
{
	give_back(&honest);
	give_back(&friendly);
	cluster_free(c);
}

/* Messages go on both ways, and so do calls of the third node. */
static void others_go_on(void)
{
	struct asked a = { .request = request, .len = 3000, .reply = reply, .size = PAIR_MAX };
	struct seen *there = &c->t[FOUL].seen[HONEST], *back = &c->t[HONEST].seen[FOUL];
	uint64_t number = there->messages + 1, other = back->messages + 1;

	CHECK_EQ(sinew_send(back->session, &number, sizeof number), 0);
	CHECK_EQ(sinew_send(there->session, &other, sizeof other), 0);
	CHECK_EQ(ask(&friendly, PAIR_WHOLE, OP_ECHO, &a, NULL, 0), 0);
	DRIVE(c, there->messages == number && back->messages == other && a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	CHECK_EQ(a.got, 3000);
	CHECK(!there->downs && !back->downs && !there->bad && !back->bad);
}

/* ---- broken rules ---- */

static const uint8_t bytes[CALL_PIECE_MAX];

static const struct call_frame rules[] = {
	{ .kind = CALL_BEGIN, .slot = SLOTS, .gen = 1, .total = 0 },
	{ .kind = CALL_BEGIN, .slot = UINT16_MAX, .gen = 1, .total = 0 },
	{ .kind = CALL_BEGIN, .slot = 1, .gen = 1, .binding = 7, .total = 0 },
	{ .kind = CALL_BEGIN, .slot = 1, .gen = 1, .depth = 8, .total = 0 },
	{ .kind = CALL_BEGIN, .slot = 1, .gen = 1, .total = 9, .data = bytes, .n_data = 10 },
	{ .kind = CALL_BEGIN, .slot = 0, .gen = 2, .total = 0 },	/* in use */
	{ .kind = CALL_CREDIT, .slot = 0, .gen = 1, .consumed = 1 },
	{ .kind = CALL_BIND, .binding = 0, .service = PAIR_WHOLE },
	{ .kind = CALL_BIND, .binding = UINT16_MAX, .service = PAIR_WHOLE },
	{ .kind = CALL_UNBIND, .binding = 9 },
	{ .kind = CALL_REPLY, .flags = CALL_CALLEE, .slot = 1000 },
	{ .kind = CALL_SLOTS, .target = SLOTS + 1 },
	{ .kind = CALL_SLOTS, .target = 0 },
};

/* It has a call of the honest node, and a call there that is held. */
static void its_calls_end_and_nothing_else(void)
{
	for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct asked a = { .request = request, .len = 10, .reply = reply,
				   .size = PAIR_MAX };
		struct asked late = a;

		CHECK_OR_RETURN(begin_three());
		CHECK_EQ(ask(&honest, PAIR_WHOLE, OP_ECHO, &a, NULL, 0), 0);
		CHECK_EQ(forge(&(struct call_frame){ .kind = CALL_BEGIN, .gen = 1, .op = OP_HOLD,
			.total = CALL_TOTAL_UNKNOWN, .deadline_ms = CALL_DEADLINE_NONE,
			.after_slot = CALL_SLOT_NONE }), 0);
		DRIVE(c, side_holds(&honest) == 1 && foul.n_kind[CALL_BEGIN] == 1);
		others_go_on();
		CHECK_EQ(forge(&rules[i]), 0);
		DRIVE(c, a.ended && honest.told == 1 && foul.n_kind[CALL_ABORT] == 1);
		CHECK_EQ(a.reason, SINEW_END_PROTOCOL);
		CHECK_EQ(a.outcome, SINEW_CALL_IN_DOUBT);
		CHECK_EQ(foul.last.slot, CALL_SLOT_NONE);
		CHECK_EQ(ask(&honest, PAIR_WHOLE, OP_ECHO, &late, NULL, 0), -EPROTO);
		/* More of the same is not even read. */
		CHECK_EQ(forge(&rules[i]), 0);
		others_go_on();
		CHECK_EQ(foul.n_kind[CALL_ABORT], 1);
		CHECK_EQ(n_said, 1);
		pair_answer(&honest, 1);
		CHECK_EQ(side_holds(&honest), 0);
		end_three();
	}
}

/* ---- storms ---- */

/* Begins where a slot is free, and aborts at once or with the next read. */
static void begin_and_abort(unsigned *pairs)
{
	for (uint16_t i = 0; i < SLOTS; i++) {
		struct call_frame f = {
			.kind = CALL_BEGIN, .slot = i, .gen = foul.gen[i] + 1, .op = OP_HOLD,
			.deadline_ms = CALL_DEADLINE_NONE, .after_slot = CALL_SLOT_NONE,
		};

		if (foul.in_use[i])
			continue;
		if (forge(&f)) {
			foul.refused++;
			return;
		}
		foul.gen[i]++;
		foul.in_use[i] = true;
		if (*pairs % 2)
			cluster_turn(c);
		f = (struct call_frame){ .kind = CALL_ABORT, .slot = i, .gen = foul.gen[i] };
		while (forge(&f))
			cluster_turn(c);
		++*pairs;
	}
}

static void aborts_do_not_multiply_handlers(void)
{
	int64_t until = now_ms() + PATIENCE_MS;
	unsigned pairs = 0, most = 0, holds;

	CHECK_OR_RETURN(begin_three());
	while (pairs < STORM && now_ms() < until) {
		begin_and_abort(&pairs);
		cluster_turn(c);
		holds = side_holds(&honest);
		most = holds > most ? holds : most;
		/* The service is slow: it lets go of one now and then. */
		for (unsigned i = 0; i < HELD_MAX && holds == SLOTS; i++) {
			struct sinew_call *call = honest.held[i].call;

			if (!call || !honest.held[i].told)
				continue;
			honest.held[i].call = NULL;
			sinew_call_end(call);
			break;
		}
	}
	printf("# %u calls begun and aborted, %u shown, at most %u handlers\n", pairs,
	       honest.shown, most);
	CHECK(pairs >= STORM && most == SLOTS && honest.shown > SLOTS);
	others_go_on();
	CHECK_EQ(foul.n_kind[CALL_ABORT], 0);
	for (unsigned i = 0; i < HELD_MAX; i++)
		if (honest.held[i].call)
			sinew_call_end(honest.held[i].call);
	end_three();
}

static void still_served(void)
{
	CHECK_EQ(forge(&(struct call_frame){ .kind = CALL_BEGIN, .gen = 1, .op = OP_COUNT,
		.after_slot = CALL_SLOT_NONE, .deadline_ms = CALL_DEADLINE_NONE }), 0);
	DRIVE(c, foul.complete);
	CHECK_EQ(foul.replied, 8);
	CHECK_EQ(foul.n_kind[CALL_ABORT], 0);
}

/* Each number a binding has, again and again: nothing grows, and its calls work. */
static void bindings_without_end(void)
{
	unsigned n = 0;

	CHECK_OR_RETURN(begin_three());
	while (n < 65536) {
		struct call_frame f = { .kind = CALL_BIND, .binding = 2 + n % 254,
					.service = (uint16_t)n };

		while (forge(&f))
			cluster_turn(c);
		f.kind = CALL_UNBIND;
		while (forge(&f))
			cluster_turn(c);
		n++;
	}
	still_served();
	end_three();
}

static unsigned n_verified, n_principals, principals_most;

static void released(void *user)
{
	(void)user;
	n_principals--;
}

static int verify(struct sinew_session *session, uint16_t kind, const void *mem, size_t len,
		  void **ret_principal, const struct sinew_cred_ops **ret_ops, void *user)
{
	static const struct sinew_cred_ops ops = { .size = sizeof ops, .release = released };

	(void)session, (void)user;
	n_verified += kind == TOY && len == 64 && !memcmp(mem, bytes, len);
	*ret_principal = &n_principals;
	*ret_ops = &ops;
	n_principals++;
	principals_most = n_principals > principals_most ? n_principals : principals_most;
	return 0;
}

/* The same of credentials, all of which are verified and dropped. */
static void credentials_without_end(void)
{
	unsigned n = 0;

	CHECK_OR_RETURN(begin_three());
	n_verified = n_principals = principals_most = 0;
	CHECK_EQ(sinew_calls_verify(honest.calls, TOY, verify, NULL), 0);
	while (n < 65536) {
		struct call_frame f = { .kind = CALL_CRED, .cred = 1 + n % SINEW_CREDS_MAX,
					.cred_kind = TOY, .data = bytes, .n_data = 64 };

		while (forge(&f))
			cluster_turn(c);
		f = (struct call_frame){ .kind = CALL_UNCRED, .cred = f.cred };
		while (forge(&f))
			cluster_turn(c);
		n++;
	}
	still_served();
	CHECK_EQ(n_verified, n);
	CHECK_EQ(n_principals, 0);
	CHECK(principals_most <= SINEW_CREDS_MAX);
	end_three();
}

/* ---- peers that do not consume, and do not answer ---- */

/* A request of its own length is echoed: more than a window. */
static void ask_for_much(uint32_t n)
{
	struct call_frame f = {
		.kind = CALL_BEGIN, .flags = CALL_MORE, .gen = 1, .op = OP_ECHO, .total = n,
		.deadline_ms = CALL_DEADLINE_NONE, .after_slot = CALL_SLOT_NONE,
		.data = bytes, .n_data = 12000,
	};

	CHECK_EQ(forge(&f), 0);
	DRIVE(c, foul.n_kind[CALL_CREDIT] > 0);
	f = (struct call_frame){ .kind = CALL_PIECE, .gen = 1, .data = bytes,
				 .n_data = n - 12000 };
	CHECK_EQ(forge(&f), 0);
}

static void consumption_by_single_bytes(void)
{
	const uint32_t n = WINDOW + 2000;

	CHECK_OR_RETURN(begin_three());
	ask_for_much(n);
	while (!foul.complete && foul.consumed < n) {
		DRIVE(c, foul.replied > foul.consumed);
		if (foul.replied <= foul.consumed)
			break;
		while (forge(&(struct call_frame){ .kind = CALL_CREDIT, .gen = 1,
						   .consumed = ++foul.consumed,
						   .window = WINDOW }))
			cluster_turn(c);
	}
	DRIVE(c, foul.complete);
	CHECK_EQ(foul.replied, n);
	others_go_on();
	end_three();
}

static void a_reply_that_nobody_consumes(void)
{
	CHECK_OR_RETURN(begin_three());
	ask_for_much(WINDOW + 2000);
	DRIVE(c, foul.replied == WINDOW);
	for (unsigned i = 0; i < 20; i++)
		others_go_on();
	CHECK_EQ(foul.replied, WINDOW);
	CHECK_EQ(sinew_calls_open(honest.calls), 1);
	end_three();
}

/* Those that have a slot are in doubt, those that wait for one were not executed. */
static void a_peer_that_never_answers(void)
{
	static struct asked a[2 * SLOTS];
	struct sinew_call_options opt = { .size = sizeof opt, .deadline_ms = 200 };
	unsigned n_ended = 0, doubt = 0, never_seen = 0;

	memset(a, 0, sizeof a);
	CHECK_OR_RETURN(begin_three());
	for (unsigned i = 0; i < 2 * SLOTS; i++) {
		a[i] = (struct asked){ .request = request, .len = 10, .reply = reply,
				       .size = PAIR_MAX };
		CHECK_EQ(ask(&honest, PAIR_WHOLE, OP_ECHO, &a[i], &opt, 0), 0);
	}
	others_go_on();
	DRIVE(c, !sinew_calls_open(honest.calls));
	for (unsigned i = 0; i < 2 * SLOTS; i++) {
		n_ended += a[i].ended == 1 && a[i].reason == SINEW_END_DEADLINE;
		doubt += a[i].outcome == SINEW_CALL_IN_DOUBT;
		never_seen += a[i].outcome == SINEW_CALL_NOT_EXECUTED;
	}
	CHECK_EQ(n_ended, 2 * SLOTS);
	CHECK_EQ(doubt, foul.n_kind[CALL_BEGIN]);
	CHECK_EQ(doubt + never_seen, 2 * SLOTS);
	CHECK(never_seen > 0);
	others_go_on();
	end_three();
}

int main(void)
{
	RUN(its_calls_end_and_nothing_else);
	RUN(aborts_do_not_multiply_handlers);
	RUN(bindings_without_end);
	RUN(credentials_without_end);
	RUN(consumption_by_single_bytes);
	RUN(a_reply_that_nobody_consumes);
	RUN(a_peer_that_never_answers);
	return check_done();
}
