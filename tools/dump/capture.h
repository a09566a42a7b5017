/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capture files (pcap, pcapng) as packets.
 * Knows nothing of what is in a packet.
 */
#ifndef TOOLS_DUMP_CAPTURE_H
#define TOOLS_DUMP_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/dump/packet.h"

#define CAPTURE_ERROR_MAX	320

struct capture_events {
	/* Negative: no more packets are read, and that is returned. */
	int (*packet)(void *arg, enum packet_link link, uint64_t time_ns, const uint8_t *p,
		      size_t caplen, size_t len);
	void *arg;
};

/*
 * Reads to the end; closes the file. err is filled in by the first three errors.
 * -ENOTSUP: built without libpcap; -EINVAL: no capture, or a link type that is not known;
 * -ENODATA: the file ends, or cannot be read on, in its middle; or what packet() gave.
 */
int capture_read(FILE *file, const struct capture_events *events, char err[CAPTURE_ERROR_MAX]);

#endif
