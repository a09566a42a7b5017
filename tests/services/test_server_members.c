/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of a member that is no good one: it asks what it may not, or answers what it may
 * not. Node 1 has a server, node 2 plays by hand. Knows no program at a socket.
 */
#include "services/server_feed.h"
#include "services/server_member.h"
#include "services/service.h"
#include "tests/lib/control_peer.h"

#define TYPE	100u
#define EPOCH	UINT64_C(0x1122334455667701)
#define INDEX	UINT64_C(500)

static struct cluster *c;
static struct sinew_calls *calls[3];
static struct sinew_topo *topo;
static struct follower all;

/* ---- node 2, as it answers ---- */

static struct sinew_call *asked;	/* the first call of node 1, while it is there */
static struct topo_request request;	/* of it */
static unsigned n_asked;

static void play(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	if (msg->event == SINEW_CALL_DATA) {
		CHECK_EQ(topo_request_parse(msg->data, msg->len, &request), 0);
		n_asked++;
		asked = call;
	} else if (msg->event == SINEW_CALL_ENDED) {
		if (asked == call)
			asked = NULL;
		sinew_call_end(call);
	}
}

static const struct sinew_service played = {
	.size = sizeof played, .fn = play, .delivery = SINEW_CALL_WHOLE,
};

/* Of node 1, before it has a server. */
static const struct sinew_service early = {
	.size = sizeof early, .fn = play, .delivery = SINEW_CALL_WHOLE,
};

static bool begin(void)
{
	struct sinew_topo_filter f = everything();

	asked = NULL;
	n_asked = 0;
	c = cluster_new(2, NULL);
	return CHECK(c != NULL) && CHECK_EQ(sinew_calls_new(c->t[1].n, NULL, &calls[1]), 0) &&
		CHECK_EQ(sinew_service_bind(calls[1], 300, &early, NULL), 0) &&
		CHECK_EQ(sinew_topo_start(c->t[1].n, calls[1], NULL), 0) &&
		CHECK_EQ(sinew_calls_new(c->t[2].n, NULL, &calls[2]), 0) &&
		CHECK_EQ(service_bind(calls[2], MEMBER_SERVICE, &played, NULL), 0) &&
		CHECK_EQ(sinew_topo_open(c->t[1].n, &topo), 0) && follower_begin(&all, topo, &f);
}

static void end(void)
{
	CHECK_EQ(all.bad, 0);
	follower_end(&all);
	sinew_topo_close(topo);
	cluster_free(c);
	sinew_calls_free(calls[1]);
	sinew_calls_free(calls[2]);
}

#define DRIVE_ALL(cond) DRIVE_TOPO(c, &topo, 1, cond)

/* As far as it takes them, a call to take all. */
static void answer(const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && asked) {
		struct iovec iov = { (void *)(uintptr_t)(bytes + at), len - at };
		ssize_t n = sinew_call_send(asked, &iov, 1, SINEW_CALL_MORE);

		at += n > 0 ? (size_t)n : 0;
		if (n == -EAGAIN)
			topo_turn(c, &topo, 1);
		else if (!CHECK(n > 0))
			return;
	}
}

static struct topo_event mark(enum topo_what what)
{
	return (struct topo_event) {
		.what = (uint8_t)what, .incarnation = EPOCH, .position = INDEX,
	};
}

static struct topo_event row(uint32_t lower, uint32_t pub)
{
	return (struct topo_event) {
		.what = TOPO_PUBLISHED, .scope = TOPO_SCOPE_CLUSTER, .name = { TYPE, lower, lower },
		.node = 2, .pub = pub, .incarnation = sinew_incarnation(c->t[2].n),
		.flags = TOPO_EV_OF_SNAPSHOT, .position = INDEX,
		.attr = (const uint8_t *)"abc", .attr_len = 3,
	};
}

static size_t put(uint8_t *p, struct topo_event e)
{
	return topo_event_put(p, &e);
}

/* ---- its answers ---- */

