/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test that descriptors may run out: before a node opens, while others dial in, and
 * while its links break; nothing is lost, nothing spins, and all goes on when there are some
 * again. Knows no system call of the library.
 */
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/lib/cluster.h"

#define CLIENTS		64	/* that dial in while none is left */
#define FILL_MAX	1024
#define NODE_FDS	5	/* what a node with one listener opens */
#define MESSAGES	200
#define WINDOW_MS	500
#define TURNS_MAX	250	/* in that time: more is a loop that spins */
#define LINES_MAX	10	/* of a kind in the log, the others are suppressed */

static struct test_node nodes[2];
static uint64_t expected[2];	/* message numbers */
static unsigned wrong, accept_lines, dial_lines;

/* ---- descriptors ---- */

static int fill[FILL_MAX];
static unsigned n_fill;
static struct rlimit before;

static void limit_to(rlim_t n)
{
	struct rlimit now = { .rlim_cur = n, .rlim_max = before.rlim_max };

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
}

/* Takes all that are left but some. */
static void take_all_but(unsigned left)
{
	while (n_fill < FILL_MAX && (fill[n_fill] = fcntl(0, F_DUPFD_CLOEXEC, 0)) >= 0)
		n_fill++;
	CHECK(n_fill < FILL_MAX && n_fill >= left);
	while (left-- && n_fill)
		close(fill[--n_fill]);
}

static void give_all(void)
{
	while (n_fill)
		close(fill[--n_fill]);
	setrlimit(RLIMIT_NOFILE, &before);
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < FILL_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- nodes ---- */

static void count_lines(void *user, enum sinew_level level, const char *line)
{
	cluster_log(user, level, line);
	accept_lines += strstr(line, "cannot accept a connection: Too many open files") != NULL;
	dial_lines += level <= SINEW_INFO &&
		strstr(line, "Too many open files: no free file descriptor in this process");
}

static void change(struct sinew_options *opt)
{
	opt->log = count_lines;
	opt->stall_ms = opt->hello_ms = opt->connect_ms = 60000;
}

static void check_number(struct test_node *l, struct sinew_session *p,
			 const struct sinew_message *msg)
{
	uint64_t number;

	(void)p;
	memcpy(&number, msg->data, sizeof number);
	wrong += msg->len != sizeof number || number != ++expected[l->id - 1];
}

static bool all_there(uint64_t n)
{
	return expected[0] == n && expected[1] == n;
}

static bool open_pair(void)
{
	memset(nodes, 0, sizeof nodes);
	memset(expected, 0, sizeof expected);
	wrong = accept_lines = dial_lines = 0;
	nodes[0].on_message = nodes[1].on_message = check_number;
	getrlimit(RLIMIT_NOFILE, &before);
	limit_to(512);
	return pair_open(nodes, change) &&
		DRIVE_PAIR(nodes, nodes[0].all.ups && nodes[1].all.ups);
}

static void send_to_each_other(uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n <= to; n++)
		for (unsigned i = 0; i < 2; i++)
			CHECK_EQ(sinew_send(nodes[i].all.session, &n, sizeof n), 0);
}

static void close_pair(void)
{
	give_all();
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(sinew_close(nodes[i].n, 5000), 0);
	DRIVE_PAIR(nodes, nodes[0].closed && nodes[1].closed);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(nodes[i].all.ups, 1);
		CHECK_EQ(nodes[i].all.downs, 1);
		CHECK_EQ(nodes[i].all.reason, SINEW_DOWN_CLOSED);
		node_free(&nodes[i]);
	}
	CHECK_EQ(wrong, 0);
	if (check_state.failures)
		cluster_show_log();
}

/* How often the nodes had something to do in a while. */
static unsigned turns_in_window(void)
{
	int64_t end = now_ms() + WINDOW_MS;
	unsigned turns = 0;

	for (; now_ms() < end; turns++)
		pair_turn(nodes);
	return turns;
}

/* ---- clients: sockets that are there before none is left ---- */

static void make_clients(int fds[CLIENTS])
{
	struct sockaddr_storage from = host_address(2);

	((struct sockaddr_in *)&from)->sin_port = 0;
	for (unsigned i = 0; i < CLIENTS; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		CHECK_EQ(bind(fds[i], (struct sockaddr *)&from, sizeof(struct sockaddr_in)), 0);
	}
}

static void connect_clients(const int fds[CLIENTS])
{
	struct sockaddr_storage to = host_address(1);

	for (unsigned i = 0; i < CLIENTS; i++)
		if (connect(fds[i], (struct sockaddr *)&to, sizeof(struct sockaddr_in)))
			CHECK_EQ(errno, EINPROGRESS);
}

