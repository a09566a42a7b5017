/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of how nodes end, of threads around them, and of bad input from the application
 * and the net, over loopback. Knows the public header only.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/lib/cluster.h"

/* ---- own thread ---- */

static _Atomic(struct sinew_session *) own_peer;
static _Atomic unsigned own_messages;
static _Atomic bool own_closed;

static void own_up(struct sinew_node *n, struct sinew_session *p, void *user)
{
	(void)n, (void)user;
	atomic_store(&own_peer, sinew_session_ref(p));
}

static void own_message(struct sinew_node *n, struct sinew_session *p,
			const struct sinew_message *m, void *user)
{
	(void)n, (void)user;
	atomic_fetch_add(&own_messages, 1);
	sinew_send(p, m->data, m->len);
}

static void own_down(struct sinew_node *n, void *user)
{
	(void)n, (void)user;
	atomic_store(&own_closed, true);
}

static void own_thread(void)
{
	const struct sinew_callbacks cb = {
		.size = sizeof cb, .session_up = own_up, .message = own_message, .closed = own_down,
	};
	struct cluster *c = cluster_new(1, NULL);
	struct sockaddr_storage addr = free_address("127.0.0.2");
	struct sinew_options o;
	struct sinew_node *n;

	cluster_options(&o, 2, &addr);
	o.own_thread = true;
	CHECK_OR_RETURN(CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), 0));
	CHECK_EQ(sinew_dispatch(n, 0), -EINVAL);
	CHECK_EQ(sinew_get_fd(n), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 1, &c->t[1].addr, 1), 0);
	CHECK_EQ(sinew_peer_add(c->t[1].n, 2, &addr, 1), 0);
	DRIVE(c, c->t[1].seen[2].session && atomic_load(&own_peer));
	for (int i = 0; i < 100; i++)
		CHECK_EQ(sinew_send(c->t[1].seen[2].session, &i, sizeof i), 0);
	DRIVE(c, c->t[1].seen[2].messages == 100);
	CHECK_EQ(atomic_load(&own_messages), 100);
	CHECK_EQ(sinew_close(n, 5000), 0);
	DRIVE(c, c->t[1].seen[2].downs == 1 && atomic_load(&own_closed));
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_CLOSED);
	sinew_node_free(n);
	CHECK_EQ(sinew_send(atomic_load(&own_peer), "x", 1), -ESTALE);
	sinew_session_unref(atomic_load(&own_peer));
	cluster_free(c);
}

/* ---- ends ---- */

/* A program that polls must learn of the end, too. */
static bool is_readable(struct sinew_node *n)
{
	struct pollfd fd = { sinew_get_fd(n), POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

static void close_cleanly(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_report_session r;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "hello", 5), 0);
	CHECK_EQ(sinew_close(c->t[1].n, 5000), 0);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "hello", 5), -ESHUTDOWN);
	CHECK_EQ(sinew_peer_add(c->t[1].n, 3, &c->t[2].addr, 1), -ESHUTDOWN);
	DRIVE(c, c->t[1].closed);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_CLOSED);
	CHECK(is_readable(c->t[1].n));
	CHECK_EQ(sinew_dispatch(c->t[1].n, 0), -ESHUTDOWN);
	CHECK(is_readable(c->t[1].n));
	CHECK_EQ(sinew_close(c->t[1].n, 0), -EALREADY);
	CHECK_EQ(sinew_report(c->t[1].n, &r, 1), 1);
	CHECK_EQ(r.reason, SINEW_DOWN_CLOSED);
	CHECK_STR(r.missing, "");
	DRIVE(c, c->t[2].seen[1].downs == 1);
	CHECK_EQ(c->t[2].seen[1].messages, 1);
	cluster_free(c);
}

