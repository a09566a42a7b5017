/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fence requests: remembers them, and runs a program for each, one at a time, in the way
 * in which stonith agents are called, until it succeeds.
 * Knows nothing of where requests come from, nor of whose turn it is.
 */
#ifndef TOOLS_FENCE_H
#define TOOLS_FENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lowcomms/sinew.h"

#define FENCE_REQUESTS_MAX	128	/* as many as corosync has nodes */
#define FENCE_NAME_MAX		256

enum fence_turn {
	FENCE_OURS,		/* the program is to be run here */
	FENCE_OTHERS,		/* another node does; asked again later */
	FENCE_DONE,		/* it was fenced, or has come back */
};

struct fence_request {
	uint32_t nodeid;
	uint64_t incarnation;
	enum sinew_fence_reason reason;
	uint64_t next_ns;	/* not before that */
	unsigned n_failed;
};

struct fence_setup {
	const char *command;	/* the path of a program */
	uint32_t timeout_ms;
	uint32_t retry_ms;	/* after a run that failed */
	enum fence_turn (*turn)(void *arg, const struct fence_request *r);
	const char *(*name)(void *arg, uint32_t nodeid);	/* of a node, or "" */
	/* The program says that this incarnation is off. */
	void (*fenced)(void *arg, const struct fence_request *r);
	void *arg;
};

struct fence {
	struct fence_setup setup;
	struct fence_request requests[FENCE_REQUESTS_MAX];
	unsigned n_requests;
	pid_t pid;		/* of the program that runs for the first request; 0: none */
	int fd;			/* readable when it has ended, -1: none */
	uint64_t until_ns;	/* then it is killed */
	bool is_late, is_stopped;
};

/* Strings are not copied. Makes sure that the exit status of children can be had. */
void fence_init(struct fence *f, const struct fence_setup *setup);
/* The same incarnation twice is one request. */
void fence_ask(struct fence *f, uint32_t nodeid, uint64_t incarnation,
	       enum sinew_fence_reason reason);
/* Does what is due; to be called when fd is readable, and at the deadline. */
void fence_step(struct fence *f, uint64_t now_ns);
uint64_t fence_deadline(const struct fence *f);
bool fence_is_running(const struct fence *f);
/* No new run begins; what runs now goes on. */
void fence_stop(struct fence *f);
/* Kills what runs, and forgets all. */
void fence_close(struct fence *f);

#endif
