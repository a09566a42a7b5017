/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a node says about a peer that it does not reach: the error in the status,
 * the lines that a person reads at the default level, each once. Places at loopback addresses
 * behave as machines do that are off, hang, refuse. Knows the public header and the wire.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "lowcomms/sinew-manage.h"
#include "tests/lib/adversary.h"
#include "tests/lib/cluster.h"

#define WAIT_MS		10000
#define SAID_MAX	64
#define TAKEN_MAX	256
#define CONNECT_MS	60	/* five of them: then it is said */

static struct test_node nodes[2];
static uint32_t own_id = 1, peer_id = 2;

/* ---- the log ---- */

static char said[SAID_MAX][400];	/* warnings and errors */
static unsigned n_said, n_failures;

static void listen_to(void *user, enum sinew_level level, const char *line)
{
	cluster_log(user, level, line);
	n_failures += level == SINEW_DEBUG && strstr(line, " cannot connect: ") != NULL;
	if (level <= SINEW_WARNING && n_said < SAID_MAX)
		snprintf(said[n_said++], sizeof said[0], "%s", line);
}

static unsigned lines_with(const char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_said; i++)
		n += strstr(said[i], text) != NULL;
	return n;
}

/* ---- the node ---- */

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage sa;

	CHECK_EQ(sinew_parse_address(text, HOST_PORT, &sa), 0);
	return sa;
}

static bool patient;	/* no link may end by its time: this is not about time */

static void short_times(struct sinew_options *o)
{
	o->log = listen_to;
	o->connect_ms = CONNECT_MS;
	if (patient)
		return;
	o->hello_ms = 100;
	o->keepalive_ms = 50;
	o->stall_ms = 300;
}

static bool open_at(const struct sockaddr_storage *own, const struct sockaddr_storage *peer,
		    unsigned n)
{
	struct sinew_options opt;

	n_said = n_failures = 0;
	memset(nodes, 0, sizeof nodes);
	fast_options(&opt, own_id, own);
	short_times(&opt);
	return node_open(&nodes[0], &opt) &&
		CHECK_EQ(sinew_peer_add(nodes[0].n, peer_id, peer, n), 0);
}

/* Host 1; the peer has n addresses from host 2 on. */
static bool open_node(unsigned n)
{
	struct sockaddr_storage own = host_address(1);
	struct sockaddr_storage there[2] = { host_address(2), host_address(3) };

	return open_at(&own, there, n);
}

static int last_error(void)
{
	struct sinew_status st = status_of(&nodes[0], peer_id);

	return st.last_error_ms ? st.last_error : 0;
}

/* ---- the place where the peer should be ---- */

static int place = -1, taken[TAKEN_MAX];
static unsigned n_taken;
static uint8_t greeting[WIRE_CONTROL_MAX];	/* said to whoever connects */
static size_t greeting_len;

static bool place_open(int backlog)
{
	struct sockaddr_storage sa = host_address(2);
	const int on = 1;

	place = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(place, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return CHECK_EQ(bind(place, (struct sockaddr *)&sa, sizeof(struct sockaddr_in)), 0) &&
		CHECK_EQ(listen(place, backlog), 0);
}

static void place_close(void)
{
	while (n_taken)
		close(taken[--n_taken]);
	if (place >= 0)
		close(place);
	place = -1;
}

/* Its queue is full, so that the kernel drops every further SYN. */
static bool place_silent(void)
{
	struct sockaddr_storage to = host_address(2);

	if (!place_open(0))
		return false;
	for (unsigned i = 0; i < 4; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in));
		taken[n_taken++] = fd;
		dialled_poll_fd(fd, POLLOUT, 50);
	}
	return true;
}

