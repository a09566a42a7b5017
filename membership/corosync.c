/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Membership by corosync: the public functions.
 * Knows nothing of corosync's calls, nor of what its events mean.
 */
#include "membership/corosync.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lowcomms/sinew-manage.h"
#include "lowcomms/thread.h"
#include "membership/config.h"
#include "membership/follow.h"
#include "membership/instance.h"
#include "membership/ipc.h"

#define CONNECT_MS	10000
#define NAMES_SLACK_MS	500	/* from the end of a search for names to its result */
#define HANG_NS		(500 * MS)
#define FREE_MS		2000	/* corosync may take so long to let us leave */
#define MS		INSTANCE_MS

/* ---- open ---- */

void sinew_corosync_setup_init(struct sinew_corosync_setup *setup, size_t size)
{
	const struct sinew_corosync_setup defaults = {
		.size = size,
		.connect_ms = CONNECT_MS,
		.log_level = SINEW_INFO,
	};

	memset(setup, 0, size);
	memcpy(setup, &defaults, size < sizeof(defaults) ? size : sizeof(defaults));
}

/* The program may be older or newer than we are. */
static struct sinew_corosync_setup complete(const struct sinew_corosync_setup *setup)
{
	struct sinew_corosync_setup whole;

	SINEW_COROSYNC_SETUP_INIT(&whole);
	if (setup)
		memcpy(&whole, setup, setup->size < sizeof(whole) ? setup->size : sizeof(whole));
	whole.size = sizeof(whole);
	if (!whole.connect_ms)
		whole.connect_ms = CONNECT_MS;
	return whole;
}

static struct timespec in_ms(uint32_t ms)
{
	const uint64_t at = instance_now_ns() + ms * MS;

	return (struct timespec){ (time_t)(at / (1000 * MS)), (long)(at % (1000 * MS)) };
}

/* It is in a call that does not end; a short one is part of trying again. */
static bool is_hanging(struct sinew_corosync *c)
{
	const uint64_t since = atomic_load(&c->calling_since_ns);

	return since && instance_now_ns() > since + HANG_NS;
}

/* 0 when it is open, else why not; *ret_text as well. */
static int wait_until_open(struct sinew_corosync *c, char *err, size_t err_size)
{
	struct timespec until = in_ms(c->setup.connect_ms);
	bool has_waited = false;
	int rc = 0;

	instance_lock(c);
	while (c->phase == PHASE_OPENING && rc != ETIMEDOUT) {
		rc = pthread_cond_timedwait(&c->changed, &c->lock, &until);
		/* It is not corosync that does not answer: names have a time of their own. */
		if (rc != ETIMEDOUT || !c->is_resolving || has_waited)
			continue;
		has_waited = true;
		until = in_ms(NAMES_MS + NAMES_SLACK_MS);
		rc = 0;
	}
	if (c->phase != PHASE_OPENING)
		rc = 0;
	else
		rc = c->error && !is_hanging(c) ? c->error : -ETIMEDOUT;
	if (rc == -ETIMEDOUT)
		snprintf(err, err_size, "corosync does not answer (hung?)");
	else if (rc)
		snprintf(err, err_size, "%s", c->text);
	instance_unlock(c);
	return rc;
}

int sinew_corosync_open(const struct sinew_corosync_setup *setup, struct sinew_corosync **ret_cs,
			char *err, size_t err_size)
{
	struct sinew_corosync_setup whole;
	struct sinew_corosync *c;
	int rc;

	if (err_size)
		err[0] = '\0';
	if (setup && setup->size <= sizeof(setup->size)) {
		snprintf(err, err_size, "setup not initialized by sinew_corosync_setup_init()");
		return -EINVAL;
	}
	whole = complete(setup);
	c = instance_new(&whole);
	if (!c) {
		snprintf(err, err_size, "out of memory or descriptors");
		return -ENOMEM;
	}
	c->refs++;
	rc = thread_start(IPC_STACK, follow_run, c, &c->thread);
	if (rc) {
		c->refs--;
		snprintf(err, err_size, "cannot start a thread: %s", strerror(-rc));
		instance_unref(c);
		return rc;
	}
	rc = wait_until_open(c, err, err_size);
	if (rc) {
		sinew_corosync_free(c);
		return rc;
	}
	*ret_cs = c;
	return 0;
}

int sinew_corosync_options(struct sinew_corosync *cs, struct sinew_options *opt)
{
	char err[SINEW_CONFIG_ERROR_MAX];
	int rc;

	rc = sinew_config_options(cs->first, cs->nodeid, opt, err, sizeof(err));
	if (!rc)
		opt->membership = SINEW_MEMBERSHIP_EXTERNAL;
	return rc;
}

const struct sinew_config *sinew_corosync_config(const struct sinew_corosync *cs)
{
	return cs->first;
}

uint32_t sinew_corosync_nodeid(const struct sinew_corosync *cs)
{
	return cs->nodeid;
}

/* ---- attach and free ---- */

/* On the loop's thread: they only leave word. */
static void on_renewed(void *arg, uint64_t incarnation)
{
	struct sinew_corosync *c = arg;

	instance_lock(c);
	c->renewed = incarnation;
	instance_unlock(c);
	instance_wake(c);
}

static void want(struct sinew_corosync *c, enum instance_phase phase)
{
	instance_lock(c);
	if (c->wanted < phase)
		c->wanted = phase;
	instance_unlock(c);
	instance_wake(c);
}

