/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the steps; knows nothing of threads and nodes. */
#include "tests/lib/call_stress.h"

#include <errno.h>
#include <stdlib.h>

struct call_stress call_stress;

static void wrong(const char *what)
{
	const char *none = NULL;

	atomic_compare_exchange_strong(&call_stress.first_wrong, &none, what);
	atomic_fetch_add(&call_stress.n_wrong, 1);
}

static uint32_t draw(struct worker *w, uint32_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (uint32_t)(w->rng >> 32) % n;
}

/* A result, and with which errors it may fail, 0 behind them; without a node also by -ESTALE. */
static void expect(const char *what, long got, const int *allowed)
{
	if (got >= 0 || (got == -ESTALE && atomic_load(&call_stress.gone)))
		return;
	while (*allowed)
		if (*allowed++ == -got)
			return;
	printf("# %s gives %s\n", what, sinew_error_name((int)got));
	wrong(what);
}

#define EXPECT(what, got, ...) expect(what, got, (const int[]) { __VA_ARGS__, 0 })

/* ---- who is called ---- */

static void answer(struct sinew_call *call, const struct sinew_call_msg *msg)
{
	uint64_t n = msg->len;
	struct iovec iov = { &n, sizeof n };

	if (msg->event == SINEW_CALL_DATA && msg->last) {
		if (sinew_call_op(call) == OP_FAIL)
			sinew_call_abort(call, 7);
		else
			sinew_call_send(call, &iov, 1, 0);
	}
	if (msg->event == SINEW_CALL_ENDED) {
		atomic_fetch_add(&call_stress.n_served, 1);
		sinew_call_end(call);
	}
}

static void keep(struct ground *g, unsigned i, const struct sinew_call_msg *msg)
{
	struct sinew_call_msg *kept;

	if (!msg->data || sinew_call_msg_ref(msg, &kept))
		return;
	sinew_call_msg_put(atomic_exchange(&g->kept[i % KEPT], kept));
}

static void serve(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	if (msg->event == SINEW_CALL_DATA)
		keep(user, (unsigned)msg->len, msg);
	answer(call, msg);
}

static void told(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	if (!call || user != &call_stress.pair)
		wrong("an event of nobody's call");
	if (msg->event == SINEW_CALL_ENDED)
		atomic_fetch_add(&call_stress.n_ended, 1);
}

static int verify(struct sinew_session *session, uint16_t kind, const void *bytes, size_t len,
		  void **ret_principal, const struct sinew_cred_ops **ret_ops, void *user)
{
	(void)session, (void)kind, (void)bytes, (void)len, (void)user;
	*ret_principal = &call_stress.seal;
	*ret_ops = &toy_cred_ops;
	return 0;
}

static bool intercept(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)msg;
	if (!call || user != &call_stress.pair)
		wrong("the interceptor sees nobody's call");
	return false;
}

/* ---- the functions ---- */

static struct shared *some_call(struct worker *w)
{
	return &w->g->call[draw(w, CALLS)];
}

static void make_begin(struct worker *w)
{
	static const unsigned flags[] = {
		0, 0, SINEW_CALL_MORE, SINEW_CALL_NOWAIT, SINEW_CALL_RETRY, SINEW_CALL_SETTLE,
		SINEW_CALL_WANT_ACCEPT, SINEW_CALL_UPGRADE,
	};
	struct shared *s = some_call(w), *b = &w->g->binding[draw(w, OTHERS)];
	struct shared *c = &w->g->cred[draw(w, OTHERS)];
	struct sinew_call_options opt = {
		.size = sizeof opt, .fn = draw(w, 4) ? told : NULL,
		.deadline_ms = 1 + draw(w, 3000), .delivery = draw(w, SINEW_CALL_PULL + 1),
	};
	struct iovec iov = { w->buf, draw(w, 8) ? draw(w, 200) : sizeof w->buf };
	struct sinew_binding *binding;
	struct sinew_call *call;
	bool has_cred = !draw(w, 4);
	int err;

	if (has_cred)
		opt.cred = look(c);
	binding = look(b);
	if (!hold(s) && binding) {
		err = sinew_call_begin(binding, 1 + draw(w, 4), &opt, &iov, 1,
				       flags[draw(w, 8)], &call_stress.pair, &call);
		EXPECT("sinew_call_begin", err, EAGAIN, EALREADY, ESHUTDOWN, ESTALE, ENOSPC);
		if (!err)
			s->it = call;
	}
	leave(s);
	leave(b);
	if (has_cred)
		leave(c);
}

