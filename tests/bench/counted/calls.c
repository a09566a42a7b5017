/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linked in between (--wrap): counts the calls that write to a descriptor, and tells them at the
 * end, as a result like others. Knows nothing of who calls.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

static atomic_ulong n_calls;

ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __real_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	atomic_fetch_add(&n_calls, 1);
	return __real_sendmsg(fd, msg, flags);
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	atomic_fetch_add(&n_calls, 1);
	return __real_send(fd, data, len, flags);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	atomic_fetch_add(&n_calls, 1);
	return __real_write(fd, data, len);
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	atomic_fetch_add(&n_calls, 1);
	return __real_writev(fd, iov, n);
}

__attribute__((destructor)) static void tell(void)
{
	printf("writes %lu\n", atomic_load(&n_calls));
	fflush(stdout);
}
