/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program at the address of a member, beside it or in its place, that reads nobody's
 * traffic. Owns its connections and what it says on them. It may say of the incarnations of a
 * pair is drawn for each seed:
 *
 *	BLIND	it knows no incarnation
 *	ONE	it knows all, and never says those of both ends to one of them
 *	BOTH	it says both, to take links and their numbers, but forges nothing
 *
 * The oracle holds what must be true all the same.
 */
#include "attacker.h"

#include <string.h>

#define LINKS_MAX	12u
#define TAKES_MAX	9u		/* fewer faults than a node asks to be fenced for */
#define FAULTS_IN_ROW	14u		/* more than that */
#define DIALS_MAX	500u		/* in all */
#define OPEN_MAX	200u		/* connections of all, before it dials one more */
#define ANSWER_MAX	8u		/* bytes written to it for one of its own, ... */
#define ANSWER_FREE	600u		/* ... and of each connection without any */
#define SAY_MAX		1024u
#define GEN_HUGE	0x7ffffff0u

static struct {
	enum level level;
	bool listens, is_set, closing;
	uint8_t owned;			/* bit per node whose address it can use */
	unsigned n_takes, in_row, n_dials, n_dialled;
	uint8_t row_to, row_owner;
	enum script row;
	uint64_t until_ns, pace_ns;
	uint32_t stale;			/* the number that it was refused with last */
	uint64_t read, written;
	struct adversary_link link[LINKS_MAX];
} adversary;

static uint64_t draw(uint64_t n)
{
	return rng_below(&sim.adversary, n);
}

static bool one_in(unsigned n)
{
	return rng_one_in(&sim.adversary, n);
}

static struct conn *conn_of(const struct adversary_link *l)
{
	return l->c && l->c->used && l->c->gen == l->gen ? l->c : NULL;
}

/* ---- whose incarnations it says ---- */

/* An incarnation of that node that was or is: the last one mostly. 0: none yet. */
static uint64_t inc_of(unsigned node)
{
	uint64_t found = 0;

	for (unsigned i = sim.n_incs; i--; )
		if (sim.inc[i].node == node) {
			found = sim.inc[i].incarnation;
			if (!one_in(4))
				break;
		}
	return found;
}

static uint64_t present(unsigned node)
{
	return sim.inc[sim.node[node].inc].incarnation;
}

/*
 * Static membership has no other proof of a new incarnation than that it knows ours (R20): that one
 * is not given here.
 */
static void identity(struct adversary_link *l)
{
	uint64_t owner = inc_of(l->owner), mine = rng_next(&sim.adversary) | 1, yours = 0;

	if (one_in(2))
		yours = rng_next(&sim.adversary) | 1;
	if (adversary.level >= LEVEL_ONE && owner && !one_in(4))
		mine = owner;
	else if (adversary.level >= LEVEL_ONE && sim.membership && one_in(2))
		yours = present(l->to);
	if (l->script == SCRIPT_UNKNOWN)
		mine = mine == owner ? rng_next(&sim.adversary) | 1 : mine;
	else if (l->script >= SCRIPT_TAKE && l->script < SCRIPTS && owner)
		mine = owner;
	l->mine = mine;
	l->yours = yours;
	if (l->script >= SCRIPT_TAKE && l->script < SCRIPTS)
		l->yours = present(l->to);
}

bool attacker_named(const struct end *e)
{
	return e->named;
}

/* ---- what it writes ---- */

static void say(struct adversary_link *l, const uint8_t *p, size_t n, unsigned what)
{
	struct conn *c = conn_of(l);

	if (!c || !n || net_room(c, l->side) < n)
		return;
	TRACE("ADVERSARY as n%u says %u to n%u on conn %u", l->owner, what, l->to, c->idx);
	cover(what);
	adversary.written += n;
	net_write(c, l->side, p, n);
}

static uint32_t nodeid_of(const struct adversary_link *l)
{
	return sim.node[one_in(30) ? l->to : l->owner].nodeid;
}

