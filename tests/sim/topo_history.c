/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the whole log of a simulated topology server, of which the server has the last entries, and
 * what follows from it. Knows no subscriber.
 */
#include "topo.h"

void topo_server_remember(struct topo_server *s)
{
	const struct topo_log *log = &s->topo.log;

	while (s->first + s->n_history < log->next) {
		uint64_t i = s->first + s->n_history;
		struct topo_entry *e = &s->history[s->n_history++];
		const struct topo_row *row;

		if (s->n_history == TOPO_HISTORY) {
			sim_fail("n%u: more entries than are remembered", s->idx);
			return;
		}
		*e = (struct topo_entry){ .known = i >= log->first };
		if (!e->known) {
			s->all_known = false;
			continue;
		}
		row = topo_log_row(log, i);
		e->id = row->id;
		e->name = row->name;
		e->scope = row->scope;
		e->withdrawn = topo_log_has(log, i, TOPO_LOG_WITHDRAWN);
		TRACE("n%u: entry %llu %s pub %u of n%u, type %u", s->idx, (unsigned long long)i,
		      e->withdrawn ? "withdraws" : "publishes", e->id.pub, e->id.node - 1,
		      e->name.type);
	}
}

const struct topo_entry *topo_history_entry(const struct topo_server *s, uint64_t i)
{
	if (i < s->first || i - s->first >= s->n_history)
		return NULL;
	return &s->history[i - s->first];
}

/* A rule of its own, beside topo_request_takes(). */
static bool takes(const struct topo_server *s, const struct topo_request *r,
		  const struct topo_entry *e)
{
	bool type = r->name.type == TOPO_TYPE_ANY || r->name.type == e->name.type;
	bool range = e->name.lower <= r->name.upper && r->name.lower <= e->name.upper;
	bool scope = !r->scope || r->scope == e->scope;
	bool node = !r->node || r->node == e->id.node;
	bool own = !(r->flags & TOPO_REQ_OWN) || e->id.node == s->topo.cfg.own_node;

	return type && range && scope && node && own;
}

bool topo_history_count(const struct topo_server *s, const struct topo_request *r, uint64_t from,
			uint64_t to, uint64_t *ret_n)
{
	*ret_n = 0;
	for (uint64_t i = from; i < to; i++) {
		const struct topo_entry *e = topo_history_entry(s, i);

		if (!e || !e->known)
			return false;
		*ret_n += takes(s, r, e);
	}
	return true;
}

bool topo_history_state(const struct topo_server *s, const struct topo_request *r, uint64_t to,
			struct topo_id *ret, uint32_t *ret_n)
{
	uint32_t n = 0;

	for (uint64_t i = s->first; i < to; i++) {
		const struct topo_entry *e = topo_history_entry(s, i);

		if (!e || !e->known)
			return false;
		if (!takes(s, r, e))
			continue;
		if (!e->withdrawn && n < TOPO_NAMES) {
			ret[n++] = e->id;
		} else if (e->withdrawn) {
			uint32_t at = topo_find_id(ret, n, &e->id);

			if (at == n) {
				sim_fail("n%u: entry %llu withdraws what is not there", s->idx,
					 (unsigned long long)i);
				return false;
			}
			/* In their order. */
			for (n--; at < n; at++)
				ret[at] = ret[at + 1];
		}
	}
	*ret_n = n;
	return true;
}
