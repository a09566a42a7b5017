/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/service.h"

#include <assert.h>
#include <errno.h>

#include "lowcomms/handle.h"
#include "lowcomms/recv.h"
#include "lowcomms/send.h"

/* Bytes: headers of the longest message of the smallest queue, and frames that are no bulk. */
#define HEADERS_MAX	4096u

/* ---- the node ---- */

/* The first HELLO says it. */
bool service_is_late(struct sinew_node *n)
{
	bool late;

	if (!n->opt.own_thread)
		return atomic_load(&n->loop.turn) != 0;
	directory_lock(&n->directory);
	late = n->directory.n_members != 0;
	directory_unlock(&n->directory);
	return late;
}

int service_attach(struct sinew_node *n, const struct service_grant *ours,
		   const struct service_ops *ops, void *user)
{
	if (!n || !ours || !ops || !grant_is_valid(ours) || n->opt.profile == SINEW_PROFILE_DLM)
		return -EINVAL;
	if (node_forked(n))
		return -ECHILD;
	if (n->serving.ops || service_is_late(n))
		return -EBUSY;
	n->serving.ops = ops;
	n->serving.user = user;
	n->core.cfg.calls = *ours;
	service_wake(n);
	return 0;
}

void service_options(struct sinew_node *n, const struct service_option *table,
		     const uint64_t *values, unsigned n_options)
{
	struct serving *s = &n->serving;

	assert(n_options <= SERVICE_OPTIONS_MAX && s->ops && s->ops->option && !s->n_options);
	directory_lock(&n->directory);
	s->options = table;
	s->n_options = n_options;
	for (unsigned i = 0; i < n_options; i++)
		s->began[i] = s->values[i] = n->managed.asked.service[i] = values[i];
	directory_unlock(&n->directory);
}

int service_accompany(struct sinew_node *n, const struct companion_ops *ops, void *companion)
{
	if (!n || (ops && (!ops->stop || !ops->freed || !companion)))
		return -EINVAL;
	if (node_forked(n))
		return -ECHILD;
	if (!ops) {
		n->serving.companion = NULL;
		return 0;
	}
	if (n->serving.companion)
		return -EALREADY;
	if (service_is_late(n))
		return -EBUSY;
	n->serving.companion_ops = ops;
	n->serving.companion = companion;
	return 0;
}

void *service_companion(const struct sinew_node *n)
{
	return n->serving.companion;
}

void service_wake(struct sinew_node *n)
{
	inbox_service(&n->inbox);
	node_wake(n);
}

uint64_t service_now(void)
{
	return loop_now_ns();
}

uint64_t service_turn_ns(const struct sinew_node *n)
{
	return n->core.now_ns;
}

/* ---- a session ---- */

bool service_is_paused(const struct sinew_session *h)
{
	return atomic_load_explicit(&h->is_paused, memory_order_relaxed) &&
		!handle_fits_budget(h);
}

bool service_is_stuck(const struct sinew_session *h)
{
	return service_is_paused(h) && loop_is_inside(&h->node->loop) &&
		!atomic_load_explicit(&h->is_helped, memory_order_relaxed);
}

void *service_data(const struct sinew_session *h)
{
	return h->served.data;
}

void service_set_data(struct sinew_session *h, void *data)
{
	h->served.data = data;
}

void service_let_go(struct sinew_session *h)
{
	if (node_forked(h->node))
		return;
	lock_take(&h->lock, LOCK_HANDLE);
	if (!h->dead && !h->served.let_go) {
		h->served.let_go = true;
		h->due |= HANDLE_DUE_LET_GO;
		handle_dirty(h);
	}
	lock_give(&h->lock, LOCK_HANDLE);
}

int service_keep(struct sinew_session *h, const uint8_t *p, size_t len,
		 struct sinew_kept **ret_kept)
{
	const struct sinew_message *frame;
	const uint8_t *body;

	if (node_forked(h->node))
		return -ECHILD;
	if (!node_hands_over(h->node, h))
		return -EINVAL;
	frame = h->node->handover.msg;
	body = frame->data;
	if (!body || p < body || len > frame->len || (size_t)(p - body) > frame->len - len)
		return -EINVAL;
	return recv_keep(h, p, len, ret_kept);
}

/* ---- sending ---- */

size_t service_max(const struct sinew_session *h)
{
	return h->session.max_frame - WIRE_MSG_OVERHEAD;
}

/* The ring was written up to there, as far as this thread may know. */
static bool was_written(struct sinew_session *h, uint64_t pos)
{
	lock_order_held(LOCK_HANDLE);
	if (h->served.written >= pos)
		return true;
	if (loop_is_inside(&h->node->loop))
		h->served.written = h->session.ring.sent;
	return h->served.written >= pos;
}

