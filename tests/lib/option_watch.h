/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns an observer of options that change in a node: how many did, and the last one. Knows no
 * option.
 */
#ifndef SINEW_TESTS_LIB_OPTION_WATCH_H
#define SINEW_TESTS_LIB_OPTION_WATCH_H

#include "lowcomms/sinew-manage.h"

struct options_told {
	unsigned n;
	char last[64];
};

extern struct options_told options_told;
extern const struct sinew_watch option_watch;	/* for sinew_watch(), with any argument */

#endif
