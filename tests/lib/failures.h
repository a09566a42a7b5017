/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the calls that tests make fail: a wrapper for each, linked by --wrap, that counts, fails
 * when it is told to, and keeps the books of memory and descriptors. Knows no scenario.
 *
 * A test that includes this must call none of them itself while it counts, but by __real_.
 */
#ifndef SINEW_TESTS_LIB_FAILURES_H
#define SINEW_TESTS_LIB_FAILURES_H

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CODES_MAX	12	/* of one call */
#define CODE_SHORT	100001	/* it does a part */
#define CODE_END	100002	/* it finds the end of the file */

enum { CALL_MANY = 1, CALL_SAID = 2, CALL_NEEDLESS = 4 };

enum call {
#define CALL(name, ...) CALL_##name,
#include "tests/lib/failures.def"
#undef CALL
	CALLS,
};

/* How each may fail. */
struct call_codes {
	const char *name;
	int flags;
	int codes[CODES_MAX];
};

extern const struct call_codes calls[CALLS];

/* The calls that are to fail: from the k-th call on; of all kinds if call is CALLS. */
struct plan {
	enum call call;
	int code;		/* 0: the first of each */
	unsigned k;		/* from 1; 0: nothing fails */
	bool ever;		/* else once */
};

/* The same, for threads that run meanwhile. */
struct plan_now {
	_Atomic enum call call;
	_Atomic int code;
	_Atomic unsigned k;
	_Atomic bool ever;
};

struct failing {
	struct plan_now plan;
	_Atomic unsigned n;	/* calls that the plan is about */
	_Atomic unsigned all;	/* calls of any kind */
	_Atomic unsigned hits;	/* calls that failed */
	_Atomic int hit_call, hit_code;	/* the first that did */
	_Atomic unsigned hit_all;	/* calls of any kind until then */
	_Atomic long blocks;	/* of memory that are not given back */
	_Atomic unsigned wrong_closes;
};

extern struct failing failing;

/* Begins to count from 0. */
void failing_begin(const struct plan *plan);

/* Signals interrupt a call now and then, and a call finds nothing now and then: not for ever. */
bool code_passes(enum call call, int code);

/* True: the call fails, errno is set. */
bool fails(enum call call);

/* Uncounted, and never a failure. */
int __real_close(int fd);
void *__real_mmap(void *p, size_t n, int prot, int flags, int fd, off_t off);
int __real_munmap(void *p, size_t n);

#endif
