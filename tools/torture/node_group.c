/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nodes of one process.
 * Knows nothing of other processes but the run log.
 */
#include "tools/torture/torture.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "lowcomms/sinew-test.h"
#include "tools/clock.h"
#include "tools/random.h"
#include "tools/say.h"

#define TURN_BYTES	((size_t)1 << 20)	/* sent in a turn, so that it ends */
#define COUNT_NS	(50 * CLOCK_MS)
#define KILLS_TURN	16		/* what is behind by more is given up */

static void begin_incarnation(struct node_group *c, struct incarnation *l)
{
	if (incarnation_begin(l))
		run_log_problem(c->run_log, "node %" PRIu32 " was not restarted", l->id);
}

int node_group_open(struct node_group *c, const struct settings *s, struct run_log *run_log,
		    uint32_t first_id, unsigned n, uint64_t salt)
{
	unsigned i;
	int rc = 0;

	*c = (struct node_group){
		.settings = s,
		.run_log = run_log,
		.random = random_mix(s->seed ^ salt << 32 ^ first_id),
		.next_kill_ns = clock_now_ns(),
	};
	c->incarnations = calloc(n, sizeof(*c->incarnations));
	c->buffer = malloc(s->size);
	if (!c->incarnations || !c->buffer) {
		say(SINEW_ERROR, "cannot start: out of memory");
		return -ENOMEM;
	}
	for (i = 0; i < n && !rc; i++) {
		struct incarnation *l = &c->incarnations[c->n++];

		l->settings = s;
		l->run_log = run_log;
		l->buffer = c->buffer;
		l->id = first_id + i;
		l->random = random_mix(c->random + l->id);
		rc = incarnation_begin(l);
	}
	return rc;
}

void node_group_close(struct node_group *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		incarnation_free(&c->incarnations[i]);
	free(c->incarnations);
	free(c->buffer);
	*c = (struct node_group){ .n = 0 };
}

/* ---- what a turn does ---- */

/* Sleeps until a node has something to do; those that have are run. */
static void wait_and_run(struct node_group *c, int wait_ms, int more_fd)
{
	struct pollfd fds[SETTINGS_NODES_MAX + 1];
	unsigned i;

	for (i = 0; i < c->n; i++) {
		struct incarnation *l = &c->incarnations[i];
		bool runs = l->state != INCARNATION_NONE && l->state != INCARNATION_OVER;

		fds[i] = (struct pollfd){
			.fd = runs ? sinew_get_fd(l->node) : -1,
			.events = POLLIN,
		};
	}
	fds[c->n] = (struct pollfd){ .fd = more_fd, .events = POLLIN };
	if (poll(fds, c->n + 1, wait_ms) <= 0)
		return;
	for (i = 0; i < c->n; i++)
		if (fds[i].revents)
			incarnation_turn(&c->incarnations[i]);
}

/* True: there was something to send. */
static bool send_all(struct node_group *c, uint64_t now_ns)
{
	unsigned i, first = random_next(&c->random) % c->n;
	size_t budget = TURN_BYTES;
	bool any = false;

	for (i = 0; i < c->n && budget; i++)
		any |= traffic_send(&c->incarnations[(first + i) % c->n], now_ns, &budget);
	return any;
}

/* The same for calls. */
static bool begin_all(struct node_group *c, uint64_t now_ns)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < c->n; i++)
		any |= caller_begin_some(&c->incarnations[i], now_ns);
	return any;
}

static struct incarnation *incarnation_of(struct node_group *c, uint32_t id)
{
	uint32_t first = c->incarnations[0].id;

	return id < first || id >= first + c->n ? NULL : &c->incarnations[id - first];
}

static void break_one(struct node_group *c)
{
	uint32_t own = c->incarnations[random_next(&c->random) % c->n].id;
	struct sinew_status st = { .size = sizeof(st) };
	const struct record *r = run_log_aim(c->run_log, &c->random, c->n == 1 ? own : 0);
	struct incarnation *l = r ? incarnation_of(c, r->node) : NULL;

	/* One that is being made again is no link yet. */
	if (!l || l->state != INCARNATION_RUNNING || sinew_peer_status(l->node, r->peer, &st) ||
	    !st.link_up)
		return;
	sinew_break(l->node, r->peer);
}

/* Each process has its share of the kills. */
static void break_some(struct node_group *c, uint64_t now_ns)
{
	uint64_t every = c->settings->kill_ms * CLOCK_MS * c->settings->n_nodes / c->n;
	unsigned n;

	if (c->settings->breaker != BREAKER_SELF)
		return;
	for (n = 0; n < KILLS_TURN && c->next_kill_ns <= now_ns; n++) {
		break_one(c);
		c->next_kill_ns += every;
	}
	if (c->next_kill_ns <= now_ns)
		c->next_kill_ns = now_ns + every;
}

static void end_all(struct node_group *c)
{
	unsigned i;

	if (c->is_ending)
		return;
	c->is_ending = true;
	for (i = 0; i < c->n; i++)
		incarnation_end(&c->incarnations[i], c->incarnations[i].id % 2 == 0);
}

/* Those that closed in the middle of the run. */
static void bring_back(struct node_group *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++) {
		if (c->incarnations[i].state != INCARNATION_OVER)
			continue;
		incarnation_free(&c->incarnations[i]);
		begin_incarnation(c, &c->incarnations[i]);
	}
}

/* At most so long: until there is something to do. */
static int shorter(const struct node_group *c, int wait_ms, uint64_t now_ns)
{
	uint64_t until = now_ns + (uint64_t)wait_ms * CLOCK_MS;
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (slow_deadline(&c->incarnations[i]) < until)
			until = slow_deadline(&c->incarnations[i]);
	if (c->settings->breaker == BREAKER_SELF && c->next_kill_ns < until &&
	    run_log_phase(c->run_log) == PHASE_RUN)
		until = c->next_kill_ns;
	return clock_timeout_ms(until);
}

void node_group_turn(struct node_group *c, int busy_ms, int idle_ms, int more_fd)
{
	enum run_log_phase phase = run_log_phase(c->run_log);
	uint64_t now_ns = clock_now_ns();
	int wait_ms = idle_ms;
	unsigned i;

	if (phase == PHASE_RUN) {
		if (c->settings->calls ? begin_all(c, now_ns) : send_all(c, now_ns))
			wait_ms = busy_ms;
		break_some(c, now_ns);
	}
	for (i = 0; i < c->n; i++) {
		caller_turn(&c->incarnations[i], now_ns);
		slow_release(&c->incarnations[i], now_ns, phase != PHASE_RUN);
	}
	if (phase == PHASE_CLOSE)
		end_all(c);
	wait_and_run(c, shorter(c, wait_ms, now_ns), more_fd);
	if (phase != PHASE_CLOSE)
		bring_back(c);
	if (now_ns < c->next_count_ns)
		return;
	c->next_count_ns = now_ns + COUNT_NS;
	for (i = 0; i < c->n; i++)
		incarnation_count(&c->incarnations[i]);
}

/* ---- restarts and the end ---- */

bool node_group_restart(struct node_group *c, uint32_t id, bool crash)
{
	struct incarnation *l = incarnation_of(c, id);

	if (!l || l->state != INCARNATION_RUNNING)
		return false;
	if (!crash) {
		incarnation_end(l, false);
		return true;
	}
	incarnation_free(l);
	begin_incarnation(c, l);
	return true;
}

bool node_group_is_over(const struct node_group *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (c->incarnations[i].state != INCARNATION_OVER &&
		    c->incarnations[i].state != INCARNATION_NONE)
			return false;
	return c->is_ending;
}
