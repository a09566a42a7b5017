/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of wrong and hostile requests at the control socket: each is refused, in bounded
 * memory, and a subscriber beside it is served meanwhile.
 */
#include "proto/wire.h"
#include "services/packet.h"
#include "tests/lib/control_peer.h"

#define TYPE		100u
#define ANSWER_BYTES	(10u << 20)
#define TABLE_SUBS	4096u
#define BACKLOG		20000u		/* publications for one that does not read, */
#define BULK		8u		/* with so many subscriptions */

static struct test_node node;
static struct sinew_topo *topo;
static struct follower all;
static uint8_t buf[CONTROL_MAX + 1];
static int fd;

static int long_answer(void *arg, const char *request, size_t len, const struct ucred *who,
		       unsigned rights, uint32_t peer, char **ret_text)
{
	size_t n = len == 4 && !memcmp(request, "long", 4) ? ANSWER_BYTES : 2;
	char *text = malloc(n + 1);

	(void)arg;
	(void)who;
	(void)rights;
	(void)peer;
	if (!text)
		return -ENOMEM;
	memset(text, 'a', n);
	text[n] = '\0';
	*ret_text = text;
	return 0;
}

static bool begin(void)
{
	struct sinew_topo_filter f = everything();

	if (!control_node_open(&node, 1, NULL, long_answer) ||
	    !CHECK_EQ(sinew_topo_open(node.n, &topo), 0) || !follower_begin(&all, topo, &f))
		return false;
	fd = control_peer_open(control_peer_name(1));
	return fd >= 0;
}

#define DRIVE_ALL(cond) DRIVE_ALONE(&topo, 1, cond)

/* Others are still served. */
static void end(void)
{
	uint64_t id;

	close(fd);
	CHECK_EQ(sinew_topo_publish(topo, TYPE, 77, 77, SINEW_SCOPE_NODE, NULL, 0, &id), 0);
	DRIVE_ALL(follower_has(&all, TYPE, 77, 1) == 1);
	CHECK_EQ(all.bad, 0);
	follower_end(&all);
	sinew_topo_close(topo);
	node_free(&node);
}

/* The status of the answer to one request. */
static int ask(unsigned kind, uint32_t id, const void *body, size_t len)
{
	struct control_head head = { .status = 1 };

	CHECK_EQ(control_peer_send(fd, kind, id, body, len), 0);
	do
		CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	while (head.kind == (CONTROL_EVENTS | CONTROL_ANSWER));
	CHECK_EQ(head.kind, kind | CONTROL_ANSWER);
	CHECK_EQ(head.id, id);
	return head.status;
}

static size_t an_offer(uint8_t p[TOPO_OFFER_MAX], uint32_t lower, uint32_t upper)
{
	const struct topo_offer offer = {
		.name = { TYPE, lower, upper }, .scope = TOPO_SCOPE_NODE, .attr_len = 3,
		.attr = (const uint8_t *)"abc",
	};

	return topo_offer_put(p, &offer);
}

static void a_request(uint8_t p[TOPO_REQUEST_LEN], uint32_t lower, uint32_t upper)
{
	const struct topo_request r = {
		.name = { TYPE, 0, 0 }, .timeout_ms = TOPO_TIMEOUT_NONE,
	};

	topo_request_put(p, &r);
	put_le32(p + 8, lower);
	put_le32(p + 12, upper);
}

static void wrong_values_are_refused(void)
{
	uint8_t offer[TOPO_OFFER_MAX + 8], request[TOPO_REQUEST_LEN], id[4];
	size_t len;

	if (!begin())
		return;
	len = an_offer(offer, 2, 3);
	CHECK_EQ(ask(CONTROL_PUBLISH, 5, offer, len), 0);
	CHECK_EQ(ask(CONTROL_PUBLISH, 5, offer, len), -EEXIST);
	put_le32(offer + 8, 4);
	CHECK_EQ(ask(CONTROL_PUBLISH, 6, offer, len), -EINVAL);
	an_offer(offer, 2, 3);
	offer[2] = 2;
	CHECK_EQ(ask(CONTROL_PUBLISH, 6, offer, len), -EPROTONOSUPPORT);
	an_offer(offer, 2, 3);
	offer[16] = 3;
	CHECK_EQ(ask(CONTROL_PUBLISH, 6, offer, len), -EINVAL);
	an_offer(offer, 2, 3);
	put_le32(offer + 4, SINEW_TOPO_LINK);
	CHECK_EQ(ask(CONTROL_PUBLISH, 6, offer, len), -EPERM);
	memset(offer, 0, sizeof offer);
	put_le16(offer, TOPO_OFFER_MAX + 1);
	offer[2] = 1;
	put_le32(offer + 4, TYPE);
	offer[16] = 1;
	put_le32(offer + 20, TOPO_ATTR_MAX + 1);
	CHECK_EQ(ask(CONTROL_PUBLISH, 6, offer, TOPO_OFFER_MAX + 1), -EMSGSIZE);
	put_le32(id, 4711);
	CHECK_EQ(ask(CONTROL_WITHDRAW, 7, id, 4), -ENOENT);
	CHECK_EQ(ask(CONTROL_CANCEL, 8, id, 4), -ENOENT);
	a_request(request, 9, 8);
	CHECK_EQ(ask(CONTROL_SUBSCRIBE, 9, request, sizeof request), -EINVAL);
	a_request(request, 1, 8);
	request[3] = 0x80;
	CHECK_EQ(ask(CONTROL_SUBSCRIBE, 9, request, sizeof request), -EINVAL);
	put_le32(id, 5);
	CHECK_EQ(ask(CONTROL_WITHDRAW, 7, id, 4), 0);
	end();
}

