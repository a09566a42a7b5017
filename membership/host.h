/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket addresses: from numbers or a name, to text, tried; lowcomms/sockaddr.h has the rest.
 * Knows nothing of nodes or files.
 */
#ifndef MEMBERSHIP_HOST_H
#define MEMBERSHIP_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define HOST_TEXT_MAX	96	/* "[address%interface]:port", NUL included */

/* Which family a host name may give, and which of two is taken. */
enum host_family { HOST_IPV6_4, HOST_IPV4_6, HOST_IPV4, HOST_IPV6 };

/* The kinds of text that name a machine. */
enum host_kind {
	HOST_NUMBERS,		/* an address */
	HOST_NAME,		/* to be looked up */
	HOST_NO_INTERFACE,	/* an address on an interface that is not there (yet) */
	HOST_WRONG,		/* neither: numbers that are no address, or are read in two ways */
};

/* Asks nobody. With HOST_NUMBERS the address, port 0. */
enum host_kind host_read(const char *text, struct sockaddr_storage *ret_addr);

/*
 * The address of a name, port 0: of those that the system gives for it, in its order, the first of
 * the family that is wanted. Asks the name service, which may take minutes: see names.h.
 * Returns 0 or a code for gai_strerror().
 */
int host_look_up(const char *name, enum host_family family, struct sockaddr_storage *ret_addr);

/* Neither "any" nor multicast nor broadcast. */
bool host_is_single(const struct sockaddr_storage *addr);
/* "127.0.0.1", "fe80::1%eth0"; with_port: "127.0.0.1:21065", "[::1]:21065". Returns buf. */
const char *host_text(const struct sockaddr_storage *addr, bool with_port,
		      char buf[HOST_TEXT_MAX]);
/* Whether a listener could stand there now: 0 or a negative errno. */
int host_try(const struct sockaddr_storage *addr);

#endif
