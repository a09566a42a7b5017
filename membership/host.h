/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket addresses: from a name, to text, compared, tried.
 * Knows nothing of nodes or files.
 */
#ifndef MEMBERSHIP_HOST_H
#define MEMBERSHIP_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HOST_TEXT_MAX	96	/* "[address%interface]:port", NUL included */

/* Which family a host name may give, and which of two is taken. */
enum host_family { HOST_IPV6_4, HOST_IPV4_6, HOST_IPV4, HOST_IPV6 };

/* An address as digits or a host name; port 0. May ask the name service.
 * Returns 0 or a code for gai_strerror(). */
int host_resolve(const char *host, enum host_family family, struct sockaddr_storage *ret_addr);

void host_set_port(struct sockaddr_storage *addr, uint16_t port);
/* Neither "any" nor multicast nor broadcast. */
bool host_is_single(const struct sockaddr_storage *addr);
/* Family, address, interface and port. */
bool host_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
/* "127.0.0.1", "fe80::1%eth0"; with_port: "127.0.0.1:21065", "[::1]:21065". Returns buf. */
const char *host_text(const struct sockaddr_storage *addr, bool with_port,
		      char buf[HOST_TEXT_MAX]);
/* Whether a listener could stand there now: 0 or a negative errno. */
int host_try(const struct sockaddr_storage *addr);

#endif
