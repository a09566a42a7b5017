/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a connection: dial, events, writing, orderly and abrupt ends.
 * Knows nothing of what the bytes mean.
 */
#include "lowcomms/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/dlm_profile.h"
#include "proto/stuck.h"

#include "lowcomms/handle.h"
#include "lowcomms/leave.h"
#include "lowcomms/overview.h"
#include "lowcomms/reach.h"
#include "lowcomms/recv.h"

#define GATHER_MAX	(512u * 1024)	/* bytes a write */
#define FLUSH_MAX	(1024u * 1024)	/* bytes a turn, so that one peer starves nobody */
#define DRAIN_NS	2000000000u	/* until the other end must have read and closed */
#define DRAIN_BYTES	(1024u * 1024)	/* thrown away meanwhile */
#define DRAINING_MIN	16	/* so many may drain at least, or two for each node */

static struct member *member_of(const struct link *l)
{
	return l->peer ? container_of(l->peer, struct member, peer) : NULL;
}

/* ---- begin ---- */

static void stream_event(struct stream *s, unsigned events)
{
	struct conn *c = s->owner;

	assert(c->stream == s);
	ready_named(c);
	conn_event(c, events);
}

static void stream_path(struct stream *s, const struct sockaddr_storage *addr, bool works)
{
	struct conn *c = s->owner;

	assert(c->stream == s && c->node->transport->traits & STREAM_MULTIHOMED);
	if (link_is_up(&c->link))
		reach_path(c->node, member_of(&c->link), addr, works);
}

/* Takes the stream over, whatever happens. NULL: no memory. */
static struct conn *conn_new(struct sinew_node *n, struct stream *s, enum conn_state state)
{
	struct conn *c = calloc(1, sizeof *c);

	assert(!s->owner && (state == CONN_OPEN || state == CONN_DIALLING));
	if (!c) {
		s->ops->reset(s);
		return NULL;
	}
	c->stream = s;
	s->event = stream_event;
	s->path = stream_path;
	s->owner = c;
	c->node = n;
	c->state = state;
	list_init(&c->ready);
	list_push(&n->conns.all, &c->all);
	n->conns.n_all++;
	n->conns.n_fds += s->source.fd >= 0;
	overview_show(n);
	return c;
}

static bool usable_source(const struct sockaddr_storage *a, int family)
{
	return a->ss_family == family && !addr_is_any(a);
}

/*
 * Our own address that a dial leaves from, so that the other end knows us by
 * it. Each ring is a network of its own: path i leaves from address i.
 */
static const struct sockaddr_storage *source_for(const struct sinew_node *n, int family,
						 unsigned path)
{
	if (path < n->opt.n_addrs && usable_source(&n->opt.addrs[path], family))
		return &n->opt.addrs[path];
	for (unsigned i = 0; i < n->opt.n_addrs; i++)
		if (usable_source(&n->opt.addrs[i], family))
			return &n->opt.addrs[i];
	return NULL;
}

void conn_dial(struct sinew_node *n, struct peer *p, unsigned path, bool probe)
{
	struct member *m = container_of(p, struct member, peer);
	const struct sockaddr_storage *to = &m->addrs[path];
	const struct sockaddr_storage *from = source_for(n, to->ss_family, path);
	struct stream_route route = { .to = to, .n_to = 1, .from = from, .n_from = from != NULL };
	enum dial_step step;
	struct stream *s;
	struct conn *c;
	int err;

	assert(m->in_core && path < m->n_addrs && path < p->paths.n);
	if (n->transport->traits & STREAM_MULTIHOMED)
		route = (struct stream_route) { .to = m->addrs, .n_to = m->n_addrs,
						.from = n->opt.addrs, .n_from = n->opt.n_addrs };
	err = n->transport->dial(&n->streams, &route, &s, &step);
	c = err ? NULL : conn_new(n, s, step == DIAL_DONE ? CONN_OPEN : CONN_DIALLING);
	if (!c) {
		link_no_dial(&n->core, p, path, probe);
		reach_no_dial(n, m, path, err ? err : -ENOMEM, step, from);
		return;
	}
	link_dial(&n->core, &c->link, p, path, probe);
	if (step == DIAL_DONE)
		link_connected(&c->link);
}

