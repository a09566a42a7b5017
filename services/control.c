/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/owner.h"
#include "services/server.h"

#define GROUPS_MAX	65536u	/* of a process, as Linux has it */

static void take_options(struct control *c, const struct sinew_control_options *opt)
{
	assert(opt->n_write_uids <= SINEW_CONTROL_WRITERS_MAX && !c->n_write_uids);
	c->has_read_gid = opt->has_read_gid;
	c->read_gid = opt->read_gid;
	c->anyone_reads = opt->anyone_reads;
	c->remote_status = opt->remote_status;
	c->n_write_uids = opt->n_write_uids;
	if (opt->n_write_uids)
		memcpy(c->write_uids, opt->write_uids,
		       opt->n_write_uids * sizeof c->write_uids[0]);
	c->calls = opt->calls ? owner_ref(opt->calls) : NULL;
}

int control_new(struct sinew_node *node, const struct sinew_control_options *opt,
		struct control **ret)
{
	struct control *c;

	assert(node && ret);
	if (opt && (opt->n_write_uids > SINEW_CONTROL_WRITERS_MAX ||
		    (opt->n_write_uids && !opt->write_uids) ||
		    (opt->calls && opt->calls->node != node)))
		return -EINVAL;
	c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->node = node;
	c->began_ms = loop_real_ns() / 1000000u;
	c->own_uid = geteuid();
	if (opt)
		take_options(c, opt);
	*ret = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	if (c->calls)
		owner_unref(c->calls);
	free(c);
}

/* ---- rights ---- */

static bool may_write(const struct control *c, uid_t uid)
{
	unsigned i;

	assert(c->n_write_uids <= SINEW_CONTROL_WRITERS_MAX);
	if (uid == 0 || uid == c->own_uid)
		return true;
	for (i = 0; i < c->n_write_uids; i++)
		if (c->write_uids[i] == uid)
			return true;
	return false;
}

static bool may_read(const struct control *c, const struct control_who *who)
{
	unsigned i;

	assert(!may_write(c, who->uid));
	if (c->anyone_reads)
		return true;
	if (!c->has_read_gid)
		return false;
	if (who->gid == c->read_gid)
		return true;
	for (i = 0; i < who->n_groups; i++)
		if (who->groups[i] == c->read_gid)
			return true;
	return false;
}

unsigned control_rights(const struct control *c, const struct control_who *who)
{
	assert(who->groups || !who->n_groups);
	if (may_write(c, who->uid))
		return SERVER_READS | SERVER_WRITES;
	return may_read(c, who) ? SERVER_READS : 0;
}

unsigned control_rights_of(const struct control *c, int fd, uid_t uid, gid_t gid)
{
	struct control_who who = { .uid = uid, .gid = gid };
	unsigned rights = control_rights(c, &who);
	socklen_t len = 0;
	gid_t *groups;

	assert(fd >= 0);
	/* Only members of one group have to be looked at more closely. */
	if (rights || !c->has_read_gid)
		return rights;
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) || errno != ERANGE ||
	    len > GROUPS_MAX * sizeof *groups)
		return 0;
	groups = malloc(len);
	if (groups && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len)) {
		who.groups = groups;
		who.n_groups = (unsigned)(len / sizeof *groups);
		rights = control_rights(c, &who);
	}
	free(groups);
	return rights;
}
