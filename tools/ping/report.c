/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output of "sinew ping": a line a try, a table or a document at the end.
 * Knows nothing of connections.
 */
#include "tools/ping/ping.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "membership/host.h"
#include "tools/clock.h"
#include "tools/json.h"
#include "tools/say.h"

#define SCHEMA	1
#define US	1000.0	/* in nanoseconds */

static uint64_t lost(const struct path *p)
{
	return p->asked - p->answered;
}

void ping_say(const struct ping *ping, const struct path *p, enum path_event event)
{
	char to[HOST_TEXT_MAX];

	host_text(&p->to, true, to);
	if (event == PATH_FAILED && !ping->is_stopped)
		say(SINEW_WARNING, "node %" PRIu32 " at %s: %s", p->nodeid, to, p->what);
	if (event != PATH_ANSWERED || ping->args.quiet || ping->args.json)
		return;
	printf("node %" PRIu32 " at %s: n=%" PRIu64 " time=%.1f us", p->nodeid, to, p->asked,
	       (double)p->rtt_ns / US);
	if (p->full_ns)
		printf(" full=%.1f us", (double)p->full_ns / US);
	putchar('\n');
	fflush(stdout);
}

static int print_table(const struct ping *ping)
{
	unsigned i;

	printf("%6s  %-24s %8s %8s %6s %10s %10s %10s %10s\n", "node", "address", "asked",
	       "answered", "lost", "min us", "median us", "p99 us", "max us");
	for (i = 0; i < ping->n_paths; i++) {
		const struct path *p = &ping->paths[i];
		char to[HOST_TEXT_MAX];

		printf("%6" PRIu32 "  %-24s %8" PRIu64 " %8" PRIu64 " %6" PRIu64, p->nodeid,
		       host_text(&p->to, true, to), p->asked, p->answered, lost(p));
		if (p->answered)
			printf(" %10.1f %10.1f %10.1f %10.1f\n", (double)p->rtt.min / US,
			       (double)histogram_quantile(&p->rtt, 500) / US,
			       (double)histogram_quantile(&p->rtt, 990) / US,
			       (double)p->rtt.max / US);
		else
			printf(" %10s %10s %10s %10s\n", "-", "-", "-", "-");
	}
	errno = EIO;
	return fflush(stdout) || ferror(stdout) ? -errno : 0;
}

static void fill_path(struct json_object *o, const struct path *p)
{
	char to[HOST_TEXT_MAX];

	json_put_number(o, "node", p->nodeid);
	json_put_string(o, "address", host_text(&p->to, true, to));
	json_put_number(o, "ring", p->ring);
	json_put_number(o, "asked", p->asked);
	json_put_number(o, "answered", p->answered);
	json_put_number(o, "lost", lost(p));
	json_put_number(o, "connects", p->connects);
	json_put_number(o, "full_asked", p->full_asked);
	json_put_number(o, "full_answered", p->full_answered);
	if (p->answered) {
		json_put_double(o, "min_us", (double)p->rtt.min / US);
		json_put_double(o, "median_us", (double)histogram_quantile(&p->rtt, 500) / US);
		json_put_double(o, "mean_us", (double)histogram_mean(&p->rtt) / US);
		json_put_double(o, "p99_us", (double)histogram_quantile(&p->rtt, 990) / US);
		json_put_double(o, "max_us", (double)p->rtt.max / US);
	}
	json_put_string(o, "error", p->what);
}

static int print_document(const struct ping *ping)
{
	struct json_object *o = json_document(SCHEMA);
	struct json_object *paths;
	unsigned i;
	int rc;

	json_put_string(o, "command", "ping");
	json_put_number(o, "node", ping->cluster.node);
	json_put_string(o, "cluster", sinew_config_cluster(ping->cluster.config));
	json_put_double(o, "seconds", (double)(clock_now_ns() - ping->began_ns) / CLOCK_S);
	paths = json_put_array(o, "paths");
	for (i = 0; i < ping->n_paths; i++)
		fill_path(json_element(paths), &ping->paths[i]);
	rc = json_print(o, stdout);
	json_free(o);
	return rc;
}

int ping_report(const struct ping *ping)
{
	return ping->args.json ? print_document(ping) : print_table(ping);
}
