/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the calls that a worker makes; knows nothing of when it is enough. */
#include "tests/lib/stress_calls.h"

#define DEAD_MS	300u	/* without a message */

static pthread_mutex_t unsent_lock = PTHREAD_MUTEX_INITIALIZER;	/* "one at a time" */

uint32_t draw(struct worker *w, uint32_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (uint32_t)(w->rng >> 32) % n;
}

void expect(const char *call, int got, const int *allowed)
{
	if (got >= 0)
		return;
	while (*allowed)
		if (*allowed++ == -got)
			return;
	wrong("%s gives %s", call, sinew_error_name(got));
}

static size_t message(struct worker *w, size_t max)
{
	return make_message(w->buf, draw(w, (uint32_t)max), w->i, ++w->count);
}

struct gate links = { 0, 100 }, ends = { 0, 300 };

static uint64_t all_messages(void)
{
	return stress.side[0].messages + stress.side[1].messages;
}

static bool passes(struct gate *g)
{
	uint64_t next = g->next, now = all_messages();

	return now >= next &&
		atomic_compare_exchange_strong(&g->next, &next, now + g->messages);
}

/* An incarnation that has ended at one side is over at both only by a new one. */
static bool nothing_comes(struct worker *w)
{
	uint64_t now = all_messages();

	if (w->messages != now) {
		w->messages = now;
		w->since_ms = now_ms();
	}
	return now_ms() > w->since_ms + DEAD_MS;
}

/* ---- sending ---- */

static void call_send(struct worker *w)
{
	EXPECT_SENT("sinew_send", sinew_send(w->h, w->buf, message(w, draw(w, 4) ? 80 : 2000)));
}

static void call_send_numbered(struct worker *w)
{
	uint64_t number = UINT64_MAX;
	size_t len = message(w, draw(w, 16) ? 300 : MESSAGE_MAX);
	int err = sinew_send_numbered(w->h, w->buf, len, &number);

	EXPECT_SENT("sinew_send_numbered", err);
	MUST(err || number != UINT64_MAX);
}

/* Workers dispatch, too. */
static void call_send_wait(struct worker *w)
{
	size_t len = message(w, draw(w, 4) ? 300 : 4000);
	int err = sinew_send_wait(w->h, w->buf, len, (int)draw(w, 6), NULL);

	EXPECT("sinew_send_wait", err, EAGAIN, ESHUTDOWN, ESTALE, ETIMEDOUT, EDEADLK);
}

static void call_sendv(struct worker *w)
{
	size_t len = message(w, 1000), cut = draw(w, (uint32_t)len + 1);
	struct iovec iov[] = { { w->buf, cut }, { NULL, 0 }, { w->buf + cut, len - cut } };

	EXPECT_SENT("sinew_sendv", sinew_sendv(w->h, iov, 3, NULL));
}

static void call_send_many(struct worker *w)
{
	struct sinew_session *theirs = take_peer(other_side(w->s));
	struct sinew_session *peers[] = { w->h, theirs ? theirs : w->h };
	int results[] = { 0, 0 }, n = theirs && theirs != w->h ? 2 : 1;
	size_t len = message(w, 200);
	int taken = sinew_send_many(peers, n, w->buf, len, results);

	EXPECT_SENT("sinew_send_many", results[0]);
	EXPECT_SENT("sinew_send_many", results[1]);
	MUST(taken == (results[0] == 0) + (n == 2 && results[1] == 0));
	sinew_session_unref(theirs);
}

/* For the dlm profile; these nodes are of the native one. */
static void call_send_bare(struct worker *w)
{
	int err = sinew_send_bare(w->h, w->buf, 16);

	MUST(err == -EINVAL || err == -ESTALE || err == -ESHUTDOWN);
}

static void call_max_message(struct worker *w)
{
	MUST(sinew_session_max_message(w->h) == MESSAGE_MAX);
}

static void call_slot_max(struct worker *w)
{
	MUST(sinew_slot_max(w->h) <= MESSAGE_MAX);
}

/* Left open for a while: what others send meanwhile waits. */
static void call_get(struct worker *w)
{
	struct sinew_slot *slot = &w->slots[draw(w, SLOTS)];
	int err;

	if (slot->data)
		return;
	err = sinew_reserve(w->h, 300, slot);
	EXPECT_SENT("sinew_reserve", err);
	if (!err)
		make_message(slot->data, 300, w->i, ++w->count);
}

