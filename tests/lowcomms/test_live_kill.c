/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node killed in the middle of traffic (SIGKILL, no goodbye) and started again on the same
 * address: the survivor's delivery report fits what the dead one really had, and the traffic
 * goes on with its next incarnation. Knows only the public API.
 * run.sh: timeout=60
 *
 * The node to be killed is this program again (test_live_kill FD PARENT); what its application
 * has got is in memory shared with it, which outlives it.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/lib/cluster.h"

#define INCARNATIONS		30u
#define NUMBERS		400000u
#define LENGTH_MAX	3000u
#define LIMIT_MS	15000

/* All that one incarnation got: written by it, read when it is dead. */
struct incarnation {
	_Atomic uint64_t n;		/* messages, in order: 1..n */
	_Atomic uint32_t wrong;
	_Atomic uint64_t incarnation;
};

struct shared {
	_Atomic uint32_t n_incarnations;	/* begun */
	struct incarnation incarnations[INCARNATIONS + 1];
};

static struct shared *shared;
static int shared_fd = -1;
static struct test_node survivor;
static pid_t child;
/* Of the survivor's messages to the present incarnation: content. */
static uint64_t numbers[NUMBERS + 1];
static uint64_t n_content;		/* contents given out so far, over all incarnations */
static unsigned n_checked, n_unknown, n_unsent;

/* ---- the node that is killed ---- */

static void child_message(struct test_node *l, struct sinew_session *p,
			  const struct sinew_message *msg)
{
	struct incarnation *incarnation = l->arg;
	uint64_t content;

	(void)p;
	memcpy(&content, msg->data, sizeof content);
	if (msg->number != incarnation->n + 1 || msg->len < sizeof content ||
	    !is_content((const uint8_t *)msg->data + sizeof content, msg->len - sizeof content, 1,
		     content))
		incarnation->wrong++;
	incarnation->n++;
}

static int child_main(int fd, pid_t parent)
{
	struct test_node l = { .on_message = child_message };
	struct sockaddr_storage own, other;
	struct sinew_options opt;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED || shared->n_incarnations > INCARNATIONS)
		return 2;
	l.arg = &shared->incarnations[shared->n_incarnations++];
	own = host_of(parent, 2);
	other = host_of(parent, 1);
	fast_options(&opt, 2, &own);
	if (!node_open(&l, &opt) || sinew_peer_add(l.n, 1, &other, 1))
		return 2;
	((struct incarnation *)l.arg)->incarnation = sinew_incarnation(l.n);
	/* An orphan ends by itself. */
	while (getppid() == parent)
		sinew_dispatch(l.n, 200);
	return 0;
}

static bool start_child(void)
{
	char fd[16], pid[16];
	pid_t parent = getpid();

	snprintf(fd, sizeof fd, "%d", shared_fd);
	snprintf(pid, sizeof pid, "%ld", (long)parent);
	child = fork();
	if (child == 0) {
		execl("/proc/self/exe", "test_live_kill", fd, pid, (char *)NULL);
		_exit(127);
	}
	return CHECK(child > 0);
}

static void kill_child(void)
{
	int status = 0;

	if (child <= 0)
		return;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	child = 0;
}

/* ---- the survivor ---- */

static size_t length_of(uint64_t content)
{
	return sizeof content + content * 7919u % (LENGTH_MAX - 8);
}

static int send_next(struct test_node *l)
{
	uint8_t text[LENGTH_MAX];
	uint64_t content = n_content + 1, number;
	size_t len = length_of(content);
	int err;

	memcpy(text, &content, sizeof content);
	fill_content(text + sizeof content, len - sizeof content, 1, content);
	err = sinew_send_numbered(l->all.session, text, len, &number);
	if (err)
		return err;
	n_content++;
	if (CHECK(number <= NUMBERS))
		numbers[number] = content;
	return 0;
}

static void send_many(struct test_node *l)
{
	int err = 0;

	for (unsigned i = 0; i < 200 && !err; i++)
		err = send_next(l);
	CHECK(!err || err == -EAGAIN);
}

/* After session_down: what can be read again is exactly what has no known fate. */
static void check_unsent(struct test_node *l)
{
	struct sinew_unsent it = { .size = sizeof it };
	uint64_t due = l->all.delivery.acked + 1, content;
	uint8_t text[LENGTH_MAX];

	while (sinew_session_unsent_next(l->all.session, &it) == 1) {
		CHECK_EQ(it.number, due);
		CHECK_EQ(it.in_doubt, it.number <= l->all.delivery.in_doubt);
		if (!CHECK(it.len <= sizeof text) || !CHECK(it.number <= NUMBERS))
			return;
		CHECK_EQ(it.len, length_of(numbers[it.number]));
		CHECK_EQ(sinew_session_unsent_copy(l->all.session, &it, text), 0);
		memcpy(&content, text, sizeof content);
		CHECK_EQ(content, numbers[it.number]);
		CHECK(is_content(text + sizeof content, it.len - sizeof content, 1, content));
		due++;
	}
	CHECK_EQ(due, l->all.delivery.unsent + 1);
}

