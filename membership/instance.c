/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/instance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define MS	INSTANCE_MS

uint64_t instance_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

uint64_t instance_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / MS;
}

struct sinew_corosync *instance_new(const struct sinew_corosync_setup *setup)
{
	struct sinew_corosync *c = calloc(1, sizeof(*c));
	pthread_mutexattr_t mutex_attr;
	pthread_condattr_t attr;
	int rc;

	if (!c)
		return NULL;
	c->setup = *setup;
	c->wanted = PHASE_OPEN;
	c->refs = 1;
	c->nodelist.names_again_ns = VIEW_NEVER;
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->published.change_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake_fd < 0 || c->published.change_fd < 0)
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
	if (c->published.change_fd >= 0)
		close(c->published.change_fd);
	free(c);
	return NULL;
}

void instance_log(struct sinew_corosync *c, enum sinew_level level, const char *fmt, ...)
{
	char line[INSTANCE_TEXT_MAX];
	va_list args;

	if (!c->setup.log || level > c->setup.log_level)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	c->setup.log(c->setup.log_user, level, line);
}

void instance_wake(struct sinew_corosync *c)
{
	const uint64_t one = 1;

	/* It can only fail when the thread is awake already. */
	if (write(c->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void instance_unref(struct sinew_corosync *c)
{
	if (--c->refs)
		return;
	if (c->nodelist.config != c->first)
		sinew_config_free(c->nodelist.config);
	sinew_config_free(c->first);
	close(c->published.change_fd);
	close(c->wake_fd);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void instance_say_error(struct sinew_corosync *c, int error, const char *text)
{
	instance_lock(c);
	if (strcmp(c->text, text))
		instance_log(c, SINEW_WARNING, "%s; retrying", text);
	c->error = error;
	snprintf(c->text, sizeof(c->text), "%s", text);
	instance_unlock(c);
}
