/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/greeting.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lowcomms/sockaddr.h"

#define MAGIC		0x4d574e53u	/* "SNWM" */
#define VERSION		1
#define TRANSPORT_TCP	1
#define HEAD		36u
#define ADDRESS		20u

static void put(uint8_t *p, uint64_t n, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(n >> (8 * i));
}

static uint64_t get(const uint8_t *p, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | p[bytes];
	return n;
}

static void put_address(uint8_t *p, const struct sockaddr_storage *addr)
{
	memset(p, 0, ADDRESS);
	if (addr->ss_family == AF_INET6) {
		p[0] = 6;
		memcpy(p + 4, &addr_in6(addr)->sin6_addr, 16);
	} else {
		p[0] = 4;
		memcpy(p + 4, &addr_in4(addr)->sin_addr, 4);
	}
}

static int get_address(const uint8_t *p, uint16_t port, struct sockaddr_storage *ret_addr)
{
	struct sockaddr_storage to = { .ss_family = p[0] == 6 ? AF_INET6 : AF_INET };

	if (p[0] != 4 && p[0] != 6)
		return -EBADMSG;
	if (p[0] == 6)
		memcpy(&((struct sockaddr_in6 *)&to)->sin6_addr, p + 4, 16);
	else
		memcpy(&((struct sockaddr_in *)&to)->sin_addr, p + 4, 4);
	addr_set_port(&to, port);
	*ret_addr = to;
	return 0;
}

size_t greeting_put(uint8_t *p, const struct greeting *g)
{
	put(p, MAGIC, 4);
	put(p + 4, VERSION, 2);
	put(p + 6, (uint64_t)g->type, 2);
	put(p + 8, g->nodeid, 4);
	put(p + 12, 0, 4);
	put(p + 16, g->incarnation, 8);
	put(p + 24, g->n_addrs ? addr_port(&g->addrs[0]) : 0, 2);
	put(p + 26, TRANSPORT_TCP, 1);
	put(p + 27, g->n_addrs, 1);
	put(p + 28, g->began_ms, 8);
	for (unsigned i = 0; i < g->n_addrs; i++)
		put_address(p + HEAD + i * ADDRESS, &g->addrs[i]);
	return HEAD + g->n_addrs * ADDRESS;
}

int greeting_get(const uint8_t *p, size_t n, struct greeting *ret)
{
	struct greeting g = { 0 };
	uint64_t type;
	uint16_t port;

	if (n < HEAD || get(p, 4) != MAGIC)
		return -EBADMSG;
	if (get(p + 4, 2) != VERSION || p[26] != TRANSPORT_TCP)
		return -EPROTONOSUPPORT;
	type = get(p + 6, 2);
	g.nodeid = (uint32_t)get(p + 8, 4);
	g.incarnation = get(p + 16, 8);
	port = (uint16_t)get(p + 24, 2);
	g.n_addrs = p[27];
	g.began_ms = get(p + 28, 8);
	if (type < GREETING_HELLO || type > GREETING_FENCED || !g.nodeid || !g.incarnation)
		return -EBADMSG;
	if (g.n_addrs > SINEW_ADDRS_MAX || n < HEAD + g.n_addrs * ADDRESS)
		return -EBADMSG;
	g.type = (enum greeting_type)type;
	for (unsigned i = 0; i < g.n_addrs; i++)
		if (get_address(p + HEAD + i * ADDRESS, port, &g.addrs[i]))
			return -EBADMSG;
	*ret = g;
	return 0;
}

static bool same_digits(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return a->ss_family == b->ss_family &&
	       IN6_ARE_ADDR_EQUAL(&addr_in6(a)->sin6_addr, &addr_in6(b)->sin6_addr);
}

unsigned greeting_addresses(const struct greeting *g, const struct sockaddr_storage *listed,
			    unsigned n_listed, struct sockaddr_storage *addrs)
{
	unsigned n = 0, i, k;

	for (i = 0; i < g->n_addrs; i++) {
		if (!addr_is_link_local(&g->addrs[i])) {
			addrs[n++] = g->addrs[i];
			continue;
		}
		for (k = 0; k < n_listed && !same_digits(&listed[k], &g->addrs[i]); k++)
			;
		if (k < n_listed)
			addrs[n++] = listed[k];
	}
	if (n)
		return n;
	memcpy(addrs, listed, n_listed * sizeof(listed[0]));
	return n_listed;
}
