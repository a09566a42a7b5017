/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for what is queued, for service.c.
 */
#ifndef SINEW_LOWCOMMS_SEND_H
#define SINEW_LOWCOMMS_SEND_H

#include <stddef.h>

struct sinew_session;

/* The ring's memory for len more bytes is charged to the node. 0 or -EAGAIN: writable follows.
 * Under its lock, not dead. */
int send_charge(struct sinew_session *h, size_t len);

#endif
