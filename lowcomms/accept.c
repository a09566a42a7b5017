/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/accept.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/actions.h"
#include "lowcomms/conn.h"
#include "lowcomms/node.h"
#include "lowcomms/overview.h"

#define WAITING_PER_PEER	4	/* links without a session from the address of one peer:
					 * silent, probing, and in the middle of the handshake */
#define WAITING_MIN		16	/* silent ones in all, at least */
#define ACCEPTS_TURN		256	/* from one listener */
#define BIND_AGAIN_NS		1000000000u
#define ACCEPT_ERRORS		16	/* of connections that ended before, from one in a turn */

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool is_open(const struct listener *l)
{
	return l->stream.transport != NULL;
}

static void waits(struct stream_listener *s);
static bool expects(struct stream_listener *l, const struct sockaddr_storage *from);

/* 0, or why it cannot stand there. */
static int listener_open(struct sinew_node *n, struct listener *l)
{
	bool all = n->transport->traits & STREAM_MULTIHOMED;

	assert(!is_open(l));
	l->stream = (struct stream_listener) { .event = waits, .expects = expects, .owner = n };
	l->rests = false;
	return n->transport->listen(&n->streams, &l->stream, all ? n->opt.addrs : &l->addr,
				    all ? n->opt.n_addrs : 1);
}

static void log_not_open(const struct log *log, const struct listener *l, bool retried)
{
	char text[ADDR_TEXT_MAX];

	log_line(log, retried ? SINEW_WARNING : SINEW_ERROR, "addr=%s cannot listen: %s%s%s",
		 addr_text_sa(&l->addr, text), strerror(-l->err),
		 l->err == -EADDRINUSE ? ": port in use by another program" :
		 l->err == -EADDRNOTAVAIL ? ": address not on this machine" :
		 l->err == -EMFILE ? ": raise the open file limit" : "",
		 retried ? "; retrying every second" : "");
}

/*
 * An interface may come later than we do, and the address of one that is there is not usable while
 * the kernel still looks whether it is taken. One that stands is enough to begin with.
 */
int listeners_open(struct sinew_node *n)
{
	struct listeners *ls = &n->listeners;
	unsigned failed = 0;

	assert(ls->spare_fd < 0);
	ls->n = n->transport->traits & STREAM_MULTIHOMED ? 1 : n->opt.n_addrs;
	assert(ls->n <= SINEW_ADDRS_MAX);
	for (unsigned i = 0; i < ls->n; i++) {
		struct listener *l = &ls->all[i];

		l->addr = n->opt.addrs[i];
		l->err = listener_open(n, l);
		failed += l->err != 0;
	}
	for (unsigned i = 0; i < ls->n; i++)
		if (ls->all[i].err)
			log_not_open(&n->log, &ls->all[i], failed < ls->n);
	if (failed && failed == ls->n)
		return ls->all[0].err;
	ls->bind_again_ns = failed ? n->core.now_ns + BIND_AGAIN_NS : CORE_NEVER;
	ls->again_ns = ls->bind_again_ns;
	ls->spare_fd = open_spare();
	if (ls->spare_fd < 0)
		return -errno;
	overview_show(n);
	return 0;
}

void listeners_close(struct sinew_node *n)
{
	struct listeners *ls = &n->listeners;

	for (unsigned i = 0; i < ls->n; i++)
		if (is_open(&ls->all[i]))
			n->transport->unlisten(&ls->all[i].stream);
	streams_free_dead(&n->streams);
	ls->n = 0;
	ls->again_ns = ls->bind_again_ns = CORE_NEVER;
	if (ls->spare_fd >= 0)
		close(ls->spare_fd);
	ls->spare_fd = -1;
	overview_show(n);
}

void listeners_forget(struct listeners *ls)
{
	for (unsigned i = 0; i < ls->n; i++)
		if (is_open(&ls->all[i]) && ls->all[i].stream.source.fd >= 0)
			close(ls->all[i].stream.source.fd);
	if (ls->spare_fd >= 0)
		close(ls->spare_fd);
}

/* Those that could not be opened so far; each other reason is told, and that it is over. */
static void bind_again(struct sinew_node *n)
{
	struct listeners *ls = &n->listeners;
	char text[ADDR_TEXT_MAX];

	ls->bind_again_ns = CORE_NEVER;
	for (unsigned i = 0; i < ls->n; i++) {
		struct listener *l = &ls->all[i];
		int before = l->err;

		if (!before)
			continue;
		assert(!is_open(l));
		l->err = listener_open(n, l);
		overview_show(n);
		if (!l->err) {
			log_line(&n->log, SINEW_INFO, "addr=%s listening",
				 addr_text_sa(&l->addr, text));
			continue;
		}
		ls->bind_again_ns = n->core.now_ns + BIND_AGAIN_NS;
		if (l->err != before)
			log_not_open(&n->log, l, true);
	}
}

