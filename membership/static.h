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
#define STATIC_AGAIN_MS		5000	/* between two searches for names that have no address */
#define STATIC_NODES_MAX	1025		/* max_peers at its limit, and the own node */

struct sinew_static;

/*
 * Reads a file and looks up the host names in it, which may take NAMES_MS. A name that has no
 * address by then is no fault: sinew_static_unresolved() tells which, and
 * sinew_static_follow() looks for them again. To be released by sinew_static_free(). any thread.
 * -EINVAL: the file is not right. -ENOMEM. Else why it could not be read, or its names not be
 * looked up.
 */
int sinew_static_load(const char *file, struct sinew_static **ret_config, char *err,
		      size_t err_size);
/* The same, ended early when stop_fd becomes readable: -ECANCELED. */
int sinew_static_load_until(const char *file, int stop_fd, struct sinew_static **ret_config,
			    char *err, size_t err_size);

/*
 * The same for a text of any bytes in memory; name stands for the file in
 * errors. Looks up nothing: before sinew_static_resolve() there are addresses in numbers alone.
 * -EINVAL, -ENOMEM. any thread.
 */
int sinew_static_parse(const char *name, const char *text, size_t len,
		       struct sinew_static **ret_config, char *err, size_t err_size);

/* Looks up the host names of a parsed one, as sinew_static_load_until() does. -EINVAL: two have
 * the same address, or one that is none of a machine. -ECANCELED, -ENOMEM, -EAGAIN, -EMFILE. any
 * thread. */
int sinew_static_resolve(struct sinew_static *config, int stop_fd, char *err, size_t err_size);

/* NULL is ignored. Ends sinew_static_follow(). */
void sinew_static_free(struct sinew_static *config);

/* How many names of a node (0: of all) have no address, or only that of an older file; text gets
 * which and why. */
unsigned sinew_static_unresolved(const struct sinew_static *config, uint32_t nodeid, char *text,
				 size_t size);
/* Whether that node can be the own one: -EADDRNOTAVAIL: it has no address; err has the reason of
 * each. */
int sinew_static_own(const struct sinew_static *config, uint32_t nodeid, char *err,
		     size_t err_size);
/* The addresses of a node, with their ports, SINEW_ADDRS_MAX at most; returns how many. */
unsigned sinew_static_addrs(const struct sinew_static *config, uint32_t nodeid,
			    struct sockaddr_storage *addrs);

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

/* Adds every other node as a peer, without an address those that have none. What sinew_peer_add()
 * returns. any thread. */
int sinew_static_join(const struct sinew_static *config, struct sinew_node *node, char *err,
		      size_t err_size);

/*
 * Looks again, every few seconds, for the names that have no address, and tells the node what it
 * finds, until all have one or sinew_static_free() is called, which is to be before
 * sinew_node_free(). log (or NULL) is called by a thread of its own. Once for each config. -ENOMEM,
 * -EAGAIN, -EMFILE.
 */
int sinew_static_follow(struct sinew_static *config, struct sinew_node *node, sinew_log_fn log,
			void *log_user, enum sinew_level level);

/* ---- for a caller that waits for names in a loop of its own ---- */

struct names;

/* Begins to look up what has no address; *ret_names NULL: there is no name among them. */
int static_ask(struct sinew_static *config, struct names **ret_names);
/* Takes the answers that are there; err: the first that cannot be used, -EINVAL. */
struct config_error;
int static_answers(struct sinew_static *config, struct names *names, struct config_error *err);
/* A name that has no address keeps the one that it had there. */
void static_inherit(struct sinew_static *config, const struct sinew_static *before);
struct sinew_static *static_copy(const struct sinew_static *config);

/* Tells each name whose state differs from before (NULL: nothing was known): it has no address,
 * with another reason (has_addr: an older address stays), or it has an address now. */
typedef void (*static_news_fn)(void *arg, enum sinew_level level, uint32_t nodeid,
			       const char *text, bool has_addr);
void static_news(const struct sinew_static *config, const struct sinew_static *before,
		 static_news_fn fn, void *arg);

#endif
