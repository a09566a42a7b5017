/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of corosync's libraries, answered from one table: which call fails, with which error,
 * and the keys of the configuration. Has no cluster of its own, as fake_corosync.h has. Knows
 * nothing of what the library concludes.
 */
#ifndef SINEW_TESTS_LIB_FAKE_CALLS_H
#define SINEW_TESTS_LIB_FAKE_CALLS_H

#include <corosync/cmap.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>

#include "tests/lib/check.h"

#define KEYS_MAX	5000

enum call {
	NO_CALL, CMAP_OPEN, CMAP_TRACK, CPG_OPEN, QUORUM_OPEN, QUORUM_TRACK, LOCAL, ITER, NEXT, GET,
	GET_TEXT, GET_32, GET_16, JOIN, LEAVE, MCAST, QUORATE, CPG_FD, QUORUM_FD, CMAP_FD,
	CPG_READ, QUORUM_READ, CMAP_READ, N_CALLS,
};

struct fake_lib {
	enum call wrong;	/* fails, with rc */
	cs_error_t rc;
	unsigned passes;	/* so many of them before do not */
	unsigned calls[N_CALLS];
	unsigned n_open;	/* connections */
	int is_quorate;
	struct { char key[64]; const char *value; cmap_value_types_t type; } keys[KEYS_MAX];
	unsigned n_keys, at;
	char prefix[64];
	void *context;
	const void *quorum_context;
	void *config_arg;
	cpg_model_v1_data_t cpg;
	quorum_model_v1_data_t quorum;
	cmap_notify_fn_t on_config;
	struct cpg_name group;
	size_t sent;
};

extern struct fake_lib fake_lib;

#endif
