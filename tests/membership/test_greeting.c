/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the greetings' bytes. Knows nothing of who sends them.
 */
#include <errno.h>
#include <netinet/in.h>

#include "tests/lib/check.h"

#include "membership/greeting.h"

static void greetings_are_read_as_written(void)
{
	struct greeting g = { .type = GREETING_GOODBYE, .nodeid = 0x01020304,
			      .incarnation = 0x1122334455667788, .began_ms = 1795259247840,
			      .n_addrs = 2 }, back;
	struct sockaddr_in *four = (struct sockaddr_in *)&g.addrs[0];
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&g.addrs[1];
	uint8_t bytes[GREETING_MAX];
	size_t n;

	four->sin_family = AF_INET;
	four->sin_port = htons(SINEW_PORT);
	four->sin_addr.s_addr = htonl(0x0a000005);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(SINEW_PORT);
	six->sin6_addr = in6addr_loopback;
	n = greeting_put(bytes, &g);
	CHECK_EQ(n, 36 + 2 * 20);
	CHECK_EQ(greeting_get(bytes, n, &back), 0);
	CHECK_EQ(back.type, g.type);
	CHECK_EQ(back.nodeid, g.nodeid);
	CHECK(back.incarnation == g.incarnation);
	CHECK(back.began_ms == g.began_ms);
	CHECK_MEM(back.addrs, g.addrs, sizeof(g.addrs[0]) * 2);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(greeting_get(bytes, i, &back), -EBADMSG);
	bytes[4] = 2;
	CHECK_EQ(greeting_get(bytes, n, &back), -EPROTONOSUPPORT);
	bytes[4] = 1;
	bytes[26]++;
	CHECK_EQ(greeting_get(bytes, n, &back), -EPROTONOSUPPORT);
	bytes[26]--;
	bytes[27] = SINEW_ADDRS_MAX + 1;
	CHECK_EQ(greeting_get(bytes, n, &back), -EBADMSG);
	bytes[27] = 2;
	memset(bytes + 16, 0, 8);
	CHECK_EQ(greeting_get(bytes, n, &back), -EBADMSG);
}

static void types_are_few(void)
{
	struct greeting g = { .nodeid = 1, .incarnation = 1 }, back;
	uint8_t bytes[GREETING_MAX];
	size_t n;

	for (unsigned type = 0; type < 7; type++) {
		g.type = (enum greeting_type)type;
		n = greeting_put(bytes, &g);
		CHECK_EQ(greeting_get(bytes, n, &back), type >= GREETING_HELLO &&
			 type <= GREETING_FENCED ? 0 : -EBADMSG);
	}
}

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage sa = { 0 };

	CHECK_EQ(sinew_parse_address(text, 21065, &sa), 0);
	return sa;
}

/* The number of an interface is one of the machine that sent it. */
static void link_local_addresses_are_taken_as_they_are_listed(void)
{
	struct sockaddr_storage listed[2] = { address("192.0.2.1"), address("fe80::1%77") };
	struct greeting g = { .n_addrs = 3, .addrs = { address("fe80::1"), address("fe80::2"),
						       address("192.0.2.9") } };
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];

	CHECK_EQ(greeting_addresses(&g, listed, 2, addrs), 2);
	CHECK_MEM(&addrs[0], &listed[1], sizeof(addrs[0]));
	CHECK_MEM(&addrs[1], &g.addrs[2], sizeof(addrs[0]));
	CHECK_EQ(greeting_addresses(&g, listed, 1, addrs), 1);
	g.n_addrs = 2;
	CHECK_EQ(greeting_addresses(&g, listed, 1, addrs), 1);
	CHECK_MEM(&addrs[0], &listed[0], sizeof(addrs[0]));
	g.n_addrs = 0;
	CHECK_EQ(greeting_addresses(&g, listed, 2, addrs), 2);
}

int main(void)
{
	RUN(link_local_addresses_are_taken_as_they_are_listed);
	RUN(greetings_are_read_as_written);
	RUN(types_are_few);
	return check_done();
}
