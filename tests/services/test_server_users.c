/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the control socket among several users of a machine: none of them keeps others
 * out, and none is taken for the server that he is not. Needs root, to become these users.
 */
#include <sys/wait.h>

#include "services/packet.h"
#include "tests/lib/control_peer.h"

#define TYPE		100u
#define OTHER_USER	65534
#define USERS		70u		/* as many others, who would fill the table, */
#define USERS_FIRST	54400u		/* from this one on, that no machine has */
#define TRIES		100u
#define PLACES		7u		/* for subscriptions */

static struct test_node node;
static struct sinew_topo *topos[2];
static struct follower all;

static bool begin(void)
{
	return control_node_begin(&node, topos, &all);
}

static void end(void)
{
	control_node_end(&node, topos, &all);
}

#define DRIVE_BOTH(cond) DRIVE_ALONE(topos, 2, cond)

/* 200 connections that say nothing, by a user that is neither root nor the program's. */
static void be_silent(const char *name)
{
	int n_open = 0, n_shut = 0, n_refused = 0;
	uint8_t buf[256];
	int fds[200];

	if (setuid(OTHER_USER))
		_exit(2);
	for (unsigned i = 0; i < 200; i++) {
		fds[i] = packet_connect(name, &fds[i]) ? -1 : fds[i];
		n_open += fds[i] >= 0;
	}
	for (unsigned i = 0; i < 200; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		/* The refusal, of all but the first four, then the end. */
		while (fds[i] >= 0 && poll(&p, 1, 10000) == 1 &&
		       packet_take(fds[i], buf, sizeof buf) > 0)
			n_refused++;
		n_shut += fds[i] >= 0 && p.revents & (POLLHUP | POLLIN);
	}
	if (n_shut != n_open || !n_open)
		_exit(3);
	_exit(n_refused >= n_open - 4 ? 0 : 4);
}

static void other_users_cannot_fill_it(void)
{
	const char *name = control_peer_name(1);
	uint64_t id;
	int status = -1;
	pid_t pid;

	if (geteuid())
		SKIP("only root can be another user");
	if (!begin())
		return;
	pid = fork();
	if (pid == 0)
		be_silent(name);
	/* Meanwhile others are served. */
	CHECK_EQ(sinew_topo_publish(topos[1], TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, &id), 0);
	DRIVE_BOTH(follower_has(&all, TYPE, 1, 1) == 1);
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
	end();
}

/* One connection more that stays, by the present user; or why not. */
static int settle(const char *name)
{
	static uint8_t buf[CONTROL_MAX + 1];
	const uint8_t version[] = { 1, 0, 0, 0 };
	int fd, err = -EAGAIN;

	/* The socket may be full of those that wait to be accepted; and a machine that is very busy
	 * may let too much time pass before HELLO. */
	for (unsigned i = 0; i < TRIES && (err == -EAGAIN || err == -ECONNRESET); i++) {
		struct control_head head = { .status = -EAGAIN };

		err = packet_connect(name, &fd);
		if (err) {
			poll(NULL, 0, 10);
			continue;
		}
		control_peer_send(fd, CONTROL_HELLO, 1, version, sizeof version);
		err = control_peer_take(fd, buf, &head);
		if (err == -ECONNRESET)
			err = control_peer_take(fd, buf, &head);
		err = err ? err : head.status;
		if (err)
			close(fd);
	}
	return err;
}

/* Many users, each with as many connections as one may have. Says how many there are, and stays
 * until the other end of the pipe is shut. */
static void be_many(const char *name, int told, int life)
{
	unsigned n_in = 0, n_refused = 0;
	char text[32];

	alarm(60);
	for (unsigned i = 0; i < USERS; i++) {
		if (seteuid(USERS_FIRST + i))
			_exit(2);
		for (unsigned k = 0; k < SERVER_OF_USER; k++) {
			int err = settle(name);

			n_in += !err;
			n_refused += err == -EUSERS;
		}
		if (seteuid(0))
			_exit(3);
	}
	snprintf(text, sizeof text, "%u %u", n_in, n_refused);
	if (write(told, text, sizeof text) != sizeof text || read(life, text, 1))
		_exit(4);
	_exit(0);
}

static void many_users_leave_room_for_root(void)
{
	const char *name = control_peer_name(1);
	struct sinew_topo *of_root[SERVER_OF_OWN] = { NULL };
	int told[2], life[2], status = -1;
	char text[32] = "";
	unsigned n = 0;
	pid_t pid;

	if (geteuid())
		SKIP("only root can be another user");
	CHECK_OR_RETURN(!pipe(told) && !pipe(life));
	if (!begin())
		return;
	pid = fork();
	if (pid == 0) {
		close(told[0]);
		close(life[1]);
		be_many(name, told[1], life[0]);
	}
	close(told[1]);
	CHECK_EQ(read(told[0], text, sizeof text), sizeof text);
	CHECK_STR(text, "128 152");
	/* One is there. */
	while (n < SERVER_OF_OWN - 1 && !sinew_topo_connect(name, &of_root[n]))
		n++;
	CHECK_EQ(n, SERVER_OF_OWN - 1);
	CHECK_EQ(sinew_topo_connect(name, &of_root[n]), -EUSERS);
	while (n)
		sinew_topo_close(of_root[--n]);
	close(life[1]);
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
	close(told[0]);
	close(life[0]);
	end();
}

