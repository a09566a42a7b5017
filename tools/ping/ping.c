/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew ping": how long other nodes take to answer, over each of their addresses.
 * Knows nothing of the bytes on the wire.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "membership/host.h"
#include "tools/clock.h"
#include "tools/cluster.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/ping/path.h"
#include "tools/say.h"
#include "tools/signals.h"

#define INTERVAL_MS	1000
#define INTERVAL_MIN_MS	50	/* the other side answers 20 a second on a connection */
#define TIMEOUT_MS	2000
#define PADDED_INTERVAL_MS	1000	/* it answers one such a second */
#define SCHEMA		1
#define US		1000.0	/* in nanoseconds */

struct ping_arguments {
	struct cluster_arguments cluster;
	struct option_nodes to;
	uint64_t count;		/* PROBEs to each address; 0: until a signal */
	uint32_t interval_ms, timeout_ms;
	uint32_t size;		/* of a PROBE; 0: small ones and full ones */
	bool quiet, json;
};

struct ping {
	struct ping_arguments args;
	struct cluster cluster;
	struct paths paths;
	int signal_fd;
	bool is_stopped;
	bool is_unresolved;	/* a target has a host name without an address */
	uint64_t began_ns;
};

/* ---- command line ---- */

static const struct option_row rows[] = {
	CLUSTER_OPTIONS(struct ping_arguments, cluster,
			"own node in that file; its addresses are used as source"),
	OPTION_NODES("to", struct ping_arguments, to, "ID[,ID...] | all", "nodes to probe (all)"),
	OPTION_NUMBER("count", struct ping_arguments, count, 1, UINT32_MAX, "N",
		      "number of probes per address (default: until a signal)"),
	OPTION_SECONDS("interval", struct ping_arguments, interval_ms, INTERVAL_MIN_MS,
		       OPTIONS_SECONDS_MAX_MS, "seconds between two probes (1, at least 0.05)"),
	OPTION_NUMBER("size", struct ping_arguments, size, WIRE_PROBE_HEAD, WIRE_PROBE_MAX, "N",
		      "probes of N bytes (116 to 16384); default: a small one each\n"
		      "time, and one of 16384 bytes at most once per second"),
	OPTION_SECONDS("timeout", struct ping_arguments, timeout_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "seconds until a probe counts as lost (2)"),
	OPTION_FLAG("quiet", struct ping_arguments, quiet, "print only the table at the end"),
	OPTION_FLAG("json", struct ping_arguments, json,
		    "print one JSON document at the end instead"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew ping",
	.usage =
		"usage: sinew ping [--config FILE --node ID] [OPTION...]\n"
		"\n"
		"Probes other nodes over each of their addresses and prints the response times.\n"
		"Sessions are neither opened nor disturbed; the own node may be running or not.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 all probes answered, 1 some unanswered, 2 usage or configuration,\n"
		"3 an address answered none.\n",
};

static int parse(struct ping_arguments *args, int argc, char **argv)
{
	int status;

	*args = (struct ping_arguments){
		.cluster = { .level = SINEW_WARNING, .observes = true },
		.to = { .all = true },
		.interval_ms = INTERVAL_MS,
		.timeout_ms = TIMEOUT_MS,
	};
	status = options_parse(&table, args, argc, argv);
	if (status >= 0 || args->size <= WIRE_HELLO_MAX || args->interval_ms >= PADDED_INTERVAL_MS)
		return status;
	say(SINEW_ERROR, "--size over 512 needs an --interval of 1 or more: a node answers one "
	    "such probe per second");
	return STATUS_USAGE;
}

/* ---- start ---- */

static int add_targets(struct ping *ping)
{
	uint32_t ids[STATIC_NODES_MAX];
	unsigned n = sinew_config_nodes(ping->cluster.config, ids, STATIC_NODES_MAX), i;
	const uint32_t own = ping->cluster.node;
	char why[SINEW_CONFIG_ERROR_MAX];
	int rc = STATUS_OK;

	if (!ping->args.to.all) {
		n = ping->args.to.n;
		memcpy(ids, ping->args.to.ids, n * sizeof(ids[0]));
	}
	for (i = 0; i < n && !rc; i++) {
		if (ids[i] != own && sinew_config_unresolved(ping->cluster.config, ids[i], why,
							     sizeof(why))) {
			say(SINEW_WARNING, "%s", why);
			ping->is_unresolved = true;
		}
		if (ids[i] != own) {
			rc = paths_add(&ping->paths, ping->cluster.config, own, ids[i]);
		} else if (!ping->args.to.all) {
			say(SINEW_ERROR, "--to: node %" PRIu32 " is the own node", ids[i]);
			rc = STATUS_USAGE;
		}
	}
	if (!rc && !ping->paths.n) {
		say(SINEW_ERROR, "%s has no other node with an address",
		    ping->cluster.file ? ping->args.cluster.config : "corosync");
		rc = STATUS_USAGE;
	}
	return rc;
}

static int start(struct ping *ping)
{
	int rc;

	/* Blocked before the first thread starts, so that they all come by the descriptor. */
	rc = signals_start(0, &ping->signal_fd);
	if (!rc)
		rc = cluster_open(&ping->cluster, &ping->args.cluster, ping->signal_fd);
	if (!rc)
		rc = add_targets(ping);
	if (!rc)
		rc = paths_open(&ping->paths, ping->cluster.config, ping->cluster.node,
				ping->signal_fd);
	if (rc)
		return rc;
	for (unsigned i = 0; i < ping->paths.n; i++)
		ping->paths.list[i].size = ping->args.size;
	return STATUS_OK;
}

/* ---- output ---- */

static uint64_t lost(const struct path *p)
{
	return p->asked - p->answered;
}

static void tell(const struct ping *ping, const struct path *p, enum path_event event)
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

static void print_table(const struct ping *ping)
{
	unsigned i;

	printf("%6s  %-24s %8s %8s %6s %10s %10s %10s %10s\n", "node", "address", "asked",
	       "answered", "lost", "min us", "median us", "p99 us", "max us");
	for (i = 0; i < ping->paths.n; i++) {
		const struct path *p = &ping->paths.list[i];
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

static struct json_object *document_of(const struct ping *ping)
{
	struct json_object *o = json_document(SCHEMA);
	struct json_object *paths;
	unsigned i;

	json_put_string(o, "command", "ping");
	json_put_number(o, "node", ping->cluster.node);
	json_put_string(o, "cluster", sinew_config_cluster(ping->cluster.config));
	json_put_double(o, "seconds", (double)(clock_now_ns() - ping->began_ns) / CLOCK_S);
	paths = json_put_array(o, "paths");
	for (i = 0; i < ping->paths.n; i++)
		fill_path(json_element(paths), &ping->paths.list[i]);
	return o;
}

/* A table or a document. 0 or the negative errno of writing. */
static int report(const struct ping *ping)
{
	if (!ping->args.json)
		print_table(ping);
	return json_end(ping->args.json ? document_of(ping) : NULL);
}

/* ---- loop ---- */

/* Nothing more is asked of it. */
static bool is_done(const struct ping *ping, const struct path *p)
{
	return ping->is_stopped || (ping->args.count && p->asked >= ping->args.count);
}

static uint64_t next_ns(const struct ping *ping, const struct path *p)
{
	if (path_is_under_way(p))
		return p->began_ns + ping->args.timeout_ms * CLOCK_MS;
	if (is_done(ping, p))
		return CLOCK_NEVER;
	return p->asked ? p->began_ns + ping->args.interval_ms * CLOCK_MS : 0;
}

/* Work that is due without an event. */
static enum path_event turn(const struct ping *ping, struct path *p, uint64_t now_ns)
{
	if (now_ns < next_ns(ping, p))
		return PATH_NOTHING;
	if (path_is_under_way(p))
		return path_late(p, now_ns - p->began_ns);
	return is_done(ping, p) ? PATH_NOTHING : path_ask(p, now_ns);
}

/* A question that a signal cut off is not a lost one. */
static void stop(struct ping *ping)
{
	unsigned i;

	ping->is_stopped = true;
	for (i = 0; i < ping->paths.n; i++) {
		if (path_is_under_way(&ping->paths.list[i]))
			ping->paths.list[i].asked--;
		if (ping->paths.list[i].phase == PATH_ASKED_PADDED && !ping->paths.list[i].size)
			ping->paths.list[i].full_asked--;
		path_close(&ping->paths.list[i]);
	}
}

/* Until when nothing happens by itself; CLOCK_NEVER: all is done. */
static uint64_t deadline(const struct ping *ping)
{
	uint64_t until = CLOCK_NEVER, when;
	unsigned i;

	for (i = 0; i < ping->paths.n; i++) {
		when = next_ns(ping, &ping->paths.list[i]);
		if (when < until)
			until = when;
	}
	return until;
}

static void run(struct ping *ping)
{
	enum path_event event;
	uint64_t until;
	unsigned i;

	for (;;) {
		for (i = 0; i < ping->paths.n; i++) {
			event = turn(ping, &ping->paths.list[i], clock_now_ns());
			tell(ping, &ping->paths.list[i], event);
		}
		until = deadline(ping);
		if (until == CLOCK_NEVER)
			return;
		if (paths_wait(&ping->paths, until))
			stop(ping);
		for (i = 0; i < ping->paths.n && !ping->is_stopped; i++) {
			if (!path_has_events(&ping->paths.list[i]))
				continue;
			event = path_ready(&ping->paths.list[i], clock_now_ns());
			tell(ping, &ping->paths.list[i], event);
		}
	}
}

/* ---- end ---- */

static int status_of(const struct ping *ping)
{
	int status = STATUS_OK;
	unsigned i;

	if (ping->is_unresolved)
		return STATUS_NOT_UP;
	for (i = 0; i < ping->paths.n; i++) {
		const struct path *p = &ping->paths.list[i];

		if (p->asked && !p->answered)
			return STATUS_NOT_UP;
		if (p->answered < p->asked)
			status = STATUS_UNDELIVERED;
	}
	return status;
}

int ping_main(int argc, char **argv)
{
	struct ping ping = { .signal_fd = -1, .began_ns = clock_now_ns() };
	int status, rc;

	status = parse(&ping.args, argc, argv);
	if (status >= 0)
		return status;
	status = start(&ping);
	if (!status) {
		run(&ping);
		status = status_of(&ping);
		rc = report(&ping);
		if (rc) {
			say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
			status = STATUS_UNDELIVERED;
		}
	}
	paths_close(&ping.paths);
	if (ping.signal_fd >= 0)
		close(ping.signal_fd);
	cluster_close(&ping.cluster);
	return status;
}
