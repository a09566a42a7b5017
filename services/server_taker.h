/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A subscriber of the server, as the core's subscriptions refer to it: a program or a member.
 */
#ifndef SINEW_SERVICES_SERVER_TAKER_H
#define SINEW_SERVICES_SERVER_TAKER_H

#include <stdbool.h>

struct topo_sub;

enum taker_kind { TAKER_CLIENT, TAKER_FEED };

struct server_taker {
	enum taker_kind kind;
	bool waits;			/* for room */
	struct topo_sub *sub;
};

#endif
