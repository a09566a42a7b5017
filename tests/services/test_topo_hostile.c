/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of a server that cannot come, to a view and to the peer of a session: each is refused, and
 * what was told before stays right. Knows no carriers.
 */
#include "services/topo_peer.h"
#include "services/topo_view.h"
#include "tests/lib/check.h"
#include "tests/lib/topo_pair.h"

#include <errno.h>

#define LOG	64u
#define PEER	9u
#define LIFE	5u

static struct topo_pair pair;
static struct topo_view view;

/* ---- a view ---- */

static struct topo_event row_of(uint8_t what, uint32_t pub, uint64_t position)
{
	return (struct topo_event){
		.what = what, .name = { 64, 1, 2 }, .scope = TOPO_SCOPE_CLUSTER, .node = PEER,
		.incarnation = LIFE, .pub = pub, .position = position,
	};
}

/* A view that was told 1 and 2, at position 50 in epoch 3. */
static void begin_told(uint8_t flags)
{
	struct topo_event e = { .what = TOPO_SNAPSHOT, .incarnation = 3, .position = 50 };
	struct topo_request r = topo_pair_all();
	struct topo_told t;

	r.name = (struct topo_name){ 64, 0, 9 };
	r.flags = flags;
	topo_pair_begin(&pair, &view, LOG, r);
	CHECK_EQ(topo_view_event(&view, &e), 0);
	for (uint32_t pub = 1; pub <= 2; pub++) {
		e = row_of(TOPO_PUBLISHED, pub, 50);
		e.flags = TOPO_EV_OF_SNAPSHOT;
		CHECK_EQ(topo_view_event(&view, &e), 0);
	}
	e = (struct topo_event){ .what = TOPO_SNAPSHOT_END, .incarnation = 3, .position = 50 };
	CHECK_EQ(topo_view_event(&view, &e), 0);
	while (topo_view_next(&view, &t))
		;
}

static int refused(uint8_t flags, struct topo_event e)
{
	struct topo_event good = row_of(TOPO_PUBLISHED, 7, 51);
	struct topo_told t;
	int r;

	begin_told(flags);
	r = topo_view_event(&view, &e);
	CHECK(r == 0 || !topo_view_next(&view, &t));
	while (topo_view_next(&view, &t))
		;
	if (r) {
		/* Nothing more on this connection; another one goes on. */
		CHECK_EQ(topo_view_event(&view, &good), -EPROTO);
		topo_view_lost(&view);
		CHECK_EQ(topo_view_event(&view, &good), 0);
		while (topo_view_next(&view, &t))
			;
		CHECK_EQ(view.n_told, 3);
	}
	topo_pair_end(&pair, &view);
	return r;
}

static void wrong_changes(void)
{
	struct topo_event e;

	CHECK_EQ(refused(0, row_of(TOPO_PUBLISHED, 3, 51)), 0);
	CHECK_EQ(refused(0, row_of(TOPO_PUBLISHED, 3, 50)), -EPROTO);
	CHECK_EQ(refused(0, row_of(TOPO_PUBLISHED, 2, 51)), -EPROTO);
	CHECK_EQ(refused(0, row_of(TOPO_WITHDRAWN, 2, 51)), 0);
	CHECK_EQ(refused(0, row_of(TOPO_WITHDRAWN, 2, 50)), -EPROTO);
	CHECK_EQ(refused(0, row_of(TOPO_WITHDRAWN, 3, 51)), -EPROTO);
	e = row_of(TOPO_PUBLISHED, 3, 51);
	e.flags = TOPO_EV_OF_SNAPSHOT;
	CHECK_EQ(refused(0, e), -EPROTO);
	e = row_of(TOPO_PUBLISHED, 3, 51);
	e.name.type = 65;
	CHECK_EQ(refused(0, e), -EPROTO);
	e.name = (struct topo_name){ 64, 10, 11 };
	CHECK_EQ(refused(0, e), -EPROTO);
	e.what = 9;
	CHECK_EQ(refused(0, e), -EPROTO);
}

