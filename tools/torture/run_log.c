/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory that all processes of a run share.
 * Knows not what is good or bad.
 */
#include "tools/torture/run_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/torture/content.h"

#define INCARNATIONS_ROOM	6	/* sessions with each peer that may wait to be checked */
#define AIM_TRIES	64

struct run_log *run_log_new(unsigned n_nodes)
{
	unsigned n_records = INCARNATIONS_ROOM * n_nodes, i, k;
	size_t size = sizeof(struct run_log) + sizeof(struct record) * n_records * n_nodes;
	struct run_log *b;

	b = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return NULL;
	b->size = size;
	b->n_nodes = n_nodes;
	b->n_records = n_records;
	for (i = 0; i < RUN_LOG_NODES; i++)
		for (k = 0; k < RUN_LOG_NODES; k++)
			atomic_init(&b->nodes[i].present[k], -1);
	return b;
}

void run_log_free(struct run_log *b)
{
	if (b)
		munmap(b, b->size);
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

struct record *run_log_record(struct run_log *b, uint32_t node, unsigned i)
{
	return &b->records[(node - 1) * b->n_records + i];
}

/* ---- by the node ---- */

struct record *run_log_open(struct run_log *b, uint32_t node, uint64_t incarnation, uint32_t peer,
			    uint64_t peer_incarnation)
{
	struct record *r;
	unsigned i;

	for (i = 0; i < b->n_records; i++) {
		r = run_log_record(b, node, i);
		if (record_state(r) != RECORD_FREE)
			continue;
		memset(r, 0, sizeof(*r));
		r->node = node;
		r->peer = peer;
		r->incarnation = incarnation;
		r->peer_incarnation = peer_incarnation;
		atomic_store_explicit(&r->state, RECORD_OPEN, memory_order_release);
		atomic_store(&b->nodes[node].present[peer], (int)i);
		return r;
	}
	run_log_problem(b, "node %" PRIu32 ": no memory to record its session with node %" PRIu32,
			node, peer);
	return NULL;
}

void run_log_over(struct run_log *b, struct record *r)
{
	atomic_store(&b->nodes[r->node].present[r->peer], -1);
	atomic_store_explicit(&r->state, RECORD_OVER, memory_order_release);
}

/* ---- by others ---- */

void run_log_crashed(struct run_log *b, uint32_t node, bool stale)
{
	struct record *r;
	unsigned i;

	for (i = 0; i < b->n_records; i++) {
		r = run_log_record(b, node, i);
		if (record_state(r) != RECORD_OPEN)
			continue;
		r->crashed = true;
		r->stale = stale;
		run_log_over(b, r);
	}
	record_set(&b->nodes[node].incarnation, 0);
}

struct record *run_log_present(struct run_log *b, uint32_t node, uint32_t peer)
{
	int i = atomic_load_explicit(&b->nodes[node].present[peer], memory_order_acquire);

	return i < 0 ? NULL : run_log_record(b, node, (unsigned)i);
}

struct record *run_log_other_end(struct run_log *b, const struct record *r)
{
	struct record *o;
	unsigned i;

	for (i = 0; i < b->n_records; i++) {
		o = run_log_record(b, r->peer, i);
		if (record_state(o) != RECORD_FREE && o->peer == r->node &&
		    o->incarnation == r->peer_incarnation && o->peer_incarnation == r->incarnation)
			return o;
	}
	return NULL;
}

unsigned run_log_room(struct run_log *b, uint32_t node)
{
	unsigned i, n = 0;

	for (i = 0; i < b->n_records; i++)
		n += record_state(run_log_record(b, node, i)) == RECORD_FREE;
	return n;
}

bool run_log_all_up(struct run_log *b, uint32_t *ret_node, uint32_t *ret_peer)
{
	struct record *r;
	uint32_t i, k;

	for (i = 1; i <= b->n_nodes; i++) {
		for (k = 1; k <= b->n_nodes; k++) {
			if (i == k)
				continue;
			r = run_log_present(b, i, k);
			if (r && r->incarnation == record_get(&b->nodes[i].incarnation) &&
			    r->peer_incarnation == record_get(&b->nodes[k].incarnation))
				continue;
			*ret_node = i;
			*ret_peer = k;
			return false;
		}
	}
	return true;
}

bool run_log_none_blocked(struct run_log *b, uint32_t *ret_node, uint32_t *ret_peer)
{
	struct record *r;
	uint32_t i, k;

	for (i = 1; i <= b->n_nodes; i++) {
		for (k = 1; k <= b->n_nodes; k++) {
			r = run_log_present(b, i, k);
			if (!r || !atomic_load(&r->is_blocked))
				continue;
			*ret_node = i;
			*ret_peer = k;
			return false;
		}
	}
	return true;
}

uint64_t run_log_random(uint64_t *random)
{
	*random += UINT64_C(0x9e3779b97f4a7c15);
	return content_mix(*random);
}

static bool under_way(const struct record *r, const struct record *other)
{
	return record_get(&r->sent) > seqset_taken(&other->got) ||
		record_get(&other->sent) > seqset_taken(&r->got);
}

bool run_log_aim(struct run_log *b, uint64_t *random, uint32_t own, uint32_t *ret_node,
		 uint32_t *ret_peer)
{
	struct record *r, *other;
	bool found = false;
	uint32_t i, k;
	unsigned try;

	for (try = 0; try < AIM_TRIES; try++) {
		i = own ? own : 1 + (uint32_t)(run_log_random(random) % b->n_nodes);
		k = 1 + (uint32_t)(run_log_random(random) % b->n_nodes);
		if (i == k)
			continue;
		r = run_log_present(b, i, k);
		other = run_log_present(b, k, i);
		if (!r || !other)
			continue;
		*ret_node = i;
		*ret_peer = k;
		found = true;
		if (under_way(r, other))
			break;
	}
	return found;
}
