/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of a dial that meets itself: it is answered, by nobody, and no failure to dial.
 * Knows the transport alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lowcomms/transport.h"
#include "tests/lib/check.h"

#define PORT	40000
#define WAIT_MS	20000

/* A network of our own, where every connection leaves from that one port. */
static bool one_port(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	const char range[] = "40000 40000";
	int s, fd;
	bool good;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) && unshare(CLONE_NEWNET))
		return false;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
	good = s >= 0 && fd >= 0 && !ioctl(s, SIOCSIFFLAGS, &lo) &&
	       write(fd, range, sizeof range - 1) == (ssize_t)sizeof range - 1;
	if (s >= 0)
		close(s);
	if (fd >= 0)
		close(fd);
	return good;
}

static unsigned told;

static void event(struct stream *s, unsigned events)
{
	(void)s;
	told |= events;
}

static void meets_itself(const struct sockaddr_storage *to, const struct sockaddr_storage *from)
{
	const char *hint;
	const struct transport *t = transport_find("tcp", false, NULL, &hint);
	struct stream_route route = { .to = to, .from = from, .n_to = 1, .n_from = from != NULL };
	struct epoll_event ready;
	struct streams streams;
	enum dial_step step;
	struct stream *s;
	struct loop loop;

	CHECK_OR_RETURN(!loop_open(&loop));
	streams_init(&streams, &loop);
	told = 0;
	CHECK_OR_RETURN(!t->dial(&streams, &route, &s, &step));
	s->event = event;
	CHECK_EQ(step, DIAL_CONNECT);
	CHECK_EQ(loop_wait(&loop, &ready, 1, WAIT_MS), 1);
	s->source.ready(&s->source, ready.events);
	CHECK_EQ(told, STREAM_FAILED);
	CHECK_EQ(s->ops->error(s), -ECONNREFUSED);
	s->ops->reset(s);
	streams_free_dead(&streams);
	loop_close(&loop);
}

static void over_ipv4(void)
{
	struct sockaddr_storage sa = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&sa;

	in->sin_family = AF_INET;
	in->sin_port = htons(PORT);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	meets_itself(&sa, &sa);
	meets_itself(&sa, NULL);
}

static void over_ipv6(void)
{
	struct sockaddr_storage sa = { 0 };
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)&sa;

	in->sin6_family = AF_INET6;
	in->sin6_port = htons(PORT);
	in->sin6_addr = in6addr_loopback;
	meets_itself(&sa, &sa);
	meets_itself(&sa, NULL);
}

int main(void)
{
	if (!one_port()) {
		printf("ok - a dial that meets itself # SKIP no network namespace of its own\n");
		return 0;
	}
	RUN(over_ipv4);
	RUN(over_ipv6);
	return check_done();
}