static void close_with_a_dead_peer(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_report_session r;
	struct sinew_session *p;
	struct sinew_unsent it = { .size = sizeof it };
	int64_t began, took;
	char buf[8];

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	p = sinew_session_ref(c->t[1].seen[2].session);
	sinew_node_free(c->t[2].n);
	c->t[2].n = NULL;
	DRIVE(c, ({ struct sinew_status st = { .size = sizeof st };
		    sinew_session_status(p, &st) == 0 && !st.link_up; }));
	CHECK_EQ(sinew_send(p, "one", 3), 0);
	CHECK_EQ(sinew_send(p, "three", 5), 0);
	CHECK_EQ(sinew_session_unsent_next(p, &it), -EBUSY);
	began = now_ms();
	CHECK_EQ(sinew_close(c->t[1].n, 300), 0);
	DRIVE(c, c->t[1].closed);
	took = now_ms() - began;
	CHECK(took >= 290 && took < PATIENCE_MS / 4);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_LINGER);
	CHECK_EQ(sinew_report(c->t[1].n, &r, 1), 1);
	CHECK_EQ(r.nodeid, 2);
	CHECK_EQ(r.state, SINEW_FIN_WAIT1);
	CHECK_EQ(r.delivery.acked, 0);
	CHECK_EQ(r.delivery.in_doubt, 0);
	CHECK_EQ(r.delivery.unsent, 2);
	CHECK(r.missing[0] != '\0');
	CHECK_EQ(sinew_session_unsent_copy(p, &it, buf), -EINVAL);
	CHECK_EQ(sinew_session_unsent_next(p, &it), 1);
	CHECK(it.number == 1 && it.len == 3 && !it.in_doubt);
	CHECK_EQ(sinew_session_unsent_copy(p, &it, buf), 0);
	CHECK_MEM(buf, "one", 3);
	CHECK_EQ(sinew_session_unsent_next(p, &it), 1);
	CHECK_EQ(sinew_session_unsent_copy(p, &it, buf), 0);
	CHECK(it.number == 2 && it.len == 5 && memcmp(buf, "three", 5) == 0);
	CHECK_EQ(sinew_session_unsent_next(p, &it), 0);
	CHECK_EQ(sinew_send(p, "x", 1), -ESTALE);
	cluster_free(c);
	/* The memory outlives the node. */
	it = (struct sinew_unsent) { .size = sizeof it };
	CHECK_EQ(sinew_session_unsent_next(p, &it), 1);
	CHECK_EQ(it.len, 3);
	CHECK_EQ(sinew_session_finish(p), -ESTALE);
	sinew_session_unref(p);
}

static void a_new_incarnation(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_session *old;
	struct sinew_options o;
	uint64_t first;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	old = sinew_session_ref(c->t[1].seen[2].session);
	first = sinew_session_incarnation(old);
	sinew_node_free(c->t[2].n);
	memset(&c->t[2].seen, 0, sizeof c->t[2].seen);
	cluster_options(&o, 2, &c->t[2].addr);
	CHECK_OR_RETURN(node_open(&c->t[2], &o));
	CHECK_EQ(sinew_peer_add(c->t[2].n, 1, &c->t[1].addr, 1), 0);
	DRIVE(c, c->t[1].seen[2].ups == 2 && c->t[2].seen[1].ups == 1);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_SUPERSEDED);
	CHECK(sinew_session_incarnation(c->t[1].seen[2].session) != first);
	CHECK_EQ(sinew_send(old, "x", 1), -ESTALE);
	CHECK_EQ(sinew_session_finish(old), -ESTALE);
	CHECK_EQ(sinew_session_abort(old), -ESTALE);
	sinew_session_unref(old);
	cluster_free(c);
}

