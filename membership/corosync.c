/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Membership by corosync: the public functions.
 * Knows nothing of corosync's calls, nor of what its events mean.
 */
#include "membership/corosync.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "membership/config.h"
#include "membership/follow.h"

#define CONNECT_MS	10000
#define NAMES_SLACK_MS	500	/* from the end of a search for names to its result */
#define HANG_NS		(500 * MS)
#define FREE_MS		2000	/* corosync may take so long to let us leave */
#define MS		FOLLOW_MS

uint64_t follow_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

uint64_t follow_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / MS;
}

bool follow_life(struct sinew_corosync *c, uint64_t *ret_life)
{
	uint64_t life;
	ssize_t n;

	do
		n = getrandom(&life, sizeof(life), 0);
	while (n < 0 && errno == EINTR);
	if (n == sizeof(life)) {
		*ret_life = life | 1;
		return true;
	}
	follow_log(c, SINEW_ERROR, "no random number for a new incarnation: %s; retrying",
		   n < 0 ? strerror(errno) : "too few bytes");
	return false;
}

void follow_log(struct sinew_corosync *c, enum sinew_level level, const char *fmt, ...)
{
	char line[FOLLOW_TEXT_MAX];
	va_list args;

	if (!c->setup.log || level > c->setup.log_level)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	c->setup.log(c->setup.log_user, level, line);
}

