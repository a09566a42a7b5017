/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of fence requests: when the agent is run, what it is told, and what its end
 * means. The agents are shell scripts in a folder of the test. Knows no cluster.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/check.h"

#include "tools/clock.h"
#include "tools/fence.h"

#define LIMIT_NS	(20 * CLOCK_S)

static char dir[] = "/tmp/sinew-fence-XXXXXX";
static char agent[128], record[128];
static struct fence f;
static enum fence_turn turn;
static unsigned n_turns, n_fenced;
static struct fence_request last;

static enum fence_turn say_turn(void *arg, const struct fence_request *r)
{
	(void)arg;
	(void)r;
	n_turns++;
	return turn;
}

static const char *say_name(void *arg, uint32_t nodeid)
{
	(void)arg;
	if (nodeid == 9)
		return "node\nplug=node two";
	return nodeid == 2 ? "node two" : "";
}

static void on_fenced(void *arg, const struct fence_request *r)
{
	(void)arg;
	n_fenced++;
	last = *r;
}

/* An agent that does this; the folder of the test is its present one. */
static void begin(const char *script, uint32_t timeout_ms)
{
	const struct fence_setup setup = {
		.command = agent, .timeout_ms = timeout_ms, .retry_ms = 20,
		.turn = say_turn, .name = say_name, .fenced = on_fenced,
	};
	FILE *file;

	snprintf(agent, sizeof(agent), "%s/agent", dir);
	snprintf(record, sizeof(record), "%s/record", dir);
	unlink(record);
	file = fopen(agent, "w");
	if (!file || fprintf(file, "#!/bin/sh\ncd %s\n%s\n", dir, script) < 0 || fclose(file) ||
	    chmod(agent, 0700)) {
		perror(agent);
		exit(1);
	}
	turn = FENCE_OURS;
	n_turns = 0;
	n_fenced = 0;
	fence_init(&f, &setup);
}

/* Turns as a program does, until so many were fenced or nothing is left to do. */
static void run_until(unsigned fenced)
{
	const uint64_t end = clock_now_ns() + LIMIT_NS;

	while (n_fenced < fenced && clock_now_ns() < end) {
		struct pollfd p = { .fd = f.fd, .events = POLLIN };

		poll(&p, 1, clock_timeout_ms(fence_deadline(&f) < end ? fence_deadline(&f) : end));
		fence_step(&f, clock_now_ns());
	}
	CHECK_EQ(n_fenced, fenced);
}

