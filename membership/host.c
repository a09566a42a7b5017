/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/sinew.h"
#include "lowcomms/sockaddr.h"

/* A name never ends in a number; "10.1" and "010.0.0.1" are read in more than one way. */
static bool ends_in_number(const char *text)
{
	size_t len = strlen(text), i;

	while (len && text[len - 1] == '.')
		len--;
	for (i = len; i && text[i - 1] != '.'; i--)
		;
	if (len - i > 2 && text[i] == '0' && (text[i + 1] == 'x' || text[i + 1] == 'X'))
		return strspn(text + i + 2, "0123456789abcdefABCDEF") >= len - i - 2;
	return strspn(text + i, "0123456789") >= len - i;
}

enum host_kind host_read(const char *text, struct sockaddr_storage *ret_addr)
{
	const char *percent = strchr(text, '%');
	char ip[INET6_ADDRSTRLEN];
	struct in6_addr six;

	if (!sinew_parse_address(text, 0, ret_addr))
		return HOST_NUMBERS;
	if (percent && (size_t)(percent - text) < sizeof(ip)) {
		snprintf(ip, sizeof(ip), "%.*s", (int)(percent - text), text);
		if (percent[1] && inet_pton(AF_INET6, ip, &six) == 1)
			return HOST_NO_INTERFACE;
	}
	return percent || strchr(text, ':') || ends_in_number(text) ? HOST_WRONG : HOST_NAME;
}

static const struct addrinfo *first_of(const struct addrinfo *list, int family)
{
	while (list && list->ai_family != family)
		list = list->ai_next;
	return list;
}

int host_look_up(const char *name, enum host_family family, struct sockaddr_storage *ret_addr)
{
	/* Both families are asked for at once, as others do: two questions would be answered from
	 * two places, the one by a file, the other by a server that the file was to overrule. */
	const struct addrinfo hints = {
		.ai_family = family == HOST_IPV4 ? AF_INET : family == HOST_IPV6 ? AF_INET6 :
			     AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	const int wanted = family == HOST_IPV4 || family == HOST_IPV4_6 ? AF_INET : AF_INET6;
	const struct addrinfo *best;
	struct addrinfo *list;
	int rc;

	rc = getaddrinfo(name, NULL, &hints, &list);
	if (rc)
		return rc;
	best = first_of(list, wanted);
	best = best ? best : list;
	*ret_addr = (struct sockaddr_storage){ 0 };
	memcpy(ret_addr, best->ai_addr, best->ai_addrlen);
	addr_normalize(ret_addr);
	freeaddrinfo(list);
	return 0;
}

bool host_is_single(const struct sockaddr_storage *addr)
{
	uint32_t four = ntohl(addr_in4(addr)->sin_addr.s_addr);

	if (addr_is_any(addr))
		return false;
	if (addr->ss_family == AF_INET6)
		return !IN6_IS_ADDR_MULTICAST(&addr_in6(addr)->sin6_addr);
	return four != INADDR_BROADCAST && !IN_MULTICAST(four);
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
	int one = 1;
	int rc = 0;
	int fd;

	fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)addr, addr_len(addr)) || listen(fd, 1))
		rc = -errno;
	close(fd);
	return rc;
}