static void on_closing(void *arg)
{
	want(arg, PHASE_CLOSING);
}

static void on_closed(void *arg)
{
	want(arg, PHASE_LEAVING);
}

static const struct sinew_watch watch = {
	.size = sizeof(watch),
	.renewed = on_renewed,
	.closing = on_closing,
	.closed = on_closed,
};

/* The group of the node; of who only looks on, what the configuration says. */
static int group_of(struct sinew_corosync *cs, const struct sinew_node *node, char *group,
		    size_t size)
{
	struct sinew_options opt;
	int rc = 0;

	sinew_options_init(&opt, sizeof(opt));
	if (!node)
		rc = sinew_corosync_options(cs, &opt);
	if (!rc)
		snprintf(group, size, "sinew/%s", node ? sinew_node_group(node) : opt.group);
	return rc;
}

/* Else the call looks for the peer, and there is none. */
static bool is_external(struct sinew_node *node)
{
	return sinew_peer_joined(node, 0, 1) == -ENOENT;
}

/* Only that profile has the call: it does the same. */
static bool has_dlm_profile(struct sinew_node *node)
{
	return sinew_peer_released(node, 0, 1) == -ENOENT;
}

int sinew_corosync_attach(struct sinew_corosync *cs, struct sinew_node *node)
{
	char group[sizeof(cs->group)] = "";
	bool was_attached;
	int rc;

	if (cs->setup.observe != !node || (node && sinew_node_id(node) != cs->nodeid))
		return -EINVAL;
	if (node && !is_external(node))
		return -EINVAL;
	if (node && has_dlm_profile(node)) {
		instance_log(cs, SINEW_ERROR, "node %" PRIu32 " has the dlm profile, whose peers "
			     "are Linux kernels: they are in no process group of corosync; not "
			     "attached. Tell it the members of each lockspace by "
			     "sinew_peer_joined() and sinew_peer_released(), or make it with "
			     "profile native", cs->nodeid);
		return -EINVAL;
	}
	instance_lock(cs);
	was_attached = cs->wanted >= PHASE_ATTACHED;
	if (!was_attached)
		cs->wanted = PHASE_ATTACHED;
	instance_unlock(cs);
	if (was_attached)
		return -EALREADY;
	rc = group_of(cs, node, group, sizeof(group));
	/* Events from here on are heard; the incarnation is asked for behind it. */
	if (!rc && node)
		rc = sinew_watch(node, &watch, cs);
	instance_lock(cs);
	if (rc) {
		cs->wanted = PHASE_OPEN;
	} else {
		memcpy(cs->group, group, sizeof(group));
		cs->node = node;
	}
	instance_unlock(cs);
	instance_wake(cs);
	return rc;
}

void sinew_corosync_free(struct sinew_corosync *cs)
{
	const struct timespec until = in_ms(FREE_MS);
	struct sinew_node *node;
	bool has_ended;
	int rc = 0;

	if (!cs)
		return;
	instance_lock(cs);
	node = cs->node;
	instance_unlock(cs);
	if (node)
		sinew_watch(node, NULL, cs);
	instance_lock(cs);
	cs->is_freed = true;
	instance_wake(cs);
	while (cs->phase != PHASE_ENDED && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&cs->changed, &cs->lock, &until);
	cs->node = NULL;
	has_ended = cs->phase == PHASE_ENDED;
	instance_unlock(cs);
	/* A thread that hangs in corosync stays behind with what it needs. */
	if (has_ended)
		pthread_join(cs->thread, NULL);
	else
		pthread_detach(cs->thread);
	instance_unref(cs);
}

void sinew_corosync_hold(struct sinew_corosync *cs)
{
	cs->setup.hold_failed = true;
}

int sinew_corosync_fenced(struct sinew_corosync *cs, uint32_t nodeid, uint64_t incarnation)
{
	int rc = 0;

	if (!nodeid || !incarnation)
		return -EINVAL;
	instance_lock(cs);
	if (cs->n_fenced < VIEW_FENCED_MAX)
		cs->fenced[cs->n_fenced++] = (struct view_incarnation){ nodeid, incarnation };
	else
		rc = -ENOSPC;
	instance_unlock(cs);
	instance_wake(cs);
	return rc;
}

/* ---- status ---- */

int sinew_corosync_get_fd(const struct sinew_corosync *cs)
{
	return cs->published.change_fd;
}

int sinew_corosync_status(struct sinew_corosync *cs, struct sinew_corosync_status *ret)
{
	struct sinew_corosync_status now;
	uint64_t since = atomic_load(&cs->calling_since_ns);

	if (!ret || ret->size < sizeof(ret->size) || ret->size > sizeof(now))
		return -EINVAL;
	instance_lock(cs);
	now = cs->published.status;
	instance_unlock(cs);
	now.size = ret->size;
	now.silent_ms = since ? (instance_now_ns() - since) / MS : 0;
	memcpy(ret, &now, ret->size);
	return 0;
}

int sinew_corosync_members(struct sinew_corosync *cs, struct sinew_corosync_member *entries,
			   int max)
{
	uint64_t count;
	int n;

	if (max < 0 || (max && !entries))
		return -EINVAL;
	instance_lock(cs);
	/* Nothing to read is what is wanted, too. */
	if (read(cs->published.change_fd, &count, sizeof(count)) < 0)
		count = 0;
	n = (int)cs->published.n_members;
	for (int i = 0; i < n && i < max; i++)
		entries[i] = cs->published.members[i];
	instance_unlock(cs);
	return n;
}
