/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges how dials and links of a peer ended: the error in its status, the lines about what is
 * not reached. Knows the texts; when to dial is the core's.
 */
#include "lowcomms/reach.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/handle.h"

#define CAUSE_MAX	100	/* so that REFUSAL_MAX holds it with an address */

struct cause {
	int err;			/* 0: said by the hint alone */
	const char *hint;		/* NULL: said by err alone */
	const struct sockaddr_storage *from;	/* it is about this address, or NULL */
	bool ours;			/* it is this machine's: nothing to wait for */
};

/* ---- the last error ---- */

void reach_error(struct member *m, int err)
{
	if (!m || !err)
		return;
	assert(err < 0);
	m->last_error = err;
	m->last_error_ms = loop_real_ns() / 1000000u;
}

_Static_assert(sizeof(struct reach_view) <= SNAPSHOT_WORDS * sizeof(uint64_t), "room");

void reach_show(struct member *m)
{
	const struct link *up = m->peer.up;
	struct reach_view v = {
		.last_error = m->last_error, .last_error_ms = m->last_error_ms,
		.link_up = up != NULL, .path = up ? up->path : 0,
	};

	assert(!up || up->state == LINK_UP);
	list_each(const struct link, l, &m->peer.links, of_peer)
		v.n_links += l->session != NULL;
	for (unsigned i = 0; i < m->peer.paths.n; i++) {
		v.path_state[i] = m->peer.paths.p[i].state;
		v.rtt_ns[i] = m->peer.paths.p[i].rtt_ns;
	}
	snapshot_write(&m->snapshot, &v, sizeof v);
}

void reach_measured(struct member *m, const struct link *l, uint64_t rtt_ns)
{
	assert(link_is_up(l) && l->peer == &m->peer);
	if (!rtt_ns)
		return;
	paths_measured(&m->peer.paths, l->path, rtt_ns);
	reach_show(m);
}

void reach_begin(struct member *m)
{
	assert(m->handle);
	reach_show(m);
	m->has_link = true;
	m->link_path = m->peer.up ? m->peer.up->path : 0;
}

void reach_link(struct sinew_node *n, struct member *m)
{
	const struct sinew_session *h = m->handle;
	bool has_link = h && m->peer.up && m->peer.up->session == &h->session;
	bool moved = has_link && m->peer.up->path != m->link_path;

	reach_show(m);
	if (!h)
		return;
	if (moved)
		m->link_path = m->peer.up->path;
	if (has_link != m->has_link) {
		m->has_link = has_link;
		watch_link(&n->managed.observers, m->nodeid, h->session.incarnation, has_link);
	} else if (moved) {
		watch_peer(&n->managed.observers, m->nodeid);
	}
}

/* Two of them are how links are agreed on, no failure. */
static int refusal_error(uint32_t reason)
{
	switch (reason) {
	case WIRE_REFUSE_STALE:
	case WIRE_REFUSE_CLOSED:
		return 0;
	case WIRE_REFUSE_FAILED:
		return -ESTALE;
	case WIRE_REFUSE_LEAVING:
		return -ESHUTDOWN;
	case WIRE_REFUSE_VERSION:
	case WIRE_REFUSE_FEATURE:
		return -EPROTONOSUPPORT;
	case WIRE_REFUSE_PROTOCOL:
		return -EPROTO;
	default:
		return -EACCES;
	}
}

/* ---- causes; the same cause has the same literal ---- */

static const char no_answer[] = "no answer (dropped by a firewall?)";
static const char no_port[] = "no free local port (net.ipv4.ip_local_port_range)";
static const char hung[] = "connection accepted, but no answer (program hung?)";
static const char host_down[] = "host down or network path cut";
static const char no_route[] = "no route from this machine";
static const char forbidden[] = "forbidden on this machine (local firewall?)";
static const char no_memory[] = "out of memory on this machine";

/* Of a failed system call. */
static const struct {
	int err;
	bool ours;
	const char *hint;
} errors[] = {
	{ -ETIMEDOUT, false, no_answer },
	{ -ECONNREFUSED, false, "no listener at that address (program not running?)" },
	{ -EHOSTUNREACH, false, host_down },
	{ -EHOSTDOWN, false, host_down },
	{ -ENETUNREACH, false, no_route },
	{ -ENETDOWN, false, no_route },
	{ -EACCES, false, forbidden },
	{ -EPERM, false, forbidden },
	{ -EMFILE, true, "no free file descriptor in this process; raise the open file limit" },
	{ -ENFILE, true, "no free file descriptor on this machine; raise fs.file-max" },
	{ -ENOMEM, true, no_memory },
	{ -ENOBUFS, true, no_memory },
};

static struct cause cause_of(int err)
{
	struct cause c = { .err = err };

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].err == err) {
			c.hint = errors[i].hint;
			c.ours = errors[i].ours;
		}
	return c;
}

/* Of a link that the core has shut. hint NULL: that end is no failure to reach the peer, or the
 * core has said all of it. */
