/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of nodes of one process over SCTP: messages across resets and restarts, children
 * of fork(); in user land strangers, and packets that are none. Knows the public interface only.
 *
 *	test_sctp		in user land
 *	test_sctp raw		so without UDP: in a network of its own, with the right to that
 *	test_sctp kernel	for a guest of tests/vm/sctp.sh
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lowcomms/crc32c.h"
#include "tests/lib/cluster.h"

#define MESSAGES	50000u

#define UDP_PORT	9899
#define FDS		1024	/* looked through */
#define ENDED_MS	1000	/* an end in order, at most */
#define ENDS		5	/* tries, as other work of the machine counts, too */
#define ASLEEP_MS	200
#define FLOOD_PORTS	200u	/* of UDP, one after another */
#define FLOOD_EACH	100u	/* packets */

static int backend = SINEW_SCTP_USER, encap = SINEW_SCTP_ENCAP_UDP;
static unsigned n_messages = MESSAGES;

static void over_sctp(struct sinew_options *o)
{
	o->transport = "sctp";
	o->sctp_backend = backend;
	o->sctp_encap = encap;
	o->backoff_min_ms = 1;
	o->backoff_max_ms = 20;
}

static bool is_built_in(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	static struct test_node t;
	struct sinew_options o;
	bool built_in;

	fast_options(&o, 1, &addr);
	over_sctp(&o);
	built_in = node_open(&t, &o);
	if (built_in)
		node_free(&t);
	return built_in;
}

static void messages_go_both_ways(void)
{
	struct cluster *c = cluster_new(2, over_sctp);

	cluster_talk(c, 2000, 250);
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	DRIVE(c, cluster_talked(c) >= n_messages);
	cluster_is_whole(c, 0);
	cluster_free(c);
}

/* Twenty resets, and nothing is lost or comes twice. */
static void resets_lose_nothing(void)
{
	struct cluster *c = cluster_new(2, over_sctp);

	cluster_talk(c, 2000, 250);
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	for (unsigned i = 1; i <= 20; i++) {
		CHECK_EQ(sinew_break(c->t[1 + i % 2].n, 0), 0);
		DRIVE(c, cluster_talked(c) >= i * n_messages / 50);
	}
	cluster_is_whole(c, 0);
	cluster_free(c);
}

/* The old association is answered by nobody who knows it. */
static void a_peer_that_is_started_again_is_found(void)
{
	struct sockaddr_storage addr = host_address(2), other = host_address(1);
	static struct test_node t[2];
	struct sinew_options o;

	CHECK_OR_RETURN(pair_open(t, over_sctp));
	DRIVE_PAIR(t, t[0].seen[2].session && t[1].seen[1].session);
	for (unsigned i = 0; i < 3; i++) {
		unsigned ups = t[0].seen[2].ups;

		node_free(&t[1]);
		t[1] = (struct test_node) { 0 };
		fast_options(&o, 2, &addr);
		over_sctp(&o);
		CHECK_OR_RETURN(node_open(&t[1], &o));
		CHECK_EQ(sinew_peer_add(t[1].n, 1, &other, 1), 0);
		DRIVE_PAIR(t, t[0].seen[2].ups > ups && t[1].seen[1].session);
	}
	node_free(&t[0]);
	node_free(&t[1]);
}

/* How long it took, in ms. */
static int64_t end_in_order(void)
{
	struct cluster *c = cluster_new(2, over_sctp);
	int64_t took = INT64_MAX;

	if (CHECK(DRIVE(c, cluster_all_up(c)))) {
		CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
		took = now_ms();
		CHECK_EQ(sinew_close(c->t[1].n, PATIENCE_MS), 0);
		CHECK_EQ(sinew_close(c->t[2].n, PATIENCE_MS), 0);
		DRIVE(c, c->t[1].closed && c->t[2].closed);
		took = now_ms() - took;
		CHECK_EQ(c->t[2].seen[1].messages, 1);
		CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_CLOSED);
		CHECK_EQ(c->t[2].seen[1].reason, SINEW_DOWN_CLOSED);
	}
	cluster_free(c);
	return took;
}

/* Within a second, where the machine has one for us. */
static void an_orderly_end_is_seen_by_both(void)
{
	int64_t quickest = INT64_MAX;

	for (unsigned i = 0; i < ENDS && quickest >= ENDED_MS; i++) {
		int64_t took = end_in_order();

		if (took < quickest)
			quickest = took;
	}
	CHECK(quickest < ENDED_MS);
}