static void abort_remove_and_self_lost(void)
{
	struct cluster *c = cluster_new(3, NULL);

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 3), 0);
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 3), -ENOENT);
	DRIVE(c, c->t[1].seen[3].downs == 1);
	CHECK_EQ(c->t[1].seen[3].reason, SINEW_DOWN_REMOVED);
	CHECK_EQ(sinew_self_lost(c->t[1].n), 0);
	DRIVE(c, c->t[1].self_losts == 1);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_SELF_LOST);
	DRIVE(c, c->t[1].seen[2].session && c->t[2].seen[1].ups == 2 && c->t[2].seen[1].session);
	CHECK_EQ(sinew_session_abort(c->t[1].seen[2].session), 0);
	DRIVE(c, c->t[1].seen[2].downs == 2);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_ABORTED);
	cluster_free(c);
}

static void ends_well(pid_t pid)
{
	int status = 0;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void in_a_forked_child(void)
{
	struct cluster *c = cluster_new(2, NULL);
	pid_t pid;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	pid = fork();
	if (pid == 0) {
		struct sinew_session *p = c->t[1].seen[2].session;
		struct sinew_slot slot;

		_exit(sinew_send(p, "x", 1) == -ECHILD && sinew_reserve(p, 1, &slot) == -ECHILD &&
		      sinew_dispatch(c->t[1].n, 0) == -ECHILD &&
		      sinew_session_finish(p) == -ECHILD && sinew_close(c->t[1].n, 0) == -ECHILD &&
		      (sinew_node_free(c->t[1].n), 1) ? 0 : 1);
	}
	ends_well(pid);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	cluster_free(c);
}

/* A daemon may have closed them: then the first descriptor of a node is 0. */
static bool works_without_standard_descriptors(void)
{
	struct cluster *c;
	bool good;

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	c = cluster_new(2, NULL);
	good = DRIVE(c, cluster_all_up(c)) && fcntl(0, F_GETFD) >= 0 &&
		!sinew_send(c->t[1].seen[2].session, "x", 1) &&
		DRIVE(c, c->t[2].seen[1].messages == 1);
	cluster_free(c);
	return good && fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
}

static void without_standard_descriptors(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(works_without_standard_descriptors() ? 0 : 1);
	ends_well(pid);
}

/* ---- bad input ---- */

static void bad_options(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1"), foreign;
	struct sinew_node *n = NULL, *first = NULL;
	struct sinew_options o;

	cluster_options(&o, 1, &addr);
	CHECK_OR_RETURN(CHECK_EQ(sinew_node_new(&o, NULL, NULL, &first), 0));
	o.nodeid = 2;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EADDRINUSE);
	CHECK_EQ(sinew_parse_address("192.0.2.77", 0, &foreign), 0);
	o.addrs[0] = foreign;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EADDRNOTAVAIL);
	o.n_addrs = 0;
	o.transport = "carrier pigeon";
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EPROTONOSUPPORT);
	o.transport = NULL;
	o.nodeid = 0;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EINVAL);
	o.nodeid = 0x80000000u;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EINVAL);
	o.nodeid = 2;
	o.node_memory = 1000;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EINVAL);
	o.node_memory = 0;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0);
	CHECK_EQ(sinew_peer_add(n, 2, &addr, 1), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 0, &addr, 1), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 1, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 1, &addr, 1), 0);
	CHECK_EQ(sinew_peer_add(n, 1, &addr, 1), -EEXIST);
	CHECK_EQ(sinew_peer_set_addrs(n, 9, &addr, 1), -ENOENT);
	CHECK_EQ(sinew_peer_joined(n, 1, 77), -EINVAL);
	CHECK_EQ(sinew_break(n, 9), -ENOENT);
	CHECK_EQ(sinew_parse_address("127.0.0.1.2", 0, &foreign), -EINVAL);
	CHECK_EQ(sinew_parse_address("::1%nosuchinterface", 0, &foreign), -EINVAL);
	sinew_node_free(n);
	sinew_node_free(first);
	sinew_node_free(NULL);
}

static void keep_line(void *user, enum sinew_level level, const char *line)
{
	(void)level;
	snprintf(user, 200, "%s", line);
}

