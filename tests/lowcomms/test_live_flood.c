/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two members exchange messages all the time while a process floods one of them, at a
 * thousand connections a second or as fast as it can. Owns what that may cost them: rate,
 * memory, descriptors, log lines. Knows the flood only by its name (flood.h).
 *
 * test_live_flood [PART OF A NAME] runs some; LIVE_FULL=1: each lasts three times as long.
 */
/* run.sh: timeout=120 */
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/lib/cluster.h"
#include "tests/lib/flood.h"

#define SLICE_MS	100		/* of quiet, then of flood; LIVE_FULL: three times that */
#define SLICES		2
#define SLICES_MORE	12		/* at most, until the rate is sure */
#define WINDOW		48		/* messages under way in each direction */
#define MESSAGE		200
#define BREAKS_SLICE	2		/* their own link breaks, too, with and without flood */
#define BREAK_EVERY_MS	15		/* so early that the rest shows what piles up */
#define MEMORY		(32u << 20)
#define FDS_MORE	30		/* descriptors that a flood may cost */
#define LINES_MORE	150		/* log lines, whatever it does */
#define RATE_LEFT	0.5
#define LINGER_MS	1000

enum { VICTIM = 1, OTHER = 2, PEER = 3, STRANGER = 77 };

struct attack {
	const char *name;
	enum flood_kind kind;
	unsigned from;		/* last byte of its address */
	bool fences;		/* breaks the protocol as a peer again and again */
	bool external;		/* membership is not static */
};

static const struct attack attacks[] = {
	{ "silence", FLOOD_SILENT, OTHER, false, false },
	{ "garbage", FLOOD_GARBAGE, OTHER, false, false },
	{ "half a HELLO", FLOOD_HALF, OTHER, false, false },
	{ "another cluster", FLOOD_CLUSTER, OTHER, false, false },
	{ "nodeids out of the air", FLOOD_NODEIDS, OTHER, false, false },
	{ "incarnations out of the air", FLOOD_INCARNATIONS, OTHER, false, false },
	{ "incarnations that answer", FLOOD_HELD, OTHER, false, false },
	{ "forged refusals", FLOOD_REFUSALS, OTHER, false, false },
	{ "probes", FLOOD_PROBES, OTHER, false, false },
	{ "HELLOs and a reset", FLOOD_BURST, OTHER, false, false },
	{ "incarnations that membership does not know", FLOOD_INCARNATIONS, OTHER, false, true },
	{ "closed at once", FLOOD_RESET, OTHER, false, false },
	{ "a stranger", FLOOD_SILENT, STRANGER, false, false },
	{ "a stranger's garbage", FLOOD_GARBAGE, STRANGER, false, false },
	{ "peer: garbage at full speed", FLOOD_PEER_GARBAGE, PEER, true, false },
	{ "peer: numbers ahead", FLOOD_PEER_AHEAD, PEER, true, false },
	{ "peer: HELLO on a link that is up", FLOOD_PEER_HELLO, PEER, true, false },
	{ "peer: numbers that were", FLOOD_PEER_REPEAT, PEER, false, false },
	{ "peer: long messages of many incarnations", FLOOD_PEER_FRAGMENTS, PEER, false, false },
	{ "peer: ACKs at full speed", FLOOD_PEER_ACKS, PEER, false, false },
	{ "peer: STATUS at full speed", FLOOD_PEER_STATUS, PEER, false, false },
	{ "probes at full speed", FLOOD_PROBE_FAST, PEER, false, false },
};

struct cost {
	uint64_t messages;
	int64_t ns;		/* in which we ran, or had nothing to run for */
};

static struct flood flood;
static struct cluster *cluster;
static unsigned n_lines, slice_ms = SLICE_MS;
static bool culprit_named, external;
static char culprit[32];

/* ---- what it costs ---- */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/*
 * How long this thread was ready to run, but others had the processor. The rate is to judge
 * the node, not the scheduler. 0 where the kernel does not tell.
 */
