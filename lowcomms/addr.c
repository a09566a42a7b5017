/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Conversions between socket addresses, the core's addresses and text. Knows
 * nothing of peers.
 */
#include "lowcomms/addr.h"

#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/sinew.h"

_Static_assert(ADDR_TEXT_MAX >= sizeof "[%]:65535" - 1 + INET6_ADDRSTRLEN + IF_NAMESIZE, "room");

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static const struct sockaddr_in *in4(const struct sockaddr_storage *sa)
{
	return (const struct sockaddr_in *)sa;
}

static const struct sockaddr_in6 *in6(const struct sockaddr_storage *sa)
{
	return (const struct sockaddr_in6 *)sa;
}

socklen_t addr_len(const struct sockaddr_storage *sa)
{
	switch (sa->ss_family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return 0;
	}
}

uint16_t addr_port(const struct sockaddr_storage *sa)
{
	assert(addr_len(sa));
	return ntohs(sa->ss_family == AF_INET6 ? in6(sa)->sin6_port : in4(sa)->sin_port);
}

void addr_set_port(struct sockaddr_storage *sa, uint16_t port)
{
	assert(addr_len(sa));
	if (sa->ss_family == AF_INET6)
		((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)sa)->sin_port = htons(port);
}

bool addr_is_any(const struct sockaddr_storage *sa)
{
	assert(addr_len(sa));
	if (sa->ss_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&in6(sa)->sin6_addr);
	return in4(sa)->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Such an address is another one on each interface. */
static bool is_link_local(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&in6(sa)->sin6_addr);
}

/* 0 where the interface is no part of the address: the kernel does not look at it then. */
static uint32_t scope(const struct sockaddr_storage *sa)
{
	return is_link_local(sa) ? in6(sa)->sin6_scope_id : 0;
}

bool addr_lacks_scope(const struct sockaddr_storage *sa)
{
	return is_link_local(sa) && !in6(sa)->sin6_scope_id;
}

void addr_normalize(struct sockaddr_storage *sa)
{
	struct sockaddr_storage to = { .ss_family = sa->ss_family };
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&to;

	if (sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6(sa)->sin6_addr)) {
		to.ss_family = AF_INET;
		memcpy(&((struct sockaddr_in *)&to)->sin_addr, &in6(sa)->sin6_addr.s6_addr[12], 4);
	} else if (sa->ss_family == AF_INET6) {
		six->sin6_addr = in6(sa)->sin6_addr;
		six->sin6_scope_id = scope(sa);
	} else if (sa->ss_family == AF_INET) {
		((struct sockaddr_in *)&to)->sin_addr = in4(sa)->sin_addr;
	} else {
		return;
	}
	addr_set_port(&to, addr_port(sa));
	*sa = to;
}

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
		memcpy(ret->ip + 12, &in4(sa)->sin_addr, 4);
	} else if (sa->ss_family == AF_INET6) {
		memcpy(ret->ip, &in6(sa)->sin6_addr, 16);
		ret->scope = scope(sa);
	} else {
		return;
	}
	ret->port = addr_port(sa);
}

bool addr_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	struct path_addr pa, pb;

	addr_to_path(a, &pa);
	addr_to_path(b, &pb);
	return pa.port == pb.port && path_addr_same_host(&pa, &pb);
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
