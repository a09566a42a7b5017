/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A slow reader: keeps what comes and gives it back late, so that its peers are
 * paused and their queues fill. A kept message must not have changed meanwhile.
 * Knows nothing of who sent it.
 */
#include "tools/torture/incarnation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "tools/clock.h"
#include "tools/say.h"

#define SLOW_MIN_NS	(10 * CLOCK_MS)
#define SLOW_MAX_NS	(150 * CLOCK_MS)

int slow_init(struct incarnation *l)
{
	l->kept = calloc(INCARNATION_KEPT_MAX, sizeof(*l->kept));
	if (l->kept)
		return 0;
	say(SINEW_ERROR, "node %" PRIu32 " cannot start: out of memory", l->id);
	return -ENOMEM;
}

void slow_keep(struct incarnation *l, struct sinew_session *session, const struct sinew_message *m,
	       const struct content *content, uint64_t now_ns)
{
	struct kept *k;
	int rc;

	if (!l->kept || l->n_kept == INCARNATION_KEPT_MAX || run_log_phase(l->run_log) != PHASE_RUN)
		return;
	k = &l->kept[(l->kept_head + l->n_kept) % INCARNATION_KEPT_MAX];
	rc = sinew_keep(session, m, &k->message);
	if (rc == -ENOMEM)
		return;
	if (rc) {
		run_log_problem(l->run_log, "node %" PRIu32 ": cannot keep a message: %s", l->id,
				sinew_error_name(rc));
		return;
	}
	k->content = *content;
	k->until_ns = now_ns + SLOW_MIN_NS +
		run_log_random(&l->random) % (SLOW_MAX_NS - SLOW_MIN_NS);
	l->n_kept++;
}

static void release_oldest(struct incarnation *l)
{
	struct kept *k = &l->kept[l->kept_head];

	if (!content_is(&k->content, sinew_kept_data(k->message), sinew_kept_len(k->message)))
		run_log_problem(l->run_log, "node %" PRIu32 " to %" PRIu32 ": message %" PRIu64
				" changed while it was kept", k->content.from, k->content.to,
				k->content.number);
	sinew_release(k->message);
	l->kept_head = (l->kept_head + 1) % INCARNATION_KEPT_MAX;
	l->n_kept--;
}

void slow_release(struct incarnation *l, uint64_t now_ns, bool all)
{
	while (l->n_kept && (all || l->kept[l->kept_head].until_ns <= now_ns))
		release_oldest(l);
}

uint64_t slow_deadline(const struct incarnation *l)
{
	return l->n_kept ? l->kept[l->kept_head].until_ns : CLOCK_NEVER;
}
