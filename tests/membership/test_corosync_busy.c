/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of a corosync that runs but is not ready yet, as while it starts: the library says
 * so, and the command waits for it, also when no option names corosync or a file. A server with
 * corosync's three IPC names, which refuses every connection, stands for it. Uses the public API.
 * run.sh: timeout=60
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/lib/check.h"

#include "membership/sinew-corosync.h"

#if defined(HAVE_COROSYNC) && defined(HAVE_LIBQB)
#include <qb/qbipcs.h>
#include <qb/qbloop.h>

#define OPEN_MS		100
#define TRIES		12	/* 250 ms each: a missing one is given up after 1 s */
#define LIMIT_S		30

static unsigned *n_denied;	/* shared with the server */
static qb_loop_t *loop;

static int32_t deny(qb_ipcs_connection_t *c, uid_t uid, gid_t gid)
{
	(void)c, (void)uid, (void)gid;
	__atomic_add_fetch(n_denied, 1, __ATOMIC_RELAXED);
	return -EAGAIN;
}

static int32_t ignore(qb_ipcs_connection_t *c, void *data, size_t size)
{
	(void)c, (void)data, (void)size;
	return 0;
}

static int32_t job_add(enum qb_loop_priority p, void *data, qb_loop_job_dispatch_fn fn)
{
	return qb_loop_job_add(loop, p, data, fn);
}

static int32_t poll_add(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
			qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_add(loop, p, fd, events, data, fn);
}

static int32_t poll_mod(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
			qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_mod(loop, p, fd, events, data, fn);
}

static int32_t poll_del(int32_t fd)
{
	return qb_loop_poll_del(loop, fd);
}

static void serve(int ready)
{
	static const char *const names[] = { "cmap", "cpg", "quorum" };
	struct qb_ipcs_service_handlers handlers = { .connection_accept = deny,
						     .msg_process = ignore };
	struct qb_ipcs_poll_handlers polls = { job_add, poll_add, poll_mod, poll_del };

	alarm(LIMIT_S);
	loop = qb_loop_create();
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		qb_ipcs_service_t *s = qb_ipcs_create(names[i], 0, QB_IPC_SHM, &handlers);

		qb_ipcs_poll_handlers_set(s, &polls);
		if (qb_ipcs_run(s))
			_exit(1);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	qb_loop_run(loop);
	_exit(0);
}

static pid_t begin_server(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (!CHECK(!pipe(ready)))
		return -1;
	*n_denied = 0;
	fflush(stdout);
	pid = fork();
	if (!pid)
		serve(ready[1]);
	close(ready[1]);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void opening_says_so(void)
{
	pid_t server = begin_server();
	struct sinew_corosync_setup setup;
	struct sinew_corosync *cs = NULL;
	char err[256] = "";

	sinew_corosync_setup_init(&setup, sizeof(setup));
	setup.connect_ms = OPEN_MS;
	CHECK_EQ(sinew_corosync_open(&setup, &cs, err, sizeof(err)), -EAGAIN);
	CHECK(strstr(err, "corosync is not ready yet"));
	CHECK(*n_denied);
	end(server);
}

static void the_command_waits(void)
{
	const char *build = getenv("BUILD");
	pid_t server = begin_server(), tool;
	char path[4096];

	snprintf(path, sizeof(path), "%s/checked/sinew", build ? build : "build");
	fflush(stdout);
	tool = fork();
	if (!tool) {
		alarm(LIMIT_S);
		execl(path, path, "members", "--log-level", "error", (char *)NULL);
		_exit(127);
	}
	/* Whichever comes first; both have their bound. */
	while (__atomic_load_n(n_denied, __ATOMIC_RELAXED) < TRIES &&
	       !waitpid(tool, NULL, WNOHANG))
		usleep(10000);
	CHECK(__atomic_load_n(n_denied, __ATOMIC_RELAXED) >= TRIES);
	end(tool);
	end(server);
}

int main(void)
{
	/* One that runs on this machine is not to be met. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) && unshare(CLONE_NEWNET)) {
		printf("ok - a busy corosync # SKIP no network namespace of its own\n");
		return 0;
	}
	n_denied = mmap(NULL, sizeof(*n_denied), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!CHECK(n_denied != MAP_FAILED))
		return 1;
	RUN(opening_says_so);
	RUN(the_command_waits);
	return check_done();
}

#else

int main(void)
{
	printf("ok - a busy corosync # SKIP built without the libraries of corosync\n");
	return 0;
}

#endif
