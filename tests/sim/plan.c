/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The schedule: draws from the seed what a run contains, before it begins, so
 * that leaving a part out changes nothing else. Knows no core.
 */
#include "late.h"

#include <string.h>

#define MESSAGES_MIN	300u
#define LINK_FAULTS_MIN	10u

static struct fault *add_fault(enum fault_kind kind, uint64_t span)
{
	struct rng *r = &sim.plan;
	struct fault *f;

	if (sim.n_faults == SIM_FAULTS)
		return &sim.fault[SIM_FAULTS - 1];
	f = &sim.fault[sim.n_faults++];
	*f = (struct fault) {
		.at_ns = sim.now_ns + rng_below(r, span),
		.kind = (uint8_t)kind,
		.a = (uint8_t)rng_below(r, sim.n_nodes),
		.path = (uint8_t)rng_below(r, sim.n_paths),
		.arg = (uint32_t)rng_next(r),
		.span_ns = rng_scale(r, 0, 8 * SEC),
	};
	f->b = (uint8_t)((f->a + 1 + rng_below(r, sim.n_nodes - 1)) % sim.n_nodes);
	return f;
}

/* Breaks of links: at least LINK_FAULTS_MIN, in clusters as in reality. */
static void draw_link_faults(uint64_t span)
{
	static const uint8_t kinds[] = {
		FAULT_RESET, FAULT_RESET, FAULT_RESET_BYTES, FAULT_RESET_BYTES, FAULT_RESET_BYTES,
		FAULT_ARM, FAULT_ARM, FAULT_EOF, FAULT_HOLD, FAULT_HOLD,
	};
	unsigned n = LINK_FAULTS_MIN + (unsigned)rng_scale(&sim.plan, 0, 40);

	while (n--) {
		struct fault *f =
			add_fault((enum fault_kind)kinds[rng_below(&sim.plan, sizeof kinds)], span);

		f->arg = (uint32_t)rng_scale(&sim.plan, 0, rng_one_in(&sim.plan, 3) ? 40000 : 600);
		if (f->kind == FAULT_HOLD)
			f->arg = 2;	/* the one that breaks */
	}
}

static void draw_other_faults(uint64_t span)
{
	static const uint8_t soft[] = {
		FAULT_HOLE_ONE, FAULT_HOLE_BOTH, FAULT_PATH_DOWN, FAULT_REFUSE,
		FAULT_HANG,	FAULT_NOFD,	 FAULT_HOLD,	  FAULT_STUN,
		FAULT_PAUSE,	FAULT_PAUSE,	 FAULT_QUORUM,	  FAULT_ROGUE,
		FAULT_ROGUE,	FAULT_STRANGER,	 FAULT_CUT_LAST,  FAULT_FINISH,
	};
	static const uint8_t rare[] = {
		FAULT_ABORT,	FAULT_CLOSE,	  FAULT_FORGE,	    FAULT_REMOVE,
		FAULT_LINGER,	FAULT_FORGE,	  FAULT_FALSE_FAIL, FAULT_PARTITION,
		FAULT_IMPOSTOR, FAULT_FALSE_FAIL, FAULT_PARTITION,  FAULT_NARROW,
	};
	struct rng *r = &sim.plan;
	unsigned n = (unsigned)rng_below(r, 6);

	while (n--)
		add_fault((enum fault_kind)soft[rng_below(r, sizeof soft)], span);
	for (n = rng_one_in(r, 2) ? (unsigned)rng_range(r, 1, 2) : 0; n; n--)
		add_fault((enum fault_kind)rare[rng_below(r, sizeof rare)], span);
	for (n = rng_one_in(r, 3) ? (unsigned)rng_range(r, 1, 3) : 0; n; n--)
		add_fault(FAULT_RESTART, span);
}

/* Packets of kernels, mostly. The last node is one. */
static void draw_late_faults(uint64_t span)
{
	unsigned n = (unsigned)rng_below(&sim.plan, 8);

	while (n--) {
		struct fault *f = add_fault(FAULT_TIMEOUT, span);

		f->a %= sim.n_nodes - 1;
		f->b = (uint8_t)(sim.n_nodes - 1);
	}
}

/* One is enough for the interplay with links; several meet each other. */
static void draw_group_faults(uint64_t span)
{
	static const uint8_t kinds[] = {
		FAULT_SPLIT, FAULT_SPLIT, FAULT_SPLIT, FAULT_DAEMON, FAULT_DAEMON, FAULT_LATE,
		FAULT_LATE, FAULT_UNLIST, FAULT_UNLIST, FAULT_MOVE, FAULT_VOTES, FAULT_QUIT,
		FAULT_QUIT, FAULT_RESTART,
	};
	unsigned n = (unsigned)rng_range(&sim.plan, 1, 8);

	while (n--)
		add_fault((enum fault_kind)kinds[rng_below(&sim.plan, sizeof kinds)], span);
}

