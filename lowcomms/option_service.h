/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options of the service beside the application, beside those of the node: numbers, by the
 * table of service_options(). Any thread, but where it says loop. Knows nothing of their meaning.
 */
#ifndef SINEW_LOWCOMMS_OPTION_SERVICE_H
#define SINEW_LOWCOMMS_OPTION_SERVICE_H

#include "lowcomms/options.h"
#include "lowcomms/service.h"
#include "lowcomms/sinew-manage.h"

/* Under the directory's lock: its index, or -ENOENT. */
int option_service_find(const struct sinew_node *n, const char *name);
/* The same lock. False: there are no more. */
bool option_service_describe(const struct sinew_node *n, unsigned index,
			     struct sinew_option_info *ret);
void option_service_print(uint64_t value, char *buf, size_t n);
/* The same lock. -EINVAL: no such value. -EROFS: more than it began with, and that is the most. */
int option_service_parse(const struct sinew_node *n, unsigned index, const char *text,
			 uint64_t *ret, struct options_error *e);
/* Loop: these are in force now; each that differs is logged, with who asked for it, and told. */
void option_service_run(struct sinew_node *n, const uint64_t *to, const char *by);

#endif
