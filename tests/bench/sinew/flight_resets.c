/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of resets while many messages, or calls, are on their way and back: from a reset to the
 * next that comes back. Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>

#include "lowcomms/sinew-test.h"
#include "tests/bench/sinew/end.h"
#include "tests/bench/sinew/jobs.h"
#include "tests/bench/work/flight.h"
#include "tools/clock.h"
#include "tools/histogram.h"

#define LOAD_MESSAGES 2000 /* between the one that is watched and the next reset */
#define PEER	      2

struct resets {
	uint64_t reconnects; /* before the reset that is watched */
	uint64_t began_ns; /* 0: none is watched */
	uint64_t due; /* messages until the next; 0: at the end of this turn */
	struct histogram h;
};

static void watch(struct flight *f, void *arg)
{
	struct sinew_status st = { .size = sizeof st };
	struct resets *r = arg;
	struct end *e = f->end;

	if (r->began_ns) {
		f->err = sinew_session_status(e->session, &st);
		if (f->err || st.reconnects == r->reconnects)
			return;
		histogram_add(&r->h, clock_now_ns() - r->began_ns);
		r->began_ns = 0;
		r->due = LOAD_MESSAGES;
		f->is_over = r->h.n == f->s->count;
		return;
	}
	if (r->due)
		r->due--;
}

/* Not from the function of a message: all that one read has brought comes before the link is reset,
 * and would count. */
static void reset(struct flight *f, void *arg)
{
	struct sinew_status st = { .size = sizeof st };
	struct resets *r = arg;
	struct end *e = f->end;

	if (r->began_ns || r->due)
		return;
	f->err = sinew_session_status(e->session, &st);
	r->reconnects = st.reconnects;
	r->began_ns = clock_now_ns();
	if (!f->err)
		f->err = sinew_break(e->node, PEER);
}

int job_flight_resets(const struct settings *s)
{
	struct resets *r = calloc(1, sizeof *r);
	struct flight f = { .s = s, .came = watch, .turned = reset, .arg = r };

	if (!r)
		return trouble("no memory", -ENOMEM);
	r->due = LOAD_MESSAGES;
	if (flight_run(&f))
		return -1;
	result_histogram(&r->h);
	free(r);
	return 0;
}