static void an_answer_comes_byte_by_byte(void)
{
	uint8_t bytes[4 * TOPO_EVENT_MAX];
	size_t n;

	if (!begin())
		return;
	DRIVE_ALL(asked && follower_has(&all, SINEW_TOPO_SERVICE, 300, 1));
	CHECK_EQ(request.flags, TOPO_REQ_OWN);
	CHECK_EQ(request.scope, TOPO_SCOPE_CLUSTER);
	n = put(bytes, mark(TOPO_SNAPSHOT));
	n += put(bytes + n, row(7, 9));
	n += put(bytes + n, mark(TOPO_SNAPSHOT_END));
	for (size_t i = 0; i < n; i++) {
		answer(bytes + i, 1);
		topo_turn(c, &topo, 1);
	}
	DRIVE_ALL(follower_has(&all, TYPE, 7, 2) == 1);
	CHECK_EQ(all.last.attr_len, 3);
	CHECK_MEM(all.last.attr, "abc", 3);
	CHECK_EQ(n_asked, 1);
	/* When it breaks off, what was there stays, and it is asked for what came since. */
	CHECK_EQ(sinew_call_abort(asked, SINEW_RX_CALL_DEAD), 0);
	DRIVE_ALL(n_asked == 2 && asked);
	CHECK_EQ(follower_has(&all, TYPE, 7, 2), 1);
	CHECK_EQ(request.flags, TOPO_REQ_OWN | TOPO_REQ_RESUME);
	CHECK_EQ(request.from.epoch, EPOCH);
	CHECK_EQ(request.from.index, INDEX);
	/* Another state. */
	n = put(bytes, mark(TOPO_SNAPSHOT));
	n += put(bytes + n, row(8, 10));
	n += put(bytes + n, mark(TOPO_SNAPSHOT_END));
	answer(bytes, n);
	DRIVE_ALL(follower_has(&all, TYPE, 8, 2) == 1 && !follower_has(&all, TYPE, 7, 2));
	end();
}

/* Each is said in the log, and ends the call; nothing of it is shown, but the node itself is. */
static void refused(const uint8_t *bytes, size_t n)
{
	if (!begin())
		return;
	DRIVE_ALL(asked && follower_has(&all, SINEW_TOPO_NODE, 2, 2));
	answer(bytes, n);
	DRIVE_ALL(!asked);
	CHECK_EQ(follower_has(&all, SINEW_TOPO_NODE, 2, 2), 1);
	CHECK_EQ(follower_has(&all, TYPE, 7, 0), 0);
	end();
}

static void wrong_answers_end_the_call(void)
{
	uint8_t bytes[4 * TOPO_EVENT_MAX];
	struct topo_event e;
	size_t n;

	memset(bytes, 0xff, sizeof bytes);
	refused(bytes, 200);
	e = mark(TOPO_SNAPSHOT);
	n = put(bytes, e);
	e = (struct topo_event) {
		.what = TOPO_PUBLISHED, .scope = TOPO_SCOPE_CLUSTER, .name = { TYPE, 7, 7 },
		.node = 3, .pub = 1, .incarnation = 5, .position = INDEX,
	};
	n += put(bytes + n, e);		/* of another node */
	refused(bytes, n);
}

/* ---- what it asks ---- */

struct question {
	struct sinew_call *call;
	unsigned n_bytes;
	bool ended;
	int32_t code;
	enum sinew_call_reason reason;
};

static void heard(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct question *q = user;

	(void)call;
	if (msg->event == SINEW_CALL_DATA)
		q->n_bytes += (unsigned)msg->len;
	if (msg->event != SINEW_CALL_ENDED)
		return;
	q->ended = true;
	q->code = msg->code;
	q->reason = msg->reason;
}

