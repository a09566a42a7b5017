/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated membership service and what stands between it and the cores: one
 * struct view for each process, as in the product. Knows the service by what its
 * programs are told, not by its protocol.
 *
 *	group.c    the service: rings, the process group, quorum, the nodelist
 *	viewer.c   each process: feeds its view
 *	conclude.c what the views conclude: told to the cores, and judged
 */
#ifndef SINEW_TESTS_SIM_GROUP_H
#define SINEW_TESTS_SIM_GROUP_H

#include "sim.h"

#include "membership/view_poll.h"

/* The words to one process on each of three connections that know nothing of each other. */
enum group_channel { CHANNEL_GROUP, CHANNEL_QUORUM, CHANNEL_NODES, CHANNELS };

enum group_kind { GROUP_CONF, GROUP_RING, GROUP_MESSAGE, GROUP_QUORUM, GROUP_NODES };

struct group_item {
	uint64_t at_ns;
	enum group_kind kind;
	unsigned n_now, n_gone;			/* CONF */
	struct view_process now[SIM_NODES];
	struct view_gone gone[SIM_NODES];
	uint32_t clean;				/* CONF: bit per node that said goodbye and left */
	struct view_ring ring;			/* RING, QUORUM */
	bool is_quorate;			/* QUORUM */
	uint32_t listed, moved;			/* NODES: bit per node */
	struct view_process from;		/* MESSAGE */
	size_t len;
	uint8_t bytes[GREETING_MAX];
};

#define ITEMS	512u		/* that wait on one connection */

struct channel {
	struct group_item *items;
	unsigned head, n;
	uint64_t last_ns;
};

struct viewer {
	struct view view;
	struct channel channel[CHANNELS];
	uint64_t wake_ns, hold_until_ns, retry_ns;
	uint64_t renewed_ns, lost_ns, leave_ns;	/* 0: not due */
	uint32_t pid;
	bool is_connected, has_joined, wants_close, is_closing, wants_leave, has_left;
	/* All that it was told so far: bits of nodes. */
	uint32_t listed, in, clean;
	struct view_ring ring, quorum_ring;
	bool says_quorate;
	bool is_fenced[SIM_INCS], is_failed[SIM_INCS];
	bool is_due[SIM_INCS];		/* to be fenced, when there is quorum */
	bool is_met[SIM_INCS];		/* was told as joined */
	bool is_back[SIM_INCS];	/* its node came into the group again since it went */
};

/* ---- group.c ---- */

/* The machine of that node runs, if it did not. */
void group_boot(struct node *n);
bool group_is_there(const struct node *n);
uint32_t group_listed(uint32_t *ret_moved);
/* That process has connected: it hears of quorum from now on. */
void group_connect(struct node *n);
void group_join(struct node *n, uint32_t pid);
void group_leave(struct node *n);
/* Agreed order, or -EAGAIN. */
int group_send(struct node *n, const void *bytes, size_t len);

/* ---- viewer.c ---- */

void viewer_put(struct node *n, enum group_channel c, const struct group_item *it);
/* The local service is gone. */
void viewer_lost(struct node *n);
void viewer_hold(struct node *n, uint64_t until_ns);
struct viewer *viewer_of(const struct node *n);

/* ---- digest.c ---- */

void digest_view(const struct node *n, const struct view_action *a);

/* ---- conclude.c ---- */

/* After each call of its view. */
void viewer_conclude(struct node *n);
bool viewer_same_rings(const struct viewer *v);
/* All that failed on those nodes needs no fence any more. */
void viewer_void_fences(struct viewer *v, uint32_t nodes);
/* A new incarnation begins: what failed untold towards the old one is to be fenced all the same. */
void viewer_remember_untold(const struct node *n, struct viewer *v);

#endif
