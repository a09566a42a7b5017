/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Conversions between socket addresses, the core's addresses and text. Knows
 * nothing of peers.
 */
#include "lowcomms/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/sinew.h"

_Static_assert(ADDR_TEXT_MAX >= sizeof "[%]:65535" - 1 + INET6_ADDRSTRLEN + IF_NAMESIZE, "room");

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* "fe80::1%eth0", "fe80::1%2": the part behind %; 0 if there is no such interface. */
static uint32_t scope_of(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end != text && *end == '\0' && n <= UINT32_MAX)
		return (uint32_t)n;
	return if_nametoindex(text);
}

int sinew_parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret_addr)
{
	struct sockaddr_storage sa = { .ss_family = AF_INET };
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&sa;
	char ip[INET6_ADDRSTRLEN];
	const char *percent;
	size_t len;

	if (!text || !ret_addr)
		return -EINVAL;
	percent = strchr(text, '%');
	len = percent ? (size_t)(percent - text) : strlen(text);
	if (len >= sizeof ip)
		return -EINVAL;
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (percent || inet_pton(AF_INET, ip, &((struct sockaddr_in *)&sa)->sin_addr) != 1) {
		sa.ss_family = AF_INET6;
		if (inet_pton(AF_INET6, ip, &six->sin6_addr) != 1)
			return -EINVAL;
		if (percent)
			six->sin6_scope_id = scope_of(percent + 1);
		if (percent && !six->sin6_scope_id)
			return -EINVAL;
	}
	addr_set_port(&sa, port);
	addr_normalize(&sa);
	*ret_addr = sa;
	return 0;
}

void addr_to_path(const struct sockaddr_storage *sa, struct path_addr *ret)
{
	memset(ret, 0, sizeof *ret);
	if (sa->ss_family == AF_INET) {
		memcpy(ret->ip, mapped, sizeof mapped);
		memcpy(ret->ip + 12, &addr_in4(sa)->sin_addr, 4);
	} else if (sa->ss_family == AF_INET6) {
		memcpy(ret->ip, &addr_in6(sa)->sin6_addr, 16);
		ret->scope = addr_scope(sa);
	} else {
		return;
	}
	ret->port = addr_port(sa);
}

bool path_addr_none(const struct path_addr *a)
{
	static const uint8_t zero[16];

	return a->port == 0 && memcmp(a->ip, zero, sizeof zero) == 0;
}

/* "%eth0", or "%7" when there is no such interface (any more). */
static const char *scope_text(uint32_t index, char buf[1 + IF_NAMESIZE])
{
	char name[IF_NAMESIZE];

	if (!index)
		buf[0] = '\0';
	else if (if_indextoname(index, name))
		snprintf(buf, 1 + IF_NAMESIZE, "%%%s", name);
	else
		snprintf(buf, 1 + IF_NAMESIZE, "%%%u", index);
	return buf;
}

const char *addr_text(const struct path_addr *a, char buf[ADDR_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "?", zone[1 + IF_NAMESIZE];

	if (memcmp(a->ip, mapped, sizeof mapped) == 0) {
		inet_ntop(AF_INET, a->ip + 12, ip, sizeof ip);
		snprintf(buf, ADDR_TEXT_MAX, "%s:%u", ip, a->port);
	} else {
		inet_ntop(AF_INET6, a->ip, ip, sizeof ip);
		snprintf(buf, ADDR_TEXT_MAX, "[%s%s]:%u", ip, scope_text(a->scope, zone), a->port);
	}
	return buf;
}

const char *addr_text_sa(const struct sockaddr_storage *sa, char buf[ADDR_TEXT_MAX])
{
	struct path_addr a;

	addr_to_path(sa, &a);
	return addr_text(&a, buf);
}
