/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sees the TCP segments of a network namespace and sends forged ones into it.
 * Knows nothing of connections.
 */
#ifndef TOOLS_BREAK_RAW_H
#define TOOLS_BREAK_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/break/packet.h"

#define RAW_MAC		6

struct raw;

/*
 * How a segment was seen to travel. If neither end nor a route is ours, it crossed a bridge:
 * then forged ones have to go the same way, with the hardware addresses of both ends.
 */
struct raw_way {
	int interface;		/* index; 0: not known */
	bool is_bridged;
	uint8_t from[RAW_MAC], to[RAW_MAC];
};

/*
 * Listens on one interface, or on all (NULL), to segments with one of these ports (none: all).
 * Of the current network namespace. -EPERM: CAP_NET_RAW is missing. -ENODEV: no such interface.
 */
int raw_open(const char *interface, const uint16_t *ports, unsigned n_ports, struct raw **ret_raw);
void raw_close(struct raw *r);
int raw_fd(const struct raw *r);	/* readable when something was seen */

/* 1: a segment that is not ours; 0: none now; or a negative errno. */
int raw_next(struct raw *r, struct packet *ret_packet, struct raw_way *ret_way);

/*
 * Sends a forged segment by the routes of the namespace; or as a frame, if the way, which may
 * be NULL, is bridged. Its mark is set here. 0, or a negative errno.
 */
int raw_send(struct raw *r, struct packet *p, const struct raw_way *way);

#endif