static int udp_at(const struct sockaddr_storage *addr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)addr, sizeof(struct sockaddr_in))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sockets of UDP in this process on that address; NULL: on any. */
static unsigned count_udp(const struct sockaddr_storage *at, bool connected)
{
	struct sockaddr_storage own, other;
	unsigned n = 0;

	for (int fd = 0; fd < FDS; fd++) {
		socklen_t len = sizeof own, other_len = sizeof other, type_len = sizeof(int);
		int type;

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) || type != SOCK_DGRAM ||
		    getsockname(fd, (struct sockaddr *)&own, &len) ||
		    (at && memcmp(&own, at, sizeof(struct sockaddr_in)) != 0))
			continue;
		n += !connected || !getpeername(fd, (struct sockaddr *)&other, &other_len);
	}
	return n;
}

/* Which needs a second one on the address, and lets nobody else have it. */
static void each_peer_has_a_socket(void)
{
	struct cluster *c = cluster_new(3, over_sctp);
	const struct sockaddr_storage addr = c->t[1].addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	cluster_talk(c, 10, 100);
	CHECK_OR_RETURN(fd >= 0 && DRIVE(c, cluster_all_up(c)));
	CHECK_EQ(count_udp(&addr, true), 2);
	CHECK_EQ(count_udp(&addr, false), 3);
	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
	CHECK_EQ(bind(fd, (const struct sockaddr *)&addr, sizeof(struct sockaddr_in)), -1);
	CHECK_EQ(errno, EADDRINUSE);
	DRIVE(c, cluster_talked(c) >= 1000);
	cluster_is_whole(c, 0);
	cluster_free(c);
	CHECK_EQ(bind(fd, (const struct sockaddr *)&addr, sizeof(struct sockaddr_in)), 0);
	CHECK_EQ(count_udp(&addr, false), 1);
	close(fd);
}

static void over_one_port(struct sinew_options *o)
{
	over_sctp(o);
	o->sctp_udp_port = UDP_PORT;
}

/* As towards kernels; the port of each address is that of SCTP. */
static void one_port_of_udp_carries_all(void)
{
	struct sockaddr_storage addr = host_address(1);
	static struct test_node t[2], second;
	struct sinew_options o;
	int fd;

	CHECK_OR_RETURN(pair_open(t, over_one_port));
	DRIVE_PAIR(t, t[0].seen[2].session && t[1].seen[1].session);
	CHECK_EQ(sinew_send(t[0].seen[2].session, "x", 1), 0);
	DRIVE_PAIR(t, t[1].seen[1].messages == 1);
	/* The address has the port of SCTP, not that of UDP. */
	fd = udp_at(&addr);
	CHECK(fd >= 0);
	close(fd);
	fast_options(&o, 3, &addr);
	over_one_port(&o);
	((struct sockaddr_in *)&o.addrs[0])->sin_port++;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &second.n), -EADDRINUSE);
	node_free(&t[0]);
	node_free(&t[1]);
}

