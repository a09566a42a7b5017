/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the next round is due, and when all is over.
 * Knows nothing of what a round does.
 */
#include "tools/break/pace.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "tools/signals.h"

int pace_open(struct pace *p, uint32_t every_ms, uint32_t for_ms)
{
	*p = (struct pace){
		.began_ns = clock_now_ns(),
		.every_ns = every_ms * CLOCK_MS,
	};
	p->next_ns = p->began_ns;
	p->end_ns = for_ms ? p->began_ns + for_ms * CLOCK_MS : CLOCK_NEVER;
	p->signal_fd = signals_open(0);
	return p->signal_fd < 0 ? p->signal_fd : 0;
}

void pace_close(struct pace *p)
{
	if (p->signal_fd >= 0)
		close(p->signal_fd);
	p->signal_fd = -1;
}

/* Rounds that were missed because one took too long are not made up for. */
static void begin_round(struct pace *p, uint64_t now)
{
	p->n_rounds++;
	if (!p->every_ns)
		return;
	p->next_ns += p->every_ns;
	if (p->next_ns < now)
		p->next_ns += (now - p->next_ns + p->every_ns - 1) / p->every_ns * p->every_ns;
}

static enum pace_event wait_for(struct pace *p, int fd, uint64_t until_ns, bool in_round)
{
	struct pollfd fds[] = {
		{ .fd = p->signal_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	uint64_t now, wake;

	for (;;) {
		now = clock_now_ns();
		if (p->was_told || now >= p->end_ns)
			return PACE_OVER;
		if (!in_round && !p->every_ns && p->n_rounds)
			return PACE_OVER;
		if (!in_round && now >= p->next_ns) {
			begin_round(p, now);
			return PACE_ROUND;
		}
		if (now >= until_ns)
			return PACE_TIME;
		wake = p->end_ns < until_ns ? p->end_ns : until_ns;
		if (!in_round && p->next_ns < wake)
			wake = p->next_ns;
		if (poll(fds, 2, clock_timeout_ms(wake)) <= 0)
			continue;
		if (fds[0].revents)
			p->was_told = signals_take(p->signal_fd);
		else if (fds[1].revents)
			return PACE_READABLE;
	}
}

enum pace_event pace_wait(struct pace *p, int fd, uint64_t until_ns)
{
	return wait_for(p, fd, until_ns, false);
}

enum pace_event pace_wait_in_round(struct pace *p, int fd, uint64_t until_ns)
{
	return wait_for(p, fd, until_ns, true);
}
