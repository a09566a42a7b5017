/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the calls that wait: sinew_send_wait() for room, sinew_node_join() for the
 * end of a node's thread, and what ends their wait. Knows the public header only.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "tests/lib/cluster.h"

#define BODY		1000u
#define SENDERS		4u
#define EACH		3000u	/* messages of a sender: ten times what the queue holds */

static const uint8_t body[BODY];

static void little(struct sinew_options *o)
{
	o->receive_bytes = 16 * 1024;
	o->max_message = 64 * 1024;
	o->queue_bytes = 256 * 1024;
}

/* Memory for two queues that are full. */
static void poor(struct sinew_options *o)
{
	o->queue_bytes = 512 * 1024;
	o->node_memory = 1024 * 1024;
	o->max_message = 1000;
}

/* ---- a thread that waits ---- */

struct waiting {
	struct sinew_session *session;
	int timeout_ms, err;
	uint64_t number;
	pthread_t thread;
	_Atomic long tid;
	_Atomic bool done;
};

static void *wait_for_room(void *arg)
{
	struct waiting *w = arg;

	atomic_store(&w->tid, syscall(SYS_gettid));
	w->err = sinew_send_wait(w->session, body, BODY, w->timeout_ms, &w->number);
	atomic_store(&w->done, true);
	return NULL;
}

/* Whether the system has put that thread to sleep. */
static bool sleeps(long tid)
{
	char path[64], line[300], *state = NULL;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof line, f))
		state = strrchr(line, ')');
	if (f)
		fclose(f);
	return state && state[2] == 'S';
}

static void begin(struct waiting *w, struct sinew_session *session, int timeout_ms)
{
	int64_t until = now_ms() + PATIENCE_MS;

	*w = (struct waiting) { .session = session, .timeout_ms = timeout_ms, .err = 1 };
	CHECK_EQ(pthread_create(&w->thread, NULL, wait_for_room, w), 0);
	while (!atomic_load(&w->done) && now_ms() < until)
		if (atomic_load(&w->tid) && sleeps(atomic_load(&w->tid)))
			break;
	CHECK(timeout_ms >= 0 || !atomic_load(&w->done));
}

static int end(struct cluster *c, struct waiting *w)
{
	DRIVE(c, atomic_load(&w->done));
	pthread_join(w->thread, NULL);
	return w->err;
}

/* Without quorum nothing is sent: what was queued stays. How many were. */
static uint64_t fill(struct cluster *c, unsigned to)
{
	uint64_t n = 0;
	int err;

	CHECK_EQ(sinew_quorum(c->t[1].n, false), 0);
	cluster_turn(c);
	while (!(err = sinew_send(c->t[1].seen[to].session, body, BODY)))
		n++;
	CHECK_EQ(err, -EAGAIN);
	return n;
}

/* ---- for room ---- */

static void a_send_waits_until_there_is_room(void)
{
	struct cluster *c = cluster_new(2, little);
	struct waiting w, second;
	uint64_t n;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	n = fill(c, 2);
	begin(&w, c->t[1].seen[2].session, -1);
	begin(&second, c->t[1].seen[2].session, PATIENCE_MS);
	CHECK_EQ(sinew_quorum(c->t[1].n, true), 0);
	CHECK_EQ(end(c, &w), 0);
	CHECK_EQ(end(c, &second), 0);
	CHECK_EQ(w.number + second.number, 2 * n + 3);
	DRIVE(c, c->t[2].seen[1].messages == n + 2);
	/* A sender that did not wait is told as ever. */
	DRIVE(c, c->t[1].seen[2].writables > 0);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, body, BODY), 0);
	cluster_free(c);
}

static void a_send_waits_for_memory(void)
{
	struct cluster *c = cluster_new(4, poor);
	struct waiting w;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	fill(c, 2);
	fill(c, 3);
	CHECK_EQ(fill(c, 4), 0);
	begin(&w, c->t[1].seen[4].session, -1);
	CHECK_EQ(sinew_quorum(c->t[1].n, true), 0);
	CHECK_EQ(end(c, &w), 0);
	DRIVE(c, c->t[4].seen[1].messages == 1);
	cluster_free(c);
}

static void the_time_may_be_over(void)
{
	struct cluster *c = cluster_new(2, little);
	const int64_t began = now_ms();
	struct waiting w;

	CHECK_EQ(sinew_send_wait(NULL, body, BODY, 0, NULL), -EINVAL);
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	fill(c, 2);
	begin(&w, c->t[1].seen[2].session, 30);
	CHECK_EQ(end(c, &w), -ETIMEDOUT);
	CHECK(now_ms() - began >= 30);
	CHECK_EQ(w.number, 0);
	begin(&w, c->t[1].seen[2].session, 0);
	CHECK_EQ(end(c, &w), -EAGAIN);
	cluster_free(c);
}

