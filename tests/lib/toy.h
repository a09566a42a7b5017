/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service for tests: numbered frames, each echoed, between the numbered messages of an
 * application, and what it was told of its one session. Knows the seam of lowcomms alone.
 */
#ifndef SINEW_TESTS_LIB_TOY_H
#define SINEW_TESTS_LIB_TOY_H

#include "lowcomms/service.h"
#include "tests/lib/cluster.h"

#define TOY_MAX 65536u		/* frames whose positions are known */

struct toy {
	struct test_node *t;
	struct sinew_session *h;	/* up; NULL: none is */
	struct service_grant theirs;
	unsigned ups, batches, rooms, losses, returns, finishings, finisheds, downs, released;
	unsigned freeds, ticks;
	bool holds;			/* does not let the FIN go */
	bool silent;			/* echoes nothing */
	uint64_t next_out;		/* number of the next frame or message that we send ... */
	uint64_t next_in;		/* ... and that we get: one sequence for both */
	uint64_t n_frames;		/* of ours, that are no echo */
	uint64_t n_came;		/* of theirs */
	uint64_t echoes_due, echoes_out, echoes_in;
	uint64_t bad;			/* out of order, twice, or other bytes */
	uint64_t end[TOY_MAX];		/* of our frames, by n_frames */
	uint64_t acked, high;		/* at the end */
	uint64_t deadline_ns;		/* of the next tick */
	int refusal;			/* the last error but -EAGAIN */
	void (*on_up)(struct toy *toy);
	void (*on_room)(struct toy *toy);
	void (*on_frame)(struct toy *toy, const uint8_t *body, size_t len);
};

extern const struct service_ops toy_ops;
extern const struct service_grant toy_grant;

/* Two nodes with a toy each, that know each other; tune may be NULL. */
bool toys_open(struct test_node t[2], struct toy toys[2],
	       void (*tune)(struct sinew_options *o));
void toys_free(struct test_node t[2]);
/* Its messages carry numbers of the same sequence. */
void toy_message(struct test_node *t, struct sinew_session *p, const struct sinew_message *m);

/* One frame, one message of at least 16 bytes: 0 or the error. */
int toy_put(struct toy *toy, size_t len, bool bulk);
int toy_send(struct toy *toy, size_t len);

#endif