static void call_commit(struct worker *w)
{
	struct sinew_slot *slot = &w->slots[draw(w, SLOTS)];

	if (slot->data)
		EXPECT("sinew_commit", sinew_commit(slot, 300, NULL), ESHUTDOWN, ESTALE);
}

static void call_cancel(struct worker *w)
{
	struct sinew_slot *slot = &w->slots[draw(w, SLOTS)];

	if (slot->data)
		MUST(sinew_discard(slot) == 0);
}

/* ---- what was received ---- */

static struct sinew_kept *take_kept(struct worker *w)
{
	return atomic_exchange(&stress.kept[draw(w, KEPT_MAX)], NULL);
}

static void call_kept(struct worker *w)
{
	struct sinew_kept *k = take_kept(w);
	struct stress_head head;

	if (k)
		MUST(is_message(sinew_kept_data(k), sinew_kept_len(k), &head));
	sinew_release(k);
}

/* ---- handles ---- */

static void call_ref(struct worker *w)
{
	sinew_session_unref(w->old);
	w->old = sinew_session_ref(w->h);
}

static void call_find(struct worker *w)
{
	uint32_t nodeid = other_side(w->s)->nodeid;
	struct sinew_session *h = sinew_session_find(w->s->n, nodeid);

	MUST(sinew_session_find(w->s->n, w->s->nodeid) == NULL);
	if (h)
		MUST(sinew_session_nodeid(h) == nodeid && sinew_session_incarnation(h) != 0);
	sinew_session_unref(h);
}

static void call_names_of_peer(struct worker *w)
{
	MUST(sinew_session_nodeid(w->h) == 1 || sinew_session_nodeid(w->h) == 2);
	MUST(sinew_session_incarnation(w->h) != 0);
}

static void call_finish(struct worker *w)
{
	if (w->phase != RUNNING || passes(&ends))
		EXPECT("sinew_session_finish", sinew_session_finish(w->h), ESTALE);
}

static void call_abort(struct worker *w)
{
	if (w->phase != RUNNING || passes(&ends))
		EXPECT("sinew_session_abort", sinew_session_abort(w->h), ESTALE);
}

static void call_unsent(struct worker *w)
{
	struct sinew_unsent it = { .size = sizeof it };
	struct sinew_session *h = w->old ? w->old : w->h;
	struct stress_head head;
	uint64_t number = 0;
	int got;

	pthread_mutex_lock(&unsent_lock);
	while ((got = sinew_session_unsent_next(h, &it)) > 0) {
		MUST(it.number > number && it.len <= sizeof w->buf);
		number = it.number;
		MUST(sinew_session_unsent_copy(h, &it, w->buf) == 0);
		MUST(is_message(w->buf, it.len, &head));
	}
	pthread_mutex_unlock(&unsent_lock);
	EXPECT("sinew_session_unsent_next", got, EBUSY);
}

/* ---- status ---- */

static void call_peer_status(struct worker *w)
{
	struct sinew_status st = { .size = sizeof st };

	MUST(sinew_session_status(w->h, &st) == 0);
	check_status(&st, sinew_session_nodeid(w->h));
	if (w->h == w->seen)
		check_growth(&w->status, &st);
	w->status = st;
	sinew_session_unref(w->seen);
	w->seen = sinew_session_ref(w->h);
}

static uint32_t some_nodeid(struct worker *w)
{
	return draw(w, 4) ? other_side(w->s)->nodeid : STRANGER;
}

static void call_node_status(struct worker *w)
{
	struct sinew_status st = { .size = sizeof st };
	uint32_t nodeid = some_nodeid(w);
	int err = sinew_peer_status(w->s->n, nodeid, &st);

	EXPECT("sinew_peer_status", err, ENOENT);
	if (!err)
		check_status(&st, nodeid);
}

static void call_last_refusal(struct worker *w)
{
	char text[200];

	EXPECT("sinew_last_refusal",
	       sinew_last_refusal(w->s->n, some_nodeid(w), text, sizeof text), ENOENT);
}

