/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peers under static membership as options: "peer.NODEID" is their addresses. Any thread.
 */
#ifndef SINEW_LOWCOMMS_OPTION_PEER_H
#define SINEW_LOWCOMMS_OPTION_PEER_H

#include "lowcomms/options.h"
#include "lowcomms/sinew-manage.h"

/* Whether it is the name of such an option. */
bool option_names_peer(const char *name, uint32_t *ret_nodeid);
int option_get_peer(struct sinew_node *n, uint32_t nodeid, char *buf, size_t size);
int option_set_peer(struct sinew_node *n, uint32_t nodeid, const struct sinew_option_value *v,
		    struct options_error *e);

#endif
