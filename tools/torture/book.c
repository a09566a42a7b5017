/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory that all processes of a run share.
 * Knows not what is good or bad.
 */
#include "tools/torture/book.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/torture/content.h"

#define LIVES_ROOM	6	/* sessions with each peer that may wait to be judged */
#define AIM_TRIES	64

struct book *book_new(unsigned n_nodes)
{
	unsigned n_records = LIVES_ROOM * n_nodes, i, k;
	size_t size = sizeof(struct book) + sizeof(struct record) * n_records * n_nodes;
	struct book *b;

	b = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return NULL;
	b->size = size;
	b->n_nodes = n_nodes;
	b->n_records = n_records;
	for (i = 0; i < BOOK_NODES; i++)
		for (k = 0; k < BOOK_NODES; k++)
			atomic_init(&b->nodes[i].present[k], -1);
	return b;
}

void book_free(struct book *b)
{
	if (b)
		munmap(b, b->size);
}

void book_problem(struct book *b, const char *fmt, ...)
{
	unsigned i = atomic_fetch_add(&b->n_problems, 1);
	va_list args;

	if (i >= BOOK_PROBLEMS)
		return;
	va_start(args, fmt);
	vsnprintf(b->problems[i].text, BOOK_PROBLEM_MAX, fmt, args);
	va_end(args);
	atomic_store(&b->problems[i].is_there, true);
}

struct record *book_record(struct book *b, uint32_t node, unsigned i)
{
	return &b->records[(node - 1) * b->n_records + i];
}

/* ---- by the node ---- */

struct record *book_open(struct book *b, uint32_t node, uint64_t life, uint32_t peer,
			 uint64_t peer_life)
{
	struct record *r;
	unsigned i;

	for (i = 0; i < b->n_records; i++) {
		r = book_record(b, node, i);
		if (record_state(r) != RECORD_FREE)
			continue;
		memset(r, 0, sizeof(*r));
		r->node = node;
		r->peer = peer;
		r->life = life;
		r->peer_life = peer_life;
		atomic_store_explicit(&r->state, RECORD_OPEN, memory_order_release);
		atomic_store(&b->nodes[node].present[peer], (int)i);
		return r;
	}
	book_problem(b, "node %" PRIu32 ": no memory to record its session with node %" PRIu32,
		     node, peer);
	return NULL;
}

void book_over(struct book *b, struct record *r)
{
	atomic_store(&b->nodes[r->node].present[r->peer], -1);
	atomic_store_explicit(&r->state, RECORD_OVER, memory_order_release);
}

/* ---- by others ---- */

void book_crashed(struct book *b, uint32_t node, bool stale)
{
	struct record *r;
	unsigned i;

	for (i = 0; i < b->n_records; i++) {
		r = book_record(b, node, i);
		if (record_state(r) != RECORD_OPEN)
			continue;
		r->crashed = true;
		r->stale = stale;
		book_over(b, r);
	}
	record_set(&b->nodes[node].life, 0);
}

struct record *book_present(struct book *b, uint32_t node, uint32_t peer)
{
	int i = atomic_load_explicit(&b->nodes[node].present[peer], memory_order_acquire);

	return i < 0 ? NULL : book_record(b, node, (unsigned)i);
}

struct record *book_other_end(struct book *b, const struct record *r)
{
	struct record *o;
	unsigned i;

	for (i = 0; i < b->n_records; i++) {
		o = book_record(b, r->peer, i);
		if (record_state(o) != RECORD_FREE && o->peer == r->node &&
		    o->life == r->peer_life && o->peer_life == r->life)
			return o;
	}
	return NULL;
}

unsigned book_room(struct book *b, uint32_t node)
{
	unsigned i, n = 0;

	for (i = 0; i < b->n_records; i++)
		n += record_state(book_record(b, node, i)) == RECORD_FREE;
	return n;
}

bool book_all_up(struct book *b, uint32_t *ret_node, uint32_t *ret_peer)
{
	struct record *r;
	uint32_t i, k;

	for (i = 1; i <= b->n_nodes; i++) {
		for (k = 1; k <= b->n_nodes; k++) {
			if (i == k)
				continue;
			r = book_present(b, i, k);
			if (r && r->life == record_get(&b->nodes[i].life) &&
			    r->peer_life == record_get(&b->nodes[k].life))
				continue;
			*ret_node = i;
			*ret_peer = k;
			return false;
		}
	}
	return true;
}

bool book_none_blocked(struct book *b, uint32_t *ret_node, uint32_t *ret_peer)
{
	struct record *r;
	uint32_t i, k;

	for (i = 1; i <= b->n_nodes; i++) {
		for (k = 1; k <= b->n_nodes; k++) {
			r = book_present(b, i, k);
			if (!r || !atomic_load(&r->is_blocked))
				continue;
			*ret_node = i;
			*ret_peer = k;
			return false;
		}
	}
	return true;
}

uint64_t book_random(uint64_t *random)
{
	*random += UINT64_C(0x9e3779b97f4a7c15);
	return content_mix(*random);
}

static bool under_way(const struct record *r, const struct record *other)
{
	return record_get(&r->sent) > ledger_taken(&other->got) ||
		record_get(&other->sent) > ledger_taken(&r->got);
}

bool book_aim(struct book *b, uint64_t *random, uint32_t own, uint32_t *ret_node,
	      uint32_t *ret_peer)
{
	struct record *r, *other;
	bool found = false;
	uint32_t i, k;
	unsigned try;

	for (try = 0; try < AIM_TRIES; try++) {
		i = own ? own : 1 + (uint32_t)(book_random(random) % b->n_nodes);
		k = 1 + (uint32_t)(book_random(random) % b->n_nodes);
		if (i == k)
			continue;
		r = book_present(b, i, k);
		other = book_present(b, k, i);
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
