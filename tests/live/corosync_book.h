/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record that a program under corosync keeps of its sessions, in a file that it maps: a killed
 * one leaves its truth behind. One file for each process. Knows not how it is checked.
 */
#ifndef SINEW_TESTS_COROSYNC_BOOK_H
#define SINEW_TESTS_COROSYNC_BOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/torture/content.h"
#include "tools/torture/record.h"

#define BOOK_SEED	4
#define BOOK_LENGTH	2000	/* of a message, at most */
#define BOOK_RECORDS	320	/* sessions of one process */
#define BOOK_PROBLEMS	16	/* told in words; the others are counted */
#define BOOK_PROBLEM	200

struct run_log {
	_Atomic uint32_t node;		/* 0: it has not begun */
	_Atomic uint64_t incarnation;		/* the present one */
	_Atomic bool is_quorate;
	_Atomic bool is_over;		/* it ended in order */
	pid_t pid;
	_Atomic unsigned n_problems, n_records;
	char problems[BOOK_PROBLEMS][BOOK_PROBLEM];
	struct record records[BOOK_RECORDS];
};

/* The message that is number in the session of r: what r's own node sends, or gets. */
static inline struct content run_log_sent(const struct record *r, uint64_t number)
{
	return (struct content){
		.seed = BOOK_SEED, .max = BOOK_LENGTH, .number = number,
		.from = r->node, .from_incarnation = r->incarnation,
		.to = r->peer, .to_incarnation = r->peer_incarnation,
	};
}

static inline struct content run_log_got(const struct record *r, uint64_t number)
{
	return (struct content){
		.seed = BOOK_SEED, .max = BOOK_LENGTH, .number = number,
		.from = r->peer, .from_incarnation = r->peer_incarnation,
		.to = r->node, .to_incarnation = r->incarnation,
	};
}

#endif
