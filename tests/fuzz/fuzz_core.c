/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: one core with hostile peers, whole connections. The input is the schedule
 * and the bytes: connections, frames near what is right, their pieces, time, sends,
 * membership. Beside them an honest core exchanges messages with the same core all the
 * while, and must not notice. Knows no socket.
 */
#define FUZZ_NAME "core"	/* fuzz.sh: max_len=600 */
#include "tests/fuzz/hostile.h"
#include "tests/fuzz/world_run.h"

enum { LOW, HIGH, KERNEL, PAIR, N_PEERS };	/* of the core under test */

#define SELF		4u
#define OPS_MAX		600u
#define TIME_MAX	MS(400000)	/* of the core's, in one run */

static const uint32_t nodeids[N_PEERS] = { 1, 7, 9, 0 };

static struct run {
	struct node *self, *pair;
	struct peer *peer[N_PEERS], *pair_self;
	uint64_t inc[N_PEERS];
	bool is_static, may_renew;
	bool renewed;		/* the pair's sessions ended rightly */
	bool ending;
	uint64_t began_ns;
} run;

/* ---- the honest pair ---- */

static void pair_dial(struct end *e)
{
	world_join(e, e->node == run.self ? run.pair : run.self, 0);
	world_connected(e);
}

static void dial(struct end *e)
{
	if (e->node == run.pair || e->peer == run.peer[PAIR])
		pair_dial(e);
	else if (!run.self->slow_dials)
		world_connected(e);
}

static void message(struct inc *l, const uint8_t *p, size_t n)
{
	struct inc *from;

	if (l->peer != run.peer[PAIR] && l->node != run.pair)
		return;
	from = world_twin(l);
	MUST(from);
	world_heard(l, from, p, n);
}

static void down(struct inc *l)
{
	if (l->peer == run.peer[PAIR] || l->node == run.pair)
		MUST(run.renewed || run.ending);
	else if (l->peer->profile == &profile_native && l->s->end == SESSION_CLOSED)
		MUST(l->finished || l->s->end_state != FSM_FIN_WAIT2);
}

static const struct world_hooks hooks = { dial, message, down };

/* ---- time ---- */

static void pass(uint64_t ns)
{
	uint64_t until = world.now_ns + ns, next;

	while ((next = world_deadline()) < until) {
		world_tick(next > world.now_ns ? next : world.now_ns);
		world_pump();
	}
	world_tick(until);
	world_pump();
}

/* ---- what the input does ---- */

enum wanted { WANT_ANY, WANT_UP, WANT_CONNECTING };

static bool suits(const struct end *e, enum wanted wanted)
{
	if (!world_open(e) || e->tame || e->connecting != (wanted == WANT_CONNECTING))
		return false;
	return wanted != WANT_UP || link_is_up(&e->el->link);
}

/* The nth of the ends whose other side is ours to play, over and over; NULL: none. */
static struct end *nth_end(unsigned nth, enum wanted wanted)
{
	struct end *fits[ENDS_MAX];
	unsigned n = 0;

	for (struct end *e = world.end; e < &world.end[ENDS_MAX]; e++)
		if (suits(e, wanted))
			fits[n++] = e;
	return n ? fits[nth % n] : NULL;
}

/* By the input; one that carries a session if it does not say otherwise. */
static struct end *choose(struct input *in, bool connecting)
{
	uint8_t nth = input_u8(in);
	struct end *e;

	if (connecting)
		return nth_end(nth, WANT_CONNECTING);
	e = nth < 0x80 ? nth_end(nth, WANT_UP) : NULL;
	return e ? e : nth_end(nth & 0x7f, WANT_ANY);
}

static struct peer *hostile_peer(struct input *in)
{
	return run.peer[input_below(in, PAIR)];
}

static void op_accept(struct input *in)
{
	struct peer *p = hostile_peer(in);
	struct path_addr addr = world_addr(p->nodeid, input_u8(in) & 1);
	bool dlm = p->profile == &profile_dlm;
	struct end *e = world_accept(run.self, &addr, dlm ? p : NULL);

	if (e)
		e->peer = p;
	world_settle(run.self);
}