static void make_end(struct worker *w)
{
	struct shared *s = some_call(w);

	sinew_call_end(hold(s));
	s->it = NULL;
	leave(s);
}

static void make_send(struct worker *w)
{
	struct shared *s = some_call(w);
	struct iovec iov = { w->buf, draw(w, 3000) };
	struct sinew_call *call = look(s);

	if (call)
		EXPECT("sinew_call_send", sinew_call_send(call, &iov, 1, draw(w, 2)), EAGAIN,
		       EPIPE, ECONNABORTED, ESTALE);
	leave(s);
}

/* One at a time. */
static void make_read(struct worker *w)
{
	struct shared *s = some_call(w);
	struct sinew_call *call = hold(s);
	size_t off = 0;

	if (call)
		EXPECT("sinew_call_read", sinew_call_read(call, w->buf, draw(w, 20), &off, true),
		       EAGAIN, EBADMSG, EMSGSIZE, ECONNABORTED, EINVAL, ESTALE);
	leave(s);
}

static void make_abort(struct worker *w)
{
	struct shared *s = some_call(w);
	struct sinew_call *call = look(s);

	if (call)
		EXPECT("sinew_call_abort", sinew_call_abort(call, 3), EALREADY, ESTALE);
	leave(s);
}

static void make_questions(struct worker *w)
{
	struct sinew_call_status st = { .size = sizeof st };
	struct shared *s = some_call(w);
	struct sinew_call *call = look(s);

	if (call) {
		EXPECT("sinew_call_status", sinew_call_status(call, &st), ESTALE);
		EXPECT("sinew_call_query", sinew_call_query(call), EALREADY, EAGAIN, ECONNABORTED,
		       ESHUTDOWN, ESTALE);
		EXPECT("sinew_call_accept", sinew_call_accept(call), EINVAL, ESTALE);
		EXPECT("sinew_call_consumed", sinew_call_consumed(call, 1), EINVAL, ECONNABORTED,
		       ESTALE);
		sinew_call_id(call);
		if (sinew_call_op(call) > 4 || !sinew_call_session(call) ||
		    sinew_call_principal(call) || sinew_call_service(call) < QUEUED)
			wrong("a call that nobody began");
	}
	leave(s);
}

static void make_binding(struct worker *w)
{
	struct shared *h = &w->g->session, *b = &w->g->binding[draw(w, OTHERS)];
	struct shared *c = &w->g->cred[draw(w, OTHERS)];
	bool has_cred = draw(w, 2);
	struct sinew_cred *cred = has_cred ? look(c) : NULL;
	struct sinew_session *session = look(h);
	int err;

	sinew_binding_close(hold(b));
	b->it = NULL;
	if (session) {
		struct sinew_binding *opened;

		err = sinew_binding_open(w->g->calls, session,
					 (uint16_t)(QUEUED + draw(w, UNKNOWN - QUEUED + 1)),
					 cred, &opened);
		EXPECT("sinew_binding_open", err, ESTALE, ENOSPC, ESHUTDOWN);
		if (!err) {
			b->it = opened;
			if (sinew_binding_service(opened) < QUEUED)
				wrong("sinew_binding_service");
		}
	}
	leave(b);
	leave(h);
	if (has_cred)
		leave(c);
}

static void make_cred(struct worker *w)
{
	struct shared *c = &w->g->cred[draw(w, OTHERS)];
	struct sinew_cred *made;
	int err;

	sinew_cred_put(hold(c));
	c->it = NULL;
	err = sinew_cred_new(w->g->calls, TOY_CRED_KIND, w->buf, draw(w, 100), &toy_cred_ops,
			     &call_stress.seal, &made);
	EXPECT("sinew_cred_new", err, ENOMEM);
	if (!err)
		c->it = made;
	leave(c);
}

