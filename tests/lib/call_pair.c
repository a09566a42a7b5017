/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the services of a pair answer; knows nothing of what a test wants. */
#include "tests/lib/call_pair.h"

static struct served *find(struct side *s, const struct sinew_call *call)
{
	for (unsigned i = 0; i < HELD_MAX; i++)
		if (s->held[i].call == call)
			return &s->held[i];
	return NULL;
}

/* The call is given back. */
static void done(struct served *h)
{
	struct sinew_call *call = h->call;

	sinew_call_msg_put(h->msg);
	h->msg = NULL;
	h->call = NULL;
	sinew_call_set_user(call, NULL);
	sinew_call_end(call);
}

static void answer_count(struct served *h)
{
	uint64_t n = h->got;
	struct iovec iov = { &n, sizeof n };

	atomic_fetch_add(&h->side->answered, 1);
	sinew_call_send(h->call, &iov, 1, 0);
	done(h);
}

static void answer_echo(struct served *h)
{
	const struct sinew_call_msg *m = h->msg;
	ssize_t n;

	do {
		struct iovec iov = { (uint8_t *)(uintptr_t)m->data + h->sent, m->len - h->sent };

		n = sinew_call_send(h->call, &iov, 1, 0);
		if (n == -EAGAIN)
			return;
		if (n > 0)
			h->sent += (size_t)n;
	} while (n > 0 && h->sent < m->len);
	atomic_fetch_add(&h->side->answered, n >= 0);
	done(h);
}

static void note_number(struct side *s, const struct sinew_call_msg *msg)
{
	uint32_t number;

	if (msg->len < sizeof number)
		return;
	memcpy(&number, msg->data, sizeof number);
	if (number < NUMBERS_MAX)
		atomic_fetch_add(&s->executed[number], 1);
}

static void answer(struct served *h, const struct sinew_call_msg *msg)
{
	if (h->got == msg->len)
		note_number(h->side, msg);
	switch (sinew_call_op(h->call)) {
	case OP_ECHO:
		/* Without a byte there is nothing to keep. */
		if (sinew_call_msg_ref(msg, &h->msg)) {
			struct iovec iov = { NULL, 0 };

			atomic_fetch_add(&h->side->answered, 1);
			sinew_call_send(h->call, &iov, 1, 0);
			done(h);
			return;
		}
		answer_echo(h);
		return;
	case OP_COUNT:
		answer_count(h);
		return;
	case OP_FAIL:
		sinew_call_abort(h->call, 77);
		done(h);
		return;
	}
}

static void serve(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct served *h = user;

	if (msg->event == SINEW_CALL_NEW) {
		struct side *s = user;

		h = find(s, NULL);
		*h = (struct served) { .call = call, .side = s };
		sinew_call_set_user(call, h);
		atomic_fetch_add(&s->shown, 1);
		return;
	}
	if (msg->event == SINEW_CALL_DATA) {
		h->got += msg->len;
		h->complete = msg->last;
		if (msg->last)
			answer(h, msg);
	}
	if (msg->event == SINEW_CALL_FINAL_ACK)
		h->side->finals++;
	if (msg->event == SINEW_CALL_ROOM && h->msg)
		answer_echo(h);
	if (msg->event == SINEW_CALL_ENDED) {
		h->told = true;
		h->reason = msg->reason;
		atomic_fetch_add(&h->side->told, 1);
		if (sinew_call_op(call) != OP_HOLD)
			done(h);
	}
}

void pair_answer(struct side *s, unsigned n)
{
	for (unsigned i = 0; i < HELD_MAX && n; i++) {
		if (!s->held[i].call || !s->held[i].complete)
			continue;
		answer_count(&s->held[i]);
		n--;
	}
}

unsigned call_pair_open_calls(const struct call_pair *p)
{
	return sinew_calls_open(p->s[0].calls) + sinew_calls_open(p->s[1].calls);
}

unsigned side_holds(const struct side *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HELD_MAX; i++)
		n += s->held[i].call != NULL;
	return n;
}

/* A length, and so many bytes, which the reply repeats. */
static void read_some(struct served *h)
{
	struct iovec iov = { h->body, 0 };
	int err = 0;

	if (h->head_got < sizeof h->head)
		err = sinew_call_read(h->call, &h->head, sizeof h->head, &h->head_got, true);
	if (err < 0 || h->head > sizeof h->body)
		return;
	err = sinew_call_read(h->call, h->body, h->head, &h->body_got, false);
	if (err != 1)
		return;
	iov.iov_len = h->body_got;
	atomic_fetch_add(&h->side->answered, 1);
	sinew_call_send(h->call, &iov, 1, 0);
	done(h);
}

static void serve_pull(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	if (msg->event != SINEW_CALL_DATA) {
		serve(call, msg, user);
		return;
	}
	read_some(user);
}

static void may_begin(struct sinew_calls *calls, struct sinew_session *h, void *user)
{
	struct side *s = user;

	(void)calls;
	(void)h;
	s->rooms++;
}

