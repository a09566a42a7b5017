/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break relay": stands between two nodes and breaks what goes over it.
 * This file starts it, turns the loop and ends it with a summary.
 * Knows nothing of how an act is done.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/sockaddr.h"
#include "membership/host.h"
#include "tools/break/break.h"
#include "tools/break/relay.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/random.h"
#include "tools/say.h"
#include "tools/signals.h"

#define CONNECTIONS_MAX	64	/* at a time */
#define QUIET_MS	3000	/* without a connection, after the faults: the end */
#define SCHEMA		1

enum {
	POLL_SIGNAL,
	POLL_LISTENERS,					/* two of each side */
	POLL_SIDES = POLL_LISTENERS + 2 * RELAY_SIDES,	/* one of each side of each connection */
	N_POLL = POLL_SIDES + RELAY_SIDES * CONNECTIONS_MAX,
};

struct relay {
	struct relay_arguments args;
	struct relay_log log;
	struct relay_listener listeners[RELAY_SIDES];	/* by who dials */
	struct relay_connection connections[CONNECTIONS_MAX];
	struct relay_turn turn;
	struct pollfd polls[N_POLL];
	int signal_fd;
	bool ended;
	int status;
	uint64_t began_ns, faults_end_ns;
	uint64_t busy_ns;		/* when a connection was open last */
	uint64_t bytes[RELAY_SIDES];	/* of connections that have ended, by whose they were */
	uint64_t n_acts[RELAY_SIDES][RELAY_N_KINDS];
	uint64_t n_all_acts, n_resets;	/* of both sides */
};

/* ---- acts ---- */

static void end_faults(struct relay *r, const char *why)
{
	if (r->turn.calm)
		return;
	r->turn.calm = true;
	r->turn.wake_ns = r->turn.now_ns;
	say(SINEW_INFO, "no more faults: %s; relaying until no connection was open for %d s",
	    why, QUIET_MS / 1000);
}

static void acted(void *user, const struct relay_place *place, const struct relay_act *act)
{
	struct relay *r = user;
	char text[RELAY_ACT_TEXT_MAX];

	r->n_acts[place->from][act->kind]++;
	r->n_all_acts++;
	r->n_resets += act->kind == RELAY_RESET;
	if (r->args.verbose)
		say(SINEW_INFO, "connection %s%" PRIu32 ", byte %" PRIu64 " from %s: %s",
		    RELAY_SIDE_NAME(place->dialler), place->number, act->offset,
		    RELAY_SIDE_NAME(place->from), relay_act_text(act, text));
	relay_log_act(&r->log, place, act);
	if (relay_log_is_full(&r->log))
		end_faults(r, "log limit reached");
	if (r->args.resets && r->n_resets >= r->args.resets)
		end_faults(r, "--resets reached");
}

/* ---- start ---- */

static bool find_faults(struct relay *r)
{
	struct relay_faults *faults = &r->args.faults;

	if (r->args.replay)
		return !relay_log_read(r->args.replay, &r->log, faults);
	if (faults->seed == RELAY_SEED_NONE)
		faults->seed = (uint32_t)random_seed();
	relay_log_head(&r->log, faults);
	return true;
}

static bool listen_all(struct relay *r)
{
	unsigned s;

	for (s = 0; s < RELAY_SIDES; s++) {
		const struct relay_node *own = &r->args.nodes[s], *other = &r->args.nodes[!s];
		struct relay_listener *l = &r->listeners[s];

		l->side = (enum relay_side)s;
		l->polls = &r->polls[POLL_LISTENERS + 2 * s];
		l->at = other->stand_in;
		l->to = other->at;
		l->only = own->at;
		l->from = own->stand_in;
		addr_set_port(&l->only, 0);
		addr_set_port(&l->from, 0);
		if (relay_listener_open(l))
			return false;
	}
	return true;
}

static void tell_start(const struct relay *r)
{
	char at[HOST_TEXT_MAX], other[HOST_TEXT_MAX];

	say(SINEW_INFO, "ready: node a is to dial b at %s, node b is to dial a at %s; seed %"
	    PRIu64, host_text(&r->listeners[RELAY_A].at, true, at),
	    host_text(&r->listeners[RELAY_B].at, true, other), r->args.faults.seed);
	if (r->args.write_configs)
		say(SINEW_INFO, "run node a with --config %s/%" PRIu32 ".conf, node b with "
		    "--config %s/%" PRIu32 ".conf", r->args.write_configs,
		    r->args.nodes[RELAY_A].id, r->args.write_configs,
		    r->args.nodes[RELAY_B].id);
}

