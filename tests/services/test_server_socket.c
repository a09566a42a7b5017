/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of programs at the control socket: they publish and subscribe, die in each phase,
 * lose their server and get it back, or are let in by nobody.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/lib/control_peer.h"

#define TYPE		100u

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

/* Requests of the program that were not answered. */
static uint32_t pending(void)
{
	struct sinew_topo_status st = { .size = sizeof st };

	CHECK_EQ(sinew_topo_status(topos[1], &st), 0);
	return st.n_pending;
}

static void programs_publish_and_subscribe(void)
{
	struct sinew_topo_status st = { .size = sizeof st };
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	struct follower mine;
	uint64_t id;

	if (!begin())
		return;
	CHECK_EQ(sinew_topo_status(topos[1], &st), 0);
	CHECK(st.connected && st.nodeid == 1 && st.incarnation == sinew_incarnation(node.n));
	follower_begin(&mine, topos[1], &f);
	CHECK_EQ(sinew_topo_publish(topos[1], TYPE, 1, 1, SINEW_SCOPE_CLUSTER, "abc", 3, &id), 0);
	DRIVE_BOTH(follower_has(&all, TYPE, 1, 1) == 1 && mine.n_rows == 1);
	DRIVE_BOTH(pending() == 0);
	CHECK_EQ(sinew_topo_withdraw(topos[1], id), 0);
	CHECK_EQ(pending(), 1);
	DRIVE_BOTH(follower_has(&all, TYPE, 1, 1) == 0 && mine.n_rows == 0);
	DRIVE_BOTH(pending() == 0);
	CHECK_EQ(sinew_topo_withdraw(topos[1], id), -ENOENT);
	CHECK_EQ(sinew_topo_withdraw(topos[1], 4711), -ENOENT);
	CHECK_EQ(sinew_topo_status(topos[1], &st), 0);
	CHECK_EQ(st.n_pending, 0);
	CHECK_EQ(st.n_refused, 0);
	CHECK_EQ(mine.bad, 0);
	follower_end(&mine);
	end();
}

static void nobody_there_is_said(void)
{
	struct sinew_topo *t = NULL;

	CHECK_EQ(sinew_topo_connect("sinew/test/nobody/1", &t), -ECONNREFUSED);
	CHECK_EQ(sinew_topo_connect("", &t), -EINVAL);
	CHECK(!t);
}

static void a_name_is_given_once(void)
{
	const struct server_gate gate = { .may = NULL };
	struct test_node other;
	struct server_gate all_may = { .may = (unsigned (*)(void *, int, const struct ucred *))1 };
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_options o;

	if (!begin())
		return;
	CHECK_EQ(server_listen(server_of(node.n), "sinew/test/second", &gate), -EINVAL);
	CHECK_EQ(server_listen(server_of(node.n), "sinew/test/second", &all_may), -EEXIST);
	memset(&other, 0, sizeof other);
	fast_options(&o, 2, &addr);
	if (node_open(&other, &o)) {
		CHECK_EQ(sinew_topo_start(other.n, NULL, NULL), 0);
		CHECK_EQ(server_listen(server_of(other.n), control_peer_name(1), &all_may),
			 -EADDRINUSE);
	}
	node_free(&other);
	end();
}

/* ---- a client dies ---- */

enum phase { CONNECTED, GREETED, SUBSCRIBED, PUBLISHED, FLOODED, PHASES };

static void live_and_die(enum phase phase, const char *name, int ready)
{
	struct sinew_topo_filter f = everything();
	static struct follower mine;
	struct sinew_topo *t = NULL;

	alarm(60);
	if (phase == CONNECTED ? control_peer_connect(name) < 0 : sinew_topo_connect(name, &t) < 0)
		_exit(1);
	if (phase >= SUBSCRIBED)
		follower_begin(&mine, t, &f);
	for (uint32_t i = 0; phase >= PUBLISHED && i < (phase == FLOODED ? 5000 : 10); i++)
		while (sinew_topo_publish(t, TYPE, i, i, SINEW_SCOPE_NODE, "x", 1, NULL) == -EAGAIN)
			sinew_topo_dispatch(t, phase == FLOODED ? 0 : 10);
	if (write(ready, "r", 1) != 1)
		_exit(1);
	pause();
}

