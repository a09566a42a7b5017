/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peers as any thread may ask for them: nodeids, addresses, names. Changes no session.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/peers.h"

int sinew_node_peers(struct sinew_node *node, uint32_t *nodeids, int max)
{
	int n = 0;

	if (!node || max < 0 || (max && !nodeids))
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	directory_lock(&node->directory);
	for (unsigned i = 0; i < MEMBER_HASH; i++)
		list_each(struct member, m, &node->directory.members[i], table) {
			if (n < max)
				nodeids[n] = m->nodeid;
			n++;
		}
	assert((unsigned)n == node->directory.n_members);
	directory_unlock(&node->directory);
	return n;
}

int sinew_peer_addrs(struct sinew_node *node, uint32_t nodeid, struct sockaddr_storage *addrs,
		     unsigned max)
{
	const struct sockaddr_storage *from = NULL;
	const struct member *m;
	int n = -ENOENT;

	if (!node || (max && !addrs))
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	directory_lock(&node->directory);
	m = directory_find(&node->directory, nodeid);
	if (m) {
		from = m->asked ? m->asked->addrs : m->addrs;
		n = (int)(m->asked ? m->asked->n_addrs : m->n_addrs);
	} else if (nodeid == node->opt.nodeid) {
		from = node->opt.addrs;
		n = (int)node->opt.n_addrs;
	}
	assert(n <= SINEW_ADDRS_MAX);
	for (unsigned i = 0; (int)i < n && i < max; i++)
		addrs[i] = from[i];
	directory_unlock(&node->directory);
	return n;
}

/* ---- names ---- */

/* Under the directory's lock. NULL: unknown. */
static char **name_of(struct sinew_node *n, uint32_t nodeid)
{
	struct member *m = directory_find(&n->directory, nodeid);

	assert(!m || nodeid != n->opt.nodeid);
	if (m)
		return &m->name;
	return nodeid == n->opt.nodeid ? &n->directory.own_name : NULL;
}

static const char *shown(char *const *name)
{
	return *name ? *name : "";
}

/* So that an observer need not look again for nothing. */
static bool is_named(struct sinew_node *n, uint32_t nodeid, const char *name)
{
	char *const *has;
	bool same;

	directory_lock(&n->directory);
	has = name_of(n, nodeid);
	same = has && !strcmp(shown(has), name);
	directory_unlock(&n->directory);
	return same;
}

int sinew_peer_set_name(struct sinew_node *node, uint32_t nodeid, const char *name)
{
	char **has, *copy, *old = NULL;
	struct command *c;
	int err;

	if (!node || !name || strnlen(name, SINEW_PEER_NAME_MAX) == SINEW_PEER_NAME_MAX)
		return -EINVAL;
	if (!node_forked(node) && is_named(node, nodeid, name))
		return 0;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	err = command_begin(node, COMMAND_NAME, nodeid, &c);
	if (!err) {
		has = name_of(node, nodeid);
		old = has ? *has : copy;
		if (has)
			*has = copy;
		err = command_end(node, c, has ? 0 : -ENOENT);
		copy = NULL;
	}
	free(copy);
	free(old);
	return err;
}

int sinew_peer_name(struct sinew_node *node, uint32_t nodeid, char *buf, size_t n)
{
	char *const *name;

	if (!node || !buf || !n)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	directory_lock(&node->directory);
	name = name_of(node, nodeid);
	if (name)
		snprintf(buf, n, "%s", shown(name));
	directory_unlock(&node->directory);
	return name ? 0 : -ENOENT;
}
