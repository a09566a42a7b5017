/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the pause after many subscribers were told: what comes meanwhile goes to each
 * in one message. Few subscribers, and one that begins, never wait. Knows no length of the pause.
 */
#include "proto/wire.h"
#include "services/server_base.h"
#include "tests/lib/control_peer.h"

#define TYPE	100u
#define TRIES	2000u
#define NOBODY	4711u			/* the id of no subscription */

static struct test_node node;
static int reader, writer;
static uint8_t buf[CONTROL_MAX + 1];
static uint32_t told;			/* the last subscription that was, before an answer */

/* The status of the next answer. */
static int take_answer(int fd)
{
	struct control_head head = { .status = 1 };

	for (;;) {
		if (!CHECK_EQ(control_peer_take(fd, buf, &head), 0))
			return 1;
		if (head.kind != (CONTROL_EVENTS | CONTROL_ANSWER))
			return head.status;
		told = head.id;
	}
}

static int ask(int fd, unsigned kind, uint32_t id, const void *body, size_t len)
{
	CHECK_EQ(control_peer_send(fd, kind, id, body, len), 0);
	return take_answer(fd);
}

static void subscribe(int fd, uint32_t id)
{
	const struct topo_request r = {
		.name = { TYPE, 0, UINT32_MAX }, .timeout_ms = TOPO_TIMEOUT_NONE,
	};
	uint8_t request[TOPO_REQUEST_LEN];

	topo_request_put(request, &r);
	CHECK_EQ(ask(fd, CONTROL_SUBSCRIBE, id, request, sizeof request), 0);
}

/* Sends more requests than the server takes from one connection in a turn, so that what was sent
 * before them and what is sent after them fall into different turns. */
static void await_turn(int fd)
{
	uint8_t id[CONTROL_NAMED];

	put_le32(id, NOBODY);
	for (unsigned i = 0; i <= SERVER_REQUESTS; i++)
		CHECK_EQ(control_peer_send(fd, CONTROL_CANCEL, NOBODY, id, sizeof id), 0);
	for (unsigned i = 0; i <= SERVER_REQUESTS; i++)
		CHECK_EQ(take_answer(fd), -ENOENT);
}

static void publish(uint32_t n)
{
	const struct topo_offer offer = { .name = { TYPE, n, n }, .scope = TOPO_SCOPE_NODE };
	uint8_t p[TOPO_OFFER_MAX];

	CHECK_EQ(ask(writer, CONTROL_PUBLISH, n, p, topo_offer_put(p, &offer)), 0);
	await_turn(writer);
}

/* Of the next message of a subscription; 0: there is none that is right. */
static unsigned n_published(uint32_t *ret_id, uint32_t *ret_last)
{
	struct control_head head = { .id = 0 };
	size_t at = CONTROL_HEAD + CONTROL_NEWEST;
	unsigned n = 0;
	struct topo_event e;

	if (!CHECK_EQ(control_peer_take(reader, buf, &head), 0) ||
	    !CHECK_EQ(head.kind, CONTROL_EVENTS | CONTROL_ANSWER))
		return 0;
	while (at < head.size) {
		int len = topo_event_parse(buf + at, head.size - at, &e);

		if (!CHECK(len > 0))
			return 0;
		at += (size_t)len;
		n++;
		*ret_last = e.name.lower;
	}
	*ret_id = head.id;
	return n;
}

/* The most events in one message, until all n subscriptions have that publication. */
static unsigned most_until(uint32_t n, uint32_t last)
{
	unsigned most = 0;

	for (uint32_t n_done = 0; n_done < n;) {
		uint32_t id = 0, at = 0;
		unsigned n_in_one = n_published(&id, &at);

		if (!n_in_one)
			return 0;
		most = n_in_one > most ? n_in_one : most;
		n_done += at == last;
	}
	return most;
}

/* A node with n subscriptions, which have been told what is there. */
static bool begin(uint32_t n)
{
	if (!control_node_open(&node, 1, NULL, NULL))
		return false;
	reader = control_peer_open(control_peer_name(1));
	writer = control_peer_open(control_peer_name(1));
	if (!CHECK(reader >= 0 && writer >= 0))
		return false;
	for (uint32_t id = 1; id <= n; id++)
		subscribe(reader, id);
	publish(0);
	return CHECK(most_until(n, 0) > 0);
}

static void end(void)
{
	close(reader);
	close(writer);
	node_free(&node);
}

static void few_are_told_at_once(void)
{
	const uint32_t n = SERVER_MANY - 1;

	if (!begin(n))
		return;
	for (uint32_t i = 1; i < TRIES / 10; i += 2) {
		publish(i);
		publish(i + 1);
		if (!CHECK_EQ(most_until(n, i + 1), 1))
			break;
	}
	end();
}

/* If this machine makes two publications within the pause once. */
static void many_are_told_in_one_message(void)
{
	const uint32_t n = SERVER_MANY;
	unsigned most = 0;

	if (!begin(n))
		return;
	for (uint32_t i = 1; i < TRIES && most < 2; i += 2) {
		publish(i);
		publish(i + 1);
		most = most_until(n, i + 1);
		if (!CHECK(most > 0))
			break;
	}
	CHECK(most >= 2);
	end();
}

static void one_that_begins_does_not_wait(void)
{
	uint8_t named[CONTROL_NAMED];

	if (!begin(SERVER_MANY))
		return;
	for (uint32_t i = 1; i < TRIES / 10; i++) {
		publish(i);
		subscribe(writer, i);
		await_turn(writer);
		put_le32(named, i);
		if (!CHECK_EQ(told, i) || !CHECK(most_until(SERVER_MANY, i) > 0) ||
		    !CHECK_EQ(ask(writer, CONTROL_CANCEL, i, named, sizeof named), 0))
			break;
	}
	end();
}

int main(void)
{
	RUN(few_are_told_at_once);
	RUN(many_are_told_in_one_message);
	RUN(one_that_begins_does_not_wait);
	return check_done();
}
