/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls that a node begins with its peers: of all sizes and by each kind of delivery, some with
 * hardly any time, some given up, some for a call that the node serves itself; each reply is
 * checked. Knows nothing of how the peer serves them.
 */
#include "tools/torture/torture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/clock.h"
#include "tools/random.h"

#define BURST_MAX	4		/* calls begun with one peer in a turn */
#define NESTED_MAX	(CALLER_OPEN_MAX / 2)	/* begun for others beside those */
#define FIRST_MAX	((size_t)16 << 10)	/* of a request, at its beginning */
#define DEADLINE_MS	10000
#define SHORT_MS	30
#define GIVE_UP_NS	(5 * CLOCK_MS)
#define QUIET_NS	(20 * CLOCK_MS)
#define CALL_SEED	UINT64_C(0x63616c6c)	/* so that no message looks like a call */

struct own_call {
	struct own_call *next, **at;
	struct incarnation *l;
	struct lane *lane;		/* NULL: the session is over */
	struct call_pair *log;
	struct served_call *parent;	/* that waits for it; NULL: none, or no more */
	struct sinew_call *call;
	struct content request;
	enum sinew_call_delivery delivery;
	uint8_t *data;			/* the request */
	size_t len, sent;
	uint8_t *reply;
	size_t reply_len, got;		/* expected, and come */
	size_t unconsumed;		/* of it */
	bool has_reply;			/* as it has to be */
	bool is_wrong;			/* something of the reply was told */
	uint64_t give_up_ns;		/* CLOCK_NEVER: never */
	uint64_t late_ns;		/* has no end by then: a problem */
};

/* ---- what is in them ---- */

struct content caller_request(const struct settings *s, uint32_t from, uint32_t to,
			      uint64_t from_incarnation, uint64_t to_incarnation, uint64_t number)
{
	return (struct content){
		.seed = s->seed ^ CALL_SEED,
		.from = from,
		.to = to,
		.from_incarnation = from_incarnation,
		.to_incarnation = to_incarnation,
		.number = number,
		.max = s->size,
	};
}

struct content caller_reply(const struct content *request)
{
	struct content c = *request;

	c.seed = ~request->seed;
	c.from = request->to;
	c.to = request->from;
	c.from_incarnation = request->to_incarnation;
	c.to_incarnation = request->from_incarnation;
	return c;
}

int32_t caller_abort_code(const struct content *request)
{
	return (int32_t)(request->number & INT32_MAX);
}

/* ---- the end ---- */

static void problem(const struct own_call *o, const char *text)
{
	run_log_problem(o->l->run_log, "call %" PRIu64 " of node %" PRIu32 " to node %" PRIu32
			" %s", o->request.number, o->request.from, o->request.to, text);
}

static void untrue(const struct own_call *o, const char *text)
{
	call_log_untrue(o->log);
	problem(o, text);
}

static void release(struct own_call *o)
{
	*o->at = o->next;
	if (o->next)
		o->next->at = o->at;
	if (o->lane)
		o->lane->n_calls--;
	if (o->parent)
		served_nested_ended(o->parent);
	sinew_call_end(o->call);
	free(o->data);
	free(o->reply);
	free(o);
}

static bool cannot_be(enum sinew_call_reason reason)
{
	return reason == SINEW_END_PROTOCOL || reason == SINEW_END_NO_SERVICE ||
		reason == SINEW_END_NO_OP || reason == SINEW_END_TOO_BIG;
}

static void ended(struct own_call *o, const struct sinew_call_msg *msg)
{
	const char *wrong = call_log_ended(o->log, o->request.number, msg->reason, msg->outcome);

	if (wrong)
		problem(o, wrong);
	if (msg->reason == SINEW_END_REPLIED && !o->has_reply && !o->is_wrong)
		untrue(o, "is done without a reply that is whole and right");
	if (msg->reason == SINEW_END_ABORTED && msg->code != caller_abort_code(&o->request))
		untrue(o, "was aborted with a code that the called side did not give");
	if (cannot_be(msg->reason))
		untrue(o, "ended for a reason that there cannot be");
	if (o->lane && msg->reason == SINEW_END_BUSY)
		o->lane->quiet_until_ns = clock_now_ns() + msg->retry_ms * CLOCK_MS;
	if (o->lane)
		record_add(&o->lane->record->calls_ended);
	release(o);
}