/* A kernel is known by its address alone. */
static struct peer *peer_at(struct sinew_node *n, const struct path_addr *from)
{
	struct peer *found = NULL;

	list_each(struct peer, p, &n->core.peers, all)
		if (paths_find(&p->paths, from) >= 0)
			found = p;
	assert(found);
	return found;
}

void conn_accepted(struct sinew_node *n, struct stream *s, const struct path_addr *from)
{
	struct conn *c = conn_new(n, s, CONN_OPEN);
	char text[ADDR_TEXT_MAX];

	if (!c) {
		log_limited(&n->log, SINEW_ERROR, 0, "cannot take",
			    "addr=%s cannot set up the connection: %s", addr_text(from, text),
			    strerror(ENOMEM));
		return;
	}
	if (n->opt.profile == SINEW_PROFILE_DLM)
		link_accept_dlm(&n->core, &c->link, peer_at(n, from), from);
	else
		link_accept(&n->core, &c->link, from);
	/* The dialling end speaks first, and mostly has by now. */
	conn_event(c, STREAM_READABLE);
}

/* ---- end ---- */

static void let_go(struct conn *c)
{
	struct stream *s = c->stream;

	if (!s)
		return;
	assert(s->owner == c);
	c->stream = NULL;
	if (c->in_order)
		s->ops->close(s);
	else
		s->ops->reset(s);
}

/*
 * The memory goes at the end of the turn: events of this turn may still lead here. The
 * stream ends now; that of a link that carried a session with the memory, because its next
 * link is begun in this turn, and has not to wait for that.
 */
static void conn_end(struct conn *c, bool in_order)
{
	struct sinew_node *n = c->node;

	assert(c->state != CONN_DEAD);
	if (c->state == CONN_DRAINING) {
		assert(n->conns.n_draining && n->closing.n_final_acks >= c->final_ack_due);
		n->conns.n_draining--;
		n->closing.n_final_acks -= c->final_ack_due;
	}
	assert(n->conns.n_all);
	n->conns.n_all--;
	n->conns.n_up -= c->was_up && c->state != CONN_DRAINING;
	assert(c->stream->source.fd < 0 || n->conns.n_fds);
	n->conns.n_fds -= c->stream->source.fd >= 0;
	c->state = CONN_DEAD;
	ready_forget(c);
	c->in_order = in_order;
	if (!c->was_up)
		let_go(c);
	overview_show(n);
	conn_drop_input(c);
	assert(!list_empty(&c->all));
	list_remove(&c->all);
	list_append(&n->conns.dead, &c->all);
	leave_check(n);
}

static void log_end(struct conn *c, int err)
{
	struct member *m = member_of(&c->link);
	char text[ADDR_TEXT_MAX];

	if (m && c->link.dialled && !link_is_up(&c->link))
		reach_failed(c->node, m, &c->link, err);
	if (c->state != CONN_DIALLING)
		log_limited(&c->node->log, link_is_up(&c->link) ? SINEW_INFO : SINEW_DEBUG,
		    m ? m->nodeid : 0, "link lost", "addr=%s link lost: %s",
		    addr_text(&c->link.from, text), err ? strerror(-err) : "closed by the peer");
}

/* Where there is no half-close, a write behind the end of the other side fails, too. */
static bool ended_in_order(const struct conn *c, int err)
{
	return err == 0 && c->write_err == -EPIPE &&
		!(c->node->transport->traits & STREAM_HALF_CLOSE);
}

