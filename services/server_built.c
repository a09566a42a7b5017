/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_built.h"

#include <assert.h>
#include <errno.h>
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
#define VALUE_SHOWN	180		/* bytes of the value of an option */
#define NAME_SHOWN	65u		/* bytes of a name, NUL included */

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

/* Bytes that would break a line are shown as '?'. */
static void add_name(struct server *s, struct attr *a, uint32_t nodeid)
{
	char name[NAME_SHOWN];

	if (sinew_peer_name(s->node, nodeid, name, sizeof name) < 0 || !name[0])
		return;
	for (char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	add(a, "name=%s\n", name);
}

static struct attr node_attr(struct server *s, uint32_t nodeid, uint64_t incarnation,
			     enum sinew_down reason)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	int n = sinew_peer_addrs(s->node, nodeid, addrs, SINEW_ADDRS_MAX);
	struct attr a = { .len = 0 };

	add(&a, "incarnation=%016" PRIx64 "\n", incarnation);
	add_name(s, &a, nodeid);
	if (reason)
		add(&a, "reason=%s\n", sinew_down_name(reason));
	assert(n <= SINEW_ADDRS_MAX);
	for (int i = 0; i < n; i++) {
		char text[ADDR_TEXT_MAX];

		add(&a, "addr=%s\n", addr_text_sa(&addrs[i], text));
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

static struct attr link_attr(struct server *s, uint32_t nodeid)
{
	struct sinew_status st = { .size = sizeof st };
	struct attr a = { .len = 0 };
	char text[ADDR_TEXT_MAX];

	if (!sinew_peer_status(s->node, nodeid, &st) && st.link_up && st.path < st.n_paths)
		add(&a, "path=%u\naddr=%s\n", st.path, addr_text_sa(&st.paths[st.path].addr, text));
	return a;
}

/* One that was told, and lies on another path now, is another one. */
static void link_up(struct server *s, struct server_peer *p)
{
	struct attr a = link_attr(s, p->nodeid);

	assert(p->up);
	if (p->link_pub && pubs_has(s, p->link_pub, a.text))
		return;
	pubs_end(s, &p->link_pub);
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
}

/* Its name, perhaps. Without memory for it when it was published it is not there. */
static void own_changed(struct server *s)
{
	struct attr a = node_attr(s, s->nodeid, s->incarnation, 0);

	if (topo_change(&s->topo, &s->library, TOPO_PUB_NODE, (const uint8_t *)a.text, a.len) ==
	    -ENOENT)
		publish_own(s);
}

/* The name or an address of a peer, perhaps. */
static void peer_changed(struct server *s, struct server_peer *p)
{
	struct attr a = node_attr(s, p->nodeid, p->incarnation, p->reason);

	assert(p->up);
	if (p->member)
		member_describe(p->member, a.text);
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
		*p = (struct server_peer) { .nodeid = now->nodeid };
	if (now->reason)
		p->reason = now->reason;
	if (p->up)
		peer_changed(s, p);
	else if (now->up)
		session_up(s, p, now);
	p->n_sessions = now->n_sessions;
	if (p->up && now->link)
		link_up(s, p);
	else if (!now->link)
		pubs_end(s, &p->link_pub);
}

void built_end(struct server *s)
{
	for (unsigned i = 0; i < CELLS_MAX; i++)
		s->peers[i].member = NULL;
	list_each(struct server_member, m, &s->members, all)
		member_discard(m);
	list_each(struct server_feed, f, &s->feeds, all)
		feed_free(f);
	assert(list_empty(&s->members) && list_empty(&s->feeds));
}

/* ---- options ---- */

/* Its index, or -ENOENT: it is one of a peer, whose addresses its NODE has. */
static int option_index(const struct server *s, const char *name)
{
	struct sinew_option_info info = { .size = sizeof info };

	for (unsigned i = 0; i < CELLS_OPTIONS && !sinew_node_option_info(s->node, i, &info); i++)
		if (!strcmp(info.name, name))
			return (int)i;
	return -ENOENT;
}

void built_option(struct server *s, const char *name)
{
	char value[SINEW_OPTION_TEXT_MAX];
	int i = option_index(s, name);
	struct attr a = { .len = 0 };

	if (i < 0 || sinew_option_get(s->node, name, value, sizeof value) < 0)
		return;
	assert((unsigned)i < CELLS_OPTIONS);
	add(&a, "name=%s\n", name);
	/* One that is too long is shown in part. */
	add(&a, "value=%.*s\n", VALUE_SHOWN, value);
	pubs_end(s, &s->option_pubs[i]);
	s->option_pubs[i] = pubs_publish(s, TOPO_OPTION, (uint32_t)i, SINEW_SCOPE_NODE, a.text);
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
	list_each(struct server_client, c, &s->clients, all)
		publisher_renew(s, &c->by);
	pubs_renew(s);
	publish_own(s);
	assert(s->library.incarnation == incarnation);
}
