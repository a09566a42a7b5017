/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the other end of a control socket. Knows nothing of what a test wants. */
#include "tests/lib/control_peer.h"

#include "services/packet.h"

const char *control_peer_name(unsigned id)
{
	static char name[64];

	snprintf(name, sizeof name, "sinew/test/%d/%u", (int)getpid(), id);
	return name;
}

static unsigned may_all(void *arg, int fd, const struct ucred *who)
{
	(void)arg;
	(void)fd;
	(void)who;
	return SERVER_READS | SERVER_WRITES;
}

bool control_node_open(struct test_node *t, unsigned id, const struct sinew_topo_options *opt,
		       int (*answer)(void *arg, const char *request, size_t len,
				     const struct ucred *who, unsigned rights, uint32_t peer,
				     char **ret_text))
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct server_gate gate = { .may = may_all, .answer = answer };
	struct sinew_options o;

	memset(t, 0, sizeof *t);
	fast_options(&o, id, &addr);
	o.own_thread = true;
	return node_open(t, &o) && CHECK_EQ(sinew_topo_start(t->n, NULL, opt), 0) &&
		CHECK_EQ(server_listen(server_of(t->n), control_peer_name(id), &gate), 0);
}

bool control_node_begin(struct test_node *t, struct sinew_topo *topos[2], struct follower *all)
{
	struct sinew_topo_filter f = everything();

	return control_node_open(t, 1, NULL, NULL) &&
		CHECK_EQ(sinew_topo_open(t->n, &topos[0]), 0) &&
		CHECK_EQ(sinew_topo_connect(control_peer_name(1), &topos[1]), 0) &&
		follower_begin(all, topos[0], &f);
}

void control_node_end(struct test_node *t, struct sinew_topo *topos[2], struct follower *all)
{
	CHECK_EQ(all->bad, 0);
	follower_end(all);
	sinew_topo_close(topos[0]);
	sinew_topo_close(topos[1]);
	node_free(t);
}

int control_peer_connect(const char *name)
{
	int fd;

	return packet_connect(name, &fd) ? -1 : fd;
}

int control_peer_send(int fd, unsigned kind, uint32_t id, const void *body, size_t len)
{
	const struct control_head head = { .kind = (uint8_t)kind, .id = id };

	return control_send(fd, &head, body, len);
}

int control_peer_take(int fd, uint8_t *buf, struct control_head *ret)
{
	int64_t until = now_ms() + PATIENCE_MS;
	int err;

	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		poll(&p, 1, 100);
		err = control_take(fd, buf, ret);
	} while (err == -EAGAIN && now_ms() < until);
	return err;
}

int control_peer_open(const char *name)
{
	static uint8_t buf[CONTROL_MAX + 1];
	const uint8_t version[] = { 1, 0, 0, 0 };
	struct control_head head;
	int fd = control_peer_connect(name);

	if (!CHECK(fd >= 0))
		return -1;
	if (CHECK_EQ(control_peer_send(fd, CONTROL_HELLO, 1, version, sizeof version), 0) &&
	    CHECK_EQ(control_peer_take(fd, buf, &head), 0) &&
	    CHECK_EQ(head.kind, CONTROL_HELLO | CONTROL_ANSWER) && CHECK_EQ(head.status, 0))
		return fd;
	close(fd);
	return -1;
}

bool control_peer_is_shut(int fd)
{
	static uint8_t buf[CONTROL_MAX + 1];
	struct control_head head;
	int err;

	/* Answers that were sent before come first. */
	do
		err = control_peer_take(fd, buf, &head);
	while (!err);
	return err == -ECONNRESET || err == -EPIPE;
}
