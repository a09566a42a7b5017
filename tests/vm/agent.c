/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the lines between a host and this guest. Knows locks and lockspaces only by the other
 * files of the agent.
 *
 * The agent is what a node has above the kernel's DLM: the daemon, which configures it, and an
 * application, which takes locks; so that a scenario of several guests is one script on the host.
 *
 *	agent [DEVICE]		lines come and go there (standard input and output)
 *
 * Each line is a command. It is answered within COMMAND_MS by one line, "OK ..." or
 * "ERR ERRNO TEXT"; lines of output come before it and begin with "| ".
 *
 *	ping
 *	sh COMMAND...			run by the shell; OK STATUS
 *	monitor				keeps /dev/misc/dlm-monitor open, as the daemon does
 *	cluster NAME tcp|sctp [ATTRIBUTE=VALUE...]
 *	attr NAME VALUE			an attribute of the cluster: recover_timer, toss_secs ...
 *	comm NODEID LOCAL IP[,IP...]	the addresses of a node; LOCAL is 1 for our own
 *	nocomm NODEID			removes them, and with them the connections
 *	members LS ID N[:WEIGHT],...	the members once LS is created; "-": the host says `start`
 *	stop LS				ends activity in a lockspace
 *	start LS [N[:WEIGHT],...]	begins recovery, with these members
 *	create LS [FLAGS]		EVT created LS rc=R ms=T
 *	release LS [FORCE]		EVT released LS rc=R ms=T; with FORCE, its locks go first
 *	lock TAG LS NAME MODE [FLAG,...] [VALUE]	EVT ast TAG ..., EVT bast TAG
 *	convert TAG MODE [FLAG,...] [VALUE]		EVT ast TAG ...
 *	unlock TAG [FLAG,...]				EVT ast TAG ...
 *	purge LS NODEID PID		removes the orphans of a process
 *	loop N LS NAME MODE1 MODE2 [USLEEP]	N conversions of one lock between two modes;
 *				EVT loop NAME done n=N bad=B ms=T longest=T
 *	status				a line for each lockspace and each lock
 *	kill IP				destroys all TCP connections to the address; OK COUNT
 *	reset				no lock, lockspace, comm or cluster any more
 *	quit				power off
 *	crash				the machine starts again at once, and loses what it had
 *
 * Lines of their own: "EVT ready", "EVT uevent ACTION LS", "EVT joined LS MEMBERS RC",
 * "EVT left LS", "EVT fail COMMAND TAG errno=E", "EVT late COMMAND RC" (the end of a command that
 * was answered by a time-out). A FLAGS word "-" means none.
 */
#include "tests/vm/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
	COMMAND_MS = 30000,
	SHELL_SECONDS = 20,
};

static int from_host = STDIN_FILENO;
static int to_host = STDOUT_FILENO;
static pthread_mutex_t to_host_mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- lines ---- */

void say(const char *format, ...)
{
	char line[LINE_LEN * 2];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len < 0)
		return;
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';

	pthread_mutex_lock(&to_host_mutex);
	for (int done = 0; done < len;) {
		ssize_t n = write(to_host, line + done, (size_t)(len - done));

		if (n > 0)
			done += (int)n;
		else if (errno != EINTR)
			break;
	}
	pthread_mutex_unlock(&to_host_mutex);
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *word_or_null(const struct command *c, int i)
{
	return i < c->n_words ? c->word[i] : NULL;
}

/* Cuts a line into words. */
static void cut(struct command *c, const char *line)
{
	char *rest = NULL;

	memset(c, 0, sizeof(*c));
	snprintf(c->line, sizeof(c->line), "%s", line);
	snprintf(c->text, sizeof(c->text), "%s", line);
	for (char *word = strtok_r(c->text, " \r", &rest); word && c->n_words < WORDS_MAX;
	     word = strtok_r(NULL, " \r", &rest))
		c->word[c->n_words++] = word;
}