/* Frames of one kind, read at once or left under way. */
static void op_frame(struct input *in)
{
	enum hostile_kind kind = (enum hostile_kind)input_below(in, HOSTILE_KINDS);
	uint8_t how = input_u8(in);
	struct end *e = choose(in, false);
	struct peer *p;

	if (!e)
		return;
	p = how & 0x40 ? hostile_peer(in) : e->el->link.peer ? e->el->link.peer : e->peer;
	for (unsigned i = 0; i <= (how & 3u) && world_open(e); i++)
		hostile_write(e, p, run.inc[p - run.self->peer], in, kind);
	if (!(how & 0x80))
		world_read(e, e->n_in);
}

/* Everything up to data, as an honest peer would: what comes next finds a session. */
static void op_handshake(struct input *in)
{
	static const uint8_t right[8];
	struct peer *p = run.peer[input_u8(in) & 1 ? HIGH : LOW];
	struct path_addr addr = world_addr(p->nodeid, 0);
	struct end *e = world_accept(run.self, &addr, NULL);

	for (unsigned i = 0; e && i < 3 && world_open(e); i++) {
		/* The first of the lower nodeid chooses nothing yet. */
		static const uint8_t first[8] = { 4, 0, 0, 0, 0, 0, 0, 0 };
		struct input zero = { i < 2 ? first : right, 8 };

		e->peer = p;
		if (p->up == &e->el->link)
			break;
		hostile_write(e, p, run.inc[p - run.self->peer], &zero, HOSTILE_HELLO);
		world_read(e, e->n_in);
	}
}

static void op_end(struct input *in)
{
	uint8_t how = input_u8(in);
	struct end *e = choose(in, how & 4);

	if (!e)
		return;
	if (how & 8)
		world_connected(e);
	else
		world_break(e, how & 1, how & 2);
	world_settle(run.self);
}

static void op_end_habit(struct input *in)
{
	uint8_t how = input_u8(in);
	struct end *e = choose(in, false);

	if (!e)
		return;
	e->out_max = how & 1 ? 1u + how : 0;
	e->breaks_off = how & 2;
	if (!(how & 4))
		world_flush(e);
	if (how & 8)
		world_scan(e);
	world_settle(run.self);
}

static void op_time(struct input *in)
{
	static const uint32_t ms[] = { 1, 5, 20, 100, 700, 1000, 2500, 5000, 12000, 20000, 61000 };
	uint64_t ns = MS(ms[input_below(in, sizeof ms / sizeof ms[0])]);

	if (world.now_ns + ns < run.began_ns + TIME_MAX)
		pass(ns);
}

/* A packet that the lock manager would have sent. */
static void say_dlm(struct inc *l, size_t n, bool bare)
{
	uint8_t p[WIRE_HEADER + 300];
	struct span part = { p, WIRE_HEADER + n % 300 };
	uint64_t number = 0;

	memset(p, 's', sizeof p);
	wire_put_header(p, WIRE_VERSION_3_2, 77, SELF, part.n, n & 1 ? WIRE_RCOM : WIRE_MSG);
	if (bare)
		session_send_bare(l->s, p, part.n);
	else if (!session_send(l->s, &part, 1, part.n, &number))
		l->n_sent++;
	session_schedule(l->s);
	world_settle(l->node);
}

static void op_app(struct input *in)
{
	uint8_t how = input_u8(in);
	struct peer *p = how & 0x80 ? run.peer[PAIR] : hostile_peer(in);
	struct inc *l = world_present(run.self, p);
	size_t len = input_u8(in);

	if (!l)
		return;
	len = len < 250 ? len : (len - 249) * 3000;
	if (p->profile == &profile_dlm) {
		say_dlm(l, len, how & 1);
		return;
	}
	switch (how & 7) {
	case 0:
	case 1:
		world_say(l, len);
		break;
	case 2:		/* up to more than there is room for */
		for (unsigned i = 0; i < 16 && l->s; i++)
			world_say(l, len);
		break;
	case 3:
		world_slot_get(l, len);
		break;
	case 4:
		world_slot_give(l, how >> 3 & 3, len);
		break;
	case 5:
		session_pause(l->s, how & 8);
		break;
	case 6:
		if (p != run.peer[PAIR])
			session_finish(l->s);
		break;
	default:
		if (p != run.peer[PAIR] && how & 8)
			session_abort(l->s);
	}
	world_settle(run.self);
	/* Its room is used up only by messages that were read; the pair answers now and then. */
	l = world_present(run.pair, run.pair_self);
	if (l && how & 0x80 && how & 0x10)
		world_say(l, len);
}

