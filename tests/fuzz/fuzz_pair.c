/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: two cores, and a hostile network between them. The input chooses which bytes
 * arrive when, where connections are cut and with what lost, when nodes die and come again;
 * everything said must be heard in order and once, and delivery reports must be true. In a
 * second mode bytes are changed on the way: then nothing but survival is asked. Knows no socket.
 */
#define FUZZ_NAME "pair"	/* fuzz.sh: max_len=600 */
#include "tests/fuzz/world_run.h"

#define OPS_MAX		800u
#define TIME_MAX	MS(400000)	/* in one run, before the network heals */
#define HEAL_MAX	120u		/* seconds until all is well again */
#define LINGER_S	60	/* of a close that waits for a process that has gone */
#define INCS_KEPT	8u		/* of SESSIONS_MAX, for the time of healing */

static struct run {
	struct core_config cfg[2];
	bool is_static, corrupts, slow_dials;
	unsigned closes;		/* at the end, in which way */
	bool blocked[2];		/* paths */
	bool news[2];			/* the node's new incarnation is not known to the other */
	bool left[2];			/* that the node has closed was told */
	uint64_t old[2];		/* its incarnation before */
	uint64_t began_ns;
} run;

static struct peer *peer_of(unsigned i)
{
	return &world.node[i].peer[0];
}

static unsigned index_of(const struct node *n)
{
	return n == world.node ? 0 : 1;
}

/* ---- hooks ---- */

static void dial(struct end *e)
{
	unsigned path = e->el->link.path;

	if (run.blocked[path & 1]) {
		e->tame = true;
		return;		/* black hole */
	}
	world_join(e, &world.node[!index_of(e->node)], path);
	if (!run.slow_dials)
		world_connected(e);
}

static void message(struct inc *l, const uint8_t *p, size_t n)
{
	struct inc *from = world_twin(l);

	if (run.corrupts)
		return;
	MUST(from);
	world_heard(l, from, p, n);
}

/* The delivery report at the end of a session is true. */
static void down(struct inc *l)
{
	const struct inc *twin = world_twin(l);
	uint64_t got = twin ? twin->n_got : 0;
	struct ring_delivery fate;

	if (run.corrupts)
		return;
	ring_delivery(&l->s->ring, &fate);
	MUST(fate.acked <= got && got <= fate.in_doubt);
	MUST(fate.unsent == l->n_sent);
	if (l->s->end == SESSION_CLOSED)
		MUST(fate.acked == l->n_sent);
}

static const struct world_hooks hooks = { dial, message, down };

/* ---- incarnations ---- */

static void settle(void)
{
	world_settle(&world.node[0]);
	world_settle(&world.node[1]);
}

/* Membership, where there is one, says the same to both. */
static void tell(unsigned i)
{
	struct peer *seen = peer_of(!i);

	if (!run.news[i])
		return;
	run.news[i] = false;
	if (run.is_static)
		return;
	peer_failed(seen, run.old[i]);
	settle();
	peer_added(seen, world.node[i].core.cfg.incarnation);
	peer_added(peer_of(i), world.node[!i].core.cfg.incarnation);
	settle();
}

/* A node that has closed is no member any more. */
static void tell_left(unsigned i)
{
	if (!world.node[i].closed || run.left[i] || run.is_static)
		return;
	tell(i);
	run.left[i] = true;
	peer_left(peer_of(!i), world.node[i].core.cfg.incarnation);
	settle();
}

static bool may_renew(void)
{
	return world.node[0].n_incs < SESSIONS_MAX - INCS_KEPT &&
		world.node[1].n_incs < SESSIONS_MAX - INCS_KEPT;
}

static uint64_t next_inc(unsigned i)
{
	tell(i);
	run.old[i] = run.cfg[i].incarnation;
	run.news[i] = true;
	return ++run.cfg[i].incarnation;
}

static void boot(unsigned i)
{
	world_peer(&world.node[i], run.cfg[!i].nodeid, &profile_native, 2);
}

static void restart(unsigned i)
{
	if (!may_renew())
		return;
	next_inc(i);
	world_kill(&world.node[i]);
	world_boot(&world.node[i], &run.cfg[i]);
	run.left[i] = false;
	boot(i);
	settle();
}

static void renew(unsigned i)
{
	if (!may_renew())
		return;
	world.node[i].renew_asked = false;
	core_renew(&world.node[i].core, next_inc(i));
	settle();
}

static void renew_who_must(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (world.node[i].renew_asked)
			renew(i);
}

/* ---- what the input does ---- */

static struct end *choose(struct input *in)
{
	unsigned nth = input_u8(in) % ENDS_MAX;

	for (unsigned k = 0; k < ENDS_MAX; k++) {
		struct end *e = &world.end[k];

		if (world_open(e) && nth-- == 0)
			return e;
	}
	for (unsigned k = 0; k < ENDS_MAX; k++)
		if (world_open(&world.end[k]))
			return &world.end[k];
	return NULL;
}

