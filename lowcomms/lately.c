/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/lately.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/loop.h"
#include "lowcomms/node.h"

static uint32_t nodeid_in(const char *line)
{
	return strncmp(line, "peer=", 5) ? 0 : (uint32_t)strtoul(line + 5, NULL, 10);
}

void lately_add(struct lately *l, enum sinew_level level, const char *line)
{
	struct sinew_error_entry e = {
		.at_ms = loop_real_ns() / 1000000u, .level = level, .nodeid = nodeid_in(line),
	};

	assert(level <= LATELY_LEVEL);
	snprintf(e.text, sizeof e.text, "%s", line);
	lock_take(&l->lock, LOCK_LATELY);
	l->all[l->n++ % SINEW_ERRORS_MAX] = e;
	/* Where it wraps the ring stays full. */
	if (!l->n)
		l->n = SINEW_ERRORS_MAX;
	lock_give(&l->lock, LOCK_LATELY);
}

int sinew_node_errors(struct sinew_node *node, struct sinew_error_entry *entries, int max)
{
	struct lately *l;
	unsigned n;

	if (!node || max < 0 || (max && !entries))
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	l = &node->managed.lately;
	lock_take(&l->lock, LOCK_LATELY);
	n = l->n < SINEW_ERRORS_MAX ? l->n : SINEW_ERRORS_MAX;
	for (unsigned i = 0; i < n && i < (unsigned)max; i++)
		entries[i] = l->all[(l->n - 1 - i) % SINEW_ERRORS_MAX];
	lock_give(&l->lock, LOCK_LATELY);
	return (int)n;
}
