/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of a client of the topology whose server breaks the rules: it asks again or
 * connects again, and tells its user nothing that is not so. Knows no server of the library.
 */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "proto/wire.h"
#include "tests/lib/control_peer.h"

#define TYPE	100u
#define EPOCH	UINT64_C(77)
#define NEWEST	1000u			/* the end of the server's log */
#define MANY	100000u			/* requests, more than a socket holds */

static struct sinew_topo *topo;
static struct follower one;
static int listener, fd;
static unsigned n_greetings;		/* of a connection */
static bool leaves;			/* behind them */
static uint8_t buf[CONTROL_MAX + 1];

/* ---- the server ---- */

static void say(unsigned kind, uint32_t id, int status, const void *body, size_t len)
{
	const struct control_head head = {
		.kind = (uint8_t)(kind | CONTROL_ANSWER), .id = id, .status = status,
	};

	CHECK_EQ(control_send(fd, &head, body, len), 0);
}

/* The next connection, greeted. */
static void *greet(void *arg)
{
	const struct control_hello hello = {
		.version = CONTROL_VERSION, .nodeid = 5, .incarnation = 6, .epoch = EPOCH,
	};
	struct pollfd p = { .fd = listener, .events = POLLIN };
	uint8_t body[CONTROL_HELLO_ANSWER];
	struct control_head head;

	(void)arg;
	CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1);
	if (CHECK_EQ(packet_accept(listener, &fd), 0) &&
	    CHECK_EQ(control_peer_take(fd, buf, &head), 0)) {
		CHECK_EQ(head.kind, CONTROL_HELLO);
		control_put_hello(body, &hello);
		for (unsigned i = 0; i < n_greetings; i++)
			say(CONTROL_HELLO, 0, 0, body, sizeof body);
		if (leaves)
			shutdown(fd, SHUT_RDWR);
	}
	return NULL;
}

static bool begin(void)
{
	pthread_t thread;
	bool good;

	fd = -1;
	n_greetings = 1;
	leaves = false;
	if (!CHECK_EQ(packet_listen(control_peer_name(5), &listener), 0) ||
	    !CHECK_EQ(pthread_create(&thread, NULL, greet, NULL), 0))
		return false;
	good = CHECK_EQ(sinew_topo_connect(control_peer_name(5), &topo), 0);
	pthread_join(thread, NULL);
	return good && CHECK(fd >= 0);
}

static void end(void)
{
	sinew_topo_close(topo);
	topo = NULL;
	close(fd);
	close(listener);
}

#define DRIVE_ALL(cond) DRIVE_ALONE(&topo, 1, cond)

static struct topo_event event(enum topo_what what, uint64_t position)
{
	return (struct topo_event) {
		.what = (uint8_t)what, .incarnation = EPOCH, .position = position,
	};
}

static struct topo_event published(uint32_t lower, uint64_t position, unsigned flags)
{
	return (struct topo_event) {
		.what = TOPO_PUBLISHED, .scope = TOPO_SCOPE_NODE, .name = { TYPE, lower, lower },
		.node = 5, .pub = lower + 1, .incarnation = 6, .position = position,
		.flags = (uint8_t)flags,
	};
}

static void tell(uint32_t id, const struct topo_event *events, unsigned n)
{
	uint8_t body[CONTROL_NEWEST + 4 * TOPO_EVENT_MAX];
	size_t len = CONTROL_NEWEST;

	put_le64(body, NEWEST);
	for (unsigned i = 0; i < n; i++)
		len += topo_event_put(body + len, &events[i]);
	say(CONTROL_EVENTS, id, 0, body, len);
}

/* A state of one row. */
static void tell_state(uint32_t id, uint32_t lower)
{
	const struct topo_event events[] = {
		event(TOPO_SNAPSHOT, 10), published(lower, 10, TOPO_EV_OF_SNAPSHOT),
		event(TOPO_SNAPSHOT_END, 10),
	};

	tell(id, events, 3);
}

/* The next request, of that kind; its id. */
static uint32_t hear(unsigned kind)
{
	struct control_head head = { .id = 0 };
	int64_t until = now_ms() + PATIENCE_MS;
	int err;

	do {
		CHECK(sinew_topo_dispatch(topo, 10) >= 0);
		err = control_take(fd, buf, &head);
	} while (err == -EAGAIN && now_ms() < until);
	CHECK_EQ(err, 0);
	CHECK_EQ(head.kind, kind);
	return head.id;
}

/* ---- tests ---- */

static struct sinew_topo_status status(void)
{
	struct sinew_topo_status st = { .size = sizeof st };

	CHECK_EQ(sinew_topo_status(topo, &st), 0);
	return st;
}

static void turns(void)
{
	for (unsigned i = 0; i < 5; i++)
		CHECK(sinew_topo_dispatch(topo, 0) >= 0);
}

