/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/recv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/rx.h"

#include "lowcomms/actions.h"
#include "lowcomms/handle.h"
#include "lowcomms/reach.h"
#include "lowcomms/serving.h"

#define COMPACT_BELOW	(64u * 1024 + 64)	/* room for a frame, always */
#define AGAIN_TURN	4u		/* steps without a message a turn: others are due */
#define AHEAD_SHARE	8		/* of node_memory, that is read ahead of a paused peer */
#define MEASURE_NS	200000000u	/* between looks at the round trip of a link that is read */
#define READ_LIGHT	4096		/* bytes: more of them touch more than a page */
#define KEPT_COPIED	16384u		/* a kept message below this is copied */
#define KEPT_OVERHEAD	64u		/* charged for each, so that empty ones count */

struct sinew_kept {
	struct sinew_session *session;	/* referenced */
	struct buf *buf;		/* NULL: copied behind, and charged to the node */
	const void *data;
	size_t len;
	uint8_t copy[];
};

/* ---- the input buffer ---- */

static uint8_t *input(struct conn *c)
{
	return c->buf ? c->buf->data : c->pre;
}

static size_t input_size(const struct conn *c)
{
	return c->buf ? c->buf->size : sizeof c->pre;
}

/* NULL: over the budget, or the system has none, and is asked again. */
static struct buf *new_buf(struct sinew_node *n, size_t size, bool force)
{
	struct buf *b = NULL;

	if (buf_new(&n->memory, size, force, &b) == -ENOMEM) {
		log_limited(&n->log, SINEW_ERROR, 0, "no buffer",
			    "no memory for a buffer, retrying");
		n->memory.retry = true;
		node_sweep_in(n, RETRY_NS);
	}
	return b;
}

/* Gives the buffer away; the next read of any connection may get it. */
static void release_input(struct conn *c)
{
	struct sinew_node *n = c->node;

	c->off = c->len = c->scanned = 0;
	if (!c->buf)
		return;
	if (!n->memory.read_buf && c->buf->size == BUF_POOLED && buf_alone(c->buf))
		n->memory.read_buf = c->buf;
	else
		buf_unref(c->buf);
	c->buf = NULL;
}

void conn_drop_input(struct conn *c)
{
	release_input(c);
	c->awaits &= AWAIT_WRITABLE;
}

/* Moves what is not consumed to the beginning of a buffer of that size. */
static bool move_input(struct conn *c, size_t size, bool force)
{
	struct sinew_node *n = c->node;
	size_t left = c->len - c->off;
	struct buf *b = NULL;

	assert(c->off <= c->len && left <= size);
	if (size == BUF_POOLED) {
		b = n->memory.read_buf;
		n->memory.read_buf = NULL;
	}
	if (!b)
		b = new_buf(n, size, force);
	if (!b)
		return false;
	if (left)
		memcpy(b->data, input(c) + c->off, left);
	buf_unref(c->buf);
	c->buf = b;
	c->off = 0;
	c->len = left;
	return true;
}

static void compact(struct conn *c)
{
	size_t left = c->len - c->off;

	assert(c->off <= c->len && (!c->buf || buf_alone(c->buf)));
	memmove(input(c), input(c) + c->off, left);
	c->off = 0;
	c->len = left;
}

/*
 * Whether more may be read ahead than fits that size: up to all that the peer can have under
 * way, its queue. How long that is, is what it says: it gets its share of the memory, no more.
 */
static bool ahead_grows(const struct conn *c, size_t size)
{
	const struct session *s = c->link.session;
	/* A peer may say 4 GiB, which with more behind it is little in a 32-bit size_t. */
	uint64_t queue = s && s->peer_queue ? s->peer_queue : c->node->ring_bytes;

	return size < queue + 2 * BUF_POOLED && 2 * size <= c->node->opt.node_memory / AHEAD_SHARE;
}