static void call_names_of_node(struct worker *w)
{
	MUST(sinew_node_id(w->s->n) == w->s->nodeid);
	MUST(strcmp(sinew_node_group(w->s->n), "sinew") == 0);
	MUST(sinew_incarnation(w->s->n) != 0);
}

static void call_names(struct worker *w)
{
	int n = (int)draw(w, 10);

	MUST(sinew_version() && sinew_error_name(n) && sinew_level_name((enum sinew_level)n));
	MUST(sinew_state_name((enum sinew_state)n) && sinew_down_name((enum sinew_down)n));
	MUST(sinew_path_state_name((enum sinew_path_state)n));
	MUST(sinew_fence_reason_name((enum sinew_fence_reason)n));
}

/* ---- peers and membership ---- */

static void address_of(struct worker *w, uint32_t nodeid, struct sockaddr_storage *ret)
{
	*ret = other_side(w->s)->addr;
	if (nodeid == STRANGER)
		MUST(sinew_parse_address("127.0.0.3", 1, ret) == 0);
}

static void call_peer_add(struct worker *w)
{
	uint32_t nodeid = some_nodeid(w);
	struct sockaddr_storage addr;

	address_of(w, nodeid, &addr);
	EXPECT("sinew_peer_add", sinew_peer_add(w->s->n, nodeid, &addr, 1), EEXIST, ESHUTDOWN);
}

static void call_peer_set_addrs(struct worker *w)
{
	uint32_t nodeid = some_nodeid(w);
	struct sockaddr_storage addrs[2];

	address_of(w, nodeid, &addrs[0]);
	address_of(w, STRANGER, &addrs[1]);
	EXPECT("sinew_peer_set_addrs",
	       sinew_peer_set_addrs(w->s->n, nodeid, addrs, 1 + draw(w, 2)), ENOENT,
	       ESHUTDOWN);
}

static void call_peer_set_dial(struct worker *w)
{
	EXPECT("sinew_peer_set_dial",
	       sinew_peer_set_dial(w->s->n, some_nodeid(w), (enum sinew_dial)draw(w, 2)), ENOENT);
}

static void call_peer_remove(struct worker *w)
{
	uint32_t nodeid = draw(w, 4) || !passes(&ends) ? STRANGER : other_side(w->s)->nodeid;

	EXPECT("sinew_peer_remove", sinew_peer_remove(w->s->n, nodeid), ENOENT);
}

static void call_peer_close(struct worker *w)
{
	uint32_t nodeid = draw(w, 4) || !passes(&ends) ? STRANGER : other_side(w->s)->nodeid;

	EXPECT("sinew_peer_close", sinew_peer_close(w->s->n, nodeid, (int)draw(w, 20)), ENOENT);
}

static void expect_told(const char *call, int err)
{
	if (stress.mode.external)
		EXPECT(call, err, ENOENT);
	else
		MUST(err == -EINVAL);
}

static void call_joined(struct worker *w)
{
	struct side *o = other_side(w->s);

	expect_told("sinew_peer_joined",
		    sinew_peer_joined(w->s->n, o->nodeid, sinew_incarnation(o->n)));
}

static void call_leaving(struct worker *w)
{
	expect_told("sinew_peer_leaving", sinew_peer_leaving(w->s->n, some_nodeid(w), 1));
}

static void call_left(struct worker *w)
{
	struct side *o = other_side(w->s);
	uint64_t incarnation = draw(w, 4) || !passes(&ends) ? 1 : sinew_incarnation(o->n);

	expect_told("sinew_peer_left", sinew_peer_left(w->s->n, o->nodeid, incarnation));
}

/* The same. */
static void call_released(struct worker *w)
{
	MUST(sinew_peer_released(w->s->n, some_nodeid(w), 1) == -EINVAL);
}

static void call_failed(struct worker *w)
{
	uint32_t nodeid = draw(w, 4) || !passes(&ends) ? STRANGER : other_side(w->s)->nodeid;

	EXPECT("sinew_peer_failed", sinew_peer_failed(w->s->n, nodeid, 0), ENOENT);
}

static void call_quorum(struct worker *w)
{
	MUST(sinew_quorum(w->s->n, false) == 0);
	MUST(sinew_quorum(w->s->n, true) == 0);
}

static void call_self_lost(struct worker *w)
{
	if (passes(&ends) || nothing_comes(w)) {
		MUST(sinew_self_lost(w->s->n) == 0);
		w->since_ms = now_ms();
	}
}

