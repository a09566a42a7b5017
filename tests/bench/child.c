/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes of a measure: starts, listens, ends them.
 * Knows nothing of what they do.
 */
#include "tests/bench/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/clock.h"

#define TEXT_MAX 8192 /* of what one process writes to one of its outputs */

struct text {
	char bytes[TEXT_MAX];
	size_t n;
};

struct child {
	pid_t pid;
	int release; /* our end of its standard input, or -1 */
	int out, err; /* our ends of its outputs; -1: ended */
	struct text out_text, err_text;
	int status;
	bool is_killed; /* by us: its status says nothing */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void become(char **argv, const int in[2], const int out[2], const int err[2],
		   enum place place, unsigned index)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	dup2(err[1], STDERR_FILENO);
	place_take(place, index);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int start(struct child *c, char **argv, enum place place, unsigned index)
{
	int in[2], out[2], err[2];

	*c = (struct child){ .pid = -1, .release = -1, .out = -1, .err = -1 };
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return -errno;
	c->pid = fork();
	if (c->pid == 0)
		become(argv, in, out, err, place, index);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c->release = in[1];
	c->out = out[0];
	c->err = err[0];
	return c->pid < 0 ? -errno : 0;
}

/* Output over the limit is read and thrown away. */
static void listen_to(int *fd, struct text *text)
{
	char rest[1024];
	size_t room = TEXT_MAX - 1 - text->n;
	ssize_t n = read(*fd, room ? text->bytes + text->n : rest, room ? room : sizeof rest);

	if (n > 0 && room)
		text->n += (size_t)n;
	if (n == 0 || (n < 0 && errno != EINTR))
		close_fd(fd);
}

/* True: it has ended, as far as its outputs tell. */
static bool has_ended(const struct child *c)
{
	return c->out < 0 && c->err < 0;
}

static void release_all(struct child *children, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close_fd(&children[i].release);
}

static void reap(struct child *c)
{
	while (c->pid > 0 && waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
		;
	c->pid = -1;
}

static bool went_well(const struct child *c)
{
	return WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0;
}

/* Until all have ended, or one has failed; false: that was not in time. */
static bool gather(struct child *children, unsigned n, uint64_t until_ns)
{
	bool all_well = true;

	for (;;) {
		struct pollfd fds[2 * CHILDREN_MAX];
		unsigned n_open = 0;

		for (unsigned i = 0; i < n; i++) {
			fds[2 * i] = (struct pollfd){ children[i].out, POLLIN, 0 };
			fds[2 * i + 1] = (struct pollfd){ children[i].err, POLLIN, 0 };
			n_open += !has_ended(&children[i]);
			if (!has_ended(&children[i]))
				continue;
			release_all(children, n);
			reap(&children[i]);
			all_well = all_well && went_well(&children[i]);
		}
		if (!n_open || !all_well)
			return true;
		if (clock_now_ns() >= until_ns)
			return false;
		poll(fds, 2 * n, clock_timeout_ms(until_ns));
		for (unsigned i = 0; i < n; i++) {
			if (fds[2 * i].revents)
				listen_to(&children[i].out, &children[i].out_text);
			if (fds[2 * i + 1].revents)
				listen_to(&children[i].err, &children[i].err_text);
		}
	}
}

/* A child that is still there is there because of a failure. */
static void end(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		c->is_killed = true;
	}
	reap(c);
	close_fd(&c->release);
	close_fd(&c->out);
	close_fd(&c->err);
}

/* ---- what they told ---- */

static void add(struct outcome *o, const char *key, double value)
{
	for (unsigned i = 0; i < o->n; i++) {
		if (strcmp(o->results[i].key, key) != 0)
			continue;
		o->results[i].value += value;
		return;
	}
	if (o->n == RESULTS_MAX)
		return;
	snprintf(o->results[o->n].key, sizeof o->results[0].key, "%s", key);
	o->results[o->n++].value = value;
}

/* Of both processes; the same key of both is their sum. */
static void read_results(struct outcome *o, struct child *c)
{
	static const char collected[] = "Collected : ";
	char *line, *rest = NULL, key[24];
	const char *found;
	double value;

	c->out_text.bytes[c->out_text.n] = '\0';
	c->err_text.bytes[c->err_text.n] = '\0';
	found = strstr(c->err_text.bytes, collected);
	if (found && sscanf(found + sizeof collected - 1, "%lf", &value) == 1)
		add(o, "instructions", value);
	for (line = strtok_r(c->out_text.bytes, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, "%23s %lf", key, &value) == 2)
			add(o, key, value);
}

/* The last line of its errors says why. */
static void tell_why(struct outcome *o, struct child *c, char **argv, unsigned limit_s,
		     bool in_time)
{
	const char *last = c->err_text.bytes;
	size_t n = c->err_text.n;

	if (o->why[0] || (in_time && (c->is_killed || went_well(c))))
		return;
	while (n && c->err_text.bytes[n - 1] == '\n')
		c->err_text.bytes[--n] = '\0';
	if (strrchr(last, '\n'))
		last = strrchr(last, '\n') + 1;
	if (!in_time)
		snprintf(o->why, sizeof o->why, "%s was not done in %u s", argv[1], limit_s);
	else if (WIFSIGNALED(c->status))
		snprintf(o->why, sizeof o->why, "%s: signal %d %s", argv[1], WTERMSIG(c->status),
			 last);
	else
		snprintf(o->why, sizeof o->why, "%s: status %d: %s", argv[1],
			 WEXITSTATUS(c->status), last);
}

int children_run(char **const argv[], unsigned n, enum place place, unsigned limit_s,
		 struct outcome *ret)
{
	struct child children[CHILDREN_MAX];
	unsigned n_started = 0;
	bool in_time = true;
	int err = 0;

	*ret = (struct outcome){ .n = 0 };
	while (!err && n_started < n) {
		err = start(&children[n_started], argv[n_started], place, n_started);
		n_started++;
	}
	if (err)
		snprintf(ret->why, sizeof ret->why, "cannot start: %s", strerror(-err));
	else
		in_time = gather(children, n, clock_now_ns() + limit_s * CLOCK_S);
	for (unsigned i = 0; i < n_started; i++) {
		end(&children[i]);
		read_results(ret, &children[i]);
		tell_why(ret, &children[i], argv[i], limit_s, in_time);
	}
	return ret->why[0] ? -1 : 0;
}

bool outcome_get(const struct outcome *o, const char *key, double *ret_value)
{
	for (unsigned i = 0; i < o->n; i++) {
		if (strcmp(o->results[i].key, key) != 0)
			continue;
		*ret_value = o->results[i].value;
		return true;
	}
	return false;
}
