/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The jobs of a long queue and a reset: how fast what was unacknowledged is there after all,
 * beside how fast the same stream is without. The receiver stops reading, the sender fills its
 * queue and says so by a socket beside; then the receiver resets the connection.
 * Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/sinew/host.h"
#include "tests/bench/sinew/jobs.h"
#include "tools/clock.h"

#define STREAMS	    3 /* until each page of the queue was touched; the last is timed */
#define BATCH	    64
#define QUEUE_BYTES (128u << 20)

static void tune(struct sinew_options *opt)
{
	opt->queue_bytes = QUEUE_BYTES;
}

static struct host_options options_of(const struct settings *s, uint32_t id)
{
	return (struct host_options){
		.net = s->end.net,
		.port = s->end.port,
		.id = id,
		.n = 1,
		.first = 3 - id,
		.last = 3 - id,
		.message_bytes = s->size,
		.tune = tune,
	};
}

static int open_pair(struct host *h, const struct settings *s, uint32_t id)
{
	struct host_options opt = options_of(s, id);
	int err = host_open(h, &opt);

	if (!err)
		err = host_meet(h, &opt);
	return err ? err : host_until(h, host_is_up);
}

/* ---- the word beside ---- */

static struct sockaddr_un beside(const struct settings *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "sinew-bench-%s-%u", s->end.net,
		 s->end.port);
	return a;
}

static int say_filled(const struct settings *s)
{
	struct sockaddr_un a = beside(s);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n = sendto(fd, "f", 1, 0, (struct sockaddr *)&a, sizeof a);
	int err = n == 1 ? 0 : -errno;

	close(fd);
	return err;
}

static int listen_beside(const struct settings *s)
{
	const struct timeval limit = { .tv_sec = END_WAIT_MS / 1000 };
	struct sockaddr_un a = beside(s);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return bind(fd, (struct sockaddr *)&a, sizeof a) ? -errno : fd;
}

static int wait_for_filled(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 1 ? 0 : -errno;
}

/* ---- sender ---- */

static int send_stream(struct host *h, const struct settings *s, void *buf)
{
	struct hosted *node = &h->nodes[0];
	int err = 0;

	for (uint64_t i = 1; i <= s->count && !err; i++) {
		while ((err = host_send(node, 2, buf, s->size, i == s->count)) == -EAGAIN)
			if (host_turn(h, 100))
				return -ECONNRESET;
		if (!err && i % BATCH == 0)
			err = host_turn(h, 0);
	}
	return err;
}

static int wait_for_acks(struct host *h)
{
	int err = 0;

	while (!err && host_unacked(&h->nodes[0], 2))
		err = host_turn(h, 100);
	return err;
}

/* Nobody reads, and nothing may wait for that. */
static int fill(struct host *h, const struct settings *s, void *buf)
{
	int err = 0;

	for (uint64_t i = 1; i <= s->count && !err; i++)
		err = host_send(&h->nodes[0], 2, buf, s->size, i == s->count);
	return err;
}

int job_resend(const struct settings *s)
{
	void *buf = calloc(1, s->size);
	struct host host;
	int err = buf ? open_pair(&host, s, 1) : -ENOMEM;

	for (unsigned i = 0; i < STREAMS && !err; i++) {
		err = i ? wait_for_acks(&host) : 0;
		if (!err)
			err = send_stream(&host, s, buf);
	}
	if (!err)
		err = fill(&host, s, buf);
	if (!err)
		err = say_filled(s);
	if (!err)
		err = host_until_released(&host);
	if (err)
		return trouble("cannot send, or not again", err);
	host_close(&host);
	free(buf);
	return 0;
}

/* ---- receiver ---- */

static bool has_more_lasts(struct host *h)
{
	return h->n_lasts > *(const uint64_t *)h->arg;
}

/* Until the end of the next stream. */
static int receive_stream(struct host *h)
{
	uint64_t lasts = h->n_lasts;

	h->arg = &lasts;
	return host_until(h, has_more_lasts);
}

int job_resend_receive(const struct settings *s)
{
	int fd = listen_beside(s), err = fd < 0 ? fd : 0;
	uint64_t began = 0, came = 0;
	double stream, resent;
	struct host host;

	if (!err)
		err = open_pair(&host, s, 2);
	for (unsigned i = 0; i < STREAMS && !err; i++) {
		came = host.n_came;
		began = clock_now_ns();
		err = receive_stream(&host);
	}
	if (err)
		return trouble("no stream", err);
	stream = (double)(host.n_came - came) * (double)s->size * CLOCK_S /
		 (double)(clock_now_ns() - began);
	/* The part of the rest that has come already is not resent. */
	err = wait_for_filled(fd);
	came = host.n_came;
	began = clock_now_ns();
	if (!err)
		err = sinew_break(host.nodes[0].node, 1);
	if (!err)
		err = receive_stream(&host);
	if (err)
		return trouble("what was unacknowledged did not come", err);
	resent = (double)(host.n_came - came) * (double)s->size * CLOCK_S /
		 (double)(clock_now_ns() - began);
	if (host.n_wrong || host.n_down)
		return trouble("messages were lost by a reset", 0);
	result("stream_bytes_s", stream);
	result("resent_bytes_s", resent);
	result("resent_bytes", (double)(host.n_came - came) * (double)s->size);
	host_close(&host);
	return 0;
}