static int64_t waited_ns(void)
{
	char text[100] = "";
	long long ran = 0, waited = 0;
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof text - 1) <= 0 ||
	    sscanf(text, "%lld %lld", &ran, &waited) != 2)
		waited = 0;
	close(fd);
	return waited;
}

/* ---- the two members ---- */

static void count_line(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	n_lines++;
	if (level <= SINEW_WARNING && strstr(line, culprit))
		culprit_named = true;
	if (getenv("TEST_LOG"))
		fprintf(stderr, "# %s: %s\n", sinew_level_name(level), line);
}

static void tune(struct sinew_options *o)
{
	o->node_memory = MEMORY;
	o->max_message = 1 << 20;
	o->queue_bytes = 1 << 20;
	o->backoff_min_ms = 1;
	o->backoff_max_ms = 50;
	o->membership = external ? SINEW_MEMBERSHIP_EXTERNAL : SINEW_MEMBERSHIP_STATIC;
	o->log = count_line;
	o->log_level = SINEW_INFO;
}

static bool set_up(void)
{
	struct sockaddr_storage peer = free_address("127.0.0.3");

	n_lines = 0;
	culprit_named = false;
	cluster = cluster_new(2, tune);
	cluster_talk(cluster, WINDOW, MESSAGE);
	CHECK_EQ(sinew_peer_add(cluster->t[VICTIM].n, PEER, &peer, 1), 0);
	for (unsigned i = VICTIM; i <= OTHER && external; i++)
		CHECK_EQ(sinew_peer_joined(cluster->t[i].n, 3 - i,
					   sinew_incarnation(cluster->t[3 - i].n)), 0);
	return DRIVE(cluster, cluster_all_up(cluster) && cluster_talked(cluster) > 4 * WINDOW);
}

/* The application has seen nothing, but perhaps that it should fence. */
static void tidy_up(const struct attack *a)
{
	cluster_is_whole(cluster, a->fences);	/* once for an incarnation */
	cluster_free(cluster);
}

/* ---- measuring ---- */

static void run_slice(struct cost *sum, unsigned *ret_fds)
{
	int64_t began = now_ns(), waited = waited_ns(), end = now_ms() + slice_ms;
	int64_t break_at = now_ms();
	uint64_t had = cluster_talked(cluster);
	unsigned turns = 0, breaks = 0, fds;

	while (now_ms() < end) {
		cluster_turn(cluster);
		if (turns++ % 64 == 0) {
			fds = n_descriptors();
			if (fds > *ret_fds)
				*ret_fds = fds;
		}
		if (breaks < BREAKS_SLICE && now_ms() >= break_at) {
			breaks++;
			sinew_break(cluster->t[VICTIM].n, OTHER);
			break_at += BREAK_EVERY_MS;
		}
	}
	sum->messages += cluster_talked(cluster) - had;
	sum->ns += now_ns() - began - (waited_ns() - waited);
}

static double rate(const struct cost *c)
{
	return c->ns > 0 ? (double)c->messages * 1e9 / (double)c->ns : 0;
}

static uint64_t end_flood(void)
{
	uint64_t n = 0;
	bool over = false;

	flood_stop(&flood);
	DRIVE(cluster, over || (over = flood_stopped(&flood, &n)));
	return n;
}

