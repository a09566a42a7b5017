/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses of a node, ready to be asked. Knows nothing of when they are.
 */
#include "tools/ping/targets.h"

#include <stdlib.h>
#include <string.h>

#include "lowcomms/sockaddr.h"
#include "membership/config.h"
#include "tools/command.h"
#include "tools/say.h"

/* Where a node listens: an address without a port of its own has the node's. */
static int addresses_of(const struct sinew_config *config, uint32_t nodeid,
			struct sinew_options *opt)
{
	char err[SINEW_CONFIG_ERROR_MAX];
	unsigned i;

	SINEW_OPTIONS_INIT(opt);
	if (sinew_config_options(config, nodeid, opt, err, sizeof(err))) {
		say(SINEW_ERROR, "%s", err);
		return STATUS_USAGE;
	}
	for (i = 0; i < opt->n_addrs; i++)
		if (!addr_port(&opt->addrs[i]))
			addr_set_port(&opt->addrs[i], opt->port);
	return STATUS_OK;
}

/* Our address on the same ring, or none. */
static void source_of(const struct sinew_options *own, unsigned ring,
		      const struct sockaddr_storage *to, struct sockaddr_storage *ret_from)
{
	memset(ret_from, 0, sizeof(*ret_from));
	if (ring >= own->n_addrs || own->addrs[ring].ss_family != to->ss_family)
		return;
	*ret_from = own->addrs[ring];
	addr_set_port(ret_from, 0);
}

int targets_add(const struct sinew_config *config, uint32_t own, uint32_t nodeid,
		struct path **paths, unsigned *n_paths)
{
	struct sinew_options ours, theirs;
	struct path *grown;
	unsigned i;
	int rc;

	rc = addresses_of(config, own, &ours);
	if (!rc)
		rc = addresses_of(config, nodeid, &theirs);
	if (rc || !theirs.n_addrs)
		return rc;
	grown = realloc(*paths, (*n_paths + theirs.n_addrs) * sizeof(**paths));
	if (!grown) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	*paths = grown;
	for (i = 0; i < theirs.n_addrs; i++) {
		struct path *p = &grown[(*n_paths)++];

		memset(p, 0, sizeof(*p));
		p->nodeid = nodeid;
		p->own_nodeid = own;
		p->ring = i;
		p->fd = -1;
		p->cluster = sinew_config_cluster(config);
		p->to = theirs.addrs[i];
		source_of(&ours, i, &p->to, &p->from);
	}
	return STATUS_OK;
}