void conn_fail(struct conn *c, int err)
{
	struct member *m;

	assert(err <= 0);
	if (c->write_err && !ended_in_order(c, err))
		err = c->write_err;
	if (c->state == CONN_DEAD)
		return;
	if (c->state == CONN_DRAINING) {
		conn_end(c, err == 0 && c->shut_sent);
		return;
	}
	m = member_of(&c->link);
	if (c->link.state != LINK_LAST_ACK) {
		reach_error(m, link_is_up(&c->link) && !err ? -ECONNRESET : err);
		log_end(c, err);
	}
	if (err == -ECONNREFUSED)
		link_refused(&c->link);
	else
		link_dead(&c->link, err == 0);
	/* Our messages still under way are sent again on the next link. */
	conn_end(c, err == 0 && c->link.how == LINK_ORDERLY);
	if (m)
		reach_link(c->node, m);
}

/* Else the rest is written when the stream is writable, or in the next turn. */
static bool all_written(const struct conn *c)
{
	return !(c->awaits & AWAIT_WRITABLE) && !(c->can & READY_WRITE);
}

static void drain_write(struct conn *c)
{
	assert(c->state == CONN_DRAINING && c->stream);
	conn_flush(c);
	if (c->state != CONN_DRAINING || !all_written(c) || c->shut_sent)
		return;
	c->shut_sent = true;
	if (c->stream->ops->finish(c->stream))
		conn_end(c, true);
}

/* One more is going to drain. The oldest makes room, first those whom nobody waits for. */
static void bound_draining(struct sinew_node *n)
{
	unsigned most = 2 * (n->core.n_peers + 1);
	struct conn *oldest = NULL;

	if (n->conns.n_draining < (most < DRAINING_MIN ? DRAINING_MIN : most))
		return;
	/* The last seen is the oldest. */
	list_each(struct conn, c, &n->conns.all, all)
		if (c->state == CONN_DRAINING &&
		    (!oldest || !c->final_ack_due || oldest->final_ack_due))
			oldest = c;
	assert(oldest);
	conn_end(oldest, false);
}

void conn_shut(struct conn *c, enum link_shut how)
{
	struct sinew_node *n = c->node;
	struct member *m = member_of(&c->link);

	assert(c->state != CONN_DEAD && c->state != CONN_DRAINING && c->link.state == LINK_GONE);
	c->nodeid = m ? m->nodeid : 0;
	c->link.peer = NULL;
	if (m)
		reach_shut(n, m, &c->link, c->was_up);
	if (how == LINK_RESET || c->state == CONN_DIALLING) {
		conn_end(c, false);
		return;
	}
	conn_drop_input(c);
	assert(!c->buf && !(c->awaits & AWAIT_CONSUMED));
	bound_draining(n);
	assert(n->conns.n_up >= c->was_up);
	n->conns.n_up -= c->was_up;
	c->state = CONN_DRAINING;
	n->conns.n_draining++;
	overview_show(n);
	/* Other nodes that were refused do not delay our end. */
	c->final_ack_due = m && tombstones_find(&m->peer.tombstones, c->link.incarnation);
	n->closing.n_final_acks += c->final_ack_due;
	leave_check(n);
	c->drain_until_ns = n->core.now_ns + DRAIN_NS;
	n->conns.drain_ns = earlier(n->conns.drain_ns, c->drain_until_ns);
	drain_write(c);
	conn_update(c);
}

/* Reads and throws away until the other end has closed. */
static void drain_read(struct conn *c)
{
	uint8_t waste[16384];
	ssize_t got;

	assert(c->state == CONN_DRAINING && list_empty(&c->link.all));
	do {
		got = c->stream->ops->read(c->stream, waste, sizeof waste);
		if (got > 0)
			c->drained += (size_t)got;
		if (c->drained > DRAIN_BYTES)
			got = -EMSGSIZE;
	} while (got == (ssize_t)sizeof waste || got == -EINTR);
	if (got == 0)
		peer_drained(&c->node->core, c->nodeid, c->link.incarnation);
	if (got <= 0 && got != -EAGAIN)
		conn_fail(c, (int)got);
}

void conns_drain_tick(struct sinew_node *n)
{
	if (n->core.now_ns < n->conns.drain_ns)
		return;
	n->conns.drain_ns = CORE_NEVER;
	list_each(struct conn, c, &n->conns.all, all) {
		assert(c->node == n);
		if (c->state != CONN_DRAINING)
			continue;
		if (c->drain_until_ns <= n->core.now_ns)
			conn_end(c, false);
		else
			n->conns.drain_ns = earlier(n->conns.drain_ns, c->drain_until_ns);
	}
}