static size_t some(struct input *in)
{
	uint8_t n = input_u8(in);

	return n < 0xc0 ? n : n < 0xf0 ? (n - 0xbfu) * 256 : SIZE_MAX / 2;
}

static void op_say(struct input *in)
{
	uint8_t how = input_u8(in);
	unsigned i = how & 1;
	struct inc *l = world_present(&world.node[i], peer_of(i));
	size_t len = input_u8(in);

	len = len < 240 ? len : (len - 239) * 1200;
	for (unsigned k = 0; l && l->s && k <= (how >> 1 & 3u); k++)
		world_say(l, len);
}

static void op_move(struct input *in)
{
	size_t n = some(in);
	struct end *e = choose(in);

	if (e)
		world_read(e, n);
}

static void op_pump(struct input *in)
{
	(void)in;
	world_pump();
}

/* Cut behind so many bytes on either side; what is beyond them is lost. */
static void op_cut(struct input *in)
{
	uint8_t how = input_u8(in);
	size_t n = some(in);
	struct end *e = choose(in), *o;

	if (!e)
		return;
	o = e->other;
	if (how & 0x80)
		run.blocked[how & 1] = how & 2;
	if (e->connecting || !o || how & 4) {
		world_break(e, how & 8, how & 16);
		return;
	}
	world_part(e, how & 8);
	if (o->n_in - o->visible > n)
		o->n_in = o->visible + n;
	if (how & 32 && e->n_in - e->visible > n)
		e->n_in = e->visible + n;
	e->eof = how & 16;
	e->reset = !e->eof;
	if (!(how & 64))
		world_read(o, 0);
	settle();
}

static void op_time(struct input *in)
{
	static const uint32_t ms[] = { 1, 5, 20, 100, 700, 1000, 2500, 5000, 12000, 21000, 61000 };
	uint64_t until = world.now_ns + MS(ms[input_below(in, sizeof ms / sizeof ms[0])]);
	uint64_t next;

	if (until > run.began_ns + TIME_MAX)
		return;
	while ((next = world_deadline()) < until) {
		world_tick(next > world.now_ns ? next : world.now_ns);
		renew_who_must();
	}
	world_tick(until);
}

static void op_slot(struct input *in)
{
	uint8_t how = input_u8(in);
	unsigned i = how & 1;
	struct inc *l = world_present(&world.node[i], peer_of(i));
	size_t len = input_u8(in);

	if (!l)
		return;
	if (how & 2)
		world_slot_give(l, how >> 4, len);
	else
		world_slot_get(l, how & 4 ? len * 64 : len);
}

static void op_habit(struct input *in)
{
	uint8_t how = input_u8(in);
	struct end *e = choose(in);

	if (!e)
		return;
	e->out_max = how & 1 ? how : 0;
	e->breaks_off = how & 2;
	if (how & 4)
		world_scan(e);
	if (how & 8)
		world_connected(e);
	if (!(how & 16) && world_open(e))
		world_flush(e);
	settle();
}

static void op_session(struct input *in)
{
	uint8_t how = input_u8(in);
	unsigned i = how & 1;
	struct inc *l = world_present(&world.node[i], peer_of(i));

	if (!l)
		return;
	switch (how >> 1 & 7) {
	case 0:
	case 1:
		session_pause(l->s, how & 16);
		break;
	case 2:
		session_finish(l->s);
		break;
	case 3:
		if (may_renew())
			session_abort(l->s);
		break;
	case 4:
		world.node[i].stingy = how & 16;
		break;
	case 5:
		core_quorum(&world.node[i].core, how & 16);
		break;
	default:
		session_schedule(l->s);
	}
	settle();
}

static void op_inc(struct input *in)
{
	uint8_t how = input_u8(in);
	unsigned i = how & 1;

	switch (how >> 1 & 7) {
	case 0:
		restart(i);
		break;
	case 1:
		renew(i);
		break;
	case 2:
		tell(i);
		break;
	case 3:
		run.slow_dials = how & 16;
		break;
	case 4:
		core_close(&world.node[i].core);
		break;
	default:
		peer_addrs(peer_of(i), world.node[i].addr[0], how & 16 ? 1 : 2);
	}
	settle();
}

/* On the way, where TCP's checksum should have seen it. */
static void op_corrupt(struct input *in)
{
	size_t at = input_u16(in);
	uint8_t by = input_u8(in);
	struct end *e = choose(in);

	if (run.corrupts && e && e->n_in > e->visible)
		e->in[e->visible + at % (e->n_in - e->visible)] ^= by;
}

static void one(struct input *in)
{
	static void (*const ops[])(struct input *) = {
		op_say, op_move, op_move, op_pump, op_cut, op_time, op_slot, op_habit, op_session,
		op_inc, op_corrupt, op_move, op_say, op_time, op_cut, op_pump,
	};

	ops[input_u8(in) % (sizeof ops / sizeof ops[0])](in);
	renew_who_must();
}

/* ---- the whole run ---- */

