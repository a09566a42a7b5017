/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/work/address.h"

#include <stdio.h>

#include "lowcomms/sinew.h"

#define HOSTS_A_NET 250

int address_of(const char *net, uint32_t nodeid, unsigned port, struct sockaddr_storage *ret)
{
	unsigned a, b, c;
	char text[32];

	if (sscanf(net, "%u.%u.%u", &a, &b, &c) != 3)
		return -1;
	c += (nodeid - 1) / HOSTS_A_NET;
	snprintf(text, sizeof text, "%u.%u.%u.%u", a, b, c, (nodeid - 1) % HOSTS_A_NET + 1);
	return sinew_parse_address(text, (uint16_t)port, ret);
}