/* Nothing would be called, and nobody would know why. */
static void callbacks_need_their_size(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_callbacks cb = { .session_up = own_up, .message = own_message };
	struct sinew_node *n = NULL;
	struct sinew_options o;
	char said[200] = "";

	cluster_options(&o, 1, &addr);
	o.log = keep_line;
	o.log_user = said;
	CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), -EINVAL);
	CHECK(strstr(said, "callbacks.size"));
	cb.size = sizeof(&cb);
	CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), -EINVAL);
	cb.size = offsetof(struct sinew_callbacks, closed);
	CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), -EINVAL);
	CHECK(!n);
	cb.size = sizeof(cb) + 64;
	CHECK_OR_RETURN(CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), 0));
	sinew_node_free(n);
}

static void test_options_need_their_size(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_test_options test = { .first_seq = 1 };
	struct sinew_node *n = NULL;
	struct sinew_options o;
	char said[200] = "";

	cluster_options(&o, 1, &addr);
	o.log = keep_line;
	o.log_user = said;
	o.test = &test;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EINVAL);
	CHECK(!n && strstr(said, "test.size"));
	test.size = sizeof test;
	CHECK_OR_RETURN(CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0));
	sinew_node_free(n);
}

static void any_negative_time_waits(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_node *n = NULL;
	struct sinew_options o;

	cluster_options(&o, 1, &addr);
	CHECK_OR_RETURN(CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0));
	CHECK_EQ(sinew_close(n, 0), 0);
	while (sinew_dispatch(n, -1000) >= 0)
		;
	CHECK_EQ(sinew_dispatch(n, INT_MIN), -ESHUTDOWN);
	sinew_node_free(n);
}

static int connect_from(const char *ip, const struct sockaddr_storage *to)
{
	struct sockaddr_storage from;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	sinew_parse_address(ip, 0, &from);
	if (bind(fd, (struct sockaddr *)&from, sizeof(struct sockaddr_in)) ||
	    (connect(fd, (const struct sockaddr *)to, sizeof(struct sockaddr_in)) &&
	     errno != EINPROGRESS)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool is_dead(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

static void a_stranger(void)
{
	struct cluster *c = cluster_new(2, NULL);
	int fd;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	fd = connect_from("127.0.0.77", &c->t[1].addr);
	CHECK_OR_RETURN(CHECK(fd >= 0));
	DRIVE(c, is_dead(fd));
	close(fd);
	/* A member's address, but no HELLO. */
	fd = connect_from("127.0.0.2", &c->t[1].addr);
	cluster_turn(c);
	CHECK_EQ(send(fd, "GET / HTTP/1.1\r\nHost: cluster\r\n\r\n", 34, MSG_NOSIGNAL), 34);
	DRIVE(c, is_dead(fd));
	close(fd);
	CHECK_EQ(c->t[1].seen[2].downs, 0);
	cluster_free(c);
}

static void silent_connections(void)
{
	struct cluster *c = cluster_new(2, NULL);
	int fds[200], dead = 0;
	uint64_t n = 0;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = numbers_in_order;
	for (int i = 0; i < 200; i++) {
		fds[i] = connect_from("127.0.0.2", &c->t[1].addr);
		n++;
		CHECK_EQ(sinew_send(c->t[1].seen[2].session, &n, sizeof n), 0);
		cluster_turn(c);
	}
	DRIVE(c, c->t[2].seen[1].messages == 200);
	for (int i = 0; i < 200; i++) {
		dead += is_dead(fds[i]);
		close(fds[i]);
	}
	CHECK(dead >= 190);
	CHECK_EQ(c->t[2].seen[1].downs, 0);
	cluster_free(c);
}

static void without_descriptors(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct rlimit was, low;
	int fds[64], n = 0, extra, turns = 0;
	int64_t until;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	getrlimit(RLIMIT_NOFILE, &was);
	extra = connect_from("127.0.0.2", &c->t[1].addr);
	CHECK_OR_RETURN(CHECK(extra >= 0));
	low = was;
	low.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &low);
	while (n < 64 && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	/* Refused at once, and the loop does not spin. */
	DRIVE(c, is_dead(extra));
	until = now_ms() + 200;
	while (now_ms() < until) {
		cluster_turn(c);
		turns++;
	}
	CHECK(turns < 100);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &was);
	close(extra);
	CHECK_EQ(sinew_break(c->t[1].n, 0), 0);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	DRIVE(c, c->t[2].seen[1].messages == 2);
	cluster_free(c);
}

static void over_ipv6(void)
{
	struct cluster *c = calloc(1, sizeof *c);
	struct sinew_options o;

	c->n = 2;
	for (unsigned i = 1; i <= 2; i++) {
		c->t[i].addr = free_address("::1");
		if (c->t[i].addr.ss_family != AF_INET6) {
			free(c);
			SKIP("no IPv6 on loopback");
		}
	}
	for (unsigned i = 1; i <= 2; i++) {
		cluster_options(&o, i, &c->t[i].addr);
		CHECK_OR_RETURN(node_open(&c->t[i], &o));
		CHECK_EQ(sinew_peer_add(c->t[i].n, 3 - i, &c->t[3 - i].addr, 1), 0);
	}
	DRIVE(c, cluster_all_up(c));
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "six", 3), 0);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	cluster_free(c);
}