/* The signals that a thread of this process has blocked. */
static bool is_blocked(const char *tid, uint64_t *ret_signals)
{
	char path[64], line[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%.20s/status", tid);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof line, f))
		found = sscanf(line, "SigBlk: %" SCNx64, ret_signals) == 1;
	if (f)
		fclose(f);
	return found;
}

/* They are the application's: the thread of the stack takes none. */
static void its_thread_takes_no_signal(void)
{
	const uint64_t some = 1u << (SIGINT - 1) | 1u << (SIGTERM - 1) | 1u << (SIGCHLD - 1) |
			      1u << (SIGALRM - 1) | 1u << (SIGUSR1 - 1);
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	unsigned n_others = 0;
	uint64_t blocked;

	CHECK_OR_RETURN(tasks);
	while ((task = readdir(tasks))) {
		if (task->d_name[0] == '.')
			continue;
		blocked = 0;
		CHECK(is_blocked(task->d_name, &blocked));
		if (atoi(task->d_name) == getpid())
			continue;
		CHECK_EQ(blocked & some, some);
		n_others++;
	}
	closedir(tasks);
	CHECK(n_others >= 1);
}

/* For longer than the slowest tick of the stack takes. */
static bool sleeps(struct sinew_node *n)
{
	struct pollfd fd = { sinew_get_fd(n), POLLIN, 0 };

	CHECK(sinew_dispatch(n, 0) >= 0);
	return poll(&fd, 1, ASLEEP_MS) == 0;
}

/* The stack needs ticks only for associations. */
static void without_an_association_it_sleeps(void)
{
	int64_t until = now_ms() + PATIENCE_MS;
	static struct test_node t[2];
	bool asleep = false;

	CHECK_OR_RETURN(pair_open(t, over_sctp));
	DRIVE_PAIR(t, t[0].seen[2].session && t[1].seen[1].session);
	CHECK(!sleeps(t[0].n));
	node_free(&t[1]);
	CHECK_EQ(sinew_peer_remove(t[0].n, 2), 0);
	while (!asleep && now_ms() < until)
		asleep = sleeps(t[0].n);
	CHECK(asleep);
	node_free(&t[0]);
}

static bool has_answer(int fd)
{
	uint8_t buf[2048];

	return recv(fd, buf, sizeof buf, MSG_PEEK) > 0;
}

/* Of one to an INIT, which has the tag of that. */
static uint8_t first_of_tag(int fd)
{
	uint8_t buf[2048] = { 0 };

	return recv(fd, buf, sizeof buf, MSG_PEEK) > 0 ? buf[4] : 0;
}

/* An INIT as of a node there. */
static size_t put_init(uint8_t buf[32], uint16_t port)
{
	const uint8_t init[32] = {
		0x99, 0x99, (uint8_t)(port >> 8), (uint8_t)port, 0, 0, 0, 0, 0, 0, 0, 0,
		1, 0, 0, 20, 1, 2, 3, 4, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1,
	};
	uint32_t crc;

	memcpy(buf, init, sizeof init);
	crc = crc32c(buf, sizeof init);
	for (unsigned i = 0; i < 4; i++)
		buf[8 + i] = (uint8_t)(crc >> 8 * i);
	return sizeof init;
}

/* It answers the address of a peer, so that it had both packets: a stranger gets nothing. */
static void strangers_get_no_answer(void)
{
	struct sockaddr_storage near = free_address("127.0.0.1"), far = free_address("127.0.0.9");
	struct cluster *c = cluster_new(2, over_sctp);
	const struct sockaddr *to = (const struct sockaddr *)&c->t[2].addr;
	uint8_t init[32], noise[1400];
	uint16_t port = ntohs(((struct sockaddr_in *)&c->t[2].addr)->sin_port);
	uint64_t talked;
	int known, stranger;

	cluster_talk(c, 10, 100);
	memcpy(&((struct sockaddr_in *)&near)->sin_addr,
	       &((struct sockaddr_in *)&c->t[1].addr)->sin_addr, 4);
	known = udp_at(&near);
	stranger = udp_at(&far);
	CHECK_OR_RETURN(known >= 0 && stranger >= 0 && DRIVE(c, cluster_all_up(c)));
	put_init(init, port);
	CHECK_EQ(sendto(stranger, init, sizeof init, 0, to, sizeof(struct sockaddr_in)), 32);
	/* One that was damaged on its way is none. */
	init[16] = 77;
	CHECK_EQ(sendto(known, init, sizeof init, 0, to, sizeof(struct sockaddr_in)), 32);
	put_init(init, port);
	CHECK_EQ(sendto(known, init, sizeof init, 0, to, sizeof(struct sockaddr_in)), 32);
	DRIVE(c, has_answer(known));
	CHECK_EQ(first_of_tag(known), 1);
	CHECK(!has_answer(stranger));
	/* And bytes of any kind do no harm. */
	srand(4711);
	for (unsigned i = 0; i < 3000; i++) {
		size_t n = 1 + (size_t)rand() % sizeof noise;

		for (size_t k = 0; k < n; k++)
			noise[k] = (uint8_t)rand();
		if (n > sizeof init && i % 2)
			put_init(noise, port);
		sendto(i % 3 ? known : stranger, noise, n, 0, to, sizeof(struct sockaddr_in));
		cluster_turn(c);
	}
	talked = cluster_talked(c);
	DRIVE(c, cluster_talked(c) >= talked + 1000);
	cluster_is_whole(c, 0);
	close(known);
	close(stranger);
	cluster_free(c);
}

/* One of those that a host without an association may send, or forge: INIT, ABORT, SHUTDOWN and
 * COOKIE ECHO, from many ports and with many tags. */
static void put_flood(uint8_t buf[32], uint16_t port, unsigned i)
{
	static const uint8_t kinds[] = { 1, 6, 7, 10 };
	uint32_t crc;

	put_init(buf, port);
	memcpy(buf, &i, 2);
	buf[12] = kinds[i % sizeof kinds];
	if (i % sizeof kinds)
		memcpy(buf + 4, &i, sizeof i);
	else
		memcpy(buf + 16, &i, sizeof i);
	memset(buf + 8, 0, 4);
	crc = crc32c(buf, 32);
	for (unsigned k = 0; k < 4; k++)
		buf[8 + k] = (uint8_t)(crc >> 8 * k);
}

/* By the host of a peer, whose packets the stack looks at, from one port of UDP after another. */
static void a_flood_leaves_nothing_behind(void)
{
	struct cluster *c = cluster_new(2, over_sctp);
	const struct sockaddr *to = (const struct sockaddr *)&c->t[2].addr;
	uint16_t port = ntohs(((struct sockaddr_in *)&c->t[2].addr)->sin_port);
	struct sockaddr_storage near = c->t[1].addr;
	unsigned n_fds, n_sent = 0;
	uint64_t talked;
	uint8_t packet[32];

	cluster_talk(c, 10, 100);
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	n_fds = n_descriptors();
	((struct sockaddr_in *)&near)->sin_port = 0;
	for (unsigned i = 0; i < FLOOD_PORTS; i++) {
		int fd = udp_at(&near);

		CHECK_OR_RETURN(fd >= 0);
		for (unsigned k = 0; k < FLOOD_EACH; k++) {
			put_flood(packet, port, i * FLOOD_EACH + k);
			n_sent += sendto(fd, packet, sizeof packet, 0, to,
					 sizeof(struct sockaddr_in)) == sizeof packet;
			if (k % 16 == 15)
				cluster_turn(c);
		}
		/* They reach the stack: it answers INITs. */
		if (!i)
			DRIVE(c, has_answer(fd));
		close(fd);
	}
	talked = cluster_talked(c);
	DRIVE(c, cluster_talked(c) >= talked + 1000);
	CHECK(n_sent > FLOOD_PORTS * FLOOD_EACH / 2);
	CHECK_EQ(n_descriptors(), n_fds);
	CHECK_EQ(c->t[1].seen[2].ups, 1);
	cluster_is_whole(c, 0);
	cluster_free(c);
}

/* In user land the stack is the parent's, and with it what its peers know. */
static int be_child(struct cluster *c)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_node *n = NULL;
	struct sinew_options o;
	int err;

	fast_options(&o, 3, &addr);
	over_sctp(&o);
	err = sinew_node_new(&o, NULL, NULL, &n);
	sinew_node_free(n);
	sinew_node_free(c->t[1].n);
	sinew_node_free(c->t[2].n);
	return err == (backend == SINEW_SCTP_USER ? -ECHILD : 0) && !count_udp(NULL, false) ? 0 : 1;
}

