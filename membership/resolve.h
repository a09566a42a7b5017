/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses of the nodes of a configuration: numbers at once, names by the name service. Knows
 * nothing of the syntax, nor of the use of the addresses.
 */
#ifndef MEMBERSHIP_RESOLVE_H
#define MEMBERSHIP_RESOLVE_H

#include "membership/sinew-config.h"

struct config_error;
struct names;
struct static_node;

/* Addresses in numbers, of all nodes. -EINVAL after config_fail(). */
int resolve_numbers(struct sinew_config *config, struct config_error *err);
/* Describes why the node has no address on that ring. */
void resolve_explain(const struct static_node *node, unsigned ring, struct config_error *err);

/* ---- for a caller that waits for names in a loop of its own ---- */

/* Begins to look up the names without an address; *ret_names NULL: there are none. */
int resolve_ask(struct sinew_config *config, struct names **ret_names);
/* Stores the answers received so far; err: the first unusable one, -EINVAL. */
int resolve_answers(struct sinew_config *config, struct names *names, struct config_error *err);
/* A name without an address takes over the one that it has in before. */
void resolve_inherit(struct sinew_config *config, const struct sinew_config *before);

/* Logs each name whose state differs from before (NULL: nothing was known): it has no address, with
 * another reason, or it has an address now. */
void resolve_news(const struct sinew_config *config, const struct sinew_config *before,
		  sinew_log_fn log, void *log_user);

#endif
