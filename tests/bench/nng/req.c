/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestant nng-calls: REQ to REP, a context for each call that is under way at a time. The
 * library's threads say what has come, the thread that sends looks at it.
 * Knows nothing of what is measured.
 */
#include "tests/bench/nng/shared.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#define CALLS_MAX 64

struct call {
	struct end *end;
	struct call *next; /* of those that have come, or of those that are free */
	nng_ctx context;
	nng_aio *aio;
	bool is_sending; /* else it receives */
};

struct end {
	nng_socket socket;
	bool listens;
	take_fn take;
	void *arg;
	struct call calls[CALLS_MAX];
	unsigned n_calls;
	struct call *free; /* of the side that dials */
	struct call *answering; /* whose request is being handed over */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct call *came, **came_end; /* under the lock */
	int err; /* under the lock: of theirs */
};

/* On a thread of the library. */
static void progress(void *arg)
{
	struct call *c = arg;
	struct end *e = c->end;
	int err = nng_aio_result(c->aio);

	if (!err && c->is_sending) {
		c->is_sending = false;
		nng_ctx_recv(c->context, c->aio);
		return;
	}
	pthread_mutex_lock(&e->lock);
	if (err) {
		e->err = err;
	} else {
		c->next = NULL;
		*e->came_end = c;
		e->came_end = &c->next;
	}
	pthread_cond_signal(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static int add_call(struct end *e, struct call **ret_call)
{
	struct call *c = &e->calls[e->n_calls];
	int err;

	if (e->n_calls == CALLS_MAX)
		return NNG_ENOMEM;
	c->end = e;
	err = nng_ctx_open(&c->context, e->socket);
	if (!err)
		err = nng_aio_alloc(&c->aio, progress, c);
	if (!err) {
		nng_aio_set_timeout(c->aio, NNG_DURATION_INFINITE);
		e->n_calls++;
		*ret_call = c;
	}
	return err;
}

static void close_end(void *end)
{
	struct end *e = end;

	nng_close(e->socket);
	for (unsigned i = 0; i < e->n_calls; i++)
		nng_aio_free(e->calls[i].aio);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static int await_requests(struct end *e)
{
	struct call *c;
	int err = 0;

	for (unsigned i = 0; i < CALLS_MAX && !err; i++) {
		err = add_call(e, &c);
		if (!err)
			nng_ctx_recv(c->context, c->aio);
	}
	return err;
}

static int open_end(const struct end_options *opt, void **ret_end)
{
	struct end *e = calloc(1, sizeof *e);
	int err;

	if (!e)
		return -ENOMEM;
	err = opt->listens ? nng_rep0_open(&e->socket) : nng_req0_open(&e->socket);
	if (err) {
		free(e);
		return error_of(err);
	}
	*ret_end = e;
	e->listens = opt->listens;
	e->take = opt->take;
	e->arg = opt->arg;
	e->came_end = &e->came;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	err = socket_prepare(e->socket, opt);
	if (!err && opt->listens)
		err = await_requests(e);
	if (err)
		close_end(e);
	return error_of(err);
}

static int send_one(void *end, const void *data, size_t len)
{
	struct end *e = end;
	struct call *c = e->answering ? e->answering : e->free;
	nng_msg *msg;
	int err = c ? 0 : add_call(e, &c);

	if (!err)
		err = nng_msg_alloc(&msg, 0);
	if (!err)
		err = nng_msg_append(msg, data, len);
	if (err)
		return error_of(err);
	if (c == e->free)
		e->free = c->next;
	c->is_sending = true;
	nng_aio_set_msg(c->aio, msg);
	nng_ctx_send(c->context, c->aio);
	return 0;
}

/* All that have come, in order. */
static int wait_for_some(struct end *e, struct call **ret_first)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_WAIT_MS / 1000;
	pthread_mutex_lock(&e->lock);
	while (!e->came && !e->err && !err)
		err = -pthread_cond_timedwait(&e->changed, &e->lock, &until);
	if (e->err)
		err = error_of(e->err);
	*ret_first = e->came;
	e->came = NULL;
	e->came_end = &e->came;
	pthread_mutex_unlock(&e->lock);
	return err;
}

static int receive(void *end)
{
	struct end *e = end;
	struct call *c, *next;
	int err = wait_for_some(e, &c);

	for (; c && !err; c = next) {
		nng_msg *msg = nng_aio_get_msg(c->aio);

		next = c->next;
		e->answering = e->listens ? c : NULL;
		if (!e->listens) {
			c->next = e->free;
			e->free = c;
		}
		e->take(e->arg, nng_msg_body(msg), nng_msg_len(msg));
		e->answering = NULL;
		nng_msg_free(msg);
	}
	return err;
}

/* Threads of its own write. */
static int nothing(void *end)
{
	(void)end;
	return 0;
}

const struct contestant nng_calls = {
	.name = "nng-calls",
	.open = open_end,
	.send = send_one,
	.flush = nothing,
	.receive = receive,
	.drain = nothing,
	.close = close_end,
};
