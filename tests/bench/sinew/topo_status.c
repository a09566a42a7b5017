/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The jobs of the status of a node with many peers, which are all in a second process: how long the
 * command takes that prints it, and what messages lose while it is asked for.
 * Knows nothing of how that is judged.
 */
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/sinew-control.h"
#include "tests/bench/sinew/host.h"
#include "tests/bench/sinew/jobs.h"
#include "tools/clock.h"
#include "tools/histogram.h"

#define NAME_BYTES	64
#define ANSWER_MAX	(4u << 20)
#define PATH_BYTES	256
#define FIRST_PEER	2u
#define WAIT_MS		20000
#define MESSAGE_BYTES	64u
#define MESSAGES	64u /* between two turns */
#define WINDOW_MS	200u
#define ASKS_A_WINDOW	2u
#define ASK_MS		(WINDOW_MS / ASKS_A_WINDOW)

extern char **environ;

struct watched {
	struct host host;
	char name[NAME_BYTES]; /* of its control socket */
	/* The thread that asks. */
	pthread_t thread;
	_Atomic unsigned n_due; /* questions of this window that are not answered */
	_Atomic bool stop;
	_Atomic int err;
};

static int watched_open(struct watched *w, const struct settings *s)
{
	const struct sinew_control_options control = { .size = sizeof control, .name = w->name };
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = 1,
		.first = FIRST_PEER,
		.last = FIRST_PEER - 1 + (uint32_t)s->nodes,
		.queue_bytes = s->end.queue_bytes,
	};
	int err = host_open(&w->host, &opt);

	snprintf(w->name, sizeof w->name, "sinew/bench/%s/%u", s->end.net, s->end.port);
	if (!err)
		err = sinew_control_serve(w->host.nodes[0].node, &control);
	if (!err)
		err = host_meet(&w->host, &opt);
	return err ? err : host_until(&w->host, host_is_up);
}

/* ---- the command ---- */

/* build/sinew, beside the folder of this program. */
static int command_path(char path[PATH_BYTES])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES - sizeof "/sinew");

	for (unsigned i = 0; i < 2 && n > 0; i++)
		while (--n > 0 && path[n] != '/')
			;
	if (n <= 0)
		return -ENOENT;
	memcpy(path + n, "/sinew", sizeof "/sinew");
	return 0;
}

/* All that comes, as a string; it is longer than the buffer: -EMSGSIZE. */
static int read_all(int fd, char *buf)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, ANSWER_MAX - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return n < 0 ? -errno : len == ANSWER_MAX - 1 ? -EMSGSIZE : 0;
}

static int run_command(char *path, char *name, char *answer)
{
	char *const argv[] = { path, "status", "--socket", name, "--json", NULL };
	posix_spawn_file_actions_t actions;
	int fds[2], err, status = -1;
	pid_t pid;

	if (pipe(fds))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	err = -posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (!err) {
		err = read_all(fds[0], answer);
		waitpid(pid, &status, 0);
		err = err || !status ? err : -ECHILD;
	}
	close(fds[0]);
	return err;
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
		n++;
	return n;
}

/* count times, about nodes peers. */
int job_topo_status(const struct settings *s)
{
	struct histogram *h = calloc(1, sizeof *h);
	struct watched *w = calloc(1, sizeof *w);
	char *answer = malloc(ANSWER_MAX), path[PATH_BYTES];
	int err = h && w && answer ? command_path(path) : -ENOMEM;

	if (!err)
		err = watched_open(w, s);
	for (uint64_t i = 0; i < s->count && !err; i++) {
		uint64_t began = clock_now_ns();

		err = run_command(path, w->name, answer);
		histogram_add(h, clock_now_ns() - began);
		if (!err && count_of(answer, "\"ESTABLISHED\"") != s->nodes)
			err = -EPROTO;
		if (!err)
			err = host_turn(&w->host, 0);
	}
	if (err)
		return trouble("no status", err);
	result_histogram(h);
	host_close(&w->host);
	free(answer);
	free(w);
	free(h);
	return 0;
}

