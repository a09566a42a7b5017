/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns one side of the measured stream of gate.sh: a node that sends COUNT messages of
 * 64 bytes to the other, or receives them, and counts allocations while the stream
 * runs. Knows nothing of limits: gate.sh compares.
 *
 *	gate_stream send|recv PORT COUNT
 *
 * Prints `messages=N allocations=N`: those between a quarter and the end of the stream.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lowcomms/sinew.h"

#define MESSAGE_BYTES 64
#define BATCH 256
#define GIVE_UP_S 300

static atomic_ulong n_allocations;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

/* A sanitizer has its own allocator: nothing is counted then. */
#ifndef SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

void *malloc(size_t size)
{
	atomic_fetch_add(&n_allocations, 1);
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	atomic_fetch_add(&n_allocations, 1);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	atomic_fetch_add(&n_allocations, 1);
	return __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	atomic_fetch_add(&n_allocations, 1);
	return __libc_memalign(align, size);
}

int posix_memalign(void **ret, size_t align, size_t size)
{
	atomic_fetch_add(&n_allocations, 1);
	*ret = __libc_memalign(align, size);
	return *ret != NULL ? 0 : ENOMEM;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	atomic_fetch_add(&n_allocations, 1);
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}
#endif

struct stream {
	struct sinew_peer *peer;
	unsigned long count, done;
	unsigned long at_quarter, at_end;	/* allocations so far */
	bool down;
	enum sinew_down reason;
};

static void note(struct stream *s)
{
	s->done++;
	if (s->done == s->count / 4)
		s->at_quarter = atomic_load(&n_allocations);
	if (s->done == s->count)
		s->at_end = atomic_load(&n_allocations);
}

static void on_up(struct sinew_node *node, struct sinew_peer *peer, void *user)
{
	struct stream *s = user;

	(void)node;
	s->peer = peer;
}

static void on_message(struct sinew_node *node, struct sinew_peer *peer,
		       const struct sinew_message *msg, void *user)
{
	(void)node;
	(void)peer;
	if (msg->len == MESSAGE_BYTES)
		note(user);
}

static void on_down(struct sinew_node *node, struct sinew_peer *peer, enum sinew_down reason,
		    const struct sinew_fates *fates, void *user)
{
	struct stream *s = user;

	(void)node;
	(void)peer;
	(void)fates;
	s->peer = NULL;
	s->down = true;
	s->reason = reason;
}

static void on_log(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	fprintf(stderr, "%s: %s\n", sinew_level_name(level), line);
}

static void address(struct sockaddr_storage *ret, unsigned id, unsigned port)
{
	struct sockaddr_in *a = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof *ret);
	a->sin_family = AF_INET;
	a->sin_port = htons((uint16_t)port);
	a->sin_addr.s_addr = htonl(0x7f000000u + id);
}

static int open_node(struct stream *s, unsigned id, unsigned port, struct sinew_node **ret)
{
	struct sinew_callbacks cb = { .size = sizeof cb, .peer_up = on_up,
				      .message = on_message, .peer_down = on_down };
	struct sockaddr_storage other;
	struct sinew_options opt;
	int err;

	SINEW_OPTIONS_INIT(&opt);
	opt.nodeid = id;
	opt.cluster = "gate";
	opt.port = (uint16_t)port;
	address(&opt.addrs[0], id, port);
	opt.n_addrs = 1;
	opt.auto_close = true;
	opt.log = on_log;
	opt.log_level = SINEW_WARNING;
	err = sinew_node_new(&opt, &cb, s, ret);
	if (err < 0)
		return err;
	address(&other, 3 - id, port);
	return sinew_peer_add(*ret, 3 - id, &other, 1);
}

/* Sends a batch; returns how long the dispatch after it may wait. */
static int send_batch(struct stream *s)
{
	static const char text[MESSAGE_BYTES] = "64 bytes, as a lock request has them, no more";

	if (s->peer == NULL || s->done == s->count)
		return -1;
	for (int i = 0; i < BATCH && s->done < s->count; i++) {
		int err = sinew_send(s->peer, text, sizeof text);

		if (err == -EAGAIN)
			return -1;
		if (err < 0) {
			fprintf(stderr, "gate_stream: send: %s\n", sinew_error_name(err));
			exit(1);
		}
		note(s);
	}
	if (s->done == s->count)
		sinew_finish(s->peer);
	return 0;
}

int main(int argc, char **argv)
{
	struct stream s = { 0 };
	struct sinew_node *node = NULL;
	bool sender;
	int err;

	if (argc != 4 || (strcmp(argv[1], "send") != 0 && strcmp(argv[1], "recv") != 0)) {
		fprintf(stderr, "usage: gate_stream send|recv PORT COUNT\n");
		return 2;
	}
	sender = strcmp(argv[1], "send") == 0;
	s.count = strtoul(argv[3], NULL, 10);
	alarm(GIVE_UP_S);
	err = open_node(&s, sender ? 1 : 2, (unsigned)atoi(argv[2]), &node);
	while (err >= 0 && !s.down)
		err = sinew_dispatch(node, sender ? send_batch(&s) : -1);
	sinew_node_free(node);
	if (err < 0) {
		fprintf(stderr, "gate_stream: %s\n", sinew_error_name(err));
		return 1;
	}
	printf("messages=%lu allocations=%lu\n", s.done, s.at_end - s.at_quarter);
	return s.done == s.count && s.reason == SINEW_DOWN_CLOSED ? 0 : 1;
}
