/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsinew: the nodes of a file in the syntax of corosync.conf. Every node of the file is a peer
 * from the start; corosync itself is not needed. Conventions as in sinew.h.
 *
 * The order of things
 *	sinew_config_load()		reads the file, looks up the host names in it
 *	sinew_config_options()		what it says for sinew_node_new()
 *	sinew_node_new()
 *	sinew_config_join()		adds the other nodes as peers
 *	sinew_config_follow()		optional: names that have no address yet
 *	sinew_dispatch() ...
 *	sinew_config_free()		before sinew_node_free(), if names are followed
 *	sinew_node_free()
 *
 * Read are totem { cluster_name, ip_version }, nodelist { node { nodeid, name,
 * ring0_addr .. ring7_addr, sinew_port, dial } }, sinew { }, calls { } and control { }, see
 * sinew.conf(5); every other section and key is ignored, so that an existing corosync.conf works
 * unchanged.
 *
 * Where a function has err (of err_size bytes; it may be NULL with 0), a failure whose cause is in
 * the file or the machine is written there for people: "file:line: what was found, what was
 * expected", terminated, without a newline. SINEW_CONFIG_ERROR_MAX bytes hold all of it.
 *
 * A configuration does not change after it was loaded and resolved: any thread may read it.
 */
#ifndef SINEW_CONFIG_H
#define SINEW_CONFIG_H

#include "sinew.h"

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SINEW_CONFIG_ERROR_MAX	1024	/* bytes of an error's text, NUL included */

/* The contents of a file. */
struct sinew_config;

/*
 * Reads a file and looks up the host names in it, which may take five seconds. A name that has no
 * address by then is no fault: sinew_config_unresolved() tells which, and sinew_config_follow()
 * looks for them again. *ret_config belongs to the caller: sinew_config_free(). any thread.
 * -EINVAL: the contents of the file. -ENOENT, -EACCES and so on: it cannot be read. -ENOMEM,
 * -EAGAIN, -EMFILE: names cannot be looked up.
 */
int sinew_config_load(const char *file, struct sinew_config **ret_config, char *err,
		      size_t err_size);
/* The same, ended early when the descriptor stop_fd (-1: none) becomes readable: -ECANCELED. */
int sinew_config_load_until(const char *file, int stop_fd, struct sinew_config **ret_config,
			    char *err, size_t err_size);

/*
 * The same for a text of len bytes in memory; name stands for the file in errors. Looks up
 * nothing: before sinew_config_resolve() only addresses in numbers are there. any thread.
 * -EINVAL: the contents. -ENOMEM.
 */
int sinew_config_parse(const char *name, const char *text, size_t len,
		       struct sinew_config **ret_config, char *err, size_t err_size);

/*
 * Looks up the host names of a parsed one, as sinew_config_load_until() does. any thread, while no
 * other one uses config. -EINVAL: two nodes have the same address, or one has an address that is
 * of no single machine. -ECANCELED: stop_fd. -ENOMEM, -EAGAIN, -EMFILE.
 */
int sinew_config_resolve(struct sinew_config *config, int stop_fd, char *err, size_t err_size);

/* Ends sinew_config_follow() and releases everything; NULL is ignored. Not from its log function.
 * any thread. */
void sinew_config_free(struct sinew_config *config);

/* Returns how many names of a node (0: of all nodes) have no address, or only that of an older
 * file; text (of size bytes) gets which, and why. any thread. */
unsigned sinew_config_unresolved(const struct sinew_config *config, uint32_t nodeid, char *text,
				 size_t size);
/* Whether that node has an address to be the own one. -EADDRNOTAVAIL: none of its names has one,
 * err has the reason of each. A nodeid that is not in the file passes: sinew_config_options()
 * refuses it. any thread. */
int sinew_config_own(const struct sinew_config *config, uint32_t nodeid, char *err,
		     size_t err_size);
/* Copies the addresses of a node, with their ports, to addrs, which has room for
 * SINEW_ADDRS_MAX; returns how many there are, 0 also for an unknown nodeid. any thread. */
unsigned sinew_config_addrs(const struct sinew_config *config, uint32_t nodeid,
			    struct sockaddr_storage *addrs);

/* Copies up to max nodeids in the order of the file; returns how many there are. any thread. */
unsigned sinew_config_nodes(const struct sinew_config *config, uint32_t *nodeids, unsigned max);
/* The name of a node, or "" if it has none or is unknown. Belongs to config. any thread. */
const char *sinew_config_name(const struct sinew_config *config, uint32_t nodeid);
/* The name of the cluster, or "". Belongs to config. any thread. */
const char *sinew_config_cluster(const struct sinew_config *config);