/* Its request waits for room: there is nothing that the server could answer. */
static void what_nobody_asked_for_is_ignored(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	struct sinew_subscription_status st = { .size = sizeof st };
	struct pollfd p = { .events = POLLIN };
	struct control_head head;
	unsigned n = 0;
	int err = 0;

	if (!begin())
		return;
	for (; n < MANY && !err; n += !err)
		err = sinew_topo_publish(topo, TYPE, n, n, SINEW_SCOPE_NODE, NULL, 0, NULL);
	CHECK_EQ(err, -EAGAIN);
	CHECK_EQ(status().n_publications, n);
	follower_begin(&one, topo, &f);
	for (uint32_t id = n; id < n + 3; id++) {
		tell_state(id, 1);
		say(CONTROL_SUBSCRIBE, id, -ENOSPC, NULL, 0);
		say(CONTROL_CANCEL, id, 0, NULL, 0);
		say(0x47, id, 0, NULL, 0);
	}
	turns();
	CHECK_EQ(one.n_published + one.n_refused + one.n_current, 0);
	CHECK_EQ(sinew_subscription_status(one.sub, &st), 0);
	CHECK(!st.ended && !st.current);
	/* Its descriptor is readable when there is room, not before and not for longer. */
	p.fd = sinew_topo_get_fd(topo);
	CHECK_EQ(poll(&p, 1, 0), 0);
	do
		err = control_take(fd, buf, &head);
	while (!err);
	CHECK_EQ(err, -EAGAIN);
	CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1);
	CHECK(hear(CONTROL_SUBSCRIBE) > n);
	turns();
	CHECK_EQ(poll(&p, 1, 0), 0);
	follower_end(&one);
	end();
}

/* The subscription keeps its place until the server can be told of the end. */
static void a_cancellation_waits_for_room(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	struct control_head head;
	uint64_t last = 0;
	uint32_t id;
	int err = 0;

	if (!begin())
		return;
	follower_begin(&one, topo, &f);
	id = hear(CONTROL_SUBSCRIBE);
	for (unsigned n = 0; n < MANY && !err; n++)
		err = sinew_topo_publish(topo, TYPE, n, n, SINEW_SCOPE_NODE, NULL, 0, &last);
	CHECK_EQ(err, -EAGAIN);
	/* A withdrawal has to be repeated. */
	CHECK_EQ(sinew_topo_withdraw(topo, last), -EAGAIN);
	follower_end(&one);
	turns();
	CHECK_EQ(status().n_subscriptions, 1);
	do
		err = control_take(fd, buf, &head);
	while (!err);
	CHECK_EQ(err, -EAGAIN);
	CHECK_EQ(hear(CONTROL_CANCEL), id);
	CHECK_EQ(status().n_subscriptions, 0);
	end();
}

/* The client subscribes anew after events that break the rules, and tells only the difference. */
static void after_wrong_events_it_asks_again(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	const struct topo_event twice = published(1, 11, 0);
	struct sinew_subscription_status st = { .size = sizeof st };
	uint8_t torn[CONTROL_NEWEST + 3] = { 0 };
	struct topo_request request;
	struct control_head head;
	uint32_t id, again;

	if (!begin())
		return;
	follower_begin(&one, topo, &f);
	id = hear(CONTROL_SUBSCRIBE);
	CHECK_EQ(topo_request_parse(buf + CONTROL_HEAD, TOPO_REQUEST_LEN, &request), 0);
	CHECK_EQ(request.timeout_ms, TOPO_TIMEOUT_NONE);
	say(CONTROL_SUBSCRIBE, id, 0, NULL, 0);
	tell_state(id, 1);
	DRIVE_ALL(one.n_current == 1 && one.n_rows == 1);
	CHECK_EQ(sinew_subscription_status(one.sub, &st), 0);
	CHECK(st.current && st.position.index == 10 && st.lag == NEWEST - 10);
	/* Without an event: how far the server is. */
	put_le64(torn, NEWEST + 7);
	say(CONTROL_EVENTS, id, 0, torn, CONTROL_NEWEST);
	turns();
	CHECK_EQ(sinew_subscription_status(one.sub, &st), 0);
	CHECK_EQ(st.lag, NEWEST + 7 - 10);
	CHECK(status().nodeid == 5 && status().incarnation == 6 && status().epoch == EPOCH);
	for (unsigned i = 0; i < 2; i++) {
		if (i)
			say(CONTROL_EVENTS, id, 0, torn, sizeof torn);
		else
			tell(id, &twice, 1);
		CHECK_EQ(hear(CONTROL_CANCEL), id);
		CHECK_EQ(get_le32(buf + CONTROL_HEAD), id);
		again = hear(CONTROL_SUBSCRIBE);
		CHECK(again && again != id);
		/* For the old one nothing counts any more. */
		tell_state(id, 3);
		id = again;
		say(CONTROL_SUBSCRIBE, id, 0, NULL, 0);
		tell_state(id, 2 - i);
		DRIVE_ALL(follower_has(&one, TYPE, 2 - i, 5) == 1 && one.n_rows == 1);
	}
	CHECK_EQ(one.bad, 0);
	CHECK_EQ(one.n_published, 3);
	CHECK_EQ(one.n_withdrawn, 2);
	/* Less than what each of its messages has. */
	say(CONTROL_EVENTS, id, 0, torn, CONTROL_NEWEST - 1);
	turns();
	CHECK_EQ(control_take(fd, buf, &head), -EAGAIN);
	follower_end(&one);
	CHECK_EQ(hear(CONTROL_CANCEL), id);
	end();
}