static void draw_config(void)
{
	struct core_config *c = &sim.cfg;
	struct rng *r = &sim.plan;
	static const uint32_t frames[] = { 300, 600, 1500, 4096, 65535 };

	core_config_default(c);
	strcpy(c->cluster, "sim");
	c->static_members = !sim.membership;
	c->auto_close = rng_one_in(r, 5);
	c->first_seq = rng_one_in(r, 4) ? (uint32_t)rng_scale(r, 0, UINT32_MAX) :
		(uint32_t)-rng_scale(r, 0, 300);
	c->max_frame = frames[rng_below(r, sizeof frames / sizeof frames[0])];
	c->max_message = SIM_MSG_MAX + (uint32_t)rng_below(r, 2) * 65536;
	c->ack_frames = (uint32_t)rng_scale(r, 1, 256);
	c->ack_bytes = (uint32_t)rng_scale(r, 1, 256 * 1024);
	if (rng_one_in(r, 2)) {		/* a faster clockwork */
		c->keepalive_ns = rng_range(r, 300, 2000) * MSEC;
		c->stall_ns = 4 * c->keepalive_ns + rng_below(r, 2 * SEC);
		c->hello_ns = rng_range(r, 300, 2000) * MSEC;
		c->connect_ns = rng_range(r, 300, 2000) * MSEC;
		c->held_ns = rng_range(r, 1, 5) * SEC;
		c->frag_ns = rng_range(r, 20, 60) * SEC;
	}
	if (sim.n_paths > 1 && rng_one_in(r, 2)) {
		c->prefer_ns = rng_range(r, 20, 2000) * MSEC;
		c->probe_ns = rng_range(r, 50, 1000) * MSEC;
		c->keepalive_multi_ns = rng_range(r, 50, 700) * MSEC;
		c->path_dead_ns = 3 * c->keepalive_multi_ns;
	}
	if (rng_one_in(r, 2))
		c->coordinator_wait_ns = rng_scale(r, 0, 20 * MSEC);
	c->stall_limit = (uint32_t)rng_range(r, 2, 5);
}

static void draw_nodes(void)
{
	struct rng *r = &sim.plan;
	unsigned want = rng_one_in(r, 4) ? (unsigned)rng_range(r, 4, 5) : 3;
	uint32_t id = (uint32_t)rng_range(r, 1, 5);
	bool small = !rng_one_in(r, 4);

	if (sim.limits.nodes && want > sim.limits.nodes)
		want = sim.limits.nodes;
	sim.n_nodes = sim.n_slots = want;
	sim.n_paths = rng_one_in(r, 3) ? (unsigned)rng_range(r, 2, SIM_PATHS) : 1;
	for (unsigned i = 0; i < SIM_NODES; i++) {
		struct node *n = &sim.node[i];

		n->idx = (uint8_t)i;
		n->nodeid = id;
		id += (uint32_t)rng_scale(r, 1, 300);
		n->present = i < want;
		n->can_dial = true;
		n->queue_bytes = RING_MIN << (small ? 0 : rng_below(r, 3));
	}
	if (rng_one_in(r, 5) && !sim.dlm) {
		sim.node[rng_below(r, want)].can_dial = false;
		cover(COVER_ONE_WAY);
	}
}

static void draw_traffic(uint64_t span)
{
	struct rng *r = &sim.plan;
	uint32_t total = MESSAGES_MIN + (uint32_t)rng_below(r, 200);
	unsigned pairs = sim.n_nodes * (sim.n_nodes - 1);
	bool bulky = rng_one_in(r, 4);

	if (sim.limits.messages && total > sim.limits.messages)
		total = sim.limits.messages;
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		for (unsigned j = 0; j < sim.n_nodes; j++) {
			struct chan *c = &sim.node[i].chan[j];
			bool echo = rng_one_in(r, 3), bulk = bulky && rng_one_in(r, 3);
			uint64_t at = rng_below(r, SEC);

			if (i == j)
				continue;
			/* Both of a pair, or their rings may wait for each other. */
			c->keeps = j < i ? sim.node[j].chan[i].keeps : rng_one_in(r, 3);
			bulk = bulk && !c->keeps;
			c->budget = total / pairs + 1;
			c->period_us = (uint32_t)(span / USEC / c->budget / 2) + 1;
			c->echo = echo;
			c->bulk = bulk;
			if (bulk)
				c->period_us = (uint32_t)rng_range(r, 100, 20000);
			sim_at(sim.now_ns + at, EV_SEND, i, j, 0);
		}
	}
}