static void call_ask_fence(struct worker *w)
{
	MUST(sinew_ask_fence(w->s->n, some_nodeid(w), 5, SINEW_FENCE_FAILED) == 0);
}

static void call_break(struct worker *w)
{
	uint32_t nodeid = draw(w, 2) ? some_nodeid(w) : 0;

	if (nodeid == STRANGER || passes(&links))
		EXPECT("sinew_break", sinew_break(w->s->n, nodeid), ENOENT);
}

/* ---- nodes ---- */

static void call_dispatch(struct worker *w)
{
	int r = sinew_dispatch(w->s->n, draw(w, 8) == 0);

	if (stress.mode.own_thread)
		MUST(r == -EINVAL);
	else if (w->phase == CLOSING)
		EXPECT("sinew_dispatch", r, EBUSY, ESHUTDOWN);
	else
		EXPECT("sinew_dispatch", r, EBUSY);
}

static void call_fd_get(struct worker *w)
{
	if (stress.mode.own_thread)
		MUST(sinew_get_fd(w->s->n) == -EINVAL);
	else if (stress.mode.shows_fd)
		MUST(sinew_get_fd(w->s->n) >= 0);
}

static void call_close(struct worker *w)
{
	if (w->phase == CLOSING)
		EXPECT("sinew_close", sinew_close(w->s->n, (int)draw(w, 300)), EALREADY);
}

static void call_node_join(struct worker *w)
{
	int err = sinew_node_join(w->s->n, 0);

	if (!stress.mode.own_thread)
		MUST(err == -EINVAL);
	else
		MUST(err == -ETIMEDOUT || (!err && w->phase == CLOSING));
}

/* One that nobody else knows, without a listener. */
static void call_node_new(struct worker *w)
{
	struct sinew_options o;
	struct sinew_node *n;
	int err;

	SINEW_OPTIONS_INIT(&o);
	o.nodeid = 9;
	o.own_thread = draw(w, 2);
	err = sinew_node_new(&o, NULL, NULL, &n);
	MUST(!err);
	if (err)
		return;
	MUST(sinew_peer_add(n, 1, &w->s->addr, 1) == 0);
	MUST(sinew_peer_remove(n, 1) == 0);
	sinew_node_free(n);
}

/* ---- which of them ---- */