/* All rest for a while rather than being woken again and again, or listen again. */
static void set_rest(struct sinew_node *n, bool on)
{
	struct listeners *ls = &n->listeners;

	for (unsigned i = 0; i < ls->n; i++) {
		struct listener *l = &ls->all[i];

		assert(is_open(l) || !l->rests);
		if (is_open(l) && l->rests != on && !n->transport->rest(&l->stream, on))
			l->rests = on;
		/* One that rests would be deaf for ever. */
		if (on || l->rests)
			ls->again_ns = earlier(ls->again_ns, n->core.now_ns + RETRY_NS);
	}
}

void listeners_again(struct sinew_node *n)
{
	struct listeners *ls = &n->listeners;

	assert(n->core.now_ns >= ls->again_ns);
	if (n->core.now_ns >= ls->bind_again_ns)
		bind_again(n);
	ls->again_ns = ls->bind_again_ns;
	if (ls->spare_fd < 0)
		ls->spare_fd = open_spare();
	/* Until there is one again: the next shortage is to be refused at once, too. */
	if (ls->spare_fd < 0)
		ls->again_ns = n->core.now_ns + RETRY_NS;
	set_rest(n, false);
}

/*
 * No descriptor is left. The spare one makes room to take the connection and refuse it,
 * or it would wait, and wake us, for ever. False: not even that.
 */
static bool refuse_for_descriptors(struct sinew_node *n, struct listener *l, int err)
{
	struct listeners *ls = &n->listeners;
	char text[ADDR_TEXT_MAX];
	struct stream *s;

	assert(is_open(l) && err < 0);
	log_limited(&n->log, SINEW_ERROR, 0, "no descriptor",
		    "addr=%s cannot accept a connection: %s; raise the open file limit",
		    addr_text_sa(&l->addr, text), strerror(-err));
	if (ls->spare_fd < 0)
		return false;
	close(ls->spare_fd);
	err = n->transport->accept(&l->stream, &s);
	if (!err)
		s->ops->reset(s);
	ls->spare_fd = open_spare();
	return !err && ls->spare_fd >= 0;
}

/* Peers that have this address. */
static unsigned peers_at(struct sinew_node *n, const struct path_addr *from)
{
	unsigned count = 0;

	list_each(struct peer, p, &n->core.peers, all)
		count += paths_find(&p->paths, from) >= 0;
	return count;
}

/* Frames of an accepted connection that carries no session. */
enum waiting { WAITS_NOT, WAITS_SILENT, WAITS_PROBE, WAITS_HELLO, N_WAITING };

struct crowd {
	unsigned n;
	struct conn *oldest;
};

static enum waiting waiting(const struct conn *c)
{
	static const enum waiting by_state[LINK_STATES] = {
		[LINK_WAIT]	= WAITS_SILENT,
		[LINK_PROBE]	= WAITS_PROBE,
		[LINK_READ]	= WAITS_HELLO,
		[LINK_ANSWERED]	= WAITS_HELLO,
		[LINK_HELD]	= WAITS_HELLO,
		[LINK_GUARDED]	= WAITS_HELLO,
	};

	return c->state == CONN_OPEN && !c->link.dialled ? by_state[c->link.state] : WAITS_NOT;
}

/* It is of the incarnation that we have a session with: no stranger knows that number. */
static bool known_incarnation(const struct conn *c)
{
	const struct peer *p = c->link.peer;

	return p && p->session && p->session->incarnation == c->link.incarnation;
}

static void crowd_add(struct crowd *cr, struct conn *c)
{
	assert(waiting(c) != WAITS_NOT && !c->link.session);
	/* New ones are put in front: the last seen is the oldest. */
	if (!cr->oldest || !known_incarnation(c) || known_incarnation(cr->oldest))
		cr->oldest = c;
	cr->n++;
}

/* Those from one address by what they said; returns all silent ones. */
static struct crowd count_waiting(struct sinew_node *n, const struct path_addr *from,
				  struct crowd here[N_WAITING])
{
	struct crowd all = { 0 };

	memset(here, 0, N_WAITING * sizeof *here);
	list_each(struct conn, c, &n->conns.all, all) {
		enum waiting w = waiting(c);

		if (w == WAITS_NOT)
			continue;
		if (w == WAITS_SILENT)
			crowd_add(&all, c);
		if (path_addr_same_host(&c->link.from, from))
			crowd_add(&here[w], c);
	}
	return all;
}

/*
 * The oldest of those makes room. It may have spoken since, or ended: while this program did not
 * run, the peer has dialled again and again, and given each of them up. That is no attack.
 */