static uint64_t draw_clock(void)
{
	static const uint64_t clocks[] = {
		1, 1000000000, 0xffffffffull - 5 * SEC / 2, 0xffffffffull * 1000, 1ull << 53,
		(1ull << 63) - 3 * SEC, 86400ull * 365 * SEC,
	};

	return clocks[rng_below(&sim.plan, sizeof clocks / sizeof clocks[0])];
}

void plan_draw(void)
{
	struct rng *r = &sim.plan;
	uint64_t span = rng_scale(r, 2 * SEC, 25 * SEC);

	sim.now_ns = sim.start_ns = draw_clock();
	sim.sctp = sim.seed & SIM_SCTP;
	sim.dlm = (rng_one_in(r, 8) || sim.sctp) && !(sim.limits.mask >> 63);
	sim.calls = sim.seed & SIM_CALLS;
	sim.served = sim.seed % 4 == 1 && !sim.dlm && !sim.calls;
	sim.membership = rng_one_in(r, 2) || sim.dlm;
	sim.view = sim.seed & SIM_VIEW;
	sim.dlm = sim.dlm && !sim.view;
	sim.membership = sim.membership || sim.view;
	cover(sim.view ? COVER_VIEW : sim.dlm ? COVER_DLM : sim.membership ? COVER_MEMBERSHIP :
	      COVER_STATIC);
	draw_nodes();
	draw_config();
	if (sim.dlm) {
		uint32_t queue_bytes;

		kernel_plan();
		sim.n_paths = 1;
		sim.cfg.first_seq = 0;
		sim.cfg.auto_close = false;
		sim.cfg.policy_31 = rng_one_in(r, 2) ? CORE_31_WARN : CORE_31_ALLOW;
		sim.cfg.stall_ns = 6 * SEC;
		sim.cfg.reset_repeats = !sim.sctp;
		/* A kernel may leave 256 packets unacknowledged: in a small ring, that many large
		 * ones have no room, and only the nudge makes it acknowledge. */
		queue_bytes = rng_one_in(r, 2) ? RING_MIN : 8 * RING_MIN;
		for (unsigned i = 0; i < sim.n_nodes; i++)
			sim.node[i].queue_bytes = queue_bytes;
	}
	sim.lat_lo = rng_scale(r, 1, 200 * USEC);
	sim.lat_hi = sim.lat_lo + rng_scale(r, 0, 20 * MSEC);
	sim.pipe_min = 512;
	sim.pipe_cap = (uint32_t)rng_scale(r, 2048, 128 * 1024);
	if (sim.sctp) {			/* which takes whole packets */
		cover(COVER_K_SCTP);
		sim.pipe_min = sim.pipe_cap = 64 * 1024;
	}
	if (rng_one_in(r, 4)) {		/* far away */
		sim.lat_lo = rng_range(r, 1, 25) * MSEC;
		sim.lat_hi += sim.lat_lo;
		sim.pipe_min = sim.pipe_cap = 128 * 1024;
	}
	sim.eager = rng_one_in(r, 3) ? 0 : (unsigned)rng_range(r, 2, 30);
	sim.held_dials = rng_one_in(r, 2);
	memset(sim.arm, 0xff, sizeof sim.arm);
	late_begin();
	draw_traffic(span);
	draw_link_faults(span);
	draw_other_faults(span);
	if (sim.sctp && sim.dlm)
		draw_late_faults(span);
	if (sim.view) {
		group_begin();
		draw_group_faults(span);
	}
	sim.faults_end_ns = sim.now_ns + span + SEC;
	for (unsigned i = 0; i < sim.n_nodes; i++)
		sim_at(sim.now_ns + (rng_one_in(r, 3) ? rng_scale(r, 0, SEC) : 0), EV_START, i, 0,
		       0);
	if (sim.limits.faults && sim.n_faults > sim.limits.faults)
		sim.n_faults = sim.limits.faults;
	for (unsigned i = 0; i < sim.n_faults; i++)
		if (!(sim.limits.mask >> sim.fault[i].kind & 1))
			sim_at(sim.fault[i].at_ns, EV_FAULT, i, 0, 0);
	sim_at(sim.now_ns + 250 * MSEC, EV_CHECK, 0, 0, 0);
}
