/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what must wake a loop, and of the descriptor that a node has in reserve, by
 * what a program sees of them. Knows the public header only.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "tests/lib/cluster.h"

#define KEPT_MAX	64
#define FILL_MAX	256

/* ---- wake-ups ---- */

static struct sinew_kept *kept[KEPT_MAX];
static unsigned n_kept;

static void keep(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	numbers_in_order(t, p, m);
	if (n_kept == KEPT_MAX || sinew_keep(p, m, &kept[n_kept++]))
		t->seen[sinew_session_nodeid(p)].bad++;
}

static void little(struct sinew_options *o)
{
	o->receive_bytes = 16 * 1024;
	o->max_message = 64 * 1024;
	o->queue_bytes = 256 * 1024;
}

static void *release_all(void *arg)
{
	(void)arg;
	while (n_kept)
		sinew_release(kept[--n_kept]);
	return NULL;
}

/* Nothing wakes it now. */
static bool sleeps(struct cluster *c, unsigned id)
{
	struct pollfd fd = { sinew_get_fd(c->t[id].n), POLLIN, 0 };

	cluster_turn(c);
	return poll(&fd, 1, 50) == 0;
}

static void until_asleep(struct cluster *c, unsigned id)
{
	int64_t until = now_ms() + PATIENCE_MS;
	bool asleep;

	while (!(asleep = sleeps(c, id)) && now_ms() < until)
		continue;
	CHECK(asleep);
}

static bool is_woken(struct cluster *c, unsigned id)
{
	struct pollfd fd = { sinew_get_fd(c->t[id].n), POLLIN, 0 };

	return poll(&fd, 1, 1000) == 1;
}

static void a_release_goes_on_with_what_waits(void)
{
	struct cluster *c = cluster_new(2, little);
	struct sinew_status st = { .size = sizeof st };
	pthread_t thread;
	uint8_t buf[4000] = { 0 };

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = keep;
	for (uint64_t n = 1; n <= 12; n++) {
		memcpy(buf, &n, sizeof n);
		CHECK_EQ(sinew_send(c->t[1].seen[2].session, buf, sizeof buf), 0);
	}
	DRIVE(c, sinew_session_status(c->t[2].seen[1].session, &st) == 0 && st.paused);
	until_asleep(c, 2);
	CHECK(c->t[2].seen[1].messages < 12);
	CHECK_OR_RETURN(CHECK_EQ(pthread_create(&thread, NULL, release_all, NULL), 0));
	pthread_join(thread, NULL);
	CHECK(is_woken(c, 2));
	DRIVE(c, ({ release_all(NULL); c->t[2].seen[1].messages == 12; }));
	release_all(NULL);
	cluster_free(c);
}

static void *send_one(void *peer)
{
	uint64_t n = 1;

	sinew_send(peer, &n, sizeof n);
	return NULL;
}

static void a_send_of_another_thread_is_seen(void)
{
	struct cluster *c = cluster_new(2, NULL);
	pthread_t thread;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = numbers_in_order;
	until_asleep(c, 1);
	CHECK_OR_RETURN(CHECK_EQ(pthread_create(&thread, NULL, send_one,
						c->t[1].seen[2].session), 0));
	pthread_join(thread, NULL);
	CHECK(is_woken(c, 1));
	DRIVE(c, c->t[2].seen[1].messages == 1);
	cluster_free(c);
}

/* On the loop's thread the first one is on its way when the call is over. */
static void a_send_of_the_loop_is_written_at_once(void)
{
	struct cluster *c = cluster_new(2, NULL);
	uint64_t n = 1;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = numbers_in_order;
	until_asleep(c, 2);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, &n, sizeof n), 0);
	CHECK(is_woken(c, 2));
	DRIVE(c, c->t[2].seen[1].messages == 1);
	cluster_free(c);
}

/* Two sends to each message: the second is never inside of the first. */
static void answer(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	uint64_t *n = t->arg;

	numbers_in_order(t, p, m);
	for (unsigned i = 0; i < 2 && *n < 2000; i++) {
		++*n;
		if (sinew_send(p, n, sizeof *n))
			t->seen[sinew_session_nodeid(p)].bad++;
	}
}