/* Room to read into at input + len; 0: none. */
static size_t input_room(struct conn *c)
{
	size_t size = input_size(c);

	assert(c->len <= size && c->off <= c->len);
	if (!c->buf && !link_is_up(&c->link)) {
		if (c->off)
			compact(c);
		return size - c->len;
	}
	/* Waiting here would delay what frees memory: it may exceed the budget. */
	if (!c->buf)
		return move_input(c, BUF_POOLED, true) ? c->buf->size - c->len : 0;
	if (size - c->len >= COMPACT_BELOW)
		return size - c->len;
	if (size - (c->len - c->off) < COMPACT_BELOW) {
		if (c->awaits & AWAIT_CONSUMED && ahead_grows(c, size))
			move_input(c, size * 2, false);
	} else if (buf_alone(c->buf)) {
		compact(c);
	} else if (!move_input(c, size, true)) {
		return 0;
	}
	return c->buf->size - c->len;
}

/* ---- parsing ---- */

static void call_message(struct sinew_node *n, struct sinew_session *h,
			 const struct sinew_message *msg)
{
	node_calls_back(n);
	if (n->cb.message)
		n->cb.message(n, h, msg, n->user);
}

/* The message that is there, and those behind it as long as they are plain. */
static void deliver(struct conn *c, struct rx *rx)
{
	struct sinew_node *n = c->node;
	struct sinew_session *h = handle_of(rx->session);
	struct sinew_message msg = { .data = rx->msg, .len = rx->msg_len };
	struct buf *provided = rx->provided ? buf_of((uint8_t *)(uintptr_t)rx->msg) : NULL;

	assert(h->node == n && h->member);
	assert(!n->handover.msg && rx->session->peer->session == rx->session);
	n->handover.buf = provided ? provided : c->buf;
	n->handover.session = h;
	n->handover.msg = &msg;
	if (rx->bare) {
		msg.bare = true;
		call_message(n, h, &msg);
		n->handover.msg = NULL;
		return;
	}
	do {
		msg.number = h->session.n.delivered;
		call_message(n, h, &msg);
	} while (!provided && (msg.data = link_rx_plain(&c->link, rx, &msg.len)));
	n->handover.msg = NULL;
	buf_unref(provided);
}

/* The frame of a service that is there, and those behind it as long as they are plain. */
static void deliver_call(struct conn *c, struct rx *rx)
{
	struct sinew_node *n = c->node;
	struct sinew_session *h = handle_of(rx->session);
	struct sinew_message msg = { .data = rx->msg, .len = rx->msg_len };

	assert(h->node == n && h->member && !rx->provided);
	assert(!n->handover.msg && rx->session->peer->session == rx->session);
	n->handover.buf = c->buf;
	n->handover.session = h;
	n->handover.msg = &msg;
	n->serving.link = &c->link;
	n->serving.rx = rx;
	n->serving.frame = &msg;
	do
		serving_frame(h, msg.data, msg.len);
	while ((msg.data = link_rx_call(&c->link, rx, &msg.len)));
	n->handover.msg = NULL;
}

/* Behind all of one read; what is sent back here goes with the ACK, too. */
static void end_batch(struct sinew_node *n)
{
	struct sinew_session *h = n->serving.batch;
	struct sinew_message none = { .data = NULL };

	assert(!n->handover.msg && h->member);
	n->serving.batch = NULL;
	n->handover.buf = NULL;
	n->handover.session = h;
	n->handover.msg = &none;
	serving_batch(h);
	n->handover.msg = NULL;
}

/* Room for a long message; without it the link is not read until there is some. */
static bool provide_buffer(struct conn *c, const struct rx *rx)
{
	struct buf *b = new_buf(c->node, rx->need, false);

	assert(rx->need && c->link.session);
	if (b && link_provide(&c->link, b->data))
		return true;
	buf_unref(b);
	if (!b && c->link.session)
		recv_pause(handle_of(c->link.session), PAUSE_MEMORY, true);
	return false;
}

/* While the core does not consume: the ACKs in what is there, so that two
 * nodes with full rings cannot wait for each other. */
static void scan(struct conn *c)
{
	assert(c->awaits & AWAIT_CONSUMED && c->scanned <= c->len - c->off);
	if (conn_reads(c) && c->len > c->off)
		link_scan(&c->link, input(c) + c->off, c->len - c->off, &c->scanned);
}