/* ---- request and reply ---- */

static void send_more(struct own_call *o)
{
	struct iovec iov = { .iov_base = o->data + o->sent, .iov_len = o->len - o->sent };
	ssize_t n;

	if (!iov.iov_len)
		return;
	n = sinew_call_send(o->call, &iov, 1, 0);
	if (n > 0)
		o->sent += (size_t)n;
	else if (n != -EAGAIN && n != -ECONNABORTED && n != -ESTALE)
		problem(o, "cannot be sent");
}

static void check_reply(struct own_call *o)
{
	const struct content reply = caller_reply(&o->request);

	o->has_reply = o->got == o->reply_len && content_is(&reply, o->reply, o->got);
	if (o->has_reply || o->is_wrong)
		return;
	o->is_wrong = true;
	untrue(o, "got a reply that was not sent");
}

static void pull_reply(struct own_call *o)
{
	int rc = sinew_call_read(o->call, o->reply, o->reply_len, &o->got, false);

	if (rc == 1)
		check_reply(o);
	else if (rc != -EAGAIN && rc != -ECONNABORTED && rc != -ESTALE && !o->is_wrong) {
		o->is_wrong = true;
		untrue(o, "got a reply of another length");
	}
}

static void take_reply(struct own_call *o, const struct sinew_call_msg *msg)
{
	if (o->delivery == SINEW_CALL_PULL) {
		pull_reply(o);
		return;
	}
	if (o->delivery == SINEW_CALL_PACED)
		o->unconsumed += msg->len;
	if (msg->len > o->reply_len - o->got) {
		o->got = o->reply_len + 1;
	} else if (msg->len) {
		memcpy(o->reply + o->got, msg->data, msg->len);
		o->got += msg->len;
	}
	if (msg->last || o->got > o->reply_len)
		check_reply(o);
}

static void call_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct own_call *o = user;

	(void)call;
	switch (msg->event) {
	case SINEW_CALL_ROOM:
		send_more(o);
		break;
	case SINEW_CALL_DATA:
		take_reply(o, msg);
		break;
	case SINEW_CALL_ENDED:
		ended(o, msg);
		break;
	case SINEW_CALL_NEW:
	case SINEW_CALL_ACCEPTED:
	case SINEW_CALL_FINAL_ACK:
	case SINEW_CALL_STATE:
		break;
	}
}

/* ---- the beginning ---- */

static void enlist(struct own_call *o)
{
	o->next = o->l->own_calls;
	o->at = &o->l->own_calls;
	if (o->next)
		o->next->at = &o->next;
	o->l->own_calls = o;
	o->lane->n_calls++;
}

static struct own_call *new_call(struct incarnation *l, struct lane *lane)
{
	const struct record *r = lane->record;
	struct own_call *o = calloc(1, sizeof(*o));
	struct content reply;

	if (!o)
		return NULL;
	o->l = l;
	o->lane = lane;
	o->log = run_log_calls(l->run_log, r->node, r->peer);
	o->request = caller_request(l->settings, r->node, r->peer, r->incarnation,
				    r->peer_incarnation, call_log_new(o->log));
	reply = caller_reply(&o->request);
	o->len = content_length(&o->request);
	o->reply_len = content_length(&reply);
	/* Nothing has a place, too. */
	o->data = malloc(o->len + 1);
	o->reply = malloc(o->reply_len + 1);
	if (!o->data || !o->reply) {
		free(o->data);
		free(o->reply);
		free(o);
		return NULL;
	}
	content_fill(&o->request, o->data, o->len);
	enlist(o);
	return o;
}