static void a_child_disturbs_nothing(void)
{
	struct cluster *c = cluster_new(2, over_sctp);
	uint64_t talked;
	int status = 0;
	pid_t child;

	cluster_talk(c, 10, 100);
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	child = fork();
	CHECK_OR_RETURN(child >= 0);
	if (!child)
		_exit(be_child(c));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	talked = cluster_talked(c);
	DRIVE(c, cluster_talked(c) >= talked + 1000);
	CHECK_EQ(c->t[1].seen[2].ups, 1);
	cluster_is_whole(c, 0);
	cluster_free(c);
}

/* A guest has a processor that is played by a program. */
static void take_kernel(void)
{
	backend = SINEW_SCTP_KERNEL;
	n_messages = MESSAGES / 10;
}

static bool is_argument(int argc, char **argv, const char *word)
{
	return argc > 1 && strcmp(argv[1], word) == 0;
}

int main(int argc, char **argv)
{
	if (is_argument(argc, argv, "raw")) {
		encap = SINEW_SCTP_ENCAP_NONE;
	} else if (is_argument(argc, argv, "kernel")) {
		take_kernel();
	} else if (!is_built_in()) {
		printf("ok - sctp_user # SKIP this build has no libusrsctp\n");
		return 0;
	}
	RUN(messages_go_both_ways);
	if (backend == SINEW_SCTP_USER)
		RUN(its_thread_takes_no_signal);
	RUN(resets_lose_nothing);
	RUN(a_peer_that_is_started_again_is_found);
	RUN(an_orderly_end_is_seen_by_both);
	if (backend == SINEW_SCTP_USER)
		RUN(without_an_association_it_sleeps);
	if (backend == SINEW_SCTP_USER && encap == SINEW_SCTP_ENCAP_UDP) {
		RUN(each_peer_has_a_socket);
		RUN(one_port_of_udp_carries_all);
		RUN(strangers_get_no_answer);
		RUN(a_flood_leaves_nothing_behind);
	}
	RUN(a_child_disturbs_nothing);
	return check_done();
}
