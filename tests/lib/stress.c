/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the two nodes that threads use and what must hold;
 * knows nothing of which calls are made.
 */
#include "tests/lib/stress.h"

#define QUEUE_BYTES	262144u

struct stress stress;

__attribute__((format(printf, 1, 2))) void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	pthread_mutex_lock(&stress.lock);
	if (!stress.why[0])
		vsnprintf(stress.why, sizeof stress.why, format, args);
	pthread_mutex_unlock(&stress.lock);
	va_end(args);
	stress.n_wrong++;
}

struct side *other_side(struct side *s)
{
	return &stress.side[s == &stress.side[0]];
}

struct sinew_session *take_peer(struct side *s)
{
	struct sinew_session *p;

	pthread_mutex_lock(&s->lock);
	p = s->session ? sinew_session_ref(s->session) : NULL;
	pthread_mutex_unlock(&s->lock);
	return p;
}

void put_peer(struct side *s, struct sinew_session *p)
{
	struct sinew_session *was;

	pthread_mutex_lock(&s->lock);
	was = s->session;
	s->session = p ? sinew_session_ref(p) : NULL;
	pthread_mutex_unlock(&s->lock);
	sinew_session_unref(was);
}

/* ---- messages ---- */

size_t make_message(uint8_t *to, size_t len, uint32_t writer, uint64_t count)
{
	struct stress_head head = { .writer = writer, .count = count };

	if (len < sizeof head + 1)
		len = sizeof head + 1;
	memcpy(to, &head, sizeof head);
	to[len - 1] = (uint8_t)count;
	return len;
}

bool is_message(const void *data, size_t len, struct stress_head *ret_head)
{
	if (len < sizeof *ret_head + 1)
		return false;
	memcpy(ret_head, data, sizeof *ret_head);
	return ret_head->writer < WRITERS &&
		((const uint8_t *)data)[len - 1] == (uint8_t)ret_head->count;
}

/* ---- status ---- */

void check_status(const struct sinew_status *st, uint32_t nodeid)
{
	MUST(st->nodeid == nodeid);
	MUST((unsigned)st->state <= SINEW_LAST_ACK);
	MUST(st->acked <= st->sent);
	MUST(st->unacked == st->sent - st->acked);
	MUST(st->queue_bytes <= QUEUE_BYTES);
	MUST(st->queue_bytes <= st->queue_high_water);
	MUST(st->queue_high_water <= QUEUE_BYTES);
	MUST(st->kept_bytes <= st->kept_high_water);
	MUST(st->resumed_unacked <= st->reconnects);
	MUST(st->n_paths <= SINEW_ADDRS_MAX);
}

void check_growth(const struct sinew_status *a, const struct sinew_status *b)
{
	MUST(a->sent <= b->sent);
	MUST(a->acked <= b->acked);
	MUST(a->delivered <= b->delivered);
	MUST(a->resent <= b->resent);
	MUST(a->duplicates <= b->duplicates);
	MUST(a->reconnects <= b->reconnects);
	MUST(a->resumed_unacked <= b->resumed_unacked);
	MUST(a->acks_sent <= b->acks_sent);
	MUST(a->acks_received <= b->acks_received);
	MUST(a->bytes_sent <= b->bytes_sent);
	MUST(a->bytes_received <= b->bytes_received);
	MUST(a->queue_high_water <= b->queue_high_water);
	MUST(a->kept_high_water <= b->kept_high_water);
}

/* ---- callbacks ---- */

static void stress_up(struct sinew_node *n, struct sinew_session *p, void *user)
{
	struct side *s = user;

	MUST(n == s->n);
	MUST(!s->up);
	MUST(sinew_session_nodeid(p) == other_side(s)->nodeid);
	sinew_session_set_user(p, s);
	s->up = p;
	s->number = 0;
	put_peer(s, p);
	s->ups++;
}

/* Threads take it from there, and release it. */
static void keep_it(struct side *s, struct sinew_session *p, const struct sinew_message *m)
{
	struct sinew_kept *k;
	int err = sinew_keep(p, m, &k);

	(void)s;
	MUST(!err || err == -ENOMEM);
	if (!err)
		sinew_release(atomic_exchange(&stress.kept[m->number % KEPT_MAX], k));
}

