/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A descriptor that may block, behind a buffer and a thread that writes.
 * Knows nothing of messages.
 */
#include "tools/output.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum want { NOTHING, ROOM, EMPTY };

struct output {
	int fd;
	int event_fd;
	pthread_t thread;
	pthread_mutex_t lock;	/* of all below but the bytes between head and tail */
	pthread_cond_t filled;
	bool is_idle;		/* the thread waits for bytes and was not told of any */
	bool is_stopped;
	bool is_gone;		/* the thread has returned */
	bool is_left;		/* nobody waits for the thread: it releases all */
	enum want want;
	int error;
	uint64_t head, tail;	/* written up to head, filled up to tail */
	char buf[OUTPUT_BUFFER];
};

static void tell(struct output *out)
{
	uint64_t one = 1;
	bool is_so;

	is_so = out->head == out->tail ||
		(out->want == ROOM && out->tail - out->head <= OUTPUT_BUFFER / 2);
	if (!out->error && (out->want == NOTHING || !is_so))
		return;
	out->want = NOTHING;
	/* Fails only when the counter is full, and then it is readable. */
	if (write(out->event_fd, &one, sizeof(one)) < 0)
		return;
}

/* Writes up to len bytes; blocks as long as the descriptor does. */
static ssize_t write_some(int fd, const char *data, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	for (;;) {
		n = write(fd, data, len);
		if (n >= 0)
			return n;
		/* Somebody else may have made it non-blocking. */
		if (errno == EAGAIN)
			poll(&p, 1, -1);
		else if (errno != EINTR)
			return -errno;
	}
}

static void release(struct output *out)
{
	pthread_cond_destroy(&out->filled);
	pthread_mutex_destroy(&out->lock);
	close(out->event_fd);
	free(out);
}

/* SIGPIPE is blocked in this thread alone: everywhere else it stays as it was. */
static void *run(void *arg)
{
	struct output *out = arg;
	bool is_left;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&out->lock);
	while (!out->is_stopped && !out->error) {
		size_t at = out->head & (OUTPUT_BUFFER - 1);
		size_t len = (size_t)(out->tail - out->head);
		ssize_t n;

		if (!len) {
			out->is_idle = true;
			pthread_cond_wait(&out->filled, &out->lock);
			continue;
		}
		if (len > OUTPUT_BUFFER - at)
			len = OUTPUT_BUFFER - at;
		if (len > OUTPUT_WRITE)
			len = OUTPUT_WRITE;
		pthread_mutex_unlock(&out->lock);
		n = write_some(out->fd, out->buf + at, len);
		pthread_mutex_lock(&out->lock);
		if (n < 0)
			out->error = (int)n;
		else
			out->head += (uint64_t)n;
		tell(out);
	}
	out->is_gone = true;
	is_left = out->is_left;
	pthread_mutex_unlock(&out->lock);
	if (is_left)
		release(out);
	return NULL;
}

int output_new(int fd, struct output **ret_out)
{
	struct output *out;
	int rc;

	out = malloc(sizeof(*out));
	if (!out)
		return -ENOMEM;
	memset(out, 0, offsetof(struct output, buf));
	out->fd = fd;
	out->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (out->event_fd < 0) {
		rc = -errno;
		free(out);
		return rc;
	}
	pthread_mutex_init(&out->lock, NULL);
	pthread_cond_init(&out->filled, NULL);
	rc = -pthread_create(&out->thread, NULL, run, out);
	if (rc) {
		release(out);
		return rc;
	}
	*ret_out = out;
	return 0;
}

void output_free(struct output *out)
{
	pthread_t thread;
	bool is_left;

	if (!out)
		return;
	pthread_mutex_lock(&out->lock);
	thread = out->thread;
	is_left = !out->is_gone && out->head != out->tail;
	out->is_left = is_left;
	out->is_stopped = true;
	pthread_cond_signal(&out->filled);
	pthread_mutex_unlock(&out->lock);
	if (is_left) {
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL);
	release(out);
}

int output_fd(const struct output *out)
{
	return out->event_fd;
}

bool output_want(struct output *out, bool is_empty)
{
	uint64_t count;
	bool waits;

	pthread_mutex_lock(&out->lock);
	/* An older answer is forgotten; fails where there is none. */
	if (read(out->event_fd, &count, sizeof(count)) < 0)
		count = 0;
	out->want = is_empty ? EMPTY : ROOM;
	waits = !out->error && out->head != out->tail &&
		(is_empty || out->tail - out->head > OUTPUT_BUFFER / 2);
	if (!waits)
		out->want = NOTHING;
	pthread_mutex_unlock(&out->lock);
	return waits;
}

/* With the lock held; there is room. */
static void copy_in(struct output *out, const void *data, size_t len)
{
	size_t at = out->tail & (OUTPUT_BUFFER - 1);
	size_t first = OUTPUT_BUFFER - at;

	if (!len)
		return;
	if (first > len)
		first = len;
	memcpy(out->buf + at, data, first);
	memcpy(out->buf, (const char *)data + first, len - first);
	out->tail += len;
	if (out->is_idle)
		pthread_cond_signal(&out->filled);
	out->is_idle = false;
}

size_t output_put(struct output *out, const void *data, size_t len)
{
	size_t room;

	pthread_mutex_lock(&out->lock);
	room = OUTPUT_BUFFER - (size_t)(out->tail - out->head);
	if (!out->error) {
		if (len > room)
			len = room;
		copy_in(out, data, len);
	}
	pthread_mutex_unlock(&out->lock);
	return len;
}

bool output_put_whole(struct output *out, const void *a, size_t a_len, const void *b, size_t b_len,
		      const void *c, size_t c_len)
{
	bool fits;

	pthread_mutex_lock(&out->lock);
	fits = out->error ||
	       a_len + b_len + c_len <= OUTPUT_BUFFER - (size_t)(out->tail - out->head);
	if (fits && !out->error) {
		copy_in(out, a, a_len);
		copy_in(out, b, b_len);
		copy_in(out, c, c_len);
	}
	pthread_mutex_unlock(&out->lock);
	return fits;
}

bool output_is_empty(struct output *out)
{
	bool is_empty;

	pthread_mutex_lock(&out->lock);
	is_empty = out->error || out->head == out->tail;
	pthread_mutex_unlock(&out->lock);
	return is_empty;
}

int output_error(struct output *out)
{
	int error;

	pthread_mutex_lock(&out->lock);
	error = out->error;
	pthread_mutex_unlock(&out->lock);
	return error;
}