/* The name of the socket is that of its parent. */
static pid_t start_client(enum phase phase, int *ret_fd)
{
	static char name[64];
	int fds[2];
	pid_t pid;

	snprintf(name, sizeof name, "%s", control_peer_name(1));
	if (!CHECK_EQ(pipe(fds), 0))
		return -1;
	pid = fork();
	if (pid == 0) {
		char phase_text[8];

		close(fds[0]);
		snprintf(phase_text, sizeof phase_text, "%d", phase);
		dup2(fds[1], 3);
		execl("/proc/self/exe", "test_server_socket", "client", phase_text, name, NULL);
		_exit(127);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

static void what_a_dead_one_published_goes(void)
{
	for (enum phase phase = CONNECTED; phase < PHASES; phase++) {
		/* The last one reads no answers, so that its requests are not all taken. */
		unsigned n = phase == PUBLISHED ? 10 : phase == FLOODED ? 1000 : 0;
		int ready = -1, status;
		pid_t pid;
		char r;

		if (!begin())
			return;
		pid = start_client(phase, &ready);
		CHECK_EQ(read(ready, &r, 1), 1);
		close(ready);
		DRIVE_BOTH(all.n_published >= n + 1);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		DRIVE_BOTH(all.n_rows == 1);
		CHECK_EQ(all.n_withdrawn, all.n_published - 1);
		CHECK(all.n_withdrawn >= n);
		end();
	}
}

/* ---- the server goes, and comes back ---- */

/* A child of fork() has the descriptors of both ends, until it ends. */
static void a_child_keeps_no_connection_alive(void)
{
	int life[2];
	pid_t pid;
	char end_of_it;

	if (!begin() || !CHECK_EQ(pipe(life), 0))
		return;
	CHECK_EQ(sinew_topo_publish(topos[0], TYPE, 2, 2, SINEW_SCOPE_CLUSTER, NULL, 0, NULL), 0);
	CHECK_EQ(sinew_topo_publish(topos[1], TYPE, 1, 1, SINEW_SCOPE_CLUSTER, NULL, 0, NULL), 0);
	DRIVE_BOTH(follower_has(&all, TYPE, 1, 1) == 1);
	pid = fork();
	if (!pid) {
		close(life[1]);
		_exit(read(life[0], &end_of_it, 1) != 0);
	}
	CHECK(pid > 0);
	sinew_topo_close(topos[1]);
	topos[1] = NULL;
	DRIVE_ALONE(topos, 1, follower_has(&all, TYPE, 1, 1) == 0);
	CHECK_EQ(follower_has(&all, TYPE, 2, 1), 1);
	close(life[0]);
	close(life[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	end();
}

static void a_client_gets_its_server_back(void)
{
	struct sinew_topo_filter f = names_of(TYPE, 0, 100);
	struct sinew_topo_status st = { .size = sizeof st };
	struct follower mine;
	uint64_t ids[10];

	if (!begin())
		return;
	follower_begin(&mine, topos[1], &f);
	for (uint32_t i = 0; i < 10; i++)
		CHECK_EQ(sinew_topo_publish(topos[1], TYPE, i, i, SINEW_SCOPE_NODE, "x", 1,
					    &ids[i]), 0);
	CHECK_EQ(sinew_topo_publish(topos[0], TYPE, 50, 50, SINEW_SCOPE_NODE, "x", 1, NULL), 0);
	DRIVE_BOTH(mine.n_rows == 11);
	follower_end(&all);
	sinew_topo_close(topos[0]);
	node_free(&node);
	DRIVE_ALONE(&topos[1], 1, mine.n_lost == 1);
	CHECK_EQ(sinew_topo_withdraw(topos[1], ids[3]), 0);
	CHECK_EQ(sinew_topo_publish(topos[1], TYPE, 60, 60, SINEW_SCOPE_NODE, "x", 1, NULL), 0);
	if (!control_node_open(&node, 1, NULL, NULL))
		return;
	DRIVE_ALONE(&topos[1], 1, mine.n_current == 2 && mine.n_rows == 10);
	CHECK_EQ(follower_has(&mine, TYPE, 50, 1), 0);
	CHECK_EQ(follower_has(&mine, TYPE, 3, 1), 0);
	CHECK_EQ(follower_has(&mine, TYPE, 60, 1), 1);
	CHECK_EQ(mine.bad, 0);
	CHECK(mine.n_collapsed > 0);
	CHECK_EQ(sinew_topo_status(topos[1], &st), 0);
	CHECK_EQ(st.n_losses, 1);
	CHECK_EQ(st.n_publications, 10);
	follower_end(&mine);
	sinew_topo_close(topos[1]);
	node_free(&node);
}

/* ---- who is let in ---- */

static void silent_ones_are_shut(void)
{
	int64_t began = now_ms();
	int fd;

	if (!begin())
		return;
	fd = control_peer_connect(control_peer_name(1));
	CHECK(fd >= 0);
	CHECK(control_peer_is_shut(fd));
	CHECK(now_ms() - began < 5000);
	close(fd);
	end();
}

static void of_one_user_64_are_let_in(void)
{
	struct sinew_topo *many[64], *one = NULL;
	unsigned n = 0;

	if (!begin())
		return;
	while (n < 63 && !sinew_topo_connect(control_peer_name(1), &many[n]))
		n++;
	CHECK_EQ(n, 63);
	CHECK_EQ(sinew_topo_connect(control_peer_name(1), &one), -EUSERS);
	sinew_topo_close(many[--n]);
	for (unsigned i = 0; i < 1000 && sinew_topo_connect(control_peer_name(1), &one); i++)
		poll(NULL, 0, 1);
	CHECK(one != NULL);
	sinew_topo_close(one);
	while (n)
		sinew_topo_close(many[--n]);
	end();
}

static void a_thousand_connects_hurt_nobody(void)
{
	if (!begin())
		return;
	for (unsigned i = 0; i < 1000; i++) {
		int fd = control_peer_connect(control_peer_name(1));

		if (fd >= 0)
			close(fd);
		if (i % 100 == 0)
			CHECK_EQ(sinew_topo_publish(topos[1], TYPE, i, i, SINEW_SCOPE_NODE, NULL,
						    0, NULL), 0);
	}
	DRIVE_BOTH(all.n_rows == 11);
	end();
}

static int connect_as(int fd, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(name);

	memcpy(addr.sun_path + 1, name, len);
	return connect(fd, (struct sockaddr *)&addr,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len));
}

/* The lines of the node about its control socket. */
static unsigned n_said(const char *text)
{
	struct sinew_error_entry all_of[SINEW_ERRORS_MAX];
	int n = sinew_node_errors(node.n, all_of, SINEW_ERRORS_MAX);
	unsigned n_such = 0;

	for (int i = 0; i < n; i++)
		n_such += strstr(all_of[i].text, "control socket") && strstr(all_of[i].text, text);
	return n_such;
}

/* accept() takes a descriptor before it sees that nobody waits: that of the server may have the
 * last one for a moment. */
static int connect_with_the_last(void)
{
	int64_t until = now_ms() + PATIENCE_MS;
	int fd;

	do
		fd = control_peer_connect(control_peer_name(1));
	while (fd < 0 && now_ms() < until);
	return fd;
}

static void without_descriptors_it_goes_on(void)
{
	struct rlimit was, none;
	struct sinew_topo *t = NULL;
	int fds[3];

	if (!begin())
		return;
	DRIVE_BOTH(all.n_current == 1);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	for (unsigned i = 0; i < 3; i++)
		fds[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	none = was;
	none.rlim_cur = (rlim_t)fds[2] + 1;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(sinew_topo_open(node.n, &t), -EMFILE);
	close(fds[2]);
	/* One for the client, none for the server: it is shut, and shown no more. */
	for (unsigned i = 0; i < 3; i++) {
		fds[2] = connect_with_the_last();
		CHECK(fds[2] >= 0 && control_peer_is_shut(fds[2]));
		CHECK_EQ(n_said("Too many open files; raise the open file limit"), 1);
		if (i < 2)
			close(fds[2]);
	}
	CHECK_EQ(sinew_topo_publish(topos[0], TYPE, 1, 1, SINEW_SCOPE_NODE, NULL, 0, NULL), 0);
	DRIVE_BOTH(follower_has(&all, TYPE, 1, 1) == 1);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	CHECK_EQ(sinew_topo_connect(control_peer_name(1), &t), 0);
	sinew_topo_close(t);
	end();
}

/* Not even the spare one: those that come wait until there are some again. */
static void without_its_spare_one_it_waits(void)
{
	static uint8_t buf[CONTROL_MAX + 1];
	const uint8_t version[] = { 1, 0, 0, 0 };
	struct control_head head = { .status = 1 };
	struct rlimit was, none;
	int fd;

	if (!begin())
		return;
	DRIVE_BOTH(all.n_current == 1);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	none.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(connect_as(fd, control_peer_name(1)), 0);
	/* Behind it in the same turn, or in a later one. */
	for (uint32_t i = 0; i < 10; i++) {
		CHECK_EQ(sinew_topo_publish(topos[1], TYPE, i, i, SINEW_SCOPE_NODE, NULL, 0, NULL),
			 0);
		DRIVE_BOTH(follower_has(&all, TYPE, i, 1) == 1);
	}
	CHECK_EQ(n_said("Too many open files"), 1);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	CHECK_EQ(control_peer_send(fd, CONTROL_HELLO, 1, version, sizeof version), 0);
	CHECK_EQ(control_peer_take(fd, buf, &head), 0);
	CHECK_EQ(head.status, 0);
	close(fd);
	end();
}

int main(int argc, char **argv)
{
	if (argc == 4) {
		live_and_die((enum phase)atoi(argv[2]), argv[3], 3);
		return 1;
	}
	RUN(programs_publish_and_subscribe);
	RUN(nobody_there_is_said);
	RUN(a_name_is_given_once);
	RUN(what_a_dead_one_published_goes);
	RUN(a_child_keeps_no_connection_alive);
	RUN(a_client_gets_its_server_back);
	RUN(silent_ones_are_shut);
	RUN(of_one_user_64_are_let_in);
	RUN(a_thousand_connects_hurt_nobody);
	RUN(without_descriptors_it_goes_on);
	RUN(without_its_spare_one_it_waits);
	return check_done();
}
