/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: a view and the peer of a session whose server sends any events: as bytes, or with
 * fields in range. Told events alternate for each publication, counts hold, no row is another
 * node's, and nothing is left in the end. Knows no honest server.
 */
#define FUZZ_NAME "topo_view"
/* fuzz.sh: max_len=1500 */
#include "services/topo_peer.h"

#include <errno.h>

#include "tests/fuzz/input.h"

#define NODE 3u
#define PEER 5u
#define LIFE 9u
#define PUBS 8u		/* plausible ones */

static struct topo topo;
static struct topo_peer peer;
static struct topo_view view;
static uint32_t told;		/* a bit for each plausible publication */
static uint32_t n_others;	/* told ones that are none of these */
static unsigned blocks, asked, fails;

static void *allocate(void *user, size_t n)
{
	(void)user;
	if (fails && ++asked % fails == 0)
		return NULL;
	blocks++;
	return malloc(n);
}

static void give_back(void *user, void *p)
{
	(void)user;
	blocks--;
	free(p);
}

static const struct topo_memory memory = { .alloc = allocate, .release = give_back };

static struct topo_event plausible(struct input *in)
{
	struct topo_event e = {
		.what = (uint8_t)(1 + input_below(in, TOPO_OVERRUN)), .position = input_u8(in),
		.incarnation = LIFE, .n_skipped = input_u8(in),
	};

	if (e.n_skipped > 200)
		e.n_skipped = TOPO_SKIPPED_UNKNOWN;
	if (input_below(in, 3) == 0)
		e.flags = TOPO_EV_OF_SNAPSHOT;
	if (e.what > TOPO_WITHDRAWN)
		return e;
	e.node = input_below(in, 16) ? PEER : NODE;
	e.pub = 1 + input_below(in, PUBS);
	e.scope = input_below(in, 16) ? TOPO_SCOPE_CLUSTER : TOPO_SCOPE_NODE;
	e.name.type = input_below(in, 4) ? TOPO_TYPE_FIRST : input_u8(in);
	e.name.lower = e.name.upper = input_below(in, 2);
	return e;
}

/* Of the input: an event that can be parsed, or none. */
static bool next_event(struct input *in, uint8_t *bytes, struct topo_event *e)
{
	const uint8_t *p;
	size_t n;

	if (input_below(in, 4)) {
		struct topo_event made = plausible(in);

		topo_event_put(bytes, &made);
		return topo_event_parse(bytes, TOPO_EVENT_MAX, e) > 0;
	}
	n = input_bytes(in, &p, TOPO_EVENT_MAX);
	memset(bytes, 0, TOPO_EVENT_MAX);
	if (n)
		memcpy(bytes, p, n);
	return topo_event_parse(bytes, n, e) > 0;
}

static void take(const struct topo_told *t)
{
	uint32_t bit;

	if (!t->row)
		return;
	if (t->row->id.node != PEER || t->row->id.incarnation != LIFE || t->row->id.pub > PUBS) {
		n_others += t->what == TOPO_TOLD_PUBLISHED;
		MUST(n_others);
		n_others -= t->what == TOPO_TOLD_WITHDRAWN;
		return;
	}
	bit = (uint32_t)1 << t->row->id.pub;
	MUST(!(told & bit) == (t->what == TOPO_TOLD_PUBLISHED));
	told ^= bit;
}

static uint32_t n_told(void)
{
	uint32_t n = n_others;

	for (uint32_t i = 0; i <= PUBS; i++)
		n += told >> i & 1;
	return n;
}

static void to_view(const struct topo_event *e)
{
	bool edges = view.cfg.request.flags & TOPO_REQ_EDGE;
	struct topo_told t;
	int r = topo_view_event(&view, e);

	MUST(r == 0 || r == -EPROTO || r == -ENOSPC || r == -ENOMEM);
	while (topo_view_next(&view, &t))
		if (!edges)
			take(&t);
	MUST(edges || n_told() == view.n_told);
	MUST(view.n_told <= view.cfg.max_rows);
	if (r && view.phase != TOPO_VIEW_OVER)
		topo_view_lost(&view);
}

static void to_peer(const struct topo_event *e)
{
	int r = topo_peer_event(&peer, e);

	MUST(r == 0 || r == -EPROTO || r == -ENOSPC || r == -ENOMEM);
	MUST(peer.owner.n == peer.view.n_told);
	MUST(peer.owner.n == topo_table_n(&topo.table));
	list_each(struct topo_row, row, &topo.table.order, order)
		MUST(row->id.node == PEER && row->id.incarnation == LIFE && row->id.pub &&
		     row->scope == TOPO_SCOPE_CLUSTER && row->name.type != TOPO_NODE);
	if (r)
		topo_peer_lost(&peer);
}

static void begin(struct input *in)
{
	struct topo_config cfg = {
		.limits = { .log_entries = 5, .max_publications = 3, .max_subscriptions = 1 },
		.memory = memory, .epoch = 1, .own_incarnation = 2, .own_node = NODE,
		.first_pub = 1,
	};
	struct topo_view_config all = {
		.request = { .name = { TOPO_TYPE_ANY, 0, UINT32_MAX },
			     .timeout_ms = TOPO_TIMEOUT_NONE },
		.memory = memory, .max_rows = 5, .server_node = PEER,
	};

	all.request.flags = input_u8(in) & TOPO_REQ_FLAGS & ~TOPO_REQ_RESUME;
	all.request.timeout_ms = input_below(in, 2) ? 0 : TOPO_TIMEOUT_NONE;
	told = n_others = asked = fails = 0;
	MUST(topo_init(&topo, &cfg) == 0 && topo_view_init(&view, &all) == 0);
	MUST(topo_peer_init(&peer, &topo, PEER, LIFE, 4) == 0);
	fails = input_u8(in) % 16;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	struct topo_event e;

	begin(&in);
	while (in.left) {
		uint8_t *bytes = malloc(TOPO_EVENT_MAX);

		MUST(bytes);
		if (next_event(&in, bytes, &e)) {
			to_view(&e);
			to_peer(&e);
		}
		free(bytes);
		if (input_below(&in, 16) == 0)
			topo_peer_lost(&peer);
	}
	topo_peer_fini(&peer);
	MUST(topo_table_n(&topo.table) == 0);
	topo_fini(&topo);
	topo_view_fini(&view);
	MUST(blocks == 0);
	return 0;
}

#include "tests/fuzz/replay.h"