/* False after it said why. */
static bool start(struct relay *r)
{
	signal(SIGPIPE, SIG_IGN);
	if (!find_faults(r) || signals_start(0, &r->signal_fd) ||
	    !listen_all(r) ||
	    (r->args.log && relay_log_open(&r->log, r->args.log)))
		return false;
	r->polls[POLL_SIGNAL] = (struct pollfd){ .fd = r->signal_fd, .events = POLLIN };
	r->turn = (struct relay_turn){ .acted = acted, .user = r };
	r->began_ns = r->busy_ns = clock_now_ns();
	r->faults_end_ns = r->args.for_ms ? r->began_ns + r->args.for_ms * CLOCK_MS : CLOCK_NEVER;
	tell_start(r);
	return true;
}

/* ---- loop ---- */

static struct relay_connection *free_connection(struct relay *r)
{
	unsigned i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (!r->connections[i].open)
			return &r->connections[i];
	return NULL;
}

static void count_bytes(struct relay *r, struct relay_connection *c)
{
	unsigned s;

	for (s = 0; s < RELAY_SIDES; s++) {
		r->bytes[s] += c->pipes[s].n_passed;
		c->pipes[s].n_passed = 0;
	}
}

static void turn_connection(struct relay *r, struct relay_connection *c)
{
	r->busy_ns = r->turn.now_ns;
	relay_connection_turn(c, &r->turn);
	if (!c->open)
		count_bytes(r, c);
}

static void turn_connections(struct relay *r)
{
	unsigned i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (r->connections[i].open)
			turn_connection(r, &r->connections[i]);
}

static void take_dials(struct relay *r, struct relay_listener *l)
{
	struct relay_connection *c = free_connection(r);
	int fd[RELAY_SIDES];

	if (!relay_listener_turn(l, &r->turn, !c, fd))
		return;
	if (c && !relay_connection_open(c, &r->args.faults, l->side, l->n_connections, fd)) {
		turn_connection(r, c);
		return;
	}
	l->n_full++;
	say(SINEW_WARNING, "connection %s%" PRIu32 " was reset: %s", RELAY_SIDE_NAME(l->side),
	    l->n_connections, c ? "out of memory" : "connection table full");
	if (c)
		return;
	relay_reset_fd(fd[RELAY_A]);
	relay_reset_fd(fd[RELAY_B]);
}

static void wait_for_work(struct relay *r)
{
	if (poll(r->polls, N_POLL, clock_timeout_ms(r->turn.wake_ns)) > 0 &&
	    r->polls[POLL_SIGNAL].revents && signals_take(r->signal_fd))
		r->ended = true;
}

/* When the faults end, and the run after them. */
static void look_at_time(struct relay *r)
{
	struct relay_turn *t = &r->turn;

	t->wake_ns = CLOCK_NEVER;
	if (!t->calm && t->now_ns >= r->faults_end_ns)
		end_faults(r, "time of --for expired");
	if (!t->calm) {
		t->wake_ns = r->faults_end_ns;
		return;
	}
	t->wake_ns = r->busy_ns + QUIET_MS * CLOCK_MS;
	if (t->now_ns >= t->wake_ns)
		r->ended = true;
}

static void run(struct relay *r)
{
	while (!r->ended) {
		r->turn.now_ns = clock_now_ns();
		look_at_time(r);
		/* Those that end make room for those that come. */
		turn_connections(r);
		take_dials(r, &r->listeners[RELAY_A]);
		take_dials(r, &r->listeners[RELAY_B]);
		if (!r->ended)
			wait_for_work(r);
	}
}

/* ---- end ---- */

/* An orderly end is not passed on behind bytes that were not whole. */
static void close_all(struct relay *r)
{
	unsigned i;

	for (i = 0; i < RELAY_SIDES; i++)
		relay_listener_close(&r->listeners[i]);
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		struct relay_connection *c = &r->connections[i];

		if (!c->open)
			continue;
		relay_connection_end(c, true);
		count_bytes(r, c);
	}
	if (r->signal_fd >= 0)
		close(r->signal_fd);
	r->signal_fd = -1;
}