/* Delivery, time and flags by chance. Gives the flags. */
static unsigned draw(struct own_call *o, uint64_t random, uint64_t now_ns,
		     struct sinew_call_options *opt)
{
	static const enum sinew_call_delivery deliveries[] = {
		SINEW_CALL_PIECES, SINEW_CALL_PACED, SINEW_CALL_WHOLE, SINEW_CALL_PULL,
	};
	unsigned flags = 0, kind = random % 16;

	o->delivery = deliveries[random >> 4 & 3];
	*opt = (struct sinew_call_options){
		.size = sizeof(*opt),
		.fn = call_event,
		.delivery = o->delivery,
		.deadline_ms = DEADLINE_MS,
		.max_reply = o->reply_len,
	};
	o->give_up_ns = CLOCK_NEVER;
	if (kind == 1)
		opt->deadline_ms = 1 + (uint32_t)(random >> 16) % SHORT_MS;
	else if (kind == 2)
		o->give_up_ns = now_ns + (random >> 16) % GIVE_UP_NS;
	o->late_ns = now_ns + opt->deadline_ms * CLOCK_MS +
		o->l->settings->linger_ms * CLOCK_MS;
	if ((random >> 6) % 4 == 0)
		flags |= SINEW_CALL_SETTLE;
	if ((random >> 8) % 8 == 0)
		flags |= SINEW_CALL_WANT_ACCEPT;
	o->sent = o->len < FIRST_MAX ? o->len : FIRST_MAX;
	if (o->sent < o->len) {
		flags |= SINEW_CALL_MORE;
		opt->total = random >> 11 & 1 ? o->len : 0;
	}
	return flags;
}

/* All is right: the session, or the parent, is over, or about to be, or the parent is nested as
 * deep as calls can be. */
static bool is_refusal(int rc, const struct sinew_call *parent)
{
	return rc == -ESTALE || rc == -ESHUTDOWN ||
		(parent && (rc == -ELOOP || rc == -ECONNABORTED));
}

/* NULL: none can be begun with that peer now. */
static struct own_call *begin(struct incarnation *l, struct lane *lane, struct sinew_call *parent,
			      uint64_t now_ns)
{
	struct own_call *o = new_call(l, lane);
	struct sinew_call_options opt;
	struct iovec iov;
	unsigned flags;
	int rc;

	if (!o)
		return NULL;
	flags = draw(o, random_next(&l->random), now_ns, &opt);
	opt.parent = parent;
	iov = (struct iovec){ .iov_base = o->data, .iov_len = o->sent };
	/* It may be executed before the function returns. */
	rc = sinew_call_begin(lane->binding, (uint32_t)o->request.number, &opt, &iov, 1, flags, o,
			      &o->call);
	if (rc) {
		call_log_refused(o->log, o->request.number);
		if (!is_refusal(rc, parent))
			run_log_problem(l->run_log, "node %" PRIu32 " cannot begin a call to node %"
					PRIu32 ": %s", l->id, o->request.to, sinew_error_name(rc));
		release(o);
		return NULL;
	}
	call_log_begun(o->log);
	record_add(&lane->record->calls_begun);
	if (flags & SINEW_CALL_MORE)
		send_more(o);
	return o;
}

static bool can_call(const struct lane *lane, unsigned max)
{
	return lane->binding && lane->n_calls < max;
}

bool caller_begin_some(struct incarnation *l, uint64_t now_ns)
{
	const unsigned n = l->settings->n_nodes;
	bool any = false;
	unsigned i, k;

	if (l->state != INCARNATION_RUNNING)
		return false;
	for (i = 1; i <= n; i++) {
		struct lane *lane = &l->lanes[i];

		if (now_ns < lane->quiet_until_ns)
			continue;
		for (k = 0; k < BURST_MAX && can_call(lane, CALLER_OPEN_MAX); k++) {
			if (!begin(l, lane, NULL, now_ns))
				break;
			any = true;
		}
	}
	return any;
}