/* Reads the available input, up to one iteration's share. */
static void parse(struct conn *c)
{
	uint8_t *base = input(c);
	size_t end = c->len - c->off > READ_TURN ? c->off + READ_TURN : c->len;
	struct rx rx = { .p = base + c->off, .end = base + end };
	unsigned steps = 0;

	assert(end <= c->len && c->off <= end);
	c->awaits &= AWAIT_WRITABLE | AWAIT_END;
	c->scanned = 0;
	while (c->state == CONN_OPEN) {
		enum rx_result r = link_rx(&c->link, &rx);

		if (r == RX_MSG) {
			deliver(c, &rx);
			continue;
		}
		if (r == RX_CALL) {
			deliver_call(c, &rx);
			continue;
		}
		if (r == RX_AGAIN) {
			/* An action may drop this connection, and the buffer of the frames. */
			if (c->node->serving.batch)
				end_batch(c->node);
			if (c->state != CONN_OPEN)
				break;
			node_actions(c->node);
			if (++steps < AGAIN_TURN)
				continue;
			end = (size_t)(rx.p - base);
			break;
		}
		if (r == RX_BUFFER && provide_buffer(c, &rx))
			continue;
		if (r == RX_PAUSED || r == RX_BUFFER)
			c->awaits |= AWAIT_CONSUMED;
		break;
	}
	if (c->node->serving.batch)
		end_batch(c->node);
	if (c->state != CONN_OPEN)
		return;
	assert(rx.p >= base + c->off && rx.p <= base + c->len);
	c->off = (size_t)(rx.p - base);
	if (c->off == c->len)
		release_input(c);
	else if (c->awaits & AWAIT_CONSUMED)
		scan(c);
	else if (end < c->len)
		ready_add(c, READY_PARSE);
	/* A frame that does not fit before HELLO is none. */
	else if (!c->buf && c->off == 0 && c->len == sizeof c->pre && !link_is_up(&c->link))
		conn_fail(c, -EBADMSG);
}

void conn_parse(struct conn *c)
{
	assert(!(c->can & READY_PARSE) && c->len >= c->off);
	if (c->state != CONN_OPEN)
		return;
	parse(c);
	if (c->state == CONN_OPEN && c->link.state != LINK_GONE)
		link_rx_done(&c->link);
	if (c->awaits & AWAIT_END && !(c->awaits & AWAIT_CONSUMED) && !(c->can & READY_PARSE))
		conn_fail(c, 0);
}

/* A HELLO says how long the way was when the link began, and to the side that dialled alone. */
static void measure(struct conn *c)
{
	struct member *m = container_of(c->link.peer, struct member, peer);

	c->measure_ns = c->node->core.now_ns + MEASURE_NS;
	reach_measured(m, &c->link, stream_round_trip(c->stream));
}

bool conn_input(struct conn *c)
{
	size_t total = 0, room;
	ssize_t got;

	assert(!(c->can & READY_PARSE) && c->state == CONN_OPEN);
	do {
		room = input_room(c);
		if (!room) {
			c->awaits |= AWAIT_ROOM;
			break;
		}
		got = c->stream->ops->read(c->stream, input(c) + c->len, room);
		if (got == -EAGAIN && c->write_err)
			got = c->write_err;
		if (got == -EAGAIN || got == -EINTR) {
			if (c->off == c->len)
				release_input(c);
			break;
		}
		if (got == 0 && c->len > c->off && conn_is_final(c)) {
			c->awaits |= AWAIT_END;
			break;
		}
		if (got <= 0) {
			conn_fail(c, (int)got);
			return true;
		}
		if (got > READ_LIGHT && !c->node->memory.read_much) {
			c->node->memory.read_much = true;
			node_sweep_in(c->node, SWEEP_NS);
		}
		assert((size_t)got <= room);
		c->len += (size_t)got;
		total += (size_t)got;
		if (c->awaits & AWAIT_CONSUMED)
			scan(c);
		else
			parse(c);
		/* Before it is up a link gets one short read a turn. */
	} while ((size_t)got == room && total < READ_TURN && link_is_up(&c->link) &&
		 !(c->can & READY_PARSE));
	if (total && c->link.state != LINK_GONE)
		link_rx_done(&c->link);
	if (total && c->node->core.now_ns >= c->measure_ns && link_is_up(&c->link))
		measure(c);
	return total != 0;
}

/* ---- budgets ---- */

