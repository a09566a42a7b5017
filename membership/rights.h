/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The section "control { }" of a file: the users and the group that may use the control socket.
 * Knows no socket.
 */
#ifndef MEMBERSHIP_RIGHTS_H
#define MEMBERSHIP_RIGHTS_H

#include <stdbool.h>

#include "membership/config.h"
#include "membership/sinew-config.h"

#define RIGHTS_TEXT_MAX	512	/* bytes of a value, NUL included */

/* Names as the file has them: machines may have other ones. Zero it to begin. */
struct rights {
	char read[RIGHTS_TEXT_MAX], write[RIGHTS_TEXT_MAX];
	unsigned read_line, write_line;
	bool remote;
};

/* Takes one "key: value". -EINVAL after config_fail(). */
int rights_take(struct rights *r, const struct config_item *item, struct config_error *err);
/* The users and the group, as this machine knows them. -ENOENT after config_fail(): it does not. */
int rights_resolve(const struct rights *r, struct sinew_config_control *ret,
		   struct config_error *err);

#endif