static void a_refusal_ends_a_subscription(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	uint32_t id;

	if (!begin())
		return;
	follower_begin(&one, topo, &f);
	id = hear(CONTROL_SUBSCRIBE);
	CHECK_EQ(status().n_pending, 1);
	say(CONTROL_SUBSCRIBE, id, -ENOSPC, NULL, 0);
	DRIVE_ALL(one.n_refused == 1);
	CHECK_EQ(one.error, -ENOSPC);
	CHECK_EQ(status().n_pending, 0);
	/* Nothing comes behind it, and answers without a question count nothing. */
	tell_state(id, 1);
	say(CONTROL_SUBSCRIBE, id, -ENOSPC, NULL, 0);
	say(CONTROL_PUBLISH, id, 0, NULL, 0);
	turns();
	CHECK_EQ(one.n_refused, 1);
	CHECK_EQ(one.n_published, 0);
	CHECK_EQ(status().n_pending, 0);
	follower_end(&one);
	end();
}

static void a_refused_publication_is_counted(void)
{
	uint64_t id = 0;

	if (!begin())
		return;
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, &id), 0);
	CHECK_EQ(status().n_publications, 1);
	CHECK_EQ(status().n_pending, 1);
	CHECK_EQ(hear(CONTROL_PUBLISH), id);
	say(CONTROL_PUBLISH, (uint32_t)id, -ENOSPC, NULL, 0);
	DRIVE_ALL(status().n_refused == 1);
	CHECK_EQ(status().refusal, -ENOSPC);
	CHECK_EQ(status().n_publications, 0);
	CHECK_EQ(sinew_topo_withdraw(topo, id), -ENOENT);
	end();
}

/* After bytes that are no message the connection is lost, and comes again: here as descriptor 0, as
 * in a program that has closed its standard input. */
static void after_a_lost_connection_all_is_said_again(void)
{
	const int input = dup(STDIN_FILENO);
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	struct iovec iov = { "x", 1 };
	pthread_t thread;
	uint64_t pub = 0;
	uint32_t id;

	if (!begin())
		return;
	follower_begin(&one, topo, &f);
	id = hear(CONTROL_SUBSCRIBE);
	tell_state(id, 1);
	DRIVE_ALL(one.n_current == 1);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 9, 9, SINEW_SCOPE_NODE, "at", 2, &pub), 0);
	CHECK_EQ(hear(CONTROL_PUBLISH), pub);
	CHECK_EQ(packet_send(fd, &iov, 1), 0);
	DRIVE_ALL(one.n_lost == 1);
	CHECK_EQ(one.error, -EBADMSG);
	CHECK(!status().connected && status().n_losses == 1 && !status().n_pending);
	close(fd);
	if (input >= 0)
		close(STDIN_FILENO);
	CHECK_EQ(pthread_create(&thread, NULL, greet, NULL), 0);
	DRIVE_ALL(status().connected);
	pthread_join(thread, NULL);
	CHECK(input < 0 || fcntl(STDIN_FILENO, F_GETFD) >= 0);
	CHECK_EQ(hear(CONTROL_PUBLISH), pub);
	CHECK_EQ(hear(CONTROL_SUBSCRIBE), id);
	/* The client resumes at its position. */
	CHECK_EQ(buf[CONTROL_HEAD + 3], TOPO_REQ_RESUME);
	tell_state(id, 2);
	DRIVE_ALL(follower_has(&one, TYPE, 2, 5) == 1 && one.n_rows == 1);
	CHECK_EQ(one.bad, 0);
	follower_end(&one);
	end();
	if (input >= 0) {
		dup2(input, STDIN_FILENO);
		close(input);
	}
}

