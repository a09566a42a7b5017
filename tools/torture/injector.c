/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Has the kernel destroy connections between the nodes of a run, at a pace.
 * Knows nothing of what goes over them, and counts nothing: that do the nodes.
 */
#include "tools/torture/torture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/break/diag.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/random.h"
#include "tools/say.h"

#define LIST_MAX	8192	/* connections: twice those of the most nodes */
#define LIST_NS		(10 * CLOCK_MS)	/* a list costs a walk over all sockets of the machine, */
#define LIST_SHARE	4	/* and a quarter of the time at most */
#define BEHIND_MAX	64	/* kills; what is behind by more is given up */
#define STUCK_NS	(200 * CLOCK_MS)
#define YOUNG_ONE_OF	16	/* tries that do not care whether the link is up already */
#define TRIES		8	/* for a kill that is due */

struct injector {
	const struct settings *settings;
	struct run_log *run_log;
	struct diag *diag;
	struct filter filter;
	struct diag_connection *list;
	unsigned n;
	uint64_t random;
	uint64_t next_ns;	/* the next list */
	uint64_t due_ns;	/* the next kill */
	bool told;
};

int injector_open(struct injector **ret_injector, const struct settings *s, struct run_log *run_log)
{
	struct injector *k = calloc(1, sizeof(*k));
	char net[32];
	int rc;

	if (!k) {
		say(SINEW_ERROR, "cannot start: out of memory");
		return STATUS_USAGE;
	}
	k->settings = s;
	k->run_log = run_log;
	k->random = random_mix(~s->seed);
	k->list = calloc(LIST_MAX, sizeof(*k->list));
	snprintf(net, sizeof(net), "%s.0/24", s->net);
	filter_take_address(&k->filter, net);
	k->filter.ports = (struct filter_ports){ .list = { s->port }, .n = 1 };
	rc = k->list ? diag_open(&k->diag) : -ENOMEM;
	if (rc) {
		say(SINEW_ERROR, "cannot destroy connections: %s", strerror(-rc));
		injector_close(k);
		return STATUS_USAGE;
	}
	k->next_ns = k->due_ns = clock_now_ns();
	*ret_injector = k;
	return STATUS_OK;
}

void injector_close(struct injector *k)
{
	if (!k)
		return;
	diag_close(k->diag);
	free(k->list);
	free(k);
}

static uint32_t node_of(const struct filter_end *e)
{
	return e->address.bytes[3];
}

/* One of the connections between the two that stand in the list. */
static struct diag_connection *find(struct injector *k, uint32_t a, uint32_t b)
{
	unsigned i;

	for (i = 0; i < k->n; i++) {
		struct diag_connection *c = &k->list[i];
		uint32_t x = node_of(&c->ends[0]), y = node_of(&c->ends[1]);

		if (((x == a && y == b) || (x == b && y == a)) &&
		    (c->sockets[0].is_there || c->sockets[1].is_there))
			return c;
	}
	return NULL;
}

/* Once: what fails does so again and again. */
static void tell(struct injector *k, const char *what, int rc)
{
	if (!k->told)
		run_log_problem(k->run_log, "cannot %s: %s", what, strerror(-rc));
	k->told = true;
}

static void destroy(struct injector *k, struct diag_connection *c)
{
	unsigned side = random_next(&k->random) & 1;
	int rc;

	if (!c->sockets[side].is_there)
		side = !side;
	rc = diag_destroy(k->diag, &c->sockets[side]);
	/* A list shows each connection once: it is not looked for again. */
	c->sockets[0].is_there = c->sockets[1].is_there = false;
	if (rc && rc != -ENOENT)
		tell(k, "destroy a connection", rc);
}

static void make_list(struct injector *k)
{
	unsigned n_left_out;
	int rc = diag_collect(k->diag, &k->filter, k->list, LIST_MAX, &k->n, &n_left_out);

	if (!rc)
		return;
	k->n = 0;
	tell(k, "list connections", rc);
}

/*
 * The link is up again since the last kill if something has come over it. Without that,
 * a machine that is too slow for the pace would kill each link before it is one.
 */
static bool is_ripe(struct injector *k, struct record *a, uint64_t now_ns)
{
	struct record *b = run_log_present(k->run_log, a->peer, a->node);
	struct record_mark *last = b && b->node < a->node ? &b->killed : &a->killed;
	uint64_t taken = record_taken(a) + (b ? record_taken(b) : 0);

	if (taken == last->taken && now_ns < last->at_ns + STUCK_NS &&
	    random_next(&k->random) % YOUNG_ONE_OF)
		return false;
	*last = (struct record_mark){ .at_ns = now_ns, .taken = taken };
	return true;
}

static void kill_one(struct injector *k, uint64_t now_ns)
{
	struct diag_connection *c;
	struct record *r;
	unsigned try;

	for (try = 0; try < TRIES; try++) {
		r = run_log_aim(k->run_log, &k->random, 0);
		if (!r)
			return;
		c = find(k, r->node, r->peer);
		if (c && is_ripe(k, r, now_ns)) {
			destroy(k, c);
			return;
		}
	}
}

void injector_step(struct injector *k, uint64_t now_ns)
{
	uint64_t every = k->settings->kill_ms * CLOCK_MS, cost_ns;
	unsigned n;

	if (now_ns < injector_deadline(k))
		return;
	make_list(k);
	cost_ns = clock_now_ns() - now_ns;
	for (n = 0; n < BEHIND_MAX && k->due_ns <= now_ns; n++) {
		k->due_ns += every;
		kill_one(k, now_ns);
	}
	if (k->due_ns <= now_ns)
		k->due_ns = now_ns + every;
	k->next_ns = now_ns + LIST_NS;
	if (k->next_ns < now_ns + LIST_SHARE * cost_ns)
		k->next_ns = now_ns + LIST_SHARE * cost_ns;
}

uint64_t injector_deadline(const struct injector *k)
{
	return k->due_ns > k->next_ns ? k->due_ns : k->next_ns;
}