/* ---- messages meanwhile ---- */

static int ask_once(const char *name)
{
	static const char request[] = "{\"schema\":1,\"ask\":\"status\"}";
	char *answer = NULL;
	int err = sinew_control_ask(name, request, WAIT_MS, &answer);

	if (!err && strstr(answer, "\"error\":"))
		err = -EPROTO;
	sinew_control_free(answer);
	return err;
}

static void *ask(void *arg)
{
	const struct timespec pause = { .tv_nsec = ASK_MS * CLOCK_MS };
	struct watched *w = arg;

	while (!atomic_load(&w->err) && !atomic_load(&w->stop)) {
		nanosleep(&pause, NULL);
		if (!atomic_load(&w->n_due))
			continue;
		atomic_store(&w->err, ask_once(w->name));
		atomic_fetch_sub(&w->n_due, 1);
	}
	return NULL;
}

static int stream(struct host *h)
{
	uint8_t buf[MESSAGE_BYTES];
	int err = 0;

	for (unsigned i = 0; i < MESSAGES && !err; i++)
		err = host_send(&h->nodes[0], FIRST_PEER, buf, sizeof buf, false);
	return err && err != -EAGAIN ? err : host_turn(h, 0);
}

static int round_trip(struct host *h)
{
	uint8_t buf[MESSAGE_BYTES];
	uint64_t n = h->n_came;
	int err = host_send(&h->nodes[0], FIRST_PEER, buf, sizeof buf, false);

	while (!err && h->n_came == n)
		err = host_turn(h, WAIT_MS);
	return err;
}

/* Until the time is over, and all is answered. */
static int window(struct watched *w, bool is_echoed)
{
	uint64_t until = clock_now_ns() + WINDOW_MS * CLOCK_MS;
	int err = 0;

	while (!err && (clock_now_ns() < until || atomic_load(&w->n_due))) {
		err = is_echoed ? round_trip(&w->host) : stream(&w->host);
		if (!err)
			err = atomic_load(&w->err);
	}
	return err;
}

/* Windows without and with questions, in the order 0 1 1 0; their rates go to per_s. */
static int windows(struct watched *w, const struct settings *s, double per_s[2])
{
	uint64_t ns[2] = { 0 }, n[2] = { 0 }, n_windows = s->ms / WINDOW_MS / 4 * 4;
	struct hosted *center = &w->host.nodes[0];
	int err = 0;

	for (uint64_t i = 0; i < n_windows && !err; i++) {
		uint64_t began = clock_now_ns(), sent = center->sent[FIRST_PEER];
		unsigned is_asked = i % 4 == 1 || i % 4 == 2;

		atomic_store(&w->n_due, is_asked ? ASKS_A_WINDOW : 0);
		err = window(w, s->depth != 0);
		ns[is_asked] += clock_now_ns() - began;
		n[is_asked] += center->sent[FIRST_PEER] - sent;
	}
	for (unsigned i = 0; i < 2; i++)
		per_s[i] = (double)n[i] * CLOCK_S / (double)ns[i];
	return err;
}

/* A stream to one of nodes peers, or round trips if depth is not 0. */
int job_topo_asked(const struct settings *s)
{
	struct watched *w = calloc(1, sizeof *w);
	double per_s[2] = { 0 };
	int err = w ? watched_open(w, s) : -ENOMEM;

	if (!err)
		err = -pthread_create(&w->thread, NULL, ask, w);
	if (!err) {
		err = windows(w, s, per_s);
		atomic_store(&w->stop, true);
		pthread_join(w->thread, NULL);
	}
	if (err)
		return trouble("no messages beside the status", err);
	result("without_s", per_s[0]);
	result("with_s", per_s[1]);
	host_close(&w->host);
	free(w);
	return 0;
}
