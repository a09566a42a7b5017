/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two nodes with calls, for tests of them: a service at each that answers as its op says, and own
 * calls that remember all they saw. Knows the public headers only.
 */
#ifndef SINEW_TESTS_LIB_CALL_PAIR_H
#define SINEW_TESTS_LIB_CALL_PAIR_H

#include <pthread.h>
#include <stdatomic.h>

#include "services/sinew-call.h"
#include "tests/lib/cluster.h"

#define PAIR_WHOLE	100u	/* services: requests as a whole, */
#define PAIR_PIECES	101u	/* in pieces, */
#define PAIR_NARROW	102u	/* one call at a time, */
#define PAIR_PATIENT	103u	/* one at a time, others wait; */
#define PAIR_PULL	104u	/* what is read: a length, and so many bytes */
#define PAIR_NOBODY	105u	/* none */
#define PAIR_MAX	(2u * 1024 * 1024)	/* bytes of a request or reply */
#define HELD_MAX	2048u
#define NUMBERS_MAX	8192u

/* With more than 4 bytes a request begins with its number. */
enum pair_op {
	OP_ECHO = 1,	/* the request is the reply */
	OP_COUNT,	/* the reply is the length of the request, 8 bytes of the machine's order */
	OP_HOLD,	/* no reply until pair_answer() */
	OP_FAIL,	/* aborted with code 77 */
	OP_NONE,	/* no service has it */
};

/* A call of the other side that is being answered, or held. */
struct served {
	struct sinew_call *call;	/* NULL: none */
	struct sinew_call_msg *msg;	/* the request, of OP_ECHO */
	size_t sent;
	uint64_t got;			/* bytes of the request */
	uint32_t head;			/* PAIR_PULL: the length that it begins with */
	size_t head_got, body_got;
	uint8_t body[4096];
	bool complete;			/* the request is */
	bool told;			/* that it is to stop */
	enum sinew_call_reason reason;
	struct side *side;
};

struct side {
	struct test_node *t;
	struct sinew_calls *calls;
	struct sinew_binding *binding[5];	/* of PAIR_WHOLE and so on */
	_Atomic unsigned shown, answered, told;	/* calls of the other side */
	unsigned finals;		/* of them, FINAL_ACK */
	unsigned rooms;			/* a begin may be tried again */
	struct served held[HELD_MAX];
	_Atomic unsigned char executed[NUMBERS_MAX];	/* how often each number came */
};

struct call_pair {
	struct test_node t[2];
	struct side s[2];
};

/* An own call. */
struct asked {
	struct sinew_call *call;	/* NULL: given back */
	const uint8_t *request;
	size_t len, sent;
	uint8_t *reply;			/* of size bytes */
	size_t size, got;
	_Atomic unsigned ended;		/* how often */
	unsigned accepted, rooms, datas, states;
	struct sinew_call_report report;
	bool last;			/* of the reply has come */
	bool keeps;			/* the call is not given back at its end */
	bool wrong;			/* an event that must not come */
	enum sinew_call_reason reason;
	enum sinew_call_outcome outcome;
	int32_t code;
	int error;
	uint32_t retry_ms;
};

/* Both are up, with bindings. tune may be NULL. */
bool call_pair_open(struct call_pair *p, void (*tune)(struct sinew_options *o),
		    const struct sinew_calls_options *opt);
/* Two nodes with threads of their own, and calls of default options. Not connected before
 * call_pair_connect(), so that a test can bind services. */
bool call_pair_open_threads(struct call_pair *p);
/* They know each other, and their sessions are up; those are referenced. */
bool call_pair_connect(struct call_pair *p, struct sinew_session *h[2]);
void call_pair_close(struct call_pair *p);
bool side_binds(struct side *s, struct sinew_session *h);
void side_unbinds(struct side *s);
/* Gives calls and services to a node that is open, and not dispatched. */
bool side_open(struct side *s, struct test_node *t, const struct sinew_calls_options *opt);

/* Begins it; what begin says. a->request, len, reply and size are set. */
int ask(struct side *s, unsigned service, uint32_t op, struct asked *a,
	const struct sinew_call_options *more, unsigned flags);
/* Its function, for calls that are begun otherwise; user is the struct asked. */
void asked_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user);
/* The held calls are answered by their length, or as many as that. */
void pair_answer(struct side *s, unsigned n);
/* How many calls of both are open. */
unsigned call_pair_open_calls(const struct call_pair *p);
unsigned side_holds(const struct side *s);

#define DRIVE_CALLS(p, cond) DRIVE_PAIR((p)->t, cond)

#endif
