/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/break/carrier.h"

#include <stdbool.h>
#include <stdio.h>

/* Lists, and how the line of a socket begins, up to its own port. */
static const struct carrier {
	const char *name, *list, *line;
} carriers[] = {
	{ "SCTP", "/proc/net/sctp/eps", "%*s %*s %*s %*s %*s %u" },
	{ "UDP (it may carry SCTP)", "/proc/net/udp", "%*s %*[0-9A-F]:%x" },
	{ "UDP (it may carry SCTP)", "/proc/net/udp6", "%*s %*[0-9A-F]:%x" },
};

static bool is_among(unsigned port, const uint16_t *ports, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ports[i] == port)
			return true;
	return false;
}

/* 0: none of these ports is in it. */
static uint16_t port_in(const struct carrier *c, const uint16_t *ports, unsigned n)
{
	FILE *list = fopen(c->list, "re");
	unsigned port, found = 0;
	char line[512];

	if (!list)
		return 0;	/* the kernel has no such sockets */
	while (!found && fgets(line, sizeof line, list))
		if (sscanf(line, c->line, &port) == 1 && is_among(port, ports, n))
			found = port;
	fclose(list);
	return (uint16_t)found;
}

const char *carrier_of(const uint16_t *ports, unsigned n, uint16_t *ret_port)
{
	for (unsigned i = 0; i < sizeof carriers / sizeof *carriers; i++) {
		uint16_t port = port_in(&carriers[i], ports, n);

		if (!port)
			continue;
		*ret_port = port;
		return carriers[i].name;
	}
	return NULL;
}
