/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TCP connection of our own over loopback, to try a fault on.
 * Knows no fault.
 */
#include "tools/break/self.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_both(struct self *s, struct sockaddr_in *a, struct sockaddr_in *b)
{
	socklen_t len = sizeof(*a);

	if (bind(s->listener, (struct sockaddr *)a, sizeof(*a)) || listen(s->listener, 1) ||
	    bind(s->dialler, (struct sockaddr *)b, sizeof(*b)) ||
	    getsockname(s->listener, (struct sockaddr *)a, &len) ||
	    getsockname(s->dialler, (struct sockaddr *)b, &len) ||
	    connect(s->dialler, (struct sockaddr *)a, sizeof(*a)))
		return errno == ENETUNREACH || errno == EADDRNOTAVAIL ? -ENETDOWN : -errno;
	return 0;
}

int self_open(struct self *s, struct filter *ret_filter)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in b = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002) };
	struct filter f = { .n_ports = 1 };
	int rc;

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->dialler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listener < 0 || s->dialler < 0)
		return -errno;
	rc = connect_both(s, &a, &b);
	if (rc)
		return rc;
	f.ports[0] = ntohs(b.sin_port);
	if (!filter_add_pair(&f, "127.0.0.1,127.0.0.2"))
		return -EINVAL;
	*ret_filter = f;
	return 0;
}

void self_close(struct self *s)
{
	if (s->listener >= 0)
		close(s->listener);
	if (s->dialler >= 0)
		close(s->dialler);
}

int self_error(const struct self *s)
{
	char byte;

	if (recv(s->dialler, &byte, 1, MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EAGAIN ? 0 : errno;
}
