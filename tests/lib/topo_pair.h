/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A core of a topology server and its subscribers, without carriers: all that a subscription is
 * told, as a line of text, from the server or through a view. Memory is counted, and may fail.
 * Knows no test.
 *
 * Events of a server, each with the position behind an @: "+7" publication 7, "-7" withdrawn, "~"
 * behind them: the group goes on; "snapshot", "end/SKIPPED" (end/? of one that is not whole);
 * "timeout", "overrun". In a snapshot "+7" has no position.
 * Events of a view: "+7", "-7", "current", "timeout", "overrun", with the letters f first,
 * c collapsed, g group.
 */
#ifndef SINEW_TESTS_LIB_TOPO_PAIR_H
#define SINEW_TESTS_LIB_TOPO_PAIR_H

#include "services/topo.h"
#include "services/topo_peer.h"
#include "services/topo_view.h"

#define TOPO_PAIR_NODE	7u	/* that of the server */
#define TOPO_PAIR_LIFE	0x1122334455667788u
#define TOPO_PAIR_EPOCH	0x99u

struct topo_pair {
	struct topo topo;
	struct topo_owner library, a, b;
	uint64_t n_bytes, n_blocks;	/* of memory in use */
	uint64_t n_asked, fail_at;	/* that one of all is refused, counted from 1 */
	char text[4000];
};

struct topo_memory topo_pair_memory(struct topo_pair *p);
struct topo_config topo_pair_config(struct topo_pair *p, uint32_t log_entries);
/* The positions begin with 100, publications with 1. */
void topo_pair_init(struct topo_pair *p, uint32_t log_entries);
/* Checks that no memory is left, too. */
void topo_pair_fini(struct topo_pair *p);

struct topo_offer topo_pair_offer(uint32_t type, uint32_t lower, uint32_t upper);
/* Of scope cluster, by program a; its number. */
uint32_t topo_pair_publish(struct topo_pair *p, uint32_t type, uint32_t lower, uint32_t upper);
void topo_pair_withdraw(struct topo_pair *p, uint32_t pub);

/* Each publication of each type; without a time limit. */
struct topo_request topo_pair_all(void);
struct topo_sub *topo_pair_subscribe(struct topo_pair *p, struct topo_request r);
/* The view's request, through the wire. */
struct topo_sub *topo_pair_attach(struct topo_pair *p, const struct topo_view *v);

/* All events that it has, or at most so many fills: each takes one publication or withdrawal. */
const char *topo_pair_events(struct topo_pair *p, struct topo_sub *sub);
const char *topo_pair_some(struct topo_pair *p, struct topo_sub *sub, unsigned n);

void topo_pair_view(struct topo_pair *p, struct topo_view *v, struct topo_request r);
/* The same, through the view. An error ends the line, as its number. */
const char *topo_pair_told(struct topo_pair *p, struct topo_sub *sub, struct topo_view *v);
const char *topo_pair_told_some(struct topo_pair *p, struct topo_sub *sub, struct topo_view *v,
				unsigned n);

/* ---- with one view ---- */

void topo_pair_begin(struct topo_pair *p, struct topo_view *v, uint32_t log_entries,
		     struct topo_request r);
void topo_pair_end(struct topo_pair *p, struct topo_view *v);
/* n publications of one name. */
void topo_pair_publish_some(struct topo_pair *p, unsigned n);
/* The connection of the view is lost, and another one comes. */
struct topo_sub *topo_pair_again(struct topo_pair *p, struct topo_view *v, struct topo_sub *sub);

#endif
