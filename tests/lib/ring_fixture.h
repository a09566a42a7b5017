/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fixture of tests of one send ring: its memory, a message of any length, and a link that
 * writes all that is unsent.
 */
#ifndef SINEW_TESTS_LIB_RING_FIXTURE_H
#define SINEW_TESTS_LIB_RING_FIXTURE_H

#include "proto/ring_out.h"
#include "proto/wire.h"
#include "tests/lib/check.h"

#define NODEID	3u
#define FIRST	0xfffffffeu	/* the numbers wrap after two frames */
#define FRAME	WIRE_FRAME_MAX

extern struct ring ring;
extern uint8_t memory[RING_MIN], bytes[RING_MIN + 1];

void fresh(void);
int send_n(size_t len);

/* Everything that is unsent goes out; how many bytes that was. */
size_t write_all(void);

#endif
