/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words for the values of sinew-topo.h. Knows no connection. */
#include "services/sinew-topo.h"

const char *sinew_topo_event_name(enum sinew_topo_event event)
{
	switch (event) {
	case SINEW_TOPO_PUBLISHED:	return "PUBLISHED";
	case SINEW_TOPO_WITHDRAWN:	return "WITHDRAWN";
	case SINEW_TOPO_TIMEOUT:	return "TIMEOUT";
	case SINEW_TOPO_CURRENT:	return "CURRENT";
	case SINEW_TOPO_OVERRUN:	return "OVERRUN";
	case SINEW_TOPO_LOST:		return "LOST";
	case SINEW_TOPO_REFUSED:	return "REFUSED";
	}
	return "?";
}

const char *sinew_topo_type_name(uint32_t type)
{
	static const char *const names[] = {
		[SINEW_TOPO_NODE] = "NODE", [SINEW_TOPO_TOPOLOGY] = "TOPOLOGY",
		[SINEW_TOPO_LINK] = "LINK", [SINEW_TOPO_REACH] = "REACH",
		[SINEW_TOPO_SERVICE] = "SERVICE", [SINEW_TOPO_OPTION] = "OPTION",
	};

	_Static_assert(sizeof names / sizeof *names <= SINEW_TOPO_TYPE_FIRST, "ours");
	return type < sizeof names / sizeof *names ? names[type] : "?";
}

const char *sinew_scope_name(enum sinew_scope scope)
{
	switch (scope) {
	case SINEW_SCOPE_NODE:		return "node";
	case SINEW_SCOPE_CLUSTER:	return "cluster";
	}
	return "?";
}