/* Two parts, each with a frame more, leave room for the longest message: half of the queue, the
 * headers of its frames, and the gap that one of them leaves at the end of the ring. */
static size_t part_max(const struct sinew_session *h)
{
	size_t rest = h->session.ring.size / 2 - WIRE_FRAME_MAX - HEADERS_MAX;

	assert(rest / 2 > GRANT_PIECE_MAX + HEADERS_MAX);
	return rest / 2 - GRANT_PIECE_MAX;
}

/* Another half is begun when the one before the last is written, and another part when the one
 * before the last is acknowledged. Else the loop will look. */
static bool begin_half(struct sinew_session *h)
{
	const size_t whole = part_max(h);
	struct served *v = &h->served;
	size_t part = v->part_bytes + v->half_bytes;
	size_t most = SERVICE_AHEAD / 2 - GRANT_PIECE_MAX;

	assert(v->part_bytes < whole && v->part_end <= v->bulk_end);
	v->waits_acked = part >= whole;
	if (!was_written(h, v->half_end) ||
	    (v->waits_acked && atomic_load(&h->session.ring.acked) < v->part_end)) {
		h->due |= HANDLE_DUE_WAKE;
		handle_dirty(h);
		return false;
	}
	if (v->waits_acked) {
		v->part_end = v->bulk_end;
		part = 0;
	}
	v->part_bytes = part;
	v->half_end = v->bulk_end;
	v->half_bytes = 0;
	v->half_max = most < whole - part ? most : whole - part;
	return true;
}

static bool bulk_fits(const struct sinew_session *h)
{
	return h->served.half_bytes < h->served.half_max;
}

/* Slow path: a look for room, refusals. */
static __attribute__((noinline)) int put(struct sinew_session *h, const struct span *parts,
					 size_t len, enum service_kind kind, uint64_t *ret_end)
{
	int err;

	if (h->dead)
		return -ESTALE;
	if (len > service_max(h))
		return -EMSGSIZE;
	if (kind == SERVICE_BULK && !bulk_fits(h) && !begin_half(h))
		return -EAGAIN;
	err = send_charge(h, len);
	if (!err && kind == SERVICE_SECRET)
		err = session_put_secret(&h->session, parts, len, ret_end);
	else if (!err)
		err = session_put(&h->session, parts, len, ret_end);
	/* Messages are looked at one by one, and refused, once they are over. */
	if (h->finished & SIDE_OWN)
		ring_pay(&h->session.ring, 0);
	return err;
}

static bool put_plain(struct sinew_session *h, const struct span *parts, int n, size_t len,
		      enum service_kind kind, uint64_t *ret_end)
{
	/* Neither dead nor finishing: the ring takes nothing plain then. */
	if (kind == SERVICE_SECRET || (kind == SERVICE_BULK && !bulk_fits(h)))
		return false;
	if (!session_put_plain(&h->session, parts, n, len))
		return false;
	*ret_end = h->session.ring.reserved;
	return true;
}

void service_flush(struct sinew_session *h)
{
	struct sinew_node *n = h->node;

	lock_order_held(LOCK_HANDLE);
	if (!node_hands_over(n, h)) {
		flush_one(h);
		return;
	}
	/* The loop writes behind the batch: until then nobody has to tell it. */
	n->handover.answered = h;
	n->serving.corked = h;
	h->cork.wake_threshold = UINT64_MAX;
	lock_give(&h->lock, LOCK_HANDLE);
}

int service_put(struct sinew_session *h, const struct span *parts, int n, size_t len,
		enum service_kind kind, uint64_t *ret_begin, uint64_t *ret_end)
{
	uint64_t end;
	int err = 0;

	assert(n > 0 || !len);
	if (node_forked(h->node))
		return -ECHILD;
	if (!h->session.calls.slots)
		return -EOPNOTSUPP;
	lock_take(&h->lock, LOCK_HANDLE);
	if (!put_plain(h, parts, n, len, kind, &end))
		err = put(h, parts, len, kind, &end);
	if (err) {
		h->served.refused |= err == -EAGAIN;
		lock_give(&h->lock, LOCK_HANDLE);
		return err;
	}
	if (kind == SERVICE_BULK) {
		h->served.half_bytes += len;
		h->served.bulk_end = end;
	}
	if (ret_begin)
		*ret_begin = end - len - WIRE_MSG_OVERHEAD;
	if (ret_end)
		*ret_end = end;
	if (end > h->cork.wake_threshold)
		service_flush(h);
	else
		lock_give(&h->lock, LOCK_HANDLE);
	return 0;
}