static void wrong_ends(void)
{
	struct topo_event e = { .what = TOPO_SNAPSHOT_END, .incarnation = 3, .position = 60 };

	CHECK_EQ(refused(0, e), -EPROTO);
	e.what = TOPO_OVERRUN;
	CHECK_EQ(refused(0, e), -EPROTO);
	begin_told(TOPO_REQ_STRICT);
	CHECK_EQ(topo_view_event(&view, &e), 0);
	topo_pair_end(&pair, &view);
	e.what = TOPO_TIMEOUT;
	CHECK_EQ(refused(0, e), -EPROTO);
}

/* In a snapshot that has begun at 70, with row 1. */
static int refused_in_snapshot(struct topo_event e)
{
	struct topo_event begun = { .what = TOPO_SNAPSHOT, .incarnation = 4, .position = 70 };
	struct topo_told t;
	int r;

	begin_told(TOPO_REQ_STRICT);
	CHECK_EQ(topo_view_event(&view, &begun), 0);
	begun = row_of(TOPO_PUBLISHED, 1, 70);
	begun.flags = TOPO_EV_OF_SNAPSHOT;
	CHECK_EQ(topo_view_event(&view, &begun), 0);
	r = topo_view_event(&view, &e);
	while (topo_view_next(&view, &t))
		;
	CHECK_EQ(view.position.index, r || e.what != TOPO_SNAPSHOT_END ? 50 : e.position);
	topo_pair_end(&pair, &view);
	return r;
}

static void wrong_in_a_snapshot(void)
{
	struct topo_event e = row_of(TOPO_PUBLISHED, 3, 70);

	CHECK_EQ(refused_in_snapshot(e), -EPROTO);
	e.flags = TOPO_EV_OF_SNAPSHOT;
	CHECK_EQ(refused_in_snapshot(e), 0);
	e.what = TOPO_WITHDRAWN;
	CHECK_EQ(refused_in_snapshot(e), -EPROTO);
	e = row_of(TOPO_PUBLISHED, 1, 70);
	e.flags = TOPO_EV_OF_SNAPSHOT;
	CHECK_EQ(refused_in_snapshot(e), -EPROTO);
	e = (struct topo_event){ .what = TOPO_SNAPSHOT, .incarnation = 4, .position = 70 };
	CHECK_EQ(refused_in_snapshot(e), -EPROTO);
	e.what = TOPO_TIMEOUT;
	CHECK_EQ(refused_in_snapshot(e), -EPROTO);
	e.what = TOPO_OVERRUN;
	CHECK_EQ(refused_in_snapshot(e), -EPROTO);
	e.what = TOPO_SNAPSHOT_END;
	CHECK_EQ(refused_in_snapshot(e), 0);
	e.position = 69;
	CHECK_EQ(refused_in_snapshot(e), -EPROTO);
	e.position = 70;
	e.incarnation = 3;
	CHECK_EQ(refused_in_snapshot(e), -EPROTO);
}

/* The first one of a connection without a position. */
static void wrong_at_first(void)
{
	struct topo_event e = row_of(TOPO_PUBLISHED, 1, 51);

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	CHECK_EQ(topo_view_event(&view, &e), -EPROTO);
	topo_pair_end(&pair, &view);
	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	view.cfg.request.timeout_ms = 0;
	e.what = TOPO_TIMEOUT;
	CHECK_EQ(topo_view_event(&view, &e), -EPROTO);
	topo_pair_end(&pair, &view);
}

/* Of the server's node alone. */
static void wrong_node(void)
{
	struct topo_event begun = { .what = TOPO_SNAPSHOT, .incarnation = 3, .position = 70 };
	struct topo_event e = row_of(TOPO_PUBLISHED, 3, 70);
	struct topo_request r = topo_pair_all();

	r.flags = TOPO_REQ_OWN;
	topo_pair_begin(&pair, &view, LOG, r);
	CHECK_EQ(topo_view_event(&view, &begun), 0);
	e.flags = TOPO_EV_OF_SNAPSHOT;
	e.node = TOPO_PAIR_NODE;
	CHECK_EQ(topo_view_event(&view, &e), 0);
	e.node++;
	CHECK_EQ(topo_view_event(&view, &e), -EPROTO);
	topo_pair_end(&pair, &view);
}

