/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice among a peer's addresses; knows no links. */
#include "path.h"

#include <string.h>

bool path_addr_same_host(const struct path_addr *a, const struct path_addr *b)
{
	return !memcmp(a->ip, b->ip, sizeof a->ip) && a->scope == b->scope;
}

void paths_set(struct paths *ps, const struct path_addr *addrs, unsigned n)
{
	struct paths old = *ps;

	*ps = (struct paths) { .n = n < PATHS_MAX ? n : PATHS_MAX };
	for (unsigned i = 0; i < ps->n; i++) {
		for (unsigned k = 0; k < old.n; k++)
			if (path_addr_same_host(&old.p[k].addr, &addrs[i]) &&
			    old.p[k].addr.port == addrs[i].port)
				ps->p[i] = old.p[k];
		ps->p[i].addr = addrs[i];
	}
}

unsigned paths_choose(const struct paths *ps)
{
	for (unsigned k = 0; k < ps->n; k++) {
		unsigned i = (ps->next + k) % ps->n;

		if (ps->p[i].state != PATH_DEAD)
			return i;
	}
	return ps->n ? ps->next % ps->n : 0;
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

void paths_failed(struct paths *ps, unsigned i)
{
	if (i >= ps->n)
		return;
	ps->p[i].state = PATH_DEAD;
	ps->p[i].fails++;
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