bool caller_begin_nested(struct incarnation *l, uint32_t peer, struct served_call *parent,
			 struct sinew_call *call)
{
	struct lane *lane = &l->lanes[peer];
	struct own_call *o;

	if (l->state != INCARNATION_RUNNING || !can_call(lane, CALLER_OPEN_MAX + NESTED_MAX))
		return false;
	o = begin(l, lane, call, clock_now_ns());
	if (o)
		o->parent = parent;
	return o;
}

void caller_forget_parent(struct incarnation *l, const struct served_call *parent)
{
	struct own_call *o;

	for (o = l->own_calls; o; o = o->next)
		if (o->parent == parent)
			o->parent = NULL;
}

/* ---- the node's ---- */

int caller_open(struct incarnation *l)
{
	int rc;

	l->own_calls = NULL;
	l->served_calls = NULL;
	if (!l->settings->calls)
		return 0;
	rc = sinew_calls_new(l->node, NULL, &l->calls);
	return rc ? rc : served_bind(l);
}

void caller_close(struct incarnation *l)
{
	struct own_call *o;

	for (o = l->own_calls; o; o = o->next) {
		call_log_endless(o->log);
		problem(o, "has no end, though its node has");
	}
	served_check_ended(l);
	sinew_calls_free(l->calls);
	l->calls = NULL;
	served_forget(l);
	while (l->own_calls)
		release(l->own_calls);
}

void caller_up(struct incarnation *l, struct lane *lane)
{
	int rc;

	if (!l->calls || !lane->record)
		return;
	rc = sinew_binding_open(l->calls, lane->session, SERVED_SERVICE, NULL,
				&lane->binding);
	if (rc)
		run_log_problem(l->run_log, "node %" PRIu32 " cannot call node %" PRIu32 ": %s",
				l->id, lane->record->peer, sinew_error_name(rc));
}

void caller_down(struct incarnation *l, struct lane *lane)
{
	struct own_call *o;

	sinew_binding_close(lane->binding);
	lane->binding = NULL;
	for (o = l->own_calls; o; o = o->next)
		if (o->lane == lane)
			o->lane = NULL;
}

void caller_count(const struct incarnation *l, const struct lane *lane)
{
	struct sinew_calls_status st = { .size = sizeof(st) };
	uint32_t peer = lane->record->peer;
	struct call_pair *to, *from;

	if (!l->calls || sinew_calls_status(l->calls, lane->session, &st))
		return;
	to = run_log_calls(l->run_log, l->id, peer);
	from = run_log_calls(l->run_log, peer, l->id);
	call_log_saw(to, CALL_SLOTS_USED, st.slots_used);
	call_log_saw(from, CALL_SLOTS_USED, st.peers_used);
	if (st.has_oldest)
		call_log_saw(st.oldest_incoming ? from : to, CALL_OLDEST_MS, st.oldest_age_ms);
}

static void turn_one(struct own_call *o, uint64_t now_ns)
{
	if (o->unconsumed && !sinew_call_consumed(o->call, o->unconsumed))
		o->unconsumed = 0;
	/* No more, until it has ended. */
	if (o->lane && call_log_is_old(o->log, o->request.number))
		o->lane->quiet_until_ns = now_ns + QUIET_NS;
	if (now_ns >= o->give_up_ns) {
		o->give_up_ns = CLOCK_NEVER;
		sinew_call_abort(o->call, SINEW_RX_USER_ABORT);
	}
	if (now_ns >= o->late_ns) {
		o->late_ns = CLOCK_NEVER;
		problem(o, "has no end long after its deadline");
	}
}

void caller_turn(struct incarnation *l, uint64_t now_ns)
{
	struct own_call *o;

	for (o = l->own_calls; o; o = o->next)
		turn_one(o, now_ns);
	served_turn(l, now_ns);
}