static void answers_within_a_message_are_in_order(void)
{
	struct cluster *c = cluster_new(2, NULL);
	uint64_t n[2] = { 1, 0 };

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[1].on_message = c->t[2].on_message = answer;
	c->t[1].arg = &n[0];
	c->t[2].arg = &n[1];
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, &n[0], sizeof n[0]), 0);
	DRIVE(c, c->t[1].seen[2].messages == 2000 && c->t[2].seen[1].messages == 2000);
	cluster_free(c);
}

/* ---- the descriptor in reserve ---- */

static int fill[FILL_MAX], n_fill;

static int client(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void dial(int fd, const struct test_node *to)
{
	struct sockaddr_storage from;

	sinew_parse_address("127.0.0.2", 0, &from);
	CHECK_EQ(bind(fd, (struct sockaddr *)&from, sizeof(struct sockaddr_in)), 0);
	CHECK(!connect(fd, (const struct sockaddr *)&to->addr, sizeof(struct sockaddr_in)) ||
	      errno == EINPROGRESS);
}

static bool is_dead(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN);
}

static void limit_to(rlim_t n)
{
	struct rlimit now;

	getrlimit(RLIMIT_NOFILE, &now);
	now.rlim_cur = n;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static void take_all(void)
{
	while (n_fill < FILL_MAX && (fill[n_fill] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n_fill++;
	CHECK(n_fill < FILL_MAX);
}

/* All of ours are ours still. */
static void give_all(void)
{
	while (n_fill)
		CHECK_EQ(close(fill[--n_fill]), 0);
}

static void impatient(struct sinew_options *o)
{
	o->hello_ms = 300;
}

static void each_is_refused_without_descriptors(void)
{
	struct cluster *c = cluster_new(2, impatient);
	struct rlimit was;
	int fd[4];

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	getrlimit(RLIMIT_NOFILE, &was);
	limit_to(128);
	for (unsigned i = 0; i < 4; i++)
		fd[i] = client();
	for (unsigned i = 0; i < 4; i++) {
		take_all();
		dial(fd[i], &c->t[1]);
		DRIVE(c, is_dead(fd[i]));
	}
	give_all();
	/* Not even room for the one in reserve: it is fetched again when there is some. */
	close(fd[0]);
	close(fd[1]);
	fd[0] = client();
	fd[1] = client();
	dial(fd[0], &c->t[1]);
	limit_to(3);
	for (unsigned i = 0; i < 10; i++)
		cluster_turn(c);
	limit_to(128);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	dial(fd[1], &c->t[1]);
	DRIVE(c, is_dead(fd[0]) && is_dead(fd[1]));	/* both were taken, and said nothing */
	close(fd[2]);
	fd[2] = client();
	take_all();
	dial(fd[2], &c->t[1]);
	DRIVE(c, is_dead(fd[2]));
	give_all();
	for (unsigned i = 0; i < 4; i++)
		close(fd[i]);
	setrlimit(RLIMIT_NOFILE, &was);
	CHECK_EQ(c->t[2].seen[1].downs, 0);
	cluster_free(c);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* It is no event, and no error. */
static void a_signal_ends_the_wait(void)
{
	struct sigaction on = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value.tv_usec = 50000 };
	struct cluster *c = cluster_new(1, NULL);
	const int64_t began = now_ms();

	until_asleep(c, 1);
	sigaction(SIGALRM, &on, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	while (!alarms && now_ms() - began < PATIENCE_MS)
		CHECK_EQ(sinew_dispatch(c->t[1].n, PATIENCE_MS), 0);
	CHECK(now_ms() - began < PATIENCE_MS);
	cluster_free(c);
}

int main(void)
{
	RUN(a_release_goes_on_with_what_waits);
	RUN(a_send_of_another_thread_is_seen);
	RUN(a_send_of_the_loop_is_written_at_once);
	RUN(answers_within_a_message_are_in_order);
	RUN(each_is_refused_without_descriptors);
	RUN(a_signal_ends_the_wait);
	return check_done();
}