static void question(struct question *q, uint32_t op, const void *bytes, size_t len)
{
	const struct sinew_call_options opt = {
		.size = sizeof opt, .fn = heard, .deadline_ms = SINEW_FOREVER,
	};
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct sinew_binding *binding = NULL;

	*q = (struct question) { .call = NULL };
	CHECK_EQ(sinew_binding_open(calls[2], c->t[2].seen[1].session, MEMBER_SERVICE, NULL,
				    &binding), 0);
	CHECK_EQ(sinew_call_begin(binding, op, &opt, &iov, 1, SINEW_CALL_ENDLESS, q, &q->call), 0);
	sinew_binding_close(binding);
}

static void a_request_put(uint8_t p[TOPO_REQUEST_LEN], uint32_t timeout_ms)
{
	const struct topo_request r = {
		.name = { TOPO_TYPE_ANY, 0, UINT32_MAX }, .timeout_ms = timeout_ms,
	};

	topo_request_put(p, &r);
}

static void so_many_subscriptions_of_a_peer(void)
{
	struct question q[FEEDS_OF_PEER + 2];
	uint8_t bytes[TOPO_REQUEST_LEN];

	if (!begin())
		return;
	a_request_put(bytes, TOPO_TIMEOUT_NONE);
	DRIVE_ALL(asked);
	for (unsigned i = 0; i < FEEDS_OF_PEER + 2; i++) {
		question(&q[i], MEMBER_SUBSCRIBE, bytes, sizeof bytes);
		if (i < FEEDS_OF_PEER)
			DRIVE_ALL(q[i].n_bytes > 0);
		else
			DRIVE_ALL(q[i].ended);
		CHECK_EQ(q[i].ended, i >= FEEDS_OF_PEER);
	}
	CHECK_EQ(q[FEEDS_OF_PEER].code, SINEW_RX_CALL_DEAD);
	CHECK_EQ(q[0].ended, false);
	/* One that ends makes room. */
	CHECK_EQ(sinew_call_abort(q[0].call, SINEW_RX_USER_ABORT), 0);
	DRIVE_ALL(q[0].ended);
	sinew_call_end(q[0].call);
	question(&q[0], MEMBER_SUBSCRIBE, bytes, sizeof bytes);
	DRIVE_ALL(q[0].n_bytes || q[0].ended);
	for (unsigned i = 0; i < FEEDS_OF_PEER + 2; i++)
		sinew_call_end(q[i].call);
	end();
}

static void wrong_questions_are_refused(void)
{
	uint8_t bytes[TOPO_REQUEST_LEN + 1] = { 0 };
	struct question q;

	if (!begin())
		return;
	DRIVE_ALL(asked);
	a_request_put(bytes, 0);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		if (len == TOPO_REQUEST_LEN || (len > 2 && len < TOPO_REQUEST_LEN - 2))
			continue;
		question(&q, MEMBER_SUBSCRIBE, bytes, len);
		DRIVE_ALL(q.ended);
		CHECK_EQ(q.code, SINEW_RX_INVALID_OPERATION);
		sinew_call_end(q.call);
	}
	/* Nobody serves the status here. */
	question(&q, MEMBER_STATUS, NULL, 0);
	DRIVE_ALL(q.ended);
	CHECK_EQ(q.code, SINEW_RX_INVALID_OPERATION);
	sinew_call_end(q.call);
	/* One whose time is over at once has a whole reply. */
	question(&q, MEMBER_SUBSCRIBE, bytes, TOPO_REQUEST_LEN);
	DRIVE_ALL(q.ended);
	CHECK(q.reason == SINEW_END_REPLIED && q.n_bytes > 0);
	sinew_call_end(q.call);
	end();
}

#define STATUS_LEN	40000u

static unsigned may_nothing(void *arg, int fd, const struct ucred *who)
{
	(void)arg;
	(void)fd;
	(void)who;
	return 0;
}

static int a_status(void *arg, const char *text, size_t len, const struct ucred *who, unsigned has,
		    uint32_t peer, char **ret_text)
{
	CHECK(arg == &all && len == 2 && !memcmp(text, "{}", 2));
	CHECK(!who && has == SERVER_READS && peer == 2);
	*ret_text = calloc(STATUS_LEN + 1, 1);
	if (!*ret_text)
		return -ENOMEM;
	memset(*ret_text, 'x', STATUS_LEN);
	return 0;
}

