/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the count of what the gates' programs allocate and ask of the system: it stands in for the C
 * library's functions, so that only those programs are linked with it. Knows nothing of limits.
 */
#include "tests/lib/gate.h"

struct gate_counts gate_counts;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GATE_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GATE_SANITIZED
#endif

/* A sanitizer has its own allocator and calls: nothing is counted then. */
#ifndef GATE_SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

static void gate_count(atomic_ulong *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
	gate_count(&gate_counts.allocations);
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	gate_count(&gate_counts.allocations);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	gate_count(&gate_counts.allocations);
	return __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	gate_count(&gate_counts.allocations);
	return __libc_memalign(align, size);
}

int posix_memalign(void **ret, size_t align, size_t size)
{
	gate_count(&gate_counts.allocations);
	*ret = __libc_memalign(align, size);
	return *ret != NULL ? 0 : ENOMEM;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	gate_count(&gate_counts.allocations);
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	gate_count(&gate_counts.writes);
	return syscall(SYS_sendmsg, fd, msg, flags);
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
	gate_count(&gate_counts.writes);
	return syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	gate_count(&gate_counts.reads);
	return syscall(SYS_recvfrom, fd, buf, n, flags, NULL, NULL);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	gate_count(&gate_counts.waits);
	return (int)syscall(SYS_epoll_pwait, fd, events, max, timeout, NULL, 8);
}

int epoll_ctl(int fd, int op, int of, struct epoll_event *event)
{
	gate_count(&gate_counts.others);
	return (int)syscall(SYS_epoll_ctl, fd, op, of, event);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *was)
{
	gate_count(&gate_counts.others);
	return (int)syscall(SYS_timerfd_settime, fd, flags, at, was);
}

ssize_t read(int fd, void *buf, size_t n)
{
	gate_count(&gate_counts.others);
	return syscall(SYS_read, fd, buf, n);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	gate_count(&gate_counts.others);
	return syscall(SYS_write, fd, buf, n);
}
#endif

static void gate_address(struct sockaddr_storage *ret, unsigned id, unsigned port)
{
	struct sockaddr_in *a = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof *ret);
	a->sin_family = AF_INET;
	a->sin_port = htons((uint16_t)port);
	a->sin_addr.s_addr = htonl(0x7f000000u + id);
}

static void gate_log(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	fprintf(stderr, "%s: %s\n", sinew_level_name(level), line);
}

int gate_node(unsigned id, unsigned port, const struct sinew_callbacks *cb, void *user,
	      struct sinew_node **ret)
{
	struct sinew_options opt;

	SINEW_OPTIONS_INIT(&opt);
	opt.nodeid = id;
	opt.cluster = "gate";
	opt.port = (uint16_t)port;
	gate_address(&opt.addrs[0], id, port);
	opt.n_addrs = 1;
	opt.auto_close = true;
	opt.log = gate_log;
	opt.log_level = SINEW_WARNING;
	return sinew_node_new(&opt, cb, user, ret);
}

int gate_peer(struct sinew_node *node, unsigned id, unsigned port)
{
	struct sockaddr_storage addr;

	gate_address(&addr, id, port);
	return sinew_peer_add(node, id, &addr, 1);
}
