/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static membership: the nodes of a file in corosync.conf syntax are members
 * from the start. A client of the public functions of sinew.h.
 * Knows nothing of corosync itself, nor of what is sent.
 *
 * Read are totem { cluster_name, ip_version }, nodelist { node { nodeid, name,
 * ring0_addr .. ring7_addr, sinew_port } } and sinew { }; every other section and
 * key is ignored, so that an existing corosync.conf works unchanged.
 *
 * Every function that can fail for a cause in the file writes it as text,
 * "file:line: what was found, what was expected", without a newline, into err
 * (CONFIG_ERROR_MAX bytes are a good size).
 */
#ifndef MEMBERSHIP_STATIC_H
#define MEMBERSHIP_STATIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/sinew.h"

#define STATIC_FILE_MAX		(4 << 20)	/* bytes of a file */
#define STATIC_NODES_MAX	1025		/* max_peers at its limit, and the own node */

struct sinew_static;

/*
 * Reads a file and resolves the host names in it (may ask the name service).
 * To be released by sinew_static_free(). any thread.
 * -EINVAL: the file is not right, or a name in it is not known. -ENOMEM. Else why it could not
 * be read, or its names not be looked up.
 */
int sinew_static_load(const char *file, struct sinew_static **ret_config, char *err,
		      size_t err_size);

/*
 * The same for a text of any bytes in memory; name stands for the file in
 * errors. Resolves nothing: the other functions want sinew_static_resolve() before.
 * -EINVAL, -ENOMEM. any thread.
 */
int sinew_static_parse(const char *name, const char *text, size_t len,
		       struct sinew_static **ret_config, char *err, size_t err_size);

/* Resolves the host names of a parsed one (may ask the name service). -EINVAL. any thread. */
int sinew_static_resolve(struct sinew_static *config, char *err, size_t err_size);

/* NULL is ignored. */
void sinew_static_free(struct sinew_static *config);

/* Copies up to max nodeids in the order of the file; returns how many there are. */
unsigned sinew_static_nodes(const struct sinew_static *config, uint32_t *nodeids, unsigned max);
/* The "name" of a node, or "". */
const char *sinew_static_name(const struct sinew_static *config, uint32_t nodeid);
const char *sinew_static_cluster(const struct sinew_static *config);

/*
 * Sets in opt, after sinew_options_init(), what the file says for this node. Strings
 * belong to config. -EINVAL: the node is not in the file. any thread.
 */
int sinew_static_options(const struct sinew_static *config, uint32_t nodeid,
			 struct sinew_options *opt, char *err, size_t err_size);

/* Why sinew_node_new() failed with error (negative errno) for these options: which address
 * of which line, and what to do. any thread. */
void sinew_static_explain(const struct sinew_static *config, uint32_t nodeid, int error, char *err,
			  size_t err_size);

/* What is to be done about nodes that failed, as the file says. command belongs to config. */
struct sinew_static_fence {
	const char *command;	/* NULL: nothing */
	uint32_t timeout_ms;
	bool hold;
};
void sinew_static_fence(const struct sinew_static *config, struct sinew_static_fence *ret_fence);

/* Adds every other node as a peer. What sinew_peer_add() returns. any thread. */
int sinew_static_join(const struct sinew_static *config, struct sinew_node *node, char *err,
		      size_t err_size);

#endif
