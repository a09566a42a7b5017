/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of test_build.sh: asks a library that was built without SCTP for it, of the kernel and
 * in user land, and prints what each is answered. Knows the public header only.
 */
#include "lowcomms/sinew.h"

#include <errno.h>
#include <stdio.h>

static void print(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	(void)level;
	puts(line);
}

static int ask(enum sinew_sctp_backend backend)
{
	const struct sinew_callbacks cb = { .size = sizeof cb };
	struct sinew_node *node = NULL;
	struct sinew_options opt;
	int err;

	SINEW_OPTIONS_INIT(&opt);
	opt.nodeid = 1;
	opt.log = print;
	opt.transport = "sctp";
	opt.sctp_backend = backend;
	err = sinew_node_new(&opt, &cb, NULL, &node);
	sinew_node_free(node);
	return err;
}

int main(void)
{
	int kernel = ask(SINEW_SCTP_KERNEL), user = ask(SINEW_SCTP_USER);

	return kernel != -EPROTONOSUPPORT || user != -EPROTONOSUPPORT;
}
