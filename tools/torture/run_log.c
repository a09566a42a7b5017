/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory that all processes of a run share.
 * Knows not what is good or bad.
 */
#include "tools/torture/torture.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/random.h"

#define AIM_TRIES	64
#define ROOM		2	/* sessions that a pair may begin until there is more */

/* Zeros, for all processes to come; NULL: no memory. */
static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static size_t size_of_calls(unsigned n_nodes)
{
	return (size_t)n_nodes * n_nodes * sizeof(struct call_pair);
}

struct run_log *run_log_new(unsigned n_nodes, bool with_calls)
{
	struct run_log *b = map(sizeof(*b));

	if (!b)
		return NULL;
	b->n_nodes = n_nodes;
	if (!with_calls)
		return b;
	b->calls = map(size_of_calls(n_nodes));
	if (b->calls)
		return b;
	run_log_free(b);
	return NULL;
}

void run_log_free(struct run_log *b)
{
	if (!b)
		return;
	if (b->calls)
		munmap(b->calls, size_of_calls(b->n_nodes));
	munmap(b, sizeof(*b));
}

void run_log_problem(struct run_log *b, const char *fmt, ...)
{
	unsigned i = atomic_fetch_add(&b->n_problems, 1);
	va_list args;

	if (i >= RUN_LOG_PROBLEMS)
		return;
	va_start(args, fmt);
	vsnprintf(b->problems[i].text, RUN_LOG_PROBLEM_MAX, fmt, args);
	va_end(args);
	atomic_store(&b->problems[i].is_there, true);
}

/* One of a pair's in that state, or NULL. */
static struct record *find_state(struct run_log *b, uint32_t node, uint32_t peer,
				 enum record_state state)
{
	unsigned i;

	for (i = 0; i < RUN_LOG_SESSIONS; i++)
		if (record_state(&b->records[node][peer][i]) == state)
			return &b->records[node][peer][i];
	return NULL;
}

/* ---- by the node ---- */

struct record *run_log_open(struct run_log *b, uint32_t node, uint64_t incarnation, uint32_t peer,
			    uint64_t peer_incarnation)
{
	struct record *r = find_state(b, node, peer, RECORD_FREE);

	if (!r) {
		run_log_problem(b, "node %" PRIu32 ": no memory to record its session with node %"
				PRIu32, node, peer);
		return NULL;
	}
	memset(r, 0, sizeof(*r));
	r->node = node;
	r->peer = peer;
	r->incarnation = incarnation;
	r->peer_incarnation = peer_incarnation;
	record_enter(r, RECORD_OPEN);
	return r;
}

/* ---- by others ---- */

void run_log_crashed(struct run_log *b, uint32_t node, bool stale)
{
	struct record *r;
	uint32_t peer;

	for (peer = 1; peer <= b->n_nodes; peer++) {
		r = run_log_present(b, node, peer);
		if (!r)
			continue;
		r->crashed = true;
		r->stale = stale;
		record_enter(r, RECORD_OVER);
	}
	record_set(&b->incarnations[node], 0);
}

struct record *run_log_record(struct run_log *b, unsigned i)
{
	unsigned pair = i / RUN_LOG_SESSIONS;

	if (pair >= b->n_nodes * b->n_nodes)
		return NULL;
	return &b->records[1 + pair / b->n_nodes][1 + pair % b->n_nodes][i % RUN_LOG_SESSIONS];
}

struct record *run_log_present(struct run_log *b, uint32_t node, uint32_t peer)
{
	return find_state(b, node, peer, RECORD_OPEN);
}

struct record *run_log_other_end(struct run_log *b, const struct record *r)
{
	struct record *o;
	unsigned i;

	for (i = 0; i < RUN_LOG_SESSIONS; i++) {
		o = &b->records[r->peer][r->node][i];
		if (record_state(o) != RECORD_FREE && o->incarnation == r->peer_incarnation &&
		    o->peer_incarnation == r->incarnation)
			return o;
	}
	return NULL;
}

bool run_log_find(struct run_log *b, run_log_test *holds, uint32_t *ret_node, uint32_t *ret_peer)
{
	uint32_t i, k;

	for (i = 1; i <= b->n_nodes; i++) {
		for (k = 1; k <= b->n_nodes; k++) {
			if (i == k || !holds(b, i, k))
				continue;
			*ret_node = i;
			*ret_peer = k;
			return true;
		}
	}
	return false;
}

static bool is_full(struct run_log *b, uint32_t node, uint32_t peer)
{
	unsigned i, n = 0;

	for (i = 0; i < RUN_LOG_SESSIONS; i++)
		n += record_state(&b->records[node][peer][i]) == RECORD_FREE;
	return n < ROOM;
}

bool run_log_has_room(struct run_log *b)
{
	uint32_t node, peer;

	return !run_log_find(b, is_full, &node, &peer);
}

bool run_log_is_down(struct run_log *b, uint32_t node, uint32_t peer)
{
	const struct record *r = run_log_present(b, node, peer);

	return !r || r->incarnation != record_get(&b->incarnations[node]) ||
		r->peer_incarnation != record_get(&b->incarnations[peer]);
}

bool run_log_is_blocked(struct run_log *b, uint32_t node, uint32_t peer)
{
	struct record *r = run_log_present(b, node, peer);

	return r && atomic_load(&r->is_blocked);
}

static bool under_way(const struct record *r, const struct record *other)
{
	return record_get(&r->sent) > seqset_taken(&other->got) ||
		record_get(&r->calls_begun) > record_get(&r->calls_ended) ||
		record_get(&other->sent) > seqset_taken(&r->got) ||
		record_get(&other->calls_begun) > record_get(&other->calls_ended);
}

struct record *run_log_aim(struct run_log *b, uint64_t *random, uint32_t own)
{
	struct record *r, *other, *found = NULL;
	uint32_t i, k;
	unsigned try;

	for (try = 0; try < AIM_TRIES; try++) {
		i = own ? own : 1 + (uint32_t)(random_next(random) % b->n_nodes);
		k = 1 + (uint32_t)(random_next(random) % b->n_nodes);
		r = run_log_present(b, i, k);
		other = run_log_present(b, k, i);
		if (!r || !other)
			continue;
		found = r;
		if (under_way(r, other))
			break;
	}
	return found;
}
