/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses: the socket layer's form, the core's form, and text. Opens nothing
 * and resolves no names.
 */
#ifndef SINEW_LOWCOMMS_ADDR_H
#define SINEW_LOWCOMMS_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "proto/path.h"

#define ADDR_TEXT_MAX 72	/* "[v6%scope]:port" and NUL */

/* Length of a socket address by its family; 0 if it is neither IPv4 nor IPv6. */
socklen_t addr_len(const struct sockaddr_storage *sa);
uint16_t addr_port(const struct sockaddr_storage *sa);
void addr_set_port(struct sockaddr_storage *sa, uint16_t port);
/* An all-zero address of the machine (INADDR_ANY, ::). */
bool addr_is_any(const struct sockaddr_storage *sa);
/* One form for each address: IPv4 in IPv6 ("::ffff:10.0.0.1") becomes IPv4; an interface stays
 * where the address depends on it, and nothing else does. Other families stay as they are. */
void addr_normalize(struct sockaddr_storage *sa);
/* It is link-local and does not say on which interface: it names no machine. */
bool addr_lacks_scope(const struct sockaddr_storage *sa);
/* Family, address, interface and port. */
bool addr_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
/* The core's form; an unknown family becomes all zero. */
void addr_to_path(const struct sockaddr_storage *sa, struct path_addr *ret);
bool path_addr_none(const struct path_addr *a);
/* "127.0.0.3:21065", "[::1]:21065", "[fe80::1%eth0]:21065"; returns buf. */
const char *addr_text(const struct path_addr *a, char buf[ADDR_TEXT_MAX]);
const char *addr_text_sa(const struct sockaddr_storage *sa, char buf[ADDR_TEXT_MAX]);

#endif