static const char *recorded(void)
{
	static char text[4096];
	int fd = open(record, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static void the_agent_is_told_whom(void)
{
	begin("cat >record; env | grep ^FENCE_ | sort >>record", 10000);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	run_until(1);
	CHECK_STR(recorded(),
		  "action=off\nnodename=node two\nport=node two\nplug=node two\nnodeid=2\n"
		  "incarnation=00000000000000b1\nreason=failed\n"
		  "FENCE_ACTION=off\nFENCE_INCARNATION=00000000000000b1\n"
		  "FENCE_NODEID=2\nFENCE_NODENAME=node two\n"
		  "FENCE_PLUG=node two\nFENCE_PORT=node two\n"
		  "FENCE_REASON=failed\n");
	CHECK_EQ(last.nodeid, 2);
	CHECK_EQ(last.incarnation, 0xb1);
	CHECK_EQ(f.n_requests, 0);
	CHECK_EQ(fence_deadline(&f), CLOCK_NEVER);
}

/* Of two entries with one name a program may take either. */
static void our_environment_hides_nothing(void)
{
	setenv("FENCE_PLUG", "another node", 1);
	setenv("FENCE_ACTION", "on", 1);
	setenv("FENCE_ACTION_TIMEOUT", "5", 1);
	begin("tr '\\0' '\\n' </proc/$$/environ | "
	      "grep -e ^FENCE_ACTION -e ^FENCE_PLUG | sort >record",
	      10000);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	run_until(1);
	CHECK_STR(recorded(),
		  "FENCE_ACTION=off\nFENCE_ACTION_TIMEOUT=5\nFENCE_PLUG=node two\n");
	unsetenv("FENCE_PLUG");
	unsetenv("FENCE_ACTION");
	unsetenv("FENCE_ACTION_TIMEOUT");
}

/* A line of its own would name somebody else. */
static void a_name_of_two_lines_is_refused(void)
{
	begin("echo run >>record", 10000);
	f.setup.retry_ms = 1000000;
	fence_ask(&f, 9, 0xc1, SINEW_FENCE_FAILED);
	fence_step(&f, clock_now_ns());
	CHECK(!fence_is_running(&f));
	CHECK_EQ(f.requests[0].n_failed, 1);
	CHECK_STR(recorded(), "");
	fence_close(&f);
}

static void a_node_without_a_name_is_its_number(void)
{
	begin("grep nodename >record", 10000);
	fence_ask(&f, 7, 0xb1, SINEW_FENCE_STALLED);
	run_until(1);
	CHECK_STR(recorded(), "nodename=7\n");
}

/* An agent that ignores its input does no harm: nobody writes to it any more. */
static void an_agent_need_not_read(void)
{
	begin("exec <&-; exit 0", 10000);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	run_until(1);
}

static void a_request_is_made_once(void)
{
	begin("echo run >>record", 10000);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_STALLED);
	fence_ask(&f, 2, 0xb2, SINEW_FENCE_FAILED);
	run_until(2);
	CHECK_STR(recorded(), "run\nrun\n");
	CHECK_EQ(last.incarnation, 0xb2);
}

static void what_fails_is_tried_again(void)
{
	begin("echo run >>record; test $(wc -l <record) = 3", 10000);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	run_until(1);
	CHECK_STR(recorded(), "run\nrun\nrun\n");
	CHECK_EQ(last.n_failed, 2);
}

/* The process whose number is in the file "child". */
static bool is_gone_soon(void)
{
	const uint64_t end = clock_now_ns() + LIMIT_NS;
	char path[160];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/child", dir);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &pid) != 1 || pid <= 1)
		return false;
	fclose(file);
	while (!kill(pid, 0) && clock_now_ns() < end)
		usleep(10000);
	return kill(pid, 0) != 0;
}

/* With all that it has started. */
static void who_hangs_is_killed(void)
{
	begin("echo run >>record; test $(wc -l <record) = 2 && exit 0; sleep 1000 & echo $! >child;"
	      "trap '' TERM; sleep 1000", 100);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	f.setup.timeout_ms = 100;
	fence_step(&f, clock_now_ns());
	CHECK(fence_is_running(&f));
	while (f.pid && !f.is_late) {
		struct pollfd p = { .fd = f.fd, .events = POLLIN };

		poll(&p, 1, clock_timeout_ms(fence_deadline(&f)));
		fence_step(&f, clock_now_ns());
	}
	f.setup.timeout_ms = 10000;
	run_until(1);
	CHECK_EQ(last.n_failed, 1);
	CHECK(is_gone_soon());
}

static void one_that_fails_does_not_stop_others(void)
{
	begin("grep -q nodeid=2 && exit 1; exit 0", 10000);
	f.setup.retry_ms = 1000000;
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	fence_ask(&f, 3, 0xc1, SINEW_FENCE_FAILED);
	run_until(1);
	CHECK_EQ(last.nodeid, 3);
	CHECK_EQ(f.n_requests, 1);
	fence_close(&f);
}

static void a_program_that_is_not_there_is_tried_again(void)
{
	begin("exit 0", 10000);
	f.setup.command = "/nowhere/agent";
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	fence_step(&f, clock_now_ns());
	CHECK(!fence_is_running(&f));
	CHECK_EQ(f.requests[0].n_failed, 1);
	f.setup.command = agent;
	run_until(1);
}

static void others_turns_are_watched(void)
{
	const uint64_t now = clock_now_ns();

	begin("echo run >>record", 10000);
	turn = FENCE_OTHERS;
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	fence_step(&f, now);
	CHECK(!fence_is_running(&f));
	CHECK_EQ(n_turns, 1);
	fence_step(&f, now + 1);
	CHECK_EQ(n_turns, 1);
	/* The other one went; now it is ours. */
	turn = FENCE_OURS;
	fence_step(&f, fence_deadline(&f));
	CHECK(fence_is_running(&f));
	run_until(1);

	begin("echo run >>record", 10000);
	turn = FENCE_DONE;
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	fence_step(&f, now);
	CHECK_EQ(f.n_requests, 0);
	CHECK_STR(recorded(), "");
}

static void signals_are_as_in_a_fresh_process(void)
{
	sigset_t some;

	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigprocmask(SIG_BLOCK, &some, NULL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* The shell itself blocks them while it starts something. */
	begin("while read -r key value; do test $key = SigBlk: && echo $value >record; done "
	      "</proc/$$/status; kill -XFSZ $$; echo alive >>record; exit 0", 10000);
	f.setup.retry_ms = 1000000;
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	fence_step(&f, clock_now_ns());
	while (fence_is_running(&f)) {
		struct pollfd p = { .fd = f.fd, .events = POLLIN };

		poll(&p, 1, clock_timeout_ms(fence_deadline(&f)));
		fence_step(&f, clock_now_ns());
	}
	CHECK_STR(recorded(), "0000000000000000\n");
	CHECK_EQ(f.requests[0].n_failed, 1);
	fence_close(&f);
	sigprocmask(SIG_UNBLOCK, &some, NULL);
}

static void closing_ends_what_runs(void)
{
	pid_t pid;

	begin("sleep 1000", 1000000);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	fence_step(&f, clock_now_ns());
	pid = f.pid;
	CHECK(pid > 0);
	fence_close(&f);
	CHECK(kill(pid, 0) < 0);
}

static void a_stopped_one_begins_nothing(void)
{
	begin("echo run >>record; exit 1", 10000);
	fence_ask(&f, 2, 0xb1, SINEW_FENCE_FAILED);
	fence_ask(&f, 3, 0xc1, SINEW_FENCE_FAILED);
	fence_step(&f, clock_now_ns());
	fence_stop(&f);
	while (fence_is_running(&f)) {
		struct pollfd p = { .fd = f.fd, .events = POLLIN };

		poll(&p, 1, clock_timeout_ms(fence_deadline(&f)));
		fence_step(&f, clock_now_ns());
	}
	CHECK_STR(recorded(), "run\n");
	fence_close(&f);
}

static void there_is_a_limit_to_requests(void)
{
	begin("exit 0", 10000);
	turn = FENCE_OTHERS;
	for (unsigned i = 0; i < FENCE_REQUESTS_MAX + 5; i++)
		fence_ask(&f, i + 1, 1, SINEW_FENCE_FAILED);
	CHECK_EQ(f.n_requests, FENCE_REQUESTS_MAX);
	fence_close(&f);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	RUN(the_agent_is_told_whom);
	RUN(our_environment_hides_nothing);
	RUN(a_name_of_two_lines_is_refused);
	RUN(a_node_without_a_name_is_its_number);
	RUN(an_agent_need_not_read);
	RUN(a_request_is_made_once);
	RUN(what_fails_is_tried_again);
	RUN(who_hangs_is_killed);
	RUN(one_that_fails_does_not_stop_others);
	RUN(a_program_that_is_not_there_is_tried_again);
	RUN(others_turns_are_watched);
	RUN(signals_are_as_in_a_fresh_process);
	RUN(closing_ends_what_runs);
	RUN(a_stopped_one_begins_nothing);
	RUN(there_is_a_limit_to_requests);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) || check_done();
}
