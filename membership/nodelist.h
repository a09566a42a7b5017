/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nodes of corosync's configuration, and their addresses. Names are looked up in the
 * background: the nodes do not change until the answers are there, and membership is followed
 * meanwhile. Knows no members. All of it belongs to the thread.
 */
#ifndef MEMBERSHIP_NODELIST_H
#define MEMBERSHIP_NODELIST_H

#include "membership/config.h"
#include "membership/names.h"
#include "membership/sinew-config.h"
#include "membership/sinew-corosync.h"
#include "membership/static.h"

struct nodelist {
	struct sinew_config *config;	/* the latest */
	struct {
		struct sinew_config *config;	/* NULL: nothing is looked up */
		struct names *names;		/* NULL: there are none in it */
		uint32_t local;
		bool is_again;		/* as the latest, but for names that had no address */
		uint64_t until_ns;
	} pending;
	bool is_due;			/* corosync has another configuration */
	uint64_t names_again_ns;	/* those without an address; VIEW_NEVER: none */
	char wrong[SINEW_CONFIG_ERROR_MAX];	/* what was said of them last */
};

/* Reads corosync's configuration and begins to look up its names. An error was told. */
int nodelist_read(struct sinew_corosync *c);
/* Takes it over when the answers are there, or too late. 1: the nodes may be others. An error was
 * told: nothing to begin with, all is to be tried again. */
int nodelist_tick(struct sinew_corosync *c);
uint64_t nodelist_deadline(const struct sinew_corosync *c);
int nodelist_fd(const struct sinew_corosync *c);	/* -1: none */
/* Waits for no names any more. */
void nodelist_drop(struct sinew_corosync *c);
/* The nodes as the view wants them, to be polled then; lock is held. */
void nodelist_tell(struct sinew_corosync *c);

#endif
