/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the wrappers of calls and their books; knows no scenario. */
#include "tests/lib/failures.h"

#define STORM		7	/* of so many calls in a row one is not interrupted */

const struct call_codes calls[CALLS] = {
#define CALL(name, flags, ...) [CALL_##name] = { #name, (flags), { __VA_ARGS__ } },
#include "tests/lib/failures.def"
#undef CALL
};

struct failing failing;

void failing_begin(const struct plan *plan)
{
	/* Nothing fails until all of it is there. */
	atomic_store(&failing.plan.k, 0);
	atomic_store(&failing.plan.call, plan->call);
	atomic_store(&failing.plan.code, plan->code);
	atomic_store(&failing.plan.ever, plan->ever);
	atomic_store(&failing.n, 0);
	atomic_store(&failing.all, 0);
	atomic_store(&failing.hits, 0);
	atomic_store(&failing.hit_code, 0);
	atomic_store(&failing.plan.k, plan->k);
}

bool code_passes(enum call call, int code)
{
	bool moves_bytes = call == CALL_sendmsg || call == CALL_send || call == CALL_recv;

	return code == EINTR || (code == EAGAIN && moves_bytes);
}

/* 0, or the code by which this call is to fail. */
static int failing_now(enum call call)
{
	const struct plan p = { failing.plan.call, failing.plan.code, failing.plan.k,
				failing.plan.ever };
	int code = p.code ? p.code : calls[call].codes[0];
	unsigned n;

	atomic_fetch_add_explicit(&failing.all, 1, memory_order_relaxed);
	if (p.call != CALLS && p.call != call)
		return 0;
	n = atomic_fetch_add_explicit(&failing.n, 1, memory_order_relaxed) + 1;
	if (!p.k || n < p.k || (n > p.k && !p.ever))
		return 0;
	if (code_passes(call, code) && (n - p.k) % STORM == STORM - 1)
		return 0;
	if (atomic_fetch_add(&failing.hits, 1) == 0) {
		atomic_store(&failing.hit_call, (int)call);
		atomic_store(&failing.hit_all, atomic_load(&failing.all));
		atomic_store(&failing.hit_code, code);
	}
	return code;
}

bool fails(enum call call)
{
	int code = failing_now(call);

	if (!code)
		return false;
	errno = code;
	return true;
}

static void *block(void *p)
{
	if (p)
		atomic_fetch_add(&failing.blocks, 1);
	return p;
}

#define WRAP(type, name, ...) \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

/* ---- memory ---- */

WRAP(void *, malloc, size_t n)
{
	return fails(CALL_malloc) ? NULL : block(__real_malloc(n));
}

WRAP(void *, calloc, size_t n, size_t size)
{
	return fails(CALL_calloc) ? NULL : block(__real_calloc(n, size));
}

WRAP(void *, realloc, void *p, size_t n)
{
	void *q = fails(CALL_realloc) ? NULL : __real_realloc(p, n);

	return p ? q : block(q);
}

WRAP(char *, strdup, const char *s)
{
	return fails(CALL_strdup) ? NULL : block(__real_strdup(s));
}

WRAP(void *, aligned_alloc, size_t align, size_t n)
{
	return fails(CALL_aligned_alloc) ? NULL : block(__real_aligned_alloc(align, n));
}

WRAP(void, free, void *p)
{
	if (p)
		atomic_fetch_sub(&failing.blocks, 1);
	__real_free(p);
}

WRAP(void *, mmap, void *p, size_t n, int prot, int flags, int fd, off_t off)
{
	void *q = fails(CALL_mmap) ? MAP_FAILED : __real_mmap(p, n, prot, flags, fd, off);

	if (q != MAP_FAILED)
		block(q);
	return q;
}

/* Memory that the kernel could not unmap stays: only the books are looked at. */
WRAP(int, munmap, void *p, size_t n)
{
	int result = __real_munmap(p, n);

	atomic_fetch_sub(&failing.blocks, 1);
	return fails(CALL_munmap) ? -1 : result;
}

WRAP(int, madvise, void *p, size_t n, int advice)
{
	return fails(CALL_madvise) ? -1 : __real_madvise(p, n, advice);
}