static void make_take(struct worker *w)
{
	struct sinew_call_msg *m;
	int err = sinew_calls_take(w->g->calls, (int)draw(w, 2), &m);

	EXPECT("sinew_calls_take", err, ETIME, ESHUTDOWN);
	if (err)
		return;
	/* Own calls of workers have no function either. */
	if (m->event == SINEW_CALL_NEW)
		sinew_call_set_user(m->call, w->g);
	if (m->event == SINEW_CALL_DATA)
		keep(w->g, draw(w, KEPT), m);
	if (sinew_call_user(m->call) == w->g)
		answer(m->call, m);
	sinew_call_msg_put(m);
}

static void make_put(struct worker *w)
{
	sinew_call_msg_put(atomic_exchange(&w->g->kept[draw(w, KEPT)], NULL));
}

static void make_admission(struct worker *w)
{
	struct sinew_call *call;

	EXPECT("sinew_calls_accept", sinew_calls_accept(w->g->calls, w->g, &call), ENODATA, ETIME,
	       ECONNABORTED);
	EXPECT("sinew_calls_reject", sinew_calls_reject(w->g->calls, 1), ENODATA, ETIME,
	       ECONNABORTED);
	EXPECT("sinew_service_charge", sinew_service_charge(w->g->calls, CHARGED, 1, NULL),
	       ENOBUFS, ESHUTDOWN);
}

static void make_status(struct worker *w)
{
	struct sinew_calls_status st = { .size = sizeof st };
	struct shared *h = &w->g->session;
	struct sinew_session *session = look(h);

	if (session)
		EXPECT("sinew_calls_status",
		       sinew_calls_status(w->g->calls, session, &st), EOPNOTSUPP);
	leave(h);
	sinew_calls_open(w->g->calls);
	if (sinew_calls_get_fd(w->g->calls) < 0)
		wrong("sinew_calls_get_fd");
}

/* That is there already. */
static void make_again(struct worker *w)
{
	const struct sinew_service is = { .size = sizeof is, .fn = serve };
	struct sinew_calls *o = w->g->calls;

	if (sinew_calls_queue(o, 5) != -EEXIST ||
	    sinew_calls_intercept(o, intercept, &call_stress.pair) != -EEXIST ||
	    sinew_calls_verify(o, TOY_CRED_KIND, verify, NULL) != -EEXIST ||
	    sinew_service_bind(o, QUEUED, &is, NULL) != -EEXIST ||
	    sinew_service_upgradeable(o, QUEUED, CHARGED) != -EEXIST)
		wrong("there are two of what is once for all");
}

static void make_names(struct worker *w)
{
	int n = (int)draw(w, 20);

	if (!sinew_call_event_name((enum sinew_call_event)n) ||
	    !sinew_call_outcome_name((enum sinew_call_outcome)n) ||
	    !sinew_call_reason_name((enum sinew_call_reason)n) ||
	    !sinew_call_at_name((enum sinew_call_at)n))
		wrong("a name is NULL");
}

static struct {
	const char *names;	/* of the functions, with a space between and behind */
	void (*make)(struct worker *w);
	unsigned weight;
	_Atomic unsigned n;
} steps[] = {
	{ "sinew_call_begin ", make_begin, 300, 0 },
	{ "sinew_call_end ", make_end, 100, 0 },
	{ "sinew_call_send ", make_send, 100, 0 },
	{ "sinew_call_read ", make_read, 50, 0 },
	{ "sinew_call_abort ", make_abort, 20, 0 },
	{ "sinew_call_status sinew_call_query sinew_call_accept sinew_call_consumed sinew_call_id "
	  "sinew_call_op sinew_call_session sinew_call_principal sinew_call_service ",
	  make_questions, 50, 0 },
	{ "sinew_binding_open sinew_binding_close sinew_binding_service ", make_binding, 30, 0 },
	{ "sinew_cred_new sinew_cred_put ", make_cred, 20, 0 },
	{ "sinew_calls_take sinew_call_user sinew_call_set_user sinew_call_msg_ref ", make_take,
	  400, 0 },
	{ "sinew_call_msg_put ", make_put, 50, 0 },
	{ "sinew_calls_accept sinew_calls_reject sinew_service_charge ", make_admission, 100, 0 },
	{ "sinew_calls_status sinew_calls_open sinew_calls_get_fd ", make_status, 30, 0 },
	{ "sinew_calls_queue sinew_calls_intercept sinew_calls_verify sinew_service_bind "
	  "sinew_service_upgradeable ", make_again, 5, 0 },
	{ "sinew_call_event_name sinew_call_outcome_name sinew_call_reason_name "
	  "sinew_call_at_name ", make_names, 5, 0 },
};