static uint64_t n_refused(const struct relay_listener *l)
{
	return l->n_strangers + l->n_failed + l->n_full;
}

static void print_table(const struct relay *r)
{
	unsigned s, k;

	printf("%-5s %9s %9s %14s", "node", "dialled", "refused", "bytes");
	for (k = 0; k < RELAY_N_KINDS; k++)
		printf(" %8s", relay_kind_name((enum relay_kind)k));
	putchar('\n');
	for (s = 0; s < RELAY_SIDES; s++) {
		const struct relay_listener *l = &r->listeners[s];

		printf("%-5s %9" PRIu32 " %9" PRIu64 " %14" PRIu64,
		       RELAY_SIDE_NAME((enum relay_side)s), l->n_connections, n_refused(l),
		       r->bytes[s]);
		for (k = 0; k < RELAY_N_KINDS; k++)
			printf(" %8" PRIu64, r->n_acts[s][k]);
		putchar('\n');
	}
}

static void fill_node(struct json_object *node, const struct relay *r, enum relay_side side)
{
	const struct relay_listener *l = &r->listeners[side];
	struct json_object *o;
	unsigned k;

	json_put_string(node, "node", RELAY_SIDE_NAME(side));
	json_put_number(node, "connections", l->n_connections);
	o = json_new();
	json_put_number(o, "stranger", l->n_strangers);
	json_put_number(o, "failed", l->n_failed);
	json_put_number(o, "full", l->n_full);
	json_put(node, "refused", o);
	json_put_number(node, "bytes", r->bytes[side]);
	o = json_new();
	for (k = 0; k < RELAY_N_KINDS; k++)
		json_put_number(o, relay_kind_name((enum relay_kind)k), r->n_acts[side][k]);
	json_put(node, "acts", o);
}

static struct json_object *document_of(const struct relay *r, uint64_t n_missing)
{
	struct json_object *o = json_document(SCHEMA), *nodes;
	unsigned s;

	json_put_number(o, "seed", r->args.faults.seed);
	nodes = json_put_array(o, "nodes");
	for (s = 0; s < RELAY_SIDES; s++)
		fill_node(json_element(nodes), r, (enum relay_side)s);
	json_put_number(o, "not_replayed", n_missing);
	json_put_double(o, "seconds", (double)(clock_now_ns() - r->began_ns) / 1e9);
	return o;
}

static void summarize(struct relay *r)
{
	uint64_t n_missing = 0;
	int rc;

	if (r->args.replay)
		n_missing = r->args.faults.n_records - r->n_all_acts;
	if (n_missing) {
		say(SINEW_WARNING, "%" PRIu64 " of the %zu acts of %s were not done: their "
		    "offsets were not reached", n_missing, r->args.faults.n_records,
		    r->args.replay);
		r->status = STATUS_UNDELIVERED;
	}
	if (!r->args.json)
		print_table(r);
	rc = json_end(r->args.json ? document_of(r, n_missing) : NULL);
	if (!rc)
		return;
	say(SINEW_ERROR, "cannot write the summary to standard output: %s", strerror(-rc));
	r->status = STATUS_UNDELIVERED;
}

static void finish(struct relay *r)
{
	close_all(r);
	if (relay_log_close(&r->log))
		r->status = STATUS_UNDELIVERED;
	summarize(r);
}

int relay_main(int argc, char **argv)
{
	struct relay *r;
	unsigned i;
	int status;

	r = calloc(1, sizeof(*r));
	if (!r) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	r->signal_fd = -1;
	r->listeners[RELAY_A] = r->listeners[RELAY_B] =
		(struct relay_listener){ .fd = -1, .in = -1, .out = -1 };
	for (i = 0; i < CONNECTIONS_MAX; i++)
		r->connections[i].polls = &r->polls[POLL_SIDES + RELAY_SIDES * i];
	for (i = 0; i < N_POLL; i++)
		r->polls[i].fd = -1;
	status = relay_arguments_parse(&r->args, argc, argv);
	if (status < 0 && start(r)) {
		run(r);
		finish(r);
		status = r->status;
	} else if (status < 0) {
		status = STATUS_USAGE;
	}
	close_all(r);
	relay_log_close(&r->log);
	free((void *)r->args.faults.records);
	free(r);
	return status;
}
