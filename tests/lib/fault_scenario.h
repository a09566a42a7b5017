/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns one scenario: two nodes in one process send each other fifty messages of mixed sizes, keep
 * some, are broken apart in the middle, finish and close. Says in one text what was wrong with
 * it. Knows that calls may fail, but not which ones.
 */
#ifndef SINEW_TESTS_LIB_FAULT_SCENARIO_H
#define SINEW_TESTS_LIB_FAULT_SCENARIO_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>

#include "lowcomms/sinew-test.h"
#include "membership/config.h"
#include "membership/static.h"
#include "tests/lib/await.h"
#include "tests/lib/failures.h"

#define MESSAGES	50

enum mode { MODE_FILE, MODE_OWN_THREAD };

struct side {
	struct sinew_node *node;
	uint32_t id;
	struct sinew_kept *kept[MESSAGES];	/* scenario_lock */
	unsigned n_kept;
	struct sinew_kept *held;		/* the first message, until the node has gone */
	unsigned n_sent;			/* loop */
	_Atomic unsigned received, ups, finished, downs, closed;
	const char *_Atomic bad;	/* what a callback saw that is wrong; NULL: nothing */
	enum sinew_down reason;
	struct sinew_delivery delivery;
	bool ended;				/* sinew_dispatch() gave an error */
};

struct outcome {
	char wrong[300];	/* "": nothing */
	bool refused;		/* it did not start, as it should not */
	bool complete;		/* everything was delivered and closed in order */
	bool said;		/* the log has the cause of the failure */
	unsigned calls;		/* of any kind */
	int ms;
};

struct scenario {
	struct side side[2];
	enum mode mode;
	bool lost;		/* what fails need not end well */
	char file[64], broken_file[64];
	const char *cause;	/* text that the log should have */
	_Atomic bool said;
	struct outcome *out;
};

extern struct scenario scenario;

/* The first thing that is wrong is the one that is told. */
#define WRONG(...) \
	do { \
		if (!scenario.out->wrong[0]) \
			snprintf(scenario.out->wrong, sizeof scenario.out->wrong, __VA_ARGS__); \
	} while (0)

/* ---- start: 0 or the negative errno that refused it ---- */

int new_node(struct side *s, struct sinew_options *o);

int start(void);

/* ---- look at it ---- */

void scenario_run(enum mode mode, bool lost, const char *cause, struct outcome *out);

/* ---- files ---- */

/* Once in each process. */
bool scenario_prepare(void);
void scenario_done(void);

#endif
