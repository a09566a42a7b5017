/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the nodes of a subcommand come from: a file, or corosync. Makes the own
 * node of it. Knows nothing of what the node is for.
 */
#ifndef TOOLS_CLUSTER_H
#define TOOLS_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "membership/static.h"

struct sinew_corosync;

enum cluster_source {
	CLUSTER_UNSAID,		/* a file if one is named, else corosync */
	CLUSTER_STATIC,
	CLUSTER_COROSYNC,
};

/* What the command line says. */
struct cluster_arguments {
	enum cluster_source source;
	const char *config;	/* file, or NULL */
	uint32_t node;		/* 0: as corosync says */
	enum sinew_level level;	/* of the log */
};

struct cluster {
	const struct sinew_static *config;	/* as it was at the start */
	uint32_t node;				/* the own one */
	struct sinew_static *file;		/* CLUSTER_STATIC, else NULL */
	struct sinew_corosync *corosync;	/* CLUSTER_COROSYNC, else NULL */
};

#define CLUSTER_HELP \
	"  --membership static|corosync   where the nodes come from (static with --config,\n" \
	"                     else corosync)\n"

/* The value of --membership; false: it is none. */
bool cluster_parse(const char *text, enum cluster_source *ret_source);
/* Reads the file or asks corosync. A status, after it said what is wrong; to be
 * released by cluster_close() in any case. */
int cluster_open(struct cluster *cluster, const struct cluster_arguments *args);
/* Makes the own node; sets in opt what the configuration says, tune (or NULL) may
 * change it. A status, as above. */
int cluster_node(struct cluster *cluster, struct sinew_options *opt,
		 void (*tune)(struct sinew_options *opt), const struct sinew_callbacks *callbacks,
		 void *user, struct sinew_node **ret_node);
/* Before sinew_node_free(). */
void cluster_close(struct cluster *cluster);

#endif