static void small_rings(struct sinew_options *o)
{
	o->queue_bytes = 256 * 1024;
}

static void sixty_four_nodes(void)
{
	struct cluster *c = cluster_new(64, small_rings);
	int64_t began = now_ms();

	DRIVE(c, cluster_all_up(c));
	printf("# 64 nodes up after %llu ms\n", (unsigned long long)(now_ms() - began));
	cluster_free(c);
}

static _Atomic bool inside;
static _Atomic int from_callback;

static void dispatch_inside(struct test_node *t, struct sinew_session *p,
			    const struct sinew_message *m)
{
	int64_t until = now_ms() + PATIENCE_MS;

	(void)p, (void)m;
	atomic_store(&from_callback, sinew_dispatch(t->n, 0));
	atomic_store(&inside, true);
	while (atomic_load(&inside) && now_ms() < until)
		sched_yield();
}

static void *drive_second(void *arg)
{
	struct cluster *c = arg;

	while (!c->t[2].closed)
		sinew_dispatch(c->t[2].n, 50);
	return NULL;
}

static void two_threads_inside(void)
{
	struct cluster *c = cluster_new(2, NULL);
	int64_t until = now_ms() + PATIENCE_MS;
	pthread_t other;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = dispatch_inside;
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	pthread_create(&other, NULL, drive_second, c);
	while (!atomic_load(&inside) && now_ms() < until)
		sinew_dispatch(c->t[1].n, 5);
	CHECK(atomic_load(&inside));
	CHECK_EQ(atomic_load(&from_callback), -EINVAL);
	CHECK_EQ(sinew_dispatch(c->t[2].n, 0), -EBUSY);
	atomic_store(&inside, false);
	CHECK_EQ(sinew_close(c->t[2].n, 0), 0);
	pthread_join(other, NULL);
	cluster_free(c);
}

int main(void)
{
	RUN(own_thread);
	RUN(close_cleanly);
	RUN(close_with_a_dead_peer);
	RUN(a_new_incarnation);
	RUN(abort_remove_and_self_lost);
	RUN(in_a_forked_child);
	RUN(without_standard_descriptors);
	RUN(bad_options);
	RUN(callbacks_need_their_size);
	RUN(test_options_need_their_size);
	RUN(any_negative_time_waits);
	RUN(a_stranger);
	RUN(silent_connections);
	RUN(without_descriptors);
	RUN(over_ipv6);
	RUN(two_threads_inside);
	RUN(sixty_four_nodes);
	return check_done();
}
