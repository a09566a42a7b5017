/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of one form for each address: IPv4 in IPv6, the interface of a link-local one, as
 * text, in comparisons, at the public functions. Knows no session.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>

#include "lowcomms/addr.h"
#include "lowcomms/sinew.h"
#include "tests/lib/check.h"

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage sa = { 0 };

	CHECK_EQ(sinew_parse_address(text, 21065, &sa), 0);
	return sa;
}

static const char *shown(const char *text)
{
	static char buf[ADDR_TEXT_MAX];
	struct sockaddr_storage sa = address(text);

	return addr_text_sa(&sa, buf);
}

static bool same(const char *a, const char *b)
{
	struct sockaddr_storage sa = address(a), sb = address(b);

	return addr_same(&sa, &sb);
}

/* As programs may fill it in, unlike sinew_parse_address(). */
static struct sockaddr_storage six(const char *text, uint32_t scope)
{
	struct sockaddr_storage sa = { .ss_family = AF_INET6 };
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&sa;

	CHECK_EQ(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	in6->sin6_scope_id = scope;
	in6->sin6_port = htons(21065);
	return sa;
}

static void ipv4_in_ipv6_is_ipv4(void)
{
	CHECK_EQ(address("::ffff:10.0.0.1").ss_family, AF_INET);
	CHECK_STR(shown("::ffff:10.0.0.1"), "10.0.0.1:21065");
	CHECK(same("::ffff:10.0.0.1", "10.0.0.1"));
	CHECK_STR(shown("::10.0.0.1"), "[::10.0.0.1]:21065");
}

static void interface_is_part_of_a_link_local_address(void)
{
	CHECK_STR(shown("fe80::1%lo"), "[fe80::1%lo]:21065");
	CHECK_STR(shown("fe80::1%4294967295"), "[fe80::1%4294967295]:21065");
	CHECK(same("fe80::1%lo", "fe80::1%lo"));
	CHECK(!same("fe80::1%77", "fe80::1%78"));
	CHECK(!same("fe80::1%77", "fe80::1"));
}

/* The kernel says no interface of such a peer: with one it would be a stranger. */
static void interface_is_no_part_of_others(void)
{
	CHECK(same("2001:db8::1%77", "2001:db8::1"));
	CHECK_STR(shown("2001:db8::1%77"), "[2001:db8::1]:21065");
}

static void numbers_with_leading_zeros_are_no_address(void)
{
	struct sockaddr_storage sa;

	CHECK_EQ(sinew_parse_address("010.0.0.1", 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address("::ffff:010.0.0.1", 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address("10.1", 0, &sa), -EINVAL);
}

static void longest_text_fits(void)
{
	struct path_addr a = { .scope = UINT32_MAX, .port = UINT16_MAX };
	char buf[ADDR_TEXT_MAX];

	memset(a.ip, 0xff, sizeof a.ip);
	CHECK_STR(addr_text(&a, buf),
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
	CHECK(strlen("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%]:65535") + IF_NAMESIZE <=
	      ADDR_TEXT_MAX);
}

static void texts_have_a_length(void)
{
	static const char longest[] = "0000:0000:0000:0000:0000:ffff:255.255.255.255";
	struct sockaddr_storage sa;
	char text[200];

	CHECK_EQ(strlen(longest), INET6_ADDRSTRLEN - 1);
	CHECK_STR(shown(longest), "255.255.255.255:21065");
	snprintf(text, sizeof text, "0%s", longest);
	CHECK_EQ(sinew_parse_address(text, 0, &sa), -EINVAL);
	snprintf(text, sizeof text, "%0150d", 0);
	CHECK_EQ(sinew_parse_address(text, 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address("", 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address(NULL, 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address("127.0.0.1", 0, NULL), -EINVAL);
}

static void interfaces_are_there(void)
{
	struct sockaddr_storage sa;

	CHECK_EQ(sinew_parse_address("fe80::1%", 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address("fe80::1%0", 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address("fe80::1%4294967296", 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address("fe80::1%7x", 0, &sa), -EINVAL);
	CHECK_EQ(sinew_parse_address("127.0.0.1%lo", 0, &sa), -EINVAL);
}

static void none_is_all_zero(void)
{
	struct path_addr a = { .port = 0 };

	CHECK(path_addr_none(&a));
	a.port = 1;
	CHECK(!path_addr_none(&a));
	a = (struct path_addr) { .ip = { [15] = 1 } };
	CHECK(!path_addr_none(&a));
	a = (struct path_addr) { .ip = { [0] = 1 } };
	CHECK(!path_addr_none(&a));
}

/* ---- at the public functions ---- */

static char said[200];

static void on_log(void *user, enum sinew_level level, const char *line)
{
	(void)user, (void)level;
	snprintf(said, sizeof said, "%s", line);
}

static void options(struct sinew_options *o)
{
	SINEW_OPTIONS_INIT(o);
	o->nodeid = 1;
	o->log = on_log;
}

static void own_addresses_are_looked_at(void)
{
	struct sinew_node *n = NULL;
	struct sinew_options o;

	options(&o);
	o.n_addrs = 2;
	o.addrs[0] = address("127.0.0.1");
	o.addrs[1] = six("::ffff:127.0.0.1", 0);
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EINVAL);
	CHECK_STR(said, "option addrs: expected each address once");
	o.addrs[1] = six("fe80::77", 0);
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EINVAL);
	CHECK_STR(said, "option addrs: [fe80::77]:21065 is link-local: expected its interface "
		  "as well, as in fe80::1%eth0");
}

static void addresses_of_peers_are_looked_at(void)
{
	struct sinew_status st = { .size = sizeof st };
	struct sockaddr_storage sa;
	struct sinew_node *n = NULL;
	struct sinew_options o;

	options(&o);
	CHECK_OR_RETURN(CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0));
	sa = six("fe80::77", 0);
	CHECK_EQ(sinew_peer_add(n, 2, &sa, 1), -EINVAL);
	sa = six("::ffff:0.0.0.0", 0);
	CHECK_EQ(sinew_peer_add(n, 2, &sa, 1), -EINVAL);
	sa = six("::ffff:127.0.0.2", 0);
	CHECK_EQ(sinew_peer_add(n, 2, &sa, 1), 0);
	CHECK_EQ(sinew_peer_status(n, 2, &st), 0);
	CHECK_EQ(st.paths[0].addr.ss_family, AF_INET);
	sa = six("fe80::77", 0);
	CHECK_EQ(sinew_peer_set_addrs(n, 2, &sa, 1), -EINVAL);
	sinew_node_free(n);
}

int main(void)
{
	RUN(ipv4_in_ipv6_is_ipv4);
	RUN(interface_is_part_of_a_link_local_address);
	RUN(interface_is_no_part_of_others);
	RUN(numbers_with_leading_zeros_are_no_address);
	RUN(longest_text_fits);
	RUN(texts_have_a_length);
	RUN(interfaces_are_there);
	RUN(none_is_all_zero);
	RUN(own_addresses_are_looked_at);
	RUN(addresses_of_peers_are_looked_at);
	return check_done();
}