/* A publication is withdrawn by the connection that made it alone. */
static void nobody_withdraws_for_others(void)
{
	uint8_t offer[TOPO_OFFER_MAX], id[4];
	int first, other;

	if (!begin())
		return;
	CHECK_EQ(ask(CONTROL_PUBLISH, 5, offer, an_offer(offer, 2, 3)), 0);
	first = fd;
	other = control_peer_open(control_peer_name(1));
	if (other >= 0) {
		fd = other;
		put_le32(id, 5);
		CHECK_EQ(ask(CONTROL_WITHDRAW, 5, id, 4), -ENOENT);
		close(other);
	}
	fd = first;
	DRIVE_ALL(follower_has(&all, TYPE, 2, 1) == 1);
	end();
}

/* Each is answered with an error, and shut where nothing that follows could be trusted. */
static void cut_requests_are_refused(void)
{
	uint8_t offer[TOPO_OFFER_MAX], request[TOPO_REQUEST_LEN], bytes[CONTROL_HEAD + 400];
	size_t len = an_offer(offer, 1, 1);

	if (!begin())
		return;
	a_request(request, 1, 1);
	for (unsigned kind = CONTROL_SUBSCRIBE; kind <= CONTROL_PUBLISH; kind += 2)
		for (size_t n = 0; n < (kind == CONTROL_PUBLISH ? len : sizeof request); n++) {
			close(fd);
			fd = control_peer_open(control_peer_name(1));
			if (fd < 0)
				return;
			CHECK_EQ(ask(kind, 1, kind == CONTROL_PUBLISH ? offer : request, n),
				 -EBADMSG);
			CHECK(control_peer_is_shut(fd));
		}
	for (size_t n = 1; n < CONTROL_HEAD + 4; n++) {
		struct control_head head = { .size = CONTROL_HEAD + 4, .kind = CONTROL_WITHDRAW };
		struct iovec iov = { bytes, n };

		close(fd);
		fd = control_peer_open(control_peer_name(1));
		if (fd < 0)
			return;
		control_put_head(bytes, &head);
		put_le32(bytes + CONTROL_HEAD, 1);
		CHECK_EQ(packet_send(fd, &iov, 1), 0);
		CHECK(control_peer_is_shut(fd));
	}
	DRIVE_ALL(all.n_current == 1);
	CHECK_EQ(all.n_rows, 1);
	end();
}

static void what_is_no_request_is_refused(void)
{
	const uint8_t version[4] = { 2, 0, 0, 0 };
	static uint8_t big[CONTROL_MAX + 1];
	struct iovec iov = { big, sizeof big };
	struct control_head head = { .kind = CONTROL_ASK };

	if (!begin())
		return;
	for (unsigned kind = 0; kind < 256; kind++) {
		if (kind >= CONTROL_ASK && kind < CONTROL_EVENTS)
			continue;
		CHECK_EQ(control_peer_send(fd, kind, 3, NULL, 0), 0);
		CHECK(control_peer_is_shut(fd));
		close(fd);
		fd = control_peer_open(control_peer_name(1));
		if (fd < 0)
			return;
	}
	/* One byte more than a message has. */
	control_put_head(big, &(struct control_head) { .size = CONTROL_MAX, .kind = CONTROL_ASK });
	put_le32(big, CONTROL_MAX + 1);
	CHECK_EQ(packet_send(fd, &iov, 1), 0);
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	CHECK_EQ(head.status, -EMSGSIZE);
	CHECK(control_peer_is_shut(fd));
	close(fd);
	/* Another version; and a request in place of HELLO. */
	fd = control_peer_connect(control_peer_name(1));
	CHECK_EQ(control_peer_send(fd, CONTROL_HELLO, 1, version, 4), 0);
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	CHECK_EQ(head.status, -EPROTONOSUPPORT);
	CHECK(control_peer_is_shut(fd));
	close(fd);
	fd = control_peer_connect(control_peer_name(1));
	CHECK_EQ(control_peer_send(fd, CONTROL_ASK, 1, "{}", 2), 0);
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	CHECK_EQ(head.status, -EPROTO);
	CHECK(control_peer_is_shut(fd));
	end();
}