static int start_thread(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, run, arg);

	if (rc == 0)
		pthread_detach(thread);
	return -rc;
}

int go_on(void *(*run)(void *command), const struct command *c)
{
	struct command *copy = malloc(sizeof(*copy));
	int rc;

	if (!copy)
		return -ENOMEM;
	cut(copy, c->line);
	rc = start_thread(run, copy);
	if (rc)
		free(copy);
	return rc;
}

/* ---- commands of no other file ---- */

static int command_ping(const struct command *c)
{
	(void)c;
	return 0;
}

/* Runs a shell command, which is ended after SHELL_SECONDS. 0 and its status, or an error. */
static int shell(const char *command, bool show, int *ret_n_lines, int *ret_status)
{
	char line[LINE_LEN];
	FILE *output;
	int status;

	if (setenv("AGENT_COMMAND", command, 1))
		return -errno;
	snprintf(line, sizeof(line), "exec timeout -s KILL %d sh -c \"$AGENT_COMMAND\" 2>&1",
		 SHELL_SECONDS);
	output = popen(line, "r");
	if (!output)
		return -errno;
	*ret_n_lines = 0;
	while (fgets(line, sizeof(line), output)) {
		line[strcspn(line, "\n")] = '\0';
		if (show)
			say("| %s", line);
		++*ret_n_lines;
	}
	status = pclose(output);
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

/* The text behind the OK of a command. */
static _Thread_local int result = -1;

static int command_sh(const struct command *c)
{
	int n_lines;

	return shell(c->line + strlen("sh "), true, &n_lines, &result);
}

static int command_kill(const struct command *c)
{
	char text[LINE_LEN];
	struct in6_addr address;
	int status;
	int rc;

	if (inet_pton(AF_INET, c->word[1], &address) != 1 &&
	    inet_pton(AF_INET6, c->word[1], &address) != 1)
		return -EINVAL;
	snprintf(text, sizeof(text), "ss -HtK dst '[%s]'", c->word[1]);
	rc = shell(text, false, &result, &status);
	return rc || status == 0 ? rc : -EIO;
}

static int command_monitor(const struct command *c)
{
	(void)c;
	return open("/dev/misc/dlm-monitor", O_RDONLY | O_CLOEXEC) < 0 ? -errno : 0;
}

static int command_status(const struct command *c)
{
	(void)c;
	spaces_show();
	locks_show();
	return 0;
}

static int command_quit(const struct command *c)
{
	(void)c;
	say("OK");
	tcdrain(to_host);
	sync();
	return reboot(RB_POWER_OFF) ? -errno : 0;
}

static int command_crash(const struct command *c)
{
	(void)c;
	say("OK");
	tcdrain(to_host);
	put("b", "/proc/sysrq-trigger");
	return reboot(RB_AUTOBOOT) ? -errno : 0;
}

static const struct {
	const char *name;
	int n_words;	/* at least */
	command_fn *run;
} commands[] = {
	{ "ping", 1, command_ping },
	{ "sh", 2, command_sh },
	{ "monitor", 1, command_monitor },
	{ "cluster", 3, command_cluster },
	{ "attr", 3, command_attr },
	{ "comm", 4, command_comm },
	{ "nocomm", 2, command_nocomm },
	{ "members", 4, command_members },
	{ "stop", 2, command_stop },
	{ "start", 2, command_start },
	{ "create", 2, command_create },
	{ "release", 2, command_release },
	{ "lock", 5, command_lock },
	{ "convert", 3, command_convert },
	{ "unlock", 2, command_unlock },
	{ "purge", 4, command_purge },
	{ "loop", 6, command_loop },
	{ "status", 1, command_status },
	{ "kill", 2, command_kill },
	{ "reset", 1, command_reset },
	{ "quit", 1, command_quit },
	{ "crash", 1, command_crash },
};

/* ---- running them ---- */

/* A command that runs: the reader of lines waits for it, but not for ever. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	uint64_t number;	/* of the newest command */
	uint64_t answered;	/* the newest one that has its answer */
} running = { .mutex = PTHREAD_MUTEX_INITIALIZER };