static void one(const struct attack *a)
{
	unsigned quiet_fds = 0, fds = 0;
	struct cost quiet = { 0 }, under = { 0 };
	uint64_t n_done = 0;
	double ratio = 0;
	long rss, grown;

	external = a->external;
	snprintf(culprit, sizeof culprit, "%saddr=127.0.0.%u:", a->fences ? "peer=3 " : "",
		 a->from);
	if (!set_up()) {
		cluster_free(cluster);
		return;
	}
	rss = status_kb("VmRSS:");
	for (unsigned i = 0; i < SLICES || (ratio < RATE_LEFT && i < SLICES_MORE); i++) {
		/* Then it burns as much of the processor, but elsewhere. */
		flood_begin(&flood, a->kind >= FLOOD_PEER_GARBAGE ? FLOOD_SINK : FLOOD_NONE, 0,
			    &cluster->t[VICTIM].addr);
		run_slice(&quiet, &quiet_fds);
		end_flood();
		flood_begin(&flood, a->kind, a->from, &cluster->t[VICTIM].addr);
		run_slice(&under, &fds);
		n_done += end_flood();
		ratio = rate(&under) / rate(&quiet);
	}
	if (a->fences) {
		/* On a busy machine it has not yet got so far. */
		flood_begin(&flood, a->kind, a->from, &cluster->t[VICTIM].addr);
		DRIVE(cluster, cluster->t[VICTIM].fences);
		end_flood();
	}
	grown = status_kb("VmRSS:") - rss;
	printf("# %-34s rate %6.0f/s of %6.0f/s, %.2f; %5llu times, memory %+5ld KiB, "
	       "descriptors %+d, log %u\n", a->name, rate(&under), rate(&quiet), ratio,
	       (unsigned long long)n_done, grown, (int)fds - (int)quiet_fds, n_lines);
	CHECK(ratio > RATE_LEFT);
	CHECK(grown < (long)(MEMORY >> 10));
	CHECK(fds < quiet_fds + FDS_MORE);
	CHECK(n_lines < LINES_MORE);
	CHECK(n_done > 0);
	if (a->kind != FLOOD_RESET && (a->from != PEER || a->fences))
		CHECK(culprit_named);
	tidy_up(a);
}

/* Both close while it goes on: all is delivered and acknowledged, and the linger time holds. */
static void closes_meanwhile(enum flood_kind kind, unsigned from)
{
	int64_t began;

	external = false;
	if (!set_up()) {
		cluster_free(cluster);
		return;
	}
	cluster->t[VICTIM].on_message = cluster->t[OTHER].on_message = NULL;
	flood_begin(&flood, kind, from, &cluster->t[VICTIM].addr);
	for (began = now_ms(); now_ms() < began + slice_ms; )
		cluster_turn(cluster);
	began = now_ms();
	for (unsigned i = VICTIM; i <= OTHER; i++)
		CHECK_EQ(sinew_close(cluster->t[i].n, LINGER_MS), 0);
	DRIVE(cluster, cluster->t[VICTIM].closed && cluster->t[OTHER].closed);
	printf("# closed after %llu ms, the linger time is %d\n",
	       (unsigned long long)(now_ms() - began), LINGER_MS);
	CHECK(now_ms() - began < 2 * LINGER_MS);
	for (unsigned i = VICTIM; i <= OTHER; i++) {
		CHECK_EQ(cluster->t[i].seen[3 - i].reason, SINEW_DOWN_CLOSED);
		CHECK_EQ(cluster->t[i].seen[3 - i].downs, 1);
	}
	end_flood();
	cluster_free(cluster);
}

static void closes_under_strange_incarnations(void)
{
	closes_meanwhile(FLOOD_INCARNATIONS, OTHER);
}

static void closes_under_refused_ones(void)
{
	closes_meanwhile(FLOOD_CLUSTER, OTHER);
}

static void closes_under_silent_ones(void)
{
	closes_meanwhile(FLOOD_SILENT, OTHER);
}

int main(int argc, char **argv)
{
	int status;

	flood_open(&flood);
	if (getenv("LIVE_FULL"))
		slice_ms *= 3;
	for (unsigned i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
		struct check_state *c = &check_state;

		if (argc > 1 && !strstr(attacks[i].name, argv[1]))
			continue;
		c->failures = 0;
		one(&attacks[i]);
		c->n_passed += !c->failures;
		c->n_failed += c->failures > 0;
		printf("%s - %s%s%s\n", c->failures ? "not ok" : "ok", attacks[i].name,
		       c->failures ? ": " : "", c->failures ? c->why : "");
		fflush(stdout);
	}
	if (argc == 1 || strcmp(argv[1], "closes") == 0) {
		RUN(closes_under_strange_incarnations);
		RUN(closes_under_refused_ones);
		RUN(closes_under_silent_ones);
	}
	flood_close(&flood);
	waitpid(flood.pid, &status, 0);
	return check_done();
}