static void begin(struct input *in)
{
	uint8_t how = input_u8(in), more = input_u8(in);

	world_begin(&hooks);
	memset(&run, 0, sizeof run);
	run.is_static = !(how & 1);
	run.corrupts = how & 2;
	run.slow_dials = how & 4;
	run.closes = more >> 3 & 3;
	run.began_ns = world.now_ns;
	for (unsigned i = 0; i < 2; i++) {
		struct core_config *cfg = &run.cfg[i];

		core_config_default(cfg);
		cfg->nodeid = i + 1;
		cfg->incarnation = 0x1000 * (i + 1);
		cfg->static_members = run.is_static;
		cfg->first_seq = how & 8 ? 0 : 0xfffffffa;
		cfg->auto_close = how & (16u << i);
		cfg->queue_bytes = RING_MIN;
		cfg->max_message = 30000;
		cfg->max_frame = more & (1u << i) ? 150 : WIRE_FRAME_MAX;
		cfg->ack_frames = more & 4 ? 2 : 256;
		cfg->seed = more;
		cfg->fault_limit = UINT32_MAX;
		world_node(cfg);
	}
	for (unsigned i = 0; i < 2; i++)
		boot(i);
	for (unsigned i = 0; i < 2 && !run.is_static; i++)
		peer_added(peer_of(i), run.cfg[!i].incarnation);
	settle();
}

/* The network is honest from now on, and nobody is slow or short of memory. */
static void heal(void)
{
	run.slow_dials = run.blocked[0] = run.blocked[1] = false;
	for (struct end *e = world.end; e < &world.end[ENDS_MAX]; e++) {
		if (!world_open(e))
			continue;
		e->out_max = 0;
		e->breaks_off = false;
		if (e->connecting && e->other)
			world_connected(e);
		else if (!e->other && !e->eof && !e->reset)
			world_break(e, false, false);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct inc *l;

		world.node[i].stingy = false;
		peer_addrs(peer_of(i), world.node[i].addr[0], 2);
		world_provide(&world.node[i], peer_of(i));
		core_quorum(&world.node[i].core, true);
		settle();
		tell(i);
		l = world_present(&world.node[i], peer_of(i));
		while (l && l->s && l->n_slots)
			world_slot_give(l, 0, SIZE_MAX);
		if (l && l->s)
			session_pause(l->s, false);
		settle();
	}
}

static void pass_second(void)
{
	uint64_t until = world.now_ns + MS(1000), next;

	while ((next = world_deadline()) < until) {
		world_tick(next > world.now_ns ? next : world.now_ns);
		world_pump();
		renew_who_must();
	}
	world_tick(until);
	world_pump();
	renew_who_must();
	for (unsigned i = 0; i < 2; i++) {
		tell(i);
		tell_left(i);
	}
	/* A message accepted before the pause of this side is still sent. */
	for (struct end *e = world.end; e < &world.end[ENDS_MAX]; e++)
		if (world_open(e))
			world_read(e, 0);
}

/*
 * A node that closes while the other has closed already, perhaps without ever having had a
 * session with this incarnation, learns nothing more without membership: its linger time ends that.
 */
static void end_linger(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct core *core = &world.node[i].core;

		if (!run.is_static || !core->closing || world.node[i].closed ||
		    !world.node[!i].closed)
			continue;
		core_linger_over(core);
		settle();
	}
}

/* All that one says is heard by the other, or the session is over on both sides. */
static bool all_well(void)
{
	struct inc *a = world_present(&world.node[0], peer_of(0));
	struct inc *b = world_present(&world.node[1], peer_of(1));

	for (unsigned i = 0; i < 2; i++)
		if (world.node[i].core.closing && !world.node[i].closed)
			return false;
	/* Without membership a newer incarnation of the other may wait for ever for one of ours. */
	if ((!a && !b) || world.node[0].closed || world.node[1].closed)
		return true;
	if (!a || !b || world_twin(a) != b || world_twin(b) != a || !peer_of(0)->up)
		return false;
	return a->n_got == b->n_sent && b->n_got == a->n_sent &&
		ring_all_acked(&a->s->ring) && ring_all_acked(&b->s->ring);
}

static void become_well(void)
{
	for (unsigned s = 0; !all_well(); s++) {
		MUST(s < HEAL_MAX);
		pass_second();
		if (s == LINGER_S)
			end_linger();
	}
}

static void finish(void)
{
	struct inc *a, *b;

	heal();
	become_well();
	a = world_present(&world.node[0], peer_of(0));
	b = world_present(&world.node[1], peer_of(1));
	if (!a || !b)
		return;
	world_say(a, 300);
	world_say(b, 300);
	pass_second();
	pass_second();
	MUST(all_well());
	if (!run.closes)
		return;
	/* Both close, one after the other or at once; what was said last is heard, too. */
	world_say(a, 10);
	world_say(b, 10);
	core_close(&world.node[0].core);
	if (run.closes & 1)
		pass_second();
	core_close(&world.node[1].core);
	settle();
	become_well();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };

	begin(&in);
	for (unsigned i = 0; in.left && i < OPS_MAX; i++)
		one(&in);
	if (!run.corrupts)
		finish();
	world_over();
	return 0;
}

#include "tests/fuzz/replay.h"
