/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every function of calls that may be called from any thread, each as a random step of a worker,
 * for test_call_stress: what it may give, and how often it was made. Knows nothing of when it is
 * enough.
 */
#ifndef SINEW_TESTS_LIB_CALL_STRESS_H
#define SINEW_TESTS_LIB_CALL_STRESS_H

#include "tests/lib/call_pair.h"
#include "tests/lib/toy_cred.h"

#define CALLS		24u	/* shared, of a side; as many bindings as credentials: */
#define OTHERS		4u
#define KEPT		16u

enum { QUEUED = 400, PATIENT, CHARGED, UNKNOWN };

/* A handle that any thread may use, or give back and replace. */
struct shared {
	pthread_rwlock_t lock;
	void *it;		/* NULL: none */
};

struct ground {
	struct sinew_calls *calls;
	struct shared session, call[CALLS], binding[OTHERS], cred[OTHERS];
	_Atomic(struct sinew_call_msg *) kept[KEPT];
};

struct worker {
	pthread_t thread;
	uint64_t rng;
	struct ground *g;	/* of this step */
	uint8_t buf[20000];
};

struct call_stress {
	struct call_pair pair;
	struct ground grounds[2];
	struct test_seal seal;
	_Atomic bool gone;		/* the nodes are */
	_Atomic unsigned n_ended, n_served, n_wrong;
	const char *_Atomic first_wrong;
};

extern struct call_stress call_stress;

static inline void *look(struct shared *s)
{
	pthread_rwlock_rdlock(&s->lock);
	return s->it;
}

static inline void *hold(struct shared *s)
{
	pthread_rwlock_wrlock(&s->lock);
	return s->it;
}

static inline void leave(struct shared *s)
{
	pthread_rwlock_unlock(&s->lock);
}

/* Queue, interceptor, verifier and services of a side. */
bool ground_bind(struct ground *g);
/* A worker's step on that side, any of them. */
void call_stress_step(struct worker *w, struct ground *g);
/* Of the least frequent one; forget: they begin to count again. */
unsigned call_stress_fewest(void);
void call_stress_forget(void);
/* Takes all events that wait. */
void ground_take_all(struct ground *g);
void ground_give_back(struct ground *g);
/* Some step calls it, or it is called once at the end. */
bool call_stress_has(const char *name);

#endif
