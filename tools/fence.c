/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fence requests, and the program that is run for them.
 * Knows nothing of where requests come from, nor of whose turn it is.
 */
#include "tools/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/say.h"

#define POLL_NS		(1000 * CLOCK_MS)	/* of others' turns, and where there is no pidfd */
#define VALUES_MAX	2048			/* fits a pipe: writing it does not block */
#define ENTRY_MAX	(FENCE_NAME_MAX + sizeof("FENCE_INCARNATION="))

/* Values for the program: each a line of its standard input, and in its environment. */
enum { ACTION, NODENAME, PORT, PLUG, NODEID, INCARNATION, REASON, N_VALUES };

static const struct {
	const char *line, *entry;
} keys[N_VALUES] = {
	[ACTION] = { "action=", "FENCE_ACTION=" },
	[NODENAME] = { "nodename=", "FENCE_NODENAME=" },
	[PORT] = { "port=", "FENCE_PORT=" },
	[PLUG] = { "plug=", "FENCE_PLUG=" },
	[NODEID] = { "nodeid=", "FENCE_NODEID=" },
	[INCARNATION] = { "incarnation=", "FENCE_INCARNATION=" },
	[REASON] = { "reason=", "FENCE_REASON=" },
};

/* Entries of the environment. */
struct values {
	char entries[N_VALUES][ENTRY_MAX];
};

void fence_init(struct fence *f, const struct fence_setup *setup)
{
	memset(f, 0, sizeof(*f));
	f->setup = *setup;
	f->fd = -1;
	/* Inherited as ignored, it would take the exit statuses away. */
	signal(SIGCHLD, SIG_DFL);
}

/* ---- the program ---- */

static __attribute__((format(printf, 3, 4)))
void set(struct values *v, unsigned i, const char *fmt, ...)
{
	size_t len = strlen(keys[i].entry);
	va_list args;

	memcpy(v->entries[i], keys[i].entry, len);
	va_start(args, fmt);
	vsnprintf(v->entries[i] + len, ENTRY_MAX - len, fmt, args);
	va_end(args);
}

/* -EINVAL: that name would be read as more than a name, or is cut off: nobody is to be fenced
 * in its place. */
static int fill_values(const struct fence *f, const struct fence_request *r, struct values *v)
{
	const char *name = f->setup.name(f->setup.arg, r->nodeid);
	unsigned i;

	if (strchr(name, '\n') || strlen(name) >= FENCE_NAME_MAX)
		return -EINVAL;
	set(v, ACTION, "off");
	for (i = NODENAME; i <= PLUG; i++) {
		if (*name)
			set(v, i, "%s", name);
		else
			set(v, i, "%" PRIu32, r->nodeid);
	}
	set(v, NODEID, "%" PRIu32, r->nodeid);
	set(v, INCARNATION, "%016" PRIx64, r->incarnation);
	set(v, REASON, "%s", sinew_fence_reason_name(r->reason));
	return 0;
}

/* Whether this of our own environment would hide a value that we give. */
static bool is_ours(const char *entry)
{
	size_t len = strcspn(entry, "=");
	unsigned i;

	for (i = 0; i < N_VALUES; i++)
		if (len + 1 == strlen(keys[i].entry) && !strncmp(entry, keys[i].entry, len))
			return true;
	return false;
}

/* The values, then our own environment without what has their names: of two with one name a
 * program may take either. To be released by free(); NULL: out of memory. */
