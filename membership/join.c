/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/join.h"

#include <inttypes.h>
#include <string.h>

#include "lowcomms/sinew-manage.h"
#include "membership/array.h"
#include "membership/static_inside.h"

int join_add(const struct sinew_config *config, struct sinew_node *node, uint32_t nodeid,
	     const struct sockaddr_storage *addrs, unsigned n_addrs)
{
	const struct static_node *peer = static_find(config, nodeid);
	int rc;

	if (!peer || !peer->dial_line)
		return sinew_peer_add(node, nodeid, addrs, n_addrs);
	/* Without an address it is not dialled meanwhile. */
	rc = sinew_peer_add(node, nodeid, NULL, 0);
	if (!rc)
		rc = sinew_peer_set_dial(node, nodeid, SINEW_DIAL_NEVER);
	if (!rc && n_addrs)
		rc = sinew_peer_set_addrs(node, nodeid, addrs, n_addrs);
	return rc;
}

void join_set_dial(const struct sinew_config *config, struct sinew_node *node)
{
	array_each(const struct static_node, peer, config->nodes, config->n_nodes)
		sinew_peer_set_dial(node, peer->nodeid, peer->dial_line ? SINEW_DIAL_NEVER :
				    SINEW_DIAL_ALWAYS);
}

void join_set_names(const struct sinew_config *config, struct sinew_node *node)
{
	array_each(const struct static_node, peer, config->nodes, config->n_nodes)
		sinew_peer_set_name(node, peer->nodeid, peer->name);
}

int sinew_config_join(const struct sinew_config *config, struct sinew_node *node, char *err,
		      size_t err_size)
{
	struct config_error error = { .file = config->file, .text = err, .size = err_size };
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	int rc;

	array_each(const struct static_node, peer, config->nodes, config->n_nodes) {
		if (peer->nodeid == sinew_node_id(node))
			continue;
		rc = join_add(config, node, peer->nodeid, addrs, static_addrs(peer, addrs));
		if (rc) {
			config_fail(&error, peer->line, "cannot add node %" PRIu32 " as a "
				    "peer: %s", peer->nodeid, strerror(-rc));
			return rc;
		}
	}
	join_set_names(config, node);
	return 0;
}