static void place_turn(void)
{
	int fd = greeting_len && n_taken < TAKEN_MAX ?
		accept4(place, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;

	if (fd < 0)
		return;
	taken[n_taken++] = fd;
	CHECK_EQ(send(fd, greeting, greeting_len, MSG_NOSIGNAL), greeting_len);
}

/* ---- waits ---- */

static bool has_error(void *err) { return last_error() == *(int *)err; }
static bool has_line(void *text) { return lines_with(text) > 0; }
static bool has_failures(void *n) { return n_failures >= *(unsigned *)n; }
static bool is_up(void *unused) { (void)unused; return nodes[0].all.ups > 0; }

static bool until(bool (*done)(void *arg), void *arg)
{
	int64_t end = now_ms() + time_limit(WAIT_MS);
	struct test_node *const all[2] = { &nodes[0], &nodes[1] };

	while (!done(arg)) {
		if (now_ms() >= end)
			return false;
		nodes_turn(all, 2, NULL, 0, 5);
		place_turn();
	}
	return true;
}

static void drive(int fd, short events, int ms)
{
	struct test_node *const all[2] = { &nodes[0], &nodes[1] };
	struct pollfd p = { .fd = fd, .events = events };

	nodes_turn(all, 2, &p, 1, ms);
}

static void close_all(void)
{
	node_free(&nodes[0]);
	node_free(&nodes[1]);
	place_close();
	greeting_len = 0;
	if (check_state.failures)
		cluster_show_log();
}

/* ---- the last error ---- */

static void ends_with(int err)
{
	if (!CHECK(until(has_error, &err)))
		CHECK_EQ(last_error(), err);
}

static void a_dial_that_nobody_answers(void)
{
	CHECK_OR_RETURN(place_silent() && open_node(1));
	ends_with(-ETIMEDOUT);
	close_all();
}

static void a_connection_without_a_hello(void)
{
	CHECK_OR_RETURN(place_open(64) && open_node(1));
	ends_with(-ETIMEDOUT);
	close_all();
}

static void another_protocol(void)
{
	greeting_len = (size_t)snprintf((char *)greeting, sizeof greeting, "220 mail.example.com "
					"ESMTP, how may we help you today?\r\n");
	CHECK_OR_RETURN(place_open(64) && open_node(1));
	ends_with(-EPROTO);
	close_all();
}

static void refused_as(enum wire_reason reason, int err)
{
	struct refuse r = { .mine = 5, .reason = reason };

	greeting_len = wire_put_refuse(greeting, peer_id, &r);
	CHECK_OR_RETURN(place_open(64) && open_node(1));
	ends_with(err);
	close_all();
}

static void a_refusal_by_the_peer(void)
{
	refused_as(WIRE_REFUSE_CLUSTER, -EACCES);
	refused_as(WIRE_REFUSE_VERSION, -EPROTONOSUPPORT);
	refused_as(WIRE_REFUSE_LEAVING, -ESHUTDOWN);
}

static void a_refusal_of_the_peer(void)
{
	struct hello h;
	struct adversary f;

	adversary_init(&f, peer_id, 5, "another");
	h = adversary_hello_of(&f, 0);
	greeting_len = wire_put_hello(greeting, peer_id, &h);
	CHECK_OR_RETURN(place_open(64) && open_node(1));
	ends_with(-EACCES);
	close_all();
}

/* The peer has dialled and is up. */
static bool adversary_is_up(struct adversary *f, uint64_t incarnation, unsigned host)
{
	struct sockaddr_storage from = host_address(host), to = host_address(1);

	dialled_wait_fd = drive;
	adversary_init(f, peer_id, incarnation, "test");
	return CHECK(adversary_dial(f, &from, &to)) && CHECK(adversary_up(f, time_limit(WAIT_MS)));
}

static void a_link_that_falls_silent(void)
{
	struct adversary f;

	CHECK_OR_RETURN(open_node(1) && adversary_is_up(&f, 5, 2));
	ends_with(-ETIMEDOUT);
	adversary_close(&f);
	close_all();
}

/* The peer closes the connection in order while the session is alive: the link was broken. */
static void a_link_that_ends_in_order(void)
{
	struct adversary f;

	CHECK_OR_RETURN(place_open(64) && open_node(1) && adversary_is_up(&f, 5, 2));
	CHECK_EQ(shutdown(f.conn.fd, SHUT_WR), 0);
	ends_with(-ECONNRESET);
	adversary_close(&f);
	close_all();
}

static void a_violation_on_a_link(void)
{
	static const uint8_t junk[64] = "no frame at all, as anybody can see from its first word";
	struct adversary f;

	CHECK_OR_RETURN(open_node(1) && adversary_is_up(&f, 5, 2));
	CHECK(adversary_put(&f, junk, sizeof junk));
	ends_with(-EPROTO);
	adversary_close(&f);
	close_all();
}

static unsigned n_moves, n_losses;

static void saw_peer(void *arg, uint32_t nodeid)
{
	(void)arg;
	n_moves += nodeid == peer_id;
}

static void saw_link(void *arg, uint32_t nodeid, uint64_t incarnation, bool up)
{
	(void)arg, (void)nodeid, (void)incarnation;
	n_losses += !up;
}

static bool is_on_second(void *unused)
{
	(void)unused;
	return status_of(&nodes[0], peer_id).path == 1;
}

/* The peer dials from its other address, while its link stands. */
static void a_link_on_another_path_is_told(void)
{
	const struct sinew_watch watch = {
		.size = sizeof watch, .peer = saw_peer, .link = saw_link,
	};
	struct sockaddr_storage from = host_address(3), to = host_address(1);
	struct adversary f, g;

	patient = true;
	CHECK_OR_RETURN(open_node(2) && adversary_is_up(&f, 5, 2));
	patient = false;
	CHECK_EQ(sinew_watch(nodes[0].n, &watch, NULL), 0);
	g = adversary_again(&f);
	CHECK(adversary_dial(&g, &from, &to) && adversary_up(&g, time_limit(WAIT_MS)));
	CHECK(until(is_on_second, NULL));
	CHECK_EQ(n_losses, 0);
	CHECK_EQ(n_moves, 1);
	adversary_close(&f);
	adversary_close(&g);
	close_all();
}

/* ---- what is said of an address that is not reached ---- */

static void once_with_its_reason_when_it_changes_and_when_it_ends(void)
{
	struct sockaddr_storage own = host_address(2), other = host_address(1);
	static char silent[] = ": no answer (dropped by a firewall?)";
	static char refused[] = ": Connection refused: no listener at that address";
	static char over[] = "connected to 127.";
	struct sinew_options opt;
	char why[256] = "";
	unsigned more;

	CHECK_OR_RETURN(place_silent() && open_node(1));
	CHECK(until(has_line, silent));
	CHECK_EQ(sinew_last_refusal(nodes[0].n, 2, why, sizeof why), 0);
	CHECK(strstr(why, "cannot connect to 127.") && strstr(why, ":21065: no answer"));
	more = n_failures + 12;
	CHECK(until(has_failures, &more));
	CHECK_EQ(lines_with("cannot connect"), 1);
	place_close();
	CHECK(until(has_line, refused));
	more = n_failures + 50;
	CHECK(until(has_failures, &more));
	CHECK_EQ(lines_with("cannot connect"), 2);
	CHECK_EQ(lines_with(over), 0);
	fast_options(&opt, 2, &own);
	CHECK_OR_RETURN(node_open(&nodes[1], &opt) &&
			CHECK_EQ(sinew_peer_add(nodes[1].n, 1, &other, 1), 0));
	CHECK(until(is_up, NULL));
	CHECK(until(has_line, over));
	CHECK_EQ(lines_with(over), 1);
	CHECK_EQ(n_said, 3);
	close_all();
}

/* A node that is merely started later. */
static void nothing_of_what_does_not_last(void)
{
	struct sockaddr_storage own = host_address(2), other = host_address(1);
	struct sinew_options opt;
	unsigned some = 3;

	CHECK_OR_RETURN(open_node(1));
	CHECK(until(has_failures, &some));
	fast_options(&opt, 2, &own);
	CHECK_OR_RETURN(node_open(&nodes[1], &opt) &&
			CHECK_EQ(sinew_peer_add(nodes[1].n, 1, &other, 1), 0));
	CHECK(until(is_up, NULL));
	CHECK_EQ(n_said, 0);
	close_all();
}

static void an_own_loopback_address_beside_others(void)
{
	struct sockaddr_storage own = host_address(1);
	struct sockaddr_storage there = address("192.0.2.7"), near = host_address(2);
	static char text[] = "is a loopback address: node 2 at 192.0.2.7:21065 cannot reach it";

	CHECK_OR_RETURN(open_at(&own, &there, 1));
	CHECK_EQ(sinew_peer_add(nodes[0].n, 3, &there, 1), 0);
	CHECK(until(has_line, text));
	CHECK_EQ(lines_with("loopback"), 1);
	node_free(&nodes[0]);
	CHECK_OR_RETURN(open_at(&own, &near, 1));
	n_failures = 0;
	CHECK(until(has_failures, &(unsigned){ 1 }));
	CHECK_EQ(lines_with("loopback"), 0);
	close_all();
}

/* ---- who dials us ---- */

/* While we do not run, it dials, says HELLO, waits in vain and ends that, many times. */
static void the_peers_own_dials_of_a_while_are_no_scan(void)
{
	struct sockaddr_storage from = host_address(2), to = host_address(1);
	struct adversary f;

	own_id = 2;
	peer_id = 1;
	CHECK_OR_RETURN(open_node(1));
	dialled_wait_fd = drive;
	adversary_init(&f, peer_id, 5, "test");
	CHECK(adversary_dial(&f, &from, &to) && adversary_ask(&f, WAIT_MS));
	dialled_wait_fd = dialled_poll_fd;
	for (unsigned i = 0; i < 12; i++) {
		adversary_reset(&f);
		CHECK(adversary_dial(&f, &from, &to) && adversary_hello(&f, f.yours));
	}
	dialled_wait_fd = drive;
	CHECK(adversary_ask(&f, WAIT_MS) || adversary_dial(&f, &from, &to));
	CHECK(adversary_hello(&f, f.yours));
	CHECK(until(has_failures, &(unsigned){ 5 }));
	CHECK_EQ(lines_with("too many connections"), 0);
	adversary_close(&f);
	close_all();
	own_id = 1;
	peer_id = 2;
}

static void two_that_take_turns_are_named(void)
{
	static char text[] = "two programs alternate as this node";
	char first[INET_ADDRSTRLEN], second[INET_ADDRSTRLEN];
	struct adversary f;

	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage sa = host_address(2 + i);

		inet_ntop(AF_INET, &((struct sockaddr_in *)&sa)->sin_addr, i ? second : first,
			  INET_ADDRSTRLEN);
	}
	patient = true;
	CHECK_OR_RETURN(open_node(2));
	patient = false;
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(lines_with(text), 0);
		CHECK_OR_RETURN(adversary_is_up(&f, 5 + i, 2 + i % 2));
		adversary_close(&f);
	}
	CHECK(until(has_line, text));
	for (unsigned i = 0; i < n_said; i++)
		if (strstr(said[i], text))
			CHECK(strstr(said[i], first) && strstr(said[i], second));
	close_all();
}