static void op_member(struct input *in)
{
	uint8_t how = input_u8(in);
	struct peer *p = hostile_peer(in);
	uint64_t *inc = &run.inc[p - run.self->peer];

	*inc += how >> 4 & 3;
	switch (how & 7) {
	case 0:
	case 1:
	case 2:
		peer_added(p, *inc);
		break;
	case 3:
		peer_leaving(p, *inc);
		break;
	case 4:
		peer_left(p, *inc);
		break;
	case 5:
		peer_failed(p, how & 8 ? 0 : *inc);
		break;
	case 6:
		peer_addrs(p, run.self->addr[p - run.self->peer], how & 8 ? how >> 6 & 1 : 2);
		break;
	default:
		core_quorum(&run.self->core, how & 8);
	}
	world_settle(run.self);
}

static void provide_all(void)
{
	run.self->stingy = false;
	for (unsigned i = 0; i < N_PEERS; i++)
		if (peer_find(&run.self->core, run.peer[i]->nodeid))
			world_provide(run.self, run.peer[i]);
	world_settle(run.self);
}

/* A peer of the configuration goes and comes again. */
static void again(struct peer *p)
{
	unsigned i = (unsigned)(p - run.self->peer);
	struct session *spare = p->spare;

	peer_remove(p);
	world_settle(run.self);
	for (struct end *e = world.end; e < &world.end[ENDS_MAX]; e++)
		if (world_open(e) && e->node == run.self)
			MUST(e->el->link.peer != p);
	peer_add(&run.self->core, p, nodeids[i], i == KERNEL ? &profile_dlm : &profile_native,
		 run.self->addr[i], i == HIGH ? 2 : 1);
	if (spare)
		peer_provide(p, spare);
	else
		world_provide(run.self, p);
	run.inc[i]++;
}

static void op_node(struct input *in)
{
	uint8_t how = input_u8(in);

	switch (how & 3) {
	case 0:
		run.self->slow_dials = how & 4;
		break;
	case 1:
		if (how & 4)
			run.self->stingy = true;
		else
			provide_all();
		break;
	case 2:
		again(hostile_peer(in));
		break;
	default:
		run.inc[input_below(in, PAIR)] += 1;
	}
	world_settle(run.self);
}

static void op_read(struct input *in)
{
	size_t n = input_u8(in);
	struct end *e = choose(in, false);

	if (e)
		world_read(e, n < 0xf0 ? n : n * 16);
}

/* The core has lost its incarnation: the input decides whether it is renewed now or never. */
static void renew(void)
{
	uint64_t old = run.self->core.cfg.incarnation;

	if (!run.self->renew_asked)
		return;
	run.self->renew_asked = false;
	if (!run.may_renew)
		return;
	run.renewed = true;
	core_renew(&run.self->core, old + 0x100);
	world_settle(run.self);
	if (!run.is_static) {
		peer_failed(run.pair_self, old);
		world_settle(run.pair);
		peer_added(run.pair_self, old + 0x100);
		world_settle(run.pair);
		peer_added(run.peer[PAIR], run.pair->core.cfg.incarnation);
		world_settle(run.self);
	}
}

static void one(struct input *in)
{
	static void (*const ops[])(struct input *) = {
		op_frame, op_frame, op_frame, op_frame, op_accept, op_handshake, op_time, op_app,
		op_end, op_end_habit, op_member, op_node, op_read, op_app, op_read, op_time,
	};

	ops[input_u8(in) % (sizeof ops / sizeof ops[0])](in);
	renew();
	world_pump();
}

/* ---- the whole run ---- */