static void subscriptions_are_bounded(void)
{
	uint8_t request[TOPO_REQUEST_LEN], id[4];
	unsigned n_good = 0, n_full = 0;

	if (!begin())
		return;
	a_request(request, 1, 1);
	for (uint32_t i = 0; i < 65536; i++) {
		int err = ask(CONTROL_SUBSCRIBE, i, request, sizeof request);

		n_good += !err;
		n_full += err == -ENOSPC;
	}
	/* That of all stands beside them. */
	CHECK_EQ(n_good, TABLE_SUBS - 1);
	CHECK_EQ(n_good + n_full, 65536);
	put_le32(id, 100);
	CHECK_EQ(ask(CONTROL_CANCEL, 1, id, 4), 0);
	CHECK_EQ(ask(CONTROL_SUBSCRIBE, 70000, request, sizeof request), 0);
	end();
}

/* And again when its subscription was cancelled. Others have ids of their own. */
static void an_id_names_one_subscription(void)
{
	uint8_t request[TOPO_REQUEST_LEN], id[4];
	int first, other;

	if (!begin())
		return;
	a_request(request, 0, 9);
	put_le32(id, 21);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(ask(CONTROL_SUBSCRIBE, 21, request, sizeof request), 0);
		CHECK_EQ(ask(CONTROL_SUBSCRIBE, 21, request, sizeof request), -EEXIST);
		if (i == 0)
			CHECK_EQ(ask(CONTROL_CANCEL, 22, id, 4), 0);
	}
	first = fd;
	other = control_peer_open(control_peer_name(1));
	if (other >= 0) {
		fd = other;
		CHECK_EQ(ask(CONTROL_SUBSCRIBE, 21, request, sizeof request), 0);
		close(other);
	}
	fd = first;
	CHECK_EQ(ask(CONTROL_CANCEL, 23, id, 4), 0);
	CHECK_EQ(ask(CONTROL_CANCEL, 24, id, 4), -ENOENT);
	end();
}

/* Of two of the same content the one that is named. */
static void a_cancel_ends_that_one(void)
{
	uint8_t request[TOPO_REQUEST_LEN], id[4], offer[TOPO_OFFER_MAX];
	struct control_head head = { .id = 0 };

	if (!begin())
		return;
	a_request(request, 0, 9);
	CHECK_EQ(ask(CONTROL_SUBSCRIBE, 21, request, sizeof request), 0);
	CHECK_EQ(ask(CONTROL_SUBSCRIBE, 22, request, sizeof request), 0);
	put_le32(id, 21);
	CHECK_EQ(ask(CONTROL_CANCEL, 23, id, 4), 0);
	CHECK_EQ(ask(CONTROL_CANCEL, 24, id, 4), -ENOENT);
	/* Its snapshot may be under way. */
	CHECK_EQ(ask(CONTROL_PUBLISH, 25, offer, an_offer(offer, 3, 3)), 0);
	do
		CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	while (head.kind == (CONTROL_EVENTS | CONTROL_ANSWER) && head.id == 21);
	CHECK_EQ(head.kind, CONTROL_EVENTS | CONTROL_ANSWER);
	CHECK_EQ(head.id, 22);
	end();
}

/* The server has seen all that was there before, by a connection beside it. */
static void await_turn(int other)
{
	struct control_head head;

	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(control_peer_send(other, CONTROL_ASK, 1, "{}", 2), 0);
		CHECK_EQ(control_peer_take(other, buf, &head), 0);
	}
}

/* Reads until the last subscription has an event of that name, each message when the server has
 * filled the room of the one before. Returns the most events that one of the others had until
 * then. */
static unsigned most_before(uint32_t lower, int other)
{
	unsigned n_events[BULK + 2] = { 0 }, most = 0;

	for (;;) {
		struct control_head head = { .id = 0 };
		size_t at = CONTROL_HEAD + CONTROL_NEWEST;
		struct topo_event e;
		int n;

		await_turn(other);
		if (!CHECK_EQ(control_peer_take(fd, buf, &head), 0) || !CHECK(head.id < BULK + 2))
			return UINT32_MAX;
		for (; at < head.size; at += (size_t)n) {
			n = topo_event_parse(buf + at, head.size - at, &e);
			if (!CHECK(n > 0))
				return UINT32_MAX;
			if (e.what != TOPO_PUBLISHED)
				continue;
			if (e.name.lower == lower)
				return most;
			if (++n_events[head.id] > most)
				most = n_events[head.id];
		}
	}
}