/* ---- what this machine has no more of: in a network of our own ---- */

static bool write_word(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word);

	if (fd >= 0)
		close(fd);
	return good;
}

/* An address on loopback comes, or goes. */
static bool set_address(const char *ip, bool there)
{
	struct ifreq r = { .ifr_name = "lo:1" };
	struct sockaddr_storage sa = address(ip);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	memcpy(&r.ifr_addr, &sa, sizeof r.ifr_addr);
	((struct sockaddr_in *)&r.ifr_addr)->sin_port = 0;
	good = there ? !ioctl(s, SIOCSIFADDR, &r) : true;
	if (!there) {
		r.ifr_flags = 0;
		good = !ioctl(s, SIOCSIFFLAGS, &r);
	}
	close(s);
	return good;
}

static bool own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s;
	bool good;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) && unshare(CLONE_NEWNET))
		return false;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	good = s >= 0 && !ioctl(s, SIOCSIFFLAGS, &lo);
	if (s >= 0)
		close(s);
	return good;
}

static void no_port_is_left(void)
{
	static char text[] = ": Cannot assign requested address: no free local port";
	struct sockaddr_storage from = host_address(1), to = host_address(2);
	struct adversary f;

	dialled_wait_fd = dialled_poll_fd;
	adversary_init(&f, 1, 5, "test");
	CHECK_OR_RETURN(place_open(64) && CHECK(adversary_dial(&f, &from, &to)) && open_node(1));
	CHECK(until(has_line, text));
	CHECK_EQ(last_error(), -EADDRNOTAVAIL);
	adversary_close(&f);
	close_all();
}

