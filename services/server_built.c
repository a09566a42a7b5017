/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_built.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/addr.h"
#include "services/server_client.h"
#include "services/server_feed.h"
#include "services/server_member.h"
#include "services/server_pubs.h"
#include "services/service.h"

#define SERVICES_MAX	1024u		/* that are looked at */

struct attr {
	char text[TOPO_ATTR_MAX + 1];
	size_t len;
};

/* Lines "key=value\n"; one that does not fit is left out. */
static void add(struct attr *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct attr *a, const char *fmt, ...)
{
	size_t room = sizeof a->text - a->len;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(a->text + a->len, room, fmt, args);
	va_end(args);
	if (n > 0 && (size_t)n < room)
		a->len += (size_t)n;
	assert(a->len <= TOPO_ATTR_MAX);
	a->text[a->len] = '\0';
}

/* ---- NODE ---- */

static struct attr node_attr(struct server *s, uint32_t nodeid, uint64_t incarnation,
			     enum sinew_down reason)
{
	struct sinew_status st = { .size = sizeof st };
	struct attr a = { .len = 0 };

	add(&a, "incarnation=%016" PRIx64 "\n", incarnation);
	if (reason)
		add(&a, "reason=%s\n", sinew_down_name(reason));
	if (nodeid == s->nodeid || sinew_peer_status(s->node, nodeid, &st))
		st.n_paths = 0;
	for (unsigned i = 0; i < st.n_paths; i++) {
		char text[ADDR_TEXT_MAX];

		add(&a, "addr=%s\n", addr_text_sa(&st.paths[i].addr, text));
	}
	return a;
}

static void publish_own(struct server *s)
{
	struct attr a = node_attr(s, s->nodeid, s->incarnation, 0);
	const struct topo_offer offer = {
		.name = { TOPO_NODE, s->nodeid, s->nodeid }, .scope = TOPO_SCOPE_NODE,
		.attr = (const uint8_t *)a.text, .attr_len = (uint16_t)a.len,
	};

	topo_publish(&s->topo, &s->library, &offer, TOPO_PUB_NODE);
}

void built_begin(struct server *s)
{
	assert(list_empty(&s->library.rows));
	publish_own(s);
}

/* ---- sessions ---- */

static void link_up(struct server *s, struct server_peer *p)
{
	struct sinew_status st = { .size = sizeof st };
	struct attr a = { .len = 0 };
	char text[ADDR_TEXT_MAX];

	assert(!p->link_pub);
	if (!sinew_peer_status(s->node, p->nodeid, &st) && st.link_up && st.path < st.n_paths)
		add(&a, "path=%u\naddr=%s\n", st.path, addr_text_sa(&st.paths[st.path].addr, text));
	p->link_pub = pubs_publish(s, TOPO_LINK, p->nodeid, SINEW_SCOPE_NODE, a.text);
}

static void session_up(struct server *s, struct server_peer *p, const struct cell_state *now)
{
	struct attr a = node_attr(s, p->nodeid, now->incarnation, p->reason);

	assert(!p->up && !p->member);
	p->up = true;
	p->incarnation = now->incarnation;
	p->member = member_begin(s, p->nodeid, now->incarnation, a.text);
	p->reach_pub = pubs_publish(s, TOPO_REACH, p->nodeid, SINEW_SCOPE_CLUSTER, "");
}

static void session_down(struct server *s, struct server_peer *p)
{
	assert(p->up);
	p->up = false;
	pubs_end(s, &p->link_pub);
	pubs_end(s, &p->reach_pub);
	if (p->member)
		member_end(p->member);
	p->member = NULL;
	feeds_end(s, p->nodeid);
}

static void own_changed(struct server *s)
{
	topo_withdraw(&s->topo, &s->library, TOPO_PUB_NODE);
	publish_own(s);
}

static void addrs_changed(struct server *s, struct server_peer *p)
{
	struct attr a;

	assert(p->up);
	if (!p->member)
		return;
	a = node_attr(s, p->nodeid, p->incarnation, p->reason);
	member_say(p->member, a.text);
}

void built_cell(struct server *s, unsigned i, const struct cell_state *now)
{
	struct server_peer *p = &s->peers[i];
	bool other = p->nodeid != now->nodeid || p->n_sessions != now->n_sessions;

	assert(i < CELLS_MAX && now->nodeid);
	if (now->nodeid == s->nodeid) {
		own_changed(s);
		return;
	}
	if (p->up && (other || !now->up))
		session_down(s, p);
	if (p->nodeid != now->nodeid)
		*p = (struct server_peer) { .nodeid = now->nodeid, .n_changes = now->n_changes };
	if (now->reason)
		p->reason = now->reason;
	if (now->up && !p->up)
		session_up(s, p, now);
	else if (p->up && p->n_changes != now->n_changes)
		addrs_changed(s, p);
	p->n_sessions = now->n_sessions;
	p->n_changes = now->n_changes;
	if (p->up && now->link && !p->link_pub)
		link_up(s, p);
	else if (!now->link)
		pubs_end(s, &p->link_pub);
}

void built_end(struct server *s)
{
	for (unsigned i = 0; i < CELLS_MAX; i++)
		s->peers[i].member = NULL;
	list_each(struct server_member, m, &s->members, all)
		member_free(m);
	list_each(struct server_feed, f, &s->feeds, all)
		feed_free(f);
	assert(list_empty(&s->members) && list_empty(&s->feeds));
}

/* ---- services, incarnation ---- */

static bool is_published(struct server *s, uint32_t type, uint32_t instance)
{
	list_each(struct topo_row, row, &s->library.rows, kin)
		if (row->name.type == type && row->name.lower == instance)
			return true;
	return false;
}

void built_services(struct server *s)
{
	uint16_t ids[SERVICES_MAX];
	unsigned n;

	if (!s->calls)
		return;
	n = service_ids(s->calls, ids, SERVICES_MAX);
	for (unsigned i = 0; i < n && i < SERVICES_MAX; i++)
		if (ids[i] >= SINEW_SERVICE_FIRST && !is_published(s, TOPO_SERVICE, ids[i]))
			pubs_publish(s, TOPO_SERVICE, ids[i], SINEW_SCOPE_CLUSTER, "");
}

void built_renew(struct server *s)
{
	uint64_t incarnation = sinew_incarnation(s->node);

	if (incarnation == s->incarnation)
		return;
	s->incarnation = s->topo.cfg.own_incarnation = incarnation;
	pubs_renew(s);
	list_each(struct server_client, c, &s->clients, all)
		publisher_renew(s, &c->by);
	assert(s->library.incarnation == incarnation);
	own_changed(s);
}
