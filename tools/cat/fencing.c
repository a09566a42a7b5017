/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fence requests of "sinew cat": whose turn it is, and who is told of the end.
 * Knows nothing of how the program is run.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "tools/cat/cat.h"
#include "tools/say.h"

#define MEMBERS_MAX	129	/* as many as the library gives */
#define RETRY_MS	10000	/* after a run that failed */

static const struct sinew_corosync_member *find(const struct sinew_corosync_member *members,
						unsigned n, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (members[i].nodeid == nodeid)
			return &members[i];
	return NULL;
}

/* It was fenced already, or is there again. A session may stall while its node stays. */
static bool is_over(const struct sinew_corosync_member *m, const struct fence_request *r)
{
	if (!m)
		return true;
	if (m->fenced == r->incarnation)
		return true;
	return m->joined && (r->reason == SINEW_FENCE_FAILED || m->incarnation != r->incarnation);
}

/* The first node of those that are left acts on what all see, so that it happens once. */
static enum fence_turn turn_of(const struct cat *c, const struct sinew_corosync_member *members,
			       unsigned n, const struct fence_request *r)
{
	struct sinew_corosync_status status;
	unsigned i;

	if (is_over(find(members, n, r->nodeid), r))
		return FENCE_DONE;
	cluster_status(&c->cluster, &status);
	if (!status.quorate)
		return FENCE_OTHERS;
	if (r->reason != SINEW_FENCE_FAILED)
		return FENCE_OURS;
	for (i = 0; i < n; i++)
		if (members[i].joined && !members[i].leaving && members[i].nodeid != r->nodeid)
			break;
	return i < n && members[i].nodeid == c->cluster.node ? FENCE_OURS : FENCE_OTHERS;
}

static enum fence_turn turn(void *arg, const struct fence_request *r)
{
	struct cat *c = arg;
	struct sinew_corosync_member *members;
	enum fence_turn t;

	if (c->cluster.file)
		return FENCE_OURS;
	members = calloc(MEMBERS_MAX, sizeof(*members));
	if (!members)
		return FENCE_OTHERS;
	t = turn_of(c, members, cluster_members(&c->cluster, members, MEMBERS_MAX), r);
	free(members);
	return t;
}

static const char *name(void *arg, uint32_t nodeid)
{
	struct cat *c = arg;

	return sinew_config_name(c->cluster.config, nodeid);
}

/* With static membership nobody else has to hear of it. */
static void fenced(void *arg, const struct fence_request *r)
{
	struct cat *c = arg;

	if (c->cluster.file)
		sinew_peer_failed(c->node, r->nodeid, r->incarnation);
	else
		cluster_fenced(&c->cluster, r->nodeid, r->incarnation);
}

void cat_fence_begin(struct cat *c)
{
	struct sinew_config_fence config = { .size = sizeof(config) };
	struct fence_setup setup = {
		.retry_ms = RETRY_MS, .turn = turn, .name = name, .fenced = fenced, .arg = c,
	};

	sinew_config_fence(c->cluster.config, &config);
	setup.command = config.command;
	setup.timeout_ms = config.timeout_ms;
	fence_init(&c->fence, &setup);
}

void cat_fence_ask(struct cat *c, uint32_t nodeid, uint64_t incarnation,
		   enum sinew_fence_reason reason)
{
	if (c->fence.setup.command)
		fence_ask(&c->fence, nodeid, incarnation, reason);
}

void cat_fence_end(struct cat *c, void (*take_signal)(struct cat *c))
{
	if (fence_is_running(&c->fence))
		say(SINEW_WARNING, "waiting for %s, at most %.1f s (a second signal exits at "
		    "once)", c->fence.setup.command, (double)c->fence.setup.timeout_ms / 1000);
	fence_stop(&c->fence);
	while (fence_is_running(&c->fence) && c->n_signals < 2) {
		struct pollfd p[] = {
			{ .fd = c->signal_fd, .events = POLLIN },
			{ .fd = c->fence.fd, .events = POLLIN },
		};

		if (poll(p, 2, clock_timeout_ms(fence_deadline(&c->fence))) > 0 && p[0].revents)
			take_signal(c);
		fence_step(&c->fence, clock_now_ns());
	}
	fence_close(&c->fence);
}