void recv_pause(struct sinew_session *h, enum pause why, bool on)
{
	unsigned was = h->paused;

	assert(why == PAUSE_BUDGET || why == PAUSE_MEMORY);
	h->paused = on ? was | why : was & ~(unsigned)why;
	if (!was == !h->paused)
		return;
	atomic_store(&h->is_paused, h->paused != 0);
	session_pause(&h->session, h->paused != 0);
	if (h->paused)
		recv_check_budget(h);
	else if (h->member)
		list_each(struct link, l, &h->member->peer.links, of_peer)
			if (l->session == &h->session)
				ready_add(container_of(l, struct conn, link), READY_PARSE);
}

void recv_check_budget(struct sinew_session *h)
{
	assert(!h->paused == !atomic_load(&h->is_paused));
	/* Against is_paused in sinew_release(): one of the two sees the other. */
	if ((h->paused & PAUSE_BUDGET) && handle_fits_budget(h))
		recv_pause(h, PAUSE_BUDGET, false);
}

/* ---- keeping ---- */

static void count_kept(struct sinew_session *h, size_t n)
{
	uint64_t now = atomic_fetch_add(&h->kept, n) + n;

	if (now > atomic_load_explicit(&h->kept_high, memory_order_relaxed))
		atomic_store_explicit(&h->kept_high, now, memory_order_relaxed);
}

int recv_keep(struct sinew_session *h, const void *data, size_t len, struct sinew_kept **ret_kept)
{
	struct sinew_node *n = h->node;
	bool copied = len < KEPT_COPIED || !n->handover.buf;
	size_t cost = len + KEPT_OVERHEAD;
	struct sinew_kept *k;

	assert(node_hands_over(n, h));
	if (copied && !memory_charge(&n->memory, cost))
		return -ENOMEM;
	k = malloc(sizeof *k + (copied ? len : 0));
	if (!k && copied)
		memory_uncharge(&n->memory, cost);
	if (!k)
		return -ENOMEM;
	*k = (struct sinew_kept) {
		.session = sinew_session_ref(h), .len = len,
		.buf = copied ? NULL : buf_ref(n->handover.buf),
		.data = copied ? k->copy : data,
	};
	if (copied && len)
		memcpy(k->copy, data, len);
	assert(h->member && !k->buf == copied);
	count_kept(h, cost);
	if (atomic_load_explicit(&h->kept, memory_order_relaxed) > n->opt.receive_bytes &&
	    !(h->paused & PAUSE_BUDGET)) {
		recv_pause(h, PAUSE_BUDGET, true);
		/* Unless another thread has released enough meanwhile. */
		if (h->paused & PAUSE_BUDGET)
			serving_paused(h);
	}
	*ret_kept = k;
	return 0;
}

int sinew_keep(struct sinew_session *h, const struct sinew_message *msg,
	       struct sinew_kept **ret_kept)
{
	struct sinew_node *n;

	if (!h || !msg || !ret_kept)
		return -EINVAL;
	n = h->node;
	if (node_forked(n))
		return -ECHILD;
	if (!node_hands_over(n, h) || n->handover.msg->data != msg->data ||
	    n->handover.msg->len != msg->len)
		return -EINVAL;
	return recv_keep(h, msg->data, msg->len, ret_kept);
}

const void *sinew_kept_data(const struct sinew_kept *kept)
{
	return kept->data;
}

size_t sinew_kept_len(const struct sinew_kept *kept)
{
	return kept->len;
}

void sinew_release(struct sinew_kept *kept)
{
	struct sinew_session *h;
	struct sinew_node *n;
	size_t cost;

	if (!kept)
		return;
	h = kept->session;
	n = h->node;
	if (node_forked(n))
		return;
	cost = kept->len + KEPT_OVERHEAD;
	if (kept->buf)
		buf_unref(kept->buf);
	else
		memory_uncharge(&n->memory, cost);
	assert(atomic_load(&h->kept) >= cost);
	atomic_fetch_sub(&h->kept, cost);
	free(kept);
	if (!atomic_load_explicit(&h->is_helped, memory_order_relaxed) && !loop_is_inside(&n->loop))
		atomic_store_explicit(&h->is_helped, true, memory_order_relaxed);
	if (atomic_load(&h->is_paused) || atomic_load(&n->memory.freed))
		handle_mark_dirty(h);
	sinew_session_unref(h);
}
