/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns an observer of options that change; knows no option. */
#include "tests/lib/option_watch.h"

#include <stdio.h>

struct options_told options_told;

static void saw_option(void *arg, const char *name)
{
	(void)arg;
	options_told.n++;
	snprintf(options_told.last, sizeof options_told.last, "%s", name);
}

const struct sinew_watch option_watch = {
	.size = sizeof option_watch, .option = saw_option,
};
