/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages of a kernel's lock manager in words.
 * Knows nothing of how they travelled.
 */
#ifndef TOOLS_DUMP_KERNEL_H
#define TOOLS_DUMP_KERNEL_H

#include "tools/dump/describe.h"

/* One whole MSG or RCOM of n bytes, its header included: type, fields, payload. */
void kernel_message(struct described *d, const uint8_t *p, size_t n);
void kernel_rcom(struct described *d, const uint8_t *p, size_t n);
/* The same of the first n bytes alone: its type, if they reach so far. */
void kernel_type(struct described *d, const uint8_t *p, size_t n, bool is_msg);

#endif