static void the_own_address_is_gone(void)
{
	static char text[] = ": Cannot assign requested address: own address removed: "
		"10.99.0.1";
	struct sockaddr_storage own = address("10.99.0.1"), there = host_address(2);

	CHECK_OR_RETURN(CHECK(set_address("10.99.0.1", true)) && open_at(&own, &there, 1));
	CHECK(set_address("10.99.0.1", false));
	CHECK(until(has_line, text));
	CHECK_EQ(last_error(), -EADDRNOTAVAIL);
	close_all();
}

static void no_descriptor_is_left(void)
{
	static char text[] = ": Too many open files: no free file descriptor in this process";
	struct rlimit before, none;

	CHECK_OR_RETURN(open_node(1));
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit) { .rlim_cur = 3, .rlim_max = before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	CHECK(until(has_line, text));
	CHECK_EQ(last_error(), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	close_all();
}

int main(void)
{
	RUN(a_dial_that_nobody_answers);
	RUN(a_connection_without_a_hello);
	RUN(another_protocol);
	RUN(a_refusal_by_the_peer);
	RUN(a_refusal_of_the_peer);
	RUN(a_link_that_falls_silent);
	RUN(a_link_that_ends_in_order);
	RUN(a_violation_on_a_link);
	RUN(a_link_on_another_path_is_told);
	RUN(once_with_its_reason_when_it_changes_and_when_it_ends);
	RUN(nothing_of_what_does_not_last);
	RUN(an_own_loopback_address_beside_others);
	RUN(the_peers_own_dials_of_a_while_are_no_scan);
	RUN(two_that_take_turns_are_named);
	if (!own_network()) {
		printf("ok - what this machine has no more of # SKIP no network of its own\n");
		return check_done();
	}
	RUN(no_descriptor_is_left);
	RUN(the_own_address_is_gone);
	if (CHECK(write_word("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000")))
		RUN(no_port_is_left);
	return check_done();
}
