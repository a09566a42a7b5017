/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/again.h"

#include "lowcomms/thread.h"
#include "membership/resolve.h"
#include "membership/static_inside.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct again {
	pthread_mutex_t lock;		/* around calls of the node, which wait for nobody */
	_Atomic unsigned refs;		/* of the file and of the thread */
	struct sinew_node *node;	/* NULL: it may be gone; lock */
	int stop_fd;			/* constant; an eventfd */
	struct sinew_config *config;	/* of the thread, as are these */
	sinew_log_fn log;
	void *log_user;
	enum sinew_level level;
	char said[SINEW_CONFIG_ERROR_MAX];	/* what was wrong the last time */
};

static void unref(struct again *a)
{
	if (--a->refs)
		return;
	close(a->stop_fd);
	pthread_mutex_destroy(&a->lock);
	sinew_config_free(a->config);
	free(a);
}

/* Nothing is said any more once the file is released. */
static void say(void *arg, enum sinew_level level, const char *text)
{
	struct again *a = arg;

	pthread_mutex_lock(&a->lock);
	if (a->node && a->log && level <= a->level)
		a->log(a->log_user, level, text);
	pthread_mutex_unlock(&a->lock);
}

static void tell_node(struct again *a, const struct sinew_config *before)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];

	for (unsigned i = 0; i < a->config->n_nodes; i++) {
		const struct static_node *node = &a->config->nodes[i];
		const unsigned n_before = static_addrs(&before->nodes[i], addrs);
		const unsigned n = static_addrs(node, addrs);

		if (n == n_before)
			continue;
		pthread_mutex_lock(&a->lock);
		if (a->node && node->nodeid != sinew_node_id(a->node))
			sinew_peer_set_addrs(a->node, node->nodeid, addrs, n);
		pthread_mutex_unlock(&a->lock);
	}
}

static void say_error(struct again *a, const char *text)
{
	if (*text && strcmp(text, a->said))
		say(a, SINEW_WARNING, text);
	snprintf(a->said, sizeof(a->said), "%s", text);
}

/* False: it is to end. */
static bool look(struct again *a)
{
	struct sinew_config *before = static_copy(a->config);
	char text[SINEW_CONFIG_ERROR_MAX] = "";
	int rc;

	/* Without memory there may be some the next time. */
	if (!before)
		return true;
	rc = sinew_config_resolve(a->config, a->stop_fd, text, sizeof(text));
	if (rc != -ECANCELED) {
		say_error(a, text);
		resolve_news(a->config, before, say, a);
		tell_node(a, before);
	}
	sinew_config_free(before);
	return rc != -ECANCELED;
}

static void *run(void *arg)
{
	struct pollfd p;
	struct again *a = arg;

	do {
		p = (struct pollfd){ .fd = a->stop_fd, .events = POLLIN };
		if (poll(&p, 1, STATIC_AGAIN_MS) > 0)
			break;
	} while (look(a) && sinew_config_unresolved(a->config, 0, NULL, 0));
	unref(a);
	return NULL;
}

int sinew_config_follow(struct sinew_config *config, struct sinew_node *node, sinew_log_fn log,
			void *log_user, enum sinew_level level)
{
	struct again *a;
	pthread_t thread;
	int rc = -ENOMEM;

	if (!sinew_config_unresolved(config, 0, NULL, 0))
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	if (pthread_mutex_init(&a->lock, NULL)) {
		free(a);
		return -ENOMEM;
	}
	a->refs = 1;
	a->node = node;
	a->log = log;
	a->log_user = log_user;
	a->level = level;
	a->config = static_copy(config);
	a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->stop_fd < 0) {
		rc = -errno;
	} else if (a->config) {
		a->refs++;
		rc = thread_start(0, run, a, &thread);
		if (rc)
			a->refs--;
	}
	if (rc) {
		unref(a);
		return rc;
	}
	pthread_detach(thread);
	config->again = a;
	return 0;
}

void sinew_config_unfollow(struct sinew_config *config)
{
	again_stop(config->again);
	config->again = NULL;
}

void again_stop(struct again *a)
{
	const uint64_t one = 1;

	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->node = NULL;
	/* It can only fail when it is readable already. */
	if (write(a->stop_fd, &one, sizeof(one)) < 0)
		a->node = NULL;
	pthread_mutex_unlock(&a->lock);
	unref(a);
}