/* The delivery report of a session against what it got. */
static void check_incarnation(struct test_node *l, const struct incarnation *incarnation)
{
	const struct sinew_delivery *f = &l->all.delivery;

	CHECK_EQ(sinew_session_incarnation(l->all.session), incarnation->incarnation);
	CHECK_EQ(incarnation->wrong, 0);
	CHECK(f->acked <= f->in_doubt && f->in_doubt <= f->unsent);
	/* Messages called acknowledged were handed over; those called unsent were not. */
	CHECK(f->acked <= incarnation->n);
	CHECK(incarnation->n <= f->in_doubt);
	CHECK_EQ(f->unsent, node_status(l).sent);
	CHECK_EQ(sinew_send(l->all.session, "x", 1), -ESTALE);
	check_unsent(l);
	n_checked++;
	n_unknown += f->in_doubt > f->acked;
	n_unsent += f->unsent > f->in_doubt;
}

static void survivor_down(struct test_node *l, struct sinew_session *p)
{
	(void)p;
	check_incarnation(l, &shared->incarnations[l->all.downs - 1]);
}

/* Dispatches, and sends all the time while the peer is up, until the condition holds. */
static bool traffic_until(bool (*done)(uint64_t n), uint64_t n)
{
	struct test_node *const nodes[1] = { &survivor };
	int64_t end = now_ms() + time_limit(LIMIT_MS);

	while (!done(n)) {
		if (now_ms() >= end)
			return false;
		if (survivor.all.ups > survivor.all.downs)
			send_many(&survivor);
		nodes_turn(nodes, 1, NULL, 0, 5);
	}
	return true;
}

static bool incarnation_got(uint64_t n)
{
	unsigned n_begun = shared->n_incarnations;

	return n_begun > 0 && survivor.all.ups == n_begun && survivor.all.downs == n_begun - 1 &&
	       shared->incarnations[n_begun - 1].n >= n;
}

static bool is_down(uint64_t n)
{
	return survivor.all.downs >= n;
}

static bool queue_full(uint64_t n)
{
	(void)n;
	return node_status(&survivor).flow_blocked;
}

static bool set_up(void)
{
	struct sockaddr_storage own = host_address(1), other = host_address(2);
	struct sinew_options opt;

	shared_fd = memfd_create("incarnations", 0);
	if (!CHECK(shared_fd >= 0) || !CHECK_EQ(ftruncate(shared_fd, sizeof *shared), 0))
		return false;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
	if (!CHECK(shared != MAP_FAILED))
		return false;
	fast_options(&opt, 1, &own);
	opt.queue_bytes = 1u << 20;
	survivor.on_down = survivor_down;
	return node_open(&survivor, &opt) &&
	       CHECK_EQ(sinew_peer_add(survivor.n, 2, &other, 1), 0);
}

static void killed_and_started_again(void)
{
	uint64_t last = 0;

	CHECK_OR_RETURN(set_up());
	for (unsigned i = 0; i < INCARNATIONS && check_state.failures == 0; i++) {
		bool fenced = i % 3 == 2;

		CHECK_OR_RETURN(start_child());
		/* The survivor learns of the death from the HELLO of the next incarnation alone. */
		CHECK_OR_RETURN(traffic_until(incarnation_got, 300 + i * 997));
		CHECK(shared->incarnations[i].incarnation != last);
		last = shared->incarnations[i].incarnation;
		if (i > 0)
			CHECK_EQ(survivor.all.downs, i);
		kill_child();
		if (i % 2)
			CHECK(traffic_until(queue_full, 0));
		if (fenced) {
			CHECK_EQ(sinew_peer_failed(survivor.n, 2, 0), 0);
			CHECK(traffic_until(is_down, i + 1));
			CHECK_EQ(survivor.all.reason, SINEW_DOWN_FAILED);
		} else if (survivor.all.downs > 0 && i % 3 == 1) {
			/* The one before, at its successor's coming. */
			CHECK(survivor.all.reason == SINEW_DOWN_SUPERSEDED);
		}
	}
	CHECK_OR_RETURN(start_child());
	CHECK(traffic_until(incarnation_got, 1000));
	CHECK_EQ(n_checked, INCARNATIONS);
	printf("# %u incarnations ended, %u of them with unknown messages, %u with unsent ones; "
	       "%llu messages\n", n_checked, n_unknown, n_unsent, (unsigned long long)n_content);
	CHECK(n_unknown > 0);
	CHECK(n_unsent > 0);
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return child_main(atoi(argv[1]), (pid_t)atol(argv[2]));
	RUN(killed_and_started_again);
	if (check_state.n_failed)
		cluster_show_log();
	if (child > 0)
		kill(child, SIGKILL);
	node_free(&survivor);
	return check_done();
}
