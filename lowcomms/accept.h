/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listeners: the addresses that may connect, and the limits before HELLO. Knows addresses, no
 * frame. Loop thread.
 */
#ifndef SINEW_LOWCOMMS_ACCEPT_H
#define SINEW_LOWCOMMS_ACCEPT_H

#include <sys/socket.h>

#include "lowcomms/sinew.h"
#include "lowcomms/stream.h"
#include "proto/core.h"

struct listener {
	struct stream_listener stream;	/* not open: it cannot be so far, err says why */
	bool rests;
	struct sockaddr_storage addr;	/* the first one of it */
	int err;
};

struct listeners {
	struct listener all[SINEW_ADDRS_MAX];
	unsigned n;			/* one an address, or one alone for all */
	int spare_fd;			/* against exhaustion of descriptors */
	uint64_t again_ns;		/* they rest until then, or bind_again_ns is it;
					 * CORE_NEVER: neither */
	uint64_t bind_again_ns;		/* those that could not be opened; CORE_NEVER: none */
};

int listeners_open(struct sinew_node *n);
void listeners_close(struct sinew_node *n);
/* In a child of fork(): the descriptors alone. */
void listeners_forget(struct listeners *ls);
/* It is again_ns. */
void listeners_again(struct sinew_node *n);

#endif
