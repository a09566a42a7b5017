/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice among a peer's addresses; knows no links. */
#include "path.h"

#include <assert.h>
#include <string.h>

#define FULL_PROBE_NS	1000000000u	/* between two full probes of a path, at least */

bool path_addr_same_host(const struct path_addr *a, const struct path_addr *b)
{
	return !memcmp(a->ip, b->ip, sizeof a->ip) && a->scope == b->scope;
}

static bool same_addr(const struct path_addr *a, const struct path_addr *b)
{
	return path_addr_same_host(a, b) && a->port == b->port;
}

void paths_set(struct paths *ps, const struct path_addr *addrs, unsigned n)
{
	struct paths old = *ps;

	*ps = (struct paths) { .n = n < PATHS_MAX ? n : PATHS_MAX };
	for (unsigned i = 0; i < ps->n; i++) {
		for (unsigned k = 0; k < old.n; k++)
			if (same_addr(&old.p[k].addr, &addrs[i]))
				ps->p[i] = old.p[k];
		ps->p[i].addr = addrs[i];
	}
	for (unsigned i = 0; i < ps->n && old.was_used && old.used < old.n; i++) {
		if (!same_addr(&ps->p[i].addr, &old.p[old.used].addr))
			continue;
		ps->was_used = true;
		ps->used = i;
		ps->used_since_ns = old.used_since_ns;
		break;
	}
}

static bool doubtful(const struct path *p)
{
	return p->large == LARGE_DOUBT || p->large == LARGE_LOST;
}

unsigned paths_choose(const struct paths *ps)
{
	unsigned chosen = ps->n ? ps->next % ps->n : 0;
	bool found = false;

	for (unsigned k = 0; k < ps->n; k++) {
		unsigned i = (ps->next + k) % ps->n;

		if (ps->p[i].state == PATH_DEAD)
			continue;
		if (!doubtful(&ps->p[i]))
			return i;
		if (!found)
			chosen = i;
		found = true;
	}
	assert(chosen < ps->n || !ps->n);
	return chosen;
}

void paths_ok(struct paths *ps, unsigned i, uint64_t now_ns, uint64_t rtt_ns)
{
	struct path *p;

	if (i >= ps->n)
		return;
	p = &ps->p[i];
	if (p->state != PATH_ALIVE)
		p->alive_since_ns = now_ns;
	p->state = PATH_ALIVE;
	p->last_ok_ns = now_ns;
	p->fails = 0;
	if (rtt_ns)
		p->rtt_ns = rtt_ns;
}

void paths_measured(struct paths *ps, unsigned i, uint64_t rtt_ns)
{
	assert(rtt_ns);
	if (i < ps->n)
		ps->p[i].rtt_ns = rtt_ns;
}

void paths_failed(struct paths *ps, unsigned i)
{
	if (i >= ps->n)
		return;
	ps->p[i].state = PATH_DEAD;
	ps->p[i].fails++;
	/* Earlier proof counts no more; this one may have been lost. */
	if (ps->p[i].large == LARGE_PASS)
		ps->p[i].large = LARGE_UNKNOWN;
	ps->p[i].full_missing = false;
	ps->next = (i + 1) % ps->n;
}

void paths_skip(struct paths *ps, unsigned i)
{
	if (i < ps->n && ps->next == i)
		ps->next = (i + 1) % ps->n;
}

int paths_find(const struct paths *ps, const struct path_addr *addr)
{
	for (unsigned i = 0; i < ps->n; i++)
		if (path_addr_same_host(&ps->p[i].addr, addr))
			return (int)i;
	return -1;
}

bool paths_other_alive(const struct paths *ps, unsigned i, uint64_t since_ns)
{
	for (unsigned k = 0; k < ps->n; k++)
		if (k != i && ps->p[k].state == PATH_ALIVE && ps->p[k].last_ok_ns > since_ns)
			return true;
	return false;
}

/* ---- large packets ---- */

static uint64_t longer_hold(struct path *p, const struct path_hold *hold)
{
	uint64_t ns = p->hold_ns ? 2 * p->hold_ns : hold->min_ns;

	p->hold_ns = ns < hold->max_ns ? ns : hold->max_ns;
	return p->hold_ns;
}

void paths_up(struct paths *ps, unsigned i, uint64_t now_ns, const struct path_hold *hold)
{
	struct path *was = &ps->p[ps->used];
	bool same = ps->was_used && ps->used == i;

	if (i >= ps->n)
		return;
	if (ps->was_used && !same && i != 0 && ps->used < ps->n) {
		/* That it held for long makes up for what was before. */
		if (now_ns - ps->used_since_ns >= hold->max_ns)
			was->hold_ns = 0;
		was->hold_until_ns = now_ns + longer_hold(was, hold);
		was->full_at_ns = now_ns;
		paths_doubt(ps, ps->used);
		/* That it answers is to be heard anew. */
		if (was->state == PATH_ALIVE)
			was->state = PATH_UNKNOWN;
	}
	if (!same)
		ps->used_since_ns = now_ns;
	ps->was_used = true;
	ps->used = ps->next = i;
	assert(i < ps->n);
	ps->p[i].large = LARGE_UNKNOWN;
	ps->p[i].full_missing = false;
}

void paths_doubt(struct paths *ps, unsigned i)
{
	if (i >= ps->n)
		return;
	if (ps->p[i].large != LARGE_LOST)
		ps->p[i].large = LARGE_DOUBT;
	paths_skip(ps, i);
}

bool paths_full_due(struct paths *ps, unsigned i, uint64_t now_ns)
{
	struct path *p = &ps->p[i];

	if (i >= ps->n || p->large == LARGE_PASS || now_ns < p->full_at_ns)
		return false;
	p->full_at_ns = now_ns + FULL_PROBE_NS;
	return true;
}

void paths_full_ok(struct paths *ps, unsigned i)
{
	if (i >= ps->n)
		return;
	ps->p[i].large = LARGE_PASS;
	ps->p[i].full_missing = false;
}

void paths_full_lost(struct paths *ps, unsigned i, uint64_t now_ns, const struct path_hold *hold)
{
	if (i >= ps->n)
		return;
	paths_doubt(ps, i);
	ps->p[i].full_missing = true;
	ps->p[i].full_at_ns = now_ns + longer_hold(&ps->p[i], hold);
}

bool paths_may_return(const struct paths *ps, unsigned i, uint64_t now_ns)
{
	const struct path *p = &ps->p[i];

	assert(i < PATHS_MAX);
	return now_ns >= p->hold_until_ns && !p->peer_lost &&
		(p->large == LARGE_PASS || !p->takes_full);
}
