/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the node behind a control socket, for the user: one connection, one request, one answer.
 * Knows no JSON.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/service.h"
#include "services/control_link.h"
#include "services/sinew-control.h"

#define ASK_ID		1u
#define BUSY_MS		5	/* until another try, where too many connect at once */
#define ROOM_FIRST	(256u * 1024)

_Static_assert(SINEW_CONTROL_REQUEST_MAX == CONTROL_BODY_MAX, "a request is one message");
_Static_assert(ROOM_FIRST >= CONTROL_MAX && SINEW_CONTROL_ANSWER_MAX >= ROOM_FIRST,
	       "a piece fits");

struct asking {
	int fd;
	uint64_t until_ns;		/* UINT64_MAX: no limit */
	uint8_t *message;		/* CONTROL_MAX + 1 bytes */
	struct control_head head;	/* of it */
	char *answer;
	size_t len, room;
};

/* Waits until that may go on, at most most_ms (negative: no limit). */
static int wait_for(const struct asking *a, short events, int most_ms)
{
	struct pollfd p = { .fd = a->fd, .events = events };
	uint64_t now = service_now(), left_ms = 0;

	assert(a->fd >= 0 || !events);
	if (now >= a->until_ns)
		return -ETIMEDOUT;
	if (a->until_ns != UINT64_MAX) {
		left_ms = (a->until_ns - now + 999999u) / 1000000u;
		if (most_ms < 0 || left_ms < (uint64_t)most_ms)
			most_ms = (int)left_ms;
	}
	return poll(&p, 1, most_ms) < 0 && errno != EINTR ? -errno : 0;
}

static int open_link(struct asking *a, const char *name)
{
	int err;

	assert(a->fd < 0);
	while ((err = control_open(name, &a->fd)) == -EAGAIN) {
		err = wait_for(a, 0, BUSY_MS);
		if (err)
			return err;
	}
	return err;
}

static int send_request(struct asking *a, const char *request, size_t len)
{
	const struct control_head head = {
		.size = (uint32_t)(CONTROL_HEAD + len), .id = ASK_ID, .kind = CONTROL_ASK,
	};
	int err;

	assert(len <= CONTROL_BODY_MAX);
	while ((err = control_send(a->fd, &head, request, len)) == -EAGAIN) {
		err = wait_for(a, POLLOUT, -1);
		if (err)
			return err;
	}
	return err;
}

static int take(struct asking *a, int (*next)(int fd, uint8_t *buf, struct control_head *ret))
{
	int err;

	while ((err = next(a->fd, a->message, &a->head)) == -EAGAIN) {
		err = wait_for(a, POLLIN, -1);
		if (err)
			return err;
	}
	if (err == -EMSGSIZE || err == -EBADMSG)
		return -EPROTO;
	return err;
}

static int greet(struct asking *a)
{
	struct control_hello hello;
	int err = take(a, control_take_hello);

	return err ? err : control_greeted(&a->head, a->message + CONTROL_HEAD, &hello);
}

/* ---- the answer ---- */

/* Room for n more bytes and a NUL. */
static int make_room(struct asking *a, size_t n)
{
	size_t room = a->room ? a->room : ROOM_FIRST;
	char *more;

	assert(n <= CONTROL_BODY_MAX && a->len < (a->room ? a->room : 1));
	if (a->len + n >= SINEW_CONTROL_ANSWER_MAX)
		return -EPROTO;
	while (room <= a->len + n)
		room *= 2;
	if (room == a->room)
		return 0;
	more = malloc(room);
	if (!more)
		return -ENOMEM;
	if (a->len)
		memcpy(more, a->answer, a->len);
	free(a->answer);
	a->answer = more;
	a->room = room;
	return 0;
}

static int take_piece(struct asking *a)
{
	size_t n;
	int err = take(a, control_take);

	if (err)
		return err;
	if (a->head.kind != (CONTROL_ANSWER | CONTROL_ASK) || a->head.id != ASK_ID ||
	    a->head.status > 0)
		return -EPROTO;
	if (a->head.status)
		return a->head.status;
	n = a->head.size - CONTROL_HEAD;
	err = make_room(a, n);
	if (err)
		return err;
	memcpy(a->answer + a->len, a->message + CONTROL_HEAD, n);
	a->len += n;
	assert(a->len < a->room);
	a->answer[a->len] = '\0';
	return 0;
}

static int ask(struct asking *a, const char *name, const char *request, size_t len)
{
	int err = open_link(a, name);

	if (!err)
		err = greet(a);
	if (!err)
		err = send_request(a, request, len);
	do
		err = err ? err : take_piece(a);
	while (!err && (a->head.flags & CONTROL_MORE));
	if (!err && strlen(a->answer) != a->len)
		err = -EPROTO;
	return err == -EPIPE ? -ECONNRESET : err;
}

int sinew_control_ask(const char *name, const char *request, int timeout_ms, char **ret_answer)
{
	struct asking a = { .fd = -1, .until_ns = UINT64_MAX };
	size_t len;
	int err;

	if (!name || !request || !ret_answer)
		return -EINVAL;
	len = strlen(request);
	if (len > SINEW_CONTROL_REQUEST_MAX)
		return -EMSGSIZE;
	if (timeout_ms >= 0)
		a.until_ns = service_now() + (uint64_t)timeout_ms * 1000000u;
	a.message = malloc(CONTROL_MAX + 1);
	if (!a.message)
		return -ENOMEM;
	err = ask(&a, name, request, len);
	if (a.fd >= 0)
		close(a.fd);
	free(a.message);
	if (err) {
		free(a.answer);
		return err;
	}
	*ret_answer = a.answer;
	return 0;
}

void sinew_control_free(char *answer)
{
	free(answer);
}
