/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_status.h"

#include <assert.h>

#include "services/server_client.h"
#include "services/server_feed.h"

void server_status(struct server *s, struct server_status *ret)
{
	*ret = (struct server_status) {
		.epoch = s->epoch, .index = s->topo.log.next,
		.n_publications = topo_table_n(&s->topo.table),
		.max_publications = s->opt.max_publications,
		.n_subscriptions = s->counts.n_subs,
		.max_subscriptions = s->opt.max_subscriptions,
		.log_entries = s->opt.log_entries,
		.n_connections = s->counts.n_clients, .n_silent = s->counts.n_silent,
		.n_refused = s->counts.n_refused, .n_requests = s->counts.n_requests,
		.n_excess = s->counts.n_excess,
	};
	ret->bytes = (uint64_t)ret->n_publications * sizeof(struct topo_row) +
		(uint64_t)s->topo.log.size * sizeof *s->topo.log.entries +
		(uint64_t)s->topo.table.found.n_buckets * sizeof(struct topo_link *);
}

static struct server_subscriber describe(const struct server_taker *t)
{
	const struct topo_request *r = &t->sub->request;

	assert(t->sub->user == t);
	return (struct server_subscriber) {
		.type = r->name.type, .lower = r->name.lower, .upper = r->name.upper,
		.lag = topo_lag(t->sub), .n_collapsed = topo_overruns(t->sub),
		.waits = t->waits,
	};
}

unsigned server_subscribers(struct server *s, struct server_subscriber *ret, unsigned max)
{
	unsigned n = 0;

	list_each(struct server_client, c, &s->clients, all)
		list_each(struct server_sub, sub, &c->subs, of) {
			if (n < max) {
				ret[n] = describe(&sub->taker);
				ret[n].pid = c->who.pid;
				ret[n].uid = c->who.uid;
			}
			n++;
		}
	list_each(struct server_feed, f, &s->feeds, all) {
		if (!f->taker.sub)
			continue;
		if (n < max) {
			ret[n] = describe(&f->taker);
			ret[n].node = f->nodeid;
		}
		n++;
	}
	return n;
}
