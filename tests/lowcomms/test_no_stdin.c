/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of a program without standard input: descriptor 0 is one like any other, for a file
 * of nodes, for the try of an address and for sockets. Knows the public headers only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "membership/sinew-config.h"
#include "tests/lib/cluster.h"

static const char nodes[] =
	"nodelist {\n"
	"node {\nnodeid: 1\nring0_addr: 192.0.2.1\n}\n"
	"node {\nnodeid: 2\nring0_addr: 127.0.0.2\n}\n"
	"}\n";

/* The next one that is opened is 0. */
static void free_it(void)
{
	close(STDIN_FILENO);
}

/* And now it is not. */
static void take_it(void)
{
	CHECK_EQ(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
}

static void a_file_is_read(void)
{
	char name[] = "/tmp/sinew-no-stdin-XXXXXX", err[SINEW_CONFIG_ERROR_MAX];
	struct sinew_config *config = NULL;
	int fd = mkstemp(name);

	CHECK_OR_RETURN(fd >= 0);
	CHECK_EQ(write(fd, nodes, sizeof nodes - 1), (ssize_t)sizeof nodes - 1);
	close(fd);
	free_it();
	CHECK_EQ(sinew_config_load(name, &config, err, sizeof err), 0);
	unlink(name);
	CHECK_OR_RETURN(config);
	sinew_config_explain(config, 1, -EADDRNOTAVAIL, err, sizeof err);
	CHECK(strstr(err, "192.0.2.1 of node 1 is not an address of this machine"));
	sinew_config_free(config);
	take_it();
}

/* The socket that dials is descriptor 0. */
static void a_link_has_it(void)
{
	struct test_node t[2] = { 0 };
	struct sockaddr_storage addrs[2];

	for (unsigned i = 0; i < 2; i++) {
		struct sinew_options o;

		addrs[i] = host_address(i + 1);
		fast_options(&o, i + 1, &addrs[i]);
		CHECK_OR_RETURN(node_open(&t[i], &o));
		t[i].id = i + 1;
	}
	free_it();
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(sinew_peer_add(t[i].n, 2 - i, &addrs[1 - i], 1), 0);
	DRIVE_PAIR(t, t[0].all.session && t[1].all.session);
	CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	CHECK_EQ(sinew_send(t[0].all.session, "x", 1), 0);
	DRIVE_PAIR(t, t[1].all.messages == 1);
	node_free(&t[0]);
	node_free(&t[1]);
	/* It was closed as every other. */
	take_it();
}

int main(void)
{
	RUN(a_file_is_read);
	RUN(a_link_has_it);
	return check_done();
}
