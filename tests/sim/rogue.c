/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that should not be there: strangers, other clusters, other
 * versions, garbage. Each opens one connection, writes, and looks at nothing.
 */
#include "sim.h"

#include <string.h>

enum { ROGUE_MAX = 512 };

static struct hello good_hello(const struct node *to)
{
	struct hello h = {
		.mine = rng_next(&sim.net) | 1,
		.vmin = WIRE_NATIVE_VERSION,
		.vmax = WIRE_NATIVE_VERSION,
		.maxframe = WIRE_FRAME_MAX,
	};

	if (rng_one_in(&sim.net, 2))
		h.yours = sim.inc[to->inc].incarnation;
	memcpy(h.cluster, sim.cfg.cluster, sizeof h.cluster);
	memcpy(h.group, sim.cfg.group, sizeof h.group);
	return h;
}

static size_t write_something(uint8_t *p, const struct node *from, const struct node *to,
			      unsigned what)
{
	struct hello h = good_hello(to);
	uint32_t nodeid = from->nodeid;
	size_t n;

	switch (what % 12) {
	case 0:
		strcpy(h.cluster, "other");
		break;
	case 1:
		strcpy(h.group, "other");
		break;
	case 2:
		h.vmin = h.vmax = WIRE_NATIVE_VERSION + 1;
		break;
	case 3:
		h.required = WIRE_FEATURE_SECURITY;
		break;
	case 4:
		nodeid = to->nodeid;
		break;
	case 5:
		nodeid = 0x7fffffff;
		break;
	case 6:
		for (n = 0; n < ROGUE_MAX; n++)
			p[n] = (uint8_t)rng_next(&sim.net);
		return ROGUE_MAX;
	case 7:
		return 0;
	case 8:
		n = wire_put_msg(p, nodeid, sim.cfg.first_seq, 8);
		memset(p + n, 1, 8);
		return n + 8;
	case 9:
		h.maxframe = 60;
		break;
	case 10:		/* an incarnation that nobody has heard of */
		h.yours = 0;
		break;
	default:		/* a piece of a HELLO */
		n = wire_put_hello(p, nodeid, &h);
		return rng_below(&sim.net, n);
	}
	return wire_put_hello(p, nodeid, &h);
}

void rogue_dial(const struct fault *f)
{
	struct node *to = &sim.node[f->a];
	uint8_t bytes[ROGUE_MAX];
	struct conn *c;

	if (!to->running || to->kernel || sim.node[f->b].kernel)
		return;
	c = net_open(f->b, f->a, f->path);
	if (!c)
		return;
	c->end[0].rogue = true;
	c->end[0].taken = true;
	c->stranger = f->kind == FAULT_STRANGER;
	c->end[0].cap = c->end[1].cap = 65536;
	sim_at(sim.now_ns, EV_ACCEPT, c->idx, 1, c->gen);
	net_write(c, 0, bytes, write_something(bytes, &sim.node[f->b], to, f->arg / 4));
}
