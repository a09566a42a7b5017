/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of the processes of a cluster to each other through the membership
 * service: the identity of the sender (HELLO), that it is about to leave (GOODBYE), that it
 * only observes (OBSERVER), that an incarnation has been fenced (FENCED). Bytes only.
 * Knows no members.
 *
 * All numbers are little endian:
 *
 *	 0  4  magic "SNWM"		16  8  incarnation, not 0
 *	 4  2  version, 1		24  2  port
 *	 6  2  type			26  1  transport, 1 = TCP
 *	 8  4  nodeid			27  1  number of addresses
 *	12  4  flags, 0			28  8  when that incarnation began, ms since 1970
 *					36     addresses: 1 family (4, 6), 3 zero, 16 address
 *
 * nodeid and incarnation are those of the sender; in FENCED those of the incarnation
 * that was fenced, by any node.
 *
 * Further bytes are skipped, so that later versions can add fields.
 */
#ifndef MEMBERSHIP_GREETING_H
#define MEMBERSHIP_GREETING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lowcomms/sinew.h"

#define GREETING_MAX	(36 + 20 * SINEW_ADDRS_MAX)

enum greeting_type {
	GREETING_HELLO = 1,
	GREETING_GOODBYE = 2,
	GREETING_OBSERVER = 3,
	GREETING_FENCED = 4,
};

struct greeting {
	enum greeting_type type;
	uint32_t nodeid;
	uint64_t incarnation;
	uint64_t began_ms;		/* CLOCK_REALTIME; 0: not said */
	unsigned n_addrs;		/* 0: as in the nodelist */
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];	/* with the port */
};

/* Writes at most GREETING_MAX bytes; returns how many. */
size_t greeting_put(uint8_t *p, const struct greeting *g);
/* -EBADMSG: not such bytes. -EPROTONOSUPPORT: another version or transport. */
int greeting_get(const uint8_t *p, size_t n, struct greeting *ret);

/*
 * The addresses that it tells: those of the nodelist if it tells none. The scope of a link-local
 * address differs from machine to machine: the address is taken with the scope that is listed
 * here, or not at all. addrs has room for SINEW_ADDRS_MAX; returns how many.
 */
unsigned greeting_addresses(const struct greeting *g, const struct sockaddr_storage *listed,
			    unsigned n_listed, struct sockaddr_storage *addrs);

#endif