static void waits_inside(struct test_node *t, struct sinew_session *p,
			 const struct sinew_message *m)
{
	(void)m;
	t->seen[sinew_session_nodeid(p)].bad += sinew_send_wait(p, "x", 1, -1, NULL) != -EDEADLK;
}

/* The thread that makes the room would wait for itself. */
static void the_loop_does_not_wait(void)
{
	struct cluster *c = cluster_new(2, little);
	uint64_t number = 0;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	c->t[2].on_message = waits_inside;
	CHECK_EQ(sinew_send_wait(c->t[1].seen[2].session, "x", 1, 1, NULL), -EDEADLK);
	CHECK_EQ(sinew_send_wait(c->t[1].seen[2].session, "x", 1, 0, &number), 0);
	CHECK_EQ(number, 1);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	fill(c, 2);
	CHECK_EQ(sinew_send_wait(c->t[1].seen[2].session, body, BODY, 0, NULL), -EAGAIN);
	cluster_free(c);
}

/* ---- what ends it ---- */

static void finish_it(struct cluster *c)
{
	CHECK_EQ(sinew_session_finish(c->t[1].seen[2].session), 0);
}

static void abort_it(struct cluster *c)
{
	CHECK_EQ(sinew_session_abort(c->t[1].seen[2].session), 0);
}

static void remove_it(struct cluster *c)
{
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 2), 0);
}

static void close_it(struct cluster *c)
{
	CHECK_EQ(sinew_close(c->t[1].n, 60000), 0);
}

static void free_it(struct cluster *c)
{
	sinew_node_free(c->t[1].n);
	c->t[1].n = NULL;
}

static void ended_by(void (*how)(struct cluster *c), int err)
{
	struct cluster *c = cluster_new(2, little);
	struct waiting w;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	fill(c, 2);
	begin(&w, c->t[1].seen[2].session, -1);
	how(c);
	CHECK_EQ(end(c, &w), err);
	cluster_free(c);
}

static void a_finish_ends_the_wait(void) { ended_by(finish_it, -ESHUTDOWN); }
static void an_abort_ends_the_wait(void) { ended_by(abort_it, -ESTALE); }
static void a_removal_ends_the_wait(void) { ended_by(remove_it, -ESTALE); }
static void closing_ends_the_wait(void) { ended_by(close_it, -ESHUTDOWN); }
static void freeing_ends_the_wait(void) { ended_by(free_it, -ESTALE); }

/* ---- many at once ---- */

struct sender {
	struct sinew_session *session;
	pthread_t thread;
	unsigned i;
	int err;
};

static _Atomic unsigned next_of[SENDERS], wrong_ones, arrived;

static void count_them(struct sinew_node *n, struct sinew_session *p,
		       const struct sinew_message *m, void *user)
{
	unsigned head[2];

	(void)n, (void)p, (void)user;
	memcpy(head, m->data, sizeof head);
	if (head[0] >= SENDERS || head[1] != next_of[head[0]]++)
		atomic_fetch_add(&wrong_ones, 1);
	atomic_fetch_add(&arrived, 1);
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	unsigned buf[BODY / sizeof(unsigned)] = { s->i };

	for (unsigned k = 0; k < EACH && !s->err; k++) {
		buf[1] = k;
		s->err = sinew_send_wait(s->session, buf, sizeof buf, PATIENCE_MS, NULL);
	}
	return NULL;
}

static struct sinew_node *own_node(unsigned nodeid, const struct sockaddr_storage *addr)
{
	const struct sinew_callbacks cb = { .size = sizeof cb, .message = count_them };
	struct sinew_options o;
	struct sinew_node *n = NULL;

	cluster_options(&o, nodeid, addr);
	little(&o);
	o.own_thread = true;
	CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), 0);
	return n;
}

static void many_wait_and_nothing_is_lost(void)
{
	struct sockaddr_storage addr[] = { free_address("127.0.0.1"), free_address("127.0.0.2") };
	struct sinew_node *n[] = { own_node(1, &addr[0]), own_node(2, &addr[1]) };
	int64_t until = now_ms() + PATIENCE_MS;
	struct sinew_session *session = NULL;
	struct sender s[SENDERS];

	CHECK_OR_RETURN(n[0] && n[1]);
	CHECK_EQ(sinew_peer_add(n[0], 2, &addr[1], 1), 0);
	CHECK_EQ(sinew_peer_add(n[1], 1, &addr[0], 1), 0);
	while (!session && now_ms() < until)
		session = sinew_session_find(n[0], 2);
	CHECK_OR_RETURN(CHECK(session));
	for (unsigned i = 0; i < SENDERS; i++) {
		s[i] = (struct sender) { .session = session, .i = i };
		CHECK_EQ(pthread_create(&s[i].thread, NULL, send_all, &s[i]), 0);
	}
	for (unsigned i = 0; i < SENDERS; i++) {
		pthread_join(s[i].thread, NULL);
		CHECK_EQ(s[i].err, 0);
	}
	until = now_ms() + PATIENCE_MS;
	while (atomic_load(&arrived) < SENDERS * EACH && now_ms() < until)
		continue;
	CHECK_EQ(atomic_load(&arrived), SENDERS * EACH);
	CHECK_EQ(atomic_load(&wrong_ones), 0);
	sinew_session_unref(session);
	sinew_node_free(n[0]);
	sinew_node_free(n[1]);
}