static void drop_waiting(struct sinew_node *n, struct conn *c, enum waiting said)
{
	char text[ADDR_TEXT_MAX];

	if (c->write_err)
		conn_fail(c, c->write_err);
	else
		conn_event(c, STREAM_READABLE);
	node_actions(n);
	if (waiting(c) != said)
		return;
	log_limited(&n->log, SINEW_WARNING, 0, "too many waiting",
		    "addr=%s too many connections without a session, dropping the oldest",
		    addr_text(&c->link.from, text));
	n->core.refused++;
	conn_fail(c, -ETIMEDOUT);
}

/* Keeps those that carry no session within bounds: the oldest makes room. */
static void bound_waiting(struct sinew_node *n, const struct path_addr *from, unsigned peers)
{
	unsigned most = 2 * (n->core.n_peers + 1), most_here = WAITING_PER_PEER * peers;
	struct crowd here[N_WAITING], all = count_waiting(n, from, here);

	assert(peers);
	if (most < WAITING_MIN)
		most = WAITING_MIN;
	if (here[WAITS_SILENT].n >= most_here || all.n >= most) {
		drop_waiting(n, here[WAITS_SILENT].n >= most_here ? here[WAITS_SILENT].oldest :
			     all.oldest, WAITS_SILENT);
		count_waiting(n, from, here);	/* one that has spoken counts elsewhere */
	}
	for (unsigned w = WAITS_PROBE; w < N_WAITING; w++)
		if (here[w].n >= most_here)
			drop_waiting(n, here[w].oldest, (enum waiting)w);
}

static void refuse_stranger(struct sinew_node *n, const struct path_addr *from)
{
	char text[ADDR_TEXT_MAX];

	n->core.refused++;
	log_limited(&n->log, SINEW_WARNING, 0, "stranger",
		    "addr=%s refused: not the address of a configured node",
		    addr_text(from, text));
}

static bool expects(struct stream_listener *l, const struct sockaddr_storage *from)
{
	struct sinew_node *n = l->owner;
	struct path_addr addr;

	addr_to_path(from, &addr);
	if (peers_at(n, &addr))
		return true;
	refuse_stranger(n, &addr);
	return false;
}

/* Peers that it may be of. *ret_from: an address of it, one of theirs if there are some. */
static unsigned peers_of(struct sinew_node *n, struct stream *s, struct path_addr *ret_from)
{
	struct sockaddr_storage all[SINEW_ADDRS_MAX];
	unsigned n_all, peers;

	addr_to_path(&s->other.addr, ret_from);
	peers = peers_at(n, ret_from);
	if (peers || !s->ops->addresses)
		return peers;
	n_all = s->ops->addresses(s, all, SINEW_ADDRS_MAX);
	assert(n_all <= SINEW_ADDRS_MAX);
	for (unsigned i = 0; i < n_all && !peers; i++) {
		struct path_addr one;

		addr_to_path(&all[i], &one);
		peers = peers_at(n, &one);
		if (peers)
			*ret_from = one;
	}
	return peers;
}

static void take(struct sinew_node *n, struct stream *s)
{
	struct path_addr from;
	unsigned peers;

	assert(!s->owner);
	peers = peers_of(n, s, &from);
	if (!peers) {
		refuse_stranger(n, &from);
		s->ops->reset(s);
		return;
	}
	bound_waiting(n, &from, peers);
	conn_accepted(n, s, &from);
}

/* Errors of accept() about the connection that it took: it ended before, nothing is wrong here. */
static bool of_connection(int err)
{
	switch (err) {
	case -ECONNABORTED:
	case -EPROTO:
	case -EPERM:
	case -ENOPROTOOPT:
	case -EOPNOTSUPP:
	case -ENETDOWN:
	case -ENETUNREACH:
	case -EHOSTDOWN:
	case -EHOSTUNREACH:
	case -ENONET:
		return true;
	default:
		return false;
	}
}

/* accept() has failed. True: the next connection may do better. */
static bool goes_on(struct sinew_node *n, struct listener *l, int err, unsigned *errors)
{
	char text[ADDR_TEXT_MAX];

	if (err == -EMFILE || err == -ENFILE)
		return refuse_for_descriptors(n, l, err);
	if (err == -EINTR || (of_connection(err) && ++*errors < ACCEPT_ERRORS))
		return true;
	log_limited(&n->log, SINEW_WARNING, 0, "cannot accept",
		    "addr=%s cannot accept a connection: %s", addr_text_sa(&l->addr, text),
		    strerror(-err));
	return false;
}

static void waits(struct stream_listener *s)
{
	struct listener *l = container_of(s, struct listener, stream);
	struct sinew_node *n = s->owner;
	unsigned errors = 0;

	assert(is_open(l));
	for (int i = 0; i < ACCEPTS_TURN; i++) {
		struct stream *new;
		int err = n->transport->accept(s, &new);

		if (err == -EAGAIN)
			return;
		if (!err) {
			take(n, new);
		} else if (!goes_on(n, l, err, &errors)) {
			set_rest(n, true);
			return;
		}
	}
}