static void a_member_gets_the_status_that_it_asks_for(void)
{
	const struct server_gate gate = { .may = may_nothing, .answer = a_status, .arg = &all };
	struct question q;

	if (!begin())
		return;
	DRIVE_ALL(asked);
	CHECK_EQ(server_listen(server_of(c->t[1].n), control_peer_name(1), &gate), 0);
	for (unsigned i = 0; i < 2; i++) {
		question(&q, MEMBER_STATUS, "{}", 2);
		DRIVE_ALL(q.ended);
		CHECK_EQ(q.reason, SINEW_END_REPLIED);
		CHECK_EQ(q.n_bytes, STATUS_LEN);
		sinew_call_end(q.call);
	}
	end();
}

/* ---- a slow reader ---- */

#define ROWS		3000u		/* with their attributes many times a window */

/* All of its reply from now on; whole events are counted, the rest is kept. */
static unsigned read_rows(struct sinew_call *call, uint8_t *buf, size_t size, size_t *rest)
{
	struct topo_event e;
	size_t off = *rest, at = 0;
	unsigned n_rows = 0;
	int n = 1;

	sinew_call_read(call, buf, size, &off, true);
	while (at < off && n > 0) {
		n = topo_event_parse(buf + at, off - at, &e);
		if (!CHECK(n > 0 || n == -EAGAIN))
			return ROWS;
		if (n > 0 && e.what == TOPO_PUBLISHED && e.name.type == TYPE)
			n_rows++;
		at += n > 0 ? (size_t)n : 0;
	}
	*rest = off - at;
	memmove(buf, buf + at, *rest);
	return n_rows;
}

/* Its window is full for a while: nothing is lost, and nothing told twice. */
static void a_slow_member_misses_nothing(void)
{
	const struct sinew_call_options opt = {
		.size = sizeof opt, .fn = heard, .deadline_ms = SINEW_FOREVER,
		.delivery = SINEW_CALL_PULL,
	};
	static uint8_t bytes[TOPO_REQUEST_LEN], buf[CONTROL_MAX];
	struct iovec iov = { bytes, sizeof bytes };
	char attr[SINEW_TOPO_ATTR_MAX] = "long";
	struct sinew_binding *binding = NULL;
	struct question q = { .call = NULL };
	unsigned n_rows = 0;
	size_t rest = 0;

	if (!begin())
		return;
	DRIVE_ALL(asked);
	a_request_put(bytes, TOPO_TIMEOUT_NONE);
	CHECK_EQ(sinew_binding_open(calls[2], c->t[2].seen[1].session, MEMBER_SERVICE, NULL,
				    &binding), 0);
	CHECK_EQ(sinew_call_begin(binding, MEMBER_SUBSCRIBE, &opt, &iov, 1, SINEW_CALL_ENDLESS, &q,
				  &q.call), 0);
	sinew_binding_close(binding);
	for (uint32_t i = 0; i < ROWS; i++)
		while (sinew_topo_publish(topo, TYPE, i, i, SINEW_SCOPE_CLUSTER, attr, sizeof attr,
					  NULL) == -EAGAIN)
			topo_turn(c, &topo, 1);
	DRIVE_ALL(follower_has(&all, TYPE, ROWS - 1, 1) == 1);
	DRIVE_ALL((n_rows += read_rows(q.call, buf, sizeof buf, &rest)) >= ROWS);
	CHECK_EQ(n_rows, ROWS);
	CHECK(!q.ended && !rest);
	sinew_call_end(q.call);
	end();
}

int main(void)
{
	RUN(an_answer_comes_byte_by_byte);
	RUN(wrong_answers_end_the_call);
	RUN(so_many_subscriptions_of_a_peer);
	RUN(a_slow_member_misses_nothing);
	RUN(wrong_questions_are_refused);
	RUN(a_member_gets_the_status_that_it_asks_for);
	return check_done();
}