static struct hello hello_of(struct adversary_link *l)
{
	struct hello h = {
		.mine = l->mine, .yours = l->yours,
		.next = sim.cfg.first_seq + (uint32_t)rng_scale(&sim.adversary, 0, 1000),
		.gen = one_in(3) ? GEN_HUGE : (uint32_t)rng_scale(&sim.adversary, 0, 20),
		.flags = one_in(8) ? WIRE_HELLO_LEAVING : 0,
		.vmin = WIRE_NATIVE_VERSION, .vmax = WIRE_NATIVE_VERSION,
		.maxframe = one_in(8) ? 200 : WIRE_FRAME_MAX,
		.max_message = one_in(8) ? 100 : 1 << 20, .queue_bytes = 1 << 20,
		.calls = served_grant(&sim.node[l->owner]),
	};

	h.features = h.calls.slots ? WIRE_FEATURE_CALLS : 0;
	memcpy(h.cluster, one_in(20) ? "other" : sim.cfg.cluster, sizeof "other");
	memcpy(h.group, sim.cfg.group, sizeof h.group);
	return h;
}

static void say_hello(struct adversary_link *l, const struct hello *h)
{
	uint8_t p[SAY_MAX];
	unsigned what = COVER_A_HELLO;

	if (conn_of(l))
		l->c->end[l->side].named |= h->yours == present(l->to);
	if (h->flags & WIRE_HELLO_CHOSEN)
		what = COVER_A_CHOICE;
	else if (oracle_inc(h->mine) == SIM_INCS)
		what = COVER_A_UNKNOWN;
	say(l, p, wire_put_hello(p, nodeid_of(l), h), what);
}

static void hello(struct adversary_link *l)
{
	struct hello h = hello_of(l);

	say_hello(l, &h);
}

static void choice(struct adversary_link *l)
{
	struct hello h = hello_of(l);

	h.flags |= WIRE_HELLO_CHOSEN;
	say_hello(l, &h);
}

/* Not both incarnations either. A listener in a member's place may say FAILED: it is
 * believed, for nobody else can be asked. */
static void refuse(struct adversary_link *l)
{
	struct refuse r = { .mine = l->mine, .yours = l->yours,
		.reason = 1 + (uint32_t)draw(WIRE_REFUSE_CLAIMED + 1),
		.next = sim.cfg.first_seq + (uint32_t)draw(100),
		.gen = one_in(2) ? GEN_HUGE : (uint32_t)draw(5) };
	uint8_t p[SAY_MAX];
	bool known = oracle_inc(r.mine) != SIM_INCS;

	if (adversary.level >= LEVEL_ONE && !known)
		r.yours = present(l->to);
	if (r.reason == WIRE_REFUSE_FAILED && l->script == SCRIPT_ANSWER)
		r.yours = 0;
	say(l, p, wire_put_refuse(p, nodeid_of(l), &r),
	    r.reason <= WIRE_REFUSE_CLAIMED ? COVER_A_REFUSE + r.reason : COVER_A_RANDOM);
}

static void junk(struct adversary_link *l)
{
	uint8_t p[SAY_MAX];
	size_t n = 1 + draw(sizeof p);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rng_next(&sim.adversary);
	say(l, p, n, COVER_A_JUNK);
}

static void say_data(struct adversary_link *l)
{
	uint8_t p[SAY_MAX] = { 0 };
	uint32_t seq = sim.cfg.first_seq + (uint32_t)rng_scale(&sim.adversary, 0, 400);
	size_t n = wire_put_msg(p, nodeid_of(l), seq, 40) + 40;

	say(l, p, n, COVER_A_DATA);
}

/* Any frame that a peer may write. */
static void any(struct adversary_link *l)
{
	uint8_t p[SAY_MAX] = { 0 };
	struct probe q = { .cookie = rng_next(&sim.adversary) };
	uint32_t seq = sim.cfg.first_seq + (uint32_t)rng_scale(&sim.adversary, 0, 400);
	uint32_t nodeid = nodeid_of(l);

	switch (draw(10)) {
	case 0: case 1:
		hello(l);
		break;
	case 2:
		choice(l);
		break;
	case 3:
		refuse(l);
		break;
	case 4:
		say_data(l);
		break;
	case 5:
		say(l, p, wire_put_frag(p, nodeid, seq, 100, 1 << 16, 0) + 100, COVER_A_FRAGMENT);
		break;
	case 6:
		say(l, p, wire_put_ack(p, nodeid, seq), COVER_A_ACK);
		break;
	case 7:
		say(l, p, wire_put_fin(p, nodeid, seq), COVER_A_FIN);
		break;
	case 8:
		say(l, p, one_in(2) ? wire_put_leaving(p, nodeid) :
		    wire_put_status(p, nodeid, (uint32_t)draw(4)), COVER_A_STATUS);
		break;
	case 9:
		memcpy(q.cluster, sim.cfg.cluster, sizeof q.cluster);
		say(l, p, wire_put_probe(p, nodeid, &q, one_in(3)), COVER_A_PROBE);
		break;
	}
}