/* How many were ended by the other side. */
static unsigned ended(const int fds[CLIENTS])
{
	unsigned n = 0;
	char byte;

	for (unsigned i = 0; i < CLIENTS; i++) {
		ssize_t got = recv(fds[i], &byte, 1, MSG_PEEK);

		n += got == 0 || (got < 0 && errno != EAGAIN);
	}
	return n;
}

static void close_clients(const int fds[CLIENTS])
{
	for (unsigned i = 0; i < CLIENTS; i++)
		close(fds[i]);
}

/* ---- tests ---- */

static void a_node_that_cannot_open_says_so(void)
{
	struct sockaddr_storage own = host_address(3);
	unsigned fds = count_fds();
	struct sinew_options opt;
	struct test_node l = { 0 };

	getrlimit(RLIMIT_NOFILE, &before);
	limit_to(256);
	fast_options(&opt, 3, &own);
	for (unsigned left = 0; left < NODE_FDS; left++) {
		take_all_but(left);
		CHECK_EQ(sinew_node_new(&opt, NULL, NULL, &l.n), -EMFILE);
		CHECK(!l.n);
		while (n_fill)
			close(fill[--n_fill]);
		CHECK_EQ(count_fds(), fds);
	}
	take_all_but(NODE_FDS);
	CHECK_EQ(sinew_node_new(&opt, NULL, NULL, &l.n), 0);
	sinew_node_free(l.n);
	give_all();
	CHECK_EQ(count_fds(), fds);
}

/* The spare descriptor takes each connection, so that it can be refused. */
static void who_dials_in_is_refused_and_sessions_go_on(void)
{
	uint64_t n = MESSAGES;
	int fds[CLIENTS];

	CHECK_OR_RETURN(open_pair());
	make_clients(fds);
	take_all_but(0);
	connect_clients(fds);
	send_to_each_other(1, n);
	DRIVE_PAIR(nodes, ended(fds) == CLIENTS);
	DRIVE_PAIR(nodes, all_there(n));
	CHECK(accept_lines >= 1 && accept_lines <= LINES_MAX);
	CHECK(turns_in_window() < TURNS_MAX);
	CHECK_EQ(node_status(&nodes[0]).reconnects, 0);
	close_clients(fds);
	close_pair();
}

/* Not even the spare one is of use: the listener rests, and takes them up again later. */
static void without_a_spare_one_the_listener_rests(void)
{
	uint64_t n = MESSAGES;
	unsigned lines;
	int fds[CLIENTS];

	CHECK_OR_RETURN(open_pair());
	make_clients(fds);
	limit_to(3);
	connect_clients(fds);
	send_to_each_other(1, n);
	DRIVE_PAIR(nodes, all_there(n));
	CHECK(turns_in_window() < TURNS_MAX);
	CHECK_EQ(ended(fds), 0);
	CHECK(accept_lines >= 1 && accept_lines <= LINES_MAX);
	lines = accept_lines;
	limit_to(512);
	/* Too many that have said nothing: the oldest are dropped, and none waits for us. */
	CHECK(turns_in_window() < TURNS_MAX);
	CHECK(ended(fds) > 0);
	CHECK_EQ(accept_lines, lines);
	close_clients(fds);
	close_pair();
}

/* A broken link is dialled at once when there are descriptors again, and not before. */
static void a_link_that_breaks_comes_back_later(void)
{
	uint64_t n = MESSAGES;

	CHECK_OR_RETURN(open_pair());
	send_to_each_other(1, n);
	DRIVE_PAIR(nodes, all_there(n));
	CHECK_EQ(sinew_break(nodes[0].n, 2), 0);
	limit_to(3);
	send_to_each_other(n + 1, 2 * n);
	CHECK(turns_in_window() < TURNS_MAX);
	CHECK_EQ(expected[0], n);
	CHECK(dial_lines >= 1 && dial_lines <= 2);	/* once at each end */
	CHECK_EQ(node_status(&nodes[0]).last_error, -EMFILE);
	limit_to(512);
	n *= 2;
	DRIVE_PAIR(nodes, all_there(n));
	CHECK_EQ(node_status(&nodes[0]).reconnects, 1);
	close_pair();
}

int main(void)
{
	RUN(a_node_that_cannot_open_says_so);
	RUN(who_dials_in_is_refused_and_sessions_go_on);
	RUN(without_a_spare_one_the_listener_rests);
	RUN(a_link_that_breaks_comes_back_later);
	return check_done();
}