static const struct {
	int err;
	const char *hint;
} ends[] = {
	[LINK_WHY_NONE]		= { 0, NULL },
	[LINK_WHY_CONNECT]	= { -ETIMEDOUT, no_answer },
	[LINK_WHY_HELLO]	= { -ETIMEDOUT, hung },
	[LINK_WHY_PROBE]	= { -ETIMEDOUT, hung },
	[LINK_WHY_SILENT]	= { -ETIMEDOUT, NULL },
	[LINK_WHY_STUCK]	= { -ECONNABORTED, NULL },
	[LINK_WHY_VIOLATION]	= { -EPROTO, "invalid answer (another program on that port?)" },
	[LINK_WHY_REFUSED]	= { 0, NULL },		/* refusal_error() */
};

static struct cause no_dial_cause(int err, enum dial_step step, const struct sockaddr_storage *from)
{
	struct cause c = cause_of(err);
	bool gone = err == -EADDRNOTAVAIL && step == DIAL_SOURCE;

	assert(err < 0);
	if (!gone && err != -EADDRNOTAVAIL && err != -EADDRINUSE)
		return c;
	c.hint = gone ? "own address removed:" : no_port;
	c.from = gone ? from : NULL;
	c.ours = true;
	return c;
}

/* The connection stood, or not yet. */
static struct cause failed_cause(const struct link *l, int err)
{
	struct cause c = cause_of(err);

	assert(err <= 0);
	if (l->state == LINK_CONNECTING)
		return c;
	if (!err)
		c.hint = "closed during the handshake (another program?)";
	else if (err == -ECONNRESET || err == -EPIPE)
		c.hint = "reset during the handshake (own address not configured there?)";
	return c;
}

/* Its text; returns what identifies it. */
static const char *cause_text(const struct cause *c, char *buf, size_t n)
{
	const char *err = c->err ? strerror(-c->err) : "", *hint = c->hint ? c->hint : "";
	const char *colon = *err && *hint ? ": " : "";
	char addr[ADDR_TEXT_MAX];

	snprintf(buf, n, "%s%s%s%s%s", err, colon, hint, c->from ? " " : "",
		 c->from ? addr_text_sa(c->from, addr) : "");
	return c->hint ? c->hint : err;
}

/* ---- lines ---- */

static void remember(struct sinew_node *n, struct member *m, const char *to, const char *text)
{
	directory_lock(&n->directory);
	snprintf(m->refusal, sizeof m->refusal, "cannot connect to %s: %s", to, text);
	directory_unlock(&n->directory);
}

/* Whether that is to be said now: it lasts, or is another reason than before for as long. */
static bool worth_a_line(const struct sinew_node *n, const struct reach *r, const char *id,
			 bool ours)
{
	uint64_t since = r->said ? r->said_ns : r->since_ns;

	assert(r->since_ns);
	return r->said != id &&
		(ours || n->core.now_ns - since >= REACH_DIALS * n->core.cfg.connect_ns);
}

static void not_reached(struct sinew_node *n, struct member *m, unsigned path,
			const struct path_addr *addr, uint64_t began_ns, const struct cause *c)
{
	struct reach *r = &m->reach[path];
	char to[ADDR_TEXT_MAX], text[CAUSE_MAX], lasts[40] = "";
	const char *id = cause_text(c, text, sizeof text);
	uint64_t now = n->core.now_ns, s;

	assert(path < SINEW_ADDRS_MAX);
	addr_text(addr, to);
	remember(n, m, to, text);
	/* Not limited: who wants DEBUG wants all, and how often we dial is ours. */
	log_line(&n->log, SINEW_DEBUG, "peer=%" PRIu32 " addr=%s cannot connect: %s", m->nodeid, to,
		 text);
	if (!r->since_ns || now - r->failed_ns > REACH_APART_NS)
		*r = (struct reach) { .since_ns = began_ns };
	r->failed_ns = now;
	if (worth_a_line(n, r, id, c->ours)) {
		r->said = id;
		s = (now - r->since_ns) / 1000000000u;
		if (s)
			snprintf(lasts, sizeof lasts, " for %" PRIu64 " s", s);
		log_limited(&n->log, SINEW_WARNING, m->nodeid, "cannot connect to",
			    "cannot connect to %s%s: %s", to, lasts, text);
	}
	if (r->said == id)
		r->said_ns = now;
}

static void reached(struct sinew_node *n, struct member *m, const struct link *l)
{
	struct reach *r = &m->reach[l->path];
	char text[ADDR_TEXT_MAX];

	assert(l->path < SINEW_ADDRS_MAX && r->since_ns);
	if (r->said && n->core.now_ns - r->failed_ns <= REACH_APART_NS)
		log_limited(&n->log, SINEW_WARNING, m->nodeid, "connected again",
			    "connected to %s after %" PRIu64 " s",
			    addr_text(&m->peer.paths.p[l->path].addr, text),
			    (n->core.now_ns - r->since_ns) / 1000000000u);
	*r = (struct reach) { 0 };
}

/* ---- what happened ---- */

void reach_no_dial(struct sinew_node *n, struct member *m, unsigned path, int err,
		   enum dial_step step, const struct sockaddr_storage *from)
{
	struct cause c = no_dial_cause(err, step, from);

