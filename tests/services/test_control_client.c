/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of sinew_control_ask() against servers that lie, break off or say nothing: each has
 * its error, and none makes it wait longer than it may. Knows no node.
 * run.sh: timeout=60
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/control_link.h"
#include "services/packet.h"
#include "services/sinew-control.h"
#include "tests/lib/check.h"

#define LIMIT_MS	20000
#define ANSWER		(CONTROL_ASK | CONTROL_ANSWER)
#define GREETING	(CONTROL_HELLO | CONTROL_ANSWER)
#define FULL		4096u		/* connections, at most, until a backlog is full */

/* The behaviour of the server towards one client, in place of the right one. */
struct lie {
	unsigned hello_kind;
	int hello_status;
	uint32_t hello_version;
	size_t hello_len;
	bool shuts_at_once, shuts_when_asked, says_nothing;
	unsigned kind;
	uint32_t id;
	int status;
	size_t len, n_pieces;		/* of the answer; each piece is full of its letter */
	const char *text;		/* in place of them */
	uint32_t torn;			/* bytes of a message whose head says another size */
};

/* One that is right, to be changed. */
static const struct lie right = {
	.hello_kind = GREETING, .hello_version = CONTROL_VERSION,
	.hello_len = CONTROL_HELLO_ANSWER, .kind = ANSWER, .id = 1, .len = 3, .n_pieces = 2,
};

static char name[64];
static uint8_t heard[CONTROL_MAX + 1];
static struct control_head request;

static int listen_here(void)
{
	int fd = -1;

	snprintf(name, sizeof name, "sinew/client/%d", (int)getpid());
	CHECK_EQ(packet_listen(name, &fd), 0);
	return fd;
}

/* ---- the server ---- */

static bool await(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, LIMIT_MS) == 1;
}

/* False: the client has gone. */
static bool hear(int fd, struct control_head *ret)
{
	return await(fd, POLLIN) && !control_take(fd, heard, ret);
}

static bool say(int fd, const struct control_head *head, const void *body, size_t len)
{
	int err;

	while ((err = control_send(fd, head, body, len)) == -EAGAIN)
		if (!await(fd, POLLOUT))
			return false;
	return !err;
}

static bool say_bytes(int fd, const void *bytes, size_t len)
{
	const struct iovec iov = { (void *)(uintptr_t)bytes, len };

	return !packet_send(fd, &iov, 1);
}

static bool greet(int fd, const struct lie *l)
{
	const struct control_head head = {
		.kind = (uint8_t)l->hello_kind, .status = l->hello_status,
	};
	const struct control_hello hello = { .version = l->hello_version, .nodeid = 1 };
	uint8_t body[CONTROL_HELLO_ANSWER + 1] = { 0 };

	control_put_hello(body, &hello);
	return say(fd, &head, body, l->hello_len);
}

static void answer(int fd, const struct lie *l)
{
	struct control_head head = { .kind = (uint8_t)l->kind, .id = l->id, .status = l->status };
	static uint8_t body[CONTROL_MAX + 1];

	if (l->torn) {
		control_put_head(body, &(struct control_head) { .size = 100, .kind = ANSWER });
		say_bytes(fd, body, l->torn);
		return;
	}
	for (size_t i = 0; i < l->n_pieces; i++) {
		memset(body, 'a' + (int)(i % 26), l->len);
		head.flags = i + 1 < l->n_pieces ? CONTROL_MORE : 0;
		if (!say(fd, &head, l->text ? (const void *)l->text : body, l->len))
			return;
	}
}

struct service {
	int listener;
	const struct lie *lie;
};

static void *serve(void *arg)
{
	const struct service *s = arg;
	const struct lie *l = s->lie;
	struct control_head head;
	int fd = -1;

	if (!await(s->listener, POLLIN) || packet_accept(s->listener, &fd))
		return NULL;
	if (!l->shuts_at_once && hear(fd, &head) && greet(fd, l) && hear(fd, &request)) {
		if (!l->shuts_when_asked && !l->says_nothing)
			answer(fd, l);
		/* Until it goes. */
		if (!l->shuts_when_asked)
			hear(fd, &head);
	}
	close(fd);
	return NULL;
}

/* ---- the client ---- */

/* The result of asking such a server, and what it gave, to be freed. */
static int ask_of(struct lie lie, const char *text, int timeout_ms, char **ret_answer)
{
	struct service s = { .lie = &lie, .listener = listen_here() };
	pthread_t thread;
	int err;

	*ret_answer = NULL;
	memset(&request, 0, sizeof request);
	if (!CHECK_EQ(pthread_create(&thread, NULL, serve, &s), 0))
		return 0;
	err = sinew_control_ask(name, text, timeout_ms, ret_answer);
	pthread_join(thread, NULL);
	close(s.listener);
	return err;
}

static void gives(int err, struct lie lie)
{
	char *text;

	CHECK_EQ(ask_of(lie, "{}", LIMIT_MS, &text), err);
	CHECK_EQ(!text, err != 0);
	sinew_control_free(text);
}