/* Of the subscriptions of one program, which reads slowly, none waits until others have told all.
 * They are so many that the socket does not hold a message of each. */
static void subscriptions_take_turns(void)
{
	uint8_t request[TOPO_REQUEST_LEN];
	int other;

	if (!begin())
		return;
	other = control_peer_open(control_peer_name(1));
	for (uint32_t i = 1; i <= BULK; i++) {
		a_request(request, 0, BACKLOG - 1);
		CHECK_EQ(ask(CONTROL_SUBSCRIBE, i, request, sizeof request), 0);
	}
	a_request(request, BACKLOG, BACKLOG);
	CHECK_EQ(ask(CONTROL_SUBSCRIBE, BULK + 1, request, sizeof request), 0);
	for (uint32_t i = 0; i <= BACKLOG; i++)
		while (sinew_topo_publish(topo, TYPE, i, i, SINEW_SCOPE_NODE, "abc", 3, NULL))
			topo_turn(NULL, &topo, 1);
	DRIVE_ALL(follower_has(&all, TYPE, BACKLOG, 1) == 1);
	CHECK(most_before(BACKLOG, other) < BACKLOG);
	close(other);
	end();
}

static void a_long_answer_stops_nobody(void)
{
	struct control_head head;
	size_t got = 0;

	if (!begin())
		return;
	CHECK_EQ(ask(CONTROL_ASK, 1, "{}", 2), 0);
	CHECK_EQ(control_peer_send(fd, CONTROL_ASK, 9, "long", 4), 0);
	/* It reads a piece, and then not for a while, in which others are served. */
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	got += head.size - CONTROL_HEAD;
	CHECK_EQ(head.flags, CONTROL_MORE);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(sinew_topo_publish(topo, TYPE, i, i, SINEW_SCOPE_NODE, NULL, 0, NULL), 0);
		DRIVE_ALL(follower_has(&all, TYPE, i, 1) == 1);
	}
	while (head.flags & CONTROL_MORE) {
		if (!CHECK_EQ(control_peer_take(fd, buf, &head), 0))
			break;
		CHECK_EQ(head.id, 9);
		got += head.size - CONTROL_HEAD;
	}
	CHECK_EQ(got, ANSWER_BYTES);
	CHECK_EQ(ask(CONTROL_ASK, 10, "{}", 2), 0);
	/* One that goes in the middle. */
	CHECK_EQ(control_peer_send(fd, CONTROL_ASK, 11, "long", 4), 0);
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	end();
}

/* One that never reads has the others at full rate, and gets exact events in the end. */
static void one_that_never_reads_stops_nobody(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, UINT32_MAX);
	struct sinew_topo *stopped;
	struct follower slow;
	uint64_t id, last = 0;

	if (!begin())
		return;
	CHECK_EQ(sinew_topo_connect(control_peer_name(1), &stopped), 0);
	follower_begin(&slow, stopped, &f);
	DRIVE_ALONE(&stopped, 1, slow.n_current == 1);
	for (uint32_t i = 0; i < 70000; i++) {
		int err;

		do {
			err = sinew_topo_publish(topo, TYPE, i, i, SINEW_SCOPE_NODE, "0123456789",
						 10, &id);
			if (err)
				topo_turn(NULL, &topo, 1);
		} while (err == -EAGAIN);
		CHECK_EQ(err, 0);
		while (last && sinew_topo_withdraw(topo, last) == -EAGAIN)
			topo_turn(NULL, &topo, 1);
		last = id;
		if (i % 50 == 0)
			CHECK(sinew_topo_dispatch(topo, 0) >= 0);
	}
	DRIVE_ALL(follower_has(&all, TYPE, 69999, 1) == 1 && all.n_rows == 2);
	CHECK_EQ(all.n_collapsed, 0);
	DRIVE_ALONE(&stopped, 1, follower_has(&slow, TYPE, 69999, 1) == 1 && slow.n_rows == 1);
	CHECK_EQ(slow.bad, 0);
	CHECK(slow.n_collapsed > 0);
	CHECK(slow.n_published < 70000);
	follower_end(&slow);
	sinew_topo_close(stopped);
	end();
}

int main(void)
{
	RUN(wrong_values_are_refused);
	RUN(nobody_withdraws_for_others);
	RUN(cut_requests_are_refused);
	RUN(what_is_no_request_is_refused);
	RUN(subscriptions_are_bounded);
	RUN(an_id_names_one_subscription);
	RUN(a_cancel_ends_that_one);
	RUN(subscriptions_take_turns);
	RUN(a_long_answer_stops_nobody);
	RUN(one_that_never_reads_stops_nobody);
	return check_done();
}
