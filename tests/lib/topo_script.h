/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Topology told in steps, which any topology server can play, and the events that each subscription
 * sees: two implementations are compared by that. Knows none of them.
 *
 * Two nodes, near and far. Publishers a and b are at the near one, c and d at the far one.
 * Subscriptions w, x, y and z are of one connection to the server of the near one. A step is
 *
 *	PUBLISHER publishes TYPE LOWER UPPER [node]	node: for its own node alone
 *	PUBLISHER withdraws TYPE LOWER UPPER [node]
 *	PUBLISHER dies					with all that it has published
 *	SUBSCRIPTION subscribes TYPE LOWER UPPER each|edge [MS]
 *	SUBSCRIPTION cancels
 *	SUBSCRIPTION gets N				waits for so many events more
 *	far goes					near and far lose each other
 *	far comes
 *
 * TYPE is a number from 0 to 9, and another one for each script; or NODE or LINK, which the server
 * publishes itself. "max" is the highest number. Events are marks, in their order:
 *
 *	PUBLISHED LOWER..UPPER by PUBLISHER	of NODE and LINK: PUBLISHED near, PUBLISHED far
 *	WITHDRAWN ...
 *	TIMEOUT
 *	LOST					with the connection
 *	REFUSED					the step above gave an error; of a publisher, too
 *	NOTHING					a wait in vain: it ends the script
 */
#ifndef SINEW_TESTS_LIB_TOPO_SCRIPT_H
#define SINEW_TESTS_LIB_TOPO_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#define TOPO_SCRIPT_TYPES	1000u	/* the first of all; ten for each script */

enum topo_script_actor {
	TOPO_ACTOR_A, TOPO_ACTOR_B, TOPO_ACTOR_C, TOPO_ACTOR_D,
	TOPO_ACTOR_W, TOPO_ACTOR_X, TOPO_ACTOR_Y, TOPO_ACTOR_Z,
	TOPO_ACTORS,
	TOPO_ACTOR_FAR = TOPO_ACTORS,	/* not one that sees anything */
};

#define TOPO_PUBLISHERS		TOPO_ACTOR_W
#define TOPO_NOBODY		TOPO_ACTORS	/* as a publisher: none of ours */

static inline bool topo_actor_is_far(unsigned publisher)
{
	return publisher == TOPO_ACTOR_C || publisher == TOPO_ACTOR_D;
}

struct topo_script {
	const char *name;
	const char *steps;	/* separated by ";" */
};

extern const struct topo_script topo_scripts[];
extern const unsigned n_topo_scripts;
extern const char *const topo_actors[TOPO_ACTORS + 1];

/* Types of the server itself are those of the player. */
enum topo_script_kind { TOPO_KIND_OWN, TOPO_KIND_NODE, TOPO_KIND_LINK };

struct topo_script_name {
	enum topo_script_kind kind;
	uint32_t type;		/* of TOPO_KIND_OWN */
	uint32_t lower, upper;
};

struct topo_play;

/* An implementation. Each gives 0 or a negative errno, and returns when the server has taken it. */
struct topo_player {
	int (*publish)(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
		       bool own_node);
	int (*withdraw)(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
			bool own_node);
	int (*die)(struct topo_play *p, unsigned actor);
	int (*subscribe)(struct topo_play *p, unsigned actor, const struct topo_script_name *name,
			 bool edge, int timeout_ms);
	int (*cancel)(struct topo_play *p, unsigned actor);
	int (*far)(struct topo_play *p, bool comes);
	void (*turn)(struct topo_play *p);	/* waits a little; events are told to us */
	int64_t (*now_ms)(void);
};

/* The marks of a subscription; of a publisher its refusals. */
struct topo_seen {
	char marks[800];	/* separated by "; " */
	unsigned n_events, n_awaited;
};

struct topo_play {
	unsigned number;	/* of the script */
	const struct topo_player *player;
	struct topo_seen seen[TOPO_ACTORS];
	int64_t limit_ms;	/* of each wait */
	char fault[200];	/* the step that cannot be played, or "" */
};

/* Plays it. false: not to its end; p->fault says why, if not by a wait in vain. */
bool topo_script_play(struct topo_play *p);

/* ---- of the player, as it comes: verb is PUBLISHED, WITHDRAWN, TIMEOUT or LOST ---- */

void topo_script_name_told(struct topo_play *p, unsigned actor, const char *verb, uint32_t lower,
			   uint32_t upper, unsigned publisher);
void topo_script_node_told(struct topo_play *p, unsigned actor, const char *verb, bool is_far);
void topo_script_told(struct topo_play *p, unsigned actor, const char *verb);

#endif
