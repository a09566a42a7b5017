/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew config". Not for other subcommands.
 *
 *	config.c  finds the mode    get.c, set.c, watch.c  the modes
 */
#ifndef TOOLS_CONFIG_CONFIG_H
#define TOOLS_CONFIG_CONFIG_H

#include "tools/local.h"

#define CONFIG_SCHEMA		1	/* of requests, and of what is printed */
#define CONFIG_NAMES_MAX	64	/* options in one request */

int config_get_main(int argc, char **argv);
int config_set_main(int argc, char **argv);
int config_watch_main(int argc, char **argv);

#endif
