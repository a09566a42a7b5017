/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Those modes that hit whole connections: rounds, and what is done instead of them.
 * Knows nothing of how a connection is hit.
 */
#include "tools/break/match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/break/break.h"
#include "tools/break/netns.h"
#include "tools/break/report.h"
#include "tools/break/self.h"
#include "tools/random.h"
#include "tools/say.h"

/* Says why, if that is not yet said: an error that is an exit status. The exit status. */
static int refused(const struct match *m, int error)
{
	const struct match_method *method = m->method;

	if (error >= 0)
		return error;
	if (error == -EPERM || error == -EACCES)
		say(SINEW_ERROR, "%s is not permitted: %s; requires root (%s); "
		    BREAK_WITHOUT_ROOT, method->act, strerror(-error), method->capability);
	else if (error == -EOPNOTSUPP && method->unsupported)
		say(SINEW_ERROR, "%s", method->unsupported);
	else if (error == -ENETDOWN)
		say(SINEW_ERROR, "there is no loopback to try it on in this namespace: "
		    "\"ip link set lo up\" brings it up");
	else if (error == -ENODEV && m->options.interface)
		say(SINEW_ERROR, "--interface: there is no \"%.40s\" in this namespace; "
		    "\"ip link\" lists those that there are", m->options.interface);
	else
		say(SINEW_ERROR, "%s: %s", method->failed, strerror(-error));
	return error == -ENODEV ? BREAK_USAGE : BREAK_REFUSED;
}

/* ---- counting ---- */

static struct match_pair *pair_of(struct match *m, const struct diag_connection *c)
{
	const struct filter_address *a = &c->ends[0].address, *b = &c->ends[1].address;
	unsigned i;

	for (i = 0; i < m->n_pairs; i++)
		if (!filter_compare_addresses(&m->pairs[i].addresses[0], a) &&
		    !filter_compare_addresses(&m->pairs[i].addresses[1], b))
			return &m->pairs[i];
	if (m->n_pairs == MATCH_PAIRS_MAX)
		return NULL;
	m->n_pairs++;
	m->pairs[i] = (struct match_pair){ .addresses = { *a, *b } };
	return &m->pairs[i];
}

void match_count(struct match *m, const struct diag_connection *c, bool killed)
{
	struct match_pair *pair = pair_of(m, c);

	m->sum.n_tried++;
	m->sum.n_kills += killed;
	if (!pair)
		return;
	pair->counts.n_tried++;
	pair->counts.n_kills += killed;
}

bool match_is_enough(const struct match *m)
{
	return m->options.count && m->sum.n_kills >= m->options.count;
}

bool match_chance(struct match *m)
{
	/* The upper 53 bits as a number from 0 to 1. */
	return (double)(random_next(&m->draw) >> 11) / 9007199254740992.0 < m->options.probability;
}

/* ---- rounds ---- */

static int find(struct match *m)
{
	unsigned n_left_out = 0;
	int rc;

	rc = diag_collect(m->diag, &m->options.filter, m->found, MATCH_FOUND_MAX, &m->n_found,
			  &n_left_out);
	m->n_left_out += n_left_out;
	return rc || !m->method->add ? rc : m->method->add(m);
}

static int play_round(struct match *m)
{
	int rc = find(m);

	return rc ? rc : m->method->play(m);
}

static int play_rounds(struct match *m)
{
	int rc;

	for (;;) {
		rc = report_progress(m);
		if (rc || match_is_enough(m))
			return rc;
		switch (pace_wait(&m->pace, m->seen_fd, report_deadline(m))) {
		case PACE_ROUND:
			rc = play_round(m);
			break;
		case PACE_READABLE:
			rc = m->method->see(m);
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

/* ---- the command ---- */

static int open_all(struct match *m)
{
	int rc = diag_open(&m->diag);

	if (!rc)
		rc = pace_open(&m->pace, m->options.every_ms, m->options.for_ms);
	m->draw = m->options.seed;
	m->is_terminal = isatty(STDERR_FILENO);
	m->next_line_ns = m->pace.began_ns + CLOCK_S;
	if (rc)
		return rc;
	m->own = calloc(1, m->method->own_size);
	if (!m->own)
		return -ENOMEM;
	return m->method->open ? m->method->open(m) : 0;
}

/* Does the whole of it to a connection of our own. */
static int probe(struct match *m)
{
	struct self self;
	int rc;

	rc = self_open(&self, &m->options.filter);
	if (!rc)
		rc = open_all(m);
	if (!rc) {
		pace_wait(&m->pace, -1, CLOCK_NEVER);
		rc = play_round(m);
	}
	if (!rc && self_error(&self) != m->method->own_error) {
		say(SINEW_ERROR, "%s", m->method->unharmed);
		rc = BREAK_REFUSED;
	}
	self_close(&self);
	return rc ? refused(m, rc) : report_probe(m);
}

static int do_as_ordered(struct match *m)
{
	int rc;

	rc = netns_enter(m->options.netns);
	if (rc)
		return rc;
	if (m->options.probe)
		return probe(m);
	rc = open_all(m);
	if (rc)
		return refused(m, rc);
	if (!m->options.dry_run)
		return report_finish(m, refused(m, play_rounds(m)));
	rc = find(m);
	return rc ? refused(m, rc) : report_list(m);
}

int match_main(const struct match_method *method, int argc, char **argv)
{
	struct match *m = calloc(1, sizeof(*m));
	int rc;

	say_prefix(method->name);
	if (!m) {
		say(SINEW_ERROR, "out of memory");
		return BREAK_REFUSED;
	}
	m->method = method;
	m->seen_fd = m->pace.signal_fd = -1;
	rc = match_options_parse(&m->options, method, argc, argv);
	if (rc < 0)
		rc = do_as_ordered(m);
	if (m->own && method->close)
		method->close(m);
	free(m->own);
	pace_close(&m->pace);
	diag_close(m->diag);
	free(m);
	return rc;
}