bool side_open(struct side *s, struct test_node *t, const struct sinew_calls_options *opt)
{
	static const uint32_t ops[] = { OP_ECHO, OP_COUNT, OP_HOLD, OP_FAIL };
	struct sinew_service is = {
		.size = sizeof is, .fn = serve, .ops = ops, .n_ops = 4, .max_request = PAIR_MAX,
		.delivery = SINEW_CALL_WHOLE, .retry_ms = 9,
	};
	struct sinew_calls_options all;
	bool good;

	SINEW_CALLS_OPTIONS_INIT(&all);
	if (opt)
		all = *opt;
	all.room = may_begin;
	all.room_user = s;
	s->t = t;
	if (!CHECK_EQ(sinew_calls_new(t->n, &all, &s->calls), 0))
		return false;
	good = CHECK_EQ(sinew_service_bind(s->calls, PAIR_WHOLE, &is, s), 0);
	is.delivery = SINEW_CALL_PIECES;
	is.max_request = 0;
	good = CHECK_EQ(sinew_service_bind(s->calls, PAIR_PIECES, &is, s), 0) && good;
	is.max_calls = 1;
	good = CHECK_EQ(sinew_service_bind(s->calls, PAIR_NARROW, &is, s), 0) && good;
	is.full = SINEW_FULL_WAIT;
	good = CHECK_EQ(sinew_service_bind(s->calls, PAIR_PATIENT, &is, s), 0) && good;
	is = (struct sinew_service) {
		.size = sizeof is, .fn = serve_pull, .delivery = SINEW_CALL_PULL,
	};
	return CHECK_EQ(sinew_service_bind(s->calls, PAIR_PULL, &is, s), 0) && good;
}

bool side_binds(struct side *s, struct sinew_session *h)
{
	for (unsigned i = 0; i < 5; i++)
		if (!CHECK_EQ(sinew_binding_open(s->calls, h, (uint16_t)(PAIR_WHOLE + i),
						 NULL, &s->binding[i]), 0))
			return false;
	return true;
}

void side_unbinds(struct side *s)
{
	for (unsigned i = 0; i < 5; i++) {
		sinew_binding_close(s->binding[i]);
		s->binding[i] = NULL;
	}
}

bool call_pair_open(struct call_pair *p, void (*tune)(struct sinew_options *o),
		    const struct sinew_calls_options *opt)
{
	memset(p, 0, sizeof *p);
	if (!pair_open(p->t, tune) || !side_open(&p->s[0], &p->t[0], opt) ||
	    !side_open(&p->s[1], &p->t[1], opt))
		return false;
	DRIVE_CALLS(p, p->t[0].all.session && p->t[1].all.session);
	return p->t[0].all.session && p->t[1].all.session &&
		side_binds(&p->s[0], p->t[0].all.session) &&
		side_binds(&p->s[1], p->t[1].all.session);
}

bool call_pair_open_threads(struct call_pair *p)
{
	memset(p, 0, sizeof *p);
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage own = host_address(i + 1);
		struct sinew_options o;

		fast_options(&o, i + 1, &own);
		o.own_thread = true;
		o.log = NULL;
		if (!node_open(&p->t[i], &o) || !side_open(&p->s[i], &p->t[i], NULL))
			return false;
	}
	return true;
}

bool call_pair_connect(struct call_pair *p, struct sinew_session *h[2])
{
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage other = host_address(2 - i);

		h[i] = NULL;
		CHECK_EQ(sinew_peer_add(p->t[i].n, 2 - i, &other, 1), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		AWAIT(h[i] || (h[i] = sinew_session_find(p->t[i].n, 2 - i)));
	return h[0] && h[1];
}

void call_pair_close(struct call_pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &p->s[i];

		node_free(&p->t[i]);
		for (unsigned k = 0; k < HELD_MAX; k++)
			if (s->held[k].call)
				done(&s->held[k]);
		side_unbinds(s);
		CHECK_EQ(sinew_calls_open(s->calls), 0);
		sinew_calls_free(s->calls);
	}
}

/* ---- own calls ---- */

static void send_more(struct asked *a, struct sinew_call *call)
{
	while (a->sent < a->len) {
		struct iovec iov = { (uint8_t *)(uintptr_t)a->request + a->sent, a->len - a->sent };
		ssize_t n = sinew_call_send(call, &iov, 1, 0);

		if (n <= 0)
			return;
		a->sent += (size_t)n;
	}
}

void asked_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct asked *a = user;

	a->wrong |= atomic_load(&a->ended) || msg->event == SINEW_CALL_NEW;
	a->wrong |= msg->call != call || msg->user != user;
	switch (msg->event) {
	case SINEW_CALL_NEW:
		break;
	case SINEW_CALL_ACCEPTED:
		a->accepted++;
		break;
	case SINEW_CALL_DATA:
		a->datas++;
		a->wrong |= a->last || a->got + msg->len > a->size;
		if (!a->wrong && msg->len)
			memcpy(a->reply + a->got, msg->data, msg->len);
		a->got += msg->len;
		a->last = msg->last;
		break;
	case SINEW_CALL_ROOM:
		a->rooms++;
		send_more(a, call);
		break;
	case SINEW_CALL_STATE:
		a->report = *msg->report;
		a->states++;
		break;
	case SINEW_CALL_FINAL_ACK:
		a->wrong = true;
		break;
	case SINEW_CALL_ENDED:
		a->reason = msg->reason;
		a->outcome = msg->outcome;
		a->code = msg->code;
		a->retry_ms = msg->retry_ms;
		a->error = msg->error;
		if (!a->keeps) {
			a->call = NULL;
			sinew_call_end(call);
		}
		atomic_fetch_add(&a->ended, 1);
		break;
	}
}

int ask(struct side *s, unsigned service, uint32_t op, struct asked *a,
	const struct sinew_call_options *more, unsigned flags)
{
	struct sinew_call_options opt = { .size = sizeof opt };
	size_t first = a->len < 60000 ? a->len : 60000;
	struct iovec iov = { (uint8_t *)(uintptr_t)a->request, first };
	int err;

	if (more)
		opt = *more;
	opt.fn = asked_event;
	if (first < a->len) {
		flags |= SINEW_CALL_MORE;
		opt.total = a->len;
	}
	a->sent = first;
	err = sinew_call_begin(s->binding[service - PAIR_WHOLE], op, &opt, &iov, a->len ? 1 : 0,
			       flags, a, &a->call);
	if (!err && a->sent < a->len)
		send_more(a, a->call);
	return err;
}