static char **make_environment(struct values *v)
{
	unsigned n = 0, i;
	char **env;

	while (environ && environ[n])
		n++;
	env = calloc(n + N_VALUES + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (i = 0; i < N_VALUES; i++)
		env[i] = v->entries[i];
	for (n = 0; environ && environ[n]; n++)
		if (!is_ours(environ[n]))
			env[i++] = environ[n];
	return env;
}

/* A pipe that has all the lines, and then its end; the end to read. */
static int pipe_of(const struct values *v)
{
	char text[VALUES_MAX];
	size_t len = 0;
	unsigned i;
	int ends[2];

	for (i = 0; i < N_VALUES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s\n", keys[i].line,
					v->entries[i] + strlen(keys[i].entry));
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	if (write(ends[1], text, len) != (ssize_t)len) {
		close(ends[0]);
		close(ends[1]);
		return -EIO;
	}
	close(ends[1]);
	return ends[0];
}

/* With the signals of a fresh process, in a process group of its own; it says what it has to say
 * on our standard error. A positive errno, or 0. */
static int spawn(const char *command, char **env, int input, pid_t *ret_pid)
{
	char *const argv[] = { (char *)command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
				 POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	rc = posix_spawn(ret_pid, command, &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static int start(struct fence *f, const struct fence_request *r)
{
	struct values values;
	char **env;
	int input, rc;

	rc = fill_values(f, r, &values);
	if (rc)
		return -rc;
	input = pipe_of(&values);
	if (input < 0)
		return -input;
	env = make_environment(&values);
	rc = env ? spawn(f->setup.command, env, input, &f->pid) : ENOMEM;
	free(env);
	close(input);
	if (rc) {
		f->pid = 0;
		return rc;
	}
	/* Where the kernel has none of these, it is looked after again and again. */
	f->fd = (int)syscall(SYS_pidfd_open, f->pid, 0);
	return 0;
}

/* ---- requests ---- */

static void drop(struct fence *f, unsigned i)
{
	f->n_requests--;
	memmove(&f->requests[i], &f->requests[i + 1], (f->n_requests - i) * sizeof(f->requests[0]));
}

void fence_ask(struct fence *f, uint32_t nodeid, uint64_t incarnation,
	       enum sinew_fence_reason reason)
{
	unsigned i;

	for (i = 0; i < f->n_requests; i++)
		if (f->requests[i].nodeid == nodeid && f->requests[i].incarnation == incarnation)
			return;
	if (f->n_requests == FENCE_REQUESTS_MAX) {
		say(SINEW_ERROR, "node %" PRIu32 " not fenced: queue of %d requests full",
		    nodeid, FENCE_REQUESTS_MAX);
		return;
	}
	f->requests[f->n_requests++] = (struct fence_request){
		.nodeid = nodeid, .incarnation = incarnation, .reason = reason,
	};
}

static void failed(struct fence *f, struct fence_request *r, uint64_t now_ns, const char *what)
{
	r->n_failed++;
	r->next_ns = now_ns + f->setup.retry_ms * CLOCK_MS;
	say(SINEW_ERROR, "node %" PRIu32 " incarnation=%016" PRIx64 " fencing failed, attempt=%u: "
	    "%s %s; retrying in %.1f s", r->nodeid, r->incarnation, r->n_failed,
	    f->setup.command, what, (double)f->setup.retry_ms / 1000);
}

/* The program has ended; its request is the first. */
static void reap(struct fence *f, int status, uint64_t now_ns)
{
	struct fence_request r = f->requests[0];
	char what[80];

	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->pid = 0;
	drop(f, 0);
	if (WIFEXITED(status) && !WEXITSTATUS(status) && !f->is_late) {
		say(SINEW_WARNING, "node %" PRIu32 " incarnation=%016" PRIx64 " fenced by %s",
		    r.nodeid, r.incarnation, f->setup.command);
		f->setup.fenced(f->setup.arg, &r);
		return;
	}
	if (f->is_late)
		snprintf(what, sizeof(what), "timed out after %.1f s (fence_timeout_ms)",
			 (double)f->setup.timeout_ms / 1000);
	else if (WIFEXITED(status))
		snprintf(what, sizeof(what), "exited with status %d", WEXITSTATUS(status));
	else
		snprintf(what, sizeof(what), "was killed by signal %d", WTERMSIG(status));
	failed(f, &r, now_ns, what);
	/* Behind the others: who hangs does not hold them up. */
	f->requests[f->n_requests++] = r;
}

static void look_after(struct fence *f, uint64_t now_ns)
{
	int status = 0;
	pid_t pid = waitpid(f->pid, &status, WNOHANG);

	if (pid == f->pid) {
		reap(f, status, now_ns);
		return;
	}
	if (pid < 0 && errno == ECHILD) {
		/* Somebody else has taken the status: it counts as a failure. */
		reap(f, 1 << 8, now_ns);
		return;
	}
	if (now_ns < f->until_ns || f->is_late)
		return;
	f->is_late = true;
	/* Its children, too. */
	kill(-f->pid, SIGKILL);
	kill(f->pid, SIGKILL);
}

/* True: the program runs. The request moves to the front. */
static bool begin(struct fence *f, unsigned i, uint64_t now_ns)
{
	const struct fence_request r = f->requests[i];
	char what[80];
	int rc;

	memmove(&f->requests[1], &f->requests[0], i * sizeof(r));
	f->requests[0] = r;
	f->is_late = false;
	f->until_ns = now_ns + f->setup.timeout_ms * CLOCK_MS;
	say(SINEW_WARNING, "node %" PRIu32 " incarnation=%016" PRIx64 " being fenced by %s: %s",
	    r.nodeid, r.incarnation, f->setup.command, sinew_fence_reason_name(r.reason));
	rc = start(f, &f->requests[0]);
	if (!rc)
		return true;
	snprintf(what, sizeof(what), "could not be started: %s", strerror(rc));
	failed(f, &f->requests[0], now_ns, what);
	return false;
}

void fence_step(struct fence *f, uint64_t now_ns)
{
	unsigned i = 0;

	if (f->pid)
		look_after(f, now_ns);
	while (!f->pid && !f->is_stopped && i < f->n_requests) {
		struct fence_request *r = &f->requests[i];
		enum fence_turn turn;

		if (now_ns < r->next_ns) {
			i++;
			continue;
		}
		turn = f->setup.turn(f->setup.arg, r);
		if (turn == FENCE_DONE) {
			drop(f, i);
			continue;
		}
		i++;
		if (turn == FENCE_OTHERS)
			r->next_ns = now_ns + POLL_NS;
		else if (begin(f, i - 1, now_ns))
			return;
	}
}

bool fence_is_running(const struct fence *f)
{
	return f->pid > 0;
}

uint64_t fence_deadline(const struct fence *f)
{
	uint64_t until = CLOCK_NEVER;
	unsigned i;

	if (f->pid && f->fd < 0)
		return clock_now_ns() + POLL_NS / 10;
	if (f->pid)
		return f->is_late ? clock_now_ns() + POLL_NS : f->until_ns;
	for (i = 0; i < f->n_requests; i++)
		if (f->requests[i].next_ns < until)
			until = f->requests[i].next_ns;
	return until;
}

void fence_stop(struct fence *f)
{
	f->is_stopped = true;
}

void fence_close(struct fence *f)
{
	if (f->pid) {
		kill(-f->pid, SIGKILL);
		kill(f->pid, SIGKILL);
		while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->pid = 0;
	f->fd = -1;
	f->n_requests = 0;
}