void conns_free_dead(struct sinew_node *n)
{
	list_each(struct conn, c, &n->conns.dead, all) {
		assert(c->state == CONN_DEAD && !c->buf && list_empty(&c->link.all));
		list_remove(&c->all);
		let_go(c);
		free(c);
	}
	streams_free_dead(&n->streams);
}

/* Our half, where a reset would lose what the peer has sent: it is read to its end. False: a reset
 * loses nothing, or no more than there is. */
static bool end_half(struct conn *c)
{
	int err;

	if (c->node->core.cfg.reset_repeats)
		return false;
	conn_flush(c);
	if (c->state != CONN_OPEN || !link_end_dlm(&c->link))
		return false;
	err = c->shut_sent ? 0 : c->stream->ops->finish(c->stream);
	c->shut_sent = true;
	if (err)
		conn_fail(c, err);
	return true;
}

void conns_break(struct sinew_node *n, const struct peer *p)
{
	list_each(struct conn, c, &n->conns.all, all)
		if ((!p || c->link.peer == p) && !end_half(c))
			conn_fail(c, -ECONNABORTED);
}

void conns_close(struct sinew_node *n)
{
	/* One that only waits for the peer to see our last ACK has nothing to lose. */
	list_each(struct conn, c, &n->conns.all, all) {
		bool in_order = c->state == CONN_DRAINING ||
			(c->state == CONN_OPEN && c->link.state == LINK_LAST_ACK);

		if (c->state != CONN_DRAINING)
			link_dead(&c->link, in_order);
		conn_end(c, in_order);
	}
	assert(!n->conns.n_draining && !ready_any(&n->conns.ready));
	conns_free_dead(n);
}

/* ---- writing ---- */

/*
 * A reset does not take back what came before it: that is read first, and the end is
 * met behind it. Else a network that resets right behind the data would let nothing pass.
 * It is looked for in the next turn: not every error of a write is seen by reading, too.
 */
static void write_failed(struct conn *c, int err)
{
	bool ended = err == -ECONNRESET || err == -EPIPE || err == -ECONNABORTED;
	/* A send that writes by itself tells nobody of an end: its caller may hold locks. */
	bool direct = atomic_load(&c->node->loop.busy) == LOOP_DIRECT;

	assert(err < 0 && err != -EAGAIN);
	if ((ended || direct) && c->state == CONN_OPEN) {
		c->write_err = err;
		ready_add(c, READY_PARSE);
	} else {
		conn_fail(c, err);
	}
}

void conn_flush(struct conn *c)
{
	size_t put = 0;

	if (c->state != CONN_OPEN && c->state != CONN_DRAINING)
		return;
	c->awaits &= ~(unsigned)AWAIT_WRITABLE;
	if (c->write_err)
		return;
	while (put < FLUSH_MAX) {
		struct span spans[5];
		struct iovec iov[5];
		ssize_t done;
		size_t sum;
		int k;

		sum = link_gather(&c->link, spans, &k, GATHER_MAX);
		if (!sum)
			return;
		assert(k > 0 && k <= 5);
		for (int i = 0; i < k; i++)
			iov[i] = (struct iovec) { (void *)(uintptr_t)spans[i].p, spans[i].n };
		done = c->stream->ops->writev(c->stream, iov, k);
		if (done == -EINTR)
			continue;
		if (done < 0 && done != -EAGAIN) {
			write_failed(c, (int)done);
			return;
		}
		assert(done <= (ssize_t)sum);
		if (done > 0)
			link_sent(&c->link, (size_t)done);
		if (done < (ssize_t)sum) {
			c->awaits |= AWAIT_WRITABLE;
			return;
		}
		put += sum;
		/* Nothing came meanwhile nearly always. */
		if (!link_wants_tx(&c->link))
			return;
	}
	ready_add(c, READY_WRITE);
}

