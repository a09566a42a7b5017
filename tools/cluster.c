/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the nodes of a subcommand come from.
 * Knows nothing of what the own node is for.
 */
#include "tools/cluster.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "membership/config.h"
#include "tools/command.h"
#include "tools/say.h"

#ifdef HAVE_COROSYNC
#include "membership/corosync.h"

#define UNSAID_MS	1000
#endif

const char *const cluster_sources[] = { "static", "corosync", NULL };

/* ---- a file ---- */

static int open_file(struct cluster *cluster, const struct cluster_arguments *args)
{
	char err[SINEW_CONFIG_ERROR_MAX];

	if (!args->config) {
		say(SINEW_ERROR, "--config FILE is missing");
		return STATUS_USAGE;
	}
	if (!args->node) {
		say(SINEW_ERROR, "--node ID is missing: which node of %s is this one?",
		    args->config);
		return STATUS_USAGE;
	}
	if (sinew_config_load(args->config, &cluster->file, err, sizeof(err))) {
		say(SINEW_ERROR, "%s", err);
		return STATUS_USAGE;
	}
	cluster->config = cluster->file;
	cluster->node = args->node;
	cluster->level = args->level;
	/* An observer needs no address. */
	if (args->observes || !sinew_config_own(cluster->file, args->node, err, sizeof(err)))
		return STATUS_OK;
	say(SINEW_ERROR, "%s", err);
	return STATUS_USAGE;
}

static int new_node(struct cluster *cluster, struct sinew_options *opt,
		    const struct sinew_callbacks *callbacks, void *user,
		    struct sinew_node **ret_node)
{
	char err[SINEW_CONFIG_ERROR_MAX];
	int rc;

	rc = sinew_node_new(opt, callbacks, user, ret_node);
	if (!rc)
		return cluster->prepare ? cluster->prepare(*ret_node, cluster->prepare_user) :
					  STATUS_OK;
	sinew_config_explain(cluster->config, cluster->node, rc, err, sizeof(err));
	say(SINEW_ERROR, "%s", err);
	return STATUS_USAGE;
}

/* A peer whose name is not known now may be there later. */
static int follow_names(struct cluster *cluster, struct sinew_node *node)
{
	char err[SINEW_CONFIG_ERROR_MAX];
	int rc;

	if (!sinew_config_unresolved(cluster->file, 0, err, sizeof(err)))
		return STATUS_OK;
	say(SINEW_WARNING, "%s; retrying", err);
	rc = sinew_config_follow(cluster->file, node, say_line, NULL, cluster->level);
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot retry name resolution: %s", strerror(-rc));
	return STATUS_USAGE;
}

static int node_of_file(struct cluster *cluster, struct sinew_options *opt,
			const struct sinew_callbacks *callbacks, void *user,
			struct sinew_node **ret_node)
{
	char err[SINEW_CONFIG_ERROR_MAX];
	int status;

	if (sinew_config_options(cluster->config, cluster->node, opt, err, sizeof(err))) {
		say(SINEW_ERROR, "%s", err);
		return STATUS_USAGE;
	}
	status = new_node(cluster, opt, callbacks, user, ret_node);
	if (status)
		return status;
	if (sinew_config_join(cluster->config, *ret_node, err, sizeof(err))) {
		say(SINEW_ERROR, "%s", err);
		return STATUS_USAGE;
	}
	return follow_names(cluster, *ret_node);
}

int cluster_reload(struct cluster *cluster, const char *config, struct sinew_node *node,
		   sinew_config_report_fn report, void *user)
{
	char err[SINEW_CONFIG_ERROR_MAX];
	struct sinew_config *file = NULL;
	int rc;

	if (!cluster->file) {
		say(SINEW_WARNING, "nothing to take over: corosync reads its own file, see "
		    "\"corosync-cfgtool -R\"");
		return STATUS_USAGE;
	}
	rc = sinew_config_load(config, &file, err, sizeof(err));
	/* Else an address that it finds now would take the place of one of the new file. */
	sinew_config_unfollow(cluster->file);
	if (!rc)
		rc = sinew_config_apply(file, node, report, user, err, sizeof(err));
	if (rc) {
		say(SINEW_ERROR, "nothing was taken over: %s", *err ? err : strerror(-rc));
		sinew_config_free(file);
		follow_names(cluster, node);
		return STATUS_USAGE;
	}
	sinew_config_free(cluster->file);
	cluster->file = file;
	cluster->config = file;
	return follow_names(cluster, node);
}

/* ---- corosync ---- */

