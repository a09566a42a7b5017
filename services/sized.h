/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Structs of the application, whose first member is their size: those of an older program end
 * earlier, those of a newer one later. Knows none of them.
 */
#ifndef SINEW_SERVICES_SIZED_H
#define SINEW_SERVICES_SIZED_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The members that both know, the others 0, and the size that is known here. False: it is smaller
 * than any that there ever was. */
static inline bool sized_take(void *to, size_t known, const void *from, size_t least)
{
	size_t size;

	assert(sizeof size < least && least <= known);
	memcpy(&size, from, sizeof size);
	if (size < least)
		return false;
	memset(to, 0, known);
	memcpy(to, from, size < known ? size : known);
	memcpy(to, &known, sizeof known);
	return true;
}

/* A struct for the application, whose size it has set, not 0: the members that both know, the
 * others 0. */
static inline void sized_give(void *to, const void *from, size_t known)
{
	size_t size;

	memcpy(&size, to, sizeof size);
	assert(size >= sizeof size && known >= sizeof size);
	memset(to, 0, size);
	memcpy(to, from, size < known ? size : known);
	memcpy(to, &size, sizeof size);
}

#endif