static void send_back(struct side *s, struct sinew_session *p)
{
	uint8_t m[100];
	size_t len = make_message(m, sizeof m, WORKERS, ++s->echoes);
	int err = sinew_send(p, m, len);

	MUST(!err || err == -EAGAIN || err == -ESHUTDOWN);
}

static void stress_message(struct sinew_node *n, struct sinew_session *p,
			   const struct sinew_message *m, void *user)
{
	struct side *s = user;
	struct stress_head head;

	MUST(s->up == p && sinew_session_user(p) == s);
	MUST(m->number == s->number + 1);
	s->number = m->number;
	if (!is_message(m->data, m->len, &head)) {
		wrong("a message of %zu bytes that nobody sent", m->len);
		return;
	}
	MUST(head.count > s->last[head.writer]);
	s->last[head.writer] = head.count;
	if (m->number % 3 == 0)
		keep_it(s, p, m);
	if (m->number % 5 == 0)
		send_back(s, p);
	if (m->number % 7 == 0)
		MUST(sinew_dispatch(n, 0) == -EINVAL);
	s->markers += head.marker;
	s->messages++;
}

static void stress_down(struct sinew_node *n, struct sinew_session *p, enum sinew_down reason,
			const struct sinew_delivery *f, void *user)
{
	struct sinew_status st = { .size = sizeof st };
	struct side *s = user;

	(void)n, (void)reason;
	MUST(s->up == p);
	s->up = NULL;
	put_peer(s, NULL);
	MUST(f->acked <= f->in_doubt && f->in_doubt <= f->unsent);
	MUST(!sinew_session_status(p, &st));
	check_status(&st, other_side(s)->nodeid);
	MUST(st.acked == f->acked && st.sent <= f->unsent);
	s->downs++;
}

static void stress_self_lost(struct sinew_node *n, uint64_t incarnation, void *user)
{
	struct side *s = user;

	MUST(sinew_incarnation(n) == incarnation);
	MUST(!s->up);
	s->losses++;
}

static void stress_closed(struct sinew_node *n, void *user)
{
	struct side *s = user;
	struct sinew_report_session r;

	MUST(sinew_report(n, &r, 1) <= 1);
	s->closed = true;
}

/* They are there, so that calls from other threads lead to calls of them. */
static void stress_nothing(struct sinew_node *n, struct sinew_session *p, void *user)
{
	MUST(n == ((struct side *)user)->n && sinew_session_user(p) == user);
}

static void stress_fence(struct sinew_node *n, uint32_t nodeid, uint64_t incarnation,
			 enum sinew_fence_reason reason, void *user)
{
	(void)n, (void)reason, (void)user;
	MUST(nodeid && incarnation);
}

static const struct sinew_callbacks stress_callbacks = {
	.size = sizeof(struct sinew_callbacks),
	.session_up = stress_up,
	.message = stress_message,
	.session_finished = stress_nothing,
	.writable = stress_nothing,
	.session_down = stress_down,
	.fence_asked = stress_fence,
	.self_lost = stress_self_lost,
	.closed = stress_closed,
};

/* ---- the two nodes ---- */

bool stress_open(const struct mode *mode)
{
	memset(&stress, 0, sizeof stress);
	stress.mode = *mode;
	pthread_mutex_init(&stress.lock, NULL);
	for (unsigned i = 0; i < SIDES; i++) {
		struct side *s = &stress.side[i];
		struct sinew_options o;
		char ip[32];

		snprintf(ip, sizeof ip, "127.0.0.%u", i + 1);
		pthread_mutex_init(&s->lock, NULL);
		s->nodeid = i + 1;
		s->addr = free_address(ip);
		cluster_options(&o, s->nodeid, &s->addr);
		o.own_thread = mode->own_thread;
		o.membership = mode->external ? SINEW_MEMBERSHIP_EXTERNAL :
			SINEW_MEMBERSHIP_STATIC;
		o.queue_bytes = QUEUE_BYTES;
		o.max_message = MESSAGE_MAX;
		o.receive_bytes = 20000;
		o.node_memory = 3u << 20;
		o.backoff_max_ms = 50;
		if (!CHECK_EQ(sinew_node_new(&o, &stress_callbacks, s, &s->n), 0))
			return false;
	}
	return true;
}