	reach_error(m, err);
	reach_link(n, m);
	not_reached(n, m, path, &m->peer.paths.p[path].addr, n->core.now_ns, &c);
}

void reach_failed(struct sinew_node *n, struct member *m, const struct link *l, int err)
{
	struct cause c = failed_cause(l, err);

	assert(l->dialled && !link_is_up(l));
	not_reached(n, m, l->path, &l->from, l->last_rx_ns, &c);
}

void reach_shut(struct sinew_node *n, struct member *m, const struct link *l, bool was_up)
{
	struct cause c = { .hint = ends[l->why].hint };

	assert(l->state == LINK_GONE);
	reach_error(m, l->why == LINK_WHY_REFUSED ? refusal_error(l->refusal) : ends[l->why].err);
	reach_link(n, m);
	if (l->dialled && !was_up && c.hint)
		not_reached(n, m, l->path, &l->from, l->last_rx_ns, &c);
}

void reach_up(struct sinew_node *n, struct member *m, const struct link *l)
{
	assert(l->session && l->path < SINEW_ADDRS_MAX);
	reach_link(n, m);
	if (m->reach[l->path].since_ns)
		reached(n, m, l);
}

void reach_probed(struct sinew_node *n, struct member *m, const struct link *l)
{
	if (!m)
		return;
	reach_link(n, m);
	if (l->dialled && m->reach[l->path].since_ns &&
	    m->peer.paths.p[l->path].last_ok_ns > m->reach[l->path].failed_ns)
		reached(n, m, l);
}

void reach_path(struct sinew_node *n, struct member *m, const struct sockaddr_storage *addr,
		bool works)
{
	struct path_addr key;
	char text[ADDR_TEXT_MAX];
	enum path_state was;
	int i;

	addr_to_path(addr, &key);
	i = m ? paths_find(&m->peer.paths, &key) : -1;
	if (i < 0)
		return;
	was = m->peer.paths.p[i].state;
	if (works)
		paths_ok(&m->peer.paths, (unsigned)i, n->core.now_ns, 0);
	else
		paths_failed(&m->peer.paths, (unsigned)i);
	reach_link(n, m);
	assert(m->peer.paths.p[i].state == (works ? PATH_ALIVE : PATH_DEAD));
	/* That one works at first is no news. */
	if (works ? was == PATH_DEAD : was != PATH_DEAD)
		log_limited(&n->log, SINEW_WARNING, m->nodeid, works ? "path up" : "path down",
			    "addr=%s path %s", addr_text(&m->peer.paths.p[i].addr, text),
			    works ? "up again" : "down: the association uses the other addresses");
}

/* ---- addresses that cannot be right ---- */

static bool is_loopback(const struct sockaddr_storage *sa)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)sa)->sin6_addr;

	if (sa->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(six);
}

static void check_loopback(struct sinew_node *n, const struct member *m)
{
	char own[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < n->opt.n_addrs && i < m->n_addrs && !n->told_loopback; i++) {
		if (!is_loopback(&n->opt.addrs[i]) || is_loopback(&m->addrs[i]))
			continue;
		n->told_loopback = true;
		log_line(&n->log, SINEW_WARNING, "own address %s is a loopback address: "
			 "node %" PRIu32 " at %s cannot reach it; configure an address that the "
			 "other nodes can reach (Debian's /etc/hosts maps the own name to "
			 "127.0.1.1)",
			 addr_text_sa(&n->opt.addrs[i], own), m->nodeid,
			 addr_text_sa(&m->addrs[i], other));
	}
}

void reach_addrs(struct sinew_node *n, struct member *m)
{
	assert(m->in_core && m->n_addrs <= SINEW_ADDRS_MAX);
	memset(m->reach, 0, sizeof m->reach);
	check_loopback(n, m);
}

/* ---- incarnations that take turns ---- */

void reach_superseded(struct sinew_node *n, struct member *m)
{
	struct turns *t = &m->turns;

	if (!t->n || n->core.now_ns - t->since_ns > REACH_TURNS_NS) {
		t->since_ns = n->core.now_ns;
		t->n = 0;
	}
	t->n++;
}

void reach_incarnation(struct sinew_node *n, struct member *m)
{
	struct turns *t = &m->turns;
	const struct link *up = m->peer.up;
	struct path_addr before = t->addr;
	char now_at[ADDR_TEXT_MAX], was_at[ADDR_TEXT_MAX];

	assert(!up || m->peer.up->session);
	reach_link(n, m);
	if (!up)
		return;
	t->addr = m->peer.paths.p[up->path].addr;
	/* One alone is a program that was started again. */
	if (t->n < 2 || n->core.now_ns - t->since_ns > REACH_TURNS_NS)
		return;
	log_limited(&n->log, SINEW_ERROR, m->nodeid, "turns",
		    "two programs alternate as this node, or one restarts repeatedly: "
		    "now at %s, before at %s; stop one of them",
		    addr_text(&t->addr, now_at), addr_text(&before, was_at));
}
