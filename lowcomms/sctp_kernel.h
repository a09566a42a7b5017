/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams over the SCTP of the kernel: the only file that makes socket calls of it. A stream is an
 * association with a socket of its own, over all addresses of both nodes; one that has ended is
 * never connected again. Knows addresses, no links.
 */
#ifndef SINEW_LOWCOMMS_SCTP_KERNEL_H
#define SINEW_LOWCOMMS_SCTP_KERNEL_H

#include "lowcomms/stream.h"

extern const struct transport transport_sctp_kernel;

#endif
