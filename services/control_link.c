/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control_link.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "proto/wire.h"
#include "services/packet.h"

/* Anybody may take an abstract name. */
static int check_server(int fd)
{
	struct ucred peer;
	int err = packet_peer(fd, &peer);

	if (err)
		return err;
	return peer.uid && peer.uid != geteuid() ? -EPERM : 0;
}

static int say_hello(int fd)
{
	struct control_head head = { .kind = CONTROL_HELLO };
	uint8_t body[CONTROL_HELLO_ASK];

	_Static_assert(sizeof body == sizeof(uint32_t), "the version");
	put_le32(body, CONTROL_VERSION);
	return control_send(fd, &head, body, sizeof body);
}

int control_open(const char *name, int *ret_fd)
{
	int fd, err = packet_connect(name, &fd);

	if (err)
		return err;
	err = check_server(fd);
	if (!err)
		err = say_hello(fd);
	/* One that refuses us has shut it already; its answer is there. */
	if (err && err != -EPIPE && err != -ECONNRESET) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int control_greeted(const struct control_head *head, const uint8_t *body,
		    struct control_hello *ret_hello)
{
	if (head->kind != (CONTROL_HELLO | CONTROL_ANSWER))
		return -EPROTO;
	if (head->status)
		return head->status < 0 && head->status > -4096 ? head->status : -EPROTO;
	if (head->size != CONTROL_HEAD + CONTROL_HELLO_ANSWER || get_le32(body) != CONTROL_VERSION)
		return -EPROTO;
	control_get_hello(body, ret_hello);
	assert(ret_hello->version == CONTROL_VERSION);
	return 0;
}

int control_send(int fd, const struct control_head *head, const void *body, size_t len)
{
	struct control_head full = *head;
	uint8_t bytes[CONTROL_HEAD];
	struct iovec iov[2] = {
		{ bytes, sizeof bytes }, { (void *)(uintptr_t)body, len },
	};

	assert(body || !len);
	if (len > CONTROL_BODY_MAX)
		return -EMSGSIZE;
	full.size = (uint32_t)(CONTROL_HEAD + len);
	control_put_head(bytes, &full);
	return packet_send(fd, iov, len ? 2 : 1);
}

int control_take(int fd, uint8_t *buf, struct control_head *ret_head)
{
	ssize_t n = packet_take(fd, buf, CONTROL_MAX + 1);

	assert(n);
	if (n < 0)
		return (int)n;
	if (n > (ssize_t)CONTROL_MAX)
		return -EMSGSIZE;
	return control_get_head(buf, (size_t)n, ret_head) ? 0 : -EBADMSG;
}

int control_take_hello(int fd, uint8_t *buf, struct control_head *ret_head)
{
	int err = control_take(fd, buf, ret_head);

	return err == -ECONNRESET ? control_take(fd, buf, ret_head) : err;
}
