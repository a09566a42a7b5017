/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets memory to 0 by a function of another file. Owns nothing.
 */
#ifndef SINEW_SERVICES_CALLS_CLEAR_H
#define SINEW_SERVICES_CALLS_CLEAR_H

#include <stddef.h>

/* For structs of some hundred bytes. Where gcc sees their size it takes rep stos, which needs
 * longer to begin than memset() for all of it. */
void calls_clear(void *mem, size_t n);

#endif