#ifdef HAVE_COROSYNC
static int open_corosync(struct cluster *cluster, const struct cluster_arguments *args)
{
	struct sinew_corosync_setup setup;
	struct sinew_config_fence fence = { .size = sizeof(fence) };
	char err[SINEW_CONFIG_ERROR_MAX];
	int rc;

	SINEW_COROSYNC_SETUP_INIT(&setup);
	setup.log = say_line;
	setup.log_level = args->level;
	setup.observe = args->observes;
	/* Without --corosync the file has perhaps been forgotten. */
	if (args->source == CLUSTER_UNSAID)
		setup.connect_ms = UNSAID_MS;
	rc = sinew_corosync_open(&setup, &cluster->corosync, err, sizeof(err));
	if (rc == -EAGAIN && args->source == CLUSTER_UNSAID) {
		/* Corosync is starting here: wait for it as if it had been named. */
		setup.connect_ms = 0;
		rc = sinew_corosync_open(&setup, &cluster->corosync, err, sizeof(err));
	}
	if (rc) {
		say(SINEW_ERROR, "%s%s", err, rc == -ENOTCONN && args->source == CLUSTER_UNSAID ?
		    "; or specify a configuration file with --config" : "");
		return STATUS_USAGE;
	}
	cluster->config = sinew_corosync_config(cluster->corosync);
	cluster->node = sinew_corosync_nodeid(cluster->corosync);
	sinew_config_fence(cluster->config, &fence);
	if (args->fences && fence.hold)
		sinew_corosync_hold(cluster->corosync);
	if (!args->node || args->node == cluster->node)
		return STATUS_OK;
	say(SINEW_ERROR, "--node: found %" PRIu32 ", but corosync reports this node as %" PRIu32,
	    args->node, cluster->node);
	return STATUS_USAGE;
}

static int node_of_corosync(struct cluster *cluster, struct sinew_options *opt,
			    const struct sinew_callbacks *callbacks, void *user,
			    struct sinew_node **ret_node)
{
	int status, rc;

	rc = sinew_corosync_options(cluster->corosync, opt);
	status = rc ? STATUS_USAGE : new_node(cluster, opt, callbacks, user, ret_node);
	if (status)
		return status;
	rc = sinew_corosync_attach(cluster->corosync, *ret_node);
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot follow corosync: %s", strerror(-rc));
	return STATUS_USAGE;
}

int cluster_observe(struct cluster *cluster)
{
	int rc;

	rc = sinew_corosync_attach(cluster->corosync, NULL);
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot follow corosync: %s", strerror(-rc));
	return STATUS_USAGE;
}

int cluster_fd(const struct cluster *cluster)
{
	return cluster->corosync ? sinew_corosync_get_fd(cluster->corosync) : -1;
}

void cluster_status(const struct cluster *cluster, struct sinew_corosync_status *ret_status)
{
	*ret_status = (struct sinew_corosync_status){ .size = sizeof(*ret_status) };
	sinew_corosync_status(cluster->corosync, ret_status);
}

unsigned cluster_members(const struct cluster *cluster, struct sinew_corosync_member *members,
			 unsigned max)
{
	const unsigned n = (unsigned)sinew_corosync_members(cluster->corosync, members, (int)max);

	return n < max ? n : max;
}

void cluster_fenced(struct cluster *cluster, uint32_t nodeid, uint64_t incarnation)
{
	if (sinew_corosync_fenced(cluster->corosync, nodeid, incarnation) == -ENOSPC)
		say(SINEW_ERROR, "node %" PRIu32 " was fenced, but the other nodes could not be "
		    "notified: queue full", nodeid);
}

static void close_corosync(struct cluster *cluster)
{
	sinew_corosync_free(cluster->corosync);
}
#else
static int open_corosync(struct cluster *cluster, const struct cluster_arguments *args)
{
	(void)cluster;
	(void)args;
	say(SINEW_ERROR, "built without corosync support; specify a file with --config");
	return STATUS_USAGE;
}

static int node_of_corosync(struct cluster *cluster, struct sinew_options *opt,
			    const struct sinew_callbacks *callbacks, void *user,
			    struct sinew_node **ret_node)
{
	(void)cluster;
	(void)opt;
	(void)callbacks;
	(void)user;
	(void)ret_node;
	return STATUS_USAGE;
}

int cluster_observe(struct cluster *cluster)
{
	(void)cluster;
	return STATUS_USAGE;
}

int cluster_fd(const struct cluster *cluster)
{
	(void)cluster;
	return -1;
}