void follow_wake(struct sinew_corosync *c)
{
	const uint64_t one = 1;

	/* It can only fail when the thread is awake already. */
	if (write(c->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void follow_unref(struct sinew_corosync *c)
{
	unsigned left;

	follow_lock(c);
	left = --c->refs;
	follow_unlock(c);
	if (left)
		return;
	if (c->config != c->first)
		sinew_config_free(c->config);
	sinew_config_free(c->first);
	free(c->members);
	free(c->before);
	close(c->change_fd);
	close(c->wake_fd);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- open ---- */

void sinew_corosync_setup_init(struct sinew_corosync_setup *setup, size_t size)
{
	const struct sinew_corosync_setup defaults = {
		.size = size,
		.connect_ms = CONNECT_MS,
		.log_level = SINEW_INFO,
	};

	memset(setup, 0, size);
	memcpy(setup, &defaults, size < sizeof(defaults) ? size : sizeof(defaults));
}

static struct sinew_corosync *allocate(const struct sinew_corosync_setup *setup)
{
	struct sinew_corosync *c = calloc(1, sizeof(*c));
	pthread_mutexattr_t mutex_attr;
	pthread_condattr_t attr;
	int rc;

	if (!c)
		return NULL;
	sinew_corosync_setup_init(&c->setup, sizeof(c->setup));
	if (setup)
		memcpy(&c->setup, setup, setup->size < sizeof(c->setup) ? setup->size :
									  sizeof(c->setup));
	c->setup.size = sizeof(c->setup);
	if (!c->setup.connect_ms)
		c->setup.connect_ms = CONNECT_MS;
	c->refs = 1;
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->change_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake_fd < 0 || c->change_fd < 0)
		goto out;
	pthread_mutexattr_init(&mutex_attr);
	pthread_mutexattr_settype(&mutex_attr, PTHREAD_MUTEX_ERRORCHECK);
	rc = pthread_mutex_init(&c->lock, &mutex_attr);
	pthread_mutexattr_destroy(&mutex_attr);
	if (rc)
		goto out;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
	return c;

out:
	if (c->wake_fd >= 0)
		close(c->wake_fd);
	if (c->change_fd >= 0)
		close(c->change_fd);
	free(c);
	return NULL;
}

/* With all signals blocked: they belong to the application's threads. */
static int start_thread(struct sinew_corosync *c)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, IPC_STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	c->refs++;
	rc = pthread_create(&c->thread, &attr, follow_run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc)
		c->refs--;
	return -rc;
}

static struct timespec in_ms(uint32_t ms)
{
	const uint64_t at = follow_now_ns() + ms * MS;

	return (struct timespec){ (time_t)(at / (1000 * MS)), (long)(at % (1000 * MS)) };
}

/* It is in a call that does not end; a short one is part of trying again. */
static bool is_hanging(struct sinew_corosync *c)
{
	const uint64_t since = atomic_load(&c->calling_since_ns);

	return since && (!c->error || follow_now_ns() > since + HANG_NS);
}

/* 0 when it is open, else why not; *ret_text as well. */
static int wait_until_open(struct sinew_corosync *c, char *err, size_t err_size)
{
	struct timespec until = in_ms(c->setup.connect_ms);
	bool has_waited = false;
	int rc = 0;

	follow_lock(c);
	while (!c->is_open && !c->has_ended && rc != ETIMEDOUT) {
		rc = pthread_cond_timedwait(&c->changed, &c->lock, &until);
		/* It is not corosync that does not answer: names have a time of their own. */
		if (rc != ETIMEDOUT || !c->is_resolving || has_waited)
			continue;
		has_waited = true;
		until = in_ms(NAMES_MS + NAMES_SLACK_MS);
		rc = 0;
	}
	if (c->is_open)
		rc = 0;
	else if (is_hanging(c))
		rc = -ETIMEDOUT;
	else
		rc = c->error ? c->error : -ETIMEDOUT;
	if (rc == -ETIMEDOUT)
		snprintf(err, err_size, "corosync does not answer (hung?)");
	else if (rc)
		snprintf(err, err_size, "%s", c->text);
	follow_unlock(c);
	return rc;
}

int sinew_corosync_open(const struct sinew_corosync_setup *setup, struct sinew_corosync **ret_cs,
			char *err, size_t err_size)
{
	struct sinew_corosync *c;
	int rc;

	if (err_size)
		err[0] = '\0';
	if (setup && setup->size <= sizeof(setup->size)) {
		snprintf(err, err_size, "setup not initialized by sinew_corosync_setup_init()");
		return -EINVAL;
	}
	c = allocate(setup);
	if (!c) {
		snprintf(err, err_size, "out of memory or descriptors");
		return -ENOMEM;
	}
	rc = start_thread(c);
	if (rc) {
		snprintf(err, err_size, "cannot start a thread: %s", strerror(-rc));
		follow_unref(c);
		return rc;
	}
	rc = wait_until_open(c, err, err_size);
	if (rc) {
		sinew_corosync_free(c);
		return rc;
	}
	*ret_cs = c;
	return 0;
}

int sinew_corosync_options(struct sinew_corosync *cs, struct sinew_options *opt)
{
	char err[CONFIG_ERROR_MAX];
	int rc;

	rc = sinew_config_options(cs->first, cs->nodeid, opt, err, sizeof(err));
	if (!rc)
		opt->membership = SINEW_MEMBERSHIP_EXTERNAL;
	return rc;
}

const struct sinew_config *sinew_corosync_config(const struct sinew_corosync *cs)
{
	return cs->first;
}

uint32_t sinew_corosync_nodeid(const struct sinew_corosync *cs)
{
	return cs->nodeid;
}

/* ---- attach and free ---- */

/* On the loop's thread: they only leave word. */
static void on_renewed(void *arg, uint64_t incarnation)
{
	struct sinew_corosync *c = arg;

	follow_lock(c);
	c->renewed = incarnation;
	follow_unlock(c);
	follow_wake(c);
}

static void on_closing(void *arg)
{
	struct sinew_corosync *c = arg;

	follow_lock(c);
	c->wants_close = true;
	follow_unlock(c);
	follow_wake(c);
}

static void on_closed(void *arg)
{
	struct sinew_corosync *c = arg;

	follow_lock(c);
	c->wants_close = true;
	c->wants_leave = true;
	follow_unlock(c);
	follow_wake(c);
}

static const struct sinew_watch watch = {
	.size = sizeof(watch),
	.renewed = on_renewed,
	.closing = on_closing,
	.closed = on_closed,
};

/* The group of the node; of who only looks on, what the configuration says. */
static int set_group(struct sinew_corosync *cs, const struct sinew_node *node)
{
	struct sinew_options opt;
	int rc = 0;

	sinew_options_init(&opt, sizeof(opt));
	if (!node)
		rc = sinew_corosync_options(cs, &opt);
	if (!rc)
		snprintf(cs->group, sizeof(cs->group), "sinew/%s",
			 node ? sinew_node_group(node) : opt.group);
	return rc;
}

int sinew_corosync_attach(struct sinew_corosync *cs, struct sinew_node *node)
{
	bool was_attached;
	int rc;

	if (cs->setup.observe != !node || (node && sinew_node_id(node) != cs->nodeid))
		return -EINVAL;
	follow_lock(cs);
	was_attached = cs->is_attached;
	cs->is_attached = true;
	follow_unlock(cs);
	if (was_attached)
		return -EALREADY;
	rc = set_group(cs, node);
	/* What happens from here on is heard; the incarnation is asked for behind it. */
	if (!rc && node)
		rc = sinew_watch(node, &watch, cs);
	follow_lock(cs);
	cs->is_attached = !rc;
	cs->is_ready = !rc;
	cs->node = rc ? NULL : node;
	follow_unlock(cs);
	follow_wake(cs);
	return rc;
}

void sinew_corosync_free(struct sinew_corosync *cs)
{
	const struct timespec until = in_ms(FREE_MS);
	struct sinew_node *node;
	bool has_ended;
	int rc = 0;

	if (!cs)
		return;
	follow_lock(cs);
	node = cs->node;
	follow_unlock(cs);
	if (node)
		sinew_watch(node, NULL, NULL);
	atomic_store(&cs->wants_stop, true);
	follow_wake(cs);
	follow_lock(cs);
	while (!cs->has_ended && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&cs->changed, &cs->lock, &until);
	cs->node = NULL;
	has_ended = cs->has_ended;
	follow_unlock(cs);
	/* A thread that hangs in corosync stays behind with what it needs. */
	if (has_ended)
		pthread_join(cs->thread, NULL);
	else
		pthread_detach(cs->thread);
	follow_unref(cs);
}

void sinew_corosync_hold(struct sinew_corosync *cs)
{
	cs->setup.hold_failed = true;
}

int sinew_corosync_fenced(struct sinew_corosync *cs, uint32_t nodeid, uint64_t incarnation)
{
	int rc = 0;

	if (!nodeid || !incarnation)
		return -EINVAL;
	follow_lock(cs);
	if (cs->n_fenced < VIEW_FENCED_MAX)
		cs->fenced[cs->n_fenced++] = (struct view_life){ nodeid, incarnation };
	else
		rc = -ENOSPC;
	follow_unlock(cs);
	follow_wake(cs);
	return rc;
}

/* ---- status ---- */

int sinew_corosync_get_fd(const struct sinew_corosync *cs)
{
	return cs->change_fd;
}

int sinew_corosync_status(struct sinew_corosync *cs, struct sinew_corosync_status *ret)
{
	struct sinew_corosync_status now;
	uint64_t since = atomic_load(&cs->calling_since_ns);

	if (!ret || ret->size < sizeof(ret->size) || ret->size > sizeof(now))
		return -EINVAL;
	follow_lock(cs);
	now = cs->status;
	follow_unlock(cs);
	now.size = ret->size;
	now.silent_ms = since ? (follow_now_ns() - since) / MS : 0;
	memcpy(ret, &now, ret->size);
	return 0;
}

int sinew_corosync_members(struct sinew_corosync *cs, struct sinew_corosync_member *entries,
			   int max)
{
	uint64_t count;
	int n, i;

	if (max < 0 || (max && !entries))
		return -EINVAL;
	follow_lock(cs);
	/* Nothing to read is what is wanted, too. */
	if (read(cs->change_fd, &count, sizeof(count)) < 0)
		count = 0;
	n = (int)cs->n_members;
	for (i = 0; i < n && i < max; i++)
		entries[i] = cs->members[i];
	follow_unlock(cs);
	return n;
}
