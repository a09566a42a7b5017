/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the subcommands of sinew: their entries and their exit statuses.
 * Knows nothing of what one does.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

enum command_status {
	STATUS_OK = 0,
	STATUS_UNDELIVERED = 1,	/* not all that was to be sent or written could be */
	STATUS_USAGE = 2,	/* command line, configuration, input; or no start */
	STATUS_NOT_UP = 3,	/* a target was not up in time */
	STATUS_PEER_LOST = 4,	/* a target failed */
	STATUS_SIGNAL = 128,	/* + the signal that came a second time */
};

int bench_main(int argc, char **argv);
int break_main(int argc, char **argv);
int call_main(int argc, char **argv);
int cat_main(int argc, char **argv);
int config_main(int argc, char **argv);
int members_main(int argc, char **argv);
int ping_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int status_main(int argc, char **argv);
int top_main(int argc, char **argv);
int topology_main(int argc, char **argv);
int torture_main(int argc, char **argv);

#endif
