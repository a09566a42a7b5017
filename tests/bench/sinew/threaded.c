/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node on a thread of its own: its callbacks wake the threads that wait.
 * Knows nothing of what is measured.
 */
#include "tests/bench/sinew/threaded.h"

#include <errno.h>
#include <time.h>

#include "tests/bench/sinew/node.h"

static void on_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct threaded *t = user;

	(void)node;
	pthread_mutex_lock(&t->lock);
	t->session = sinew_session_ref(session);
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static void on_writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct threaded *t = user;

	(void)node;
	(void)session;
	pthread_mutex_lock(&t->lock);
	t->n_writable++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static void on_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		    const struct sinew_delivery *delivery, void *user)
{
	struct threaded *t = user;

	(void)node;
	(void)session;
	(void)reason;
	(void)delivery;
	pthread_mutex_lock(&t->lock);
	t->is_down = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

int threaded_open(struct threaded *t, const struct settings *s, uint32_t queue_bytes)
{
	const struct sinew_callbacks cb = {
		.size = sizeof cb,
		.session_up = on_up,
		.writable = on_writable,
		.session_down = on_down,
	};
	struct sinew_options opt;
	int err = node_options(&opt, s->end.net, 1, s->end.port);

	*t = (struct threaded){ .node = NULL };
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	opt.queue_bytes = queue_bytes;
	opt.own_thread = true;
	if (!err)
		err = sinew_node_new(&opt, &cb, t, &t->node);
	return err ? err : node_knows(t->node, s->end.net, 2, s->end.port);
}

/* Under the lock: until something has changed; bounded. */
static int wait_for_change(struct threaded *t)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_WAIT_MS / 1000;
	return -pthread_cond_timedwait(&t->changed, &t->lock, &until);
}

int threaded_wait_up(struct threaded *t)
{
	int err = 0;

	pthread_mutex_lock(&t->lock);
	while (!t->session && !err)
		err = wait_for_change(t);
	pthread_mutex_unlock(&t->lock);
	return err;
}

static int wait_for_room(struct threaded *t, unsigned n_writable)
{
	int err = 0;

	pthread_mutex_lock(&t->lock);
	while (t->n_writable == n_writable && !t->is_down && !err)
		err = wait_for_change(t);
	pthread_mutex_unlock(&t->lock);
	return err;
}

int threaded_send(struct threaded *t, const void *data, size_t len)
{
	int err = sinew_send(t->session, data, len);

	while (err == -EAGAIN) {
		unsigned n_writable;

		pthread_mutex_lock(&t->lock);
		n_writable = t->n_writable;
		pthread_mutex_unlock(&t->lock);
		/* The word may have come before we looked. */
		err = sinew_send(t->session, data, len);
		if (err != -EAGAIN)
			break;
		err = wait_for_room(t, n_writable);
		if (!err)
			err = sinew_send(t->session, data, len);
	}
	return err;
}

int threaded_finish(struct threaded *t)
{
	int err = sinew_session_finish(t->session);

	pthread_mutex_lock(&t->lock);
	while (!t->is_down && !err)
		err = wait_for_change(t);
	pthread_mutex_unlock(&t->lock);
	return err;
}

void threaded_close(struct threaded *t)
{
	sinew_node_free(t->node);
	sinew_session_unref(t->session);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
}
