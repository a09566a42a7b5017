/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fixture in which HIGH is a kernel: its session is up, its packets are written by hand.
 */
#ifndef SINEW_TESTS_LIB_CORE_FIXTURE_DLM_H
#define SINEW_TESTS_LIB_CORE_FIXTURE_DLM_H

#include "proto/dlm_profile.h"
#include "tests/lib/core_fixture.h"

/* HIGH is a member, at two addresses, and our dial to it is up. */
struct wire *kernel_up(void);

/* The link that a kernel opens to send on. */
struct wire *its_own(void);

/* A packet of len bytes without an envelope. */
size_t put_packet(uint8_t *p, uint32_t version, uint32_t nodeid, size_t len);

/* A sequenced packet of HIGH, of len bytes within its envelope. */
size_t put_envelope(uint8_t *p, uint32_t seq, uint8_t command, size_t len);

#endif