#define N_STEPS	(sizeof steps / sizeof *steps)

/* Each has its end, so these are not for many times: tests of their own have them. */
static const char at_ends[] =
	"sinew_calls_new sinew_calls_free sinew_calls_drain sinew_calls_options_init ";

void call_stress_step(struct worker *w, struct ground *g)
{
	unsigned sum = 0, at, i = 0;

	for (unsigned k = 0; k < N_STEPS; k++)
		sum += steps[k].weight;
	at = draw(w, sum);
	while (at >= steps[i].weight)
		at -= steps[i++].weight;
	w->g = g;
	steps[i].make(w);
	atomic_fetch_add(&steps[i].n, 1);
}

unsigned call_stress_fewest(void)
{
	unsigned least = UINT32_MAX;

	for (unsigned i = 0; i < N_STEPS; i++)
		if (steps[i].n < least)
			least = steps[i].n;
	return least;
}

void call_stress_forget(void)
{
	for (unsigned i = 0; i < N_STEPS; i++)
		steps[i].n = 0;
}

bool call_stress_has(const char *name)
{
	char word[120];

	snprintf(word, sizeof word, "%s ", name);
	for (unsigned i = 0; i < N_STEPS; i++)
		if (strstr(steps[i].names, word))
			return true;
	return strstr(at_ends, word);
}

/* ---- beginning and end ---- */

bool ground_bind(struct ground *g)
{
	struct sinew_service is = { .size = sizeof is };
	bool good = CHECK_EQ(sinew_calls_queue(g->calls, 50), 0) &&
		CHECK_EQ(sinew_calls_intercept(g->calls, intercept, &call_stress.pair), 0) &&
		CHECK_EQ(sinew_calls_verify(g->calls, TOY_CRED_KIND, verify, NULL), 0) &&
		CHECK_EQ(sinew_service_bind(g->calls, QUEUED, &is, g), 0);

	is.fn = serve;
	is.max_calls = 1;
	is.full = SINEW_FULL_WAIT;
	good = good && CHECK_EQ(sinew_service_bind(g->calls, PATIENT, &is, g), 0);
	is.max_calls = 0;
	is.full = SINEW_FULL_BUSY;
	is.flags = SINEW_SERVICE_CHARGED;
	good = good && CHECK_EQ(sinew_service_bind(g->calls, CHARGED, &is, g), 0);
	return good && CHECK_EQ(sinew_service_upgradeable(g->calls, QUEUED, CHARGED), 0);
}

void ground_take_all(struct ground *g)
{
	struct sinew_call_msg *m;

	while (!sinew_calls_take(g->calls, 0, &m)) {
		if (m->event == SINEW_CALL_NEW)
			sinew_call_set_user(m->call, g);
		if (sinew_call_user(m->call) == g)
			answer(m->call, m);
		sinew_call_msg_put(m);
	}
}

void ground_give_back(struct ground *g)
{
	for (unsigned i = 0; i < CALLS; i++)
		sinew_call_end(g->call[i].it);
	for (unsigned i = 0; i < OTHERS; i++) {
		sinew_binding_close(g->binding[i].it);
		sinew_cred_put(g->cred[i].it);
	}
	for (unsigned i = 0; i < KEPT; i++)
		sinew_call_msg_put(g->kept[i]);
	sinew_session_unref(g->session.it);
}