/* Skipped events that cannot be: fewer than the changes. */
static void wrong_counts(void)
{
	struct topo_event begun = { .what = TOPO_SNAPSHOT, .incarnation = 3, .position = 70 };
	struct topo_event ended = { .what = TOPO_SNAPSHOT_END, .incarnation = 3, .position = 70,
		.n_skipped = 1 };
	struct topo_told t;

	begin_told(0);
	CHECK_EQ(topo_view_event(&view, &begun), 0);
	CHECK_EQ(topo_view_event(&view, &ended), 0);
	while (topo_view_next(&view, &t))
		;
	CHECK_EQ(view.n_collapsed, 2);
	CHECK_EQ(view.n_unseen, 0);
	topo_pair_end(&pair, &view);
}

/* ---- the peer of a session ---- */

static struct topo_peer peer;

/* A session whose peer has published 1 and 2, and has its NODE. */
static void begin_peer(uint32_t max)
{
	struct topo_event e = { .what = TOPO_SNAPSHOT, .incarnation = 3, .position = 50 };
	struct topo_offer node = topo_pair_offer(TOPO_NODE, PEER, PEER);

	topo_pair_init(&pair, LOG);
	CHECK_EQ(topo_peer_init(&peer, &pair.topo, PEER, LIFE, max), 0);
	node.scope = TOPO_SCOPE_NODE;
	CHECK_EQ(topo_publish(&pair.topo, &peer.owner, &node, TOPO_PUB_NODE), 0);
	CHECK_EQ(topo_peer_event(&peer, &e), 0);
	for (uint32_t pub = 1; pub <= 2; pub++) {
		e = row_of(TOPO_PUBLISHED, pub, 50);
		e.flags = TOPO_EV_OF_SNAPSHOT;
		CHECK_EQ(topo_peer_event(&peer, &e), 0);
	}
	CHECK_EQ(peer.owner.n, 1);
	e = (struct topo_event){ .what = TOPO_SNAPSHOT_END, .incarnation = 3, .position = 50 };
	CHECK_EQ(topo_peer_event(&peer, &e), 0);
	CHECK_EQ(peer.owner.n, 3);
}

static void end_peer(void)
{
	struct topo_sub *sub = topo_pair_subscribe(&pair, topo_pair_all());

	topo_pair_events(&pair, sub);
	topo_peer_fini(&peer);
	topo_pair_events(&pair, sub);
	CHECK_EQ(topo_table_n(&pair.topo.table), 0);
	topo_pair_fini(&pair);
}

static int peer_event(struct topo_event e)
{
	int r;

	begin_peer(10);
	r = topo_peer_event(&peer, &e);
	CHECK_EQ(peer.owner.n, r ? 3 : 3 + (e.what == TOPO_PUBLISHED) - (e.what != TOPO_PUBLISHED));
	end_peer();
	return r;
}

static void peers_speak_for_themselves(void)
{
	struct topo_event e = row_of(TOPO_PUBLISHED, 3, 51);

	CHECK_EQ(peer_event(e), 0);
	CHECK_EQ(peer_event(row_of(TOPO_WITHDRAWN, 1, 51)), 0);
	e.node = TOPO_PAIR_NODE;
	CHECK_EQ(peer_event(e), -EPROTO);
	e = row_of(TOPO_PUBLISHED, 3, 51);
	e.incarnation++;
	CHECK_EQ(peer_event(e), -EPROTO);
	CHECK_EQ(peer_event(row_of(TOPO_PUBLISHED, TOPO_PUB_NODE, 51)), -EPROTO);
	CHECK_EQ(peer_event(row_of(TOPO_WITHDRAWN, TOPO_PUB_NODE, 51)), -EPROTO);
	e = row_of(TOPO_PUBLISHED, 3, 51);
	e.scope = TOPO_SCOPE_NODE;
	CHECK_EQ(peer_event(e), -EPROTO);
	e.scope = TOPO_SCOPE_CLUSTER;
	e.name.type = TOPO_REACH;
	CHECK_EQ(peer_event(e), 0);
	e.name.type = TOPO_NODE;
	CHECK_EQ(peer_event(e), -EPROTO);
	e.name.type = TOPO_LINK;
	CHECK_EQ(peer_event(e), -EPROTO);
}

