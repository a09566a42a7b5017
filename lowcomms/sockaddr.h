/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a socket address, IPv4 or IPv6. Inline, so that membership and tools use them, too:
 * the library exports no name for it. Knows nothing of nodes, nor of text.
 */
#ifndef SINEW_LOWCOMMS_SOCKADDR_H
#define SINEW_LOWCOMMS_SOCKADDR_H

#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

static inline const struct sockaddr_in *addr_in4(const struct sockaddr_storage *sa)
{
	return (const struct sockaddr_in *)sa;
}

static inline const struct sockaddr_in6 *addr_in6(const struct sockaddr_storage *sa)
{
	return (const struct sockaddr_in6 *)sa;
}

/* Length of a socket address by its family; 0 if it is neither IPv4 nor IPv6. */
static inline socklen_t addr_len(const struct sockaddr_storage *sa)
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

static inline uint16_t addr_port(const struct sockaddr_storage *sa)
{
	assert(addr_len(sa));
	return ntohs(sa->ss_family == AF_INET6 ? addr_in6(sa)->sin6_port : addr_in4(sa)->sin_port);
}

static inline void addr_set_port(struct sockaddr_storage *sa, uint16_t port)
{
	assert(addr_len(sa));
	if (sa->ss_family == AF_INET6)
		((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)sa)->sin_port = htons(port);
}

/* An all-zero address of the machine (INADDR_ANY, ::). */
static inline bool addr_is_any(const struct sockaddr_storage *sa)
{
	assert(addr_len(sa));
	if (sa->ss_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&addr_in6(sa)->sin6_addr);
	return addr_in4(sa)->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Such an address is another one on each interface. */
static inline bool addr_is_link_local(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&addr_in6(sa)->sin6_addr);
}

/* 0 where the interface is no part of the address: the kernel does not look at it then. */
static inline uint32_t addr_scope(const struct sockaddr_storage *sa)
{
	return addr_is_link_local(sa) ? addr_in6(sa)->sin6_scope_id : 0;
}

/* It is link-local and does not say on which interface: it names no machine. */
static inline bool addr_lacks_scope(const struct sockaddr_storage *sa)
{
	return addr_is_link_local(sa) && !addr_scope(sa);
}

/* One form for each address: IPv4 in IPv6 ("::ffff:10.0.0.1") becomes IPv4; an interface stays
 * where the address depends on it, and nothing else does. Other families stay as they are. */
static inline void addr_normalize(struct sockaddr_storage *sa)
{
	struct sockaddr_storage to = { .ss_family = sa->ss_family };
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&to;
	struct sockaddr_in *four = (struct sockaddr_in *)&to;

	if (sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&addr_in6(sa)->sin6_addr)) {
		to.ss_family = AF_INET;
		memcpy(&four->sin_addr, &addr_in6(sa)->sin6_addr.s6_addr[12], 4);
	} else if (sa->ss_family == AF_INET6) {
		six->sin6_addr = addr_in6(sa)->sin6_addr;
		six->sin6_scope_id = addr_scope(sa);
	} else if (sa->ss_family == AF_INET) {
		four->sin_addr = addr_in4(sa)->sin_addr;
	} else {
		return;
	}
	addr_set_port(&to, addr_port(sa));
	*sa = to;
}

/* Of normalized ones: family, address, interface and port. */
static inline bool addr_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family || addr_port(a) != addr_port(b))
		return false;
	if (a->ss_family == AF_INET)
		return addr_in4(a)->sin_addr.s_addr == addr_in4(b)->sin_addr.s_addr;
	return addr_scope(a) == addr_scope(b) &&
	       IN6_ARE_ADDR_EQUAL(&addr_in6(a)->sin6_addr, &addr_in6(b)->sin6_addr);
}

#endif
