/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A piece of memory: like the struct iovec of the socket layer, without its
 * header. Owns nothing.
 */
#ifndef SINEW_PROTO_SPAN_H
#define SINEW_PROTO_SPAN_H

#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t *p;
	size_t n;
};

#endif