/*
 * Sets in opt, after sinew_options_init(), what the file says for the own node nodeid: nodeid,
 * cluster, addresses, port, the keys of the section sinew. Strings belong to config. any thread.
 * -EINVAL: the node is not in the file; or neither it nor another node of the file is ever dialled.
 */
int sinew_config_options(const struct sinew_config *config, uint32_t nodeid,
			 struct sinew_options *opt, char *err, size_t err_size);

/* Writes why sinew_node_new() failed with error (a negative errno) for the options of that node:
 * which address of which line, and what to do. any thread. */
void sinew_config_explain(const struct sinew_config *config, uint32_t nodeid, int error, char *err,
			  size_t err_size);

/* The file's settings for nodes that failed. */
struct sinew_config_fence {
	size_t size;			/* sizeof(struct sinew_config_fence), set by the caller */
	const char *command;		/* to fence with, belongs to config; NULL: none */
	uint32_t timeout_ms;		/* for the command */
	bool hold;			/* the failure waits until it has been fenced */
};
/* -EINVAL: size. any thread. */
int sinew_config_fence(const struct sinew_config *config, struct sinew_config_fence *ret);

/* The section "calls" of the file, for struct sinew_calls_options. */
struct sinew_config_calls {
	size_t size;			/* sizeof(struct sinew_config_calls), set by the caller */
	uint32_t slots, window;		/* 0: not said */
};
/* -EINVAL: size. any thread. */
int sinew_config_calls(const struct sinew_config *config, struct sinew_config_calls *ret);

/* The section "control" of the file: the rights of users at the control socket of the node, besides
 * root and the user of the program. */
#define SINEW_CONFIG_WRITERS_MAX	16

struct sinew_config_control {
	size_t size;			/* sizeof(struct sinew_config_control), set by the caller */
	bool has_read_gid;		/* that group may read */
	gid_t read_gid;
	bool anyone_reads;
	unsigned n_write_uids;		/* users who may read and write */
	uid_t write_uids[SINEW_CONFIG_WRITERS_MAX];
	bool remote_status;		/* peers may read the status */
};
/* Looks up the users and the group in this machine. -ENOENT, or another errno: it does not know
 * one. -EINVAL: size, or too many users. -ENOMEM. any thread. */
int sinew_config_control(const struct sinew_config *config, struct sinew_config_control *ret,
			 char *err, size_t err_size);

/* Adds every other node of the file as a peer, without an address those that have none. Errors are
 * those of sinew_peer_add(). any thread. */
int sinew_config_join(const struct sinew_config *config, struct sinew_node *node, char *err,
		      size_t err_size);

/*
 * Looks again, every five seconds, for the names that have no address, and gives the node what it
 * finds, until all have one or sinew_config_free() is called, which must be before
 * sinew_node_free(). log (NULL: none) is called with log_user for lines up to level, by a thread
 * of the library with all signals blocked. Once for each config, until sinew_config_unfollow(). any
 * thread.
 * -ENOMEM, -EAGAIN, -EMFILE: it cannot be started.
 */
int sinew_config_follow(struct sinew_config *config, struct sinew_node *node, sinew_log_fn log,
			void *log_user, enum sinew_level level);

/* Ends sinew_config_follow(), which may be called again: when this returns, the node gets no
 * address by it any more. Before another file is taken over, whose addresses those of this one
 * would replace. any thread, not from its log function. */
void sinew_config_unfollow(struct sinew_config *config);

/* name: an option, or "peer.NODEID"; text: its value now, or why it was not changed. */
typedef void (*sinew_config_report_fn)(void *user, const char *name, bool is_changed,
				       const char *text);

/*
 * Takes another file over in a node that was made of an earlier one, and runs: options, also those
 * of its calls, peers that were added, removed or have other addresses or names. Options that the
 * file does not have go back to their defaults; a peer that an earlier file has removed, and that
 * is not gone yet, is removed at once and added. report (NULL: none) is called for each change, and
 * for each that needs a new start of the program, before this returns. err is written as above. any
 * thread.
 * -EINVAL: the own node is not in the file, or a value is refused; nothing was changed. -E2BIG,
 * -ENOMEM, -ECHILD.
 */
int sinew_config_apply(const struct sinew_config *config, struct sinew_node *node,
		       sinew_config_report_fn report, void *user, char *err, size_t err_size);

#ifdef __cplusplus
}
#endif

#endif
