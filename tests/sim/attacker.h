/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of a seed's attacker, and its intention with a connection (attacker.c).
 */
#ifndef SINEW_TESTS_SIM_ATTACKER_H
#define SINEW_TESTS_SIM_ATTACKER_H

#include "sim.h"

enum level { LEVEL_NONE, LEVEL_BLIND, LEVEL_ONE, LEVEL_BOTH };

enum script {
	SCRIPT_BARE,		/* connects */
	SCRIPT_JUNK,
	SCRIPT_FAULT,		/* HELLO of the member's incarnation, then what is no HELLO */
	SCRIPT_REFUSE,		/* HELLO, then REFUSE */
	SCRIPT_UNKNOWN,		/* HELLO of an incarnation of its own, again and again */
	SCRIPT_GUESS,		/* a choice, or an answer, with a guess at the position */
	SCRIPT_RANDOM,		/* any frame, any number of times */
	SCRIPT_PROBE,
	SCRIPTS_BLIND_END,
	SCRIPT_TAKE = SCRIPTS_BLIND_END,	/* BOTH: takes the link */
	SCRIPT_CHOICE,		/* BOTH: a choice whose position cannot be */
	SCRIPTS,
	SCRIPT_ANSWER = SCRIPTS,	/* it was dialled */
};

/* One connection, from its end. */
struct adversary_link {
	struct conn *c;
	uint32_t gen;
	uint8_t side, to, owner;
	enum script script;
	unsigned step;
	uint64_t mine, yours;		/* that it says */
	bool is_answered;		/* by a HELLO that does not choose */
	bool end_in_order;
};

#endif
