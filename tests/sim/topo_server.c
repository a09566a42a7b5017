/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the simulated topology servers: their lives, what their programs publish, the sessions
 * between them, and what each table is to be at a quiet point. Knows no clients.
 */
#include "topo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX	6	/* of a program */
#define PEER_ROWS_MAX	64

static void *allocate(void *user, size_t n)
{
	struct topo_world *w = user;

	if (w->fails && rng_one_in(&w->rng, w->fails)) {
		cover(COVER_T_NO_MEMORY);
		return NULL;
	}
	w->n_blocks++;
	return malloc(n);
}

static void give_back(void *user, void *p)
{
	struct topo_world *w = user;

	w->n_blocks--;
	free(p);
}

struct topo_memory topo_world_memory(void)
{
	return (struct topo_memory){ .alloc = allocate, .release = give_back, .user = &tw };
}

/* Must succeed; memory is not short meanwhile. */
static void must_publish(struct topo_server *s, struct topo_owner *o, uint32_t type,
			 uint32_t instance, uint8_t scope, uint32_t *ret_pub)
{
	struct topo_offer offer = {
		.name = { type, instance, instance }, .scope = scope,
		.attr = (const uint8_t *)"a=b\n", .attr_len = 4,
	};
	unsigned fails = tw.fails;
	int r;

	tw.fails = 0;
	r = ret_pub ? topo_publish_next(&s->topo, o, &offer, ret_pub) :
		topo_publish(&s->topo, o, &offer, TOPO_PUB_NODE);
	tw.fails = fails;
	if (r)
		sim_fail("n%u: type %u of the library gives %d", s->idx, type, r);
	topo_server_remember(s);
}

static uint32_t node_of(uint32_t idx)
{
	return idx + 1;
}

/* Everything counts from near its wrap. */
static uint64_t near_wrap(uint64_t wrap)
{
	return rng_one_in(&tw.rng, 2) ? wrap - rng_below(&tw.rng, 40) : rng_below(&tw.rng, 3);
}

void topo_server_start(struct topo_server *s)
{
	struct topo_config cfg = {
		.limits = { .log_entries = tw.log_entries, .max_publications = 1000,
			    .max_subscriptions = 100 },
		.memory = topo_world_memory(), .own_node = node_of(s->idx),
		.own_incarnation = ++tw.next_life, .epoch = rng_next(&tw.rng),
		.first_pub = (uint32_t)near_wrap(1ull << 32),
		.first_index = near_wrap(1ull << 32),
	};
	unsigned fails = tw.fails;

	tw.fails = 0;
	if (topo_init(&s->topo, &cfg))
		sim_fail("n%u: no server", s->idx);
	tw.fails = fails;
	s->first = cfg.first_index;
	s->n_history = 0;
	s->all_known = true;
	s->alive = true;
	TRACE("n%u: starts", s->idx);
	s->incarnation = cfg.own_incarnation;
	topo_owner_init(&s->library, &s->topo, TOPO_LIBRARY, UINT32_MAX);
	for (unsigned i = 0; i < TOPO_OWNERS; i++)
		s->program[i].open = false;
	for (unsigned i = 0; i < TOPO_NODES; i++)
		s->session[i].up = false;
	must_publish(s, &s->library, TOPO_NODE, node_of(s->idx), TOPO_SCOPE_NODE, NULL);
}

/* Subscribers see that later. */
static void shut_all(struct topo_server *s)
{
	for (unsigned i = 0; i < TOPO_NODES; i++)
		topo_stream_shut(&tw.server[i].session[s->idx].in, s);
	for (unsigned i = 0; i < TOPO_CLIENTS; i++)
		if (tw.client[i].home == s->idx)
			topo_stream_shut(&tw.client[i].in, s);
}

void topo_server_stop(struct topo_server *s)
{
	shut_all(s);
	for (unsigned i = 0; i < TOPO_NODES; i++) {
		struct topo_session *x = &s->session[i];

		topo_stream_close(&x->in, &tw.server[i]);
		if (x->up)
			topo_peer_fini(&x->peer);
		topo_server_remember(s);
		x->up = false;
	}
	for (unsigned i = 0; i < tw.n_pubs; i++)
		if (tw.pub[i].id.node == node_of(s->idx))
			tw.pub[i].live = false;
	topo_fini(&s->topo);
	s->alive = false;
	TRACE("n%u: stops", s->idx);
}

/* ---- programs ---- */

static struct topo_program *some_program(struct topo_server *s)
{
	struct topo_program *p = &s->program[rng_below(&tw.rng, TOPO_OWNERS)];

	if (!p->open)
		topo_owner_init(&p->owner, &s->topo, TOPO_LOCAL, ROWS_MAX);
	p->open = true;
	return p;
}