/*
 * Both incarnations: the link is taken, with a number of its own and a position that is not beyond
 * what the member was given. Or a position that cannot be: nothing may come of it.
 */
static void take(struct adversary_link *l, bool possible)
{
	struct node *to = &sim.node[l->to];
	struct session *s = to->running ? to->peers[l->owner].session : NULL;
	struct hello h = hello_of(l);

	if (!s || s->incarnation != l->mine || present(l->to) != l->yours)
		return;
	memcpy(h.cluster, sim.cfg.cluster, sizeof h.cluster);
	h.flags = to->nodeid > sim.node[l->owner].nodeid ? WIRE_HELLO_CHOSEN : 0;
	h.maxframe = WIRE_FRAME_MAX;
	h.max_message = 0;
	h.next = s->ring.acked_seq;
	h.gen = !h.flags ? one_in(2) ? adversary.stale : s->gen : one_in(4) ? (uint32_t)draw(4) :
		s->gen + (uint32_t)rng_scale(&sim.adversary, 1, GEN_HUGE);
	if (!possible)
		h.next = s->ring.acked_seq + 0x40000000;
	if (adversary.n_takes++ >= TAKES_MAX)
		return;
	sim.numbers_taken = true;
	say_hello(l, &h);
	cover(possible ? COVER_A_TAKE : COVER_A_IMPOSSIBLE);
}

static void probe_fast(struct adversary_link *l)
{
	struct probe q = { .cookie = rng_next(&sim.adversary) };
	uint8_t p[SAY_MAX];
	size_t n = 0;

	memcpy(q.cluster, sim.cfg.cluster, sizeof q.cluster);
	for (unsigned i = 0; i < 8; i++)
		n += wire_put_probe(p + n, sim.node[l->owner].nodeid, &q, false);
	say(l, p, n, COVER_A_PROBE);
}

/* ---- its connections ---- */

static void end_link(struct adversary_link *l)
{
	struct conn *c = conn_of(l);
	unsigned side = l->side;

	l->c = NULL;
	if (!c || c->end[side].state == END_CLOSED)
		return;
	if (!l->end_in_order) {
		net_shut(c, side, LINK_RESET);
		return;
	}
	if (c->end[!side].state != END_CLOSED)
		net_send_seg(c, !side, SEG_EOF, 0);
	net_close_end(c, side);
}

void attacker_gone(struct conn *c, unsigned side)
{
	struct adversary_link *l = &adversary.link[c->end[side].adversary - 1];
	bool said = c->end[!side].fin_sent;

	if (conn_of(l) != c)
		return;
	l->c = NULL;
	/* As one that has read everything. */
	if (said && l->end_in_order)
		net_send_seg(c, !side, SEG_EOF, 0);
}

/* One step of what it has in mind with a connection. */
static void step(struct adversary_link *l)
{
	unsigned k = l->step++;

	switch (l->script) {
	case SCRIPT_BARE:
		cover(COVER_A_BARE);
		if (k)
			end_link(l);
		return;
	case SCRIPT_JUNK:
		junk(l);
		return;
	case SCRIPT_FAULT:
		if (k == 0)
			hello(l);
		if (k == 1 || (k == 0 && one_in(2)))
			say_data(l);
		break;
	case SCRIPT_REFUSE:
		if (k == 0)
			hello(l);
		if (k == 1 || (k == 0 && one_in(2)))
			refuse(l);
		break;
	case SCRIPT_UNKNOWN:
	case SCRIPT_ANSWER:
		if (k && one_in(3))
			refuse(l);
		else
			hello(l);
		break;
	case SCRIPT_GUESS:
		if (k && one_in(2))
			choice(l);
		else
			hello(l);
		break;
	case SCRIPT_RANDOM:
		any(l);
		break;
	case SCRIPT_PROBE:
		probe_fast(l);
		break;
	case SCRIPT_TAKE:
	case SCRIPT_CHOICE:
		if (k == 0 || l->is_answered)
			take(l, l->script == SCRIPT_TAKE);
		l->is_answered = false;
		break;
	}
	if (k > 2 + draw(8))
		end_link(l);
}