/* ---- for the end of a node ---- */

static _Atomic int joined_inside;
static _Atomic bool closed_said;

static void join_inside(struct sinew_node *n, void *user)
{
	(void)user;
	atomic_store(&joined_inside, sinew_node_join(n, -1));
	atomic_store(&closed_said, true);
}

static struct sinew_node *alone(bool own_thread)
{
	const struct sinew_callbacks cb = { .size = sizeof cb, .closed = join_inside };
	struct sinew_options o;
	struct sinew_node *n = NULL;

	SINEW_OPTIONS_INIT(&o);
	o.nodeid = 1;
	o.own_thread = own_thread;
	CHECK_EQ(sinew_node_new(&o, &cb, NULL, &n), 0);
	return n;
}

struct joining {
	struct sinew_node *n;
	int err;
	pthread_t thread;
	_Atomic long tid;
};

static void *join_it(void *arg)
{
	struct joining *j = arg;

	atomic_store(&j->tid, syscall(SYS_gettid));
	j->err = sinew_node_join(j->n, -1);
	return NULL;
}

static void begin_join(struct joining *j, struct sinew_node *n)
{
	int64_t until = now_ms() + PATIENCE_MS;

	*j = (struct joining) { .n = n, .err = 1 };
	CHECK_EQ(pthread_create(&j->thread, NULL, join_it, j), 0);
	while (!(atomic_load(&j->tid) && sleeps(atomic_load(&j->tid))) && now_ms() < until)
		continue;
}

static void who_joins_waits_for_closed(void)
{
	struct sinew_node *n = alone(false);
	struct joining j[2];

	CHECK_EQ(sinew_node_join(NULL, 0), -EINVAL);
	CHECK_EQ(sinew_node_join(n, 0), -EINVAL);
	sinew_node_free(n);
	n = alone(true);
	CHECK_EQ(sinew_node_join(n, 0), -ETIMEDOUT);
	CHECK_EQ(sinew_node_join(n, 20), -ETIMEDOUT);
	for (unsigned i = 0; i < 2; i++)
		begin_join(&j[i], n);
	CHECK_EQ(sinew_close(n, 0), 0);
	CHECK_EQ(sinew_node_join(n, PATIENCE_MS), 0);
	CHECK(atomic_load(&closed_said));
	CHECK_EQ(atomic_load(&joined_inside), -EDEADLK);
	CHECK_EQ(sinew_node_join(n, 0), 0);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(j[i].thread, NULL);
		CHECK_EQ(j[i].err, 0);
	}
	sinew_node_free(n);
}

static void freeing_ends_a_join(void)
{
	struct sinew_node *n = alone(true);
	struct joining j;

	begin_join(&j, n);
	sinew_node_free(n);
	pthread_join(j.thread, NULL);
	CHECK_EQ(j.err, -ESTALE);
}

/* The descriptor of the newest epoll set of this process. */
static int last_epoll(void)
{
	int last = -1;

	for (int fd = 0; fd < 256; fd++) {
		char path[64], to[64] = "";

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (readlink(path, to, sizeof to - 1) > 0 && strstr(to, "[eventpoll]"))
			last = fd;
	}
	return last;
}

/* The session that it waits for is over: the next wait fails. */
static void a_loop_that_fails_says_how(void)
{
	struct sinew_node *n = alone(true);
	int none = open("/dev/null", O_RDONLY | O_CLOEXEC), epoll = last_epoll();
	struct joining j;

	CHECK_OR_RETURN(CHECK(none >= 0 && epoll >= 0));
	begin_join(&j, n);
	CHECK_EQ(dup3(none, epoll, O_CLOEXEC), epoll);
	CHECK_EQ(sinew_quorum(n, true), 0);
	pthread_join(j.thread, NULL);
	CHECK_EQ(j.err, -EINVAL);
	CHECK_EQ(sinew_node_join(n, -1), -EINVAL);
	sinew_node_free(n);
	close(none);
}

int main(void)
{
	RUN(a_send_waits_until_there_is_room);
	RUN(a_send_waits_for_memory);
	RUN(the_time_may_be_over);
	RUN(the_loop_does_not_wait);
	RUN(a_finish_ends_the_wait);
	RUN(an_abort_ends_the_wait);
	RUN(a_removal_ends_the_wait);
	RUN(closing_ends_the_wait);
	RUN(freeing_ends_the_wait);
	RUN(many_wait_and_nothing_is_lost);
	RUN(who_joins_waits_for_closed);
	RUN(freeing_ends_a_join);
	RUN(a_loop_that_fails_says_how);
	return check_done();
}
