/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew topology": finds the mode and runs it, and the loop that modes share.
 * Knows nothing of what a mode does.
 */
#include "tools/topology/topology.h"

#include <poll.h>

#include "tools/command.h"
#include "tools/signals.h"

static const struct choice modes[] = {
	{ "list", topology_list_main, "print the publications that are there" },
	{ "watch", topology_watch_main, "print each change, until a signal" },
	{ "publish", topology_publish_main, "publish names, until a signal" },
	{ "resume", topology_resume_main, "print each change from a position on" },
};

static const struct choices choices = {
	.name = "sinew topology",
	.kind = "mode",
	.usage = "usage: sinew topology MODE [OPTION...]\n"
		 "       sinew topology --help\n"
		 "\n"
		 "Who is there: asks a node of this machine which nodes, links, services and\n"
		 "names of programs are in its cluster, and is told each change.\n",
	.list = modes,
	.n = sizeof(modes) / sizeof(modes[0]),
};

int topology_connect(const struct local_arguments *args, struct sinew_topo **ret_topo)
{
	char name[SINEW_CONTROL_NAME_MAX];
	int status = local_find(args, name), rc;

	if (status)
		return status;
	rc = sinew_topo_connect(name, ret_topo);
	return rc ? local_failed(name, rc) : STATUS_OK;
}

int topology_run(struct sinew_topo *topo, int signal_fd, const bool *is_over, int more_fd,
		 void (*readable)(void *arg), void *arg)
{
	struct pollfd p[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = sinew_topo_get_fd(topo), .events = POLLIN },
		{ .fd = more_fd, .events = POLLIN },
	};

	while (!*is_over) {
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents && signals_take(signal_fd))
			break;
		sinew_topo_dispatch(topo, 0);
		if (p[2].revents)
			readable(arg);
	}
	return STATUS_OK;
}

int topology_main(int argc, char **argv)
{
	return choices_run(&choices, argc, argv);
}
