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

#include "lowcomms/sockaddr.h"
#include "proto/path.h"

#define ADDR_TEXT_MAX 72	/* "[v6%scope]:port" and NUL */

/* The core's form; an unknown family becomes all zero. */
void addr_to_path(const struct sockaddr_storage *sa, struct path_addr *ret);
bool path_addr_none(const struct path_addr *a);
/* "127.0.0.3:21065", "[::1]:21065", "[fe80::1%eth0]:21065"; returns buf. */
const char *addr_text(const struct path_addr *a, char buf[ADDR_TEXT_MAX]);
const char *addr_text_sa(const struct sockaddr_storage *sa, char buf[ADDR_TEXT_MAX]);

#endif