static struct adversary_link *free_link(void)
{
	struct adversary_link *l = &adversary.link[draw(LINKS_MAX)];

	for (unsigned i = 0; i < LINKS_MAX; i++)
		if (!conn_of(&adversary.link[i]))
			return &adversary.link[i];
	end_link(l);
	return l;
}

static void take_conn(struct adversary_link *l, struct conn *c, unsigned side, enum script script)
{
	*l = (struct adversary_link) { .c = c, .gen = c->gen, .side = (uint8_t)side,
		.owner = c->end[side].node, .to = c->end[!side].node, .script = script,
		.end_in_order = one_in(2) };
	identity(l);
	c->end[side].rogue = c->end[side].taken = true;
	c->end[side].adversary = (uint8_t)(l - adversary.link + 1);
	c->end[0].cap = c->end[1].cap = 65536;
}

static unsigned n_open(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sim.n_conns; i++)
		n += sim.conns[i].used;
	return n;
}

static void dial(unsigned to, unsigned owner, enum script script)
{
	struct conn *c;

	if (!sim.node[to].running || sim.node[to].copy_of || sim.path_down[owner][to][0] ||
	    adversary.n_dials++ >= DIALS_MAX || n_open() >= OPEN_MAX)
		return;
	c = net_open(owner, to, 0);
	if (!c)
		return;
	sim.dial_window_n--;		/* the members' are counted */
	take_conn(free_link(), c, 0, script);
	net_at(sim.now_ns + net_latency(c), EV_ACCEPT, c, 1);
	step(&adversary.link[c->end[0].adversary - 1]);
}

/* ---- where it listens: at the address of a member that is dead ---- */

bool attacker_listens(const struct node *n)
{
	return adversary.listens && !n->running && adversary.owned >> n->idx & 1 &&
		sim.now_ns < adversary.until_ns;
}

void attacker_accept(struct conn *c)
{
	cover(COVER_A_LISTENS);
	adversary.n_dialled++;
	take_conn(free_link(), c, 1, SCRIPT_ANSWER);
	if (one_in(2))
		step(&adversary.link[c->end[1].adversary - 1]);
}

/* ---- what it reads ---- */

static void learn(struct adversary_link *l, const uint8_t *p, size_t n)
{
	struct frame f;
	struct hello h;
	struct refuse r;

	if (frame_parse(p, n, &f))
		return;
	if (f.nextcmd == WIRE_HELLO && !frame_hello(&f, &h)) {
		cover(COVER_A_ANSWERED);
		if (h.flags & WIRE_HELLO_CHOSEN)
			cover(COVER_A_TAKEN);
		else
			l->is_answered = true;
		if (one_in(2) && l->step < 4)
			step(l);
	} else if (f.nextcmd == WIRE_REFUSE && !frame_refuse(&f, &r)) {
		cover(COVER_A_REFUSED);
		if (r.reason == WIRE_REFUSE_STALE)
			adversary.stale = r.gen;
	}
}

void attacker_readable(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct adversary_link *l = &adversary.link[e->adversary - 1];
	uint32_t gen = c->gen;

	while (c->gen == gen && e->state == END_OPEN && e->arr > e->rd) {
		int n = frame_length(e->buf + e->rd, e->arr - e->rd);
		uint32_t at = e->rd;

		if (n <= 0 || (uint32_t)n > e->arr - e->rd)
			break;
		e->rd += (uint32_t)n;
		e->seen = e->rd;
		adversary.read += (uint32_t)n;
		if (conn_of(l) == c)
			learn(l, e->buf + at, (size_t)n);
	}
	if (c->gen == gen && e->state == END_OPEN)
		net_was_read(c, side);
}