static void begin(struct input *in)
{
	uint8_t how = input_u8(in), more = input_u8(in);
	struct core_config cfg;
	uint32_t pair = how & 2 ? SELF + 1 : SELF - 1;

	world_begin(&hooks);
	memset(&run, 0, sizeof run);
	run.is_static = !(how & 1);
	run.may_renew = how & 4;
	core_config_default(&cfg);
	cfg.incarnation = 0x1000;
	cfg.nodeid = SELF;
	cfg.static_members = run.is_static;
	cfg.first_seq = how & 8 ? 0 : 0xfffffff8;
	cfg.auto_close = how & 16;
	cfg.quorum_stops = how & 32;
	cfg.policy_31 = (enum core_policy_31)((how >> 6) % 3);
	cfg.max_message = 20000;
	cfg.queue_bytes = RING_MIN;
	cfg.max_frame = more & 1 ? 200 : more & 2 ? 5000 : WIRE_FRAME_MAX;
	cfg.ack_frames = more & 4 ? 1 : 256;
	cfg.fault_limit = more & 8 ? 1 : 10;
	cfg.reset_repeats = !(more & 16);
	cfg.stall_limit = 2;
	cfg.frag_ns = MS(3000);
	cfg.seed = more;
	memcpy(cfg.cluster, "fuzz", 5);
	run.self = world_node(&cfg);
	run.peer[LOW] = world_peer(run.self, nodeids[LOW], &profile_native, 1);
	run.peer[HIGH] = world_peer(run.self, nodeids[HIGH], &profile_native, 2);
	run.peer[KERNEL] = world_peer(run.self, nodeids[KERNEL], &profile_dlm, 1);
	run.peer[PAIR] = world_peer(run.self, pair, &profile_native, 1);
	for (unsigned i = 0; i < PAIR; i++)
		run.inc[i] = 0x20000 * (i + 1);
	cfg.nodeid = pair;
	cfg.incarnation = 0x2000;
	run.pair = world_node(&cfg);
	run.pair_self = world_peer(run.pair, SELF, &profile_native, 1);
	run.began_ns = world.now_ns;
	if (!run.is_static) {
		peer_added(run.peer[PAIR], 0x2000);
		peer_added(run.pair_self, 0x1000);
	}
	world_settle(run.self);
	world_settle(run.pair);
	pass(MS(100));
}

/* Gives slots back that would hold up what was said behind them, and reads on. */
static void pair_goes_on(struct inc *a)
{
	while (a->n_slots)
		world_slot_give(a, 0, SIZE_MAX);
	session_pause(a->s, false);
	world_settle(run.self);
	for (struct end *e = world.end; e < &world.end[ENDS_MAX]; e++)
		if (world_open(e) && e->tame)
			world_read(e, 0);
	world_pump();
}

static bool pair_is_up(void)
{
	struct inc *a = world_present(run.self, run.peer[PAIR]);
	struct inc *b = world_present(run.pair, run.pair_self);

	return a && b && a->up && b->up && world_twin(a) == b && run.peer[PAIR]->up;
}

/* After all that was done to it, the honest pair has heard everything, and still talks. */
static void finish(void)
{
	struct inc *a, *b;

	provide_all();
	core_quorum(&run.self->core, true);
	world_settle(run.self);
	for (unsigned s = 0; !pair_is_up(); s++) {
		MUST(s < 60);
		pass(MS(1000));
	}
	a = world_present(run.self, run.peer[PAIR]);
	b = world_present(run.pair, run.pair_self);
	pair_goes_on(a);
	world_say(a, 100);
	world_say(b, 100);
	world_pump();
	MUST(b->n_got == a->n_sent && a->n_got == b->n_sent);
	MUST(a->s->n.faults == 0 && b->s->n.faults == 0);
	MUST(!run.self->fenced[PAIR] && !run.pair->fenced[0]);
	MUST(run.renewed || (a->s->n.reconnects == 0 && b->s->n.reconnects == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };

	begin(&in);
	for (unsigned i = 0; in.left && i < OPS_MAX; i++)
		one(&in);
	finish();
	run.ending = true;
	world_over();
	return 0;
}

#include "tests/fuzz/replay.h"
