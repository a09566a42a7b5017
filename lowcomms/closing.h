/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a node: its progress, its time limit, and its report: the peers at its beginning, and
 * the step that was missing at the end of each. Knows no connection.
 */
#ifndef SINEW_LOWCOMMS_CLOSING_H
#define SINEW_LOWCOMMS_CLOSING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lowcomms/sinew.h"
#include "proto/core.h"

/* Without a note, a field belongs to the loop thread. */
struct closing {
	_Atomic bool asked;		/* sinew_close() was called; any thread */
	_Atomic bool over;		/* nothing more will happen; any thread */
	bool core_closed;		/* CORE_CLOSED was polled */
	uint64_t linger_ns;		/* CORE_NEVER: not closing */
	unsigned n_final_acks;		/* draining links that a known incarnation must read */
	struct sinew_report_session *report;
	int n_report;
};

void closing_free(struct closing *cl);
/* The close begins: a row for each peer with a session. False: no memory, and no row. */
bool closing_report(struct closing *cl, const struct core *core);
/* A session has ended, and its handle is dead: its row becomes final. */
void closing_down(struct closing *cl, struct sinew_session *h, enum sinew_down reason);

#endif