void cluster_status(const struct cluster *cluster, struct sinew_corosync_status *ret_status)
{
	(void)cluster;
	*ret_status = (struct sinew_corosync_status){ .size = sizeof(*ret_status) };
}

unsigned cluster_members(const struct cluster *cluster, struct sinew_corosync_member *members,
			 unsigned max)
{
	(void)cluster;
	(void)members;
	(void)max;
	return 0;
}

void cluster_fenced(struct cluster *cluster, uint32_t nodeid, uint64_t incarnation)
{
	(void)cluster;
	(void)nodeid;
	(void)incarnation;
}

static void close_corosync(struct cluster *cluster)
{
	(void)cluster;
}
#endif

/* ---- either ---- */

/* A file, names and corosync may take long, and cannot be interrupted: they have a thread. */
struct opening {
	struct cluster cluster;
	struct cluster_arguments args;
	int status;
	int event_fd;		/* readable when it is over */
	pthread_mutex_t lock;
	bool is_over, is_left;	/* lock; who comes second releases it */
};

static int open_either(struct cluster *cluster, const struct cluster_arguments *args)
{
	enum cluster_source source = args->source;

	memset(cluster, 0, sizeof(*cluster));
	if (source == CLUSTER_UNSAID)
		source = args->config ? CLUSTER_STATIC : CLUSTER_COROSYNC;
	return source == CLUSTER_STATIC ? open_file(cluster, args) :
					  open_corosync(cluster, args);
}

static void opening_free(struct opening *o)
{
	pthread_mutex_destroy(&o->lock);
	close(o->event_fd);
	free(o);
}

static void *opening_run(void *arg)
{
	struct opening *o = arg;
	uint64_t one = 1;
	bool is_left;

	o->status = open_either(&o->cluster, &o->args);
	pthread_mutex_lock(&o->lock);
	o->is_over = true;
	is_left = o->is_left;
	/* It cannot be full. */
	if (write(o->event_fd, &one, sizeof(one)) < 0)
		o->status = STATUS_USAGE;
	pthread_mutex_unlock(&o->lock);
	if (!is_left)
		return NULL;
	cluster_close(&o->cluster);
	opening_free(o);
	return NULL;
}

/* NULL: it has no thread. */
static struct opening *opening_begin(const struct cluster_arguments *args)
{
	struct opening *o = calloc(1, sizeof(*o));
	pthread_t thread;

	if (!o)
		return NULL;
	o->args = *args;
	o->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&o->lock, NULL);
	if (o->event_fd < 0 || pthread_create(&thread, NULL, opening_run, o)) {
		opening_free(o);
		return NULL;
	}
	pthread_detach(thread);
	return o;
}

/* False: a signal came first. */
static bool opening_wait(struct opening *o, int signal_fd)
{
	struct pollfd p[] = {
		{ .fd = o->event_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	bool is_over;

	do
		poll(p, 2, -1);
	while (!p[0].revents && !p[1].revents);
	pthread_mutex_lock(&o->lock);
	is_over = o->is_over;
	o->is_left = !is_over;
	pthread_mutex_unlock(&o->lock);
	return is_over;
}

int cluster_open(struct cluster *cluster, const struct cluster_arguments *args, int signal_fd)
{
	struct opening *o = opening_begin(args);
	int status;

	if (!o)
		return open_either(cluster, args);
	memset(cluster, 0, sizeof(*cluster));
	if (!opening_wait(o, signal_fd)) {
		if (args->config)
			say(SINEW_WARNING, "interrupted by a signal while reading %s and resolving "
			    "its names", args->config);
		else
			say(SINEW_WARNING, "interrupted by a signal while connecting to corosync");
		return STATUS_NOT_UP;
	}
	*cluster = o->cluster;
	status = o->status;
	opening_free(o);
	return status;
}

int cluster_node(struct cluster *cluster, struct sinew_options *opt,
		 const struct sinew_callbacks *callbacks, void *user, struct sinew_node **ret_node)
{
	if (cluster->file)
		return node_of_file(cluster, opt, callbacks, user, ret_node);
	return node_of_corosync(cluster, opt, callbacks, user, ret_node);
}

bool cluster_is_ready(const struct cluster *cluster)
{
	struct sinew_corosync_status status;

	if (cluster->file)
		return true;
	cluster_members(cluster, NULL, 0);
	cluster_status(cluster, &status);
	return status.whole && status.quorate;
}

void cluster_close(struct cluster *cluster)
{
	close_corosync(cluster);
	sinew_config_free(cluster->file);
	memset(cluster, 0, sizeof(*cluster));
}