/* As many subscriptions as are taken, of twice as many as there are places. */
static unsigned subscribe_often(int fd)
{
	static uint8_t buf[CONTROL_MAX + 1], request[TOPO_REQUEST_LEN];
	const struct topo_request r = { .name = { TYPE, 1, 1 }, .timeout_ms = TOPO_TIMEOUT_NONE };
	unsigned n = 0;

	topo_request_put(request, &r);
	for (uint32_t i = 1; i <= 2 * PLACES; i++) {
		struct control_head head = { .kind = CONTROL_EVENTS };

		control_peer_send(fd, CONTROL_SUBSCRIBE, i, request, sizeof request);
		while (!control_peer_take(fd, buf, &head) &&
		       head.kind != (CONTROL_SUBSCRIBE | CONTROL_ANSWER))
			;
		n += head.kind == (CONTROL_SUBSCRIBE | CONTROL_ANSWER) && !head.status;
	}
	return n;
}

/* By two connections; says how many it got, and stays until the other end of the pipe is shut. */
static void be_greedy(const char *name, int told, int life)
{
	uint8_t n;

	alarm(60);
	if (setuid(OTHER_USER))
		_exit(2);
	n = (uint8_t)(subscribe_often(control_peer_open(name)) +
		      subscribe_often(control_peer_open(name)));
	if (write(told, &n, 1) != 1 || read(life, &n, 1))
		_exit(3);
	_exit(0);
}

static void others_leave_half_of_the_subscriptions(void)
{
	const struct sinew_topo_options opt = { .size = sizeof opt, .max_subscriptions = PLACES };
	const char *name = control_peer_name(1);
	int told[2], life[2], fd, status = -1;
	uint8_t n = 0;
	pid_t pid;

	if (geteuid())
		SKIP("only root can be another user");
	CHECK_OR_RETURN(!pipe(told) && !pipe(life) && control_node_open(&node, 1, &opt, NULL));
	for (unsigned round = 0; round < 2; round++) {
		pid = fork();
		if (pid == 0) {
			close(told[0]);
			close(life[1]);
			be_greedy(name, told[1], life[0]);
		}
		CHECK_EQ(read(told[0], &n, 1), 1);
		CHECK_EQ(n, PLACES / 2);
		fd = control_peer_open(name);
		CHECK_EQ(subscribe_often(fd), PLACES - PLACES / 2);
		/* Both go; then the places are free again. */
		close(fd);
		close(life[1]);
		waitpid(pid, &status, 0);
		CHECK_EQ(status, 0);
		close(life[0]);
		CHECK(!pipe(life));
	}
	for (unsigned i = 0; i < 2; i++) {
		close(told[i]);
		close(life[i]);
	}
	node_free(&node);
}

/* Has the name, takes whoever comes, and looks at what is said. */
static void pretend(const char *name, int ready)
{
	uint8_t buf[256];
	int fd, conn;

	if (setuid(OTHER_USER) || packet_listen(name, &fd) || write(ready, "r", 1) != 1)
		_exit(2);
	for (int64_t until = now_ms() + 10000; now_ms() < until;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		poll(&p, 1, 100);
		if (packet_accept(fd, &conn))
			continue;
		/* It is shut, with nothing said. */
		p.fd = conn;
		poll(&p, 1, 10000);
		_exit(packet_take(conn, buf, sizeof buf) == -ECONNRESET ? 0 : 3);
	}
	_exit(4);
}

static void a_server_of_another_user_is_told_nothing(void)
{
	struct sinew_topo *t = NULL;
	int fds[2], status = -1;
	const char *name;
	pid_t pid;
	char r;

	name = control_peer_name(9);
	if (geteuid())
		SKIP("only root can be another user");
	CHECK_OR_RETURN(pipe(fds) == 0);
	pid = fork();
	if (pid == 0)
		pretend(name, fds[1]);
	CHECK_EQ(read(fds[0], &r, 1), 1);
	CHECK_EQ(sinew_topo_connect(name, &t), -EPERM);
	CHECK(!t);
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
	close(fds[0]);
	close(fds[1]);
}

/* Also by one that was connected before, and looks for its server again. */
static void a_server_that_is_another_users_now_is_told_nothing(void)
{
	struct sinew_topo_status st = { .size = sizeof st };
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	int fds[2], status = -1;
	struct follower mine;
	const char *name;
	pid_t pid;
	char r;

	if (geteuid())
		SKIP("only root can be another user");
	CHECK_OR_RETURN(pipe(fds) == 0);
	if (!begin())
		return;
	follower_begin(&mine, topos[1], &f);
	CHECK_EQ(sinew_topo_publish(topos[1], TYPE, 1, 1, SINEW_SCOPE_NODE, "x", 1, NULL), 0);
	DRIVE_BOTH(mine.n_rows == 1);
	follower_end(&all);
	sinew_topo_close(topos[0]);
	node_free(&node);
	name = control_peer_name(1);
	pid = fork();
	if (pid == 0)
		pretend(name, fds[1]);
	CHECK_EQ(read(fds[0], &r, 1), 1);
	for (int64_t until = now_ms() + PATIENCE_MS; now_ms() < until;) {
		sinew_topo_dispatch(topos[1], 50);
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
	}
	CHECK_EQ(status, 0);
	CHECK_EQ(sinew_topo_status(topos[1], &st), 0);
	CHECK(!st.connected);
	CHECK_EQ(mine.bad, 0);
	follower_end(&mine);
	sinew_topo_close(topos[1]);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	RUN(other_users_cannot_fill_it);
	RUN(a_server_of_another_user_is_told_nothing);
	RUN(a_server_that_is_another_users_now_is_told_nothing);
	RUN(many_users_leave_room_for_root);
	RUN(others_leave_half_of_the_subscriptions);
	return check_done();
}
