/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options: defaults, checks, limits. Knows names and numbers only.
 */
#ifndef SINEW_LOWCOMMS_OPTIONS_H
#define SINEW_LOWCOMMS_OPTIONS_H

#include "lowcomms/node.h"

/* The fault of one of them, for people. */
struct options_error {
	char text[200];
};

/*
 * Fields that change in a node that runs (LIVE): by the loop, while other threads read them. Each
 * is as good as the one before.
 */
#define OPTION_LIVE(field)	__atomic_load_n(&(field), __ATOMIC_RELAXED)

/* Says why that option is refused; returns err. Any thread. */
int options_refuse(struct options_error *e, int err, const char *name, const char *why);
/* Logs that an option has another value. by: who asked for it, "": nobody is named. Any thread. */
void options_log_change(struct sinew_node *n, const char *name, const char *now, const char *old,
			const char *by);
/* Each by itself, and what belongs together. Any thread. */
int options_check(const struct sinew_options *o, struct options_error *e);
/* The memory is enough for the longest message of the node. Any thread. */
int options_check_memory(const struct sinew_options *o, uint32_t max_message,
			 struct options_error *e);
/* The core's part of those that may change. */
void options_tune(const struct sinew_options *o, struct core_config *c);
/* Defaults for what is 0, then checks; the first fault goes to the log. */
int options_take(struct sinew_node *n, const struct sinew_options *opt);
/* cb may be NULL: there are none. */
int callbacks_take(struct sinew_node *n, const struct sinew_callbacks *cb);

#endif