static void pieces_are_one_answer(void)
{
	struct lie lie = right;
	char *text;

	CHECK_EQ(ask_of(lie, "{}", -1, &text), 0);
	CHECK_STR(text, "aaabbb");
	CHECK_EQ(request.kind, CONTROL_ASK);
	CHECK_EQ(request.size, CONTROL_HEAD + 2);
	CHECK_MEM(heard + CONTROL_HEAD, "{}", 2);
	sinew_control_free(text);
	lie.len = 0;
	CHECK_EQ(ask_of(lie, "{}", LIMIT_MS, &text), 0);
	CHECK_STR(text, "");
	sinew_control_free(text);
}

static void long_answers_are_whole(void)
{
	struct lie lie = right;
	size_t n_wrong = 0;
	char *text;

	lie.len = CONTROL_BODY_MAX, lie.n_pieces = 100;
	CHECK_EQ(ask_of(lie, "{}", LIMIT_MS, &text), 0);
	if (CHECK(text != NULL) && CHECK_EQ(strlen(text), lie.len * lie.n_pieces))
		for (size_t i = 0; i < lie.len * lie.n_pieces; i++)
			n_wrong += text[i] != 'a' + (char)(i / lie.len % 26);
	CHECK_EQ(n_wrong, 0);
	sinew_control_free(text);
	/* As long as an answer may be, and longer. */
	lie.n_pieces = (SINEW_CONTROL_ANSWER_MAX - 1) / lie.len;
	gives(0, lie);
	lie.n_pieces += 2;
	gives(-EPROTO, lie);
}

static void answers_that_are_none(void)
{
	struct lie lie = right;

	lie.kind = CONTROL_ASK;
	gives(-EPROTO, lie);
	lie.kind = CONTROL_PUBLISH | CONTROL_ANSWER;
	gives(-EPROTO, lie);
	lie = right, lie.id = 2;
	gives(-EPROTO, lie);
	lie = right, lie.status = 1;
	gives(-EPROTO, lie);
	lie = right, lie.status = -EACCES;
	gives(-EACCES, lie);
	lie = right, lie.text = "a\0b";
	gives(-EPROTO, lie);
	lie = right, lie.torn = 99;
	gives(-EPROTO, lie);
	lie.torn = CONTROL_HEAD - 1;
	gives(-EPROTO, lie);
	lie.torn = CONTROL_MAX + 1;
	gives(-EPROTO, lie);
	lie = right, lie.shuts_when_asked = true;
	gives(-ECONNRESET, lie);
}

static void greetings_that_are_none(void)
{
	struct lie lie = right;

	lie.hello_kind = CONTROL_HELLO;
	gives(-EPROTO, lie);
	lie.hello_kind = ANSWER;
	gives(-EPROTO, lie);
	lie = right, lie.hello_status = -EUSERS;
	gives(-EUSERS, lie);
	lie.hello_status = -4095;
	gives(-4095, lie);
	lie.hello_status = -4096;
	gives(-EPROTO, lie);
	lie.hello_status = 1;
	gives(-EPROTO, lie);
	lie = right, lie.hello_version = CONTROL_VERSION + 1;
	gives(-EPROTO, lie);
	lie = right, lie.hello_len--;
	gives(-EPROTO, lie);
	lie.hello_len += 2;
	gives(-EPROTO, lie);
	lie = right, lie.shuts_at_once = true;
	gives(-ECONNRESET, lie);
}

static void silence_has_a_limit(void)
{
	struct lie lie = right;
	char *text;

	lie.says_nothing = true;
	CHECK_EQ(ask_of(lie, "{}", 50, &text), -ETIMEDOUT);
	CHECK(!text);
}

/* Nobody accepts, and no more may wait. */
static void a_full_backlog_has_a_limit(void)
{
	static int fds[FULL];
	int listener = listen_here(), err = 0;
	char *text = NULL;
	unsigned n = 0;

	while (!err && n < FULL) {
		err = packet_connect(name, &fds[n]);
		n += !err;
	}
	CHECK_EQ(err, -EAGAIN);
	CHECK_EQ(sinew_control_ask(name, "{}", 30, &text), -ETIMEDOUT);
	CHECK_EQ(sinew_control_ask(name, "{}", 0, &text), -ETIMEDOUT);
	CHECK(!text);
	while (n)
		close(fds[--n]);
	close(listener);
}

static void a_request_has_a_limit(void)
{
	static char longest[SINEW_CONTROL_REQUEST_MAX + 2];
	char *text = NULL;

	memset(longest, 'x', sizeof longest - 1);
	CHECK_EQ(sinew_control_ask(name, longest, LIMIT_MS, &text), -EMSGSIZE);
	CHECK_EQ(sinew_control_ask(name, "{}", LIMIT_MS, NULL), -EINVAL);
	CHECK(!text);
	longest[sizeof longest - 2] = '\0';
	CHECK_EQ(ask_of(right, longest, LIMIT_MS, &text), 0);
	CHECK_EQ(request.size, CONTROL_MAX);
	sinew_control_free(text);
}

int main(void)
{
	RUN(pieces_are_one_answer);
	RUN(long_answers_are_whole);
	RUN(answers_that_are_none);
	RUN(greetings_that_are_none);
	RUN(silence_has_a_limit);
	RUN(a_full_backlog_has_a_limit);
	RUN(a_request_has_a_limit);
	return check_done();
}
