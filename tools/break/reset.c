/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break reset": forged resets break chosen connections, again and again.
 * Knows nothing of how a connection is made to tell its sequence numbers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/break/break.h"
#include "tools/break/hunt.h"
#include "tools/break/netns.h"
#include "tools/break/match_options.h"
#include "tools/break/pace.h"
#include "tools/break/report.h"
#include "tools/break/self.h"
#include "tools/say.h"

struct resetter {
	struct match_options options;
	struct hunt *hunt;
	struct pace pace;
	struct report report;
};

static const struct match_options_mode mode = {
	.name = "sinew break reset",
	.usage =
		"usage: sinew break reset --address A|--between A,B|--port P... [OPTION...]\n"
		"\n"
		"Resets selected TCP connections by forged segments with exactly the sequence\n"
		"number that each end expects; idle connections are provoked into revealing it.\n"
		"At least one end must be on this machine, or all traffic on --interface.\n"
		"\n"
		"  --interface IF      include forwarded connections seen on that interface, of a\n"
		"                      router, or on a bridge itself (br0)\n"
		"  --listen S          seconds to listen to them before the first round (1)\n"
		"\n",
	.status =
		"Requires root (CAP_NET_RAW). Exit status: 0 connections killed (with --count:\n"
		"as many), 1 fewer or none, 2 usage, 3 not permitted or supported by the kernel.\n",
	.listens = true,
};

static int refused(const struct resetter *r, int rc)
{
	if (rc == -EPERM || rc == -EACCES)
		say(SINEW_ERROR, "forging segments is not permitted: %s; requires root "
		    "(CAP_NET_RAW); " BREAK_WITHOUT_ROOT, strerror(-rc));
	else if (rc == -ENODEV && r->options.interface)
		say(SINEW_ERROR, "--interface: there is no \"%.40s\" in this namespace; "
		    "\"ip link\" lists those that there are", r->options.interface);
	else if (rc == -ENETDOWN)
		say(SINEW_ERROR, "there is no loopback to try it on in this namespace: "
		    "\"ip link set lo up\" brings it up");
	else
		say(SINEW_ERROR, "cannot capture and forge segments: %s", strerror(-rc));
	return rc == -ENODEV ? BREAK_USAGE : BREAK_REFUSED;
}

/* ---- rounds ---- */

/* Chooses: by chance, and not more than are still wanted. */
static int choose(struct resetter *r, unsigned *ret_n)
{
	uint64_t wanted = r->options.count ? r->options.count - r->report.sum.n_kills : UINT64_MAX;
	unsigned i, n, n_left_out;
	int rc;

	/* Packets from before the round are old; without --interface nobody has looked at them. */
	rc = hunt_see(r->hunt);
	if (!rc)
		rc = hunt_gather(r->hunt, &n, &n_left_out);
	if (rc)
		return rc;
	r->report.n_left_out += n_left_out;
	for (i = 0; i < n && wanted; i++) {
		if (!pace_chance(&r->pace, r->options.probability))
			continue;
		hunt_start(hunt_target(r->hunt, i));
		wanted--;
	}
	*ret_n = n;
	return 0;
}

/* Until each is dead or given up, or the whole run is over. */
static int hunt_down(struct resetter *r)
{
	uint64_t next_ns;
	int rc;

	for (;;) {
		rc = hunt_tick(r->hunt, &next_ns);
		if (rc || next_ns == CLOCK_NEVER)
			return rc;
		switch (pace_wait_in_round(&r->pace, hunt_fd(r->hunt), next_ns)) {
		case PACE_READABLE:
			rc = hunt_see(r->hunt);
			if (rc)
				return rc;
			break;
		case PACE_OVER:
			return 0;
		case PACE_ROUND:
		case PACE_TIME:
			break;
		}
	}
}

static void count(struct resetter *r)
{
	unsigned i;

	for (i = 0; i < hunt_n(r->hunt); i++) {
		const struct target *t = hunt_target(r->hunt, i);

		if (t->state == TARGET_TRIED || t->state == TARGET_HUNTED)
			report_count(&r->report, &t->connection, hunt_killed(t));
	}
	r->report.n_segments = hunt_n_sent(r->hunt);
}