struct call stress_calls[] = {
	{ "sinew_send", call_send, HANDLE, 800, 0 },
	{ "sinew_send_numbered", call_send_numbered, HANDLE, 200, 0 },
	{ "sinew_send_wait", call_send_wait, HANDLE, 100, 0 },
	{ "sinew_sendv", call_sendv, HANDLE, 200, 0 },
	{ "sinew_send_many", call_send_many, HANDLE, 200, 0 },
	{ "sinew_send_bare", call_send_bare, HANDLE, 20, 0 },
	{ "sinew_session_max_message", call_max_message, HANDLE, 20, 0 },
	{ "sinew_slot_max", call_slot_max, HANDLE, 20, 0 },
	{ "sinew_reserve", call_get, HANDLE, 200, 0 },
	{ "sinew_commit", call_commit, HANDLE, 200, 0 },
	{ "sinew_discard", call_cancel, HANDLE, 100, 0 },
	{ "sinew_kept_data sinew_kept_len sinew_release", call_kept, HANDLE, 400, 0 },
	{ "sinew_session_ref sinew_session_unref", call_ref, HANDLE, 20, 0 },
	{ "sinew_session_find", call_find, NODE, 200, 0 },
	{ "sinew_session_nodeid sinew_session_incarnation", call_names_of_peer, HANDLE, 20, 0 },
	{ "sinew_session_finish", call_finish, HANDLE, 20, 0 },
	{ "sinew_session_abort", call_abort, HANDLE, 20, 0 },
	{ "sinew_session_unsent_next sinew_session_unsent_copy", call_unsent, HANDLE, 20, 0 },
	{ "sinew_session_status", call_peer_status, HANDLE, 400, 0 },
	{ "sinew_peer_status", call_node_status, NODE, 200, 0 },
	{ "sinew_last_refusal", call_last_refusal, NODE, 20, 0 },
	{ "sinew_node_id sinew_node_group sinew_incarnation", call_names_of_node, NODE, 20, 0 },
	{ "sinew_version sinew_error_name sinew_level_name sinew_state_name sinew_down_name "
	  "sinew_path_state_name sinew_fence_reason_name", call_names, NODE, 20, 0 },
	{ "sinew_peer_add sinew_parse_address", call_peer_add, NODE, 100, 0 },
	{ "sinew_peer_set_addrs", call_peer_set_addrs, NODE, 20, 0 },
	{ "sinew_peer_set_dial", call_peer_set_dial, NODE, 20, 0 },
	{ "sinew_peer_remove", call_peer_remove, NODE, 60, 0 },
	{ "sinew_peer_close", call_peer_close, NODE, 60, 0 },
	{ "sinew_peer_joined", call_joined, NODE, 100, 0 },
	{ "sinew_peer_leaving", call_leaving, NODE, 20, 0 },
	{ "sinew_peer_left", call_left, NODE, 20, 0 },
	{ "sinew_peer_released", call_released, NODE, 20, 0 },
	{ "sinew_peer_failed", call_failed, NODE, 20, 0 },
	{ "sinew_quorum", call_quorum, NODE, 20, 0 },
	{ "sinew_self_lost", call_self_lost, NODE, 20, 0 },
	{ "sinew_ask_fence", call_ask_fence, NODE, 20, 0 },
	{ "sinew_watch", call_watch, NODE, 20, 0 },
	{ "sinew_node_peers sinew_peer_addrs sinew_peer_set_name sinew_peer_name", call_known,
	  NODE, 60, 0 },
	{ "sinew_option_set sinew_option_get sinew_option_info sinew_node_option_info",
	  call_options, NODE, 40, 0 },
	{ "sinew_node_status sinew_node_errors", call_overview, NODE, 60, 0 },
	{ "sinew_break", call_break, NODE, 20, 0 },
	{ "sinew_dispatch", call_dispatch, NODE, 1500, 0 },
	{ "sinew_get_fd", call_fd_get, NODE, 20, 0 },
	{ "sinew_node_join", call_node_join, NODE, 20, 0 },
	{ "sinew_close", call_close, NODE, 20, 0 },
	{ "sinew_node_new sinew_node_free sinew_options_init", call_node_new, NODE, 2, 0 },
};

const unsigned n_stress_calls = sizeof stress_calls / sizeof stress_calls[0];

const struct not_called not_called[] = {
	{ "sinew_keep", "from the message callback, which does it" },
	{ "sinew_session_set_user", "from callbacks, which do it" },
	{ "sinew_session_user", "from callbacks, which do it" },
	{ "sinew_report", "from callbacks, which do it" },
	{ "sinew_topo_start", "once, before all others: test_server_local" },
	{ "sinew_topo_open", "threads have connections of their own: test_server_threads" },
	{ "sinew_topo_connect", "the same" },
	{ "sinew_topo_get_fd", "of a connection, which one thread has" },
	{ "sinew_topo_dispatch", "the same" },
	{ "sinew_topo_close", "the same" },
	{ "sinew_topo_publish", "the same" },
	{ "sinew_topo_withdraw", "the same" },
	{ "sinew_topo_subscribe", "the same" },
	{ "sinew_topo_cancel", "the same" },
	{ "sinew_topo_lookup", "the same" },
	{ "sinew_topo_status", "the same" },
	{ "sinew_subscription_status", "the same" },
	{ "sinew_control_serve", "once, before all others: test_control_threads" },
	{ "sinew_control_ask", "needs the socket: test_control_threads" },
	{ "sinew_control_free", "the same" },
	{ "sinew_control_name", "looks at its arguments alone" },
	{ "sinew_topo_event_name", "looks at its argument alone" },
	{ "sinew_topo_type_name", "the same" },
	{ "sinew_scope_name", "the same" },
	{ NULL, NULL },
};

struct call *some_call(struct worker *w)
{
	unsigned sum = 0, at;

	for (unsigned i = 0; i < n_stress_calls; i++)
		sum += stress_calls[i].weight;
	at = draw(w, sum);
	for (unsigned i = 0; i < n_stress_calls; i++) {
		if (at < stress_calls[i].weight)
			return &stress_calls[i];
		at -= stress_calls[i].weight;
	}
	return NULL;
}
