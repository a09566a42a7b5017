/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program of bare sockets: what can be had without a library.
 */
#include "tests/bench/sockets/socket.h"
#include "tests/bench/work/work.h"

const struct program program = {
	.contestants = { &contestant_bare, &contestant_coalesced, &contestant_ring },
};
