/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static membership: what our own programs and membership by corosync use of a configuration
 * beyond sinew-config.h. Knows nothing of corosync itself, nor of what is sent.
 */
#ifndef MEMBERSHIP_STATIC_H
#define MEMBERSHIP_STATIC_H

#include "membership/sinew-config.h"

#define STATIC_FILE_MAX		(4 << 20)	/* bytes of a file */
#define STATIC_AGAIN_MS		5000	/* between two searches for names that have no address */
#define STATIC_NODES_MAX	1025		/* max_peers at its limit, and the own node */

/* ---- for a caller that waits for names in a loop of its own ---- */

struct names;

/* Begins to look up what has no address; *ret_names NULL: there is no name among them. */
int static_ask(struct sinew_config *config, struct names **ret_names);
/* Takes the answers that are there; err: the first that cannot be used, -EINVAL. */
struct config_error;
int static_answers(struct sinew_config *config, struct names *names, struct config_error *err);
/* A name that has no address keeps the one that it had there. */
void static_inherit(struct sinew_config *config, const struct sinew_config *before);
struct sinew_config *static_copy(const struct sinew_config *config);

/* Tells each name whose state differs from before (NULL: nothing was known): it has no address,
 * with another reason (has_addr: an older address stays), or it has an address now. */
typedef void (*static_news_fn)(void *arg, enum sinew_level level, uint32_t nodeid,
			       const char *text, bool has_addr);
void static_news(const struct sinew_config *config, const struct sinew_config *before,
		 static_news_fn fn, void *arg);

#endif
