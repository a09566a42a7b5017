/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The usual name of the control socket of a node. Knows no socket.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "services/sinew-control.h"

#define PART_MAX	(SINEW_CONTROL_NAME_MAX / 2 - 12)	/* of cluster and group each */

_Static_assert(2 * PART_MAX + sizeof("sinew/" "/" "/" "2147483647") <= SINEW_CONTROL_NAME_MAX,
	       "a name fits with the longest parts");

/* Only bytes that people can type and that divide nothing. */
static void part(const char *text, char out[PART_MAX + 1])
{
	size_t i;

	for (i = 0; text[i] && i < PART_MAX; i++)
		out[i] = text[i] > ' ' && text[i] <= '~' && text[i] != '/' ? text[i] : '_';
	out[i] = '\0';
}

int sinew_control_name(const char *cluster, const char *group, uint32_t nodeid, char *buf,
		       size_t size)
{
	char a[PART_MAX + 1], b[PART_MAX + 1];
	int len;

	if (!cluster || !group || !nodeid || nodeid > INT32_MAX || !buf)
		return -EINVAL;
	if (size < SINEW_CONTROL_NAME_MAX)
		return -ENOSPC;
	part(cluster, a);
	part(group, b);
	len = snprintf(buf, size, "sinew/%s/%s/%u", a, b, (unsigned)nodeid);
	assert(len > 0 && (size_t)len < SINEW_CONTROL_NAME_MAX);
	return len;
}
