/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls told in steps, which any implementation of calls can play, and the marks of RxRPC that
 * each side sees of them: two implementations are compared by that. Knows none of them.
 *
 * A step is "WHO VERB ...", where WHO is client or server, of the second call client2 or server2:
 *
 *	client begins LENGTH [more] [upgrade] [again] [briefly] [elsewhere]
 *		again: a refusal for now is not its end; briefly: its deadline comes soon;
 *		elsewhere: a service that nobody has
 *	WHO sends LENGTH [more]
 *	WHO aborts CODE
 *	WHO leaves		closes all that this side has
 *	server serves		is ready for one call more
 *	WHO gets LENGTH		waits for so many bytes more: DATA LENGTH
 *	WHO gets last		waits for the last ones: DATA LENGTH last, with what came before
 *	WHO gets end		waits for the end of the call at that side
 *	WHO names		SERVICE with the service that the call has there
 *
 * Data that no step has waited for are no mark when the call fails: whether they come before that
 * is a race. A begin, send or abort that gives an error is a mark REFUSED. A wait in vain is the
 * mark NOTHING, and ends the script.
 */
#ifndef SINEW_TESTS_LIB_CALL_SCRIPT_H
#define SINEW_TESTS_LIB_CALL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_SERVICE	100u
#define SCRIPT_UPGRADED	101u	/* with paired: that one's better half */
#define SCRIPT_NOBODY	105u
#define SCRIPT_LENGTH	1000000u	/* the longest data of a step */

/* A side of a call: even ones are clients. */
enum script_actor { SCRIPT_CLIENT, SCRIPT_SERVER, SCRIPT_CLIENT_2, SCRIPT_SERVER_2, SCRIPT_ACTORS };

static inline bool script_serves(unsigned actor)
{
	return actor & 1;
}

struct call_script {
	const char *name;
	const char *steps;	/* separated by ";" */
	unsigned handlers;	/* that are ready from the beginning */
	bool paired;		/* SCRIPT_SERVICE can be upgraded */
};

extern const struct call_script call_scripts[];
extern const unsigned n_call_scripts;
extern const char *const script_actors[SCRIPT_ACTORS];

/* The marks of one side. */
struct script_seen {
	char marks[400];	/* separated by "; " */
	size_t waiting;		/* bytes that are in no mark yet */
	bool last_waits;	/* the last of them have come */
	bool last, ended;
};

struct script_play;

enum { SCRIPT_MORE = 1, SCRIPT_UPGRADE = 2, SCRIPT_AGAIN = 4, SCRIPT_BRIEFLY = 8,
       SCRIPT_ELSEWHERE = 16 };

/* An implementation. Each gives 0 or a negative errno. */
struct script_player {
	int (*begin)(struct script_play *p, unsigned actor, size_t len, unsigned flags);
	/* How much was taken; -EAGAIN: later. */
	long (*send)(struct script_play *p, unsigned actor, size_t len, unsigned flags);
	int (*abort)(struct script_play *p, unsigned actor, int code);
	int (*leave)(struct script_play *p, unsigned actor);
	int (*serve)(struct script_play *p);
	unsigned (*service)(struct script_play *p, unsigned actor);
	void (*turn)(struct script_play *p);	/* waits a little; what comes is told to us */
	int64_t (*now_ms)(void);
};

struct script_play {
	const struct call_script *script;
	const struct script_player *player;
	struct script_seen seen[SCRIPT_ACTORS];
	int64_t limit_ms;	/* of each wait */
	char fault[200];	/* the step that cannot be played, or "" */
};

/* Plays it. false: not to its end; p->fault says why, if not by a wait in vain. */
bool script_play(struct script_play *p);
/* Data that are in no mark yet become one. */
void script_flush(struct script_play *p);

/* Of the player, as it comes. */
void script_mark(struct script_play *p, unsigned actor, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void script_data(struct script_play *p, unsigned actor, size_t len, bool last);
/* The call has ended there in order: FINAL_ACK at the called side. */
void script_replied(struct script_play *p, unsigned actor);
/* It has ended otherwise, by that mark, with a value unless that is 0. */
void script_failed(struct script_play *p, unsigned actor, const char *mark, int value);

#endif
