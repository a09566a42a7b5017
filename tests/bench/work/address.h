/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses of loopback: one for each end or node of a measure.
 */
#ifndef BENCH_ADDRESS_H
#define BENCH_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>

/* 127.x.y.nodeid; nodeids above 250 go on in the third number. 0, or negative. */
int address_of(const char *net, uint32_t nodeid, unsigned port, struct sockaddr_storage *ret);

#endif