static void one_greeting_is_enough(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	const struct control_hello hello = { .version = CONTROL_VERSION, .nodeid = 5 };
	uint8_t body[CONTROL_HELLO_ANSWER];
	uint32_t id;

	if (!begin())
		return;
	follower_begin(&one, topo, &f);
	id = hear(CONTROL_SUBSCRIBE);
	tell_state(id, 1);
	control_put_hello(body, &hello);
	say(CONTROL_HELLO, 0, 0, body, sizeof body);
	DRIVE_ALL(one.n_lost == 1);
	CHECK_EQ(one.error, -EPROTO);
	CHECK_EQ(one.n_rows, 1);
	CHECK_EQ(status().epoch, EPOCH);
	follower_end(&one);
	end();
}

/* ---- lookups ---- */

static struct {
	uint32_t nodes[3];
	int n;
} found;

static void *look_up(void *unused)
{
	(void)unused;
	memset(found.nodes, 0, sizeof found.nodes);
	found.n = sinew_topo_lookup(topo, TYPE, 1, found.nodes, 3);
	return NULL;
}

/* The id of the request of a lookup that has begun on that thread. */
static uint32_t lookup_begins(pthread_t *thread)
{
	struct control_head head = { .id = 0 };

	CHECK_EQ(pthread_create(thread, NULL, look_up, NULL), 0);
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	CHECK_EQ(head.kind, CONTROL_SUBSCRIBE);
	say(CONTROL_SUBSCRIBE, head.id, 0, NULL, 0);
	return head.id;
}

/* The request is withdrawn behind it. */
static void lookup_ends(pthread_t thread)
{
	struct control_head head = { .id = 0 };

	pthread_join(thread, NULL);
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	CHECK_EQ(head.kind, CONTROL_CANCEL);
}

static struct topo_event at_node(struct topo_event e, uint32_t node)
{
	e.node = node;
	return e;
}

/* Of what the server shows, and shows again since some have gone meanwhile, the last counts. */
static void a_lookup_tells_those_that_are_left(void)
{
	const struct topo_event first = published(1, 10, TOPO_EV_OF_SNAPSHOT);
	const struct topo_event again = published(1, 12, TOPO_EV_OF_SNAPSHOT);
	const struct topo_event shown[] = {
		event(TOPO_SNAPSHOT, 10), at_node(first, 9), at_node(first, 7), at_node(first, 8),
	};
	const struct topo_event end_of_it[] = { at_node(first, 6), event(TOPO_SNAPSHOT_END, 10) };
	const struct topo_event anew[] = {
		event(TOPO_SNAPSHOT, 12), at_node(again, 6), at_node(again, 8),
		event(TOPO_SNAPSHOT_END, 12),
	};
	const struct topo_event over = event(TOPO_TIMEOUT, 12);
	pthread_t thread;
	uint32_t id;

	if (!begin())
		return;
	id = lookup_begins(&thread);
	tell(id, shown, 4);
	tell(id, end_of_it, 2);
	tell(id, anew, 4);
	tell(id, &over, 1);
	pthread_join(thread, NULL);
	CHECK_EQ(found.n, 2);
	CHECK(found.nodes[0] == 6 && found.nodes[1] == 8 && !found.nodes[2]);
	end();
}

static void a_lookup_tells_why_it_failed(void)
{
	pthread_t thread;
	uint32_t id;

	if (!begin())
		return;
	id = lookup_begins(&thread);
	tell_state(id, 1);
	say(CONTROL_SUBSCRIBE, id, -ENOSPC, NULL, 0);
	pthread_join(thread, NULL);
	CHECK_EQ(found.n, -ENOSPC);
	/* A server that says no more. */
	id = lookup_begins(&thread);
	tell_state(id, 1);
	lookup_ends(thread);
	CHECK_EQ(found.n, -ETIMEDOUT);
	CHECK_EQ(status().n_subscriptions, 0);
	end();
}

/* It dies behind its greeting: that is an error, or told later. */
static void a_server_that_leaves_at_once(void)
{
	pthread_t thread;
	int err;

	for (n_greetings = 1; n_greetings <= 2; n_greetings++) {
		leaves = true;
		CHECK_EQ(packet_listen(control_peer_name(5), &listener), 0);
		CHECK_EQ(pthread_create(&thread, NULL, greet, NULL), 0);
		topo = NULL;
		err = sinew_topo_connect(control_peer_name(5), &topo);
		pthread_join(thread, NULL);
		CHECK(err ? !topo : topo != NULL);
		CHECK(!err || err == -ECONNRESET || err == -EPROTO);
		end();
	}
}

int main(void)
{
	RUN(what_nobody_asked_for_is_ignored);
	RUN(a_cancellation_waits_for_room);
	RUN(after_wrong_events_it_asks_again);
	RUN(a_refusal_ends_a_subscription);
	RUN(a_refused_publication_is_counted);
	RUN(one_greeting_is_enough);
	RUN(a_server_that_leaves_at_once);
	RUN(a_lookup_tells_those_that_are_left);
	RUN(a_lookup_tells_why_it_failed);
	RUN(after_a_lost_connection_all_is_said_again);
	return check_done();
}
