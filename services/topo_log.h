/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log of a topology server: the last publications and withdrawals, in their order, in a ring of
 * entries that never grows. An entry refers to a row. Owns its entries, no rows. Pure; knows no
 * subscribers.
 *
 * Entries count from the index that the log began with; entry i is told with position i + 1.
 */
#ifndef SINEW_SERVICES_TOPO_LOG_H
#define SINEW_SERVICES_TOPO_LOG_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "topo_memory.h"

struct topo_row;

struct topo_log {
	uintptr_t *entries;	/* a row, and TOPO_LOG_ bits */
	uint32_t size;
	uint64_t first, next;	/* entries from first up to next are there */
};

#define TOPO_LOG_WITHDRAWN	((uintptr_t)1)
#define TOPO_LOG_GROUP		((uintptr_t)2)	/* the next entry belongs to it */
#define TOPO_LOG_BITS		(TOPO_LOG_WITHDRAWN | TOPO_LOG_GROUP)

/* size: entries, not 0. 0 or -ENOMEM. */
int topo_log_init(struct topo_log *log, const struct topo_memory *m, uint32_t size,
		  uint64_t index);
void topo_log_fini(struct topo_log *log, const struct topo_memory *m);

static inline uintptr_t topo_log_entry(const struct topo_log *log, uint64_t i)
{
	assert(i >= log->first && i < log->next);
	return log->entries[i % log->size];
}

static inline struct topo_row *topo_log_row(const struct topo_log *log, uint64_t i)
{
	return (struct topo_row *)(topo_log_entry(log, i) & ~TOPO_LOG_BITS);
}

static inline bool topo_log_has(const struct topo_log *log, uint64_t i, uintptr_t bit)
{
	return topo_log_entry(log, i) & bit;
}

/* As the next entry. The log is not full. */
void topo_log_append(struct topo_log *log, struct topo_row *row, uintptr_t bits);

/* The oldest entry goes if the log is full. Returns its row if it was withdrawn by this entry, so
 * that no entry refers to it any more; else NULL. */
struct topo_row *topo_log_make_room(struct topo_log *log);

#endif