/* ---- descriptors ---- */

WRAP(int, open, const char *file, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return fails(CALL_open) ? -1 : __real_open(file, flags, mode);
}

WRAP(ssize_t, read, int fd, void *buf, size_t n)
{
	int code = failing_now(CALL_read);

	/* A counter is never read in part. */
	if (code == CODE_SHORT)
		return __real_read(fd, buf, n > sizeof(uint64_t) ? 1 : n);
	errno = code;
	return code ? -1 : __real_read(fd, buf, n);
}

/* EAGAIN: the counter is full, thus readable. */
WRAP(ssize_t, write, int fd, const void *buf, size_t n)
{
	int code = failing_now(CALL_write);
	ssize_t put = code == EINTR ? -1 : __real_write(fd, buf, n);

	errno = code ? code : errno;
	return code ? -1 : put;
}

/* The descriptor is gone in any case. */
WRAP(int, close, int fd)
{
	int result = __real_close(fd);

	if (result)
		atomic_fetch_add(&failing.wrong_closes, 1);
	return fails(CALL_close) ? -1 : result;
}

/* ---- sockets ---- */

WRAP(int, socket, int family, int type, int protocol)
{
	return fails(CALL_socket) ? -1 : __real_socket(family, type, protocol);
}

WRAP(int, setsockopt, int fd, int level, int option, const void *value, socklen_t len)
{
	return fails(CALL_setsockopt) ? -1 : __real_setsockopt(fd, level, option, value, len);
}

WRAP(int, getsockopt, int fd, int level, int option, void *value, socklen_t *len)
{
	return fails(CALL_getsockopt) ? -1 : __real_getsockopt(fd, level, option, value, len);
}

WRAP(int, bind, int fd, const struct sockaddr *addr, socklen_t len)
{
	return fails(CALL_bind) ? -1 : __real_bind(fd, addr, len);
}

WRAP(int, listen, int fd, int backlog)
{
	return fails(CALL_listen) ? -1 : __real_listen(fd, backlog);
}

/* A connection that was aborted is no longer there. */
WRAP(int, accept4, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	int code = failing_now(CALL_accept4), got;

	if (!code || code == ECONNABORTED) {
		got = __real_accept4(fd, addr, len, flags);
		if (!code || got < 0)
			return got;
		__real_close(got);
	}
	errno = code;
	return -1;
}

WRAP(int, connect, int fd, const struct sockaddr *addr, socklen_t len)
{
	return fails(CALL_connect) ? -1 : __real_connect(fd, addr, len);
}

WRAP(int, getsockname, int fd, struct sockaddr *addr, socklen_t *len)
{
	return fails(CALL_getsockname) ? -1 : __real_getsockname(fd, addr, len);
}

WRAP(int, getpeername, int fd, struct sockaddr *addr, socklen_t *len)
{
	bool failed = fails(CALL_getpeername);

	/* Elsewhere than on loopback a connection takes its time: so that it is asked for. */
	if (failing.plan.call == CALL_getsockopt) {
		errno = ENOTCONN;
		return -1;
	}
	return failed ? -1 : __real_getpeername(fd, addr, len);
}

/* Half of the first piece: once it is one byte that gets out. */
WRAP(ssize_t, sendmsg, int fd, const struct msghdr *msg, int flags)
{
	int code = failing_now(CALL_sendmsg);
	struct iovec part;
	struct msghdr some = *msg;

	if (code && code != CODE_SHORT) {
		errno = code;
		return -1;
	}
	if (code) {
		part = msg->msg_iov[0];
		part.iov_len = failing.plan.ever ? (part.iov_len + 1) / 2 : 1;
		some.msg_iov = &part;
		some.msg_iovlen = 1;
	}
	return __real_sendmsg(fd, &some, flags);
}

WRAP(ssize_t, send, int fd, const void *data, size_t n, int flags)
{
	int code = failing_now(CALL_send);

	if (code && code != CODE_SHORT) {
		errno = code;
		return -1;
	}
	if (code)
		n = failing.plan.ever ? (n + 1) / 2 : 1;
	return __real_send(fd, data, n, flags);
}