static int play_round(struct resetter *r)
{
	unsigned n;
	int rc;

	/* Without a new choice the marks are those of the last round: they are counted. */
	rc = choose(r, &n);
	if (rc)
		return refused(r, rc);
	rc = n ? hunt_down(r) : 0;
	count(r);
	return rc ? refused(r, rc) : 0;
}

/* Hears who is there before the first round. */
static int listen_first(struct resetter *r)
{
	uint64_t until = clock_now_ns() + r->options.listen_ms * CLOCK_MS;
	enum pace_event event;
	int rc = 0;

	if (!r->options.interface)
		return 0;
	do {
		event = pace_wait_in_round(&r->pace, hunt_fd(r->hunt), until);
		if (event == PACE_READABLE)
			rc = hunt_see(r->hunt);
	} while (!rc && event == PACE_READABLE);
	return rc ? refused(r, rc) : 0;
}

static int turn(struct resetter *r)
{
	int fd = r->options.interface ? hunt_fd(r->hunt) : -1, rc;

	for (;;) {
		rc = report_progress(&r->report);
		if (rc || report_is_enough(&r->report))
			return rc;
		switch (pace_wait(&r->pace, fd, report_deadline(&r->report))) {
		case PACE_ROUND:
			rc = play_round(r);
			break;
		case PACE_READABLE:
			rc = hunt_see(r->hunt);
			rc = rc ? refused(r, rc) : 0;
			break;
		case PACE_TIME:
			break;
		case PACE_OVER:
			return 0;
		}
		if (rc)
			return rc;
	}
}

static int open_all(struct resetter *r)
{
	int rc;

	rc = hunt_open(&r->options.filter, r->options.interface, ORDERS_TARGETS_MAX, &r->hunt);
	if (!rc)
		rc = pace_open(&r->pace, r->options.every_ms, r->options.for_ms, r->options.seed);
	if (rc)
		return refused(r, rc);
	report_init(&r->report, "reset", &r->options, &r->pace);
	return 0;
}

static int run(struct resetter *r)
{
	int rc;

	rc = listen_first(r);
	if (!rc)
		rc = turn(r);
	if (hunt_send_error(r->hunt))
		say(SINEW_WARNING, "some forged segments could not be sent: %s",
		    strerror(-hunt_send_error(r->hunt)));
	return report_finish(&r->report, rc);
}

static int list(struct resetter *r)
{
	struct diag_connection *found;
	unsigned i, n, n_left_out;
	int rc;

	rc = listen_first(r);
	if (rc)
		return rc;
	rc = hunt_gather(r->hunt, &n, &n_left_out);
	if (rc)
		return refused(r, rc);
	found = calloc(n + 1, sizeof(*found));
	if (!found)
		return refused(r, -ENOMEM);
	for (i = 0; i < n; i++)
		found[i] = hunt_target(r->hunt, i)->connection;
	rc = report_list(&r->options, "reset", found, n, n_left_out);
	free(found);
	return rc;
}

/* Does the whole of it to a connection of our own. */
static int probe(struct resetter *r)
{
	struct self self;
	int rc;

	rc = self_open(&self, &r->options.filter);
	rc = rc ? refused(r, rc) : open_all(r);
	if (!rc) {
		pace_wait(&r->pace, -1, CLOCK_NEVER);
		rc = play_round(r);
	}
	if (!rc && self_error(&self) != ECONNRESET) {
		say(SINEW_ERROR, "a connection of our own was not reset: forged segments do not "
		    "arrive (a firewall?)");
		rc = BREAK_REFUSED;
	}
	self_close(&self);
	return rc ? rc : report_probe(&r->options, "reset");
}

static int do_as_ordered(struct resetter *r)
{
	int rc;

	rc = netns_enter(r->options.netns);
	if (rc)
		return rc;
	if (r->options.probe)
		return probe(r);
	rc = open_all(r);
	if (rc)
		return rc;
	return r->options.dry_run ? list(r) : run(r);
}

int reset_main(int argc, char **argv)
{
	struct resetter *r = calloc(1, sizeof(*r));
	int rc;

	say_prefix(mode.name);
	if (!r) {
		say(SINEW_ERROR, "out of memory");
		return BREAK_REFUSED;
	}
	r->pace.signal_fd = -1;
	rc = match_options_parse(&r->options, &mode, argc, argv);
	if (rc < 0)
		rc = do_as_ordered(r);
	pace_close(&r->pace);
	hunt_close(r->hunt);
	free(r);
	return rc;
}