void topo_server_publish(struct topo_server *s)
{
	struct topo_program *p = some_program(s);
	struct topo_pub *pub = &tw.pub[tw.n_pubs];
	struct topo_offer offer;
	uint32_t number;
	int r;

	*pub = (struct topo_pub){
		.scope = rng_one_in(&tw.rng, 3) ? TOPO_SCOPE_NODE : TOPO_SCOPE_CLUSTER,
		.attr_len = (uint8_t)rng_below(&tw.rng, 4), .owner = (uint8_t)(p - s->program),
		.live = true,
	};
	pub->name.type = TOPO_TYPE_FIRST + (uint32_t)rng_below(&tw.rng, 3);
	pub->name.lower = (uint32_t)rng_below(&tw.rng, 4);
	pub->name.upper = pub->name.lower + (uint32_t)rng_below(&tw.rng, 2);
	for (unsigned i = 0; i < sizeof pub->attr; i++)
		pub->attr[i] = (uint8_t)rng_next(&tw.rng);
	offer = (struct topo_offer){
		.name = pub->name, .scope = pub->scope, .attr = pub->attr,
		.attr_len = pub->attr_len,
	};
	r = topo_publish_next(&s->topo, &p->owner, &offer, &number);
	topo_server_remember(s);
	if (r == -ENOSPC && p->owner.n == ROWS_MAX)
		cover(COVER_T_FULL);
	else if (r && (r != -ENOMEM || !tw.fails))
		sim_fail("n%u: a publication gives %d", s->idx, r);
	if (r || ++tw.n_pubs == TOPO_PUBS)
		return;
	pub->id = (struct topo_id){
		.node = node_of(s->idx), .incarnation = s->incarnation, .pub = number,
	};
	cover(COVER_T_PUBLISHED);
}

/* Of this life of the node, by that program or any; NULL: none. */
static struct topo_pub *some_pub(const struct topo_server *s)
{
	uint32_t at = (uint32_t)rng_below(&tw.rng, tw.n_pubs ? tw.n_pubs : 1);

	for (uint32_t i = 0; i < tw.n_pubs; i++) {
		struct topo_pub *pub = &tw.pub[at];

		at = at + 1 == tw.n_pubs ? 0 : at + 1;
		if (pub->live && pub->id.node == node_of(s->idx))
			return pub;
	}
	return NULL;
}

void topo_server_withdraw(struct topo_server *s)
{
	struct topo_pub *pub = some_pub(s);
	struct topo_program *p = some_program(s);
	int r, want;

	if (!pub)
		return;
	if (rng_one_in(&tw.rng, 2))
		p = &s->program[pub->owner];
	want = p == &s->program[pub->owner] ? 0 : -EPERM;
	r = topo_withdraw(&s->topo, &p->owner, pub->id.pub);
	topo_server_remember(s);
	if (r != want)
		sim_fail("n%u: a withdrawal gives %d, not %d", s->idx, r, want);
	if (want) {
		cover(COVER_T_OTHERS);
		return;
	}
	pub->live = false;
	if (topo_withdraw(&s->topo, &p->owner, pub->id.pub) != -ENOENT)
		sim_fail("n%u: a withdrawal is done twice", s->idx);
}

void topo_server_leave(struct topo_server *s)
{
	uint32_t at = (uint32_t)rng_below(&tw.rng, TOPO_OWNERS);
	struct topo_program *p = &s->program[at];

	if (!p->open)
		return;
	if (p->owner.n > 1)
		cover(COVER_T_GROUP);
	topo_leave(&s->topo, &p->owner);
	topo_server_remember(s);
	p->open = false;
	for (uint32_t i = 0; i < tw.n_pubs; i++)
		if (tw.pub[i].owner == at && tw.pub[i].id.node == node_of(s->idx))
			tw.pub[i].live = false;
}

/* ---- sessions ---- */

void topo_session_begin(struct topo_server *a, struct topo_server *b)
{
	struct topo_session *x = &a->session[b->idx];
	unsigned fails = tw.fails;

	tw.fails = 0;
	if (topo_peer_init(&x->peer, &a->topo, node_of(b->idx), b->incarnation, PEER_ROWS_MAX))
		sim_fail("n%u: no memory for a session", a->idx);
	tw.fails = fails;
	x->up = true;
	TRACE("n%u: session with n%u", a->idx, b->idx);
	must_publish(a, &x->peer.owner, TOPO_NODE, node_of(b->idx), TOPO_SCOPE_NODE, NULL);
	must_publish(a, &a->library, TOPO_REACH, node_of(b->idx), TOPO_SCOPE_CLUSTER, &x->reach);
	cover(COVER_T_SESSION);
}

bool topo_session_with(const struct topo_server *a, const struct topo_server *b)
{
	const struct topo_session *x = &a->session[b->idx];

	return a->alive && b->alive && x->up && x->peer.owner.incarnation == b->incarnation;
}