WRAP(ssize_t, recv, int fd, void *buf, size_t n, int flags)
{
	int code = failing_now(CALL_recv);

	if (code == CODE_END)
		return 0;
	if (code == CODE_SHORT)
		return __real_recv(fd, buf, failing.plan.ever && n > 4096 ? 4096 : 1, flags);
	errno = code;
	return code ? -1 : __real_recv(fd, buf, n, flags);
}

WRAP(int, shutdown, int fd, int how)
{
	return fails(CALL_shutdown) ? -1 : __real_shutdown(fd, how);
}

/* ---- the loop ---- */

WRAP(int, epoll_create1, int flags)
{
	return fails(CALL_epoll_create1) ? -1 : __real_epoll_create1(flags);
}

/* To remove what is there needs nothing. */
WRAP(int, epoll_ctl, int epoll, int what, int fd, struct epoll_event *event)
{
	if (what == EPOLL_CTL_DEL)
		return __real_epoll_ctl(epoll, what, fd, event);
	return fails(CALL_epoll_ctl) ? -1 : __real_epoll_ctl(epoll, what, fd, event);
}

WRAP(int, epoll_wait, int epoll, struct epoll_event *events, int max, int ms)
{
	return fails(CALL_epoll_wait) ? -1 : __real_epoll_wait(epoll, events, max, ms);
}

WRAP(int, eventfd, unsigned value, int flags)
{
	return fails(CALL_eventfd) ? -1 : __real_eventfd(value, flags);
}

WRAP(int, timerfd_create, int clock, int flags)
{
	return fails(CALL_timerfd_create) ? -1 : __real_timerfd_create(clock, flags);
}

/* ---- threads and others: some give the error itself ---- */

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *attr,
	    void *(*run)(void *), void *arg)
{
	int code = failing_now(CALL_pthread_create);

	return code ? code : __real_pthread_create(thread, attr, run, arg);
}

WRAP(int, pthread_mutex_init, pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
	int code = failing_now(CALL_pthread_mutex_init);

	return code ? code : __real_pthread_mutex_init(mutex, attr);
}

/* The runtime of the thread sanitizer calls it before its instrumentation can work. */
#ifdef __clang__
__attribute__((disable_sanitizer_instrumentation))
#endif
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

WRAP(int, pthread_atfork, void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	int code = failing.plan.k ? failing_now(CALL_pthread_atfork) : 0;

	return code ? code : __real_pthread_atfork(prepare, parent, child);
}

WRAP(ssize_t, getrandom, void *buf, size_t n, unsigned flags)
{
	int code = failing_now(CALL_getrandom);

	if (code == CODE_SHORT)
		return __real_getrandom(buf, 1, flags);
	errno = code;
	return code ? -1 : __real_getrandom(buf, n, flags);
}

WRAP(int, getaddrinfo, const char *host, const char *service, const struct addrinfo *hints,
	    struct addrinfo **ret_list)
{
	int code = failing_now(CALL_getaddrinfo), result;

	errno = code ? EMFILE : errno;
	result = code ? code : __real_getaddrinfo(host, service, hints, ret_list);
	if (!result)
		block(*ret_list);
	return result;
}

WRAP(void, freeaddrinfo, struct addrinfo *list)
{
	atomic_fetch_sub(&failing.blocks, 1);
	__real_freeaddrinfo(list);
}

WRAP(int, getnameinfo, const struct sockaddr *addr, socklen_t len, char *host,
	    socklen_t host_len, char *service, socklen_t service_len, int flags)
{
	int code = failing_now(CALL_getnameinfo);

	return code ? code : __real_getnameinfo(addr, len, host, host_len, service, service_len,
						flags);
}

WRAP(unsigned, if_nametoindex, const char *name)
{
	return fails(CALL_if_nametoindex) ? 0 : __real_if_nametoindex(name);
}

WRAP(char *, if_indextoname, unsigned index, char *name)
{
	return fails(CALL_if_indextoname) ? NULL : __real_if_indextoname(index, name);
}
