/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publications in memory: rows, found by identity, and in the order in which they came. Pure. Owns
 * the rows. Knows neither log nor subscribers.
 *
 * A row never changes what it says. The identity (node, incarnation, pub) names it; among those
 * that are found, the one that was added last is found first.
 */
#ifndef SINEW_SERVICES_TOPO_TABLE_H
#define SINEW_SERVICES_TOPO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topo_hash.h"
#include "topo_memory.h"
#include "topo_wire.h"

#include "proto/list.h"

#define TOPO_NEVER	UINT64_MAX

/* Flags of a row. */
#define TOPO_ROW_PINNED		1u	/* server: a cursor stands, or stood, at it */
#define TOPO_ROW_TOLD		2u	/* view: its subscriber knows it */
#define TOPO_ROW_THERE		4u	/* view: it is in the snapshot under way */

struct topo_id {
	uint64_t incarnation;
	uint32_t node, pub;
};

struct topo_owner;

struct topo_row {
	struct list order;	/* of the table, by age */
	struct list kin;	/* server: of its owner's, while it is published */
	struct topo_link found;
	struct topo_owner *owner;	/* server: while it is published */
	struct topo_id id;
	uint64_t published;	/* server: position of that entry in the log */
	uint64_t withdrawn;	/* the same; TOPO_NEVER: it was not */
	struct topo_name name;
	uint16_t attr_len;
	uint8_t scope;
	uint8_t flags;
	uint8_t attr[];
};

struct topo_table {
	struct list order;	/* of all rows, also of those that are not found any more */
	struct topo_hash found;
};

/* 0 or -ENOMEM. */
int topo_table_init(struct topo_table *t, const struct topo_memory *m);
/* With all rows. */
void topo_table_fini(struct topo_table *t, const struct topo_memory *m);

static inline uint32_t topo_table_n(const struct topo_table *t)
{
	return t->found.n;
}

/* NULL: there is none. */
struct topo_row *topo_table_find(const struct topo_table *t, const struct topo_id *id);
/* A new row, with what o says, found and last in the order. NULL: no memory. */
struct topo_row *topo_table_add(struct topo_table *t, const struct topo_memory *m,
				const struct topo_id *id, const struct topo_offer *o);
/* It is not found from now on; its place in the order stays. */
void topo_table_hide(struct topo_table *t, struct topo_row *row);
/* One that is hidden. */
void topo_table_free(const struct topo_memory *m, struct topo_row *row);

/* Whether the row says that, too. */
bool topo_row_says(const struct topo_row *row, const struct topo_offer *o);
/* The offer that it was made of; the attributes are those of the row. */
struct topo_offer topo_row_offer(const struct topo_row *row);
/* It is one that r asks for; own_node is that of the server that is asked. */
static inline bool topo_row_matches(const struct topo_row *row, const struct topo_request *r,
				    uint32_t own_node)
{
	return topo_request_takes(r, &row->name, row->scope, row->id.node, own_node);
}

#endif
