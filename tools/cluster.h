/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the nodes of a subcommand come from: a file, or corosync. Makes the own
 * node of it. Knows nothing of what the node is for.
 */
#ifndef TOOLS_CLUSTER_H
#define TOOLS_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "membership/sinew-corosync.h"
#include "membership/static.h"
#include "tools/options.h"

enum cluster_source {
	CLUSTER_UNSAID,		/* a file if one is named, else corosync */
	CLUSTER_STATIC,
	CLUSTER_COROSYNC,
};

/* The values of the command line. */
struct cluster_arguments {
	enum cluster_source source;
	const char *config;	/* file, or NULL */
	uint32_t node;		/* 0: as corosync says */
	enum sinew_level level;	/* of the log */
	bool fences;		/* fence_command is run, so that fence_hold holds */
	bool observes;		/* there will be no own node: cluster_node() is not called */
};

struct cluster {
	const struct sinew_config *config;	/* as it was at the start */
	uint32_t node;				/* the own one */
	struct sinew_config *file;		/* CLUSTER_STATIC, else NULL */
	enum sinew_level level;			/* of the log; CLUSTER_STATIC */
	struct sinew_corosync *corosync;	/* CLUSTER_COROSYNC, else NULL */
	/* Set after cluster_open(): called by cluster_node() when the node is there, before it has
	 * a peer. A status, after it said what is wrong. NULL: nothing. */
	int (*prepare)(struct sinew_node *node, void *user);
	void *prepare_user;
};

/* Rows of a subcommand's table, for the arguments that are in its settings at member. */
extern const char *const cluster_sources[];
#define CLUSTER_OPTIONS(type, member, node_help) \
	OPTION_TEXT("config", type, member.config, "FILE", \
		    "nodes and options, in the syntax of corosync.conf"), \
	OPTION_NODEID("node", type, member.node, node_help), \
	OPTION_WORD("membership", type, member.source, CLUSTER_STATIC, cluster_sources, \
		    "static|corosync", "source of the nodes (default: static with\n" \
		    "--config, else corosync)")
#define CLUSTER_OPTION_LOG(type, member, help) \
	OPTION_LEVEL("log-level", type, member.level, "LEVEL", help)

/* Reads the file or asks corosync. A status, after it said what is wrong; to be
 * released by cluster_close() in any case. STATUS_NOT_UP: a signal came by signal_fd
 * before it was done, and stays to be taken; what is under way is left to itself. */
int cluster_open(struct cluster *cluster, const struct cluster_arguments *args, int signal_fd);
/* Makes the own node; sets in opt what the configuration says. A status, as above. */
int cluster_node(struct cluster *cluster, struct sinew_options *opt,
		 const struct sinew_callbacks *callbacks, void *user,
		 struct sinew_node **ret_node);

/*
 * Reads the file again, and takes it over in that node; report as for sinew_config_apply(). Names
 * of it without an address are looked for again. STATUS_USAGE, after it said why: nothing was
 * changed, also with corosync, which reads its own file.
 */
int cluster_reload(struct cluster *cluster, const char *config, struct sinew_node *node,
		   sinew_config_report_fn report, void *user);

/* Whether the own node can be used by now: of corosync, when it is in the group, all others there
 * are known, and there is quorum. Takes back what cluster_fd() tells. */
bool cluster_is_ready(const struct cluster *cluster);
/* Readable when that may have changed; -1 if it does not change. */
int cluster_fd(const struct cluster *cluster);

/*
 * Of corosync alone; sinew-corosync.h says more. cluster_observe() joins the group to look on,
 * after observes was set; a status.
 */
int cluster_observe(struct cluster *cluster);
void cluster_status(const struct cluster *cluster, struct sinew_corosync_status *ret_status);
unsigned cluster_members(const struct cluster *cluster, struct sinew_corosync_member *members,
			 unsigned max);
/* That incarnation has been fenced. */
void cluster_fenced(struct cluster *cluster, uint32_t nodeid, uint64_t incarnation);

/* Before sinew_node_free(). */
void cluster_close(struct cluster *cluster);

#endif
