/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo_log.h"

#include <errno.h>
#include <stddef.h>

int topo_log_init(struct topo_log *log, const struct topo_memory *m, uint32_t size,
		  uint64_t index)
{
	size_t n = size;

	assert(size);
	*log = (struct topo_log){ .size = size, .first = index, .next = index };
	if (n > SIZE_MAX / sizeof *log->entries)
		return -ENOMEM;
	log->entries = topo_alloc(m, n * sizeof *log->entries);
	return log->entries ? 0 : -ENOMEM;
}

void topo_log_fini(struct topo_log *log, const struct topo_memory *m)
{
	topo_release(m, log->entries);
}

void topo_log_append(struct topo_log *log, struct topo_row *row, uintptr_t bits)
{
	assert(log->next - log->first < log->size);
	assert(!((uintptr_t)row & TOPO_LOG_BITS) && !(bits & ~TOPO_LOG_BITS));
	log->entries[log->next++ % log->size] = (uintptr_t)row | bits;
}

struct topo_row *topo_log_make_room(struct topo_log *log)
{
	struct topo_row *row;

	assert(log->first <= log->next);
	if (log->next - log->first < log->size)
		return NULL;
	row = topo_log_has(log, log->first, TOPO_LOG_WITHDRAWN) ? topo_log_row(log, log->first) :
		NULL;
	log->first++;
	return row;
}