struct run {
	uint64_t number;
	command_fn *run;
	struct command command;
};

/* The answer of a command; too late for the host, it is an event. */
static void answer(const struct run *r, int rc)
{
	pthread_mutex_lock(&running.mutex);
	if (running.answered >= r->number)
		say("EVT late %s %d", r->command.word[0], rc);
	else if (rc)
		say("ERR %d %s", rc, strerror(-rc));
	else if (result >= 0)
		say("OK %d", result);
	else
		say("OK");
	if (running.answered < r->number)
		running.answered = r->number;
	pthread_cond_broadcast(&running.ended);
	pthread_mutex_unlock(&running.mutex);
}

static void *run_command(void *arg)
{
	struct run *r = arg;

	answer(r, r->run(&r->command));
	free(r);
	return NULL;
}

/* Until that command is answered, by itself or by us. */
static void wait_for_answer(uint64_t number)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += COMMAND_MS / 1000;
	pthread_mutex_lock(&running.mutex);
	while (running.answered < number && rc == 0)
		rc = pthread_cond_timedwait(&running.ended, &running.mutex, &until);
	if (running.answered < number) {
		running.answered = number;
		say("ERR %d %s", -ETIMEDOUT, strerror(ETIMEDOUT));
	}
	pthread_mutex_unlock(&running.mutex);
}

static command_fn *command_of(const struct command *c)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, c->word[0]) == 0 && c->n_words >= commands[i].n_words)
			return commands[i].run;
	return NULL;
}

static void take_line(const char *line)
{
	struct run *r = malloc(sizeof(*r));
	uint64_t number = ++running.number;

	if (!r) {
		say("ERR %d %s", -ENOMEM, strerror(ENOMEM));
		return;
	}
	r->number = number;
	cut(&r->command, line);
	r->run = r->command.n_words ? command_of(&r->command) : NULL;
	if (!r->run) {
		if (r->command.n_words)
			say("ERR unknown or too few arguments: %s", r->command.word[0]);
		free(r);
		return;
	}
	if (start_thread(run_command, r)) {
		say("ERR %d %s", -EAGAIN, strerror(EAGAIN));
		free(r);
		return;
	}
	wait_for_answer(number);
}

static int open_device(const char *name)
{
	struct termios line;

	from_host = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (from_host < 0)
		return -errno;
	to_host = from_host;
	if (tcgetattr(from_host, &line))
		return -errno;
	cfmakeraw(&line);
	cfsetspeed(&line, B115200);
	return tcsetattr(from_host, TCSANOW, &line) ? -errno : 0;
}

/* Lines until the end of the stream; one that is too long is refused as a whole. */
static void read_lines(FILE *input)
{
	static char line[LINE_LEN];
	bool whole = true;

	while (fgets(line, sizeof(line), input)) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		if (end && whole)
			take_line(line);
		else if (end)
			say("ERR %d the line is longer than %d bytes", -E2BIG, LINE_LEN - 2);
		whole = end != NULL;
	}
}

int main(int argc, char **argv)
{
	pthread_condattr_t clock;
	FILE *input;
	int rc;

	if (argc > 1 && (rc = open_device(argv[1]))) {
		fprintf(stderr, "agent: %s: %s\n", argv[1], strerror(-rc));
		return 1;
	}
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&running.ended, &clock);
	pthread_condattr_destroy(&clock);

	input = fdopen(from_host, "r");
	rc = input ? start_thread(config_uevents, NULL) : -errno;
	if (rc) {
		fprintf(stderr, "agent: cannot start: %s\n", strerror(-rc));
		return 1;
	}
	say("EVT ready");
	read_lines(input);
	fprintf(stderr, "agent: the host has gone\n");
	return 1;
}