void topo_session_ask(struct topo_server *a, struct topo_server *b)
{
	struct topo_session *x = &a->session[b->idx];
	struct topo_request r;

	topo_peer_request(&x->peer, &r);
	if (r.flags & TOPO_REQ_RESUME)
		cover(COVER_T_PEER_RESUMED);
	topo_stream_open(&x->in, b, &r);
}

/* No row survives its session. */
static void judge_end(const struct topo_server *a, uint32_t node, uint64_t incarnation)
{
	list_each(struct topo_row, row, &a->topo.table.order, order)
		if (row->id.node == node && row->id.incarnation == incarnation && row->owner)
			sim_fail("n%u: a publication of n%u is there without its session",
				 a->idx, node - 1);
}

void topo_session_end(struct topo_server *a, struct topo_server *b)
{
	struct topo_session *x = &a->session[b->idx];
	uint32_t node = x->peer.owner.node;
	uint64_t incarnation = x->peer.owner.incarnation;

	topo_stream_close(&x->in, b);
	topo_stream_shut(&b->session[a->idx].in, a);
	topo_peer_fini(&x->peer);
	topo_server_remember(a);
	x->up = false;
	TRACE("n%u: session with n%u is over", a->idx, b->idx);
	judge_end(a, node, incarnation);
	if (topo_withdraw(&a->topo, &a->library, x->reach))
		sim_fail("n%u: REACH is gone", a->idx);
	topo_server_remember(a);
	cover(COVER_T_SESSION_END);
}

void topo_session_cut(struct topo_server *a, struct topo_server *b)
{
	struct topo_session *x = &a->session[b->idx];

	if (!x->in.open)
		return;
	topo_stream_close(&x->in, b);
	topo_peer_lost(&x->peer);
	cover(COVER_T_STREAM_CUT);
}

void topo_session_read(struct topo_server *a, struct topo_server *b)
{
	struct topo_session *x = &a->session[b->idx];
	struct topo_event e;
	int r;

	if (!topo_stream_read(&x->in, &e)) {
		if (!x->in.sub)
			topo_session_cut(a, b);
		return;
	}
	r = topo_peer_event(&x->peer, &e);
	topo_server_remember(a);
	if (r == -ENOMEM && tw.fails)
		topo_session_cut(a, b);
	else if (r)
		sim_fail("n%u: event %d of n%u gives %d", a->idx, e.what, b->idx, r);
}

/* ---- the truth ---- */

static const struct topo_row *find(const struct topo_server *s, const struct topo_id *id)
{
	return topo_table_find(&s->topo.table, id);
}

static void judge_pub(const struct topo_server *s, const struct topo_pub *pub)
{
	uint32_t from = pub->id.node - 1;
	const struct topo_row *row = find(s, &pub->id);
	const struct topo_offer offer = {
		.name = pub->name, .scope = pub->scope, .attr = pub->attr,
		.attr_len = pub->attr_len,
	};
	bool want = pub->live &&
		(from == s->idx || (s->session[from].up && pub->scope == TOPO_SCOPE_CLUSTER));

	if (!want && row && pub->live)
		sim_fail("n%u: pub %u of n%u is there", s->idx, pub->id.pub, from);
	if (want && (!row || !topo_row_says(row, &offer)))
		sim_fail("n%u: pub %u of n%u is not there as it was published", s->idx,
			 pub->id.pub, from);
}

static void judge_session(const struct topo_server *s, uint32_t i, uint32_t *n)
{
	const struct topo_server *other = &tw.server[i];
	struct topo_id id = { .node = node_of(i), .incarnation = other->incarnation };

	if (i == s->idx || !s->session[i].up)
		return;
	if (!find(s, &id))
		sim_fail("n%u: NODE of n%u is not there", s->idx, i);
	*n += 2;		/* NODE, and our REACH */
	for (uint32_t k = 0; k < tw.n_nodes; k++) {
		if (k == i || !other->session[k].up)
			continue;
		id.pub = other->session[k].reach;
		if (!find(s, &id))
			sim_fail("n%u: REACH of n%u is not there", s->idx, i);
		++*n;
	}
}

void topo_server_judge(const struct topo_server *s)
{
	uint32_t n = 1;		/* our NODE */

	for (uint32_t i = 0; i < tw.n_pubs; i++) {
		const struct topo_pub *pub = &tw.pub[i];
		uint32_t from = pub->id.node - 1;

		judge_pub(s, pub);
		n += pub->live && (from == s->idx || (s->session[from].up &&
						      pub->scope == TOPO_SCOPE_CLUSTER));
	}
	for (uint32_t i = 0; i < tw.n_nodes; i++)
		judge_session(s, i, &n);
	if (n != topo_table_n(&s->topo.table))
		sim_fail("n%u: %u publications are there, not %u", s->idx,
			 topo_table_n(&s->topo.table), n);
}
