/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break destroy": the kernel destroys chosen connections, again and again.
 * Knows nothing of what goes over them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/break/break.h"
#include "tools/break/diag.h"
#include "tools/break/netns.h"
#include "tools/break/match_options.h"
#include "tools/break/pace.h"
#include "tools/break/report.h"
#include "tools/say.h"

#define REMEMBERED	4096	/* sockets whose other end was destroyed; a slot may be lost */

struct destroyer {
	struct match_options options;
	struct diag *diag;
	struct pace pace;
	struct report report;
	struct diag_connection found[ORDERS_TARGETS_MAX];
	unsigned n_found;
	uint64_t remembered[REMEMBERED];	/* cookies, each in its slot */
};

static const struct match_options_mode mode = {
	.name = "sinew break destroy",
	.usage =
		"usage: sinew break destroy --address A|--between A,B|--port P... [OPTION...]\n"
		"\n"
		"Destroys selected TCP connections in the kernel: the process at one end sees\n"
		"ECONNABORTED, the other end gets a reset. If both ends are on this machine, the\n"
		"one that is destroyed alternates by round.\n"
		"\n",
	.status =
		"Requires root (CAP_NET_ADMIN). Exit status: 0 connections killed (with --count:\n"
		"as many), 1 fewer or none, 2 usage, 3 not permitted or supported by the kernel.\n",
};

/* ---- sockets whose connection is dead already ---- */

static uint64_t cookie_of(const struct diag_socket *s)
{
	return (uint64_t)s->id.idiag_cookie[1] << 32 | s->id.idiag_cookie[0];
}

static bool is_remembered(const struct destroyer *d, const struct diag_socket *s)
{
	return s->is_there && d->remembered[cookie_of(s) % REMEMBERED] == cookie_of(s);
}

/* An end that has not yet heard of it is no new connection. */
static void remember(struct destroyer *d, const struct diag_connection *c)
{
	unsigned i;

	for (i = 0; i < 2; i++)
		if (c->sockets[i].is_there)
			d->remembered[cookie_of(&c->sockets[i]) % REMEMBERED] =
				cookie_of(&c->sockets[i]);
}

/* ---- rounds ---- */

static int refused(int rc)
{
	if (rc == -EPERM || rc == -EACCES)
		say(SINEW_ERROR, "destroying connections is not permitted: %s; requires "
		    "root (CAP_NET_ADMIN); " BREAK_WITHOUT_ROOT, strerror(-rc));
	else if (rc == -EOPNOTSUPP)
		say(SINEW_ERROR, "this kernel cannot destroy connections: it is built without "
		    "CONFIG_INET_DIAG_DESTROY; \"sinew break reset\" needs no such thing");
	else if (rc == -ENETDOWN)
		say(SINEW_ERROR, "there is no loopback to try it on in this namespace: "
		    "\"ip link set lo up\" brings it up");
	else
		say(SINEW_ERROR, "the kernel's socket diagnostics failed: %s", strerror(-rc));
	return BREAK_REFUSED;
}

static int collect(struct destroyer *d)
{
	unsigned n_left_out;
	int rc;

	rc = diag_collect(d->diag, &d->options.filter, d->found, ORDERS_TARGETS_MAX, &d->n_found,
			  &n_left_out);
	if (rc)
		return refused(rc);
	d->report.n_left_out += n_left_out;
	return 0;
}

/* The end that alternates by round; or that of the two which is here. */
static const struct diag_socket *end_of(const struct destroyer *d, const struct diag_connection *c)
{
	const struct diag_socket *s = &c->sockets[d->pace.n_rounds % 2];

	return s->is_there ? s : &c->sockets[(d->pace.n_rounds + 1) % 2];
}

static int hit(struct destroyer *d, const struct diag_connection *c)
{
	bool is_leftover = is_remembered(d, &c->sockets[0]) || is_remembered(d, &c->sockets[1]);
	int rc;

	if (!is_leftover && !pace_chance(&d->pace, d->options.probability))
		return 0;
	rc = diag_destroy(d->diag, end_of(d, c));
	if (rc && rc != -ENOENT)
		return refused(rc);
	if (is_leftover)
		return 0;
	report_count(&d->report, c, !rc);
	remember(d, c);
	return 0;
}

static int play_round(struct destroyer *d)
{
	unsigned i;
	int rc;

	rc = collect(d);
	for (i = 0; !rc && i < d->n_found && !report_is_enough(&d->report); i++)
		rc = hit(d, &d->found[i]);
	return rc;
}

static int run(struct destroyer *d)
{
	enum pace_event event = PACE_TIME;
	int rc;

	rc = pace_open(&d->pace, d->options.every_ms, d->options.for_ms, d->options.seed);
	if (rc) {
		say(SINEW_ERROR, "cannot start: %s", strerror(-rc));
		return BREAK_REFUSED;
	}
	report_init(&d->report, "destroy", &d->options, &d->pace);
	rc = report_progress(&d->report);
	while (!rc && event != PACE_OVER && !report_is_enough(&d->report)) {
		event = pace_wait(&d->pace, -1, report_deadline(&d->report));
		if (event == PACE_ROUND)
			rc = play_round(d);
		if (!rc)
			rc = report_progress(&d->report);
	}
	rc = report_finish(&d->report, rc);
	pace_close(&d->pace);
	return rc;
}

static int list(struct destroyer *d)
{
	int rc = collect(d);

	return rc ? rc : report_list(&d->options, "destroy", d->found, d->n_found,
				     (unsigned)d->report.n_left_out);
}

static int probe(const struct destroyer *d)
{
	int rc = diag_probe();

	return rc ? refused(rc) : report_probe(&d->options, "destroy");
}

int destroy_main(int argc, char **argv)
{
	struct destroyer *d = calloc(1, sizeof(*d));
	int rc;

	say_prefix(mode.name);
	if (!d) {
		say(SINEW_ERROR, "out of memory");
		return BREAK_REFUSED;
	}
	rc = match_options_parse(&d->options, &mode, argc, argv);
	if (rc >= 0)
		goto out;
	rc = netns_enter(d->options.netns);
	if (rc)
		goto out;
	if (d->options.probe) {
		rc = probe(d);
		goto out;
	}
	rc = diag_open(&d->diag);
	if (rc)
		rc = refused(rc);
	else
		rc = d->options.dry_run ? list(d) : run(d);
out:
	diag_close(d->diag);
	free(d);
	return rc;
}
