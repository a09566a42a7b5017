/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGPIPE has its default action, and connections end under load in every way that makes a
 * write fail: the process lives, and all arrives. Knows only the public API.
 * run.sh: timeout=60
 *
 * Each run is in a child, so that its death can be told. In the counter-run the flag that keeps
 * the signal away is taken from every write: that child must die of it, else the test
 * would prove nothing.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/lib/relay.h"

#define RUN_MS		3000	/* at least, and until there were so many: */
#define RECONNECTS	50
#define MESSAGES	200
#define END_MS		15000
#define LENGTH		20000u
#define CUT_MAX		60000u	/* bytes that a connection lives, at most */

static struct test_node nodes[2];
static struct relay relays[2];
static struct pollfd fds[2 * RELAY_FDS];
static uint64_t n_wrong;
static unsigned n_broken;
static bool without_flag;

/* The library's writes come here, as the linker finds this first. */
ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return syscall(SYS_sendmsg, fd, msg, without_flag ? flags & ~MSG_NOSIGNAL : flags);
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
	return syscall(SYS_sendto, fd, data, n, without_flag ? flags & ~MSG_NOSIGNAL : flags,
		       NULL, 0);
}

static void take_message(struct test_node *l, struct sinew_session *p,
			 const struct sinew_message *msg)
{
	(void)p;
	if (msg->number != l->all.messages || msg->len != LENGTH ||
	    !is_content(msg->data, msg->len, 3 - l->id, l->all.messages))
		n_wrong++;
}

static bool set_up(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage own = host_address(1 + i), other = host_address(3 + i);
		struct sinew_options opt;

		nodes[i].on_message = take_message;
		fast_options(&opt, i + 1, &own);
		opt.queue_bytes = 1u << 20;
		relays[i].listener = -1;
		for (unsigned k = 0; k < RELAY_PLANS; k++)
			relays[i].plans[k] = (struct relay_plan) {
				.act = RELAY_END_RESET, .dir = k % 2, .after = 5000,
			};
		if (!node_open(&nodes[i], &opt) ||
		    !CHECK_EQ(sinew_peer_add(nodes[i].n, 2 - i, &other, 1), 0))
			return false;
	}
	return relay_open(&relays[0], host_address(3), host_address(4), host_address(2)) &&
	       relay_open(&relays[1], host_address(4), host_address(3), host_address(1));
}

static void turn(void)
{
	struct test_node *const both[2] = { &nodes[0], &nodes[1] };
	unsigned n = 0;
	int wait_ms = 20;

	for (unsigned i = 0; i < 2; i++) {
		relay_turn(&relays[i]);
		n += relay_fds(&relays[i], fds + n, &wait_ms);
	}
	nodes_turn(both, 2, fds, n, wait_ms);
}

/* Writes from outside of the loop's turn, as an application does: a broken connection
 * is met there first. */
static void send_some(void)
{
	static uint8_t text[LENGTH];

	for (unsigned i = 0; i < 2; i++) {
		struct test_node *l = &nodes[i];

		for (unsigned k = 0; k < 4 && l->all.session; k++) {
			fill_content(text, LENGTH, l->id, node_status(l).sent + 1);
			if (sinew_send(l->all.session, text, LENGTH))
				break;
		}
	}
}

/* Not by the round: a connection lives for nearly the same number of them each time. */
static uint32_t chance(void)
{
	static uint32_t x = 1;

	x = x * 1664525u + 1013904223u;
	return x >> 8;
}

static void break_some(unsigned round)
{
	for (unsigned i = 0; i < 2; i++)
		relays[i].later = (struct relay_plan) {
			.act = chance() % 3 ? RELAY_END_RESET : RELAY_RESET,
			.dir = chance() % 2, .after = 1000 + chance() % CUT_MAX,
		};
	if (round % 500 == 9)
		n_broken += sinew_break(nodes[round / 500 % 2].n, 0) == 0;
}

static bool all_came(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (nodes[i].all.messages != node_status(&nodes[1 - i]).sent ||
		    node_status(&nodes[i]).unacked)
			return false;
	return true;
}

/* The event that the run is for has happened often. */
static bool enough(void)
{
	return node_status(&nodes[0]).reconnects > RECONNECTS && n_broken &&
	       nodes[0].all.messages > MESSAGES && nodes[1].all.messages > MESSAGES;
}

static int under_load(void)
{
	int64_t end = now_ms() + RUN_MS, last = end + time_limit(END_MS);

	if (!set_up())
		return 1;
	for (unsigned round = 0; now_ms() < end || (!enough() && now_ms() < last); round++) {
		break_some(round);
		send_some();
		turn();
	}
	for (unsigned i = 0; i < 2; i++)
		relays[i].later = (struct relay_plan) { .act = RELAY_PASS };
	last = now_ms() + time_limit(END_MS);
	while (!all_came() && now_ms() < last)
		turn();
	CHECK(all_came());
	CHECK_EQ(n_wrong, 0);
	CHECK(enough());
	printf("# %llu and %llu messages, %llu reconnects\n",
	       (unsigned long long)nodes[0].all.messages, (unsigned long long)nodes[1].all.messages,
	       (unsigned long long)node_status(&nodes[0]).reconnects);
	for (unsigned i = 0; i < 2; i++) {
		node_free(&nodes[i]);
		relay_close(&relays[i]);
	}
	return check_state.failures > 0;
}

/* The wait status of a child that runs under load. */
static int in_child(bool flag)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		sigset_t none;
		int bad;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		without_flag = !flag;
		bad = under_load();
		fflush(stdout);
		_exit(bad);
	}
	if (!CHECK(pid > 0) || !CHECK(waitpid(pid, &status, 0) == pid))
		return -1;
	return status;
}

static void lives_under_resets(void)
{
	int status = in_child(true);

	CHECK(!WIFSIGNALED(status));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void dies_without_the_flag(void)
{
	int status = in_child(false);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

/* The library leaves the signal as it found it. */
static void the_action_is_not_changed(void)
{
	struct sigaction before, after;

	signal(SIGPIPE, SIG_DFL);
	CHECK_EQ(sigaction(SIGPIPE, NULL, &before), 0);
	CHECK_OR_RETURN(pair_open(nodes, NULL));
	for (unsigned i = 0; i < 10; i++)
		sinew_dispatch(nodes[i % 2].n, 10);
	CHECK_EQ(sigaction(SIGPIPE, NULL, &after), 0);
	CHECK(after.sa_handler == SIG_DFL && before.sa_flags == after.sa_flags);
	node_free(&nodes[0]);
	node_free(&nodes[1]);
}

int main(void)
{
	RUN(lives_under_resets);
	RUN(dies_without_the_flag);
	RUN(the_action_is_not_changed);
	return check_done();
}