/* As many as a session may have, and one more; what is told before it stays. */
static void peers_are_bounded(void)
{
	struct topo_event e = row_of(TOPO_PUBLISHED, 3, 51);
	struct topo_request r;

	begin_peer(3);
	CHECK_EQ(topo_peer_event(&peer, &e), 0);
	e = row_of(TOPO_PUBLISHED, 4, 52);
	CHECK_EQ(topo_peer_event(&peer, &e), -ENOSPC);
	CHECK_EQ(peer.owner.n, 4);
	topo_peer_lost(&peer);
	topo_peer_request(&peer, &r);
	CHECK_EQ(r.flags, TOPO_REQ_OWN | TOPO_REQ_RESUME);
	CHECK_EQ(r.from.index, 51);
	CHECK_EQ(topo_peer_event(&peer, &e), -ENOSPC);
	topo_peer_lost(&peer);
	e = row_of(TOPO_WITHDRAWN, 1, 52);
	CHECK_EQ(topo_peer_event(&peer, &e), 0);
	e = row_of(TOPO_PUBLISHED, 4, 53);
	CHECK_EQ(topo_peer_event(&peer, &e), 0);
	end_peer();
}

/* In a snapshot: those that find no room are not told, and come again with another one. */
static void table_is_full(void)
{
	struct topo_event begun = { .what = TOPO_SNAPSHOT, .incarnation = 3, .position = 60 };
	struct topo_event ended = { .what = TOPO_SNAPSHOT_END, .incarnation = 3, .position = 60 };
	struct topo_request r;

	begin_peer(100);
	pair.topo.cfg.limits.max_publications = 4;
	for (unsigned round = 0; round < 2; round++) {
		CHECK_EQ(topo_peer_event(&peer, &begun), 0);
		for (uint32_t pub = 2; pub <= 5; pub++) {
			struct topo_event e = row_of(TOPO_PUBLISHED, pub, 60);

			e.flags = TOPO_EV_OF_SNAPSHOT;
			CHECK_EQ(topo_peer_event(&peer, &e), 0);
		}
		CHECK_EQ(topo_peer_event(&peer, &ended), round ? 0 : -ENOSPC);
		CHECK_EQ(peer.owner.n, round ? 5 : 4);
		pair.topo.cfg.limits.max_publications = 5;
		topo_peer_lost(&peer);
		topo_peer_request(&peer, &r);
		CHECK_EQ(r.flags, TOPO_REQ_OWN | (round ? TOPO_REQ_RESUME : 0));
	}
	end_peer();
}

/* ... in the log. */
static void no_memory_for_a_row(void)
{
	struct topo_event e = row_of(TOPO_PUBLISHED, 3, 51);
	struct topo_request r;

	for (unsigned k = 1; k <= 2; k++) {
		begin_peer(10);
		pair.fail_at = pair.n_asked + k;
		CHECK_EQ(topo_peer_event(&peer, &e), -ENOMEM);
		CHECK_EQ(peer.owner.n, 3);
		CHECK_EQ(peer.view.n_told, 2);
		topo_peer_lost(&peer);
		/* Only the view knows that it is at its position. */
		topo_peer_request(&peer, &r);
		CHECK_EQ(r.flags, TOPO_REQ_OWN | (k == 1 ? TOPO_REQ_RESUME : 0));
		end_peer();
	}
}

int main(void)
{
	RUN(wrong_changes);
	RUN(wrong_ends);
	RUN(wrong_in_a_snapshot);
	RUN(wrong_at_first);
	RUN(wrong_node);
	RUN(wrong_counts);
	RUN(peers_speak_for_themselves);
	RUN(peers_are_bounded);
	RUN(table_is_full);
	RUN(no_memory_for_a_row);
	return check_done();
}
