/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A corosync inside the test: the calls of libcpg and libquorum that the library makes, answered
 * from one table; fake_config.c has libcmap's. The own process is on node 1; the test moves all
 * others. Knows nothing of what the library concludes.
 */
#ifndef SINEW_TESTS_LIB_FAKE_COROSYNC_H
#define SINEW_TESTS_LIB_FAKE_COROSYNC_H

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <corosync/cmap.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>

#include "membership/greeting.h"
#include "tests/lib/check.h"

#define FAKE_NODES	8
#define FAKE_EVENTS	256
#define FAKE_KEYS	64

enum fake_kind { FAKE_RING, FAKE_GROUP, FAKE_MESSAGE, FAKE_QUORUM, FAKE_CONFIG };

struct fake_event {
	enum fake_kind kind;
	struct cpg_address now[FAKE_NODES], left;
	size_t n_now, n_left;
	uint32_t from;
	uint8_t bytes[GREETING_MAX];
	size_t len;
	uint64_t ring;
	bool is_quorate;
};

struct fake {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int fd;
	void *cpg_context;
	const void *quorum_context;
	cpg_model_v1_data_t cpg;
	quorum_model_v1_data_t quorum;
	cmap_notify_fn_t on_config;
	void *config_arg;

	struct { char key[64], value[64]; bool is_number; } keys[FAKE_KEYS];
	unsigned n_keys, n_more;	/* n_more: keys that are made up */
	unsigned at;			/* the iteration */
	char prefix[64];

	bool is_in[FAKE_NODES + 1];
	uint64_t ring;
	bool is_quorate;
	struct fake_event events[FAKE_EVENTS];
	unsigned n_events;

	bool is_dead;		/* corosync does not run */
	bool hangs;		/* its configuration is not answered */
	bool resolver_fails, resolver_hangs;
	bool holds_goodbye;	/* it does not come back */
	unsigned interrupts;	/* of the next calls of getrandom() */
	unsigned n_turns, n_goodbyes, n_leaves;
};

extern struct fake fake;

/* ---- what the test does ---- */

/* The library has something to read. */
void fake_wake(void);
void fake_join(uint32_t nodeid);
void fake_leave(uint32_t nodeid, uint32_t reason);
void fake_say(enum greeting_type type, uint32_t nodeid, uint64_t incarnation, uint64_t began_ms);
void fake_tell(enum fake_kind kind);

/* A key of the configuration; NULL takes it away. */
void fake_key(const char *key, const char *value);
void fake_node(uint32_t nodeid, const char *addr);

/* Sets a flag of the fake and wakes all threads that wait for one. */
void fake_set(bool *flag, bool value);
unsigned fake_count(const unsigned *counter);
void fake_die(void);

/* Quorate, with n nodes at 10.0.0.N, ours at 127.0.0.1. */
void fake_begin(unsigned n);

/* ---- what the fake libraries share ---- */

cs_error_t fake_rc(void);

/* The next event of those kinds, the oldest first; false: there is none. */
bool fake_pop(enum fake_kind first, enum fake_kind last, struct fake_event *ret);

#endif