/* ---- its time ---- */

static void stop(void)
{
	TRACE("ADVERSARY stops: wrote %llu bytes, was written %llu",
	      (unsigned long long)adversary.written, (unsigned long long)adversary.read);
	if (!sim.numbers_taken && adversary.read > ANSWER_MAX * adversary.written +
	    (uint64_t)ANSWER_FREE * (adversary.n_dials + adversary.n_dialled))
		sim_fail("%llu bytes were written to the attacker for %llu of its own",
			 (unsigned long long)adversary.read, (unsigned long long)adversary.written);
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		if (adversary.closing && one_in(4))
			adversary.link[i].c = NULL;	/* vanishes without a word */
		else
			end_link(&adversary.link[i]);
	}
}

static unsigned some_owned(void)
{
	unsigned i = (unsigned)draw(sim.n_nodes);

	while (!(adversary.owned >> i & 1))
		i = (i + 1) % sim.n_nodes;
	return i;
}

static void turn(void)
{
	struct adversary_link *l = &adversary.link[draw(LINKS_MAX)];
	unsigned owner = some_owned(), to = (unsigned)draw(sim.n_nodes);
	unsigned scripts = adversary.level == LEVEL_BOTH ? SCRIPTS : SCRIPTS_BLIND_END;

	if (adversary.in_row) {
		adversary.in_row--;
		dial(adversary.row_to, adversary.row_owner, adversary.row);
		return;
	}
	if (conn_of(l) && one_in(2)) {
		step(l);
		return;
	}
	if (to == owner)
		return;
	adversary.row = (enum script)draw(scripts);
	if (one_in(12)) {
		adversary.in_row = FAULTS_IN_ROW;
		adversary.row_to = (uint8_t)to;
		adversary.row_owner = (uint8_t)owner;
	}
	dial(to, owner, adversary.row);
}

void attacker_event(void)
{
	uint64_t pace_ns;

	adversary.is_set = false;
	if (sim.now_ns >= adversary.until_ns) {
		stop();
		return;
	}
	turn();
	adversary.is_set = true;
	pace_ns = adversary.in_row ? adversary.pace_ns / 8 + 1 : adversary.pace_ns;
	sim_at(sim.now_ns + rng_scale(&sim.adversary, 1, pace_ns), EV_ATTACK, 0, 0, 0);
}

static void begin(uint64_t for_ns)
{
	adversary.until_ns = sim.now_ns + for_ns;
	if (!adversary.is_set)
		sim_at(sim.now_ns, EV_ATTACK, 0, 0, 0);
	adversary.is_set = true;
}

/* Everybody closes: once more for a moment. */
void attacker_closing(void)
{
	if (adversary.level == LEVEL_NONE || one_in(2))
		return;
	adversary.closing = true;
	begin(rng_scale(&sim.adversary, 10 * MSEC, 3 * SEC));
}

void attacker_draw(void)
{
	uint64_t span = sim.faults_end_ns - sim.now_ns;
	bool play = one_in(4);

	memset(&adversary, 0, sizeof adversary);
	if (sim.limits.attacker != ATTACK_AUTO)
		play = sim.limits.attacker == ATTACK_ALWAYS;
	if (!play || sim.dlm)
		return;
	adversary.level = (enum level)(LEVEL_BLIND + draw(3));
	adversary.listens = one_in(2);
	adversary.owned = (uint8_t)(1u << draw(sim.n_nodes));
	if (one_in(2))
		adversary.owned = (uint8_t)(adversary.owned | draw(1u << sim.n_nodes));
	adversary.pace_ns = rng_scale(&sim.adversary, 5 * MSEC, 2 * span / 50);
	cover(COVER_A_BLIND + adversary.level - LEVEL_BLIND);
	sim_at(sim.now_ns + rng_scale(&sim.adversary, 0, span / 2), EV_ATTACK, 0, 0, 0);
	adversary.is_set = true;
	adversary.until_ns = sim.now_ns + span / 2 + draw(span / 2 + 5 * SEC);
}
