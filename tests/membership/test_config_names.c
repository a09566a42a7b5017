/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a file says in other words: sections with a colon, addresses on an
 * interface, names that nobody knows, a zero that is no default. No packet is sent but by the
 * name service.
 */
#include <errno.h>
#include <string.h>

#include "lowcomms/sinew.h"
#include "membership/config.h"
#include "membership/host.h"
#include "membership/static.h"
#include "tests/lib/check.h"

#define NODE(id, rest) "nodelist {\nnode {\nnodeid: " id "\n" rest "\n}\n}\n"

static char err[SINEW_CONFIG_ERROR_MAX];

static int load(const char *text, struct sinew_config **ret_config)
{
	int rc = sinew_config_parse("f", text, strlen(text), ret_config, err, sizeof(err));

	return rc ? rc : sinew_config_resolve(*ret_config, -1, err, sizeof(err));
}

/* As corosync takes them, too. */
static void sections_may_have_a_colon(void)
{
	static const char text[] = "nodelist: {\nnode :\t{\nnodeid: 1\nring0_addr: 127.0.0.1\n"
				   "quorum_votes: 1\nhostname: {x}\n}\n}\n";
	struct sinew_config *config = NULL;

	CHECK_EQ(load(text, &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_nodes(config, NULL, 0), 1);
	sinew_config_free(config);
}

/* The interface is part of the address: the same digits twice are two. */
static void interfaces_are_told_apart(void)
{
	static const char two[] = NODE("1", "ring0_addr: fe80::77%701\nring1_addr: fe80::77%702");
	static const char none[] = NODE("1", "ring0_addr: fe80::77%nosuch\nring1_addr: 127.0.0.1");
	struct sinew_config *config = NULL;
	char text[HOST_TEXT_MAX];
	struct sinew_options opt = { 0 };

	CHECK_EQ(load(two, &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_STR(host_text(&opt.addrs[1], true, text), "[fe80::77%702]:21065");
	sinew_config_free(config);
	config = NULL;
	CHECK_EQ(load(none, &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_own(config, 1, err, sizeof(err)), 0);
	CHECK_EQ(sinew_config_unresolved(config, 1, err, sizeof(err)), 1);
	CHECK_STR(err, "f:4: found \"fe80::77%nosuch\" as ring0_addr of node 1, which "
		  "cannot be resolved: no such interface on this machine");
	sinew_config_free(config);
}

/* One that is not known now may be later: the file can be used without it, unless it is ours. */
static void names_that_do_not_resolve_are_named(void)
{
	static const char text[] = "nodelist {\nnode {\nnodeid: 1\nring0_addr: 127.0.0.1\n}\n"
		"node {\nnodeid: 2\nring0_addr: no.such.host.invalid\n}\n}\n";
	static const char start[] = "f:8: found \"no.such.host.invalid\" as ring0_addr of node 2, "
		"which cannot be resolved: ";
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	struct sinew_config *config = NULL;

	CHECK_EQ(load(text, &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_unresolved(config, 1, err, sizeof(err)), 0);
	CHECK_EQ(sinew_config_unresolved(config, 0, err, sizeof(err)), 1);
	CHECK(!strncmp(err, start, strlen(start)));
	CHECK_EQ(sinew_config_addrs(config, 2, addrs), 0);
	CHECK_EQ(sinew_config_own(config, 1, err, sizeof(err)), 0);
	CHECK_EQ(sinew_config_own(config, 2, err, sizeof(err)), -EADDRNOTAVAIL);
	CHECK(!strncmp(err, start, strlen(start)));
	CHECK(strstr(err, "; the own node needs an address: use a numeric one, or correct "
		     "/etc/hosts or the name service"));
	sinew_config_free(config);
}

/* The field has another value for it, because 0 there is the default. */
static void ack_ms_may_be_zero(void)
{
	static const char text[] = "nodelist {\nnode {\nnodeid: 1\nring0_addr: 127.0.0.1\n}\n}\n"
				   "sinew {\nack_ms: 0\nbusy_poll_us: 0\n}\n";
	struct sinew_config *config = NULL;
	struct sinew_options opt = { .ack_ms = 7, .busy_poll_us = 7 };

	CHECK_EQ(load(text, &config), 0);
	CHECK_OR_RETURN(config);
	CHECK_EQ(sinew_config_options(config, 1, &opt, err, sizeof(err)), 0);
	CHECK_EQ(opt.ack_ms, SINEW_ACK_AT_ONCE);
	CHECK_EQ(opt.busy_poll_us, 0);
	sinew_config_free(config);
}

int main(void)
{
	RUN(sections_may_have_a_colon);
	RUN(interfaces_are_told_apart);
	RUN(names_that_do_not_resolve_are_named);
	RUN(ack_ms_may_be_zero);
	return check_done();
}
