/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket addresses: from a name, to text, compared, tried.
 * Knows nothing of nodes or files.
 */
#include "membership/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int resolve(const char *host, int family, int flags, struct sockaddr_storage *ret_addr)
{
	struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags,
	};
	struct addrinfo *list;
	int rc;

	rc = getaddrinfo(host, NULL, &hints, &list);
	if (rc)
		return rc;
	memset(ret_addr, 0, sizeof(*ret_addr));
	memcpy(ret_addr, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}

int host_resolve(const char *host, enum host_family family, struct sockaddr_storage *ret_addr)
{
	int first = family == HOST_IPV4 || family == HOST_IPV4_6 ? AF_INET : AF_INET6;
	int other = first == AF_INET ? AF_INET6 : AF_INET;
	int rc;

	if (!resolve(host, AF_UNSPEC, AI_NUMERICHOST, ret_addr))
		return 0;
	rc = resolve(host, first, 0, ret_addr);
	if (rc && (family == HOST_IPV4_6 || family == HOST_IPV6_4))
		rc = resolve(host, other, 0, ret_addr);
	return rc;
}

void host_set_port(struct sockaddr_storage *addr, uint16_t port)
{
	if (addr->ss_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)addr)->sin_port = htons(port);
}

bool host_is_single(const struct sockaddr_storage *addr)
{
	const struct in6_addr *a6 = &((const struct sockaddr_in6 *)addr)->sin6_addr;
	uint32_t a4 = ntohl(((const struct sockaddr_in *)addr)->sin_addr.s_addr);

	if (addr->ss_family == AF_INET)
		return a4 != INADDR_ANY && a4 != INADDR_BROADCAST && !IN_MULTICAST(a4);
	return !IN6_IS_ADDR_UNSPECIFIED(a6) && !IN6_IS_ADDR_MULTICAST(a6);
}

bool host_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && a6->sin6_scope_id == b6->sin6_scope_id &&
	       !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

const char *host_text(const struct sockaddr_storage *addr, bool with_port,
		      char buf[HOST_TEXT_MAX])
{
	char host[64] = "?", port[8] = "?";

	getnameinfo((const struct sockaddr *)addr, sizeof(*addr), host, sizeof(host), port,
		    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	if (!with_port)
		snprintf(buf, HOST_TEXT_MAX, "%s", host);
	else if (addr->ss_family == AF_INET6)
		snprintf(buf, HOST_TEXT_MAX, "[%s]:%s", host, port);
	else
		snprintf(buf, HOST_TEXT_MAX, "%s:%s", host, port);
	return buf;
}

int host_try(const struct sockaddr_storage *addr)
{
	socklen_t len = addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						    : sizeof(struct sockaddr_in);
	int one = 1;
	int rc = 0;
	int fd;

	fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)addr, len) || listen(fd, 1))
		rc = -errno;
	close(fd);
	return rc;
}
