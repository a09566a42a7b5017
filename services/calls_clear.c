/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls_clear.h"

#include <string.h>

void calls_clear(void *mem, size_t n)
{
	memset(mem, 0, n);
}