/* ---- events ---- */

void conns_memory(struct sinew_node *n)
{
	list_each(struct conn, c, &n->conns.all, all) {
		if (!(c->awaits & AWAIT_ROOM))
			continue;
		c->awaits &= ~(unsigned)AWAIT_ROOM;
		conn_update(c);
	}
}

/* The core consumes again: what it left may go on. */
static void check_consumed(struct conn *c)
{
	const struct link *l = &c->link;

	assert(c->state == CONN_OPEN && !list_empty(&l->all));
	if (c->awaits & AWAIT_CONSUMED && !link_is_held(l) && l->state != LINK_GONE &&
	    !(l->session && l->session->rx_paused))
		ready_add(c, READY_PARSE);
}

/* It carries a session from now on, or none any more. */
static void count_up(struct conn *c, bool up)
{
	struct sinew_node *n = c->node;

	n->conns.n_up += up ? 1u : -1u;
	assert(n->conns.n_up <= n->conns.n_all);
	c->was_up = up;
	overview_show(n);
}

void conn_update(struct conn *c)
{
	unsigned events = c->awaits & AWAIT_WRITABLE ? STREAM_WRITABLE : 0;
	bool up = c->link.session != NULL;
	int err;

	switch (c->state) {
	case CONN_DEAD:
	case CONN_DIALLING:
		return;
	case CONN_DRAINING:
		events |= STREAM_READABLE;
		break;
	case CONN_OPEN:
		check_consumed(c);
		if (conn_reads(c))
			events |= STREAM_READABLE;
		/* Nothing is left to read, and nobody reads what would be written. */
		if (c->awaits & AWAIT_END)
			events = STREAM_QUIET;
		if (up)
			handle_touch(c->node, handle_of(c->link.session));
		if (up && !c->was_up) {
			reach_up(c->node, member_of(&c->link), &c->link);
			stream_paths(c->stream);
		} else if (!up && c->link.state == LINK_PROBE) {
			reach_probed(c->node, member_of(&c->link), &c->link);
		}
		if (up != c->was_up)
			count_up(c, up);
		break;
	}
	/* Without it the connection would wait for what is never told, or never sleep. */
	err = stream_set_interest(c->stream, events);
	if (err)
		conn_fail(c, err);
}

void conn_transmit(struct conn *c)
{
	if (all_written(c))
		conn_flush(c);
	conn_update(c);
}

void conn_ask(struct conn *c)
{
	uint64_t silent_ns = 0;
	bool waits = c->stream->ops->stuck(c->stream, &silent_ns);

	assert(c->state == CONN_OPEN);
	link_transport(&c->link, waits, silent_ns);
}

void conn_event(struct conn *c, unsigned events)
{
	const bool broken = events & STREAM_FAILED;
	int err;

	switch (c->state) {
	case CONN_DEAD:
		return;
	case CONN_DIALLING:
		if (broken) {
			conn_fail(c, c->stream->ops->error(c->stream));
			return;
		}
		c->state = CONN_OPEN;
		link_connected(&c->link);
		break;
	case CONN_DRAINING:
		if (broken || (events & STREAM_READABLE))
			drain_read(c);
		if (c->state == CONN_DRAINING && (events & STREAM_WRITABLE))
			drain_write(c);
		break;
	case CONN_OPEN:
		if (events & STREAM_WRITABLE && !broken)
			conn_flush(c);
		if (c->state != CONN_OPEN || !(broken || (events & STREAM_READABLE)))
			break;
		if (c->can & READY_PARSE)
			break;		/* what was read comes first, in its turn */
		if (conn_reads(c) ||
		    (broken && conn_is_final(c) && !(c->awaits & AWAIT_END))) {
			conn_input(c);
		} else if (broken && !(c->awaits & AWAIT_END)) {
			/* It would be reported for ever; what was not read comes again. */
			err = c->stream->ops->error(c->stream);
			conn_fail(c, err ? err : -ECONNRESET);
		}
		break;
	}
	conn_update(c);
}
